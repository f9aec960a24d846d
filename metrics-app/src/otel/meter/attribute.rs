//! Attributes as the labels of a series.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use opentelemetry::KeyValue;

use super::name::Naming;
use super::unsupported::{Reason, Unsupported};
use super::value::{push_value, text_of};

/// How many labels are put together without an allocation, those of the scope included.
const FEW: usize = 24;

/// How much room a thread keeps for text, in bytes.
const MAX_SCRATCH: usize = 4096;

thread_local! {
    /// Room for names and values that are not in an attribute as a label has them. It is taken while it is used: what is
    /// recorded meanwhile, by a source of exemplars, gets other room.
    static SCRATCH: Cell<String> = const { Cell::new(String::new()) };
}

/// How the attributes of one instrument's measurements become labels.
#[derive(Debug, Clone)]
pub(super) struct Labelling {
    pub(super) naming: Naming,
    pub(super) scope: Arc<[(String, String)]>,
    pub(super) instrument: Arc<str>,
    pub(super) unsupported: Unsupported,
}

/// How long the texts of an attribute in the scratch are; none of those that are read where they stand.
#[derive(Clone, Copy, Default)]
struct Lengths {
    name: usize,
    value: usize,
}

impl Labelling {
    /// Counts something that was not done as it was asked for.
    pub(super) fn count(&self, reason: Reason) {
        self.unsupported.count(&self.instrument, reason);
    }

    /// Calls `f` with the labels of a series: the scope's and those of the attributes, in any order.
    ///
    /// Nothing is allocated, once a thread has its scratch, if there are only a few of them and no two attributes become
    /// one label.
    pub(super) fn with<R>(&self, attributes: &[KeyValue], f: impl FnOnce(&[(&str, &str)]) -> R) -> R {
        let count = self.scope.len() + attributes.len();
        if count > FEW {
            return self.with_many(attributes, f);
        }
        let mut scratch = SCRATCH.try_with(Cell::take).unwrap_or_default();
        scratch.clear();
        let mut lengths = [Lengths::default(); FEW];
        for (KeyValue { key, value, .. }, lengths) in attributes.iter().zip(&mut lengths) {
            let start = scratch.len();
            if !self.naming.is_label(key.as_str()) {
                self.naming.push_label(key.as_str(), &mut scratch);
            }
            let middle = scratch.len();
            if text_of(value).is_none() {
                push_value(value, &mut scratch);
            }
            *lengths = Lengths { name: middle - start, value: scratch.len() - middle };
        }
        let mut pairs = [("", ""); FEW];
        for ((name, value), pair) in self.scope.iter().zip(&mut pairs) {
            *pair = (name, value);
        }
        let mut texts = scratch.as_str();
        let own = attributes.iter().zip(lengths).zip(&mut pairs[self.scope.len()..]);
        for ((KeyValue { key, value, .. }, lengths), pair) in own {
            let (name, rest) = texts.split_at(lengths.name);
            let (text, rest) = rest.split_at(lengths.value);
            texts = rest;
            *pair = (if lengths.name == 0 { key.as_str() } else { name }, text_of(value).unwrap_or(text));
        }
        let pairs = &pairs[..count];
        let is_taken = |at: usize| pairs[..at].iter().any(|(name, _)| *name == pairs[at].0);
        let result =
            if (self.scope.len()..count).any(is_taken) { self.with_many(attributes, f) } else { f(pairs) };
        if scratch.capacity() <= MAX_SCRATCH {
            let _ = SCRATCH.try_with(|room| room.set(scratch));
        }
        result
    }

    /// The same for any number of attributes, and where several become one label.
    ///
    /// SPEC: OpenTelemetry, "Common specification concepts", attribute collections: of several values of one key, the last
    /// counts. "Prometheus and OpenMetrics Compatibility", "Metric Attributes": the values of keys that become one label
    /// are joined with `;`, in the order of the keys.
    #[cold]
    fn with_many<R>(&self, attributes: &[KeyValue], f: impl FnOnce(&[(&str, &str)]) -> R) -> R {
        let by_key: BTreeMap<&str, &KeyValue> =
            attributes.iter().map(|attribute| (attribute.key.as_str(), attribute)).collect();
        let mut labels: BTreeMap<String, String> = BTreeMap::new();
        let mut is_of_scope = false;
        for (key, attribute) in by_key {
            let mut name = String::new();
            self.naming.push_label(key, &mut name);
            if self.scope.iter().any(|(taken, _)| *taken == name) {
                is_of_scope = true;
                continue;
            }
            match labels.entry(name) {
                Entry::Vacant(free) => push_value(&attribute.value, free.insert(String::new())),
                Entry::Occupied(mut taken) => {
                    taken.get_mut().push(';');
                    push_value(&attribute.value, taken.get_mut());
                }
            }
        }
        if is_of_scope {
            self.count(Reason::ScopeAttribute);
        }
        let own = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let scope = self.scope.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs: Vec<(&str, &str)> = scope.chain(own).collect();
        f(&pairs)
    }
}

