//! Handles and families for code that runs without metrics.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use common::page;
use nilometer_core::declare::{Field, Handles, MetricField, Metrics, Scope};
use nilometer_core::label::TypedLabels;
use nilometer_core::label::{ClosedLabelValue, LabelValue, ValueBuffer};
use nilometer_core::{
    Counter, CounterFamily, Family, FloatCounter, FloatCounterFamily, Gauge, GaugeHistogram,
    GaugeHistogramFamily, Histogram, HistogramFamily, Info, InfoFamily, IntGauge, IntGaugeFamily,
    LongTaskTimer, MaxGauge, MaxGaugeFamily, MetricType, MetricsRegistry, MinGauge, MinGaugeFamily, StateSet,
    StateSetFamily, Summary, SummaryFamily, UpDownCounter,
};

#[test]
fn handles_record_each_for_itself() {
    let (one, other) = (Counter::noop(), Counter::noop());
    one.clone().inc_by(2);
    other.inc();
    assert_eq!((one.get(), other.get()), (2, 1));
    let (gauge, open, wait) = (Gauge::noop(), UpDownCounter::noop(), Histogram::noop());
    gauge.set(1.5);
    open.dec();
    drop(wait.start_timer());
    wait.observe(f64::NAN);
    assert_eq!((gauge.get(), open.get(), wait.snapshot().count()), (1.5, -1, 1));
}

/// What `#[derive(LabelValue)]` makes of an enum.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Light {
    Red,
    Green,
}

impl LabelValue for Light {
    fn as_value<'a>(&'a self, _: &'a mut ValueBuffer) -> &'a str {
        Light::VALUES[*self as usize]
    }
}

impl ClosedLabelValue for Light {
    const VALUES: &'static [&'static str] = &["red", "green"];

    fn index(&self) -> usize {
        *self as usize
    }
}

#[test]
fn handles_of_the_kinds_that_few_programs_need_record_too() {
    let (energy, depth) = (FloatCounter::noop(), IntGauge::noop());
    energy.inc_by(0.5);
    energy.inc_by(f64::NAN);
    depth.set(-3);
    assert_eq!((energy.get(), depth.get()), (0.5, -3));
    let (peak, low) = (MaxGauge::noop(), MinGauge::noop());
    for value in [1.0, 3.0, 2.0] {
        peak.observe(value);
        low.observe(value);
    }
    assert_eq!((peak.get(), low.get()), (Some(3.0), Some(1.0)));
    let queued = GaugeHistogram::noop();
    queued.add(2.5);
    drop(queued.track(f64::INFINITY));
    assert_eq!((queued.snapshot().count(), queued.snapshot().sum()), (1, 2.5));
    let wait = Summary::noop();
    for value in [1.0, 3.0, 2.0] {
        wait.observe(value);
    }
    assert_eq!((wait.snapshot().count(), wait.snapshot().sum()), (3, 6.0));
    let light = StateSet::<Light>::noop();
    light.set(Light::Green);
    assert!(light.is_enabled(Light::Green) && !light.is_enabled(Light::Red));
    assert_eq!(Info::noop().metadata().metric_type(), MetricType::Info);
    let imports = LongTaskTimer::noop();
    let task = imports.start();
    assert_eq!(imports.active(), 1);
    drop(task);
    assert_eq!((imports.active(), LongTaskTimer::noop().active()), (0, 0));
}

#[test]
fn families_of_the_kinds_that_few_programs_need_make_no_series() {
    let registry = MetricsRegistry::new();
    macro_rules! check {
        ($($family:ty),*) => {$({
            let family = <$family>::noop();
            let _ = family.get_or_create(&[("a", "1")]);
            let _ = family.get_or_create(&[("a", "2")]);
            assert!(family.is_empty());
            registry.register(&family).unwrap();
        })*};
    }
    check!(
        FloatCounterFamily,
        IntGaugeFamily,
        MaxGaugeFamily,
        MinGaugeFamily,
        GaugeHistogramFamily,
        InfoFamily,
        StateSetFamily<Light>,
        SummaryFamily
    );
    assert!(page(&registry).is_empty());
}

