//! Properties of the kinds that few programs need: what was recorded, in any order and by any thread, is what is
//! collected; and windows do what a model of them does.

#![expect(clippy::panic, reason = "what fails here fails the test")]

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, SystemTime};

use nilometer_core::collect::{Collector, Number, Point, SeriesLabels, Stopped, Visitor};
use nilometer_core::label::ClosedLabelValue as _;
use nilometer_core::{Descriptor, ManualClock, MaxGauge, MetricsRegistry, MinGauge, RegistryConfig};
use nilometer_macros::LabelValue;
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Debug, Clone, Copy, LabelValue)]
#[label(crate = "nilometer_core")]
enum Phase {
    Starting,
    Running,
    Stopping,
    Stopped,
}

const PHASES: [Phase; 4] = [Phase::Starting, Phase::Running, Phase::Stopping, Phase::Stopped];

/// The values of all series by family and label, as their bits or their states.
#[derive(Debug, Default, PartialEq)]
struct Page {
    family: String,
    values: BTreeMap<(String, String), Value>,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Whole(i64),
    Fraction(u64),
    States(Vec<(String, bool)>),
    Distribution(Vec<u64>, u64),
}

impl Visitor for Page {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        descriptor.name().clone_into(&mut self.family);
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        let number = |number| match number {
            Number::I64(value) => Value::Whole(value),
            Number::F64(value) => Value::Fraction(value.to_bits()),
            Number::U64(value) => panic!("{value} of a kind that has none"),
        };
        let value = match point {
            Point::Counter(point) => number(point.total()),
            Point::Gauge(point) => number(point.value()),
            Point::GaugeHistogram(point) => {
                Value::Distribution(point.counts().to_vec(), point.sum().to_bits())
            }
            Point::StateSet(point) => Value::States(
                point.states().iter().map(|(name, is_on)| ((*name).to_owned(), *is_on)).collect(),
            ),
            other => panic!("{other:?}"),
        };
        let label = labels.iter().map(|(_, value)| value).collect();
        assert!(self.values.insert((self.family.clone(), label), value).is_none(), "a series stands twice");
        Ok(())
    }
}

fn page(registry: &MetricsRegistry) -> BTreeMap<(String, String), Value> {
    let mut page = Page::default();
    registry.collect(&mut page).expect("nothing stops it");
    page.values
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Count(f64),
    Set(i64),
    Move(i64),
    Observe(f64),
    State(Phase),
    Switch(Phase, bool),
    Put(f64),
    Take(f64),
}

/// The bounds of what is put in and taken out.
const BOUNDS: [f64; 2] = [10.0, 1000.0];

/// Eighths, whose sums are exact in any order.
fn eighths() -> impl Strategy<Value = f64> {
    (0_u32..1 << 20).prop_map(|eighths| f64::from(eighths) / 8.0)
}

/// A few eighths in each bucket, the bounds among them, and what is below zero.
fn held() -> impl Strategy<Value = f64> {
    prop::sample::select(&[-0.5, 0.0, 0.125, 10.0, 10.125, 512.0, 1000.0, 1000.125, 65_536.0][..])
}

/// What can be done in any order.
fn unordered() -> impl Strategy<Value = Step> {
    prop_oneof![
        eighths().prop_map(Step::Count),
        finite().prop_map(Step::Observe),
        any::<i64>().prop_map(Step::Move),
        held().prop_map(Step::Put),
        held().prop_map(Step::Take),
    ]
}

fn finite() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("finite", |value| value.is_finite())
}

fn phase() -> impl Strategy<Value = Phase> {
    (0_usize..4).prop_map(|index| PHASES[index])
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        eighths().prop_map(Step::Count),
        any::<i64>().prop_map(Step::Set),
        any::<i64>().prop_map(Step::Move),
        finite().prop_map(Step::Observe),
        phase().prop_map(Step::State),
        (phase(), any::<bool>()).prop_map(|(phase, on)| Step::Switch(phase, on)),
        held().prop_map(Step::Put),
        held().prop_map(Step::Take),
    ]
}

