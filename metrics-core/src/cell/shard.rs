//! Which copy of a cell a thread writes.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most copies of one cell: past it, memory would cost more than sharing a cache line does.
const MAX_SHARDS: usize = 16;

/// How many copies each cell has: as many as threads can run at once, as a power of two.
pub(super) static SHARDS: LazyLock<usize> = LazyLock::new(|| {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    threads.next_power_of_two().min(MAX_SHARDS)
});

/// The calling thread's copy, of `count`, which is a power of two.
#[inline]
pub(super) fn current(count: usize) -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        // ORDERING: Relaxed, threads only have to get different numbers.
        static THREAD: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    // A thread whose locals are gone shares the first copy: slower, never wrong.
    THREAD.try_with(|thread| thread & (count - 1)).unwrap_or(0)
}
