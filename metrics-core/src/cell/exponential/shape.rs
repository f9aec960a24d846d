//! What a family's exponential histograms have alike: where the cells of one are, and which bucket is in which.

use super::grid::{self, FINEST};
use crate::cell::Bounds;
use crate::cell::page::CELLS;
use crate::collect::SCALES;
use crate::exponential::{ExponentialConfig, ExponentialError};

/// How many buckets there are on either side of zero at the lowest scale: that many a ring has room for at least.
const LOWEST: usize = 132;

/// By how many bits an index of the finest scale is shifted to be one of the lowest.
pub(super) const MAX_SHIFT: u32 = FINEST + SCALES.start().unsigned_abs();

// The cells of a histogram, from its first one on.

/// The sum.
pub(super) const SUM: usize = 0;
/// Odd while the cells are rewritten.
pub(super) const VERSION: usize = 1;
/// How many observations count as zero.
pub(super) const ZERO: usize = 2;
/// Which buckets above zero there are, as a [`Head`](super::head::Head).
pub(super) const POSITIVE: usize = 3;
/// Which buckets below zero there are.
pub(super) const NEGATIVE: usize = 4;
/// How many observations were `+Inf`, and then how many `-Inf`.
pub(super) const INFINITE: usize = 5;
/// The bucket of those, at the finest scale, for either; 0 where there are none.
pub(super) const INFINITE_BUCKETS: usize = 7;
/// Who may write to the copy that threads share.
pub(super) const LOCK: usize = 9;
/// Where the turns of threads begin.
pub(super) const TURNS: usize = 10;

/// A side of zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Positive,
    Negative,
}

impl Side {
    pub(super) const BOTH: [Side; 2] = [Side::Positive, Side::Negative];

    /// Where the head of its buckets is.
    pub(super) fn head(self) -> usize {
        match self {
            Side::Positive => POSITIVE,
            Side::Negative => NEGATIVE,
        }
    }
}

/// Where a value is: in which bucket of the finest scale, or near zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Zero,
    In(Side, i32),
}

impl Place {
    /// A number in the order of the values, for the bucket of the scale that is `shift` below the finest.
    fn rank(self, shift: u32) -> i32 {
        // Above every index.
        const ABOVE: i32 = 1 << 20;
        match self {
            Place::Zero => 0,
            Place::In(Side::Positive, index) => ABOVE + (index >> shift),
            Place::In(Side::Negative, index) => -ABOVE - (index >> shift),
        }
    }
}

/// What the exponential histograms of one family have alike.
///
/// Each observation is counted in one cell, which says both its exponential and its explicit bucket: so both hold the
/// same observations at every moment, whoever reads. For that, where an explicit bound is within an exponential bucket,
/// what is in that bucket and at or below the bound (and above the bound before it) has a cell of its own, the bound's
/// *part*; what is above all bounds in the bucket is in the bucket's own cell. When buckets are joined, a cell's
/// observations go where each of them would go now. Explicit counts are exact at every scale.
#[derive(Debug)]
pub(crate) struct Shape {
    /// What the fast way takes: positive values from here on.
    pub(super) least: f64,
    zero_threshold: f64,
    /// The explicit bounds that are shown, and where each of them is.
    bounds: Bounds,
    places: Box<[Place]>,
    /// The places of those that are positive, below every other for the rest: what the fast way compares with, and one
    /// more for what is above all bounds.
    pub(super) indexes: Box<[i32]>,
    /// Whether the bounds are there for formats that know no others: powers of two.
    pub(super) is_fallback: bool,
    pub(super) first_shift: u32,
    limit: usize,
    /// How many turns of threads there are.
    turns: usize,
    /// Where the parts begin; those of the bounds, in their order.
    pub(super) parts: usize,
    /// Where the buckets above zero begin, and behind them those below.
    pub(super) positive: usize,
    /// How many buckets there is room for on either side of zero.
    pub(super) ring: usize,
}

impl Shape {
    /// The shape of histograms with these explicit bounds; with none, those of the fallback are shown.
    pub(crate) fn try_new(config: &ExponentialConfig, bounds: Bounds) -> Result<Shape, ExponentialError> {
        config.check()?;
        let is_fallback = bounds.as_slice().is_empty();
        let bounds = if is_fallback { powers(config) } else { bounds };
        let mut shape = Shape::laid_out(config, bounds, is_fallback, config.bucket_limit.max(LOWEST));
        let bounds = shape.bounds.as_slice().len();
        let room = CELLS.saturating_sub(TURNS + 2 * shape.ring);
        if bounds > room {
            return Err(ExponentialError::Room { bounds, buckets: config.bucket_limit, most: room });
        }
        // A turn for each explicit bucket, if there is room.
        shape.move_by(room.saturating_sub(bounds).min(shape.bounds.buckets()));
        Ok(shape)
    }

