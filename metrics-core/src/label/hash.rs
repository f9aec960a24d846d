//! The hash of a label set.

use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;

/// What keys the hash: drawn from the operating system once per process, so that equal sets hash alike in every family,
/// and nobody outside can choose values that collide.
///
/// The hash is foldhash, by whose rules short pieces are hashed here without a call: words of the input are multiplied
/// with words of the key, and both halves of the product are kept. Someone who sees only how long lookups take learns
/// next to nothing about 64 random bits per factor, and what collides under one key does not under another. If values
/// did collide, lookups would compare more candidates: slow, not wrong, and no slower than the limit on a family's
/// series makes them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    seed: u64,
    factors: [u64; 2],
    /// For long pieces.
    shared: &'static SharedSeed,
}

impl Key {
    fn new(shared: &'static SharedSeed, mut random: impl FnMut() -> u64) -> Key {
        Key { seed: random(), factors: [random(), random()], shared }
    }

    /// The process's own.
    pub(super) fn of_process() -> &'static Key {
        static KEY: LazyLock<Key> = LazyLock::new(|| {
            let random = || std::hash::RandomState::new().build_hasher().finish();
            Key::new(Box::leak(Box::new(SharedSeed::from_u64(random()))), random)
        });
        &KEY
    }

    /// The first half of a set's hash: that of its names, in their order.
    pub(super) fn names<'a>(&self, names: impl Iterator<Item = &'a str>) -> u64 {
        names.fold(self.seed, |hash, name| self.add(hash, name))
    }

    /// The hash of a set, whose names and then values, both in the order of the names, were added one by one.
    ///
    /// Half of what foldhash gives is enough: a table of 2^20 places has 12 bits left to tell candidates apart, and
    /// compares anyway.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "every lookup is this and little else: a call would be much of it"
    )]
    pub(super) fn end(&self, hash: u64) -> u32 {
        u32::try_from(fold(hash, self.factors[1]) >> 32).unwrap_or_default()
    }

    /// One more piece. No separators are needed: each piece is folded by itself, and its length counts, through a
    /// rotation of what nobody knows.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call for each value takes longer than hashing it")]
    pub(super) fn add(&self, hash: u64, piece: &str) -> u64 {
        let bytes = piece.as_bytes();
        let len = bytes.len();
        #[expect(clippy::cast_possible_truncation, reason = "a rotation counts modulo 64")]
        let hash = hash.rotate_right(len as u32);
        let factor = self.factors[0];
        if len < 8 {
            let [first, last] = if let Some(ends) = ends::<4>(bytes) {
                ends.map(|half| u64::from(u32::from_ne_bytes(half)))
            } else if let Some(ends) = ends::<2>(bytes) {
                ends.map(|quarter| u64::from(u16::from_ne_bytes(quarter)))
            } else {
                [bytes.first().map_or(0, |byte| u64::from(*byte)), 0]
            };
            return fold(hash ^ first, factor ^ last);
        }
        if len > 32 {
            return self.add_long(hash, bytes);
        }
        let ends = fold(hash ^ word(bytes, 0), factor ^ word(bytes, len - 8));
        if len <= 16 {
            return ends;
        }
        ends ^ fold(hash ^ word(bytes, len - 16), self.factors[1] ^ word(bytes, 8))
    }

    #[cold]
    fn add_long(&self, hash: u64, bytes: &[u8]) -> u64 {
        let mut hasher = FoldHasher::with_seed(hash, self.shared);
        hasher.write(bytes);
        hasher.finish()
    }
}

/// The first and the last few bytes, which may overlap.
#[inline(always)]
#[expect(clippy::inline_always, reason = "two instructions")]
fn ends<const N: usize>(bytes: &[u8]) -> Option<[[u8; N]; 2]> {
    Some([*bytes.first_chunk()?, *bytes.last_chunk()?])
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "one instruction")]
fn word(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |word| u64::from_ne_bytes(*word))
}

/// Both halves of the product, as one.
#[inline(always)]
#[expect(clippy::inline_always, reason = "two instructions")]
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    #[expect(clippy::cast_possible_truncation, reason = "the other half is folded in")]
    let low = product as u64;
    low ^ u64::try_from(product >> 64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn key(mut seed: u64) -> Key {
        Key::new(SharedSeed::global_fixed(), || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed ^ (seed >> 33)
        })
    }

    fn hash(key: &Key, pairs: &[(&str, &str)]) -> u32 {
        let names = key.names(pairs.iter().map(|pair| pair.0));
        key.end(pairs.iter().fold(names, |hash, pair| key.add(hash, pair.1)))
    }

    #[test]
    fn values_that_collide_under_one_key_do_not_under_another() {
        let [known, secret] = [key(1), key(2)];
        let mut seen = HashMap::new();
        let mut hostile = Vec::new();
        for number in 0..400_000_u32 {
            let value = number.to_string();
            if let Some(other) = seen.insert(hash(&known, &[("client", &value)]), value.clone()) {
                hostile.push((value, other));
            }
        }
        assert!(hostile.len() > 5, "32 bits collide now and then: {}", hostile.len());
        for (one, other) in hostile {
            assert_ne!(hash(&secret, &[("client", &one)]), hash(&secret, &[("client", &other)]));
        }
    }

    #[test]
    fn what_is_alike_but_not_equal_hashes_apart() {
        let sets: &[&[(&str, &str)]] = &[
            &[],
            &[("a", "1")],
            &[("a", "2")],
            &[("1", "a")],
            &[("a1", "1")],
            &[("a", "11")],
            &[("a", "1"), ("b", "2")],
            &[("a", "2"), ("b", "1")],
            &[("a", "12"), ("b", "3")],
            &[("a", "1"), ("b", "23")],
            &[("a", "12345678")],
            &[("a", "1234567812345678")],
            &[("a", "12345678123456781234567812345678")],
        ];
        let hashes: HashMap<u32, usize> =
            sets.iter().enumerate().map(|(at, set)| (hash(&key(3), set), at)).collect();
        assert_eq!(hashes.len(), sets.len());
    }

    #[test]
    fn hashes_of_numbered_values_spread_evenly() {
        // As many as places: a random spread leaves 1 / e of them empty.
        let mut places = vec![0_u32; 1 << 16];
        for number in 0..1 << 16 {
            places[hash(&key(4), &[("path", &format!("/items/{number}"))]) as usize % (1 << 16)] += 1;
        }
        let empty = places.iter().filter(|count| **count == 0).count();
        assert!((23_500..24_700).contains(&empty), "{empty} of 65,536 places are empty");
        assert!(places.iter().all(|count| *count < 14));
    }
}
