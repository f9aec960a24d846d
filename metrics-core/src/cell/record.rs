//! What one thread owns: its pages, by index.

use super::memory::Array;
use super::page::Page;
use crate::sync::{Exclusive, Lock};

/// A thread's pages. A record outlives its thread: the next thread adopts it, cells and all. Nothing is ever folded or
/// moved, so no count can be missing or doubled while a thread ends, and a sum adds the same cells in the same order.
#[derive(Debug)]
pub(super) struct Record {
    /// Reached by the thread that owns the record alone; the free list hands it on.
    owned: Exclusive<Owned>,
}

#[derive(Debug)]
struct Owned {
    /// Null where there is no page yet.
    pages: Array<*const Page>,
    /// The next record of the free list, while this one is in it.
    next: Option<&'static Record>,
}

// SAFETY: `owned` is reached by one thread at a time, the owner, and owners follow each other through the free list,
// whose lock orders them. Pages are shared, and made of atomics.
unsafe impl Send for Record {}
// SAFETY: as above.
unsafe impl Sync for Record {}

/// Where a record's pages are, until one is added.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageTable {
    pub(super) first: *const *const Page,
    pub(super) len: usize,
}

impl PageTable {
    pub(super) const EMPTY: PageTable = PageTable { first: std::ptr::null(), len: 0 };
}

impl Record {
    /// A new record without pages, or `None` when the system has no memory left.
    #[cfg(not(all(test, nilometer_loom)))]
    pub(super) fn allocate() -> Option<&'static Record> {
        // SAFETY: zeros are no next record, and an array without items: a null pointer and two zeros.
        unsafe { super::memory::zeroed() }
    }

    #[cfg(all(test, nilometer_loom))]
    #[expect(clippy::unnecessary_wraps, reason = "the other one can fail")]
    pub(super) fn allocate() -> Option<&'static Record> {
        let owned = Owned { pages: Array::new(), next: None };
        Some(Box::leak(Box::new(Record { owned: Exclusive::new(owned) })))
    }

    /// The table of pages.
    ///
    /// # Safety
    ///
    /// The caller owns the record: it adopted it and has not released it.
    pub(super) unsafe fn table(&self) -> PageTable {
        self.owned.with_mut(|owned| {
            // SAFETY: the owner alone reaches `owned`, by this method's contract.
            let owned = unsafe { &*owned };
            PageTable { first: owned.pages.as_ptr(), len: owned.pages.len() }
        })
    }

    /// The page of `index`, if there is one.
    ///
    /// # Safety
    ///
    /// As [`table`](Record::table).
    pub(super) unsafe fn page(&self, index: usize) -> Option<&'static Page> {
        // SAFETY: the caller owns the record.
        let PageTable { first, len } = unsafe { self.table() };
        if index >= len {
            return None;
        }
        // SAFETY: the index is inside the table.
        let place = unsafe { first.add(index) };
        // SAFETY: as above.
        let page = unsafe { *place };
        // SAFETY: a page is never freed.
        unsafe { page.as_ref() }
    }

    /// Puts `page` at `index`, growing the table as needed; `false` when the system has no memory left.
    ///
    /// # Safety
    ///
    /// As [`table`](Record::table), and the caller uses no table that it got before.
    pub(super) unsafe fn set_page(&self, index: usize, page: &'static Page) -> bool {
        self.owned.with_mut(|owned| {
            // SAFETY: the owner alone reaches `owned`, by this method's contract.
            let pages = unsafe { &mut (*owned).pages };
            while pages.len() <= index {
                if !pages.push(std::ptr::null()) {
                    return false;
                }
            }
            pages.set(index, page)
        })
    }
}

/// Records whose threads have ended, for the next ones to adopt.
///
/// A lock, since threads start and end seldom, and what a lock-free list would gain is lost again where its taker has
/// to keep others from finding it empty: each of them would make a record that the process never needed.
#[derive(Debug)]
pub(super) struct FreeList {
    first: Lock<Option<&'static Record>>,
}

impl FreeList {
    #[cfg(not(all(test, nilometer_loom)))]
    pub(super) const fn new() -> FreeList {
        FreeList { first: Lock::new("adoption/free_list", None) }
    }

    #[cfg(all(test, nilometer_loom))]
    pub(super) fn new() -> FreeList {
        FreeList { first: Lock::new("adoption/free_list", None) }
    }

    /// Hands a record on: the next owner sees its table of pages and every count of this one.
    ///
    /// # Safety
    ///
    /// The caller owns the record, and does so no longer.
    pub(super) unsafe fn push(&self, record: &'static Record) {
        self.first.with(|first| {
            record.owned.with_mut(|owned| {
                // SAFETY: the caller owned the record, by this method's contract.
                unsafe { (*owned).next = first.take() };
            });
            *first = Some(record);
        });
    }

    /// Adopts a record.
    pub(super) fn pop(&self) -> Option<&'static Record> {
        self.first.with(|first| {
            let record = first.take()?;
            // SAFETY: what is in the list has no owner but who takes it out.
            *first = record.owned.with_mut(|owned| unsafe { (*owned).next.take() });
            Some(record)
        })
    }
}
