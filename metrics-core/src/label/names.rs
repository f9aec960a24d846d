//! The names that a family's labels have, known beforehand: what makes a lookup short.

use std::mem::MaybeUninit;

use super::hash::Key;
use super::query::Probe;

/// The most names that are worth knowing: more are looked up by sorting them.
const MAX_NAMES: usize = 8;

/// The label names of a family, sorted, and what follows from them.
///
/// A lookup whose names are these has to hash and compare its values alone.
#[derive(Debug)]
pub(crate) struct Names {
    sorted: Box<[Box<str>]>,
    key: Key,
    /// The names' half of a set's hash.
    hash: u64,
    /// How long a set's text is without its values.
    length: usize,
}

/// Pairs in the order of a family's names.
pub(crate) struct Arranged<'a>([MaybeUninit<(&'a str, &'a str)>; MAX_NAMES]);

impl Arranged<'_> {
    #[inline]
    pub(crate) fn new() -> Self {
        Arranged([MaybeUninit::uninit(); MAX_NAMES])
    }
}

impl Names {
    /// `None` for more names than are worth knowing.
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Option<Names> {
        let mut names: Box<[Box<str>]> = names.map(Box::from).collect();
        names.sort_unstable();
        let key = *Key::of_process();
        let hash = key.names(names.iter().map(|name| &**name));
        let length = names.iter().map(|name| name.len() + 4).sum::<usize>() + usize::from(!names.is_empty());
        (names.len() <= MAX_NAMES).then_some(Names { sorted: names, key, hash, length })
    }

    /// What finds the series of pairs that have these names, in their order; `None` if they have not.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "every lookup is this and little else: a call would be much of it"
    )]
    pub(crate) fn probe<'a>(&self, pairs: &'a [(&'a str, &'a str)]) -> Option<Probe<'a>> {
        if pairs.len() != self.sorted.len() {
            return None;
        }
        let (mut hash, mut length) = (self.hash, self.length);
        for ((name, value), known) in pairs.iter().zip(&self.sorted) {
            if !are_equal(name, known) {
                return None;
            }
            hash = self.key.add(hash, value);
            length += value.len();
        }
        Some(Probe { pairs, hash: self.key.end(hash), length })
    }

    /// What finds the series of pairs that have these names, in any order; `None` if they have not.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as above")]
    pub(crate) fn arrange<'a>(
        &self,
        pairs: &'a [(&'a str, &'a str)],
        arranged: &'a mut Arranged<'a>,
    ) -> Option<Probe<'a>> {
        if pairs.len() != self.sorted.len() {
            return None;
        }
        // One bit each for those that were found.
        let (mut found, mut index) = (0_u8, 0);
        for pair in pairs {
            // In the order of the names from the last one on, as most callers follow it but for where they begin.
            let mut tries = 0;
            while !are_equal(pair.0, &self.sorted[index]) {
                index = if index + 1 < self.sorted.len() { index + 1 } else { 0 };
                tries += 1;
                if tries == self.sorted.len() {
                    return None;
                }
            }
            found |= 1 << index;
            arranged.0[index].write(*pair);
            index = if index + 1 < self.sorted.len() { index + 1 } else { 0 };
        }
        if found.count_ones() as usize != self.sorted.len() {
            return None;
        }
        // SAFETY: there are as many bits as names, so each of these places was written.
        let pairs = unsafe { arranged.0[..self.sorted.len()].assume_init_ref() };
        let (mut hash, mut length) = (self.hash, self.length);
        for (_, value) in pairs {
            hash = self.key.add(hash, value);
            length += value.len();
        }
        Some(Probe { pairs, hash: self.key.end(hash), length })
    }

    pub(crate) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether these are the names of sorted pairs, as many as there are names.
    pub(crate) fn are_those_of<'a>(&self, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
        pairs.zip(&self.sorted).all(|((name, _), known)| *name == **known)
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "a call for each name takes longer than comparing it")]
fn are_equal(one: &str, other: &str) -> bool {
    one.len() == other.len() && bytes_are_equal(one.as_bytes(), other.as_bytes())
}

/// Whether two pieces of equal length are equal. Short ones are compared without a call, by their first and their last
/// few bytes, which may overlap.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a call for each name and value takes longer than comparing them")]
pub(super) fn bytes_are_equal(one: &[u8], other: &[u8]) -> bool {
    let len = one.len();
    if len < 8 {
        if len >= 4 {
            ends::<4>(one, other)
        } else if len >= 2 {
            ends::<2>(one, other)
        } else {
            one.first() == other.first()
        }
    } else if len <= 16 {
        ends::<8>(one, other)
    } else if len <= 32 {
        ends::<16>(one, other)
    } else {
        one == other
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
fn ends<const N: usize>(one: &[u8], other: &[u8]) -> bool {
    one.first_chunk::<N>() == other.first_chunk::<N>() && one.last_chunk::<N>() == other.last_chunk::<N>()
}

#[cfg(test)]
mod tests {
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
            assert_eq!(names.probe(&pairs).is_some(), pairs == [c, method, path]);
        }
        for pairs in [
            &[c, method][..],
            &[c, method, method],
            &[c, method, ("pathh", "3")],
            &[c, method, ("past", "3")],
            &[c, method, path, ("q", "4")],
        ] {
            assert_eq!(arranged(&names, pairs), None, "{pairs:?}");
        }
        assert_eq!(arranged(&Names::new([].into_iter()).unwrap(), &[]).unwrap(), "");
        assert!(Names::new(["a"; MAX_NAMES + 1].into_iter()).is_none());
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