    pub(super) fn laid_out(
        config: &ExponentialConfig,
        bounds: Bounds,
        is_fallback: bool,
        ring: usize,
    ) -> Shape {
        let threshold = config.zero_threshold;
        let places: Box<[Place]> =
            bounds.as_slice().iter().map(|&bound| place_of(bound, threshold)).collect();
        let index = |place: &Place| match *place {
            Place::In(Side::Positive, index) => index,
            _ => i32::MIN,
        };
        Shape {
            least: threshold.next_up().max(f64::MIN_POSITIVE),
            zero_threshold: threshold,
            indexes: places.iter().map(index).chain([i32::MIN]).collect(),
            is_fallback,
            first_shift: FINEST.saturating_add_signed(-config.scale),
            limit: config.bucket_limit,
            turns: 0,
            parts: TURNS,
            positive: TURNS + places.len(),
            ring,
            bounds,
            places,
        }
    }

    /// Makes room for so many turns.
    fn move_by(&mut self, turns: usize) {
        self.turns = turns;
        self.parts += turns;
        self.positive += turns;
    }

    /// How many cells a histogram has.
    pub(crate) fn cells(&self) -> usize {
        self.positive + 2 * self.ring
    }

    /// The cell of a thread's turn for an explicit bucket, if there are turns.
    pub(crate) fn turn(&self, bucket: u32) -> Option<u32> {
        let last = u32::try_from(self.turns).unwrap_or(0).checked_sub(1)?;
        Some(u32::try_from(TURNS).unwrap_or(0) + bucket.min(last))
    }

    /// The explicit bounds that are shown.
    pub(crate) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    pub(crate) fn zero_threshold(&self) -> f64 {
        self.zero_threshold
    }

    pub(crate) fn is_fallback(&self) -> bool {
        self.is_fallback
    }

    /// Where a value is that is finite.
    pub(super) fn place(&self, value: f64) -> Place {
        place_of(value, self.zero_threshold)
    }

    /// How many buckets there may be on either side of zero, from the first to the last.
    pub(super) fn limit(&self, shift: u32) -> usize {
        if shift < MAX_SHIFT { self.limit } else { self.ring }
    }

    /// Whether the only bound that can be in a bucket is its upper one, so that it has no part.
    fn is_aligned(&self, place: Place, shift: u32) -> bool {
        self.has_no_parts(shift) && place != Place::Zero
    }

    /// Whether no bucket on either side of zero has a part.
    #[inline]
    pub(super) fn has_no_parts(&self, shift: u32) -> bool {
        self.is_fallback && shift <= FINEST
    }

    /// Whether what is at this place and in this explicit bucket belongs to the part of the bucket's bound.
    pub(super) fn is_part(&self, place: Place, bucket: usize, shift: u32) -> bool {
        let bound = self.places.get(bucket);
        !self.is_aligned(place, shift) && bound.is_some_and(|bound| bound.rank(shift) == place.rank(shift))
    }

    /// The explicit bucket of what is in the own cell of a bucket, or in that of zero.
    pub(super) fn bucket_of(&self, place: Place, shift: u32) -> usize {
        let rank = place.rank(shift);
        // Where it is aligned, what is in the bucket is at or below the bound in it; elsewhere, above.
        let last = if self.is_aligned(place, shift) { rank - 1 } else { rank };
        self.places.partition_point(|bound| bound.rank(shift) <= last)
    }

    /// The place of a bound.
    pub(super) fn place_of_bound(&self, bucket: usize) -> Place {
        self.places[bucket]
    }

    /// The first cell of the buckets on a side.
    pub(super) fn first_of(&self, side: Side) -> usize {
        match side {
            Side::Positive => self.positive,
            Side::Negative => self.positive + self.ring,
        }
    }
}

fn place_of(value: f64, zero_threshold: f64) -> Place {
    let distance = value.abs();
    if distance <= zero_threshold {
        Place::Zero
    } else if value > 0.0 {
        Place::In(Side::Positive, grid::index(distance))
    } else {
        Place::In(Side::Negative, grid::index(distance))
    }
}

/// The bounds of the fallback, which was checked.
fn powers(config: &ExponentialConfig) -> Bounds {
    let powers: Vec<f64> = config.fallback.clone().map(|exponent| 2_f64.powi(exponent)).collect();
    Bounds::try_new(&powers).unwrap_or_default()
}
