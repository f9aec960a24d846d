//! Gauge histograms: what is there at the moment, by value.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use common::page;
use nilometer_core::buckets::{BucketError, MAX_BOUNDS, MAX_GAUGE_BOUNDS};
use nilometer_core::{
    GaugeHistogram, GaugeHistogramFamily, HistogramReading, LabelSet, MetricsRegistry, RegisterError,
    RegistryConfig,
};

/// So many bounds: 1, 2, 3 and so on.
fn bounds(len: usize) -> Vec<f64> {
    (1_u32..).map(f64::from).take(len).collect()
}

#[test]
fn buckets_and_sum_go_up_and_down() {
    let registry = MetricsRegistry::new();
    let family = registry.register_gauge_histogram("queued_bytes", "Q.", &[1.0, 8.0]).unwrap();
    let mail = family.get_or_create(&[("queue", "mail")]);
    for value in [0.5, 1.0, 2.0, 9.0] {
        mail.add(value);
    }
    mail.clone().sub(1.0);
    let idle = family.get_or_create(&[("queue", "idle")]);
    assert_eq!(
        page(&registry),
        [
            "queued_bytes gaugehistogram",
            "  {queue=\"mail\"} 11.5 in [1, 1, 1]",
            "  {queue=\"idle\"} 0 in [0, 0, 0]",
        ]
    );
    let now = mail.snapshot();
    assert_eq!((now.count(), now.sum().to_bits()), (3, 11.5_f64.to_bits()));
    assert_eq!(now.buckets().collect::<Vec<_>>(), [(1.0, 1), (8.0, 2), (f64::INFINITY, 3)]);
    for value in [9.0, 0.5, 2.0] {
        mail.sub(value);
    }
    assert_eq!(mail.snapshot(), idle.snapshot());
}

#[test]
fn nan_is_nothing_and_infinity_has_a_bucket_and_no_sum() {
    let registry = MetricsRegistry::new();
    let queued = registry.register_gauge_histogram("q", "Q.", &[1.0]).unwrap().default();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.25] {
        queued.add(value);
    }
    assert_eq!(page(&registry)[..2], ["q gaugehistogram", "  {} 0.25 in [2, 1]"]);
    queued.sub(f64::NAN);
    queued.sub(f64::INFINITY);
    assert_eq!(
        page(&registry),
        [
            "q gaugehistogram",
            "  {} 0.25 in [2, 0]",
            "nilometer_odd_observations_total counter",
            "  {family=\"q\",reason=\"nan\"} 2",
            "  {family=\"q\",reason=\"infinite\"} 3",
        ]
    );
}

#[test]
fn a_bucket_is_never_below_zero() {
    let queued = GaugeHistogramFamily::new("q", "Q.", &[1.0]).default();
    queued.sub(0.5);
    assert_eq!((queued.snapshot().count(), queued.snapshot().sum().to_bits()), (0, 0));
    queued.add(2.0);
    assert_eq!(queued.snapshot().buckets().collect::<Vec<_>>(), [(1.0, 0), (f64::INFINITY, 1)]);
}

#[test]
fn a_guard_takes_out_what_it_put_in_by_a_panic_too() {
    let queued = GaugeHistogramFamily::new("q", "Q.", &[1.0]).default();
    let guard = queued.track(3.0);
    assert_eq!((guard.value().to_bits(), queued.snapshot().count()), (3_f64.to_bits(), 1));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _second = queued.track(0.5);
        assert_eq!(queued.snapshot().sum().to_bits(), 3.5_f64.to_bits());
        panic!("as the test wants it");
    }));
    assert!(panicked.is_err());
    assert_eq!(queued.snapshot().sum().to_bits(), 3_f64.to_bits());
    thread::spawn(|| drop(guard)).join().unwrap();
    assert_eq!(queued.snapshot().count(), 0);
}

#[test]
fn as_many_bounds_as_it_can_have_all_work_and_more_are_an_error() {
    let most = bounds(MAX_GAUGE_BOUNDS);
    let queued = GaugeHistogram::try_new("q", "Q.", LabelSet::from_pairs(&[("a", "1")]), &most).unwrap();
    // The neighbours in memory: what one has is not seen in the other.
    let other = GaugeHistogram::try_new("q", "Q.", LabelSet::from_pairs(&[("a", "2")]), &most).unwrap();
    assert_eq!((queued.bucket_bounds(), queued.labels().get("a")), (&*most, Some("1")));
    let values = || most.iter().copied().chain([1e9]);
    values().for_each(|value| queued.add(value));
    assert!(queued.snapshot().buckets().map(|(_, below)| below).eq(1..=255));
    thread::scope(|scope| scope.spawn(|| values().for_each(|value| queued.sub(value))).join()).unwrap();
    assert_eq!((queued.snapshot().count(), other.snapshot().count()), (0, 0));

    let count = MAX_GAUGE_BOUNDS + 1;
    let source = BucketError::TooManyOfGauge { count };
    assert_eq!(
        GaugeHistogram::try_new("q", "Q.", LabelSet::from_pairs(&[("a", "1")]), &bounds(count)).unwrap_err(),
        source
    );
    assert_eq!(source.to_string(), "255 bounds where a gauge histogram can have 254");
    let past_all =
        GaugeHistogram::try_new("q", "Q.", LabelSet::from_pairs(&[("a", "1")]), &bounds(MAX_BOUNDS + 1))
            .unwrap_err();
    assert_eq!(past_all, BucketError::TooMany { count: MAX_BOUNDS + 1 });

    let registry = MetricsRegistry::with_config(
        RegistryConfig::new().with_buckets_for("replaced", &bounds(count)).with_buckets_for("r", &[7.0]),
    );
    let (name, requested) = ("q".to_owned(), bounds(count));
    let error = registry.register_gauge_histogram("q", "Q.", &requested).unwrap_err();
    assert_eq!(error, RegisterError::Bounds { name, source });
    let error = registry.register_gauge_histogram("replaced", "R.", &[1.0]).unwrap_err();
    assert_eq!(error, RegisterError::BucketOverride { name: "replaced".to_owned(), source });
    let refused = GaugeHistogramFamily::new("q", "Q.", &requested);
    refused.default().add(1.0);
    assert!(matches!(registry.register(&refused), Err(RegisterError::Bounds { .. })));
    assert!(page(&registry).is_empty());
    // A callback has nothing to keep apart.
    let zeros = move || HistogramReading::new(vec![0; count + 1], 0.0);
    registry.register_gauge_histogram_callback("q", "Q.", &[], &requested, zeros).unwrap().keep();
    let replaced = registry.register_gauge_histogram("r", "R.", &[1.0]).unwrap();
    assert_eq!(replaced.default().bucket_bounds(), [7.0]);
}

