//! Asking for memory before it is needed.

/// Asks for the cache line at `at`, and waits for nothing. The address need not be valid.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn prefetch<T>(at: *const T) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: every x86-64 processor has the instruction, which reads nothing that the program can tell and takes any
    // address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) };
}

/// Other processors find out by themselves.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub(crate) fn prefetch<T>(_: *const T) {}
