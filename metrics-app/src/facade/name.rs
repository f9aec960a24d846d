//! What metrics and labels of the facade are called in the registry.

use std::borrow::Cow;

use nilometer_core::Unit;
use nilometer_core::name::{EscapingScheme, has_suffix};

/// How names become those of a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Naming {
    /// How characters are written that the registry does not take.
    pub(super) escaping: EscapingScheme,
    /// Whether names end with the unit, and counters' with `_total`.
    pub(super) has_suffixes: bool,
}

impl Naming {
    /// The name of a family, before the registry's prefix, and the unit that it declares: that which was described, where
    /// the name ends with it.
    pub(super) fn family(
        self,
        name: &str,
        described: Option<metrics::Unit>,
        is_counter: bool,
    ) -> (String, Option<Unit>) {
        let unit = described.and_then(unit_of);
        let mut full = name.to_owned();
        if self.has_suffixes {
            let is_total = has_suffix(&full, "total");
            if is_total {
                full.truncate(full.len() - "_total".len());
            }
            if let Some(unit) = unit
                && !has_suffix(&full, unit.as_str())
            {
                full.push('_');
                full.push_str(unit.as_str());
            }
            if is_total || is_counter {
                full.push_str("_total");
            }
        }
        let full = self.escaping.metric_name(&full).into_owned();
        let base = full.strip_suffix("_total").unwrap_or(&full);
        let unit = unit.filter(|unit| has_suffix(base, unit.as_str()));
        (full, unit)
    }

    /// The name of the label that a key's label becomes.
    pub(super) fn label(self, name: &str) -> Cow<'_, str> {
        self.escaping.label_name(name)
    }
}

/// The unit as the names of Prometheus spell it; a count has none.
fn unit_of(unit: metrics::Unit) -> Option<Unit> {
    (unit != metrics::Unit::Count).then(|| Unit::new(unit.as_str()))
}

#[cfg(test)]
mod tests {
    use metrics::Unit as Asked;

    use super::*;

    const PLAIN: Naming = Naming { escaping: EscapingScheme::Underscores, has_suffixes: false };
    const SUFFIXED: Naming = Naming { escaping: EscapingScheme::Underscores, has_suffixes: true };

    #[test]
    fn names_keep_their_ends_unless_suffixes_are_asked_for() {
        let table = [
            ("http.requests", None, true, "http_requests", "http_requests_total"),
            ("requests_total", Some(Asked::Count), true, "requests_total", "requests_total"),
            ("sent_total", Some(Asked::Bytes), true, "sent_total", "sent_bytes_total"),
            ("wait", Some(Asked::Seconds), false, "wait", "wait_seconds"),
            ("wait_seconds", Some(Asked::Seconds), false, "wait_seconds", "wait_seconds"),
            ("cpu", Some(Asked::Percent), false, "cpu", "cpu_percent"),
            ("9.lives", None, false, "__lives", "__lives"),
            ("a--b", None, false, "a__b", "a__b"),
        ];
        for (name, unit, is_counter, plain, suffixed) in table {
            assert_eq!(PLAIN.family(name, unit, is_counter).0, plain);
            assert_eq!(SUFFIXED.family(name, unit, is_counter).0, suffixed);
        }
    }

    #[test]
    fn a_unit_is_declared_where_the_name_ends_with_it() {
        let unit = |naming: Naming, name| naming.family(name, Some(Asked::Seconds), false).1;
        assert_eq!(unit(PLAIN, "wait_seconds"), Some(Unit::SECONDS));
        assert_eq!(unit(PLAIN, "wait.seconds"), Some(Unit::SECONDS));
        assert_eq!(unit(PLAIN, "wait"), None);
        assert_eq!(unit(SUFFIXED, "wait"), Some(Unit::SECONDS));
        assert_eq!(SUFFIXED.family("wait", Some(Asked::Count), false), ("wait".to_owned(), None));
    }

    #[test]
    fn other_schemes_keep_names_apart() {
        for escaping in [EscapingScheme::Values, EscapingScheme::Dots, EscapingScheme::AllowUtf8] {
            let naming = Naming { escaping, has_suffixes: true };
            let name = |name| naming.family(name, Some(Asked::Seconds), false).0;
            assert_ne!(name("a.b"), name("a_b"), "{escaping}");
            assert_ne!(naming.label("a.b"), naming.label("a_b"), "{escaping}");
        }
    }
}
