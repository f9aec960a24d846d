//! One copy of the cells of an exponential histogram: a thread's own, or the one that threads share.

use super::grid::{self, FINEST};
use super::head::Head;
use super::shape::{
    INFINITE, INFINITE_BUCKETS, LOCK, MAX_SHIFT, POSITIVE, Place, SUM, Shape, Side, VERSION, ZERO,
};
use crate::cell::store::add_owned;
use crate::sync::{AtomicU64, Ordering, load_own, ordering};

/// The cells, and what says which is which.
///
/// One thread at a time writes to it: its owner, or whoever has its lock ([`locked`](Copy::locked)). The protocol:
///
/// - An observation is added to the sum, and then to one other cell, with Release; who reads that cell, with Acquire,
///   sees the sum. If its bucket was not one of those that there are, the head that has it comes before.
/// - A head changes without moving a bucket: buckets are added at either end, in cells that are zero. So whichever head
///   a reader has seen, each cell of its buckets is that bucket's, until the next rewriting.
/// - A rewriting joins buckets. It makes the version odd before and even after, and stores every cell with Release; who
///   has read one of those with Acquire, and then the version, finds another one than before, and reads again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copy<'a> {
    cells: &'a [AtomicU64],
    shape: &'a Shape,
}

/// The most cells that are rewritten: the parts, and two rings.
#[cfg(not(all(test, nilometer_loom)))]
const MOST: usize = crate::cell::page::CELLS;
#[cfg(all(test, nilometer_loom))]
const MOST: usize = 16;

