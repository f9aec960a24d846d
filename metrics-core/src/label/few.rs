//! A few pairs, put in order where they are written.

use super::hash::ends;

/// The first bytes of a name as one number, in the order of names; all of it, if it is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(u64);

impl Rank {
    /// From how many bytes on a name is not told from all others by its rank.
    pub(super) const LONG: usize = 8;

    /// The compiler works it out for a name that is a literal.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a few instructions")]
    pub(super) fn of(name: &str) -> Rank {
        let (bytes, len) = (name.as_bytes(), name.len());
        let first = if len >= Rank::LONG {
            bytes.first_chunk().map_or(0, |first| u64::from_be_bytes(*first)) & !0xff
        } else {
            // Bytes in which the ends overlap are the same in both.
            let [head, tail] = ends(bytes).unwrap_or_default();
            let width = if len >= 4 { 4 } else { len.min(2) };
            (head | tail << (8 * (len - width))).swap_bytes()
        };
        Rank(first | len.min(Rank::LONG) as u64)
    }
}

/// The most labels that a lookup looks at one by one where it is called.
const FEW: usize = 4;

/// As many pairs as most lookups have, in the order of their names.
///
/// Where a lookup is written with names that are literals, the compiler puts them in order, and keeps the values in
/// registers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Few<'p> {
    pub(super) pairs: [(&'p str, &'p str); FEW],
    pub(super) ranks: [Rank; FEW],
    pub(super) count: usize,
}

/// Does it for each pair of some [`Few`]. No loop, and no closure: each has code of its own.
macro_rules! for_each_of {
    ($few:ident, $at:ident => $body:block) => {
        for_each_of!($few, $at => $body, 0 1 2 3);
    };
    ($few:ident, $at:ident => $body:block, $($place:literal)+) => {
        $(if $few.count > $place {
            let $at = $place;
            $body
        })+
    };
}
pub(super) use for_each_of;

impl<'p> Few<'p> {
    /// `None` for more. Long names that begin alike stay in the order in which they are given.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as above")]
    pub(crate) fn new(pairs: &[(&'p str, &'p str)]) -> Option<Few<'p>> {
        if pairs.len() > FEW {
            return None;
        }
        let mut few = Few { pairs: [("", ""); FEW], ranks: [Rank(0); FEW], count: pairs.len() };
        for_each_of!(few, at => {
            few.pairs[at] = pairs[at];
            few.ranks[at] = Rank::of(pairs[at].0);
        });
        // An insertion sort.
        few.put_in_order(1);
        few.put_in_order(2);
        few.put_in_order(1);
        few.put_in_order(3);
        few.put_in_order(2);
        few.put_in_order(1);
        Some(few)
    }

    /// Another one, in memory of its own.
    #[inline]
    pub(crate) fn copy(&self) -> Few<'p> {
        *self
    }

    #[inline]
    pub(crate) fn pairs(&self) -> &[(&'p str, &'p str)] {
        &self.pairs[..self.count]
    }

    /// Swaps a pair with the one before it, if there are both and they are not in order.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as above")]
    fn put_in_order(&mut self, at: usize) {
        if at < self.count && self.ranks[at] < self.ranks[at - 1] {
            self.pairs.swap(at, at - 1);
            self.ranks.swap(at, at - 1);
        }
    }
}

/// Pairs in the order of a set.
pub(crate) trait InOrder {
    fn len(&self) -> usize;

    /// Takes each step, while they can be taken: whether they all could.
    fn all(&self, steps: &mut impl Steps) -> bool;
}

/// What is done with one pair after the other: not a closure, which would be called.
pub(crate) trait Steps {
    fn step(&mut self, name: &str, value: &str) -> bool;
}

impl InOrder for Few<'_> {
    #[inline]
    fn len(&self) -> usize {
        self.count
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as above")]
    fn all(&self, steps: &mut impl Steps) -> bool {
        for_each_of!(self, at => {
            if !steps.step(self.pairs[at].0, self.pairs[at].1) {
                return false;
            }
        });
        true
    }
}

impl InOrder for [(&str, &str)] {
    #[inline]
    fn len(&self) -> usize {
        <[_]>::len(self)
    }

    #[inline]
    fn all(&self, steps: &mut impl Steps) -> bool {
        self.iter().all(|(name, value)| steps.step(name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_in_the_order_of_names_and_tell_short_ones_apart() {
        let names = [
            "",
            "a",
            "a_",
            "aa",
            "ab",
            "abc",
            "abcd",
            "abcdef",
            "abcdefg",
            "abcdefgh",
            "abcdefgi",
            "abcdefgii",
            "abcdeg",
            "b",
            "ba",
            "method",
            "path",
            "status",
            "\u{e9}",
        ];
        assert!(names.is_sorted());
        for (at, name) in names.iter().enumerate() {
            for other in &names[at + 1..] {
                let are_long = name.len() >= Rank::LONG && other.len() >= Rank::LONG;
                let [rank, next] = [name, other].map(|name| Rank::of(name));
                assert!(rank < next || are_long && rank == next, "{name} and {other}");
            }
        }
    }

    #[test]
    fn more_than_a_few_are_left_alone() {
        assert!(Few::new(&[("a", "1"); FEW + 1]).is_none());
        assert_eq!(Few::new(&[("b", "1"), ("a", "2")]).unwrap().pairs[..2], [("a", "2"), ("b", "1")]);
    }
}
