//! All cells of the process: shared bases, every thread's pages, and the records of threads that have ended.

use std::ptr;

use super::memory;
use super::page::{CELLS, Page, PageList};
use super::record::{FreeList, Record};
use crate::sync::{AtomicPtr, AtomicU64, AtomicUsize, Ordering, load_own, ordering};

/// How many page indexes a chunk of the directory holds.
#[cfg(not(all(test, nilometer_loom)))]
const CHUNK: usize = 1024;
#[cfg(all(test, nilometer_loom))]
const CHUNK: usize = 1;

/// How many chunks the directory has: room for 2^31 cells.
#[cfg(not(all(test, nilometer_loom)))]
const CHUNKS: usize = 4096;
#[cfg(all(test, nilometer_loom))]
const CHUNKS: usize = 1;

/// How many page indexes there are.
pub(super) const INDEXES: usize = CHUNK * CHUNKS;

/// What there is of one page index.
#[derive(Debug)]
pub(super) struct Index {
    /// The cells that every thread can add to, with a read-modify-write; null until one has to.
    base: AtomicPtr<Page>,
    /// The pages that threads own.
    owned: PageList,
    #[cfg(all(test, nilometer_loom))]
    birth: crate::sync::Birth,
}

type Chunk = [Index; CHUNK];

/// The cells of all metrics.
///
/// A cell is a number, its slot; its value is the sum of the base's copy and of every thread's.
#[derive(Debug)]
pub(super) struct Store {
    directory: [AtomicPtr<Chunk>; CHUNKS],
    free: FreeList,
    /// How many more pages threads may own.
    pages_left: AtomicUsize,
}

