//! Property: the meter provider has what the SDK of OpenTelemetry has of the same measurements.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nilometer::otel::RegistryMeterProvider;
use nilometer::{MetricsRegistry, PrometheusRenderer};
use nilometer_tests::page::{Page, Series};
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, MeterProvider, UpDownCounter};
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics, ScopeMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use proptest::collection::vec;
use proptest::prelude::*;

/// One measurement.
#[derive(Debug, Clone)]
enum Step {
    Count(u64),
    CountFloat(f64),
    Change(i64),
    ChangeFloat(f64),
    Set(u64),
    SetInt(i64),
    SetFloat(f64),
    Measure(f64),
    MeasureWhole(u64),
    Default(f64),
}

/// Numbers whose sums are exact in any order.
fn number() -> impl Strategy<Value = f64> {
    (-4_000_i32..4_000).prop_map(|quarters| f64::from(quarters) / 4.0)
}

fn step() -> impl Strategy<Value = Step> {
    let whole = || 0_u64..100_000;
    prop_oneof![
        whole().prop_map(Step::Count),
        number().prop_map(|value| Step::CountFloat(value.abs())),
        (-9_i64..9).prop_map(Step::Change),
        number().prop_map(Step::ChangeFloat),
        whole().prop_map(Step::Set),
        (-9_i64..9).prop_map(Step::SetInt),
        number().prop_map(Step::SetFloat),
        number().prop_map(Step::Measure),
        whole().prop_map(Step::MeasureWhole),
        number().prop_map(Step::Default),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        proptest::sample::select(vec!["x", "y", "\"\n\\"]).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        (-1_i64..2).prop_map(Value::from),
        number().prop_map(Value::from),
        vec(0_i64..2, 0..3).prop_map(|values| Value::Array(Array::I64(values))),
    ]
}

/// Attributes of different keys, none of which become one label, in any order.
fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let keys = ["method", "http.route", "status-code"];
    let subset = proptest::sample::subsequence(keys.to_vec(), 0..=keys.len()).prop_shuffle();
    (subset, vec(value(), keys.len())).prop_map(|(keys, values)| {
        keys.into_iter().zip(values).map(|(key, value)| KeyValue::new(key, value)).collect()
    })
}

struct Instruments {
    count: Counter<u64>,
    count_float: Counter<f64>,
    change: UpDownCounter<i64>,
    change_float: UpDownCounter<f64>,
    set: Gauge<u64>,
    set_int: Gauge<i64>,
    set_float: Gauge<f64>,
    measure: Histogram<f64>,
    measure_whole: Histogram<u64>,
    default: Histogram<f64>,
}

impl Instruments {
    fn of(meter: &Meter, seen: &[(u64, Vec<KeyValue>)]) -> Instruments {
        let values = seen.to_vec();
        let counter = meter.u64_observable_counter("seen");
        counter.with_callback(move |it| values.iter().for_each(|(value, of)| it.observe(*value, of))).build();
        let values = seen.to_vec();
        let change = meter.f64_observable_up_down_counter("seen.change");
        let opposite = |value: u64| -f64::from(u32::try_from(value).unwrap());
        change
            .with_callback(move |it| values.iter().for_each(|(value, of)| it.observe(opposite(*value), of)))
            .build();
        let values = seen.to_vec();
        let level = meter.i64_observable_gauge("seen.set");
        let less = |value: u64| 500 - i64::try_from(value).unwrap();
        level
            .with_callback(move |it| values.iter().for_each(|(value, of)| it.observe(less(*value), of)))
            .build();
        Instruments {
            count: meter.u64_counter("count").build(),
            count_float: meter.f64_counter("count.float").build(),
            change: meter.i64_up_down_counter("change").build(),
            change_float: meter.f64_up_down_counter("change.float").build(),
            set: meter.u64_gauge("set").build(),
            set_int: meter.i64_gauge("set.int").build(),
            set_float: meter.f64_gauge("set.float").build(),
            measure: meter.f64_histogram("measure").with_boundaries(vec![-10.0, 0.0, 0.25, 500.0]).build(),
            measure_whole: meter
                .u64_histogram("measure.whole")
                .with_boundaries(vec![100.0, 50_000.0])
                .build(),
            default: meter.f64_histogram("default").build(),
        }
    }

    fn take(&self, step: &Step, attributes: &[KeyValue]) {
        match *step {
            Step::Count(value) => self.count.add(value, attributes),
            Step::CountFloat(value) => self.count_float.add(value, attributes),
            Step::Change(value) => self.change.add(value, attributes),
            Step::ChangeFloat(value) => self.change_float.add(value, attributes),
            Step::Set(value) => self.set.record(value, attributes),
            Step::SetInt(value) => self.set_int.record(value, attributes),
            Step::SetFloat(value) => self.set_float.record(value, attributes),
            Step::Measure(value) => self.measure.record(value, attributes),
            Step::MeasureWhole(value) => self.measure_whole.record(value, attributes),
            Step::Default(value) => self.default.record(value, attributes),
        }
    }
}

