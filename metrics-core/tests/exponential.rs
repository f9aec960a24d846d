//! Histograms with exponential buckets, alone and beside explicit ones, as programs have them.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::thread;
use std::time::{Duration, SystemTime};

use nilometer_core::collect::{Collector, Exemplar, Point, SeriesLabels, Stopped, Visitor};
use nilometer_core::{
    Descriptor, ExemplarSource, ExponentialConfig, ExponentialError, Histogram, HistogramFamily, LabelSet,
    ManualClock, MetricsRegistry, RegisterError, RegistryConfig,
};

/// What a collection shows of a histogram.
#[derive(Debug, Clone, PartialEq)]
struct Shown {
    explicit: Vec<(f64, u64)>,
    is_exponential_only: bool,
    scale: i32,
    zero: (f64, u64),
    positive: BTreeMap<i32, u64>,
    negative: BTreeMap<i32, u64>,
    sum: f64,
    exemplars: Vec<f64>,
    created: Option<SystemTime>,
}

/// The histograms of a collection, by name and labels; and the counters.
#[derive(Debug, Default)]
struct Page {
    family: String,
    histograms: BTreeMap<String, Shown>,
    counters: BTreeMap<String, f64>,
}

impl Visitor for Page {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        descriptor.name().clone_into(&mut self.family);
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let key = format!("{} {}", self.family, labels.join(","));
        match point {
            Point::Histogram(point) => {
                let Some(exponential) = point.exponential() else { return Ok(()) };
                assert_eq!(point.count(), exponential.count());
                let buckets = |range: nilometer_core::collect::ExponentialRange<'_>| {
                    let counts = range.counts().iter().copied();
                    (range.offset()..).zip(counts).filter(|(_, count)| *count > 0).collect()
                };
                let shown = Shown {
                    explicit: point.cumulative().collect(),
                    is_exponential_only: point.is_exponential_only(),
                    scale: exponential.scale(),
                    zero: (exponential.zero_threshold(), exponential.zero_count()),
                    positive: buckets(exponential.positive()),
                    negative: buckets(exponential.negative()),
                    sum: point.sum(),
                    exemplars: point.exemplars().iter().map(Exemplar::value).collect(),
                    created: point.created(),
                };
                self.histograms.insert(key, shown);
            }
            Point::Counter(point) => {
                self.counters.insert(key, point.total().as_f64());
            }
            _ => {}
        }
        Ok(())
    }
}

fn page(collector: &impl Collector) -> Page {
    let mut page = Page::default();
    collector.collect(&mut page).unwrap();
    page
}

fn only(collector: &impl Collector) -> Shown {
    let page = page(collector);
    assert_eq!(page.histograms.len(), 1, "{page:?}");
    page.histograms.into_values().next().unwrap()
}

fn family(registry: &MetricsRegistry, config: ExponentialConfig) -> HistogramFamily {
    registry.family::<Histogram>("wait_seconds", "W.").with_exponential(config).register().unwrap()
}

#[test]
fn one_alone_shows_its_buckets_and_powers_of_two_for_who_knows_no_others() {
    let registry = MetricsRegistry::new();
    let config = ExponentialConfig::new().with_scale(1).with_zero_threshold(0.01).with_fallback(-1..=2);
    let wait = family(&registry, config).default();
    for value in [0.0, 0.01, -0.005, 0.3, 0.5, 1.1, 1.1, 4.0, 5.0, -3.0] {
        wait.observe(value);
    }
    let shown = only(&registry);
    let infinity = f64::INFINITY;
    assert_eq!(shown.explicit, [(0.5, 6), (1.0, 6), (2.0, 8), (4.0, 9), (infinity, 10)]);
    assert!(shown.is_exponential_only && shown.created.is_some());
    assert_eq!((shown.scale, shown.zero), (1, (0.01, 3)));
    // Two buckets for each power of two, upper bounds included.
    assert_eq!(shown.positive, [(-4, 1), (-3, 1), (0, 2), (3, 1), (4, 1)].into());
    assert_eq!(shown.negative, [(3, 1)].into());
    assert_eq!(wait.bucket_bounds(), [0.5, 1.0, 2.0, 4.0]);

    let snapshot = wait.snapshot();
    let buckets = snapshot.exponential().unwrap();
    assert_eq!((snapshot.count(), buckets.count(), buckets.scale()), (10, 10, 1));
    let median = buckets.quantile(0.5).unwrap();
    assert!((0.35..=0.51).contains(&median), "{median}");
    assert!(buckets.quantile(0.0).unwrap() < -2.0 && buckets.quantile(1.0).unwrap() > 4.0);
    assert_eq!((buckets.quantile(-0.1), buckets.quantile(f64::NAN)), (None, None));
}

