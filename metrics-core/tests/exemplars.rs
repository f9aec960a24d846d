//! Exemplars: given, taken from a source, dropped, and forgotten with their series.

#![expect(clippy::unwrap_used, reason = "a test helper that fails fails its test")]

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use nilometer_core::collect::{Collector, Descriptor, Exemplar, Point, SeriesLabels, Stopped, Visitor};
use nilometer_core::{
    Counter, ExemplarError, ExemplarSource, Histogram, LabelSet, MetricsRegistry, RegistryConfig,
    StaticCounter,
};

/// Every exemplar that is shown, as `name value{labels}`, and every dropped count.
#[derive(Default)]
struct Shown {
    family: String,
    lines: Vec<String>,
    times: Vec<SystemTime>,
}

impl Shown {
    fn add(&mut self, exemplar: Exemplar<'_>) {
        let labels = exemplar.labels().as_prometheus();
        self.lines.push(format!("{} {}{labels}", self.family, exemplar.value()));
        self.times.push(exemplar.time());
    }
}

impl Visitor for Shown {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        descriptor.name().clone_into(&mut self.family);
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        match point {
            Point::Counter(point) => {
                point.exemplar().into_iter().for_each(|exemplar| self.add(exemplar));
                if self.family == "nilometer_exemplars_dropped_total" {
                    let labels: Vec<String> = labels.iter().map(|(_, value)| value.to_owned()).collect();
                    self.lines.push(format!("dropped {} {}", labels.join(" "), point.total().as_f64()));
                }
            }
            Point::Histogram(point) => point.exemplars().iter().for_each(|exemplar| self.add(*exemplar)),
            _ => {}
        }
        Ok(())
    }
}

fn shown(registry: &MetricsRegistry) -> Vec<String> {
    let mut shown = Shown::default();
    registry.collect(&mut shown).unwrap();
    shown.lines
}

#[test]
fn each_bucket_shows_the_last_exemplar_that_it_was_given() {
    let registry = MetricsRegistry::new();
    let wait = registry.register_histogram("wait_seconds", "W.", &[1.0, 2.0]).unwrap();
    let failures = registry.register_counter("failures_total", "F.").unwrap();
    let before = SystemTime::now();
    let series = wait.get_or_create(&[("a", "1")]);
    series.observe_with_exemplar(9.0, &[("trace_id", "late")]);
    series.observe_with_exemplar(0.5, &[("trace_id", "first")]);
    series.observe_with_exemplar(1.0, &[("trace_id", "\"quoted\""), ("span_id", "s")]);
    series.observe(1.5);
    failures.default().inc_with_exemplar(&[]);
    failures.default().try_inc_by_with_exemplar(6, &[("trace_id", "t")]).unwrap();

    let mut all = Shown::default();
    registry.collect(&mut all).unwrap();
    assert_eq!(
        all.lines,
        [
            "failures_total 6{trace_id=\"t\"}",
            "wait_seconds 1{span_id=\"s\",trace_id=\"\\\"quoted\\\"\"}",
            "wait_seconds 9{trace_id=\"late\"}",
        ]
    );
    assert!(all.times.iter().all(|time| (before..=SystemTime::now()).contains(time)));
    assert_eq!((series.snapshot().count(), failures.default().get()), (4, 7));
}

#[test]
fn what_is_wrong_with_an_exemplar_is_told_and_counted_and_the_observation_stays() {
    let registry = MetricsRegistry::new();
    let wait = registry.register_histogram("wait_seconds", "W.", &[1.0]).unwrap().default();
    let long = "x".repeat(121);
    let fits = "\u{1f30a}".repeat(120);
    let error = wait.try_observe_with_exemplar(0.1, &[("trace_id", &long)]).unwrap_err();
    assert_eq!(error, ExemplarError::TooLong { length: 129 });
    let twice = [("a", "1"), ("a", "2")];
    assert!(matches!(wait.try_observe_with_exemplar(0.2, &twice), Err(ExemplarError::Labels(_))));
    assert!(matches!(
        wait.try_observe_with_exemplar(0.3, &[("not a name", "x")]),
        Err(ExemplarError::Labels(_))
    ));
    wait.observe_with_exemplar(f64::NAN, &[("trace_id", "nan")]);
    assert_eq!(shown(&registry), ["dropped wait_seconds invalid 3"]);
    wait.try_observe_with_exemplar(0.4, &[("trace_id", &fits)]).unwrap();
    assert_eq!(wait.snapshot().count(), 4);
    let lines = shown(&registry);
    assert!(lines[0].starts_with("wait_seconds 0.4{trace_id="), "{lines:?}");
    assert_eq!(lines[1..], ["dropped wait_seconds invalid 3"]);
}

thread_local! {
    static SPAN: Cell<u64> = const { Cell::new(0) };
}

/// The span that the thread is in; counts how often it is asked.
#[derive(Clone, Default)]
struct CurrentSpan(Arc<AtomicU64>);

impl ExemplarSource for CurrentSpan {
    fn exemplar(&self) -> Option<LabelSet> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let span = SPAN.get();
        assert_ne!(span, 13, "a source that panics");
        (span > 0).then(|| LabelSet::from_pairs(&[("span_id", &span.to_string())]))
    }
}

fn sampled(interval: Duration) -> (MetricsRegistry, CurrentSpan) {
    let source = CurrentSpan::default();
    let config = RegistryConfig::new().with_exemplar_source(source.clone()).with_exemplar_interval(interval);
    (MetricsRegistry::with_config(config), source)
}

