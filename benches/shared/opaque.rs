//! Keeping the compiler from working out before a loop what a caller works out each time.

use std::arch::asm;
use std::ptr;

/// The same reference, and the compiler can neither tell that it is nor what memory holds now.
///
/// Unlike `black_box`, which hands the reference over through memory: a store in a loop of a nanosecond is a guest that
/// the processor's prediction of which load takes from which store does not always take well.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a call would be what is measured")]
pub fn opaque<T>(reference: &T) -> &T {
    let mut pointer = ptr::from_ref(reference);
    // SAFETY: no instruction is emitted; the register keeps its value.
    unsafe { asm!("/* {0} */", inout(reg) pointer, options(nostack, preserves_flags)) };
    // SAFETY: it is the pointer of the reference, whose lifetime the result has.
    unsafe { &*pointer }
}
