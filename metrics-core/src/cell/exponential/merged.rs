//! All copies of one exponential histogram together.

use super::copy::{Copy, Read};
use super::shape::{MAX_SHIFT, Place, Shape, Side};
use crate::cell::page::Page;
use crate::collect::{ExponentialBuckets, ExponentialRange};

/// The exponential buckets of some series of one family.
#[derive(Debug, Default)]
pub(crate) struct Exponentials {
    series: Vec<Buckets>,
    counts: Vec<u64>,
    scratch: Scratch,
}

/// Those of one series.
#[derive(Debug, Clone, Copy, Default)]
struct Buckets {
    scale: i32,
    zero: u64,
    /// For either side: the index of the first bucket, and where the counts are.
    sides: [(i32, usize, usize); 2],
}

#[derive(Debug, Default)]
struct Scratch {
    read: Read,
    /// Counts by the bucket of the finest scale that they are in, or one that is in their bucket.
    found: [Vec<(i32, u64)>; 2],
}

impl Exponentials {
    pub(super) fn clear(&mut self) {
        self.series.clear();
        self.counts.clear();
    }

    /// Reads one series, whose cells begin at `slot` in each of the pages: its exponential buckets, and those of its
    /// explicit ones into `explicit`. Returns the sum.
    pub(super) fn read(
        &mut self,
        pages: impl Iterator<Item = &'static Page>,
        slot: u32,
        shape: &Shape,
        explicit: &mut [u64],
    ) -> f64 {
        let copies = pages.map(|page| Copy::new(page.cells(slot, shape.cells()), shape));
        self.read_copies(copies, shape, explicit)
    }

    pub(super) fn read_copies<'a>(
        &mut self,
        copies: impl Iterator<Item = Copy<'a>>,
        shape: &Shape,
        explicit: &mut [u64],
    ) -> f64 {
        explicit.fill(0);
        self.scratch.found.iter_mut().for_each(Vec::clear);
        let (mut sum, mut zero, mut shift) = (0.0, 0_u64, shape.first_shift);
        for copy in copies {
            copy.read(&mut self.scratch.read);
            sum += self.scratch.read.sum;
            let (more, lower) = self.scratch.add(shape, explicit);
            zero = zero.wrapping_add(more);
            shift = shift.max(lower);
        }
        let buckets = Buckets { scale: 0, zero, ..Buckets::default() };
        self.push(buckets, shift, shape);
        // Copies that are each in range can have a sum that is not.
        sum.clamp(f64::MIN, f64::MAX)
    }

    /// Puts together what was found, at a scale that all of it has room at.
    fn push(&mut self, mut buckets: Buckets, mut shift: u32, shape: &Shape) {
        let found = &self.scratch.found;
        let ends = found.each_ref().map(|found| {
            let indexes = || found.iter().map(|(index, _)| *index);
            indexes().min().zip(indexes().max())
        });
        let used = |shift: u32| {
            let used =
                ends.iter().flatten().map(|(low, high)| (high >> shift).abs_diff(low >> shift) as usize + 1);
            used.max().unwrap_or(0)
        };
        while shift < MAX_SHIFT && used(shift) > shape.limit(shift) {
            shift += 1;
        }
        for ((side, ends), found) in buckets.sides.iter_mut().zip(ends).zip(found) {
            let Some((low, high)) = ends else { continue };
            let (low, start) = (low >> shift, self.counts.len());
            let used = (high >> shift).abs_diff(low) as usize + 1;
            self.counts.resize(start + used, 0);
            for (index, count) in found {
                let place = &mut self.counts[start + (index >> shift).abs_diff(low) as usize];
                *place = place.wrapping_add(*count);
            }
            *side = (low, start, used);
        }
        buckets.scale = super::grid::FINEST.cast_signed() - shift.cast_signed();
        self.series.push(buckets);
    }

    /// The buckets of the series `at`.
    pub(crate) fn get(&self, at: usize, shape: &Shape) -> ExponentialBuckets<'_> {
        let Buckets { scale, zero, sides } = self.series[at];
        let [positive, negative] =
            sides.map(|(low, start, used)| ExponentialRange::new(low, &self.counts[start..][..used]));
        ExponentialBuckets::trusted(scale, (shape.zero_threshold(), zero), positive, negative)
    }
}

impl Scratch {
    /// Adds what was read of a copy to the explicit buckets and to what was found; returns how many observations count
    /// as zero, and how far below the finest the copy's scale is.
    fn add(&mut self, shape: &Shape, explicit: &mut [u64]) -> (u64, u32) {
        let Scratch { read, found } = self;
        let mut counts = read.counts.iter().copied();
        let mut zero = read.zero;
        let mut explicitly = |bucket: usize, count: u64| {
            explicit[bucket] = explicit[bucket].wrapping_add(count);
        };
        let bounds = shape.bounds().as_slice().len();
        for (bucket, count) in counts.by_ref().take(bounds).enumerate().filter(|(_, count)| *count > 0) {
            explicitly(bucket, count);
            match shape.place_of_bound(bucket) {
                Place::Zero => zero = zero.wrapping_add(count),
                Place::In(side, index) => found[side as usize].push((index, count)),
            }
        }
        explicitly(shape.bucket_of(Place::Zero, 0), read.zero);
        let mut shift = 0;
        for side in Side::BOTH {
            let head = read.heads[side as usize];
            if head.used() > 0 {
                shift = head.shift();
            }
            // All of the buckets that there are, the empty ones too: so the scale never rises again.
            for (index, count) in (head.low()..).zip(counts.by_ref().take(head.used() as usize)) {
                let place = index << head.shift();
                explicitly(shape.bucket_of(Place::In(side, place), head.shift()), count);
                found[side as usize].push((place, count));
            }
        }
        for side in Side::BOTH {
            let count = read.infinite[side as usize];
            if count > 0 {
                explicitly(if side == Side::Positive { bounds } else { 0 }, count);
                found[side as usize].push((read.infinite_buckets[side as usize], count));
            }
        }
        (zero, shift)
    }
}
