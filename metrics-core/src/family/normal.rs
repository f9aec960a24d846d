//! Label values that are made alike before they are looked up.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::core::FamilyCore;
use crate::label::MAX_LABELS;
use crate::metric::Metric;

/// What makes the values of one label alike.
type Normalize = dyn for<'a> Fn(&'a str) -> Cow<'a, str> + Send + Sync;

/// What makes label values alike, by the label's name.
#[derive(Clone, Default)]
pub(crate) struct Normalizers(Vec<(String, Arc<Normalize>)>);

impl Normalizers {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one for the label `name`, which comes after those that are there.
    pub(crate) fn push(
        &mut self,
        name: &str,
        normalize: impl for<'a> Fn(&'a str) -> Cow<'a, str> + Send + Sync + 'static,
    ) {
        self.0.push((name.to_owned(), Arc::new(normalize)));
    }

    /// The names of the labels that are concerned.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    fn apply<'a>(&self, name: &str, value: &'a str) -> Cow<'a, str> {
        let mut result = Cow::Borrowed(value);
        for (_, normalize) in self.0.iter().filter(|(concerned, _)| concerned == name) {
            // An empty value is no label, so that there is nothing to make alike.
            if result.is_empty() {
                break;
            }
            result = match result {
                Cow::Borrowed(value) => normalize(value),
                Cow::Owned(value) => Cow::Owned(normalize(&value).into_owned()),
            };
        }
        result
    }
}

impl fmt::Debug for Normalizers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

impl<M: Metric> FamilyCore<M> {
    pub(super) fn is_normalized(&self) -> bool {
        !self.lifetime().normalizers.is_empty()
    }

    /// Calls `f` with the pairs as the family knows them. No lock is held.
    pub(super) fn normalized<R>(&self, pairs: &[(&str, &str)], f: impl FnOnce(&[(&str, &str)]) -> R) -> R {
        // More pairs than a series can have are refused in any case.
        if !self.is_normalized() || pairs.len() > MAX_LABELS {
            return f(pairs);
        }
        let normalizers = &self.lifetime().normalizers;
        let mut values = [const { Cow::Borrowed("") }; MAX_LABELS];
        for (value, &(name, given)) in values.iter_mut().zip(pairs) {
            *value = normalizers.apply(name, given);
        }
        let mut known = [("", ""); MAX_LABELS];
        for (known, (&(name, _), value)) in known.iter_mut().zip(pairs.iter().zip(&values)) {
            *known = (name, value);
        }
        f(&known[..pairs.len()])
    }
}
