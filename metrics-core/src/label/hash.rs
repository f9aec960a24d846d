//! The hash of a label set.

use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;

use super::limit::MAX_LABELS;

/// What keys the hash: drawn from the operating system once per process, so that equal sets hash alike in every family,
/// and nobody outside can choose values that collide.
///
/// The hash is built like foldhash's, and short pieces are hashed here without a call: words of the input are
/// multiplied with each other, each mixed with a word of the key before, and both halves of the product are kept.
/// Someone who sees only how long lookups take learns next to nothing about 64 random bits per factor, and what
/// collides under one key does not under another. If values did collide, lookups would compare more candidates: slow,
/// not wrong, and no slower than the limit on a family's series makes them.
///
/// Each value is hashed with words of the key that belong to its place in the set, and a set's hash is what all of
/// these leave when they are added without carries. So no value's hash waits for that of the one before, and they can
/// be added in any order. The same holds for names, which all have the same words of the key, as no name stands twice in
/// a set: the hash of some of a family's names is that of all of them, less those that are not there.
#[derive(Debug)]
pub(super) struct Key {
    /// Begins the names' half.
    seed: u64,
    names: PieceKey,
    values: [PieceKey; MAX_LABELS],
    rest: Rest,
}

/// The words of the key with which one piece is hashed.
#[derive(Debug, Clone, Copy)]
pub(super) struct PieceKey([u64; 2]);

/// What the longer pieces need besides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest {
    /// From 17 bytes on.
    third: u64,
    /// From 33 bytes on.
    shared: &'static SharedSeed,
}

impl Key {
    fn new(shared: &'static SharedSeed, mut random: impl FnMut() -> u64) -> Key {
        let seed = random();
        let names = PieceKey([random(), random()]);
        let rest = Rest { third: random(), shared };
        Key { seed, names, values: std::array::from_fn(|_| PieceKey([random(), random()])), rest }
    }

    /// The process's own.
    pub(super) fn of_process() -> &'static Key {
        static KEY: LazyLock<Key> = LazyLock::new(|| {
            let random = || std::hash::RandomState::new().build_hasher().finish();
            Key::new(Box::leak(Box::new(SharedSeed::from_u64(random()))), random)
        });
        &KEY
    }

    /// The names' half of a set's hash.
    pub(super) fn names<'a>(&self, names: impl Iterator<Item = &'a str>) -> u64 {
        names.fold(self.seed, |hash, name| hash ^ self.name(name))
    }

    /// What one name adds to it, and takes away again.
    pub(super) fn name(&self, name: &str) -> u64 {
        self.names.hash(name, &self.rest)
    }

    /// The hash of a set, of its names' half and its values in the order of their names.
    pub(super) fn set<'a>(&self, names: u64, values: impl Iterator<Item = &'a str>) -> u32 {
        end(values.zip(&self.values).fold(names, |hash, (value, key)| hash ^ key.hash(value, &self.rest)))
    }

    /// With which words the values of the first names are hashed.
    pub(super) fn values(&self) -> &[PieceKey] {
        &self.values
    }

    pub(super) fn rest(&self) -> Rest {
        self.rest
    }
}

impl PieceKey {
    /// One piece. Its length counts, through a rotation of what nobody knows.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call for each value takes longer than hashing it")]
    pub(super) fn hash(self, piece: &str, rest: &Rest) -> u64 {
        let (bytes, [first, second]) = (piece.as_bytes(), self.0);
        let len = bytes.len();
        #[expect(clippy::cast_possible_truncation, reason = "a rotation counts modulo 64")]
        let first = first.rotate_right(len as u32);
        if let Some([head, tail]) = ends(bytes) {
            return fold(first ^ head, second ^ tail);
        }
        if len > 32 {
            return hash_long(first, second, bytes, rest);
        }
        fold(first ^ word(bytes, 0), second ^ word(bytes, len - 8))
            ^ fold(second ^ word(bytes, 8), rest.third ^ word(bytes, len - 16))
    }
}

/// Half of all that was folded is enough: a table of 2^20 places has 12 bits left to tell candidates apart, and compares
/// anyway.
///
/// It is multiplied once more. Values that differ in a few digits leave their difference in few bits under a key with many
/// zeros in a row: under one in a hundred, a thousand paths that end with a number took three times as many steps to find
/// as under most, and under the worst of 3,000 more than twenty times. So it is five quarters under any.
#[inline(always)]
#[expect(clippy::inline_always, reason = "two instructions")]
pub(super) fn end(hash: u64) -> u32 {
    u32::try_from(hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32).unwrap_or_default()
}

