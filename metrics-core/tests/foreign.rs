//! Foreign collectors: what reaches the page, and what is counted instead.

#![expect(clippy::unwrap_used, reason = "a test helper that fails fails its test")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use common::page;
use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, Exemplar, ExponentialBuckets, ExponentialRange,
    GaugePoint, HistogramPoint, LabelSet, MetricType, Point, SeriesLabels, StateSetPoint, Stopped,
    SummaryPoint, UpDownCounterPoint, Visitor,
};
use nilometer_core::{
    Gauge, GaugeFamily, Labels, MetricsRegistry, RegisterError, Registries, RegistryConfig, Unit,
    label::LabelError,
};

/// A collector that is a closure.
struct Source<F>(F);

impl<F: Fn(&mut dyn Visitor) -> Result<(), CollectError> + Send + Sync> Collector for Source<F> {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        self.0(visitor)
    }
}

fn gauge(visitor: &mut dyn Visitor, name: &str, labels: &[(&str, &str)]) -> Result<(), CollectError> {
    visitor.family(&Descriptor::try_new(name, "G.", MetricType::Gauge)?)?;
    let labels = LabelSet::try_from_pairs(labels)?;
    Ok(visitor.point(SeriesLabels::of(&labels), GaugePoint::new(1.0).into())?)
}

type Show = fn(&mut dyn Visitor) -> Result<(), CollectError>;

/// The page of a registry that has the gauge `own` and, as the collector `c`, `show`.
fn page_with(config: RegistryConfig, show: Show) -> Vec<String> {
    let registry = MetricsRegistry::with_config(config);
    registry.register_gauge("own", "Own.").unwrap().default().set(7.0);
    registry.register_collector("c", Source(show)).unwrap();
    page(&registry)
}

#[test]
fn each_failure_is_counted_under_its_name_and_hurts_nothing_else() {
    let table: [(&str, u32, Show); 9] = [
        ("panic", 1, |visitor| {
            gauge(visitor, "kept", &[])?;
            panic!("a collector's bug")
        }),
        ("error", 1, |visitor| {
            gauge(visitor, "kept", &[])?;
            Err(CollectError::failed("no source"))
        }),
        ("name_taken", 1, |visitor| {
            gauge(visitor, "kept", &[])?;
            gauge(visitor, "own", &[])
        }),
        ("name_taken", 2, |visitor| {
            gauge(visitor, "kept", &[])?;
            visitor.family(&Descriptor::try_new("own_total", "C.", MetricType::Counter)?)?;
            visitor.family(&Descriptor::try_new("kept", "H.", MetricType::Histogram)?)?;
            Ok(())
        }),
        ("duplicate_series", 2, |visitor| {
            gauge(visitor, "kept", &[])?;
            gauge(visitor, "kept", &[])?;
            gauge(visitor, "kept", &[("a", "")])
        }),
        ("wrong_type", 2, |visitor| {
            visitor.point(SeriesLabels::of(&LabelSet::empty()), GaugePoint::new(1.0).into())?;
            gauge(visitor, "kept", &[])?;
            Ok(visitor.point(SeriesLabels::of(&LabelSet::empty()), CounterPoint::new(1_u64).into())?)
        }),
        ("constant_label", 1, |visitor| {
            gauge(visitor, "kept", &[("region", "us"), ("a", "b")])?;
            gauge(visitor, "kept", &[])
        }),
        ("invalid_descriptor", 1, |visitor| {
            gauge(visitor, "kept", &[])?;
            visitor.family(Gauge::new("a name\n", "G.", Labels::empty()).metadata())?;
            Ok(visitor.point(SeriesLabels::of(&LabelSet::empty()), GaugePoint::new(1.0).into())?)
        }),
        ("invalid_descriptor", 1, |visitor| {
            gauge(visitor, "kept", &[])?;
            let descriptor = Descriptor::try_new("wait", "G.", MetricType::Gauge)?;
            Ok(visitor.family(&descriptor.with_unit(Unit::new("a\nb")))?)
        }),
    ];
    for (reason, count, show) in table {
        let config = RegistryConfig::new().with_constant_labels(&[("region", "eu")]);
        let expected = [
            "own gauge".to_owned(),
            "  {region=\"eu\"} 7".to_owned(),
            "kept gauge".to_owned(),
            "  {region=\"eu\"} 1".to_owned(),
            "nilometer_collector_failures_total counter".to_owned(),
            format!("  {{collector=\"c\",reason=\"{reason}\",region=\"eu\"}} {count}"),
        ];
        assert_eq!(page_with(config, show), expected);
    }
}

