//! Series that nothing changes go, and nothing is lost by it.

mod common;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use common::page;
use nilometer_core::collect::{Collector as _, Descriptor, Number, Point, SeriesLabels, Stopped, Visitor};
use nilometer_core::label::TypedLabels;
use nilometer_core::{
    Counter, Family, FamilyBuilder, Gauge, Histogram, ManualClock, Metric, MetricsRegistry, RegistryConfig,
    SeriesError, UpDownCounter,
};

const PERIOD: Duration = Duration::from_mins(1);
const STEP: Duration = Duration::from_secs(20);

struct Time {
    clock: ManualClock,
    registry: MetricsRegistry,
}

impl Time {
    fn new() -> Time {
        Time::with(|config| config)
    }

    fn with(configure: impl FnOnce(RegistryConfig) -> RegistryConfig) -> Time {
        let clock = ManualClock::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        let config = configure(RegistryConfig::new().with_clock(&clock));
        Time { clock, registry: MetricsRegistry::with_config(config) }
    }

    fn family<M: Metric>(&self, name: &str) -> FamilyBuilder<'_, M> {
        self.registry.family::<M>(name, "X.").with_buckets(&[1.0]).with_expire_after(PERIOD)
    }

    /// Collects, and moves the clock on.
    fn step(&self) -> Vec<String> {
        let page = page(&self.registry);
        self.clock.advance(STEP);
        page
    }
}

#[test]
fn a_series_that_nothing_changes_goes_and_those_that_change_stay() {
    let time = Time::new();
    let family = time.family::<Counter>("x_total").register().unwrap();
    family.with(&[("v", "idle")], Counter::inc);
    for step in 0..12 {
        family.with(&[("v", "busy")], Counter::inc);
        let page = time.step();
        let is_there = page.contains(&"  {v=\"idle\"} 1".to_owned());
        // Seen at 0 s, it has been idle for a minute at 60 s, and is shown for the last time at 80 s.
        assert_eq!(is_there, step <= 4, "{step}: {page:?}");
    }
    assert_eq!(page(&family), ["x_total counter", "  {v=\"busy\"} 12"]);
}

#[test]
fn every_kind_expires_by_its_values() {
    let time = Time::new();
    let counters = time.family::<Counter>("a_total").register().unwrap();
    let gauges = time.family::<Gauge>("b").register().unwrap();
    let up_downs = time.family::<UpDownCounter>("c").register().unwrap();
    let histograms = time.family::<Histogram>("d").register().unwrap();
    for step in 0..12_u32 {
        let labels = [("v", if step == 0 { "idle" } else { "busy" })];
        counters.with(&labels, Counter::inc);
        gauges.with(&labels, |gauge| gauge.set(f64::from(step)));
        up_downs.with(&labels, UpDownCounter::inc);
        histograms.with(&labels, |histogram| histogram.observe(0.0));
        time.step();
    }
    let expected = [
        "a_total counter",
        "  {v=\"busy\"} 11",
        "b gauge",
        "  {v=\"busy\"} 11",
        "c gauge",
        "  {v=\"busy\"} 11",
        "d histogram",
        "  {v=\"busy\"} 0 in [11, 0]",
    ];
    assert_eq!(page(&time.registry), expected);
}

#[test]
fn what_is_set_to_the_value_that_it_has_or_has_changed_back_is_idle() {
    let time = Time::new();
    let family = time.family::<Gauge>("x").register().unwrap();
    let record = || {
        family.with(&[("v", "same")], |gauge| gauge.set(7.0));
        family.with(&[("v", "back")], |gauge| {
            gauge.inc();
            gauge.dec();
        });
    };
    for step in 0..5 {
        if step < 4 {
            record();
        }
        assert_eq!(time.step().len(), 3, "{step}");
    }
    assert!(family.is_empty(), "they were idle for a minute, whatever was set");
    for _ in 0..12 {
        record();
        time.step();
    }
    assert_eq!(family.len(), 2, "what is looked up all the time would only come back");
}