#[test]
fn both_kinds_of_buckets_hold_the_same_while_threads_observe() {
    let registry = MetricsRegistry::new();
    let wait = registry
        .family::<Histogram>("wait_seconds", "W.")
        .with_buckets(&[0.1, 1.0, 10.0])
        .with_exponential(ExponentialConfig::new().with_bucket_limit(16))
        .register()
        .unwrap()
        .default();
    thread::scope(|scope| {
        for thread in 0..4_i32 {
            let wait = wait.clone();
            scope.spawn(move || {
                (0..20_000)
                    .for_each(|step| wait.observe(1.001_f64.powi(step) * 0.01 * f64::from(thread + 1)));
            });
        }
        let mut before = vec![0; 4];
        for _ in 0..200 {
            // The page checks that the counts are the same.
            let now: Vec<u64> = only(&registry).explicit.iter().map(|(_, count)| *count).collect();
            assert!(now.iter().zip(&before).all(|(now, before)| now >= before), "{before:?}, then {now:?}");
            before = now;
        }
    });
    let shown = only(&registry);
    assert!(!shown.is_exponential_only);
    assert_eq!(shown.explicit[3], (f64::INFINITY, 80_000));
    let count: u64 = shown.positive.values().sum();
    assert!(count == 80_000 && shown.positive.len() <= 16, "{shown:?}");
}

/// More than fit into the pages that a thread finds at hand.
#[test]
fn each_of_many_series_has_its_own_observations() {
    let registry = MetricsRegistry::new();
    let waits = family(&registry, ExponentialConfig::new());
    let names: Vec<String> = (0..150).map(|number| number.to_string()).collect();
    for _ in 0..2 {
        for (name, times) in names.iter().zip(1_u32..) {
            let wait = waits.get_or_create(&[("queue", name)]);
            (0..times).for_each(|_| wait.observe(f64::from(times)));
        }
    }
    for (name, times) in names.iter().zip(1_u32..) {
        let snapshot = waits.get_or_create(&[("queue", name)]).snapshot();
        assert_eq!(snapshot.count(), 2 * u64::from(times), "{name}");
        assert_eq!(snapshot.sum().to_string(), (2 * times * times).to_string(), "{name}");
    }
}

#[test]
fn odd_values_are_counted_and_make_nothing_coarser() {
    let registry = MetricsRegistry::new();
    let wait = family(&registry, ExponentialConfig::new()).default();
    wait.observe(2.0);
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY] {
        wait.observe(value);
    }
    let page = page(&registry);
    let shown = &page.histograms["wait_seconds "];
    assert_eq!((shown.scale, shown.sum), (3, 2.0));
    assert_eq!(shown.positive, [(7, 3)].into());
    assert_eq!(shown.negative.values().sum::<u64>(), 1);
    assert_eq!(shown.explicit.first(), Some(&(2_f64.powi(-10), 1)));
    assert_eq!(shown.explicit.last(), Some(&(f64::INFINITY, 4)));
    let odd: f64 = page
        .counters
        .iter()
        .filter(|(name, _)| name.starts_with("nilometer_odd_observations_total"))
        .map(|(_, count)| *count)
        .sum();
    assert_eq!(odd.to_string(), "4", "{page:?}");
}

