//! Summaries, by a clock that the tests move.
#![expect(clippy::unwrap_used, clippy::float_cmp, reason = "what fails here fails the test, and is exact")]

mod common;
#[path = "common/hand.rs"]
mod hand;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use common::page;
use hand::hand;
use nilometer_core::collect::{Collector, Point, SeriesLabels, Stopped, Visitor};
use nilometer_core::{
    Descriptor, Labels, MAX_AGE_BUCKETS, MetricsRegistry, RegisterError, Registries, RegistryConfig, Summary,
    SummaryConfig, SummaryError, SummaryFamily,
};

/// A minute in this many parts.
fn minute(age_buckets: u32) -> SummaryConfig {
    SummaryConfig::new().with_max_age(Duration::from_mins(1)).with_age_buckets(age_buckets)
}

fn family(registry: &MetricsRegistry, config: SummaryConfig) -> SummaryFamily {
    registry.family::<Summary>("wait", "Wait.").with_summary(config).register().unwrap()
}

/// What a collector shows of its one series, or of the last one.
#[derive(Debug, Default, Clone, PartialEq)]
struct Shown {
    quantiles: Vec<(f64, f64)>,
    count: u64,
    sum: f64,
}

impl Visitor for Shown {
    fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        let Point::Summary(point) = point else { return Ok(()) };
        *self = Shown { quantiles: point.quantiles().to_vec(), count: point.count(), sum: point.sum() };
        Ok(())
    }
}

fn shown(collector: &impl Collector) -> Shown {
    let mut shown = Shown::default();
    collector.collect(&mut shown).unwrap();
    shown
}

/// The median that a page shows, to the nearest whole number; `None` for NaN.
fn median(collector: &impl Collector) -> Option<f64> {
    let shown = shown(collector);
    let (_, value) = shown.quantiles.iter().find(|(quantile, _)| *quantile == 0.5).copied().unwrap();
    (!value.is_nan()).then(|| value.round())
}

#[test]
fn a_page_has_quantiles_and_the_count_and_sum_of_all() {
    let (registry, _) = hand();
    let summary = registry.register_summary("wait", "Wait.").unwrap().default();
    assert_eq!(page(&registry), ["wait summary", "  {} 0 of 0: [(0.5, NaN), (0.9, NaN), (0.99, NaN)]"]);
    for value in 1..=1000 {
        summary.observe(f64::from(value));
    }
    let shown = shown(&registry);
    assert_eq!((shown.count, shown.sum), (1000, 500_500.0));
    for ((quantile, value), expected) in shown.quantiles.iter().zip([500.0, 900.0, 990.0]) {
        assert!((value - expected).abs() <= 0.01 * expected, "{quantile}: {value}");
    }
    let snapshot = summary.snapshot();
    assert_eq!(
        (snapshot.quantiles(), snapshot.count(), snapshot.sum()),
        (&*shown.quantiles, 1000, 500_500.0)
    );
    assert_eq!(snapshot.quantile(0.9), shown.quantiles[1].1);
    assert!((snapshot.quantile(0.25) - 250.0).abs() <= 2.5);
    assert!((snapshot.quantile(0.0) - 1.0).abs() <= 0.01);
    assert!((snapshot.quantile(1.0) - 1000.0).abs() <= 10.0);
    for bad in [-0.1, 1.1, f64::NAN] {
        assert!(snapshot.quantile(bad).is_nan());
    }
}