#[test]
fn a_series_with_a_live_handle_does_not_expire_and_one_without_does() {
    let time = Time::new();
    let family = time.family::<Counter>("x_total").register().unwrap();
    let handle = family.get_or_create(&[("v", "1")]);
    for _ in 0..12 {
        time.step();
    }
    assert_eq!(family.len(), 1);
    handle.inc();
    let owner = family.owned(&[("v", "2")]);
    for _ in 0..12 {
        time.step();
    }
    assert_eq!(page(&time.registry), ["x_total counter", "  {v=\"1\"} 1", "  {v=\"2\"} 0"]);
    drop((handle, owner));
    for _ in 0..3 {
        time.step();
    }
    assert_eq!(page(&time.registry), ["x_total counter"], "nothing is left behind");
}

#[test]
fn several_scrapers_do_not_make_the_period_shorter() {
    let time = Time::new();
    let family = time.family::<Counter>("x_total").register().unwrap();
    family.with(&[], Counter::inc);
    for _ in 0..59 {
        for _ in 0..10 {
            assert_eq!(page(&time.registry).len(), 2);
        }
        time.clock.advance(Duration::from_secs(1));
    }
    time.clock.advance(Duration::from_secs(1));
    assert_eq!(page(&time.registry).len(), 2, "it falls asleep and is shown");
    assert_eq!(page(&time.registry).len(), 2, "it is removed and was shown");
    assert_eq!(page(&time.registry).len(), 1);
}

#[test]
fn a_series_that_nobody_has_seen_does_not_expire() {
    let time = Time::new();
    let family = time.family::<Counter>("x_total").register().unwrap();
    family.with(&[], Counter::inc);
    time.clock.advance(100 * PERIOD);
    assert_eq!(time.step().len(), 2);
    family.with(&[], Counter::inc);
    time.clock.advance(100 * PERIOD);
    assert_eq!(time.step(), ["x_total counter", "  {} 2"]);
    assert_eq!(time.step(), ["x_total counter", "  {} 2"]);
}

/// Stops at the first series.
struct Impatient;

impl Visitor for Impatient {
    fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, _: Point<'_>) -> Result<(), Stopped> {
        Err(Stopped)
    }
}

#[test]
fn a_collection_that_stops_early_makes_nothing_older() {
    let time = Time::new();
    let family = time.family::<Counter>("x_total").register().unwrap();
    family.with(&[], Counter::inc);
    for _ in 0..12 {
        assert!(time.registry.collect(&mut Impatient).is_err());
        time.clock.advance(STEP);
    }
    assert_eq!(time.step(), ["x_total counter", "  {} 1"]);
}

#[test]
fn a_series_that_comes_back_is_the_same_until_it_is_removed_and_a_new_one_after() {
    let time = Time::new();
    let family = time.family::<Counter>("x_total").register().unwrap();
    let labels = [("v", "1")];
    let asleep = || {
        time.step();
        time.clock.advance(PERIOD);
        // It falls asleep in this one.
        assert_eq!(time.step().len(), 2);
    };
    let ways: [(&str, &dyn Fn() -> bool); 6] = [
        ("with", &|| family.with(&labels, |counter| counter.get() == 1)),
        ("get", &|| family.get(&labels).is_some_and(|counter| counter.get() == 1)),
        ("get_or_create", &|| family.get_or_create(&labels).get() == 1),
        ("try_get_or_create", &|| family.try_get_or_create(&labels).is_ok_and(|counter| counter.get() == 1)),
        ("series", &|| family.series().next().is_some_and(|counter| counter.get() == 1)),
        ("retain", &|| {
            let mut is_same = false;
            family.retain(|counter| {
                is_same = counter.get() == 1;
                true
            });
            is_same
        }),
    ];
    for (name, is_same) in ways {
        family.with(&labels, Counter::inc);
        asleep();
        assert!(is_same(), "{name}");
        assert_eq!(family.len(), 1, "{name}");
        // Found again, it is as idle as before.
        assert_eq!(time.step().len(), 2, "{name}");
        assert_eq!(time.step().len(), 2, "{name}");
        assert!(family.is_empty(), "{name}");
        assert!(family.get(&labels).is_none(), "{name}");
        assert_eq!(family.get_or_create(&labels).get(), 0, "{name}");
        family.clear();
    }
}