#[test]
fn quantiles_at_the_ends_of_the_range_are_numbers_in_their_buckets() {
    let quantiles = |threshold: f64, value: f64| {
        let config = ExponentialConfig::new().with_scale(6).with_zero_threshold(threshold);
        let wait = Histogram::try_exponential("h", "H.", LabelSet::empty(), config).unwrap();
        wait.observe(value);
        let snapshot = wait.snapshot();
        [0.0, 0.5, 1.0].map(|quantile| snapshot.exponential().unwrap().quantile(quantile).unwrap())
    };
    let half = f64::MAX / 2.0;
    for [low, middle, high] in [quantiles(half, f64::MAX), quantiles(f64::MAX, 1.0), quantiles(0.0, f64::MIN)]
    {
        assert!(
            low.is_finite() && low < middle && middle < high && high.is_finite(),
            "{low} {middle} {high}"
        );
    }
}

#[test]
fn what_there_cannot_be_is_an_error_that_names_it_and_changes_nothing() {
    let registry = MetricsRegistry::new();
    let config = ExponentialConfig::new;
    let wrong = [
        (config().with_scale(9), ExponentialError::Scale { scale: 9 }),
        (config().with_scale(-5), ExponentialError::Scale { scale: -5 }),
        (config().with_zero_threshold(-1.0), ExponentialError::ZeroThreshold { threshold: -1.0 }),
        (
            config().with_zero_threshold(f64::INFINITY),
            ExponentialError::ZeroThreshold { threshold: f64::INFINITY },
        ),
        (config().with_bucket_limit(7), ExponentialError::BucketLimit { buckets: 7 }),
        (config().with_bucket_limit(217), ExponentialError::BucketLimit { buckets: 217 }),
        (config().with_fallback(RangeInclusive::new(3, 2)), ExponentialError::Fallback { first: 3, last: 2 }),
        (config().with_fallback(0..=64), ExponentialError::Fallback { first: 0, last: 64 }),
        (config().with_fallback(1000..=1024), ExponentialError::Fallback { first: 1000, last: 1024 }),
        (
            config().with_fallback(i32::MIN..=i32::MAX),
            ExponentialError::Fallback { first: i32::MIN, last: i32::MAX },
        ),
    ];
    for (config, expected) in wrong {
        let builder = registry.family::<Histogram>("wait_seconds", "W.").with_exponential(config.clone());
        match builder.register().unwrap_err() {
            RegisterError::Exponential { name, source } => {
                assert_eq!((name.as_str(), source), ("wait_seconds", expected));
            }
            other => panic!("{other}"),
        }
        assert_eq!(Histogram::try_exponential("h", "H.", LabelSet::empty(), config).unwrap_err(), expected);
    }
    let error =
        Histogram::try_exponential("h", "H.", LabelSet::empty(), config().with_zero_threshold(f64::NAN));
    assert!(matches!(error, Err(ExponentialError::ZeroThreshold { threshold }) if threshold.is_nan()));
    assert!(page(&registry).histograms.is_empty());
    // A family without any buckets is none.
    assert!(registry.family::<Histogram>("wait_seconds", "W.").register().is_err());
}

