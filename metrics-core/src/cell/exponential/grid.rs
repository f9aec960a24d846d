//! Which exponential bucket a value belongs to.
//!
//! Everything is worked out at the finest scale, where a power of two is [`PARTS`] buckets wide: a bucket of a scale
//! that is so much lower is the same number shifted to the right.

use super::roots::ROOTS;

/// The finest scale.
pub(super) const FINEST: u32 = 8;

/// How many buckets a power of two has at the finest scale.
const PARTS: i32 = 1 << FINEST;

/// How many bits of a mantissa lead to an entry of the table: with this many, no two roots share one.
const LEADING: u32 = 9;

const MANTISSA: u64 = (1 << 52) - 1;

/// For the leading bits of a mantissa: how many roots are below all that begins with them, in the upper 12 bits, and
/// the root after those, in the rest.
static TABLE: [u64; 1 << LEADING] = table();

const fn table() -> [u64; 1 << LEADING] {
    let mut table = [0; 1 << LEADING];
    let (mut leading, mut below) = (0, 0);
    while leading < table.len() {
        let start = (leading as u64) << (52 - LEADING);
        while below < ROOTS.len() && ROOTS[below] < start {
            below += 1;
        }
        // Nothing is above what stands after the last root.
        let next = if below < ROOTS.len() { ROOTS[below] } else { MANTISSA };
        table[leading] = (below as u64) << 52 | next;
        leading += 1;
    }
    table
}

/// The bucket at the finest scale of a value that is positive, finite and not subnormal, by its bits.
///
/// SPEC: Prometheus, "Native histograms", schema: the upper bound of a bucket is in it.
#[inline]
pub(super) fn index_of_normal(bits: u64) -> i32 {
    let exponent = (bits >> 52) as i32 - 1023;
    let mantissa = bits & MANTISSA;
    let entry = TABLE[(mantissa >> (52 - LEADING)) as usize];
    let below = (entry >> 52) as i32 + i32::from(entry & MANTISSA < mantissa);
    exponent * PARTS + below - 1
}

/// The bucket at the finest scale of a value that is positive and finite.
pub(super) fn index(value: f64) -> i32 {
    debug_assert!(value > 0.0 && value < f64::INFINITY);
    if value >= f64::MIN_POSITIVE {
        index_of_normal(value.to_bits())
    } else {
        index_of_normal((value * TWO_TO_54).to_bits()) - 54 * PARTS
    }
}

/// What makes a subnormal number a normal one, without a change to its digits.
const TWO_TO_54: f64 = f64::from_bits((1023 + 54) << 52);

/// The upper bound of a bucket of a scale: infinite for the bucket of the largest numbers that there are.
pub(crate) fn upper_bound(index: i64, scale: i32) -> f64 {
    let steps = (index + 1) << FINEST.saturating_add_signed(-scale);
    let root = steps.rem_euclid(PARTS.into()).unsigned_abs();
    let root = f64::from_bits(1023_u64 << 52 | ROOTS[usize::try_from(root).unwrap_or(0)]);
    // Past what an `f64` can have, it is 0 or infinite.
    let power = i32::try_from(steps.div_euclid(PARTS.into()).clamp(-1100, 1100)).unwrap_or(0);
    // In two steps, each of which is a power that an `f64` can have.
    root * 2_f64.powi(power / 2) * 2_f64.powi(power - power / 2)
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_upper_bound_and_nothing_above() {
        for scale in -4..=8 {
            let shift = u32::try_from(8 - scale).unwrap();
            for index in (-300..300).chain([-700, 700]) {
                let bound = upper_bound(index.into(), scale);
                if !(f64::MIN_POSITIVE..f64::MAX).contains(&bound) {
                    continue;
                }
                // All but powers of two are rounded down.
                assert_eq!(super::index(bound) >> shift, index, "{bound} at scale {scale}");
                assert_eq!(super::index(bound.next_up()) >> shift, index + 1, "{bound} at scale {scale}");
            }
        }
    }

    #[test]
    fn the_ends_of_what_there_is_have_buckets() {
        assert_eq!(index(f64::MAX), 1024 * PARTS - 1);
        assert_eq!(index(1.0), -1);
        assert_eq!(index(1.0_f64.next_up()), 0);
        assert_eq!(index(f64::MIN_POSITIVE), -1022 * PARTS - 1);
        assert_eq!(index(f64::MIN_POSITIVE.next_down()), -1022 * PARTS - 1);
        assert_eq!(index(f64::from_bits(1)), -1074 * PARTS - 1);
        assert_eq!(index(f64::from_bits(3)), -1073 * PARTS + 149);
        assert!(upper_bound(index(f64::MAX).into(), 8).is_infinite());
        assert!(upper_bound(63, -4).is_infinite());
        assert_eq!(upper_bound(-68, -4).to_bits(), 4);
    }

    #[test]
    fn every_leading_part_of_a_mantissa_leads_to_the_right_root() {
        for leading in 0..1_u64 << 12 {
            for mantissa in [leading << 40, leading << 40 | 1, leading << 40 | ((1 << 40) - 1)] {
                let below = ROOTS.iter().filter(|&&root| root < mantissa).count();
                let bits = 1023 << 52 | mantissa;
                assert_eq!(index_of_normal(bits), i32::try_from(below).unwrap() - 1, "{mantissa:x}");
            }
        }
    }
}