#[test]
fn what_is_recorded_into_a_series_that_is_asleep_is_kept() {
    let time = Time::new();
    let family = time.family::<Counter>("x_total").register().unwrap();
    let labels = [("v", "1")];
    family.with(&labels, Counter::inc);
    time.step();
    for _ in 0..5 {
        time.clock.advance(PERIOD);
        time.step();
        family.with(&labels, Counter::inc);
        time.step();
    }
    assert_eq!(page(&time.registry), ["x_total counter", "  {v=\"1\"} 6"]);
}

#[test]
fn series_that_are_asleep_are_removed_by_every_other_way_too() {
    let time = Time::new();
    let family = time.family::<Counter>("x_total").register().unwrap();
    let labels = [("v", "1")];
    let ways: [&dyn Fn(); 4] = [
        &|| assert!(family.remove(&labels)),
        &|| assert_eq!(family.remove_matching(&labels), 1),
        &|| family.retain(|_| false),
        &|| family.clear(),
    ];
    for remove in ways {
        family.with(&labels, Counter::inc);
        time.step();
        time.clock.advance(PERIOD);
        time.step();
        assert_eq!(family.len(), 1);
        remove();
        assert_eq!(page(&time.registry), ["x_total counter"]);
        assert_eq!(family.with(&labels, Counter::get), 0);
        family.clear();
    }
}

#[test]
fn many_series_come_and_go_and_those_that_are_there_are_found() {
    let time = Time::new();
    let family = time.family::<Counter>("x_total").with_series_limit(2_000).register().unwrap();
    for round in 0..40_u32 {
        for number in 0..100 {
            let value = (round * 50 + number).to_string();
            family.with(&[("v", &value)], Counter::inc);
        }
        time.step();
        let series = family.len();
        assert_eq!(page(&family).len(), series + 1);
        for counter in family.series() {
            let value = counter.labels().get("v").unwrap().to_owned();
            assert_eq!(family.get(&[("v", &value)]).map(|found| found.get()), Some(counter.get()));
        }
    }
    assert!((100..500).contains(&family.len()), "{}", family.len());
}

#[test]
fn what_expires_makes_room_in_the_family_and_in_the_registry() {
    let time = Time::with(|config| config.with_registry_limit(2));
    let family = time.family::<Counter>("x_total").with_series_limit(2).register().unwrap();
    family.with(&[("v", "1")], Counter::inc);
    family.with(&[("v", "2")], Counter::inc);
    let full = SeriesError::FamilyLimit { family: "x_total".to_owned(), max: 2 };
    assert_eq!(family.try_get_or_create(&[("v", "3")]).unwrap_err(), full);
    time.step();
    time.clock.advance(PERIOD);
    time.step();
    assert_eq!(family.try_get_or_create(&[("v", "3")]).unwrap_err(), full, "both are asleep, and there");
    assert!(family.try_get_or_create(&[("v", "1")]).is_ok(), "one that is asleep is found in a full family");
    time.step();
    time.step();
    for value in ["3", "4"] {
        assert!(family.try_get_or_create(&[("v", value)]).is_ok());
    }
}

#[test]
fn the_overflow_series_does_not_expire() {
    let time = Time::new();
    let family = time.family::<Counter>("x_total").with_series_limit(0).register().unwrap();
    family.with(&[], Counter::inc);
    for _ in 0..12 {
        time.step();
    }
    assert_eq!(page(&family), ["x_total counter", "  {nilometer_overflow=\"true\"} 1"]);
}

#[test]
fn the_registry_s_period_is_for_families_that_say_nothing() {
    let time = Time::with(|config| config.with_expire_after(PERIOD));
    let build = |name: &str| time.registry.family::<Counter>(name, "X.");
    let default = build("a_total").register().unwrap();
    let never = build("b_total").with_expire_after(None).register().unwrap();
    let longer = build("c_total").with_expire_after(10 * PERIOD).register().unwrap();
    for family in [&default, &never, &longer] {
        family.with(&[], Counter::inc);
    }
    for _ in 0..12 {
        time.step();
    }
    assert_eq!([default.len(), never.len(), longer.len()], [0, 1, 1]);
    for _ in 0..100 {
        time.step();
    }
    assert_eq!([default.len(), never.len(), longer.len()], [0, 1, 0]);
}