#[test]
fn a_value_that_no_metric_of_its_kind_can_have_is_left_out_and_counted() {
    let show: Show = |visitor| {
        let none = LabelSet::empty();
        let mut show = |name, point: Point<'_>| {
            visitor.family(&Descriptor::try_new(name, "I.", point.metric_type())?)?;
            Ok::<_, CollectError>(visitor.point(SeriesLabels::of(&none), point)?)
        };
        show("c_total", CounterPoint::new(-1_i64).into())?;
        show("c_total", CounterPoint::new(-0.5).into())?;
        show("c_total", CounterPoint::new(f64::NAN).into())?;
        show("c_total", CounterPoint::new(f64::INFINITY).into())?;
        let point = HistogramPoint::try_new(&[1.0], &[u64::MAX, 1], 0.0)?;
        show("h", point.into())?;
        show("gh", Point::GaugeHistogram(point))?;
        let buckets = ExponentialRange::new(0, &[1, 2]);
        let buckets = ExponentialBuckets::try_new(0, buckets, ExponentialRange::EMPTY)?;
        let point = HistogramPoint::try_new(&[1.0], &[0, 2], 0.0)?;
        show("h", point.try_with_exponential(buckets.try_with_zero(0.0, u64::MAX)?)?.into())?;
        show("s", StateSetPoint::new(&[("on", true), ("off", false), ("on", false)]).into())?;
        show("s", StateSetPoint::new(&[("", true)]).into())?;
        show("s", StateSetPoint::new(&[]).into())
    };
    let expected = [
        "own gauge",
        "  {} 7",
        "c_total counter",
        "  {} inf",
        "h histogram",
        "gh gaugehistogram",
        "s stateset",
        "nilometer_collector_failures_total counter",
        "  {collector=\"c\",reason=\"invalid_value\"} 9",
    ];
    assert_eq!(page_with(RegistryConfig::new(), show), expected);
}

#[test]
fn what_does_not_fit_the_buffer_is_cut_at_the_end_of_a_series() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_collector_buffer(1_000));
    let endless = |visitor: &mut dyn Visitor| {
        for number in 0.. {
            // A collector that goes on though it was told to stop.
            let _ = gauge(visitor, "many", &[("n", &number.to_string())]);
            if number == 500 {
                break;
            }
        }
        Ok(())
    };
    registry.register_collector("endless", Source(endless)).unwrap();
    registry
        .register_collector("small", Source(|visitor: &mut dyn Visitor| gauge(visitor, "b", &[])))
        .unwrap();
    let page = page(&registry);
    let many = page.iter().take_while(|line| *line != "b gauge").count() - 1;
    assert!((2..20).contains(&many), "{many} series");
    let expected = ["b gauge", "  {} 1", "nilometer_collector_failures_total counter"];
    assert_eq!(page[many + 1..many + 4], expected);
    assert_eq!(page[many + 4..], ["  {collector=\"endless\",reason=\"too_large\"} 1"]);
}

#[test]
fn a_family_that_is_shown_in_pieces_is_one_family() {
    let show: Show = |visitor| {
        gauge(visitor, "a", &[("n", "1")])?;
        gauge(visitor, "b", &[])?;
        gauge(visitor, "a", &[("n", "2")])
    };
    let expected = ["own gauge", "  {} 7", "a gauge", "  {n=\"1\"} 1", "  {n=\"2\"} 1", "b gauge", "  {} 1"];
    assert_eq!(page_with(RegistryConfig::new(), show), expected);
}

#[test]
fn a_histogram_comes_through_whole() {
    let show: Show = |visitor| {
        visitor.family(&Descriptor::try_new("h", "H.", MetricType::Histogram)?)?;
        let point = HistogramPoint::try_new(&[1.0, 2.0], &[3, 0, 1], 4.5)?;
        Ok(visitor.point(SeriesLabels::of(&LabelSet::empty()), point.into())?)
    };
    let expected = ["own gauge", "  {} 7", "h histogram", "  {} 4.5 in [3, 0, 1]"];
    assert_eq!(page_with(RegistryConfig::new(), show), expected);
}

