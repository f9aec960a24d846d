//! Counters of fractions: what they take, what they show, and that no reader sees them go down.
#![expect(clippy::panic, reason = "what fails here fails the test")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use common::page;
use nilometer_core::collect::{Collector, Number, Point, SeriesLabels, Stopped, Visitor};
use nilometer_core::{
    Descriptor, ExemplarError, ExemplarSource, FloatCounterFamily, LabelSet, MetricsRegistry, RegisterError,
    RegistryConfig, StaticFloatCounter,
};

#[test]
fn increments_are_added_and_odd_ones_are_ignored_and_counted() {
    let registry = MetricsRegistry::new();
    let counter = registry.register_float_counter("cpu_seconds_total", "Time.").unwrap().default();
    for delta in [0.5, -0.0, 0.0, 0.25, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -f64::MIN_POSITIVE]
    {
        counter.inc_by(delta);
    }
    counter.inc();
    assert_eq!(
        page(&registry),
        [
            "cpu_seconds_total counter",
            "  {} 1.75",
            "nilometer_odd_observations_total counter",
            "  {family=\"cpu_seconds_total\",reason=\"nan\"} 1",
            "  {family=\"cpu_seconds_total\",reason=\"infinite\"} 2",
            "  {family=\"cpu_seconds_total\",reason=\"negative\"} 2",
        ]
    );
}

#[test]
fn a_total_stays_at_the_largest_number() {
    let family = FloatCounterFamily::new("a_total", "A.");
    let counter = family.default();
    counter.inc_by(f64::MAX);
    counter.inc_by(f64::MAX);
    counter.inc();
    assert_eq!(page(&family), ["a_total counter", &format!("  {{}} {}", f64::MAX)]);
}

#[test]
fn a_counter_of_whole_numbers_is_another_kind() {
    let registry = MetricsRegistry::new();
    registry.register_counter("a_total", "A.").unwrap();
    let error = registry.register_float_counter("a_total", "A.").unwrap_err();
    let RegisterError::Conflict { existing, requested, .. } = error else { panic!("{error:?}") };
    assert_eq!((&*existing, &*requested), ("counter", "float counter"));
}

#[test]
fn a_static_shows_what_it_counted_before_it_was_registered() {
    static ENERGY: StaticFloatCounter = StaticFloatCounter::new("energy_joules_total", "Energy.");
    ENERGY.inc_by(0.5);
    ENERGY.inc_by(-0.5);
    let registry = MetricsRegistry::new();
    let counter = ENERGY.register(&registry).unwrap();
    counter.inc_by(f64::NAN);
    counter.inc_by(0.25);
    ENERGY.inc();
    assert_eq!((ENERGY.get().to_bits(), counter.get().to_bits()), (1.75_f64.to_bits(), 1.75_f64.to_bits()));
    assert_eq!(
        page(&registry),
        [
            "energy_joules_total counter",
            "  {} 1.75",
            "nilometer_odd_observations_total counter",
            "  {family=\"energy_joules_total\",reason=\"nan\"} 1",
            "  {family=\"energy_joules_total\",reason=\"negative\"} 1",
        ]
    );
    assert!(StaticFloatCounter::try_new("no name", "N.").is_err());
}

#[test]
fn durations_are_added_in_the_unit_of_the_name() {
    static BUSY: StaticFloatCounter = StaticFloatCounter::new("busy_minutes_total", "Time.");
    let registry = MetricsRegistry::new();
    for (name, expected) in [("a_seconds_total", 1.5), ("a_milliseconds_total", 1500.0), ("a_total", 1.5)] {
        let registry = MetricsRegistry::new();
        let counter = registry.register_float_counter(name, "A.").unwrap().default();
        counter.inc_by_duration(Duration::from_millis(1500));
        assert_eq!(counter.get().to_bits(), f64::to_bits(expected), "{name}");
    }
    BUSY.inc_by_duration(Duration::from_secs(90));
    assert_eq!(BUSY.get().to_bits(), 1.5_f64.to_bits());
    let counter = registry.register_float_counter("b_seconds_total", "B.").unwrap().default();
    let kept = counter.start_timer();
    counter.start_timer().discard();
    assert_eq!(counter.get().to_bits(), 0_f64.to_bits());
    let elapsed = kept.stop();
    assert_eq!(counter.get().to_bits(), elapsed.as_secs_f64().to_bits());
    let before = BUSY.get();
    drop(BUSY.start_timer());
    assert!(BUSY.get() >= before);
}