#[test]
fn a_family_makes_no_series_whatever_it_is_asked_for() {
    let family = CounterFamily::noop();
    let long = "x".repeat(1 << 20);
    for labels in [&[][..], &[("a", "1")], &[("a", "2"), ("b", "3")], &[("le", "1")], &[("a", &long)]] {
        family.get_or_create(labels).inc();
        family.try_get_or_create(labels).unwrap().inc();
        family.with(labels, Counter::inc);
    }
    family.default().inc();
    assert!(family.is_empty());
    assert_eq!(family.get_or_create(&[("c", "1")]).get(), 16, "one series has it all");

    let registry = MetricsRegistry::new();
    registry.register(&family).unwrap();
    registry.register(&HistogramFamily::noop()).unwrap();
    assert!(page(&registry).is_empty());
    assert!(page(&family).is_empty());
    assert!(registry.register_gauge("noop", "The name is free.").is_ok());
}

/// Labels of which all values are known.
struct Side(bool);

impl TypedLabels for Side {
    type Schema = Side;

    const NAMES: &'static [&'static str] = &["side"];
    const CARDINALITY: Option<usize> = Some(2);

    fn with_pairs<R>(&self, f: impl FnOnce(&[(&str, &str)]) -> R) -> R {
        f(&[("side", if self.0 { "right" } else { "left" })])
    }

    fn closed_index(&self) -> Option<usize> {
        Some(usize::from(self.0))
    }
}

#[test]
fn a_family_of_closed_labels_has_one_series_too() {
    let family = Family::<Side, Counter>::noop();
    for _ in 0..3 {
        family.with(&Side(true), Counter::inc);
        family.get_or_create(&Side(false)).inc();
    }
    assert_eq!((family.get_or_create(&Side(true)).get(), family.len()), (6, 0));
}

/// What no registry takes: two families of one name, which is no name, and bounds that are no bounds.
struct Wrong {
    total: Counter,
    wait: Family<Side, Histogram>,
    depth: Option<Gauge>,
    imports: LongTaskTimer,
    queued: GaugeHistogram,
}

impl Metrics for Wrong {
    fn declare(scope: &mut Scope) {
        Counter::declare(scope, Field::new("no name", "X."));
        Family::<Side, Histogram>::declare(scope, Field::new("no name", "X.").with_buckets(&[2.0, 1.0]));
        Option::<Gauge>::declare(scope, Field::new("depth", "Depth."));
        LongTaskTimer::declare(scope, Field::new("no name", "X."));
        GaugeHistogram::declare(scope, Field::new("queued", "X."));
    }

    fn build(handles: &mut Handles) -> Self {
        Wrong {
            total: MetricField::build(handles),
            wait: MetricField::build(handles),
            depth: MetricField::build(handles),
            imports: MetricField::build(handles),
            queued: MetricField::build(handles),
        }
    }
}

#[test]
fn a_struct_without_a_registry_cannot_fail() {
    assert!(Wrong::register(&MetricsRegistry::new()).is_err());
    let metrics = catch_unwind(AssertUnwindSafe(Wrong::noop)).unwrap();
    metrics.total.inc();
    metrics.wait.get_or_create(&Side(true)).observe(1.0);
    assert_eq!((metrics.total.get(), metrics.wait.len()), (1, 0));
    let tasks = [metrics.imports.start(), metrics.imports.start()];
    assert_eq!((metrics.imports.active(), Wrong::noop().imports.active()), (2, 0), "each for itself");
    drop(tasks);
    assert_eq!(metrics.imports.active(), 0);
    metrics.queued.add(1.0);
    assert_eq!(metrics.queued.snapshot().count(), 1);
    assert!(metrics.depth.is_none(), "what is optional is not there");
    assert!(Option::<Wrong>::noop().is_none());
}
