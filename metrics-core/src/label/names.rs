//! The names that a family's labels have, known beforehand: what makes a lookup short.

use std::mem::MaybeUninit;

use super::few::{Few, Rank, for_each_of};
use super::hash::{Key, PieceKey, Rest, end, ends};
use super::query::{Digest, Probe};

/// The most names that are worth knowing: more are looked up by sorting them.
const MAX_NAMES: usize = 8;

/// How many bytes of a set's text stand around a name and its value: an equals sign, quotes, and a brace or a comma.
const AROUND: usize = 4;

/// The label names of a family, sorted, and what follows from them.
///
/// A lookup whose names are these has to hash and compare its values alone.
#[derive(Debug)]
pub(crate) struct Names {
    sorted: Box<[Name]>,
    /// The names' half of a set's hash.
    hash: u64,
    /// How long a set's text is without its values.
    length: usize,
    rest: Rest,
}

/// One name, and with what values in its place are hashed.
#[derive(Debug)]
struct Name {
    rank: Rank,
    /// Its ends, if they are all of it.
    ends: [u64; 2],
    /// What hashes the value in this place.
    key: PieceKey,
    /// What it adds to the names' half of a set's hash.
    hash: u64,
    text: Box<str>,
}

impl Name {
    fn new(text: &str, key: PieceKey, hash: u64) -> Name {
        let ends = ends(text.as_bytes()).unwrap_or_default();
        Name { rank: Rank::of(text), ends, key, hash, text: text.into() }
    }

    /// Whether it is this one.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call for each name takes longer than comparing it")]
    fn is_spelled(&self, name: &str) -> bool {
        let (bytes, own) = (name.as_bytes(), self.text.as_bytes());
        bytes.len() == own.len() && bytes_are_equal(bytes, own)
    }

    /// Whether it is this one, of which the rank is known.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call for each name takes longer than comparing it")]
    fn is(&self, name: &str, rank: Rank) -> bool {
        if rank != self.rank {
            return false;
        }
        let (bytes, own) = (name.as_bytes(), self.text.as_bytes());
        match ends(bytes) {
            _ if name.len() < Rank::LONG => true,
            Some([head, tail]) => bytes.len() == own.len() && head == self.ends[0] && tail == self.ends[1],
            None => bytes.len() == own.len() && bytes_are_equal(bytes, own),
        }
    }
}

/// Pairs in the order of a family's names.
pub(crate) struct Arranged<'a>([MaybeUninit<(&'a str, &'a str)>; MAX_NAMES]);

impl Arranged<'_> {
    #[inline]
    pub(crate) fn new() -> Self {
        Arranged([MaybeUninit::uninit(); MAX_NAMES])
    }
}

/// What is known of a lookup's pairs so far.
struct Sum {
    hash: u64,
    length: usize,
}

impl Sum {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as above")]
    fn add(&mut self, name: &Name, value: &str, rest: &Rest) {
        self.hash ^= name.key.hash(value, rest);
        self.length += value.len();
    }

    /// Takes a name out, which has no value.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as above")]
    fn leave_out(&mut self, name: &Name) {
        self.hash ^= name.hash;
        self.length -= name.text.len() + AROUND;
    }

    #[inline]
    fn digest(&self) -> Digest {
        Digest { hash: end(self.hash), length: self.length }
    }
}

impl Names {
    /// `None` for more names than are worth knowing.
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Option<Names> {
        let mut names: Vec<&str> = names.collect();
        if names.len() > MAX_NAMES {
            return None;
        }
        names.sort_unstable();
        let key = Key::of_process();
        let sorted =
            names.iter().zip(key.values()).map(|(name, value)| Name::new(name, *value, key.name(name)));
        let length =
            names.iter().map(|name| name.len() + AROUND).sum::<usize>() + usize::from(!names.is_empty());
        Some(Names {
            sorted: sorted.collect(),
            hash: key.names(names.iter().copied()),
            length,
            rest: key.rest(),
        })
    }