/// The exemplar that was shown last, as its value and its labels.
#[derive(Default)]
struct LastExemplar(Option<(f64, String)>);

impl Visitor for LastExemplar {
    fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        if let Point::Counter(point) = point {
            let exemplar = point.exemplar();
            self.0 =
                exemplar.map(|one| (one.value(), one.labels().as_prometheus().to_owned())).or(self.0.take());
        }
        Ok(())
    }
}

fn exemplar(collector: &impl Collector) -> Option<(f64, String)> {
    let mut last = LastExemplar::default();
    collector.collect(&mut last).expect("nothing stops it");
    last.0
}

#[test]
fn an_increment_is_named_as_an_example_unless_it_is_none() {
    let family = FloatCounterFamily::new("a_total", "A.");
    let counter = family.default();
    assert_eq!(exemplar(&family), None);
    counter.inc_by_with_exemplar(0.25, &[("trace_id", "one")]);
    counter.inc_by_with_exemplar(-1.0, &[("trace_id", "two")]);
    let refused = counter.try_inc_by_with_exemplar(0.5, &[("a", "1"), ("a", "2")]);
    assert!(matches!(refused, Err(ExemplarError::Labels(_))), "{refused:?}");
    assert_eq!(exemplar(&family), Some((0.25, "{trace_id=\"one\"}".to_owned())));
    assert_eq!(counter.get().to_bits(), 0.75_f64.to_bits());
}

#[test]
fn a_source_of_exemplars_names_increments_and_changes_no_total() {
    struct Current;

    impl ExemplarSource for Current {
        fn exemplar(&self) -> Option<LabelSet> {
            Some(LabelSet::from_pairs(&[("trace_id", "current")]))
        }
    }

    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_exemplar_source(Current));
    let counter = registry.register_float_counter("a_total", "A.").unwrap().default();
    for delta in [0.5, f64::NAN, 0.25] {
        counter.inc_by(delta);
    }
    assert_eq!(counter.get().to_bits(), 0.75_f64.to_bits());
    assert_eq!(page(&registry)[1], "  {} 0.75");
    let exemplar = exemplar(&registry).map(|(_, labels)| labels);
    assert_eq!(exemplar.as_deref(), Some("{trace_id=\"current\"}"));
}

/// Remembers what it is shown of one counter.
#[derive(Default)]
struct Watch(f64);

impl Visitor for Watch {
    fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        let Point::Counter(point) = point else { panic!("{point:?}") };
        let Number::F64(total) = point.total() else { panic!("{point:?}") };
        assert!(total >= self.0, "a counter went from {} to {total}", self.0);
        self.0 = total;
        Ok(())
    }
}

#[test]
fn no_reader_sees_a_total_go_down_whatever_threads_start_and_end() {
    const ROUNDS: u32 = 100;
    const AT_ONCE: u32 = 16;
    const EACH: u32 = 200;
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_self_metrics(false));
    let counter = registry.register_float_counter("a_total", "A.").unwrap().default();
    let exact = registry.register_float_counter("b_total", "B.").unwrap().default();
    let family = FloatCounterFamily::new("c_total", "C.");
    let over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (family, over) = (family.clone(), Arc::clone(&over));
            thread::spawn(move || {
                let mut watch = Watch::default();
                while !over.load(Ordering::Acquire) {
                    family.collect(&mut watch).unwrap();
                }
            })
        })
        .collect();
    let watched = family.default();
    for round in 0..ROUNDS {
        let threads: Vec<_> = (0..AT_ONCE)
            .map(|index| {
                let (counter, exact, watched) = (counter.clone(), exact.clone(), watched.clone());
                // Numbers whose sum depends on the order of its additions.
                let delta = 0.1 + f64::from(round * AT_ONCE + index) / 7000.0;
                thread::spawn(move || {
                    for _ in 0..EACH {
                        counter.inc_by(delta);
                        watched.inc_by(delta);
                        exact.inc_by(0.125);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
    }
    over.store(true, Ordering::Release);
    for reader in readers {
        reader.join().unwrap();
    }
    // Eighths add up without rounding, in any order.
    assert_eq!(exact.get().to_bits(), (f64::from(ROUNDS * AT_ONCE * EACH) * 0.125).to_bits());
    let last = f64::from(ROUNDS * AT_ONCE);
    let expected = f64::from(EACH) * (0.1 * last + last * (last - 1.0) / 2.0 / 7000.0);
    assert!((counter.get() - expected).abs() < 1e-6 * expected, "{} for {expected}", counter.get());
}