#[test]
fn an_up_down_counter_comes_through_as_what_it_is() {
    let show: Show = |visitor| {
        visitor.family(&Descriptor::try_new("jobs", "J.", MetricType::UpDownCounter)?)?;
        visitor.point(SeriesLabels::of(&LabelSet::empty()), UpDownCounterPoint::new(-4_i64).into())?;
        // On a page both are gauges; here they are two kinds, and one name.
        visitor.point(SeriesLabels::of(&LabelSet::from_pairs(&[("n", "1")])), GaugePoint::new(1.0).into())?;
        gauge(visitor, "jobs", &[("n", "2")])
    };
    let expected = [
        "own gauge",
        "  {} 7",
        "jobs gauge",
        "  {} -4",
        "nilometer_collector_failures_total counter",
        "  {collector=\"c\",reason=\"name_taken\"} 1",
        "  {collector=\"c\",reason=\"wrong_type\"} 1",
    ];
    assert_eq!(page_with(RegistryConfig::new(), show), expected);
}

#[test]
fn a_family_that_goes_during_the_scrape_still_has_its_name() {
    let registry = MetricsRegistry::new();
    registry.register_gauge("own", "Own.").unwrap().default().set(7.0);
    let inner = registry.clone();
    let source = Source(move |visitor: &mut dyn Visitor| {
        let _ = inner.unregister("own");
        gauge(visitor, "own", &[])
    });
    registry.register_collector("c", source).unwrap();
    let failures = "nilometer_collector_failures_total counter";
    let failure = "  {collector=\"c\",reason=\"name_taken\"} 1";
    assert_eq!(page(&registry), ["own gauge", "  {} 7", failures, failure]);
    assert_eq!(page(&registry), ["own gauge", "  {} 1", failures, failure]);
}

#[test]
fn a_registry_that_collects_itself_is_asked_once() {
    let registry = MetricsRegistry::new();
    let other = MetricsRegistry::with_config(RegistryConfig::new().with_self_metrics(false));
    registry.register_gauge("own", "Own.").unwrap().default().set(7.0);
    other.register_gauge("others", "Other.").unwrap().default().set(8.0);
    registry.register_collector("other", other.clone()).unwrap();
    let back = other.register_collector("back", registry.clone()).unwrap();
    let expected = [
        "own gauge",
        "  {} 7",
        "others gauge",
        "  {} 8",
        "nilometer_collector_failures_total counter",
        // Its own family, come back from within.
        "  {collector=\"other\",reason=\"name_taken\"} 1",
        "  {collector=\"other\",reason=\"cycle\"} 1",
    ];
    assert_eq!(page(&registry), expected);
    back.unregister();
}

#[test]
fn collectors_that_collect_their_registry_again_and_again_are_asked_once() {
    let asked = Arc::new(AtomicU64::new(0));
    let registries = [(); 2].map(|()| MetricsRegistry::new());
    registries[0].register_gauge("own", "Own.").unwrap().default().set(7.0);
    let mut guards = Vec::new();
    for registry in &registries {
        for number in 0..8 {
            let (asked, all) = (Arc::clone(&asked), registries.clone());
            let source = Source(move |visitor: &mut dyn Visitor| {
                asked.fetch_add(1, Ordering::Relaxed);
                gauge(visitor, &format!("g_{number}"), &[])?;
                (0..3).try_for_each(|_| all.iter().try_for_each(|registry| registry.collect(visitor)))
            });
            guards.push(registry.register_collector(number.to_string(), source).unwrap().guard());
        }
    }
    let all = Registries::new(registries.clone());
    let expected = ["own gauge", "  {} 7", "g_0 gauge", "  {} 1"];
    for _ in 0..2 {
        assert_eq!(page(&all)[..4], expected);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 32, "once in each collection");
    let cycle = "  {collector=\"0\",reason=\"cycle\"} 18".to_owned();
    assert!(page(&all).contains(&cycle), "of two registries, three times in each of three collections");
}

