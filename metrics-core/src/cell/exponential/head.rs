//! Which buckets there are on one side of zero.

/// The buckets of one copy on one side of zero: from `low` on, `used` of them, in a ring of cells, the first of them at
/// `first`. They are one number, so that whoever sees it sees all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Head(pub(super) u64);

const LOW: u32 = 0;
const USED: u32 = 32;
const FIRST: u32 = 40;
const SHIFT: u32 = 48;

#[expect(clippy::cast_possible_truncation, reason = "each part is as wide as what is taken")]
impl Head {
    pub(super) fn new(low: i32, used: usize, first: usize, shift: u32) -> Head {
        debug_assert!(used < 256 && first < 256 && shift < 256);
        let (used, first) = (used as u64, first as u64);
        Head(
            u64::from(low.cast_unsigned()) << LOW | used << USED | first << FIRST | u64::from(shift) << SHIFT,
        )
    }

    /// The index of the first bucket.
    #[inline]
    pub(super) fn low(self) -> i32 {
        ((self.0 >> LOW) as u32).cast_signed()
    }

    /// How many buckets there are from the first to the last; 0 where nothing was observed.
    #[inline]
    pub(super) fn used(self) -> u32 {
        u32::from((self.0 >> USED) as u8)
    }

    /// Where in the ring the first bucket is.
    #[inline]
    pub(super) fn first(self) -> u32 {
        u32::from((self.0 >> FIRST) as u8)
    }

    /// How many scales it is below the finest.
    #[inline]
    pub(super) fn shift(self) -> u32 {
        (self.0 >> SHIFT) as u32
    }
}
