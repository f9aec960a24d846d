//! Pairs as a caller gives them, put in order for a lookup.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::LazyLock;

use foldhash::quality::RandomState;

use super::limit::{LabelError, LabelLimits, MAX_LABELS};
use crate::name::check_label_name;

/// One key for the whole process, drawn when it starts: equal sets hash alike in every family, and nobody outside can
/// choose values that collide.
static HASH_KEY: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// Borrowed pairs, sorted by name, without those whose value is empty; nothing is allocated.
///
/// A query that was made has no duplicate names and at most [`MAX_LABELS`] pairs. Its names and values are checked
/// only where a series is to be made of it ([`Query::check`]): a lookup that finds its series needs no more proof.
#[derive(Debug)]
pub(crate) struct Query<'a> {
    pairs: &'a [(&'a str, &'a str)],
    /// `order[..len]` are the indexes of the pairs, by name.
    order: [u8; MAX_LABELS],
    len: usize,
    hash: u64,
}

impl<'a> Query<'a> {
    pub(crate) fn new(pairs: &'a [(&'a str, &'a str)]) -> Result<Query<'a>, LabelError> {
        if pairs.len() > MAX_LABELS {
            return Err(LabelError::TooMany { count: pairs.len(), max: MAX_LABELS });
        }
        let mut order = [0_u8; MAX_LABELS];
        // An insertion sort: label sets are short, and most callers write them in one order.
        for (index, (name, _)) in pairs.iter().enumerate() {
            let mut at = index;
            while at > 0 && pairs[usize::from(order[at - 1])].0 > *name {
                order[at] = order[at - 1];
                at -= 1;
            }
            if at > 0 && pairs[usize::from(order[at - 1])].0 == *name {
                return Err(LabelError::DuplicateName { name: (*name).to_owned() });
            }
            order[at] = u8::try_from(index).unwrap_or(u8::MAX);
        }
        let mut len = 0;
        for at in 0..pairs.len() {
            if !pairs[usize::from(order[at])].1.is_empty() {
                order[len] = order[at];
                len += 1;
            }
        }
        let mut query = Query { pairs, order, len, hash: 0 };
        query.hash = query.compute_hash();
        Ok(query)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many pairs were given, those with empty values included.
    pub(crate) fn given(&self) -> usize {
        self.pairs.len()
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// The pairs in the order of their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + '_ {
        self.order[..self.len].iter().map(|&index| self.pairs[usize::from(index)])
    }

    /// Checks names and values, for a set that is about to be made.
    pub(crate) fn check(&self, limits: LabelLimits) -> Result<(), LabelError> {
        if self.len > limits.max_labels() {
            return Err(LabelError::TooMany { count: self.len, max: limits.max_labels() });
        }
        for (name, value) in self.iter() {
            check_label_name(name)
                .map_err(|source| LabelError::InvalidName { name: name.to_owned(), source })?;
            if value.len() > limits.max_value_length() {
                return Err(LabelError::ValueTooLong {
                    name: name.to_owned(),
                    length: value.len(),
                    max: limits.max_value_length(),
                });
            }
        }
        Ok(())
    }

    /// Checks that the names, those with empty values included, are the ones that a family declares.
    pub(crate) fn check_declared(&self, declared: &[Box<str>]) -> Result<(), LabelError> {
        let known = |(name, _): &(&str, &str)| declared.iter().any(|declared| **declared == **name);
        if self.pairs.len() == declared.len() && self.pairs.iter().all(known) {
            return Ok(());
        }
        let mut given: Vec<String> = self.pairs.iter().map(|(name, _)| (*name).to_owned()).collect();
        given.sort_unstable();
        let declared = declared.iter().map(ToString::to_string).collect();
        Err(LabelError::UndeclaredNames { given, declared })
    }

    /// `str`'s own `Hash` ends each string with a byte that UTF-8 never has, so `("ab", "c")` and `("a", "bc")` feed
    /// different bytes.
    fn compute_hash(&self) -> u64 {
        let mut hasher = HASH_KEY.build_hasher();
        for (name, value) in self.iter() {
            name.hash(&mut hasher);
            value.hash(&mut hasher);
        }
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let query = Query::new(pairs).unwrap();
        query.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn order_does_not_matter_and_empty_values_are_absent() {
        let expected = sorted(&[("a", "1"), ("b", "2"), ("c", "3")]);
        assert_eq!(sorted(&[("c", "3"), ("a", "1"), ("z", ""), ("b", "2")]), expected);
        let one = Query::new(&[("a", "1"), ("b", "2")]).unwrap().hash();
        assert_eq!(Query::new(&[("b", "2"), ("q", ""), ("a", "1")]).unwrap().hash(), one);
    }

    #[test]
    fn a_name_that_stands_twice_is_refused_even_with_an_empty_value() {
        let error = Query::new(&[("a", "1"), ("b", "2"), ("a", "")]).unwrap_err();
        assert_eq!(error, LabelError::DuplicateName { name: "a".to_owned() });
    }

    #[test]
    fn more_pairs_than_a_series_can_have_are_refused() {
        let pairs = vec![("a", "1"); MAX_LABELS + 1];
        assert!(matches!(Query::new(&pairs), Err(LabelError::TooMany { count: 65, max: 64 })));
    }
}