#[test]
fn what_the_buckets_are_like_is_part_of_the_identity() {
    let registry = MetricsRegistry::new();
    let first = family(&registry, ExponentialConfig::new());
    first.default().observe(1.0);
    assert_eq!(family(&registry, ExponentialConfig::new()).default().snapshot().count(), 1);
    let builder = |config| registry.family::<Histogram>("wait_seconds", "W.").with_exponential(config);
    let finer = builder(ExponentialConfig::new().with_scale(4)).register();
    let both = builder(ExponentialConfig::new()).with_buckets(&[1.0]).register();
    let explicit = registry.register_histogram("wait_seconds", "W.", &[1.0]);
    for (error, expected) in
        [(finer, "exponential buckets"), (both, "bounds"), (explicit, "exponential buckets")]
    {
        match error {
            Err(RegisterError::Conflict { what, existing, requested, .. }) => {
                assert_eq!(what, expected);
                assert_ne!(existing, requested);
                let of_the_first =
                    "scale 3, zero threshold 2.938735877055719e-39, 160 buckets, fallback 2^-10 to 2^20";
                assert!([of_the_first, "none"].contains(&&*existing), "{existing}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_deployments_bounds_replace_those_beside_exponential_buckets_and_are_not_added_to_them() {
    let config = RegistryConfig::new().with_buckets_for_suffix("_seconds", &[0.5, 5.0]);
    let registry = MetricsRegistry::with_config(config);
    let alone = family(&registry, ExponentialConfig::new()).default();
    assert_eq!(alone.bucket_bounds().len(), 31);
    let both = registry
        .family::<Histogram>("read_seconds", "R.")
        .with_buckets(&[1.0])
        .with_exponential(ExponentialConfig::new())
        .register();
    assert_eq!(both.unwrap().default().bucket_bounds(), [0.5, 5.0]);
}

#[test]
fn exemplars_are_kept_by_the_bounds_that_are_shown() {
    struct Named;
    impl ExemplarSource for Named {
        fn exemplar(&self) -> Option<LabelSet> {
            Some(LabelSet::from_pairs(&[("trace_id", "t")]))
        }
    }
    let registry = MetricsRegistry::new();
    let wait = family(&registry, ExponentialConfig::new()).default();
    for value in [0.3, 3.0, 0.4, 1e9] {
        wait.observe_with_exemplar(value, &[("trace_id", "given")]);
    }
    assert_eq!(only(&registry).exemplars, [0.4, 3.0, 1e9]);

    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_exemplar_source(Named));
    let wait = family(&registry, ExponentialConfig::new()).default();
    for value in [0.3, 3.0, 0.4, 1e9] {
        wait.observe(value);
    }
    // Each bucket takes one in a while.
    assert_eq!(only(&registry).exemplars, [0.3, 3.0, 1e9]);
    assert_eq!(wait.snapshot().count(), 4);
}

#[test]
fn a_series_that_is_idle_or_removed_begins_anew_at_the_first_scale() {
    let clock = ManualClock::new(SystemTime::UNIX_EPOCH);
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_clock(&clock));
    let waits = registry
        .family::<Histogram>("wait_seconds", "W.")
        .with_exponential(ExponentialConfig::new().with_bucket_limit(8))
        .with_expire_after(Duration::from_mins(1))
        .register()
        .unwrap();
    let observe = || {
        waits.with(&[("queue", "mail")], |wait| {
            wait.observe(1e-3);
            wait.observe(1e3);
        });
    };
    observe();
    let first = only(&registry);
    assert!(first.scale < 0, "{first:?}");
    for _ in 0..4 {
        clock.advance(Duration::from_mins(1));
        page(&registry);
    }
    assert!(page(&registry).histograms.is_empty());
    waits.with(&[("queue", "mail")], |wait| wait.observe(1.0));
    let anew = only(&registry);
    assert_eq!((anew.scale, anew.positive, anew.sum), (3, [(-1, 1)].into(), 1.0));
    assert!(anew.created > first.created);
    observe();
    let mut handle = waits.get_or_create(&[("queue", "mail")]);
    assert!(waits.remove(&[("queue", "mail")]));
    handle.observe(1.0);
    assert!(page(&registry).histograms.is_empty());
    handle = waits.get_or_create(&[("queue", "mail")]);
    assert_eq!(handle.snapshot().count(), 0);
    handle.observe(1.0);
    assert_eq!(only(&registry).scale, 3);
}

#[test]
fn scopes_and_no_ops_have_them_too() {
    let registry = MetricsRegistry::new();
    let scope = registry.scope("shop", &[("zone", "b")]);
    let family = family(&scope, ExponentialConfig::new());
    family.default().observe(1.0);
    assert_eq!(page(&registry).histograms.keys().collect::<Vec<_>>(), ["shop_wait_seconds zone=b"]);
    let noop = HistogramFamily::noop();
    noop.default().observe(1.0);
    assert!(noop.default().snapshot().exponential().is_none());
}