/// What one series of each kind should have.
#[derive(Debug, Default, Clone)]
struct Model {
    count: Option<f64>,
    int: Option<i64>,
    max: Option<f64>,
    min: Option<f64>,
    states: Option<[bool; 4]>,
    /// How many more were put into each bucket than taken out, and what that sums to.
    present: Option<([i64; 3], f64)>,
}

impl Model {
    fn take(&mut self, step: Step) {
        match step {
            Step::Count(delta) => *self.count.get_or_insert_default() += delta,
            Step::Set(value) => self.int = Some(value),
            Step::Move(delta) => self.int = Some(self.int.unwrap_or_default().wrapping_add(delta)),
            Step::Observe(value) => {
                let larger = |max: f64| if value.total_cmp(&max).is_gt() { value } else { max };
                self.max = Some(self.max.map_or(value, larger));
                let smaller = |min: f64| if value.total_cmp(&min).is_lt() { value } else { min };
                self.min = Some(self.min.map_or(value, smaller));
            }
            Step::State(phase) => self.states = Some(PHASES.map(|one| one.index() == phase.index())),
            Step::Switch(phase, on) => self.states.get_or_insert_default()[phase.index()] = on,
            Step::Put(value) => self.hold(value, 1),
            Step::Take(value) => self.hold(value, -1),
        }
    }

    fn hold(&mut self, value: f64, more: i32) {
        let (counts, sum) = self.present.get_or_insert_default();
        counts[BOUNDS.iter().filter(|&&bound| bound < value).count()] += i64::from(more);
        *sum += value * f64::from(more);
    }

    fn expect(&self, label: &str, page: &mut BTreeMap<(String, String), Value>) {
        let states = self.states.map(|states| {
            let names = ["Starting", "Running", "Stopping", "Stopped"];
            Value::States(names.map(str::to_owned).into_iter().zip(states).collect())
        });
        let present = self.present.map(|(counts, sum)| {
            let counts: Vec<u64> = counts.iter().map(|&count| u64::try_from(count).unwrap_or(0)).collect();
            let sum = if counts.iter().all(|&count| count == 0) { 0.0 } else { sum };
            // Of two zeros, the one without a sign.
            Value::Distribution(counts, (sum + 0.0).to_bits())
        });
        let fraction = |value: Option<f64>| value.map(|value| Value::Fraction(value.to_bits()));
        let values = [
            ("count_total", fraction(self.count)),
            ("int", self.int.map(Value::Whole)),
            ("max", fraction(self.max)),
            ("min", fraction(self.min)),
            ("phase", states),
            ("present", present),
        ];
        for (family, value) in values {
            page.extend(value.map(|value| ((family.to_owned(), label.to_owned()), value)));
        }
    }
}

/// Takes the steps of one label.
fn record(registry: &MetricsRegistry, label: &str, steps: &[Step]) {
    let labels = [("label", label)];
    let counters = registry.register_float_counter("count_total", "C.").expect("it is there");
    let ints = registry.register_int_gauge("int", "I.").expect("it is there");
    let maxima = registry.register_max_gauge("max", "M.").expect("it is there");
    let minima = registry.register_min_gauge("min", "M.").expect("it is there");
    let phases = registry.register_state_set::<Phase>("phase", "P.").expect("it is there");
    let present = registry.register_gauge_histogram("present", "P.", &BOUNDS).expect("it is there");
    for step in steps {
        match *step {
            Step::Put(value) => present.with(&labels, |present| present.add(value)),
            Step::Take(value) => present.with(&labels, |present| present.sub(value)),
            Step::Count(delta) => counters.with(&labels, |counter| counter.inc_by(delta)),
            Step::Set(value) => ints.with(&labels, |gauge| gauge.set(value)),
            Step::Move(delta) => ints.with(&labels, |gauge| gauge.add(delta)),
            Step::Observe(value) => {
                maxima.with(&labels, |gauge| gauge.observe(value));
                minima.with(&labels, |gauge| gauge.observe(value));
            }
            Step::State(phase) => phases.with(&labels, |states| states.set(phase)),
            Step::Switch(phase, true) => phases.with(&labels, |states| states.enable(phase)),
            Step::Switch(phase, false) => phases.with(&labels, |states| states.disable(phase)),
        }
    }
}

