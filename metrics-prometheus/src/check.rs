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

    /// Whether a state set is written: there is nothing to write of one without states, a label of the series that is
    /// named like the one of the states, as a page of this scheme has them, would stand twice, and `__name__` is no label
    /// but what Prometheus makes of the name.
    pub(crate) fn admits_states(
        &mut self,
        labels: SeriesLabels<'_>,
        states: &[(&str, bool)],
        label: &str,
        scheme: EscapingScheme,
    ) -> bool {
        let label = scheme.label_name(label);
        let admitted = !states.is_empty()
            && label != "__name__"
            && labels.iter().all(|(name, _)| scheme.label_name(name) != label);
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

/// The unit of a family: one that its name ends with, a counter's `_total` aside. Prometheus refuses a page with any
/// other, and info and state sets have none.
///
/// SPEC: OpenMetrics 1.0.0, "Unit".
pub(crate) fn unit(descriptor: &Descriptor) -> Option<&'static str> {
    let unit = measured_unit(descriptor)?;
    let name = descriptor.name();
    let name = match descriptor.metric_type() {
        MetricType::Counter => name.strip_suffix("_total").unwrap_or(name),
        _ => name,
    };
    ends_name(unit, name).then_some(unit)
}

/// The unit to write of a family that OpenMetrics text calls `family`: its name there, by whatever scheme, ends with it,
/// and it has no characters but those of names, for which there are no escapes.
///
/// SPEC: OpenMetrics 1.0.0, "Unit", and "ABNF: metric-descriptor".
pub(crate) fn written_unit(descriptor: &Descriptor, family: &str) -> Option<&'static str> {
    let is_classic = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    measured_unit(descriptor).filter(|unit| unit.bytes().all(is_classic) && ends_name(unit, family))
}

fn measured_unit(descriptor: &Descriptor) -> Option<&'static str> {
    let measures = !matches!(descriptor.metric_type(), MetricType::Info | MetricType::StateSet);
    Some(descriptor.unit().filter(|_| measures)?.as_str())
}

fn ends_name(unit: &str, name: &str) -> bool {
    let before = name.strip_suffix(unit).and_then(|before| before.strip_suffix('_'));
    !unit.is_empty() && before.is_some_and(|before| !before.is_empty())
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

    #[test]
    fn a_unit_is_written_in_open_metrics_text_where_it_ends_the_name_that_stands_there() {
        let descriptor = Descriptor::try_new("a_seconds_total", "", MetricType::Counter).unwrap();
        let descriptor = descriptor.with_unit(Unit::SECONDS);
        assert_eq!(written_unit(&descriptor, "a_seconds"), Some("seconds"));
        // By dots and by values: `a__seconds__total`, without its suffix.
        assert_eq!(written_unit(&descriptor, "a__seconds_"), None);
        let odd = Descriptor::try_new_utf8("a_x\ny", "", MetricType::Gauge).unwrap();
        assert_eq!(written_unit(&odd.with_unit(Unit::new("x\ny")), "a_x\ny"), None);
    }
}
