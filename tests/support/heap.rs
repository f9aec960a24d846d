//! What a test's process has on the heap. A test measures alone: what others allocate is counted with it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts what the process has on the heap, where it is the global allocator. The kernel's socket buffers and the threads' stacks are not there.
#[derive(Debug)]
pub struct CountingAllocator;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// ORDERING: Relaxed, counts that no other memory depends on; they are read by a thread that has waited for what it
// measures.
fn take(bytes: usize) {
    ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    PEAK.fetch_max(HELD.fetch_add(bytes, Ordering::Relaxed) + bytes, Ordering::Relaxed);
}

fn give_back(bytes: usize) {
    HELD.fetch_sub(bytes, Ordering::Relaxed);
}

// SAFETY: every call goes to the system's allocator as it came, and its answer comes back as it is.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        give_back(layout.size());
        // SAFETY: the caller keeps the contract of `dealloc`, and the memory came from `System`.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both at once, as where the block cannot grow in place.
        take(size);
        give_back(layout.size());
        // SAFETY: the caller keeps the contract of `realloc`, and the memory came from `System`.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// What was allocated since the measurement began.
#[derive(Debug)]
pub struct Measured {
    held: usize,
    allocations: usize,
}

impl Measured {
    /// Begins a measurement.
    #[must_use]
    pub fn start() -> Measured {
        let held = HELD.load(Ordering::Relaxed);
        PEAK.store(held, Ordering::Relaxed);
        Measured { held, allocations: ALLOCATIONS.load(Ordering::Relaxed) }
    }

    /// The most bytes that there were at once.
    #[must_use]
    pub fn peak(&self) -> usize {
        PEAK.load(Ordering::Relaxed) - self.held
    }

    /// How many bytes more there are than when it began.
    #[must_use]
    pub fn held(&self) -> usize {
        HELD.load(Ordering::Relaxed).saturating_sub(self.held)
    }

    /// How many times something was allocated.
    #[must_use]
    pub fn allocations(&self) -> usize {
        ALLOCATIONS.load(Ordering::Relaxed) - self.allocations
    }
}