/// Of each series, the value, or the bounds, the counts below them and the sum.
type Read = BTreeMap<(String, Vec<(String, String)>), Vec<f64>>;

fn classic(name: &str) -> String {
    name.replace(['.', '-'], "_")
}

/// An attribute's value as `serde_json` has it, where it is not a string.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Bool(value) => serde_json::to_string(value).unwrap(),
        Value::I64(value) => serde_json::to_string(value).unwrap(),
        // JSON has no other form for whole numbers than these.
        Value::F64(value) => serde_json::to_string(value).unwrap().trim_end_matches(".0").to_owned(),
        Value::Array(Array::I64(values)) => serde_json::to_string(values).unwrap(),
        other => unreachable!("{other:?}"),
    }
}

fn key<'a>(name: &str, attributes: impl Iterator<Item = &'a KeyValue>) -> (String, Vec<(String, String)>) {
    let mut labels: Vec<(String, String)> =
        attributes.map(|attribute| (classic(attribute.key.as_str()), text(&attribute.value))).collect();
    labels.push(("otel_scope_name".to_owned(), "lib".to_owned()));
    labels.sort();
    (classic(name), labels)
}

fn read_data<T: Copy>(name: &str, data: &MetricData<T>, number: fn(T) -> f64, read: &mut Read) {
    match data {
        MetricData::Gauge(gauge) => {
            for point in gauge.data_points() {
                assert!(read.insert(key(name, point.attributes()), vec![number(point.value())]).is_none());
            }
        }
        MetricData::Sum(sum) => {
            let name = if sum.is_monotonic() { format!("{name}_total") } else { name.to_owned() };
            for point in sum.data_points() {
                assert!(read.insert(key(&name, point.attributes()), vec![number(point.value())]).is_none());
            }
        }
        MetricData::Histogram(histogram) => {
            for point in histogram.data_points() {
                #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                let mut counts = point.bucket_counts().scan(0, |sum, count| {
                    *sum += count;
                    Some(*sum as f64)
                });
                let mut values = Vec::new();
                for bound in point.bounds() {
                    values.extend([bound, counts.next().unwrap()]);
                }
                values.extend([f64::INFINITY, counts.next().unwrap(), number(point.sum())]);
                assert!(read.insert(key(name, point.attributes()), values).is_none());
            }
        }
        MetricData::ExponentialHistogram(_) => unreachable!("nobody asks for one"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn read_sdk(collected: &ResourceMetrics) -> Read {
    let mut read = Read::new();
    for metric in collected.scope_metrics().flat_map(ScopeMetrics::metrics) {
        match metric.data() {
            AggregatedMetrics::F64(data) => read_data(metric.name(), data, |value| value, &mut read),
            AggregatedMetrics::U64(data) => read_data(metric.name(), data, |value| value as f64, &mut read),
            AggregatedMetrics::I64(data) => read_data(metric.name(), data, |value| value as f64, &mut read),
        }
    }
    read
}

/// Keeps what the SDK exports.
#[derive(Clone, Default)]
struct Reading(Arc<Mutex<Read>>);

impl PushMetricExporter for Reading {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        *self.0.lock().unwrap() = read_sdk(metrics);
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

fn read_page(registry: &MetricsRegistry) -> Read {
    let page = Page::parse(&PrometheusRenderer::render_all(registry)).unwrap();
    let mut read = Read::new();
    for family in &page.families {
        for (labels, series) in &family.series {
            let labels = labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let values = match series {
                Series::Value(value) => vec![value.number],
                Series::Histogram { buckets, sum, .. } => {
                    let buckets = buckets.iter().flat_map(|&(bound, count)| [bound, count as f64]);
                    buckets.chain([*sum]).collect()
                }
                Series::Summary { .. } => unreachable!("{}", family.name),
            };
            read.insert((family.name.clone(), labels), values);
        }
    }
    read
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_registry_has_what_the_sdk_has(
        steps in vec((step(), attributes()), 0..60),
        seen in vec((0_u64..1_000, attributes()), 0..6),
    ) {
        let registry = MetricsRegistry::new();
        let ours = RegistryMeterProvider::try_new(&registry).unwrap();
        let exporter = Reading::default();
        let reader = PeriodicReader::builder(exporter.clone()).with_interval(Duration::from_hours(1)).build();
        let sdk = SdkMeterProvider::builder().with_reader(reader).build();
        let both = [
            Instruments::of(&ours.meter("lib"), &seen),
            Instruments::of(&sdk.meter("lib"), &seen),
        ];
        for (step, attributes) in &steps {
            for instruments in &both {
                instruments.take(step, attributes);
            }
        }
        sdk.force_flush().unwrap();
        prop_assert_eq!(read_page(&registry), exporter.0.lock().unwrap().clone());
        sdk.shutdown().unwrap();
    }
}