impl<'a> Copy<'a> {
    pub(super) fn new(cells: &'a [AtomicU64], shape: &'a Shape) -> Copy<'a> {
        debug_assert_eq!(cells.len(), shape.cells());
        Copy { cells, shape }
    }

    #[cfg(test)]
    pub(super) fn shape(self) -> &'a Shape {
        self.shape
    }

    /// Observes a value of the most frequent sort, a positive one in a bucket that there is and that has no part, and says
    /// whether it has.
    ///
    /// PERF: `exponential/observe` in `benches/LEDGER.md`.
    #[inline]
    pub(super) fn observe_fast(self, value: f64) -> bool {
        let Some((cell, _, shift)) = self.find(value) else { return false };
        shift <= FINEST && self.add(cell, value)
    }

    /// The same for a histogram whose buckets have parts.
    #[inline]
    pub(super) fn observe_by_bounds(self, value: f64) -> bool {
        let shape = self.shape;
        let Some((mut cell, index, shift)) = self.find(value) else { return false };
        let bucket = shape.bounds().bucket(value) as usize;
        if shape.indexes[bucket] >> shift == index {
            cell = shape.parts + bucket;
        }
        self.add(cell, value)
    }

    /// The cell of the bucket of a positive value, if there is that bucket; its index, and by how much that is shifted.
    #[inline]
    fn find(self, value: f64) -> Option<(usize, i32, u32)> {
        // What is infinite seems to be in the last bucket, and is told by the sum.
        if value.is_nan() || value < self.shape.least {
            return None;
        }
        let head = Head(load_own(self.cell(POSITIVE)));
        let shift = head.shift();
        let index = grid::index_of_normal(value.to_bits()) >> shift;
        let after = index.wrapping_sub(head.low()).cast_unsigned();
        (after < head.used()).then(|| (self.ring_cell(Side::Positive, head, after), index, shift))
    }

    /// Adds a value to the sum, and one observation to a cell, unless the sum would be infinite.
    #[inline]
    fn add(self, cell: usize, value: f64) -> bool {
        let sum = f64::from_bits(load_own(self.cell(SUM))) + value;
        let is_in_range = sum < f64::INFINITY;
        if is_in_range {
            // ORDERING: Relaxed, the other cell publishes it.
            self.cell(SUM).store(sum.to_bits(), Ordering::Relaxed);
            self.count(cell);
        }
        is_in_range
    }

    /// A cell, by its place, which is below [`Shape::cells`].
    #[inline]
    fn cell(self, at: usize) -> &'a AtomicU64 {
        debug_assert!(at < self.cells.len());
        // SAFETY: there are as many cells as the shape says, by `new`. What is asked for is a fixed cell, all of which
        // are below the parts; a part, of which there is one for each bound; or one of a ring, by `ring_cell`.
        unsafe { self.cells.get_unchecked(at) }
    }

    /// Counts one observation in a cell.
    #[inline]
    fn count(self, cell: usize) {
        // ORDERING: Release, pairs with the Acquire in `read`: who sees this observation counted sees its value in the
        // sum, and the head that has its bucket.
        add_owned(self.cell(cell), 1, ordering!(Release, "exponential/count_store"));
    }

    /// The cell of the bucket that is so many after the first one.
    #[inline]
    fn ring_cell(self, side: Side, head: Head, after: u32) -> usize {
        let at = (head.first() + after) as usize;
        let ring = self.shape.ring;
        // Of a head, `first` is in the ring, and what is in use is no more than it.
        self.shape.first_of(side) + if at >= ring { at - ring } else { at }
    }

    /// Observes any value but NaN.
    pub(super) fn observe(self, value: f64) {
        let shape = self.shape;
        let side = if value > 0.0 { Side::Positive } else { Side::Negative };
        if value.is_infinite() {
            self.pin(side);
            return self.count(INFINITE + usize::from(side == Side::Negative));
        }
        let place = shape.place(value);
        let cell = match place {
            Place::Zero => ZERO,
            Place::In(side, index) => {
                let (head, after) = self.reach(side, index);
                self.ring_cell(side, head, after)
            }
        };
        let bucket = shape.bounds().bucket(value) as usize;
        let cell = if shape.is_part(place, bucket, self.shift()) { shape.parts + bucket } else { cell };
        let sum = f64::from_bits(load_own(&self.cells[SUM])) + value;
        // ORDERING: as in `observe_fast`. One that leaves the range of `f64` stays at its end.
        self.cells[SUM].store(sum.clamp(f64::MIN, f64::MAX).to_bits(), Ordering::Relaxed);
        self.count(cell);
    }

    fn head(self, side: Side) -> Head {
        Head(load_own(&self.cells[side.head()]))
    }

    /// How many scales below the finest the copy is.
    fn shift(self) -> u32 {
        let heads = Side::BOTH.map(|side| self.head(side));
        let used = heads.into_iter().filter(|head| head.used() > 0).map(Head::shift);
        used.max().unwrap_or(self.shape.first_shift)
    }

    /// Says which bucket infinite observations are in: the outermost one that there is, or that of 1 where there is none;
    /// for good, so that it does not go down when there is another.
    fn pin(self, side: Side) {
        let head = self.head(side);
        let cell = &self.cells[INFINITE_BUCKETS + usize::from(side == Side::Negative)];
        if load_own(cell) == 0 {
            let last = head.low() + head.used().cast_signed() - 1;
            let index = if head.used() > 0 { last << head.shift() } else { BUCKET_OF_ONE };
            // ORDERING: Relaxed, what is counted next publishes it.
            cell.store(pinned(index), Ordering::Relaxed);
        }
    }

    /// Makes a bucket of the finest scale one of those that there are, at whatever scale has room for it. Returns the
    /// head, and how many buckets after the first one it is.
    fn reach(self, side: Side, index: i32) -> (Head, u32) {
        let shape = self.shape;
        let mut shift = self.shift();
        loop {
            let head = self.head(side);
            let wanted = index >> shift;
            let (low, high) = match head.used() {
                0 => (wanted, wanted),
                used => (head.low().min(wanted), (head.low() + used.cast_signed() - 1).max(wanted)),
            };
            let used = high.abs_diff(low) as usize + 1;
            if used <= shape.limit(shift) {
                let back = if head.used() > 0 { head.low().abs_diff(low) as usize } else { 0 };
                let first = (head.first() as usize + shape.ring - back) % shape.ring;
                let reached = Head::new(low, used, first, shift);
                if reached != head {
                    // ORDERING: Relaxed, the observation that comes next publishes it.
                    self.cells[side.head()].store(reached.0, Ordering::Relaxed);
                }
                return (reached, wanted.abs_diff(low));
            }
            debug_assert!(shift < MAX_SHIFT);
            // As many scales at once as it takes.
            let mut to = shift + 1;
            while to < MAX_SHIFT && fewer(low, high, to - shift) > shape.limit(to) {
                to += 1;
            }
            self.join(shift, to);
            shift = to;
        }
    }

    /// Joins buckets, from one scale to another that is lower, both said by how far they are below the finest.
    #[cold]
    fn join(self, from: u32, to: u32) {
        let Copy { cells, shape } = self;
        let mut joined = [0_u64; MOST];
        let mut heads = Side::BOTH.map(|side| self.head(side));
        // The parts of the bounds stay, and get what was in the other cells of their buckets.
        let parts = shape.parts..shape.positive;
        for (part, cell) in joined[parts.clone()].iter_mut().zip(&cells[parts]) {
            *part = load_own(cell);
        }
        for (side, head) in Side::BOTH.into_iter().zip(&mut heads) {
            let before = *head;
            if before.used() == 0 {
                continue;
            }
            let by = to - from;
            let low = before.low() >> by;
            let used = fewer(before.low(), before.low() + before.used().cast_signed() - 1, by);
            *head = Head::new(low, used, 0, to);
            for (index, after) in (before.low()..).zip(0..before.used()) {
                let count = load_own(&cells[self.ring_cell(side, before, after)]);
                if count > 0 {
                    let place = Place::In(side, index << from);
                    let bucket = shape.bucket_of(place, from);
                    let cell = if shape.is_part(place, bucket, to) {
                        shape.parts + bucket
                    } else {
                        shape.first_of(side) + (index >> by).abs_diff(low) as usize
                    };
                    joined[cell] = joined[cell].wrapping_add(count);
                }
            }
        }
        self.rewrite(&joined, heads);
    }

    fn rewrite(self, joined: &[u64; MOST], heads: [Head; 2]) {
        let Copy { cells, shape } = self;
        let version = load_own(&cells[VERSION]);
        // ORDERING: Relaxed, the Release of every store below publishes it.
        cells[VERSION].store(version.wrapping_add(1), Ordering::Relaxed);
        for (cell, &count) in cells.iter().zip(joined).skip(shape.parts) {
            if load_own(cell) != count {
                // ORDERING: Release, pairs with the Acquire in `read`: who reads this sees that the version is odd.
                cell.store(count, ordering!(Release, "exponential_join/cell_store"));
            }
        }
        for (side, head) in Side::BOTH.into_iter().zip(heads) {
            // ORDERING: as above.
            cells[side.head()].store(head.0, ordering!(Release, "exponential_join/head_store"));
        }
        // ORDERING: Release, pairs with the Acquire in `read`: who sees it even again sees all of the above.
        cells[VERSION].store(version.wrapping_add(2), ordering!(Release, "exponential_join/version_store"));
    }

    /// Writes to the copy that threads share while no other thread does.
    ///
    /// Joining buckets changes all of them, which read-modify-writes by several threads at once cannot do: here, and
    /// here alone, one waits for another. Nothing is allocated or called meanwhile that could come back here.
    pub(super) fn locked(self, write: impl FnOnce(Copy<'a>)) {
        let lock = &self.cells[LOCK];
        // ORDERING: Acquire, pairs with the Release below: who has the lock sees what its last owner wrote.
        let acquire = ordering!(Acquire, "exponential_shared/lock");
        while lock.compare_exchange_weak(0, 1, acquire, Ordering::Relaxed).is_err() {
            crate::sync::wait();
        }
        write(self);
        // ORDERING: Release, pairs with the Acquire above.
        lock.store(0, ordering!(Release, "exponential_shared/unlock"));
    }

    /// Reads all of it, consistent with itself, into `read`, which is overwritten.
    pub(super) fn read(self, read: &mut Read) {
        let cells = self.cells;
        loop {
            // ORDERING: Acquire, pairs with the Release in `rewrite`: who sees that it is over sees all of it.
            let before = cells[VERSION].load(ordering!(Acquire, "exponential_join/version_load"));
            if before.is_multiple_of(2) {
                self.read_cells(read);
                // ORDERING: Relaxed, the loads of `read_cells` are Acquire, so this one comes after them.
                if cells[VERSION].load(Ordering::Relaxed) == before {
                    break;
                }
            }
            crate::sync::wait();
        }
        // ORDERING: Relaxed, after all that says how many observations there were, which is Acquire.
        read.sum = f64::from_bits(cells[SUM].load(Ordering::Relaxed));
    }

    fn read_cells(self, read: &mut Read) {
        let Copy { cells, shape } = self;
        // ORDERING: Acquire throughout, pairs with the Release in `count` and in `rewrite`.
        let count = |cell: usize| cells[cell].load(ordering!(Acquire, "exponential/count_load"));
        read.counts.clear();
        read.counts.extend((shape.parts..shape.positive).map(count));
        read.zero = count(ZERO);
        read.infinite = [count(INFINITE), count(INFINITE + 1)];
        for side in Side::BOTH {
            // ORDERING: Acquire, pairs with the Release in `rewrite`.
            let head = Head(cells[side.head()].load(ordering!(Acquire, "exponential_join/head_load")));
            read.heads[side as usize] = head;
            read.counts.extend((0..head.used()).map(|after| count(self.ring_cell(side, head, after))));
        }
        let bucket = |cell: usize| cells[cell].load(Ordering::Relaxed);
        // ORDERING: Relaxed, after the counts, which are Acquire.
        read.infinite_buckets = [bucket(INFINITE_BUCKETS), bucket(INFINITE_BUCKETS + 1)].map(unpinned);
    }
}

/// How many buckets those from `low` to `high` are when so many scales are taken off.
fn fewer(low: i32, high: i32, by: u32) -> usize {
    (high >> by).abs_diff(low >> by) as usize + 1
}

/// The bucket of the finest scale that 1 is in.
const BUCKET_OF_ONE: i32 = -1;

/// A bucket as a number that is not 0.
fn pinned(index: i32) -> u64 {
    u64::from(index.cast_unsigned()) | 1 << 32
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is the bucket")]
fn unpinned(number: u64) -> i32 {
    (number as u32).cast_signed()
}

/// What was read of one copy.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Those of the parts, of the buckets above zero that there are, and of those below.
    pub(super) counts: Vec<u64>,
    pub(super) zero: u64,
    pub(super) infinite: [u64; 2],
    /// Said where there are infinite ones.
    pub(super) infinite_buckets: [i32; 2],
    pub(super) heads: [Head; 2],
    pub(super) sum: f64,
}
