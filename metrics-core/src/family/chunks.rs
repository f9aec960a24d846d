//! A family's series, a few at a time.

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::slice;

use super::core::FamilyCore;
use super::order::{CursorId, Note, Reading};
use crate::metric::Metric;
use crate::reclaim;

/// How many series a reader gets at a time: enough to make the lock's cost small, few enough to hold it for a
/// microsecond or so.
const CHUNK: usize = 64;

/// Handles of a family's series, a chunk at a time, so that no lock is held while they are looked at.
///
/// The handles have no reference of their own: the table keeps a chunk's series until the next chunk is asked for.
pub(super) struct Chunks<M: Metric, C: Deref<Target = FamilyCore<M>>> {
    core: C,
    cursor: CursorId,
    handles: Vec<ManuallyDrop<M>>,
    notes: Vec<Note>,
}

impl<M: Metric, C: Deref<Target = FamilyCore<M>>> Chunks<M, C> {
    pub(super) fn new(core: C, reading: Reading) -> Chunks<M, C> {
        // What lookups kept from being freed when it was removed, in a family from which nothing was removed since.
        core.table().drain();
        // The thread's record, before there are locks under which the program's allocator would have to do without.
        drop(reclaim::enter());
        let cursor = core.table().begin(reading);
        Chunks { core, cursor, handles: Vec::new(), notes: Vec::new() }
    }

    /// The handles of the chunk that was asked for last.
    pub(super) fn handles(&self) -> &[M] {
        let first: *const M = self.handles.as_ptr().cast();
        // SAFETY: `ManuallyDrop<M>` is laid out as `M` is, and the borrow keeps the handles from being replaced.
        unsafe { slice::from_raw_parts(first, self.handles.len()) }
    }

    /// What there is to say of each.
    pub(super) fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Gets the next few; `None` when there are none.
    pub(super) fn next_chunk(&mut self) -> Option<&[M]> {
        self.handles.clear();
        self.notes.clear();
        let (handles, notes) = (&mut self.handles, &mut self.notes);
        let core = &*self.core;
        core.table().next_chunk(self.cursor, CHUNK, |series, note| {
            // SAFETY: the reference stays the table's, or becomes the cursor's when the series is removed: it outlives
            // the handle, which is replaced with its chunk.
            handles.push(unsafe { core.borrowed(series) });
            notes.push(note);
        });
        (!self.handles.is_empty()).then(|| self.handles())
    }
}

impl<M: Metric, C: Deref<Target = FamilyCore<M>>> Drop for Chunks<M, C> {
    fn drop(&mut self) {
        self.handles.clear();
        self.core.table().end(self.cursor);
    }
}
