//! Pairs as a caller gives them.

use std::mem::MaybeUninit;

use super::forms;
use super::hash::Key;
use super::limit::{LabelError, LabelLimits, MAX_LABELS};

/// What a lookup is made with: pairs in the order of a set, and what was worked out of them.
///
/// Names and values are not checked: what is found is compared by content, and nothing that breaks a rule can be found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe<'a> {
    pub(crate) pairs: &'a [(&'a str, &'a str)],
    pub(crate) digest: Digest,
}

/// The hash of a set, and how long its text is if nothing in it is escaped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Digest {
    pub(crate) hash: u32,
    pub(crate) length: usize,
}

impl Probe<'_> {
    #[inline]
    pub(crate) fn hash(&self) -> u32 {
        self.digest.hash
    }
}

/// Borrowed pairs, sorted by name, without those whose value is empty; nothing is allocated.
///
/// A query that was made has no duplicate names and at most [`MAX_LABELS`] pairs. Its names and values are checked
/// only where a series is to be made of it ([`Query::check`]).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Query<'a> {
    given: &'a [(&'a str, &'a str)],
    pairs: &'a [(&'a str, &'a str)],
}

/// Where a query sorts its pairs.
pub(crate) struct Room<'a>([MaybeUninit<(&'a str, &'a str)>; MAX_LABELS]);

impl Room<'_> {
    pub(crate) fn new() -> Self {
        Room([MaybeUninit::uninit(); MAX_LABELS])
    }
}

impl<'a> Query<'a> {
    /// The query of `given`, in any order. Pairs that are in order already are left where they are.
    pub(crate) fn new(
        given: &'a [(&'a str, &'a str)],
        room: &'a mut Room<'a>,
    ) -> Result<Query<'a>, LabelError> {
        if given.len() > MAX_LABELS {
            return Err(LabelError::TooMany { count: given.len(), max: MAX_LABELS });
        }
        let is_sorted = given.windows(2).all(|two| is_before(two[0].0, two[1].0));
        if is_sorted && given.iter().all(|(_, value)| !value.is_empty()) {
            return Ok(Query { given, pairs: given });
        }
        for (index, pair) in given.iter().enumerate() {
            room.0[index].write(*pair);
            // SAFETY: these places were written, in this turn of the loop and in those before.
            let sorted = unsafe { room.0[..=index].assume_init_mut() };
            // An insertion sort: label sets are short, and most callers write them nearly in order.
            let mut at = index;
            while at > 0 && is_before(pair.0, sorted[at - 1].0) {
                sorted[at] = sorted[at - 1];
                at -= 1;
            }
            sorted[at] = *pair;
            if at > 0 && pair.0 == sorted[at - 1].0 {
                return Err(LabelError::DuplicateName { name: pair.0.to_owned() });
            }
        }
        // SAFETY: as many places were written.
        let sorted = unsafe { room.0[..given.len()].assume_init_mut() };
        let mut len = 0;
        for at in 0..sorted.len() {
            if !sorted[at].1.is_empty() {
                sorted[len] = sorted[at];
                len += 1;
            }
        }
        Ok(Query { given, pairs: &sorted[..len] })
    }

    /// The pairs in the order of their names.
    pub(crate) fn pairs(&self) -> &'a [(&'a str, &'a str)] {
        self.pairs
    }

    /// What finds the set of these pairs.
    pub(crate) fn probe(&self) -> Probe<'a> {
        let key = Key::of_process();
        let names = key.names(self.pairs.iter().map(|(name, _)| *name));
        let hash = key.set(names, self.pairs.iter().map(|(_, value)| *value));
        let length: usize = self.pairs.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        let length = if self.pairs.is_empty() { 0 } else { 1 + length };
        Probe { pairs: self.pairs, digest: Digest { hash, length } }
    }

    /// Checks names and values, for a set that is about to be made.
    pub(crate) fn check(&self, limits: LabelLimits) -> Result<(), LabelError> {
        if self.pairs.len() > limits.max_labels() {
            return Err(LabelError::TooMany { count: self.pairs.len(), max: limits.max_labels() });
        }
        for &(name, value) in self.pairs {
            limits.check_name(name)?;
            if value.len() > limits.max_value_length() {
                return Err(LabelError::ValueTooLong {
                    name: name.to_owned(),
                    length: value.len(),
                    max: limits.max_value_length(),
                });
            }
        }
        if limits.utf8_names() { forms::check(self.pairs.iter().map(|(name, _)| *name)) } else { Ok(()) }
    }

    /// Checks that the names, those with empty values included, are the ones that a family declares.
    pub(crate) fn check_declared(&self, declared: &[Box<str>]) -> Result<(), LabelError> {
        let known = |(name, _): &(&str, &str)| declared.iter().any(|declared| **declared == **name);
        if self.given.len() == declared.len() && self.given.iter().all(known) {
            return Ok(());
        }
        let mut given: Vec<String> = self.given.iter().map(|(name, _)| (*name).to_owned()).collect();
        given.sort_unstable();
        let declared = declared.iter().map(ToString::to_string).collect();
        Err(LabelError::UndeclaredNames { given, declared })
    }
}

