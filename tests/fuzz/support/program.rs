//! Programs: what an application registers, and what it records.

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use nilometer_core::collect::{CollectError, Collector, Number, Visitor};
use nilometer_core::{
    CounterFamily, DynamicLabels, Family, FloatCounterFamily, GaugeFamily, Histogram, HistogramFamily,
    InfoFamily, IntGaugeFamily, Metric, MetricsRegistry, RegisterError, RegistryConfig, StateSetFamily,
    UpDownCounterFamily,
};
use nilometer_tests::read_back::Kept;
use nilometer_tests::shown::{Value, borrowed};

use crate::foreign;
use crate::text::{Float, Pairs, Text, UnitName, bounds, owned};

/// A program.
#[derive(Arbitrary, Debug)]
pub struct Program {
    has_utf8_names: bool,
    constant: Pairs,
    families: Vec<Declared>,
    steps: Vec<Step>,
    /// What only a collector of one's own has: summaries, exponential histograms, gauge histograms.
    foreign: Vec<foreign::Family>,
}

#[derive(Arbitrary, Debug)]
struct Declared {
    kind: u8,
    name: Text,
    help: Text,
    unit: Option<UnitName>,
    bounds: Vec<Float>,
}

#[derive(Arbitrary, Debug)]
struct Step {
    family: u8,
    labels: Pairs,
    whole: u64,
    float: Float,
    exemplar: Option<Pairs>,
}

/// A family that was registered.
enum Registered {
    Counter(CounterFamily),
    FloatCounter(FloatCounterFamily),
    UpDownCounter(UpDownCounterFamily),
    Gauge(GaugeFamily),
    IntGauge(IntGaugeFamily),
    Histogram(HistogramFamily, Vec<f64>),
    Info(InfoFamily),
    StateSet(StateSetFamily<bool>),
}

/// Labels by name.
type Labels = BTreeMap<String, String>;

/// What was recorded, as arithmetic has it.
#[derive(Debug, Clone, PartialEq)]
enum Recorded {
    Total(u64),
    Sum(i64),
    /// The bits of the one NaN, or of another number.
    Float(u64),
    /// By bucket.
    Counts(Vec<u64>),
    States([bool; 2]),
    Present,
}

/// What a program has recorded, family by family.
type Model = BTreeMap<String, BTreeMap<Labels, Recorded>>;

/// A collector of one's own.
struct Foreign(Vec<foreign::Family>);

impl Collector for Foreign {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        self.0.iter().try_for_each(|family| family.show(visitor))
    }
}

/// A program that has run.
pub struct Ran {
    /// Its registry.
    pub registry: MetricsRegistry,
    constant: Labels,
    model: Model,
}

impl Program {
    /// Runs it; nothing where no registry can be had.
    #[must_use]
    pub fn run(&self) -> Option<Ran> {
        let constant: Vec<_> = owned(&self.constant).into_iter().take(2).collect();
        let config = RegistryConfig::new()
            .with_utf8_names(self.has_utf8_names)
            .with_constant_labels(&borrowed(&constant))
            .with_self_metrics(false)
            // A thread for each input would take most of the time.
            .with_collector_time_limit(None);
        let registry = MetricsRegistry::with_config(config);
        let foreign = Foreign(self.foreign.iter().take(4).cloned().collect());
        registry.register_collector("foreign", foreign).ok()?;
        let constant = constant.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let mut ran = Ran { registry, constant, model: Model::new() };
        let families = self.families.iter().take(6);
        let families: Vec<(String, Registered)> =
            families.filter_map(|of| Some((of.name.text(), of.register(&ran.registry).ok()?))).collect();
        for (name, _) in &families {
            ran.model.entry(name.clone()).or_default();
        }
        for step in self.steps.iter().take(if families.is_empty() { 0 } else { 32 }) {
            let (name, family) = &families[usize::from(step.family) % families.len()];
            step.run(family, ran.model.entry(name.clone()).or_default());
        }
        Some(ran)
    }
}

impl Declared {
    fn register(&self, registry: &MetricsRegistry) -> Result<Registered, RegisterError> {
        Ok(match self.kind % 8 {
            0 => Registered::Counter(self.family(registry)?),
            1 => Registered::FloatCounter(self.family(registry)?),
            2 => Registered::UpDownCounter(self.family(registry)?),
            3 => Registered::Gauge(self.family(registry)?),
            4 => Registered::IntGauge(self.family(registry)?),
            5 => Registered::Info(self.family(registry)?),
            6 => Registered::StateSet(self.family(registry)?),
            _ => {
                let bounds = bounds(&self.bounds);
                let mut builder = registry.family::<Histogram>(self.name.text(), self.help.text());
                if let Some(unit) = self.unit {
                    builder = builder.with_unit(unit.unit());
                }
                Registered::Histogram(builder.with_buckets(&bounds).register()?, bounds)
            }
        })
    }