    /// What finds the series of a few pairs that have these names; `None` if they have not, as far as can be told without
    /// looking at more than their ranks.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "where the names are literals, the compiler has done half of it already"
    )]
    pub(crate) fn digest(&self, few: &Few<'_>) -> Option<Digest> {
        let names = self.sorted.get(..few.count).filter(|names| names.len() == self.sorted.len())?;
        for_each_of!(few, at => {
            if !names[at].is(few.pairs[at].0, few.ranks[at]) {
                return None;
            }
        });
        let mut sum = self.sum();
        for_each_of!(few, at => { sum.add(&names[at], few.pairs[at].1, &self.rest) });
        Some(sum.digest())
    }

    /// What finds the series of pairs that have these names, in any order; `None` if they have not. Those whose value is
    /// empty are left out, as sets leave them out.
    #[inline]
    pub(crate) fn arrange<'a>(
        &self,
        pairs: &[(&'a str, &'a str)],
        arranged: &'a mut Arranged<'a>,
    ) -> Option<Probe<'a>> {
        let count = self.sorted.len();
        if pairs.len() != count {
            return None;
        }
        // One bit each for those that were found.
        let (mut found, mut expected) = (0_u32, 0);
        for pair in pairs {
            let index = self.index_of(pair.0, expected)?;
            found |= 1 << index;
            arranged.0[index].write(*pair);
            expected = index + 1;
        }
        if found != (1 << count) - 1 {
            return None;
        }
        // SAFETY: there is a bit for each of the names, so each of these places was written.
        let all = unsafe { arranged.0[..count].assume_init_mut() };
        let (mut sum, mut len) = (self.sum(), 0);
        for (at, name) in self.sorted.iter().enumerate() {
            let pair = all[at];
            if pair.1.is_empty() {
                sum.leave_out(name);
            } else {
                // Hashed by its place among those that are there.
                sum.add(&self.sorted[len], pair.1, &self.rest);
                all[len] = pair;
                len += 1;
            }
        }
        if len == 0 {
            // No labels, no braces.
            sum.length = 0;
        }
        Some(Probe { pairs: &all[..len], digest: sum.digest() })
    }

    #[inline]
    fn sum(&self) -> Sum {
        Sum { hash: self.hash, length: self.length }
    }

    /// Which name this is. Most callers name labels in the order of the names but for where they begin, so that is the
    /// first guess.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as above")]
    fn index_of(&self, name: &str, expected: usize) -> Option<usize> {
        if self.sorted.get(expected).is_some_and(|known| known.is_spelled(name)) {
            return Some(expected);
        }
        let rank = Rank::of(name);
        self.sorted.iter().position(|known| known.is(name, rank))
    }

    pub(crate) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether these are the names of sorted pairs, as many as there are names.
    pub(crate) fn are_those_of<'a>(&self, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
        pairs.zip(&self.sorted).all(|((name, _), known)| *name == *known.text)
    }
}

