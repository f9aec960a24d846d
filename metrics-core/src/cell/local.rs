//! Which cells the calling thread owns.

use std::cell::Cell;

use super::page::{CELLS, Page};
use super::record::{PageTable, Record};
use super::store::Store;
use crate::sync::AtomicU64;

/// How much memory the cells that threads own may take together; past it, threads share cells.
const OWNED_BYTES: usize = 64 << 20;

/// All cells of the process. Slots are the process's and not a registry's, so that statics can have them.
#[cfg(not(all(test, nilometer_loom)))]
pub(super) static STORE: Store = Store::new(OWNED_BYTES / size_of::<Page>());
#[cfg(all(test, nilometer_loom))]
pub(super) static STORE: std::sync::LazyLock<Store> =
    std::sync::LazyLock::new(|| Store::new(OWNED_BYTES / size_of::<Page>()));

/// How many pages a thread finds in the thread-local itself, which takes 8 bytes for each: the cells that most programs
/// have all their metrics in. Others are one load further away.
const NEAR: usize = 64;

/// What a thread knows of its cells.
struct Local {
    /// The first pages of the record, null where there is none or no record to write to; and last a null, for what is
    /// not among the first.
    near: [Cell<*const Page>; NEAR + 1],
    /// The record's table of pages, empty while there is no record to write to.
    pages: Cell<PageTable>,
    record: Cell<Option<&'static Record>>,
    state: Cell<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The thread can have a record, if it does not have one yet.
    Ready,
    /// The thread is being given a record or a page. What it records meanwhile, because the program's allocator
    /// records, goes to the shared cells.
    Busy,
    /// The thread is ending and has released its record.
    Ended,
}

thread_local! {
    /// Constant and without a destructor: reading it is one instruction, and it can be read while the thread ends.
    static LOCAL: Local = const {
        Local {
            near: [const { Cell::new(std::ptr::null()) }; NEAR + 1],
            pages: Cell::new(PageTable::EMPTY),
            record: Cell::new(None),
            state: Cell::new(State::Ready),
        }
    };

    /// Its destructor releases the record. Set up where a thread records for the first time, and never looked at.
    static RELEASE: Release = const { Release };
}

struct Release;

impl Drop for Release {
    fn drop(&mut self) {
        LOCAL.with(|local| {
            // First of all: from here on, this thread writes to no cell of its own.
            local.pages.set(PageTable::EMPTY);
            for page in &local.near {
                page.set(std::ptr::null());
            }
            local.state.set(State::Ended);
            if let Some(record) = local.record.take() {
                // SAFETY: the record was this thread's, which forgot it just now.
                unsafe { STORE.release(record) };
            }
        });
    }
}

/// Where a thread finds the cell of a slot, worked out once.
///
/// PERF: `counter/inc` in `benches/LEDGER.md`. A handle has it beside the slot: a shift, a mask and the comparison with
/// the length of the table are a third of what counting takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Near {
    /// [`NEAR`] at most, where no page is.
    page: u16,
    /// Less than [`CELLS`].
    cell: u16,
}

impl Near {
    /// A slot that is not assigned, `u32::MAX`, is past every table.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "both are compared with what fits")]
    pub(crate) const fn of(slot: u32) -> Near {
        let page = slot as usize / CELLS;
        Near { page: if page < NEAR { page } else { NEAR } as u16, cell: (slot as usize % CELLS) as u16 }
    }

    /// The place where no page is.
    #[expect(clippy::cast_possible_truncation, reason = "there are fewer than 65,536")]
    pub(super) const NOWHERE: u16 = NEAR as u16;

    /// A slot whose page is to be looked for at this place: its own, or [`NOWHERE`](Near::NOWHERE), and no other.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a page has fewer than 65,536 cells")]
    pub(super) const fn at(place: u16, slot: u32) -> Near {
        debug_assert!(place as usize <= NEAR);
        Near { page: place, cell: (slot as usize % CELLS) as u16 }
    }

    /// Where its page is looked for.
    pub(super) const fn place(self) -> u16 {
        self.page
    }

    /// The calling thread's page that has the cell, if it is at hand.
    #[inline]
    pub(super) fn page(self) -> Option<&'static Page> {
        LOCAL.with(|local| {
            // SAFETY: there are `NEAR + 1` places, and the page is one of them: `of` and `at` make no other.
            let page = unsafe { local.near.get_unchecked(usize::from(self.page)) };
            // SAFETY: a page is never freed.
            unsafe { page.get().as_ref() }
        })
    }

    /// The cell, which `page` has.
    #[inline]
    pub(super) fn cell(self, page: &Page) -> &AtomicU64 {
        // SAFETY: pages have `CELLS` cells.
        unsafe { page.cell_at(usize::from(self.cell)) }
    }

    /// The cell so many places after it.
    #[inline]
    pub(super) fn cell_after(self, page: &Page, places: u32) -> &AtomicU64 {
        page.cell(u32::from(self.cell) + places)
    }
}

/// A page that is not among the first, or null.
fn far(local: &Local, index: usize) -> *const Page {
    let PageTable { first, len } = local.pages.get();
    if index >= len {
        return std::ptr::null();
    }
    // SAFETY: the index is inside the table, which stays where it is until this very thread adds a page.
    let place = unsafe { first.add(index) };
    // SAFETY: as above.
    unsafe { *place }
}

/// The calling thread's page that has the cell of `slot`, wherever it is, if it is there.
#[inline]
pub(super) fn find(slot: u32) -> Option<&'static Page> {
    Near::of(slot).page().or_else(|| {
        // SAFETY: a page is never freed.
        LOCAL.with(|local| unsafe { far(local, slot as usize / CELLS).as_ref() })
    })
}

/// The calling thread's page that has the cell of `slot`, wherever it is, made if it can be made.
///
/// `None` where the shared cells have to do: inside an allocation that this very function makes, while the thread
/// ends, past the budget, and without memory.
#[cold]
pub(super) fn touch(slot: u32) -> Option<&'static Page> {
    LOCAL.with(|local| {
        // SAFETY: a page is never freed.
        let page = unsafe { far(local, slot as usize / CELLS).as_ref() };
        if page.is_some() || local.state.get() != State::Ready {
            return page;
        }
        local.state.set(State::Busy);
        let page = make(local, slot as usize / CELLS);
        if local.state.get() == State::Busy {
            local.state.set(State::Ready);
        }
        page
    })
}

fn make(local: &Local, index: usize) -> Option<&'static Page> {
    let record = if let Some(record) = local.record.get() {
        record
    } else {
        // Before there is a record to release. It may allocate, and fails where the thread has run its destructor.
        if RELEASE.try_with(|_| ()).is_err() {
            local.state.set(State::Ended);
            return None;
        }
        let record = STORE.adopt()?;
        local.record.set(Some(record));
        record
    };
    // SAFETY: the record is this thread's, and its table is read anew below.
    let page = unsafe { STORE.page(record, index) };
    // SAFETY: the record is this thread's.
    let pages = unsafe { record.table() };
    local.pages.set(pages);
    // A record that was adopted has pages already.
    for (near, index) in local.near[..NEAR].iter().zip(0..pages.len) {
        near.set(far(local, index));
    }
    page
}
