//! What a thread does once in each epoch.

use super::local::{self, STORE};
use super::page::CELLS;
use crate::sync::{Ordering, load_own};

/// Whether the calling thread has not had its turn in this epoch; it has had it then. Threads that have no cells of
/// their own have one turn together.
///
/// Epochs begin at 1: the cell of a new run says that nobody has had a turn.
#[cold]
pub(crate) fn take(slot: u32, epoch: u64) -> bool {
    // ORDERING: Relaxed throughout, the cell is its thread's own affair.
    match local::touch(slot) {
        Some(page) => {
            let cell = page.cell(slot);
            let is_new = load_own(cell) != epoch;
            if is_new {
                cell.store(epoch, Ordering::Relaxed);
            }
            is_new
        }
        None => STORE.base(slot as usize / CELLS).cell(slot).swap(epoch, Ordering::Relaxed) != epoch,
    }
}
