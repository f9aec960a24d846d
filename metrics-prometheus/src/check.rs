//! Which points have a place on a page.

use nilometer_core::collect::{Descriptor, EscapingScheme, MetricType, Point, SeriesLabels};

/// What every encoder asks before it writes a point: whether it stands in a family of its kind whose name can be
/// written. It counts those that do not.
#[derive(Default)]
pub(crate) struct Places {
    /// The kind of the family at hand, where it can be written.
    kind: Option<MetricType>,
    skipped: u64,
}

impl Places {
    pub(crate) fn family(&mut self, descriptor: &Descriptor) {
        let can_be_written = descriptor.has_valid_name() || descriptor.has_utf8_name();
        self.kind = can_be_written.then(|| descriptor.metric_type());
    }

    /// Whether the point is written.
    #[inline]
    pub(crate) fn admits(&mut self, point: &Point<'_>) -> bool {
        let admitted = self.kind == Some(point.metric_type());
        if !admitted {
            self.skip();
        }
        admitted
    }

    /// Whether a state set is written: there is nothing to write of one without states, and a label of the series that is
    /// named like the one of the states, as a page of this scheme has them, would stand twice.
    pub(crate) fn admits_states(
        &mut self,
        labels: SeriesLabels<'_>,
        states: &[(&str, bool)],
        label: &str,
        scheme: EscapingScheme,
    ) -> bool {
        let label = scheme.label_name(label);
        let admitted = !states.is_empty() && labels.iter().all(|(name, _)| scheme.label_name(name) != label);
        if !admitted {
            self.skip();
        }
        admitted
    }

    #[cold]
    fn skip(&mut self) {
        self.skipped += 1;
    }

    /// How many points were not admitted.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped
    }
}

/// The unit to write for a family: one that its name ends with, a counter's `_total` aside. Prometheus refuses a page
/// with any other, and info and state sets have none.
///
/// SPEC: OpenMetrics 1.0.0, "Unit".
pub(crate) fn unit(descriptor: &Descriptor) -> Option<&'static str> {
    let measures = !matches!(descriptor.metric_type(), MetricType::Info | MetricType::StateSet);
    let unit = descriptor.unit().filter(|_| measures)?.as_str();
    let name = descriptor.name();
    let name = match descriptor.metric_type() {
        MetricType::Counter => name.strip_suffix("_total").unwrap_or(name),
        _ => name,
    };
    let before = name.strip_suffix(unit)?.strip_suffix('_')?;
    (!unit.is_empty() && !before.is_empty()).then_some(unit)
}

/// The name of the label whose values are a state set's states: that of the family, as far as a label can have it.
///
/// SPEC: OpenMetrics 1.0.0, "StateSet": the label has the family's name. A label's name has no colons.
pub(crate) fn state_label(family: &str) -> String {
    family.replace(':', "_")
}

#[cfg(test)]
mod tests {
    use nilometer_core::collect::Unit;

    use super::*;

    #[test]
    fn a_unit_is_written_where_it_ends_the_name() {
        let of = |name, kind, suffix| {
            let descriptor = Descriptor::try_new(name, "", kind).unwrap();
            unit(&descriptor.with_unit(Unit::new(suffix)))
        };
        assert_eq!(of("a_seconds", MetricType::Gauge, "seconds"), Some("seconds"));
        assert_eq!(of("a_seconds_total", MetricType::Counter, "seconds"), Some("seconds"));
        assert_eq!(of("a_seconds_total", MetricType::Gauge, "seconds"), None);
        assert_eq!(of("a_seconds", MetricType::Info, "seconds"), None);
        assert_eq!(of("a_seconds", MetricType::StateSet, "seconds"), None);
        for (name, suffix) in [("aseconds", "seconds"), ("_seconds", "seconds"), ("a_", ""), ("a", "b")] {
            assert_eq!(of(name, MetricType::Gauge, suffix), None, "{name}");
        }
    }
}