    fn family<M: Metric>(
        &self,
        registry: &MetricsRegistry,
    ) -> Result<Family<DynamicLabels, M>, RegisterError> {
        let mut builder = registry.family::<M>(self.name.text(), self.help.text());
        if let Some(unit) = self.unit {
            builder = builder.with_unit(unit.unit());
        }
        builder.register()
    }
}

fn bits(number: f64) -> u64 {
    if number.is_nan() { f64::NAN.to_bits() } else { number.to_bits() }
}

impl Step {
    fn run(&self, family: &Registered, model: &mut BTreeMap<Labels, Recorded>) {
        let pairs = owned(&self.labels);
        let labels: Labels = pairs.iter().filter(|(_, value)| !value.is_empty()).cloned().collect();
        let pairs = borrowed(&pairs);
        let exemplar = self.exemplar.as_ref().map(owned);
        let exemplar = exemplar.as_deref().map(borrowed);
        let (whole, float) = (self.whole, self.float.number());
        match family {
            Registered::Counter(family) => {
                let Ok(counter) = family.try_get_or_create(&pairs) else { return };
                match exemplar {
                    Some(labels) => drop(counter.try_inc_by_with_exemplar(whole, &labels)),
                    None => counter.inc_by(whole),
                }
                if let Recorded::Total(total) = model.entry(labels).or_insert(Recorded::Total(0)) {
                    *total = total.wrapping_add(whole);
                }
            }
            Registered::FloatCounter(family) => {
                let Ok(counter) = family.try_get_or_create(&pairs) else { return };
                counter.inc_by(float);
                if let Recorded::Float(total) = model.entry(labels).or_insert(Recorded::Float(0)) {
                    let is_odd = !float.is_finite() || float < 0.0;
                    *total =
                        (f64::from_bits(*total) + if is_odd { 0.0 } else { float }).min(f64::MAX).to_bits();
                }
            }
            Registered::UpDownCounter(family) => {
                let Ok(counter) = family.try_get_or_create(&pairs) else { return };
                counter.add(whole.cast_signed());
                if let Recorded::Sum(sum) = model.entry(labels).or_insert(Recorded::Sum(0)) {
                    *sum = sum.wrapping_add(whole.cast_signed());
                }
            }
            Registered::Gauge(family) => {
                let Ok(gauge) = family.try_get_or_create(&pairs) else { return };
                gauge.set(float);
                model.insert(labels, Recorded::Float(bits(float)));
            }
            Registered::IntGauge(family) => {
                let Ok(gauge) = family.try_get_or_create(&pairs) else { return };
                gauge.set(whole.cast_signed());
                model.insert(labels, Recorded::Sum(whole.cast_signed()));
            }
            Registered::Histogram(family, bounds) => {
                let Ok(histogram) = family.try_get_or_create(&pairs) else { return };
                match exemplar {
                    Some(labels) => drop(histogram.try_observe_with_exemplar(float, &labels)),
                    None => histogram.observe(float),
                }
                let empty = Recorded::Counts(vec![0; bounds.len() + 1]);
                if let Recorded::Counts(counts) = model.entry(labels).or_insert(empty)
                    && !float.is_nan()
                {
                    counts[bounds.iter().position(|bound| float <= *bound).unwrap_or(bounds.len())] += 1;
                }
            }
            Registered::Info(family) => {
                if family.try_get_or_create(&pairs).is_ok() {
                    model.insert(labels, Recorded::Present);
                }
            }
            Registered::StateSet(family) => {
                let Ok(states) = family.try_get_or_create(&pairs) else { return };
                states.set(whole % 2 == 1);
                model.insert(labels, Recorded::States([whole % 2 == 0, whole % 2 == 1]));
            }
        }
    }
}

impl Ran {
    /// Compares what was shown with what was recorded: the same series with the same values.
    ///
    /// # Panics
    ///
    /// When they differ.
    pub fn compare(&self, kept: &Kept) {
        for (name, recorded) in &self.model {
            let family = kept.0.iter().find(|family| family.descriptor.name() == name);
            let shown = family.map_or(&[][..], |family| &family.series).iter().map(|series| {
                let mut labels: Labels = series.labels.iter().cloned().collect();
                for (name, value) in &self.constant {
                    assert_eq!(labels.remove(name).as_ref(), Some(value), "a constant label");
                }
                let value = match &series.value {
                    Value::Number(Number::U64(total)) => Recorded::Total(*total),
                    Value::Number(Number::I64(sum)) => Recorded::Sum(*sum),
                    Value::Number(Number::F64(number)) => Recorded::Float(bits(*number)),
                    Value::Histogram(histogram) => Recorded::Counts(histogram.counts.clone()),
                    Value::StateSet(states) => Recorded::States([states[0].1, states[1].1]),
                    Value::Summary(..) | Value::Info => Recorded::Present,
                };
                (labels, value)
            });
            let shown: BTreeMap<Labels, Recorded> = shown.collect();
            assert_eq!(&shown, recorded, "`{name}`");
        }
    }
}