#[cfg(test)]
mod tests {
    use nilometer_core::MetricsRegistry;

    use super::*;

    fn labelling(is_utf8: bool, scope: &[(&str, &str)]) -> (MetricsRegistry, Labelling) {
        let registry = MetricsRegistry::new();
        let unsupported = Unsupported::register(&registry).unwrap();
        let scope = scope.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let naming = Naming { is_utf8, has_suffixes: true };
        (registry, Labelling { naming, scope, instrument: "x".into(), unsupported })
    }

    fn labels(labelling: &Labelling, attributes: &[KeyValue]) -> Vec<(String, String)> {
        let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let mut labels: Vec<_> = labelling.with(attributes, |pairs| pairs.iter().map(own).collect());
        labels.sort();
        labels
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn attributes_become_labels_beside_the_scope_s() {
        let (_registry, labelling) = labelling(false, &[("otel_scope_name", "lib")]);
        let attributes = [
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("status", 200),
            KeyValue::new("ratio.of", 0.5),
            KeyValue::new("is.retry", true),
            KeyValue::new("plain", "text"),
        ];
        let expected = [
            ("http_request_method", "GET"),
            ("is_retry", "true"),
            ("otel_scope_name", "lib"),
            ("plain", "text"),
            ("ratio_of", "0.5"),
            ("status", "200"),
        ];
        assert_eq!(labels(&labelling, &attributes), owned(&expected));
    }

    #[test]
    fn keys_stay_what_they_are_where_names_can_hold_any_characters() {
        let (_registry, labelling) = labelling(true, &[]);
        let attributes = [KeyValue::new("http.method", "GET"), KeyValue::new("http_method", "PUT")];
        assert_eq!(labels(&labelling, &attributes), owned(&[("http.method", "GET"), ("http_method", "PUT")]));
    }

    #[test]
    fn the_last_of_several_values_of_a_key_counts_and_others_are_joined() {
        let (_registry, labelling) = labelling(false, &[]);
        let attributes = [
            KeyValue::new("b", "old"),
            KeyValue::new("a_b", "3"),
            KeyValue::new("a.b", "2"),
            KeyValue::new("b", "new"),
            KeyValue::new("a-b", 1),
        ];
        assert_eq!(labels(&labelling, &attributes), owned(&[("a_b", "1;2;3"), ("b", "new")]));
    }

    #[test]
    fn a_label_of_the_scope_stays_and_what_would_be_it_is_counted() {
        let (_registry, labelling) = labelling(false, &[("otel_scope_name", "lib")]);
        let attributes = [KeyValue::new("otel.scope.name", "other"), KeyValue::new("a", "1")];
        assert_eq!(labels(&labelling, &attributes), owned(&[("a", "1"), ("otel_scope_name", "lib")]));
        assert_eq!(labelling.unsupported.counter("x", Reason::ScopeAttribute).get(), 1);
    }

    #[test]
    fn any_number_of_attributes_is_passed_on() {
        let (_registry, labelling) = labelling(false, &[("otel_scope_name", "lib")]);
        for count in [0, 1, FEW - 1, FEW, 70] {
            let attributes: Vec<KeyValue> = (0..count)
                .map(|at| KeyValue::new(format!("key.{at:02}"), i64::try_from(at).unwrap()))
                .collect();
            let labels = labels(&labelling, &attributes);
            assert_eq!(labels.len(), count + 1);
            for at in 0..count {
                assert!(labels.contains(&(format!("key_{at:02}"), at.to_string())));
            }
        }
    }

    #[test]
    fn what_is_recorded_meanwhile_has_room_of_its_own() {
        let (_registry, labelling) = labelling(false, &[]);
        let outer = labelling.with(&[KeyValue::new("a.b", 1)], |pairs| {
            let inner = labels(&labelling, &[KeyValue::new("c.d", 2)]);
            assert_eq!(inner, owned(&[("c_d", "2")]));
            owned(pairs)
        });
        assert_eq!(outer, owned(&[("a_b", "1")]));
    }
}