#[test]
fn a_collector_leaves_with_its_registration_or_its_guard() {
    let registry = MetricsRegistry::new();
    let family = GaugeFamily::new("g", "G.");
    let registration = registry.register_collector("c", family.clone()).unwrap();
    let taken = registry.register_collector("c", family.clone()).unwrap_err();
    assert_eq!(taken, RegisterError::CollectorExists { name: "c".to_owned() });
    assert_eq!(page(&registry), ["g gauge"]);
    let copy = registration.clone();
    registration.unregister();
    assert!(page(&registry).is_empty());
    let guard = registry.register_collector("c", family).unwrap().guard();
    copy.unregister();
    assert_eq!(page(&registry), ["g gauge"], "a registration that is over takes no later one along");
    drop(guard);
    assert!(page(&registry).is_empty());
}

#[test]
fn a_collector_name_that_no_page_could_hold_is_refused() {
    let registry = MetricsRegistry::new();
    let long = "c".repeat(1_025);
    let error = registry.register_collector(&long, GaugeFamily::new("g", "G.")).unwrap_err();
    let source = LabelError::ValueTooLong { name: "collector".to_owned(), length: 1_025, max: 1_024 };
    assert_eq!(error, RegisterError::CollectorName { name: long, source });
    assert!(page(&registry).is_empty());
}

#[test]
fn wrong_constant_labels_are_an_error_of_a_collectors_registration_too() {
    let config = RegistryConfig::new().with_constant_labels(&[("le", "1")]);
    let registry = MetricsRegistry::with_config(config);
    let error = registry.register_collector("c", GaugeFamily::new("g", "G.")).unwrap_err();
    assert!(matches!(error, RegisterError::ConstantLabels(_)));
}

#[test]
fn a_disabled_family_is_left_out_whoever_shows_it() {
    let config = RegistryConfig::new().with_disabled(["g", "own", "nilometer_collector_failures_total"]);
    let show: Show = |visitor| {
        gauge(visitor, "g", &[])?;
        gauge(visitor, "h", &[])?;
        Err(CollectError::failed("no source"))
    };
    assert_eq!(page_with(config, show), ["h gauge", "  {} 1"]);
}

/// Every point that it is shown, as `Debug` has it.
#[derive(Default)]
struct Points(Vec<String>);

impl Visitor for Points {
    fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        self.0.push(format!("{point:?}"));
        Ok(())
    }
}

/// Calls `each` with a point of every kind, all of whose parts are there.
fn with_points(mut each: impl FnMut(Point<'_>) -> Result<(), CollectError>) -> Result<(), CollectError> {
    let created = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
    let labels = LabelSet::try_from_pairs(&[("trace_id", "4bf92f35")])?;
    let exemplars = [Exemplar::new(&labels, 0.5, created), Exemplar::new(&labels, 7.0, created)];
    let buckets = ExponentialBuckets::try_new(
        3,
        ExponentialRange::new(-9, &[1, 0, 2]),
        ExponentialRange::new(4, &[3]),
    )?;
    let histogram = HistogramPoint::try_new(&[1.0], &[5, 3], 11.5)?
        .try_with_exponential(buckets.try_with_zero(1e-9, 2)?)?
        .exponential_only()
        .with_created(created)
        .with_exemplars(&exemplars);
    each(CounterPoint::new(7_u64).with_created(created).with_exemplar(exemplars[0]).into())?;
    each(GaugePoint::new(-3_i64).into())?;
    each(UpDownCounterPoint::new(-4_i64).with_created(created).into())?;
    each(histogram.into())?;
    each(Point::GaugeHistogram(histogram))?;
    each(SummaryPoint::try_new(&[(0.5, 1.0), (0.9, f64::INFINITY)], 9, 3.5)?.with_created(created).into())?;
    each(Point::Info)?;
    each(StateSetPoint::new(&[("off", false), ("on", true)]).into())
}

#[test]
fn points_of_every_kind_pass_through_whole() {
    let show = |visitor: &mut dyn Visitor| {
        let mut number = 0;
        with_points(|point| {
            number += 1;
            visitor.family(&Descriptor::try_new(format!("kind_{number}"), "K.", point.metric_type())?)?;
            Ok(visitor.point(SeriesLabels::of(&LabelSet::empty()), point)?)
        })
    };
    let registry = MetricsRegistry::new();
    registry.register_collector("all", Source(show)).unwrap();
    let mut shown = Points::default();
    registry.collect(&mut shown).unwrap();
    let mut expected = Vec::new();
    with_points(|point| {
        expected.push(format!("{point:?}"));
        Ok(())
    })
    .unwrap();
    assert_eq!(shown.0, expected);
    assert_eq!(expected.len(), 8);
}
