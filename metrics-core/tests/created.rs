//! Created timestamps: every series has one, which is when it began.

mod common;
#[path = "common/created.rs"]
mod created;

use std::sync::Barrier;
use std::time::{Duration, SystemTime};

use common::page;
use created::{beginnings, start};
use nilometer_core::{
    Counter, CounterFamily, ManualClock, MetricsRegistry, RegistryConfig, StaticCounter, StaticHistogram,
    UpDownCounter,
};

fn clocked() -> (ManualClock, MetricsRegistry) {
    let clock = ManualClock::new(start());
    let config = RegistryConfig::new().with_clock(&clock).with_self_metrics(false);
    (clock, MetricsRegistry::with_config(config))
}

#[test]
fn each_kind_that_counts_says_when_each_series_began() {
    let (clock, registry) = clocked();
    let counters = registry.register_counter("a_total", "A.").unwrap();
    let up_downs = registry.register_up_down_counter("b", "B.").unwrap();
    let histograms = registry.register_histogram("c_seconds", "C.", &[1.0]).unwrap();
    let gauges = registry.register_gauge("d", "D.").unwrap();
    let gauge_histograms = registry.register_gauge_histogram("e", "E.", &[1.0]).unwrap();
    for (second, value) in (0..).zip(["x", "y"]) {
        let labels = [("v", value)];
        counters.with(&labels, Counter::inc);
        up_downs.with(&labels, UpDownCounter::inc);
        histograms.with(&labels, |histogram| histogram.observe(0.5));
        gauges.with(&labels, |gauge| gauge.set(f64::from(second)));
        gauge_histograms.with(&labels, |histogram| histogram.add(0.5));
        clock.advance(Duration::from_secs(10));
    }
    // They are found again, and began when they did.
    counters.with(&[("v", "x")], Counter::inc);
    let later = start() + Duration::from_secs(10);
    let names = ["a_total", "b", "c_seconds"];
    let expected =
        names.map(|name| [(format!("{name} x"), Some(start())), (format!("{name} y"), Some(later))]);
    let mut expected = expected.concat();
    expected.extend(["d x", "d y", "e x", "e y"].map(|name| (name.to_owned(), None)));
    assert_eq!(beginnings(&registry), expected);
}

#[test]
fn a_series_that_comes_back_begins_anew_and_at_zero() {
    let (clock, registry) = clocked();
    let family = registry.register_counter("a_total", "A.").unwrap();
    let kept = family.get_or_create(&[("v", "kept")]);
    kept.inc();
    let ways: [(&str, &dyn Fn()); 4] = [
        ("remove", &|| assert!(family.remove(&[("v", "x"), ("w", "1")]))),
        ("remove_matching", &|| assert_eq!(family.remove_matching(&[("v", "x")]), 1)),
        ("retain", &|| family.retain(|counter| counter.labels().get("v") == Some("kept"))),
        ("clear", &|| family.clear()),
    ];
    for (second, (name, remove)) in (1..).zip(ways) {
        let old = family.get_or_create(&[("v", "x"), ("w", "1")]);
        old.inc_by(5);
        clock.advance(Duration::from_secs(1));
        remove();
        old.inc();
        let now = start() + Duration::from_secs(second);
        let new = family.get_or_create(&[("v", "x"), ("w", "1")]);
        assert_eq!((new.get(), old.get()), (0, 6), "{name}");
        let seen = beginnings(&registry);
        assert_eq!(seen.last(), Some(&("a_total x,1".to_owned(), Some(now))), "{name}");
        assert_eq!(page(&registry).last().unwrap(), "  {v=\"x\",w=\"1\"} 0", "{name}");
        assert!(family.remove(&[("v", "x"), ("w", "1")]));
    }
}

#[test]
fn series_keep_their_beginning_when_others_are_removed_and_gaps_are_closed() {
    let (clock, registry) = clocked();
    let family = registry.register_counter("a_total", "A.").unwrap();
    for number in 0..500_u32 {
        family.get_or_create(&[("v", &number.to_string())]).inc();
        clock.advance(Duration::from_secs(1));
    }
    family.retain(|counter| counter.labels().get("v").unwrap().parse::<u32>().unwrap() % 50 == 7);
    let expected = (0..10_u32).map(|ten| {
        let number = ten * 50 + 7;
        (format!("a_total {number}"), Some(start() + Duration::from_secs(number.into())))
    });
    assert_eq!(beginnings(&registry), expected.collect::<Vec<_>>());
}

#[test]
fn the_overflow_series_begins_with_what_overflows_first_and_anew_after_it_was_cleared() {
    let (clock, registry) = clocked();
    let family = registry.family::<Counter>("a_total", "A.").with_series_limit(0).register().unwrap();
    for second in [1, 2] {
        clock.advance(Duration::from_secs(1));
        family.get_or_create(&[("v", "x")]).inc();
        let expected = ("a_total true".to_owned(), Some(start() + Duration::from_secs(second)));
        assert_eq!(beginnings(&registry), [expected]);
        family.clear();
    }
}

#[test]
fn nothing_is_recorded_before_its_series_began() {
    let family = CounterFamily::new("a_total", "A.");
    let start = Barrier::new(2);
    for number in 0..200 {
        let value = number.to_string();
        let recorded = std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                start.wait();
                family.with(&[("v", &value)], Counter::inc);
                SystemTime::now()
            });
            start.wait();
            family.with(&[("v", &value)], Counter::inc);
            SystemTime::now().min(other.join().unwrap())
        });
        let (_, created) = beginnings(&family).pop().unwrap();
        assert!(created.unwrap() <= recorded);
        assert!(recorded.duration_since(created.unwrap()).unwrap() < Duration::from_secs(10));
    }
}

#[test]
fn a_static_began_when_it_was_first_recorded_into_on_whichever_registry_it_is() {
    static EARLY: StaticCounter = StaticCounter::new("early_total", "E.");
    static LATE: StaticHistogram = StaticHistogram::new("late_seconds", "L.", &[1.0]);
    let before = SystemTime::now() - Duration::from_millis(63);
    EARLY.inc();
    let recorded = SystemTime::now();
    std::thread::sleep(Duration::from_millis(130));
    let registry = MetricsRegistry::new();
    let registered = SystemTime::now() - Duration::from_millis(63);
    let _ = EARLY.register(&registry).unwrap();
    let _ = LATE.register(&registry).unwrap();
    let seen = beginnings(&registry);
    assert!((before..=recorded).contains(&seen[0].1.unwrap()));
    assert!((registered..=SystemTime::now()).contains(&seen[1].1.unwrap()));
    let other = MetricsRegistry::new();
    let _ = EARLY.register(&other).unwrap();
    assert_eq!(beginnings(&other)[0], seen[0]);
    // It has the counts from before, and so the beginning.
    assert!(registry.unregister("early_total"));
    let _ = EARLY.register(&registry).unwrap();
    assert_eq!(beginnings(&registry)[0], seen[0]);
}