#[test]
fn negative_values_and_zeros_have_their_rank() {
    let (registry, _) = hand();
    let config = SummaryConfig::new().with_quantiles(&[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
    let summary = family(&registry, config).default();
    // What is nearer to zero than 2^-64 is zero.
    for value in [4.0, -30.0, 1e-30, -0.0, -0.5] {
        summary.observe(value);
    }
    let shown = shown(&registry);
    let expected = [-30.0, -30.0, -0.5, 0.0, 0.0, 4.0];
    for ((quantile, value), expected) in shown.quantiles.iter().zip(expected) {
        assert!((value - expected).abs() <= 0.01 * f64::abs(expected), "{quantile}: {value}");
    }
    assert_eq!((shown.count, shown.sum), (5, -26.5));
}

#[test]
fn odd_values_are_counted_as_they_should_be_and_poison_nothing() {
    let (registry, _) = hand();
    let summary = registry.register_summary("wait", "Wait.").unwrap().default();
    for (value, sum) in [
        (f64::NAN, 0.0),
        (2.0, 2.0),
        (f64::INFINITY, 2.0),
        (-f64::NAN, 2.0),
        (f64::NEG_INFINITY, 2.0),
        (f64::MAX, f64::MAX),
        (f64::MAX, f64::MAX),
    ] {
        summary.observe(value);
        assert_eq!(summary.snapshot().sum(), sum, "{value}");
    }
    let snapshot = summary.snapshot();
    assert_eq!(snapshot.count(), 5);
    let largest = 2_f64.powi(64);
    for (quantile, expected) in [(0.0, -largest), (0.4, 2.0), (0.6, largest), (1.0, largest)] {
        let value = snapshot.quantile(quantile);
        assert!((value - expected).abs() <= 0.01 * largest, "{quantile}: {value}");
    }
    assert_eq!(
        page(&registry)[2..],
        [
            "nilometer_odd_observations_total counter",
            "  {family=\"wait\",reason=\"nan\"} 2",
            "  {family=\"wait\",reason=\"infinite\"} 2",
        ]
    );
}

#[test]
fn an_observation_stays_for_all_parts_but_one_and_is_gone_after_max_age() {
    let (registry, hand) = hand();
    let summary = family(&registry, minute(4)).default();
    // Collected every second: an observation is shown for 45 seconds at least and 60 at most.
    let mut observed = 0;
    for second in 0..600 {
        hand.set(second);
        if second % 97 == 0 {
            summary.observe(5.0);
            observed = second;
        }
        let age = second - observed;
        let median = median(&registry);
        if age < 45 {
            assert_eq!(median, Some(5.0), "{age} at {second}");
        } else if age >= 60 {
            assert_eq!(median, None, "{age} at {second}");
        }
    }
    assert_eq!(shown(&registry).count, 7, "the count is that of all");
}

#[test]
fn the_window_has_the_latest_observations_alone() {
    let (registry, hand) = hand();
    let summary = family(&registry, minute(5)).default();
    let mut medians = Vec::new();
    for minute in 0..4_u32 {
        for _ in 0..100 {
            summary.observe(f64::from(10 * (minute + 1)));
        }
        hand.set(u64::from(minute) * 120);
        medians.push(median(&registry));
        hand.set(u64::from(minute) * 120 + 60);
        medians.push(median(&registry));
    }
    let expected = [10.0, 20.0, 30.0, 40.0].map(|value| [Some(value), None]);
    assert_eq!(medians, expected.as_flattened());
}

#[test]
fn readers_see_the_same_and_take_nothing_from_each_other() {
    let (registry, hand) = hand();
    let (alone, hand_alone) = self::hand();
    let one = family(&registry, minute(5)).default();
    let other = family(&alone, minute(5)).default();
    for step in 0..200 {
        for (summary, hand) in [(&one, &hand), (&other, &hand_alone)] {
            hand.set(step * 4);
            summary.observe(f64::from(u32::try_from(step * step % 41).unwrap()));
        }
        let first = shown(&registry);
        // Any number of readers of the one, and a single one of the other.
        for _ in 0..3 {
            assert_eq!(shown(&registry), first);
            assert_eq!(one.snapshot().quantiles(), first.quantiles);
        }
        assert_eq!(shown(&alone), first, "at {step}");
    }
}

#[test]
fn what_came_while_nobody_read_is_dated_by_the_next_reader() {
    let (registry, hand) = hand();
    let summary = family(&registry, minute(4)).default();
    summary.observe(1.0);
    assert_eq!(median(&registry), Some(1.0));
    for pause in 1..=3 {
        let now = 1_000 * pause;
        // Nobody has read for far longer than the window: it has all that came since, and nothing from before.
        hand.set(now - 500);
        for _ in 0..100 {
            summary.observe(2.0);
        }
        hand.set(now);
        assert_eq!(median(&registry), Some(2.0));
        assert!((summary.snapshot().quantile(0.0) - 2.0).abs() < 0.02, "nothing from before");
        hand.set(now + 44);
        assert_eq!(median(&registry), Some(2.0), "for all parts but one from then on");
        hand.set(now + 45);
        assert_eq!(median(&registry), None);
    }
}

#[test]
fn a_window_of_one_part_begins_anew_when_it_is_over() {
    let (registry, hand) = hand();
    let summary = family(&registry, minute(1)).default();
    summary.observe(1.0);
    let mut medians = Vec::new();
    for now in [0, 1, 59, 60, 61] {
        hand.set(now);
        medians.push(median(&registry));
        summary.observe(3.0);
        summary.observe(3.0);
    }
    let (one, three) = (Some(1.0), Some(3.0));
    assert_eq!(medians, [one, three, three, three, three]);
    hand.set(150);
    assert_eq!(median(&registry), three);
    hand.set(151);
    assert_eq!(median(&registry), None);
}

#[test]
fn a_longer_time_than_there_is_keeps_all() {
    let (registry, hand) = hand();
    let config = minute(MAX_AGE_BUCKETS).with_max_age(Duration::MAX);
    let summary = family(&registry, config).default();
    summary.observe(1.0);
    for now in [0, 1 << 20, 1 << 33] {
        hand.set(now);
        assert_eq!(median(&registry), Some(1.0));
    }
    // The shortest is one that is over at once.
    let config = minute(MAX_AGE_BUCKETS).with_max_age(Duration::from_nanos(1));
    let builder = registry.family::<Summary>("short", "Short.").with_summary(config);
    let summary = builder.register().unwrap().default();
    summary.observe(1.0);
    assert!(!summary.snapshot().quantile(0.5).is_nan());
    hand.set((1 << 33) + 1);
    assert!(summary.snapshot().quantile(0.5).is_nan());
}

#[test]
fn what_cannot_be_had_is_refused_and_nothing_has_changed() {
    let config = SummaryConfig::new;
    let nan = |error| matches!(error, SummaryError::Quantile { quantile } if quantile.is_nan());
    let cases: [(SummaryConfig, &str); 12] = [
        (config().with_quantiles(&[0.5, 1.5]), "quantile `1.5` is not from 0 to 1"),
        (config().with_quantiles(&[-0.1]), "quantile `-0.1` is not from 0 to 1"),
        (config().with_quantiles(&[f64::INFINITY]), "quantile `inf` is not from 0 to 1"),
        (config().with_quantiles(&[0.5, f64::NAN]), "quantile `NaN` is not from 0 to 1"),
        (config().with_quantiles(&[0.5, 0.5]), "quantile `0.5` is not above `0.5` before it"),
        (config().with_quantiles(&[0.9, 0.5]), "quantile `0.5` is not above `0.9` before it"),
        (config().with_max_age(Duration::ZERO), "a summary of no time: `max_age` is more than zero"),
        (config().with_age_buckets(0), "0 age buckets where 1 to 60 are allowed"),
        (config().with_age_buckets(61), "61 age buckets where 1 to 60 are allowed"),
        (config().with_relative_error(0.0), "a relative error of `0` where 0.001 to 0.25 are allowed"),
        (config().with_relative_error(0.3), "a relative error of `0.3` where 0.001 to 0.25 are allowed"),
        (config().with_relative_error(f64::NAN), "a relative error of `NaN` where 0.001 to 0.25 are allowed"),
    ];
    let registry = MetricsRegistry::new();
    for (config, message) in cases {
        let error = config.check().unwrap_err();
        assert_eq!(error.to_string(), message);
        let alone = Summary::try_new("wait", "Wait.", Labels::empty(), config.clone()).unwrap_err();
        let registered = registry.family::<Summary>("wait", "Wait.").with_summary(config).register();
        let RegisterError::Summary { name, source } = registered.unwrap_err() else { panic!("{message}") };
        assert!((alone, source) == (error, error) || nan(source) || message.contains("NaN"), "{message}");
        assert_eq!(name, "wait");
        assert!(page(&registry).is_empty());
    }
    for config in [
        config().with_quantiles(&[]),
        config().with_quantiles(&[0.0, 1.0]),
        config().with_age_buckets(1),
        config().with_age_buckets(MAX_AGE_BUCKETS),
        config().with_relative_error(0.001),
        config().with_relative_error(0.25),
    ] {
        config.check().unwrap();
    }
}

#[test]
fn without_quantiles_there_are_a_count_and_a_sum() {
    let (registry, _) = hand();
    let summary = family(&registry, SummaryConfig::new().with_quantiles(&[])).default();
    summary.observe(1.5);
    assert_eq!(page(&registry), ["wait summary", "  {} 1.5 of 1: []"]);
    assert!((summary.snapshot().quantile(0.5) - 1.5).abs() < 0.015);
}

#[test]
fn what_a_summary_is_like_is_part_of_its_identity() {
    let registry = MetricsRegistry::new();
    registry.register_summary("wait", "Wait.").unwrap().default().observe(1.0);
    let again = registry.family::<Summary>("wait", "Wait.").with_summary(SummaryConfig::default());
    assert_eq!(again.register().unwrap().default().snapshot().count(), 1);
    let requested = SummaryConfig::new().with_quantiles(&[0.5]).with_relative_error(0.05);
    for config in [
        requested.clone(),
        SummaryConfig::new().with_max_age(Duration::from_mins(5)),
        SummaryConfig::new().with_age_buckets(6),
        SummaryConfig::new().with_relative_error(0.02),
    ] {
        let other = registry.family::<Summary>("wait", "Wait.").with_summary(config.clone());
        let RegisterError::Conflict { what, existing, requested: text, .. } = other.register().unwrap_err()
        else {
            panic!("no conflict");
        };
        assert_eq!(what, "summary");
        assert_eq!(existing, "[0.5, 0.9, 0.99] within 0.01 over 600s in 5 parts");
        if config == requested {
            assert_eq!(text, "[0.5] within 0.05 over 600s in 5 parts");
        }
    }
    let RegisterError::Conflict { what, .. } = registry.register_gauge("wait", "Wait.").unwrap_err() else {
        panic!("no conflict");
    };
    assert_eq!(what, "type");
}

#[test]
fn durations_and_timers_are_observed_in_the_unit_of_the_name() {
    let registry = MetricsRegistry::new();
    let summary = registry.register_summary("a_ms", "A.").unwrap().default();
    summary.observe_duration(Duration::from_secs(2));
    assert_eq!(summary.snapshot().sum(), 2000.0);
    let elapsed = summary.start_timer().stop();
    let snapshot = summary.snapshot();
    assert_eq!((snapshot.count(), snapshot.sum()), (2, 2000.0 + elapsed.as_secs_f64() * 1000.0));
}

#[test]
fn summaries_outside_of_a_registry_are_like_any_other() {
    let family = SummaryFamily::new("wait", "Wait.");
    family.default().observe(2.0);
    assert_eq!(median(&family), Some(2.0));
    let alone = Summary::new("wait", "Wait.", Labels::empty());
    alone.clone().observe(-3.0);
    assert_eq!(alone.snapshot().sum(), -3.0);
    let config = SummaryConfig::new().with_quantiles(&[0.75]).with_relative_error(0.001);
    let exact = Summary::try_new("wait", "Wait.", Labels::empty(), config).unwrap();
    exact.observe(7.0);
    let snapshot = exact.snapshot();
    let [(0.75, value)] = *snapshot.quantiles() else { panic!("one quantile") };
    assert!((value - 7.0).abs() <= 0.007);
}

#[test]
fn a_series_that_is_made_anew_starts_anew() {
    let (registry, hand) = hand();
    let family = family(&registry, minute(5));
    for round in 0..50 {
        hand.set(round * 7);
        let summary = family.get_or_create(&[("at", "0")]);
        // Its cells were another's.
        assert_eq!(summary.snapshot().count(), 0);
        assert!(summary.snapshot().quantile(0.5).is_nan());
        for value in [3.0, 300.0, -3.0, 0.0] {
            summary.observe(value);
        }
        thread::scope(|scope| scope.spawn(|| summary.observe(3.0)).join()).unwrap();
        assert_eq!((shown(&registry).count, shown(&registry).sum), (5, 303.0));
        assert!((summary.snapshot().quantile(0.5) - 3.0).abs() < 0.03);
        assert!(family.remove(&[("at", "0")]));
    }
}

#[test]
fn a_series_that_is_idle_expires_though_its_window_moves() {
    let (registry, hand) = hand();
    let builder = registry.family::<Summary>("wait", "Wait.").with_summary(minute(5));
    let family = builder.with_expire_after(Duration::from_mins(10)).register().unwrap();
    family.with(&[("at", "0")], |summary| summary.observe(1.0));
    for minutes in 0..=12 {
        hand.set(minutes * 60);
        let count = shown(&registry).count;
        assert_eq!(count > 0, minutes <= 11, "after {minutes} minutes");
    }
    assert_eq!(family.len(), 0);
    family.with(&[("at", "0")], |summary| summary.observe(1.0));
    assert_eq!(shown(&registry).count, 1);
}

#[test]
fn what_is_past_the_limit_goes_to_the_overflow_series() {
    let registry = MetricsRegistry::new();
    let family = registry.family::<Summary>("wait", "Wait.").with_series_limit(1).register().unwrap();
    for at in ["0", "1", "2"] {
        family.get_or_create(&[("at", at)]).observe(1.0);
    }
    let page = page(&registry);
    assert!(page[1].starts_with("  {at=\"0\"} 1 of 1: "), "{}", page[1]);
    assert!(page[2].starts_with("  {nilometer_overflow=\"true\"} 2 of 2: "), "{}", page[2]);
}

#[test]
fn several_registries_show_summaries_of_one_identity_as_one_family() {
    let registry =
        |name| MetricsRegistry::with_config(RegistryConfig::new().with_constant_labels(&[("tenant", name)]));
    let registries = [registry("a"), registry("b"), registry("c")];
    for (registry, error) in registries.iter().zip([0.01, 0.01, 0.05]) {
        family(registry, SummaryConfig::new().with_quantiles(&[]).with_relative_error(error))
            .default()
            .observe(1.0);
    }
    let registries = Registries::new(registries);
    let page = page(&registries);
    assert_eq!(page[..3], ["wait summary", "  {tenant=\"a\"} 1 of 1: []", "  {tenant=\"b\"} 1 of 1: []"]);
    assert_eq!(page[3], "nilometer_merge_conflicts_total counter");
    let conflicts = registries.conflicts();
    assert_eq!((conflicts.len(), conflicts[0].family(), conflicts[0].reason()), (1, "wait", "identity"));
}

/// Counts are exact once threads are joined, whatever others read meanwhile; and what is counted is in the quantiles and
/// in the sum.
#[test]
fn counts_are_exact_whatever_threads_begin_and_end_and_read() {
    const THREADS: u32 = 4;
    const EACH: u32 = 20_000;
    let (registry, hand) = hand();
    // Of a window that has all.
    let config = SummaryConfig::new().with_max_age(Duration::MAX).with_quantiles(&[0.0, 1.0]);
    let family = family(&registry, config);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut last = shown(&registry);
                    while !is_over.load(Ordering::Relaxed) {
                        let now = shown(&registry);
                        assert!(now.count >= last.count && now.sum >= last.sum, "{now:?} after {last:?}");
                        assert!(now.sum >= f64::from(u32::try_from(now.count).unwrap()), "{now:?}");
                        assert!(now.count == 0 || !now.quantiles[0].1.is_nan(), "{now:?}");
                        last = now;
                    }
                })
            })
            .collect();
        let writers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let family = &family;
                scope.spawn(move || {
                    let summary = family.default();
                    for turn in 0..EACH {
                        summary.observe(f64::from(1 << (turn % 16 + thread)));
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        for reader in readers {
            reader.join().unwrap();
        }
    });
    hand.set(1);
    let snapshot = family.default().snapshot();
    assert_eq!(snapshot.count(), u64::from(THREADS * EACH));
    // Of each power, a sixteenth of each thread's.
    let sum: u32 = (0..THREADS).map(|thread| ((EACH / 16) * ((1 << 16) - 1)) << thread).sum();
    assert_eq!(snapshot.sum(), f64::from(sum));
    let below: u32 = (0..8).map(|power: u32| power.min(3) + 1).sum::<u32>() * (EACH / 16);
    let at = |rank: u32| snapshot.quantile(f64::from(rank) / f64::from(THREADS * EACH));
    assert!((at(below) - 128.0).abs() < 1.28, "{}", at(below));
    assert!((at(below + 1) - 256.0).abs() < 2.56, "{}", at(below + 1));
}