#[test]
fn a_source_is_asked_once_for_each_thread_bucket_and_collection() {
    let (registry, source) = sampled(Duration::ZERO);
    let wait = registry.register_histogram("wait_seconds", "W.", &[1.0, 2.0]).unwrap().default();
    let jobs = registry.register_counter("jobs_total", "J.").unwrap().default();
    let work = |span: u64| {
        SPAN.set(span);
        for value in [0.5, 0.6, 1.5, 9.0, 9.5] {
            wait.observe(value);
            jobs.inc();
        }
    };
    work(1);
    assert_eq!(source.0.load(Ordering::Relaxed), 4, "three buckets and a counter");
    thread::scope(|scope| scope.spawn(|| work(2)).join()).unwrap();
    assert_eq!(source.0.load(Ordering::Relaxed), 8);
    let expected = |span: u64| {
        let line = |of: &str| format!("{of}{{span_id=\"{span}\"}}");
        ["jobs_total 1", "wait_seconds 0.5", "wait_seconds 1.5", "wait_seconds 9"].map(line)
    };
    assert_eq!(shown(&registry), expected(2));
    work(3);
    assert_eq!(source.0.load(Ordering::Relaxed), 12);
    assert_eq!(shown(&registry), expected(3));
    work(0);
    assert_eq!(shown(&registry), expected(3), "without a span, what was there stays");
    assert_eq!((jobs.get(), wait.snapshot().count()), (20, 20));
}

#[test]
fn without_collections_or_within_the_interval_a_source_is_not_asked_again() {
    let (registry, source) = sampled(Duration::from_hours(1));
    let jobs = registry.register_counter("jobs_total", "J.").unwrap().default();
    let asked = || source.0.load(Ordering::Relaxed);
    (0..1000).for_each(|_| jobs.inc());
    assert_eq!(asked(), 1);
    // The first collection begins an interval; the others come too early.
    for _ in 0..3 {
        shown(&registry);
        (0..1000).for_each(|_| jobs.inc());
    }
    assert_eq!((asked(), jobs.get()), (2, 4000));
}

#[test]
fn a_family_can_do_without_and_a_source_that_panics_is_counted() {
    let (registry, source) = sampled(Duration::ZERO);
    let without = registry.family::<Counter>("without_total", "W.").without_exemplars().register().unwrap();
    without.default().inc();
    assert_eq!(source.0.load(Ordering::Relaxed), 0);
    let jobs = registry.family::<Histogram>("jobs", "J.").with_buckets(&[1.0]).register().unwrap().default();
    SPAN.set(13);
    jobs.observe(1.0);
    assert_eq!(shown(&registry), ["dropped jobs source 1"]);
    assert_eq!(jobs.snapshot().count(), 1);
}

#[test]
fn the_exemplars_of_a_series_go_with_it() {
    let registry = MetricsRegistry::new();
    let jobs = registry.register_counter("jobs_total", "J.").unwrap();
    for round in 0..100 {
        let labels = [("job", &*format!("{round}"))];
        jobs.get_or_create(&labels).inc_with_exemplar(&[("trace_id", "t")]);
        assert_eq!(
            shown(&registry).len(),
            1,
            "of the series before, freed at the same address, nothing is left"
        );
        assert!(jobs.remove(&labels));
        let _ = jobs.get_or_create(&[("job", "other")]);
        assert!(shown(&registry).is_empty());
        assert!(jobs.remove(&[("job", "other")]));
    }
}

#[test]
fn the_series_of_a_static_is_not_sampled_and_spoils_nothing() {
    static JOBS: StaticCounter = StaticCounter::new("jobs_total", "J.");
    let (registry, source) = sampled(Duration::ZERO);
    SPAN.set(1);
    let jobs = JOBS.register(&registry).unwrap();
    let other = registry.register_counter("other_total", "O.").unwrap().default();
    thread::scope(|scope| {
        scope.spawn(|| {
            SPAN.set(1);
            jobs.inc();
            JOBS.inc();
        });
    });
    assert_eq!((JOBS.get(), other.get()), (2, 0));
    assert_eq!(source.0.load(Ordering::Relaxed), 0);
    assert_eq!(shown(&registry), [""; 0]);
}

#[test]
fn counts_are_exact_while_exemplars_are_taken_and_collected() {
    const THREADS: u64 = 4;
    const TIMES: u32 = 20_000;
    let (registry, _) = sampled(Duration::ZERO);
    let wait = registry.register_histogram("wait_seconds", "W.", &[0.25, 0.5, 0.75]).unwrap();
    let done = AtomicU64::new(0);
    thread::scope(|scope| {
        for thread in 1..=THREADS {
            let series = wait.get_or_create(&[("of", if thread % 2 == 0 { "even" } else { "odd" })]);
            let done = &done;
            scope.spawn(move || {
                SPAN.set(thread + 100);
                for turn in 0..TIMES {
                    let value = f64::from(turn % 4) / 4.0;
                    if turn % 16 == 0 {
                        series.observe_with_exemplar(value, &[("given", "1")]);
                    } else {
                        series.observe(value);
                    }
                }
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        while done.load(Ordering::Relaxed) < THREADS {
            assert!(shown(&registry).len() <= 8 + 1, "two series of four buckets, and what was dropped");
        }
    });
    let total: u64 = wait.series().map(|series| series.snapshot().count()).sum();
    assert_eq!(total, THREADS * u64::from(TIMES));
}
