//! One thread's copies of consecutive cells.

use std::ptr;

use crate::sync::{AtomicPtr, AtomicU64, Ordering, ordering};

/// How many cells a page has: 4 KiB of them, room for the longest run that a histogram needs.
#[cfg(not(all(test, nilometer_loom)))]
pub(super) const CELLS: usize = 512;
#[cfg(all(test, nilometer_loom))]
pub(super) const CELLS: usize = 4;

// A run has one cell for each bucket, that of `+Inf` included, and one for the sum.
#[cfg(not(all(test, nilometer_loom)))]
const _: () = assert!(crate::buckets::MAX_BOUNDS + 2 <= CELLS, "a run fits in a page");

/// A page of cells. Its owner alone writes them, all readers read them; it is never freed.
///
/// Aligned so that no two pages share a cache line, nor the pair of lines that a prefetcher takes together.
#[repr(align(128))]
#[derive(Debug)]
pub(super) struct Page {
    cells: [AtomicU64; CELLS],
    /// The page of the same index that was published before this one; written before this one is, and never again.
    next: AtomicPtr<Page>,
    #[cfg(all(test, nilometer_loom))]
    birth: crate::sync::Birth,
}

impl Page {
    /// A new page of zeros, or `None` when the system has no memory left.
    #[cfg(not(all(test, nilometer_loom)))]
    pub(super) fn allocate() -> Option<&'static Page> {
        // SAFETY: all zeros are the value 0 of its atomic integers and the null of its pointer.
        unsafe { super::memory::zeroed() }
    }

    #[cfg(all(test, nilometer_loom))]
    #[expect(clippy::unnecessary_wraps, reason = "the other one can fail")]
    pub(super) fn allocate() -> Option<&'static Page> {
        let cells = std::array::from_fn(|_| AtomicU64::new(0));
        Some(Box::leak(Box::new(Page {
            cells,
            next: AtomicPtr::new(ptr::null_mut()),
            birth: crate::sync::Birth::new(),
        })))
    }

    /// The cell of a slot, which is one of this page's index.
    #[inline]
    pub(super) fn cell(&self, slot: u32) -> &AtomicU64 {
        #[cfg(all(test, nilometer_loom))]
        self.birth.check();
        &self.cells[slot as usize % CELLS]
    }

    /// The cell at a place.
    ///
    /// # Safety
    ///
    /// `place` is less than [`CELLS`].
    #[inline]
    pub(super) unsafe fn cell_at(&self, place: usize) -> &AtomicU64 {
        #[cfg(all(test, nilometer_loom))]
        self.birth.check();
        // SAFETY: by this function's contract.
        unsafe { self.cells.get_unchecked(place) }
    }

    /// The cells of a run that begins at `slot`.
    ///
    /// # Safety
    ///
    /// There is a run of so many cells there: none goes past the end of its page.
    #[inline]
    pub(super) unsafe fn run(&self, slot: u32, len: usize) -> &[AtomicU64] {
        #[cfg(all(test, nilometer_loom))]
        self.birth.check();
        let first = slot as usize % CELLS;
        debug_assert!(first + len <= CELLS);
        // SAFETY: by this function's contract.
        unsafe { self.cells.get_unchecked(first..first + len) }
    }

    /// The cells of a run that begins at `slot`; no run goes past the end of its page.
    #[inline]
    pub(super) fn cells(&self, slot: u32, len: usize) -> &[AtomicU64] {
        #[cfg(all(test, nilometer_loom))]
        self.birth.check();
        &self.cells[slot as usize % CELLS..][..len]
    }
}

/// All pages of one index, over all threads: a list that only grows, at its front.
///
/// Readers go through it from the front. A page keeps its distance from the end for ever, so sums over the list add
/// the same cells in the same order each time, and one more page of zeros before them changes no sum.
#[derive(Debug)]
pub(super) struct PageList {
    head: AtomicPtr<Page>,
}

impl PageList {
    #[cfg(all(test, nilometer_loom))]
    pub(super) fn new() -> PageList {
        PageList { head: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Publishes a page.
    pub(super) fn push(&self, page: &'static Page) {
        let new = ptr::from_ref(page).cast_mut();
        // A guess; loading it first would hide the exchange's place among other threads' loads from loom.
        let mut head = ptr::null_mut();
        loop {
            // ORDERING: Relaxed, the exchange below publishes it.
            page.next.store(head, Ordering::Relaxed);
            // ORDERING: Release on success, pairs with the Acquire in `iter`: who finds the page finds its zeros and
            // its `next`. Every push continues the release sequences of those before it. Relaxed on failure, which
            // only starts the loop again.
            let release = ordering!(Release, "first_touch/page_push");
            match self.head.compare_exchange_weak(head, new, release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// The pages that are published, the newest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &'static Page> + Clone + use<> {
        // ORDERING: Acquire, pairs with the Release in `push`.
        let mut next = self.head.load(ordering!(Acquire, "first_touch/page_iter"));
        std::iter::from_fn(move || {
            // SAFETY: only pages that live for ever are pushed, and the pointer was acquired.
            let page: &'static Page = unsafe { next.as_ref() }?;
            // ORDERING: Relaxed, written before the page was published, which was acquired above.
            next = page.next.load(Ordering::Relaxed);
            Some(page)
        })
    }
}