#[test]
fn what_only_goes_up_is_another_kind_and_so_is_a_callback() {
    let registry = MetricsRegistry::new();
    let queued = registry.register_gauge_histogram("q", "Q.", &[1.0]).unwrap();
    queued.default().add(2.0);
    let again = registry.register_gauge_histogram("q", "Q.", &[1.0]).unwrap();
    assert_eq!(again.default().snapshot().count(), 1);
    let conflict = |error: RegisterError| match error {
        RegisterError::Conflict { what, existing, requested, .. } => (what, existing, requested),
        error => panic!("{error:?}"),
    };
    let (_, existing, requested) = conflict(registry.register_histogram("q", "Q.", &[1.0]).unwrap_err());
    assert_eq!((&*existing, &*requested), ("gauge histogram", "histogram"));
    let read = HistogramReading::default;
    let error = registry.register_gauge_histogram_callback("q", "Q.", &[], &[1.0], read).unwrap_err();
    assert_eq!(conflict(error).2, "gauge histogram callback");
    let (what, ..) = conflict(registry.register_gauge_histogram("q", "Q.", &[2.0]).unwrap_err());
    assert_eq!(what, "bounds");
    // What OpenMetrics and the text format make of its name is taken.
    for name in ["q_gcount", "q_gsum", "q_bucket", "q_count", "q_sum"] {
        assert!(registry.register_gauge(name, "G.").is_err(), "{name}");
    }
}

#[test]
fn a_series_that_comes_back_has_nothing() {
    let family = GaugeHistogramFamily::new("q", "Q.", &[1.0, 2.0]);
    for _ in 0..3 {
        let queued = family.get_or_create(&[("a", "1")]);
        for value in [0.5, 1.5, 2.5] {
            queued.add(value);
        }
        thread::scope(|scope| scope.spawn(|| queued.sub(2.5)).join()).unwrap();
        assert_eq!((queued.snapshot().count(), queued.snapshot().sum().to_bits()), (2, 2_f64.to_bits()));
        drop(queued);
        assert!(family.remove(&[("a", "1")]));
    }
}

#[test]
fn a_reader_never_sees_something_gone_that_it_does_not_see_come() {
    const ITEMS: u32 = 20_000;
    const VALUES: [f64; 3] = [0.5, 1.5, 2.5];
    let queued = GaugeHistogramFamily::new("q", "Q.", &[1.0, 2.0]).default();
    // These stay: fewer are never there.
    for value in VALUES.repeat(3) {
        queued.add(value);
    }
    let over = Arc::new(AtomicBool::new(false));
    let reader = thread::spawn({
        let (queued, over) = (queued.clone(), Arc::clone(&over));
        move || {
            let mut rounds = 0;
            while !over.load(Ordering::Acquire) || rounds == 0 {
                let now = queued.snapshot();
                let mut before = 0;
                for (bound, below) in now.buckets() {
                    assert!(below >= before + 3, "{} up to {bound} of {now:?}", below - before);
                    before = below;
                }
                assert!(now.sum() >= 13.5, "{now:?}");
                rounds += 1;
            }
        }
    });
    thread::scope(|scope| {
        for value in VALUES {
            let (send, receive) = mpsc::sync_channel::<()>(4);
            let queued = &queued;
            scope.spawn(move || {
                for _ in 0..ITEMS {
                    queued.add(value);
                    send.send(()).unwrap();
                }
            });
            scope.spawn(move || receive.into_iter().for_each(|()| queued.sub(value)));
        }
    });
    over.store(true, Ordering::Release);
    reader.join().unwrap();
    let expected = ["q gaugehistogram", "  {} 13.5 in [3, 3, 3]"];
    let family = GaugeHistogramFamily::new("q", "Q.", &[1.0, 2.0]);
    for value in VALUES.repeat(3) {
        family.default().add(value);
    }
    assert_eq!(queued.snapshot(), family.default().snapshot());
    assert_eq!(page(&family), expected);
}