struct Answer(bool);

impl TypedLabels for Answer {
    type Schema = Answer;
    const NAMES: &'static [&'static str] = &["ok"];
    const CARDINALITY: Option<usize> = Some(2);

    fn with_pairs<R>(&self, f: impl FnOnce(&[(&str, &str)]) -> R) -> R {
        f(&[("ok", if self.0 { "true" } else { "false" })])
    }

    fn closed_index(&self) -> Option<usize> {
        Some(usize::from(self.0))
    }
}

#[test]
fn series_of_closed_labels_expire_as_others_do() {
    let time = Time::new();
    let family: Family<Answer, Counter> = time.family::<Counter>("x_total").typed().register().unwrap();
    for _ in 0..3 {
        family.with(&Answer(true), Counter::inc);
        family.get_or_create(&Answer(true)).inc();
    }
    for _ in 0..12 {
        time.step();
    }
    assert!(family.is_empty());
}

/// What each series had when it was shown for the last time, by its label and when it began.
#[derive(Default)]
struct Shown(HashMap<(String, SystemTime), u64>);

impl Visitor for Shown {
    fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        let value: String = labels.iter().map(|(_, value)| value).collect();
        if let Point::Counter(point) = point
            && let Number::U64(total) = point.total()
        {
            let before = self.0.insert((value, point.created().unwrap_or(SystemTime::UNIX_EPOCH)), total);
            assert!(before.is_none_or(|before| before <= total));
        }
        Ok(())
    }
}

/// Threads record now and then, in all ways, into series that expire as soon as they are idle from one collection to the
/// next. A series that goes was shown with all that it had; those of one label begin at different times, as the clock
/// goes on with each collection.
#[test]
fn nothing_that_is_recorded_is_lost_while_series_expire() {
    const ROUNDS: u64 = 20_000;
    let time = Time::new();
    let builder = time.registry.family::<Counter>("x_total", "X.").with_expire_after(Duration::ZERO);
    let family = builder.register().unwrap();
    let (round, recorded) = (AtomicU64::new(0), AtomicU64::new(0));
    let mut shown = Shown::default();
    std::thread::scope(|scope| {
        for thread in 0..2_u64 {
            let (family, round, recorded) = (&family, &round, &recorded);
            scope.spawn(move || {
                let mut random = thread + 1;
                let mut next = || {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    random >> 33
                };
                let now = || round.load(Ordering::Relaxed);
                while now() < ROUNDS {
                    let labels = [("v", if next() % 2 == 0 { "1" } else { "2" })];
                    let wait = |rounds: u64| {
                        let end = now() + rounds;
                        while now() < end.min(ROUNDS) {
                            std::thread::yield_now();
                        }
                    };
                    let inc_after = |rounds| {
                        move |counter: &Counter| {
                            wait(rounds);
                            counter.inc();
                        }
                    };
                    match next() % 4 {
                        0 => family.with(&labels, Counter::inc),
                        1 => family.with(&labels, inc_after(next() % 4)),
                        2 => inc_after(next() % 4)(&family.get_or_create(&labels)),
                        _ => family.get(&labels).unwrap_or_else(|| family.get_or_create(&labels)).inc(),
                    }
                    recorded.fetch_add(1, Ordering::Relaxed);
                    wait(next() % 8);
                }
            });
        }
        while round.load(Ordering::Relaxed) < ROUNDS {
            assert!(time.registry.collect(&mut shown).is_ok());
            time.clock.advance(Duration::from_secs(1));
            round.fetch_add(1, Ordering::Relaxed);
            std::thread::yield_now();
        }
    });
    assert!(time.registry.collect(&mut shown).is_ok());
    assert!(shown.0.len() > 20, "series came and went: {}", shown.0.len());
    assert_eq!(shown.0.values().sum::<u64>(), recorded.load(Ordering::Relaxed));
}
