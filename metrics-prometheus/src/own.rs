//! The exporter's own families, beside those of a collector.

use nilometer_core::collect::{
    CollectError, Collector, Descriptor, EscapingScheme, Point, SeriesLabels, Stopped, Visitor,
};

/// What the names of all families begin with that tell about metrics.
const ALL: &str = "nilometer";

/// Shows what `collector` shows, and then the families of `own` that it has not shown: a page has each family once, also
/// where the collector's user has registered with it what is shown here.
///
/// The names of `own` begin with `prefix`.
pub(crate) fn collect(
    collector: &(impl Collector + ?Sized),
    own: &impl Collector,
    prefix: &'static str,
    visitor: &mut dyn Visitor,
) -> Result<(), CollectError> {
    let mut watched = Watched { visitor, prefix, shown: Vec::new() };
    collector.collect(&mut watched)?;
    let Watched { visitor, shown, .. } = watched;
    if shown.is_empty() {
        own.collect(visitor)
    } else {
        own.collect(&mut Rest { shown, visitor, passes: true })
    }
}

/// Notes the families whose names begin with a prefix.
struct Watched<'a> {
    visitor: &'a mut dyn Visitor,
    prefix: &'static str,
    shown: Vec<String>,
}

impl Visitor for Watched<'_> {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        if descriptor.name().starts_with(ALL) {
            let name = descriptor.escaped_name(EscapingScheme::Underscores);
            if name.starts_with(self.prefix) {
                self.shown.push(stem(&name).to_owned());
            }
        }
        self.visitor.family(descriptor)
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        self.visitor.point(labels, point)
    }
}

/// Lets the families through that were not shown.
struct Rest<'a> {
    shown: Vec<String>,
    visitor: &'a mut dyn Visitor,
    passes: bool,
}

impl Visitor for Rest<'_> {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        let stem = stem(descriptor.name());
        self.passes = !self.shown.iter().any(|shown| shown == stem);
        if self.passes { self.visitor.family(descriptor) } else { Ok(()) }
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        if self.passes { self.visitor.point(labels, point) } else { Ok(()) }
    }
}

/// What families have in common whose samples could have one name.
fn stem(name: &str) -> &str {
    let suffixes = ["_total", "_created", "_bucket", "_sum", "_count"];
    suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use nilometer_core::collect::{CounterPoint, GaugePoint, LabelSet, MetricType};

    use super::*;

    /// Shows gauges and counters of these names.
    struct Named(&'static [&'static str]);

    impl Collector for Named {
        fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
            for name in self.0 {
                let (kind, point) = if name.ends_with("_total") {
                    (MetricType::Counter, CounterPoint::new(1_u64).into())
                } else {
                    (MetricType::Gauge, GaugePoint::new(1.0).into())
                };
                visitor.family(&Descriptor::try_new_utf8(*name, "Help.", kind)?)?;
                visitor.point(SeriesLabels::of(&LabelSet::empty()), point)?;
            }
            Ok(())
        }
    }

    /// Lists families, each with how many points it has.
    #[derive(Default)]
    struct List(Vec<(String, usize)>);

    impl Visitor for List {
        fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
            self.0.push((descriptor.name().to_owned(), 0));
            Ok(())
        }

        fn point(&mut self, _: SeriesLabels<'_>, _: Point<'_>) -> Result<(), Stopped> {
            self.0.last_mut().unwrap().1 += 1;
            Ok(())
        }
    }

    #[test]
    fn own_families_follow_unless_the_collector_has_shown_them() {
        const OWN: Named = Named(&["nilometer_a_x_total", "nilometer_a_y"]);
        let both: &[&str] = &["nilometer_a_x_total", "nilometer_a_y"];
        for (shown, expected) in [
            (&[][..], both),
            (&["up"], both),
            (&["nilometer_b_x_total", "nilometer"], both),
            (&["nilometer_a_x_total"], &["nilometer_a_y"]),
            // One name on pages of OpenMetrics.
            (&["nilometer_a_x"], &["nilometer_a_y"]),
            // One name where names are escaped.
            (&["nilometer.a.y"], &["nilometer_a_x_total"]),
            (&["nilometer_a_y", "nilometer_a_x_total"], &[]),
        ] {
            let mut list = List::default();
            collect(&Named(shown), &OWN, "nilometer_a_", &mut list).unwrap();
            let expected: Vec<_> = shown.iter().chain(expected).map(|name| ((*name).to_owned(), 1)).collect();
            assert_eq!(list.0, expected);
        }
    }
}