#[cold]
#[inline(never)]
fn hash_long(first: u64, second: u64, bytes: &[u8], rest: &Rest) -> u64 {
    let mut hasher = FoldHasher::with_seed(first, rest.shared);
    hasher.write(bytes);
    hasher.write_u64(second);
    hasher.finish()
}

/// The first and the last few bytes, which may overlap: all that there are of a piece of 16 bytes or fewer, and `None`
/// of a longer one. Pieces of one length have the same if they are equal, and otherwise not.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a few instructions")]
pub(super) fn ends(bytes: &[u8]) -> Option<[u64; 2]> {
    let len = bytes.len();
    if len < 8 {
        return Some(if len >= 4 {
            both(bytes).map(|half| u64::from(u32::from_le_bytes(half)))
        } else if len >= 2 {
            both(bytes).map(|quarter| u64::from(u16::from_le_bytes(quarter)))
        } else {
            [bytes.first().map_or(0, |byte| u64::from(*byte)), 0]
        });
    }
    (len <= 16).then(|| both(bytes).map(u64::from_le_bytes))
}

/// The first and the last `N` bytes of as many or more.
#[inline(always)]
#[expect(clippy::inline_always, reason = "two instructions")]
fn both<const N: usize>(bytes: &[u8]) -> [[u8; N]; 2] {
    [bytes.first_chunk().map_or([0; N], |first| *first), bytes.last_chunk().map_or([0; N], |last| *last)]
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "one instruction")]
fn word(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
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
        key.set(names, pairs.iter().map(|pair| pair.1))
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
    fn no_key_makes_what_ends_with_a_number_crowd() {
        const SLOTS: usize = 2048;
        let paths: Vec<String> = (0..1000).map(|number| format!("/api/v1/resource/{number}")).collect();
        let steps = |seed| {
            let (key, mut slots) = (key(seed), vec![false; SLOTS]);
            let steps = |path: &String| {
                let first = hash(&key, &[("method", "GET"), ("path", path)]) as usize;
                let step = (0..SLOTS).find(|step| !slots[(first + step) % SLOTS]).unwrap_or(SLOTS);
                slots[(first + step) % SLOTS] = true;
                step + 1
            };
            paths.iter().map(steps).sum::<usize>()
        };
        let worst = (0..300_u64).map(|seed| steps(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))).max();
        assert!(worst.is_some_and(|steps| steps < 2 * paths.len()), "{worst:?}");
    }

    #[test]
    fn what_is_alike_but_not_equal_hashes_apart() {
        let sets: &[&[(&str, &str)]] = &[
            &[],
            &[("b", "1")],
            &[("b", "1"), ("c", "2")],
            &[("a", "1"), ("c", "2")],
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
        let shapes: [fn(u32) -> [String; 3]; 6] = [
            |number| ["GET".to_owned(), format!("/items/{number}"), "200".to_owned()],
            |number| [String::new(), number.to_string(), "x".to_owned()],
            |number| [format!("{number:09}"), "the end of a long value".to_owned(), "200".to_owned()],
            |number| [format!("/a/path/of/more/than/{number:05}/bytes"), "x".to_owned(), String::new()],
            |number| {
                [format!("{number:05}/a/path/of/many/many/more/bytes/{number}"), String::new(), String::new()]
            },
            // Every number of three bytes in three places.
            |number| [number % 64, number / 64 % 64, number / 4096].map(|part| format!("v{part}")),
        ];
        for (at, shape) in shapes.iter().enumerate() {
            // As many as places: a random spread leaves 1 / e of them empty.
            let mut places = [vec![0_u32; 1 << 16], vec![0_u32; 1 << 16]];
            for number in 0..1 << 16 {
                let [one, two, three] = shape(number);
                let hash = hash(&key(4), &[("a", &one), ("b", &two), ("c", &three)]) as usize;
                places[0][hash % (1 << 16)] += 1;
                places[1][hash >> 16] += 1;
            }
            for places in places {
                let empty = places.iter().filter(|count| **count == 0).count();
                assert!((23_500..24_700).contains(&empty), "{empty} of 65,536 places are empty, {at}");
                assert!(places.iter().all(|count| *count < 14), "{at}");
            }
        }
    }
}