/// Whether one name comes before the other: most differ in their first letter.
#[inline]
fn is_before(one: &str, other: &str) -> bool {
    match (one.as_bytes().first(), other.as_bytes().first()) {
        (Some(first), Some(second)) if first != second => first < second,
        _ => one < other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::{Arranged, Names};
    use super::*;

    fn sorted(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut room = Room::new();
        let query = Query::new(pairs, &mut room).unwrap();
        query.pairs().iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn refused(pairs: &[(&str, &str)]) -> LabelError {
        Query::new(pairs, &mut Room::new()).unwrap_err()
    }

    #[test]
    fn order_does_not_matter_and_empty_values_are_absent() {
        let expected = sorted(&[("a", "1"), ("ab", "2"), ("b", "3"), ("c", "4")]);
        assert_eq!(sorted(&[("c", "4"), ("a", "1"), ("z", ""), ("b", "3"), ("ab", "2")]), expected);
        assert_eq!(sorted(&[("ab", "2"), ("a", "1"), ("b", "3"), ("c", "4")]), expected);
        assert_eq!(sorted(&[("a", "1"), ("ab", "2"), ("b", "3"), ("c", "4"), ("", "")]), expected);
    }

    #[test]
    fn pairs_in_any_order_have_one_hash_however_it_is_computed() {
        let hash = |pairs: &[(&str, &str)]| {
            let mut room = Room::new();
            Query::new(pairs, &mut room).unwrap().probe().hash()
        };
        let expected = hash(&[("a", "1"), ("b", "2")]);
        assert_eq!(hash(&[("b", "2"), ("q", ""), ("a", "1")]), expected);
        assert_ne!(hash(&[("b", "1"), ("a", "2")]), expected);
        let names = Names::new(["b", "a"].into_iter()).unwrap();
        let pairs = [("b", "2"), ("a", "1")];
        let mut arranged = Arranged::new();
        let digest = names.arrange(&pairs, &mut arranged).unwrap().digest;
        assert_eq!((digest.hash, digest.length), (expected, "{a=\"1\",b=\"2\"}".len()));
    }

    #[test]
    fn a_name_that_stands_twice_is_refused_even_with_an_empty_value() {
        let error = refused(&[("a", "1"), ("b", "2"), ("a", "")]);
        assert_eq!(error, LabelError::DuplicateName { name: "a".to_owned() });
    }

    #[test]
    fn more_pairs_than_a_series_can_have_are_refused() {
        let pairs = vec![("a", "1"); MAX_LABELS + 1];
        assert!(matches!(refused(&pairs), LabelError::TooMany { count: 65, max: 64 }));
    }
}