impl Store {
    #[cfg(not(all(test, nilometer_loom)))]
    #[expect(
        clippy::large_stack_arrays,
        reason = "it is a static's value, made when the program is compiled"
    )]
    pub(super) const fn new(pages: usize) -> Store {
        Store {
            directory: [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS],
            free: FreeList::new(),
            pages_left: AtomicUsize::new(pages),
        }
    }

    #[cfg(all(test, nilometer_loom))]
    pub(super) fn new(pages: usize) -> Store {
        Store {
            directory: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
            free: FreeList::new(),
            pages_left: AtomicUsize::new(pages),
        }
    }

    /// A record for a thread that has none: one whose thread has ended, or a new one. `None` when the system has no
    /// memory left.
    pub(super) fn adopt(&self) -> Option<&'static Record> {
        self.free.pop().or_else(Record::allocate)
    }

    /// Takes back the record of a thread that ends.
    ///
    /// # Safety
    ///
    /// The caller owns the record, and does so no longer.
    pub(super) unsafe fn release(&self, record: &'static Record) {
        // SAFETY: the contract is the same.
        unsafe { self.free.push(record) };
    }

    /// The page of `index` that the owner of `record` writes to, made if it is not there; `None` when the budget or
    /// the system's memory is used up, and the shared cells have to do.
    ///
    /// # Safety
    ///
    /// The caller owns the record, and uses no table that it got before.
    pub(super) unsafe fn page(&self, record: &Record, index: usize) -> Option<&'static Page> {
        // SAFETY: the caller owns the record.
        if let Some(page) = unsafe { record.page(index) } {
            return Some(page);
        }
        let one_less = |left: usize| left.checked_sub(1);
        // ORDERING: Relaxed, the number alone is shared, and read-modify-writes of it never miss each other.
        self.pages_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).ok()?;
        let page = Page::allocate()?;
        // SAFETY: the caller owns the record. A page that finds no room in it is lost, when all memory is.
        if !unsafe { record.set_page(index, page) } {
            return None;
        }
        self.index(index).owned.push(page);
        Some(page)
    }

    /// The page of `index` that all threads share.
    pub(super) fn base(&self, index: usize) -> &'static Page {
        let base = &self.index(index).base;
        // ORDERING: Acquire, pairs with the Release below: who finds the page finds its zeros.
        let page = base.load(ordering!(Acquire, "shared_cells/base_load"));
        // SAFETY: a base is never freed.
        unsafe { page.as_ref() }.unwrap_or_else(|| Store::make_base(base))
    }

    #[cold]
    fn make_base(base: &AtomicPtr<Page>) -> &'static Page {
        // What cannot be counted for want of memory is not left out silently.
        let page = Page::allocate().unwrap_or_else(|| memory::exhausted());
        let new = ptr::from_ref(page).cast_mut();
        // ORDERING: Release, pairs with the Acquire in `base` and `copies`; Acquire on failure, for the page of whoever
        // was faster.
        let release = ordering!(Release, "shared_cells/base_publish");
        let acquire = ordering!(Acquire, "shared_cells/base_lost");
        match base.compare_exchange(ptr::null_mut(), new, release, acquire) {
            Ok(_) => page,
            Err(other) => {
                // SAFETY: it came from `zeroed`, and nobody else has seen it.
                unsafe { memory::discard(page) };
                // SAFETY: a base is never freed.
                unsafe { &*other }
            }
        }
    }

    /// Every copy of the cells of page `index`: the shared one, then those of threads.
    ///
    /// The order is the same each time: a copy that is new stands where nothing but a zero stood.
    pub(super) fn copies(&self, index: usize) -> impl Iterator<Item = &'static Page> + Clone + use<> {
        let index = self.index(index);
        // ORDERING: Acquire, pairs with the Release in `make_base`.
        let base = index.base.load(ordering!(Acquire, "shared_cells/base_read"));
        // SAFETY: a base is never freed.
        unsafe { base.as_ref() }.into_iter().chain(index.owned.iter())
    }

    /// What there is of page `index`, which is below [`INDEXES`].
    fn index(&self, index: usize) -> &'static Index {
        let entry = &self.directory[index / CHUNK];
        // ORDERING: Acquire, pairs with the Release below: who finds the chunk finds its zeros.
        let chunk = entry.load(ordering!(Acquire, "first_touch/chunk_load"));
        // SAFETY: chunks are never freed.
        let chunk = unsafe { chunk.as_ref() }.unwrap_or_else(|| Store::make_chunk(entry));
        #[cfg(all(test, nilometer_loom))]
        chunk[index % CHUNK].birth.check();
        &chunk[index % CHUNK]
    }

    #[cold]
    fn make_chunk(entry: &AtomicPtr<Chunk>) -> &'static Chunk {
        let chunk = allocate_chunk().unwrap_or_else(|| memory::exhausted());
        let new = ptr::from_ref(chunk).cast_mut();
        // ORDERING: as in `make_base`.
        let release = ordering!(Release, "first_touch/chunk_publish");
        let acquire = ordering!(Acquire, "first_touch/chunk_lost");
        match entry.compare_exchange(ptr::null_mut(), new, release, acquire) {
            Ok(_) => chunk,
            Err(other) => {
                // SAFETY: it came from `zeroed`, and nobody else has seen it.
                unsafe { memory::discard(chunk) };
                // SAFETY: chunks are never freed.
                unsafe { &*other }
            }
        }
    }

    /// Sets every copy of a run's cells to zero.
    ///
    /// Nobody records into the run: its last handle is gone, which happened before, and its next one is not there yet,
    /// which happens after. A reader that goes over the whole page may see anything there, and asks for nothing.
    pub(super) fn clear(&self, slot: u32, len: usize) {
        for page in self.copies(slot as usize / CELLS) {
            for cell in page.cells(slot, len) {
                // ORDERING: Relaxed, what publishes the run's next handle publishes it.
                cell.store(0, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(not(all(test, nilometer_loom)))]
fn allocate_chunk() -> Option<&'static Chunk> {
    // SAFETY: all zeros are null pointers, which a chunk starts with.
    unsafe { memory::zeroed() }
}

#[cfg(all(test, nilometer_loom))]
#[expect(clippy::unnecessary_wraps, reason = "the other one can fail")]
fn allocate_chunk() -> Option<&'static Chunk> {
    let empty = || Index {
        base: AtomicPtr::new(ptr::null_mut()),
        owned: PageList::new(),
        birth: crate::sync::Birth::new(),
    };
    Some(Box::leak(Box::new(std::array::from_fn(|_| empty()))))
}

/// Adds to a cell that the calling thread owns.
///
/// Nobody else writes it: the load sees this thread's last store, or that of the owner before, whom the free list's lock
/// puts before.
#[inline]
pub(super) fn add_owned(cell: &AtomicU64, delta: u64, ordering: Ordering) {
    cell.store(load_own(cell).wrapping_add(delta), ordering);
}
