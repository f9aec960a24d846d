//! The exporter's own families, beside those of a collector.

use std::mem;
use std::sync::LazyLock;

use nilometer_core::collect::{
    CollectError, Collector, Descriptor, EscapingScheme, GaugePoint, LabelSet, MetricType, Point,
    SeriesLabels, Stopped, Visitor,
};

/// What the names of all families begin with that tell about metrics.
const ALL: &str = "nilometer";

/// How many series each family of a collector has. A registry has a family of this name as well, which it shows if it is
/// told to.
static SERIES: LazyLock<Descriptor> = LazyLock::new(|| {
    Descriptor::try_new("nilometer_series", "Series of each family.", MetricType::Gauge)
        .expect("the name is valid")
});

/// What an exporter shows of its own.
pub(crate) struct Own<'a, C> {
    pub(crate) families: &'a C,
    /// What the names of all of them begin with.
    pub(crate) prefix: &'static str,
    /// Whether it shows as well how many series each family of the collector has.
    pub(crate) with_series: bool,
}

/// Shows what `collector` shows, and then what of `own` it has not shown: a page has each family once, also where the
/// collector's user has registered with it what is shown here.
pub(crate) fn collect(
    collector: &(impl Collector + ?Sized),
    own: &Own<'_, impl Collector>,
    visitor: &mut dyn Visitor,
) -> Result<(), CollectError> {
    let mut watched = Watched::new(own.prefix, visitor);
    watched.counts = own.with_series.then(Vec::new);
    collector.collect(&mut watched)?;
    watched.show_series()?;
    watched.show_rest(own.families)
}

/// Notes the families whose names begin with a prefix, and counts series if it should.
struct Watched<'a> {
    visitor: &'a mut dyn Visitor,
    prefix: &'static str,
    shown: Vec<String>,
    /// The families before the one at hand that have series, with how many.
    counts: Option<Vec<(String, u64)>>,
    /// The family at hand, where it is counted.
    name: String,
    series: u64,
}

impl<'a> Watched<'a> {
    fn new(prefix: &'static str, visitor: &'a mut dyn Visitor) -> Watched<'a> {
        Watched { visitor, prefix, shown: Vec::new(), counts: None, name: String::new(), series: 0 }
    }

    /// Ends the family at hand.
    fn count(&mut self) {
        let (name, series) = (mem::take(&mut self.name), mem::take(&mut self.series));
        if let Some(counts) = self.counts.as_mut().filter(|_| series > 0 && !name.is_empty()) {
            counts.push((name, series));
        }
    }

    fn show_series(&mut self) -> Result<(), Stopped> {
        self.count();
        let counts = self.counts.take().unwrap_or_default();
        if !counts.is_empty() {
            self.visitor.family(&SERIES)?;
        }
        for (name, series) in counts {
            // A name that is too long for a label's value has no series here: two of them would be one.
            let Ok(labels) = LabelSet::try_from_pairs(&[("family", &name)]) else { continue };
            self.visitor.point(SeriesLabels::of(&labels), GaugePoint::new(series).into())?;
        }
        Ok(())
    }

    fn show_rest(self, own: &impl Collector) -> Result<(), CollectError> {
        let Watched { visitor, shown, .. } = self;
        if shown.is_empty() {
            own.collect(visitor)
        } else {
            own.collect(&mut Rest { shown, visitor, passes: true })
        }
    }
}

impl Visitor for Watched<'_> {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        self.count();
        if descriptor.name().starts_with(ALL) {
            let name = descriptor.escaped_name(EscapingScheme::Underscores);
            if name.starts_with(self.prefix) {
                self.shown.push(stem(&name).to_owned());
            }
            if stem(&name) == SERIES.name() {
                self.counts = None;
            }
        } else if self.counts.is_some() {
            descriptor.name().clone_into(&mut self.name);
        }
        self.visitor.family(descriptor)
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        self.series += 1;
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
    let suffixes = ["_total", "_created", "_bucket", "_sum", "_count", "_info"];
    suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use nilometer_core::collect::{CounterPoint, GaugePoint, LabelSet, MetricType};

    use super::*;

    fn own(families: &Named, with_series: bool) -> Own<'_, Named> {
        Own { families, prefix: "nilometer_a_", with_series }
    }

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

    /// Shows gauges of so many series.
    struct Of(&'static [(&'static str, u64)]);

    impl Collector for Of {
        fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
            for (name, series) in self.0 {
                visitor.family(&Descriptor::try_new(*name, "Help.", MetricType::Gauge)?)?;
                for index in 0..*series {
                    let labels = LabelSet::from_pairs(&[("index", &index.to_string())]);
                    visitor.point(SeriesLabels::of(&labels), GaugePoint::new(1.0).into())?;
                }
            }
            Ok(())
        }
    }

    /// What a page of text has of `nilometer_series`.
    fn series(families: &'static [(&'static str, u64)]) -> Vec<String> {
        struct Counted(Of);
        impl Collector for Counted {
            fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
                collect(&self.0, &own(&Named(&[]), true), visitor)
            }
        }
        let page = crate::PrometheusRenderer::render_all(&Counted(Of(families)));
        page.lines().filter(|line| line.starts_with("nilometer_series")).map(str::to_owned).collect()
    }

    #[test]
    fn the_series_of_each_family_are_counted_unless_the_collector_has_shown_them() {
        assert_eq!(
            series(&[("a", 2), ("empty", 0), ("nilometer_x", 4), ("z", 1)]),
            ["nilometer_series{family=\"a\"} 2", "nilometer_series{family=\"z\"} 1"]
        );
        let shown = series(&[("a", 2), ("nilometer_series", 1), ("z", 1)]);
        assert_eq!(shown, ["nilometer_series{index=\"0\"} 1"]);
        assert!(series(&[]).is_empty());
    }

    #[test]
    fn names_that_are_too_long_for_a_label_make_no_equal_series() {
        let [one, other] = ["a", "b"].map(|end| &*format!("{}{end}", "x".repeat(1024)).leak());
        let shown = series(Vec::leak(vec![(one, 1), ("a", 2), (other, 3)]));
        assert_eq!(shown, ["nilometer_series{family=\"a\"} 2"]);
    }

    #[test]
    fn no_series_are_counted_beside_a_family_of_that_name_on_openmetrics_pages() {
        for shown in ["nilometer_series_total", "nilometer_series_info"] {
            let families = Vec::leak(vec![("a", 2), (shown, 1)]);
            assert_eq!(series(families), [format!("{shown}{{index=\"0\"}} 1")]);
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
            (&["nilometer_a_x_info"], &["nilometer_a_y"]),
            // One name where names are escaped.
            (&["nilometer.a.y"], &["nilometer_a_x_total"]),
            (&["nilometer_a_y", "nilometer_a_x_total"], &[]),
        ] {
            let mut list = List::default();
            collect(&Named(shown), &own(&OWN, false), &mut list).unwrap();
            let expected: Vec<_> = shown.iter().chain(expected).map(|name| ((*name).to_owned(), 1)).collect();
            assert_eq!(list.0, expected);
        }
    }
}