/// Whether two pieces of equal length are equal. Short ones are compared without a call, by their first and their last
/// few bytes, which may overlap.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a call for each name and value takes longer than comparing them")]
pub(super) fn bytes_are_equal(one: &[u8], other: &[u8]) -> bool {
    let len = one.len();
    if len < 8 {
        if len >= 4 {
            have_equal_ends::<4>(one, other)
        } else if len >= 2 {
            have_equal_ends::<2>(one, other)
        } else {
            one.first() == other.first()
        }
    } else if len <= 16 {
        have_equal_ends::<8>(one, other)
    } else if len <= 32 {
        have_equal_ends::<16>(one, other)
    } else {
        one == other
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
fn have_equal_ends<const N: usize>(one: &[u8], other: &[u8]) -> bool {
    one.first_chunk::<N>() == other.first_chunk::<N>() && one.last_chunk::<N>() == other.last_chunk::<N>()
}

#[cfg(test)]
mod tests {
    use super::super::query::{Query, Room};
    use super::*;

    fn arranged(names: &Names, pairs: &[(&str, &str)]) -> Option<String> {
        let mut room = Arranged::new();
        let pairs = names.arrange(pairs, &mut room)?.pairs.iter();
        Some(pairs.map(|(name, value)| [*name, "=", *value, " "].concat()).collect())
    }

    #[test]
    fn pairs_of_these_names_are_arranged_and_others_refused() {
        let names = Names::new(["method", "c", "path"].into_iter()).unwrap();
        let [c, method, path] = [("c", "1"), ("method", "2"), ("path", "3")];
        for pairs in [[c, method, path], [c, path, method], [method, path, c], [path, method, c]] {
            assert_eq!(arranged(&names, &pairs).unwrap(), "c=1 method=2 path=3 ");
            assert!(names.digest(&Few::new(&pairs).unwrap()).is_some());
        }
        for pairs in [
            &[c, method][..],
            &[c, method, method],
            &[c, method, ("pathh", "3")],
            &[c, method, ("past", "3")],
            &[c, method, path, ("q", "4")],
        ] {
            assert_eq!(arranged(&names, pairs), None, "{pairs:?}");
            assert!(names.digest(&Few::new(pairs).unwrap()).is_none(), "{pairs:?}");
        }
        assert_eq!(arranged(&Names::new([].into_iter()).unwrap(), &[]).unwrap(), "");
        assert!(Names::new(["a"; MAX_NAMES + 1].into_iter()).is_none());
    }

    #[test]
    fn what_is_known_of_pairs_does_not_depend_on_how_they_are_given() {
        let mut pairs = [("a_long_name", "1"), ("code", "200"), ("method", "GET"), ("path", "/")];
        let names = Names::new(pairs.iter().map(|pair| pair.0)).unwrap();
        let digest = names.digest(&Few::new(&pairs).unwrap()).unwrap();
        for turn in 0..24 {
            // All orders, one exchange of neighbours after the other.
            let few = names.digest(&Few::new(&pairs).unwrap()).unwrap();
            let any = names.arrange(&pairs, &mut Arranged::new()).unwrap().digest;
            assert_eq!([few.hash, any.hash], [digest.hash; 2], "{pairs:?}");
            assert_eq!([few.length, any.length], [digest.length; 2]);
            pairs.swap(turn % 3, turn % 3 + 1);
        }
    }

    #[test]
    fn names_without_a_value_are_left_out_as_a_set_leaves_them_out() {
        let all = ["a", "b_of_more_than_sixteen_bytes", "c", "method"];
        let names = Names::new(all.into_iter()).unwrap();
        for mask in 0..1_u32 << all.len() {
            let value = |at: usize| if mask >> at & 1 == 1 { ["1", "22", "333", "GET"][at] } else { "" };
            let mut pairs: Vec<_> = all.iter().enumerate().map(|(at, name)| (*name, value(at))).collect();
            pairs.rotate_left(mask as usize % all.len());
            let (mut arranged, mut room) = (Arranged::new(), Room::new());
            let [one, other] = [
                names.arrange(&pairs, &mut arranged).unwrap(),
                Query::new(&pairs, &mut room).unwrap().probe(),
            ];
            assert_eq!(one.pairs, other.pairs);
            assert_eq!((one.hash(), one.digest.length), (other.hash(), other.digest.length), "{pairs:?}");
        }
    }

    #[test]
    fn pieces_of_every_length_differ_by_any_byte() {
        for len in 0..80 {
            let one: Vec<u8> = (0..len).collect();
            assert!(bytes_are_equal(&one, &one.clone()));
            for at in 0..one.len() {
                let mut other = one.clone();
                other[at] ^= 1;
                assert!(!bytes_are_equal(&one, &other), "byte {at} of {len}");
            }
        }
    }
}