/// What happens to a gauge with windows of ten seconds.
#[derive(Debug, Clone, Copy)]
enum Event {
    Observe(f64),
    Pass(u64),
    Collect,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![finite().prop_map(Event::Observe), (0_u64..15).prop_map(Event::Pass), Just(Event::Collect)]
}

/// Two windows, told with as few words as the documentation tells them.
#[derive(Debug, Default)]
struct Windows {
    now: u64,
    began: u64,
    current: Vec<f64>,
    before: Vec<f64>,
}

impl Windows {
    /// What a collection shows: the largest and the smallest.
    fn collect(&mut self) -> Option<(f64, f64)> {
        if self.now - self.began >= 10 {
            self.began = self.now;
            self.before = std::mem::take(&mut self.current);
        }
        let both = || self.current.iter().chain(&self.before).copied();
        Some((both().max_by(f64::total_cmp)?, both().min_by(f64::total_cmp)?))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_was_recorded_is_what_is_collected(steps in vec((0_usize..3, step()), 0..60)) {
        let registry = MetricsRegistry::new();
        let mut models = vec![Model::default(); 3];
        let mut expected = BTreeMap::new();
        for (label, step) in steps {
            models[label].take(step);
            record(&registry, &label.to_string(), &[step]);
        }
        for (label, model) in models.iter().enumerate() {
            model.expect(&label.to_string(), &mut expected);
        }
        prop_assert_eq!(page(&registry), expected);
    }

    #[test]
    fn what_threads_recorded_is_what_is_collected_once_they_are_joined(
        steps in vec(vec(step(), 0..20), 1..4),
        shared in vec(vec(unordered(), 0..20), 1..4),
    ) {
        let registry = MetricsRegistry::new();
        // Each thread has a label of its own, and one that it shares with the others, for what has no order.
        let mut expected = BTreeMap::new();
        let mut common = Model::default();
        shared.iter().flatten().for_each(|step| common.take(*step));
        common.expect("shared", &mut expected);
        thread::scope(|scope| {
            for (label, steps) in steps.iter().enumerate() {
                let registry = &registry;
                scope.spawn(move || record(registry, &label.to_string(), steps));
            }
            for steps in &shared {
                let registry = &registry;
                scope.spawn(move || record(registry, "shared", steps));
            }
        });
        for (label, steps) in steps.iter().enumerate() {
            let mut model = Model::default();
            for step in steps {
                model.take(*step);
            }
            model.expect(&label.to_string(), &mut expected);
        }
        prop_assert_eq!(page(&registry), expected);
    }

    #[test]
    fn windows_move_as_they_are_told(events in vec(event(), 0..80)) {
        let clock = ManualClock::new(SystemTime::UNIX_EPOCH);
        let registry = MetricsRegistry::with_config(RegistryConfig::new().with_clock(&clock));
        let length = Duration::from_secs(10);
        let max = registry.family::<MaxGauge>("max", "M.").with_window(length);
        let max = max.register().expect("it is new").default();
        let min = registry.family::<MinGauge>("min", "M.").with_window(length);
        let min = min.register().expect("it is new").default();
        let mut model = Windows::default();
        for event in events {
            match event {
                Event::Observe(value) => {
                    max.observe(value);
                    min.observe(value);
                    model.current.push(value);
                }
                Event::Pass(passed) => {
                    model.now += passed;
                    clock.advance(Duration::from_secs(passed));
                }
                Event::Collect => {
                    let mut expected = BTreeMap::new();
                    if let Some((largest, smallest)) = model.collect() {
                        let (max, min) = (Some(largest), Some(smallest));
                        Model { max, min, ..Model::default() }.expect("", &mut expected);
                    }
                    prop_assert_eq!(page(&registry), expected);
                }
            }
        }
    }
}
