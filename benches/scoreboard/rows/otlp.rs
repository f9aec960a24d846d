//! The series of `encode/text_page` as OTLP requests.
//!
//! The rival is `opentelemetry_sdk` with a periodic reader that is flushed on demand, and an exporter that does what
//! `opentelemetry-otlp` does with what it gets, short of sending it: OTLP's messages are made of it, and then the
//! bytes.

use std::error::Error;
use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use nilometer_core::{Counter, Histogram, MetricsRegistry, RegistryConfig};
use nilometer_otel::{OtlpEncoder, Resource, TemporalityPreference};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{Instrument, PeriodicReader, SdkMeterProvider, Stream, Temporality};
use prost::Message;

use super::page::{COUNTERS, HISTOGRAMS};
use super::{BOUNDS, Board};
use crate::allocations::allocations_of;
use crate::contest::Contestant;
use crate::labels::{Labels, NAMES};
use crate::report::{Figures, Row};

const OBSERVED: [f64; 3] = [0.003, 0.07, 20.0];

/// A way to collect everything and encode it, which returns the bodies.
type Encode = Arc<dyn Fn() -> Vec<Vec<u8>> + Send + Sync>;

fn registry(labels: &[Labels]) -> Result<MetricsRegistry, Box<dyn Error>> {
    let config = RegistryConfig::new().with_series_limit(COUNTERS + 1).with_registry_limit(3 * COUNTERS);
    let registry = MetricsRegistry::with_config(config);
    let counters = registry.family::<Counter>("bench_total", "A counter.").with_labels(&NAMES).register()?;
    let histograms = registry.family::<Histogram>("bench_seconds", "A histogram.").with_buckets(&BOUNDS);
    let histograms = histograms.with_labels(&NAMES).register()?;
    for labels in labels {
        counters.with(&labels.pairs(), Counter::inc);
    }
    for labels in &labels[..HISTOGRAMS] {
        histograms
            .with(&labels.pairs(), |histogram| OBSERVED.iter().for_each(|&value| histogram.observe(value)));
    }
    Ok(registry)
}

/// An encoder that takes turns, with the time of the next collection.
struct Ours {
    registry: MetricsRegistry,
    encoder: Mutex<(OtlpEncoder, SystemTime)>,
}

impl Ours {
    fn new(registry: &MetricsRegistry, set: impl FnOnce(OtlpEncoder) -> OtlpEncoder) -> Arc<Ours> {
        let start = SystemTime::now();
        let encoder = set(OtlpEncoder::new(Resource::new("scoreboard"), start));
        Arc::new(Ours { registry: registry.clone(), encoder: Mutex::new((encoder, start)) })
    }

    /// Hands over each body, having acknowledged its request.
    fn encode(&self, mut sink: impl FnMut(&[u8])) {
        let mut held = self.encoder.lock().expect("nobody panics with it");
        held.1 += Duration::from_secs(10);
        let (encoder, now) = &mut *held;
        let result = encoder.encode_each(&self.registry, *now, |request| {
            sink(request.body());
            request.acknowledge();
            Ok(())
        });
        result.expect("a registry does not fail");
    }

    fn bodies(self: &Arc<Ours>) -> Encode {
        let ours = Arc::clone(self);
        Arc::new(move || {
            let mut bodies = Vec::new();
            ours.encode(|body| bodies.push(body.to_vec()));
            bodies
        })
    }

    fn turn(self: &Arc<Ours>) -> impl Fn(u64) + Send + Sync + 'static {
        let ours = Arc::clone(self);
        move |_| ours.encode(|body| assert!(!black_box(body).is_empty()))
    }
}

/// Keeps the bytes of the last export.
#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl PushMetricExporter for Bytes {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let bytes = ExportMetricsServiceRequest::from(metrics).encode_to_vec();
        *self.0.lock().expect("nobody panics with it") = bytes;
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

/// The provider, and what it exports.
struct Theirs {
    provider: SdkMeterProvider,
    exported: Bytes,
}

impl Theirs {
    fn new(labels: &[Labels]) -> Theirs {
        let exported = Bytes::default();
        let reader =
            PeriodicReader::builder(exported.clone()).with_interval(Duration::from_hours(24)).build();
        let unlimited = |_: &Instrument| Stream::builder().with_cardinality_limit(COUNTERS + 1).build().ok();
        let provider = SdkMeterProvider::builder().with_reader(reader).with_view(unlimited).build();
        let meter = provider.meter("scoreboard");
        let counter = meter.u64_counter("bench_total").with_description("A counter.").build();
        let histogram = meter.f64_histogram("bench_seconds").with_description("A histogram.");
        let histogram = histogram.with_boundaries(BOUNDS.to_vec()).build();
        let attributes = |labels: &Labels| labels.pairs().map(|(name, value)| KeyValue::new(name, value));
        for labels in labels {
            counter.add(1, &attributes(labels));
        }
        for labels in &labels[..HISTOGRAMS] {
            for value in OBSERVED {
                histogram.record(value, &attributes(labels));
            }
        }
        Theirs { provider, exported }
    }

    fn encode(&self) {
        self.provider.force_flush().expect("the exporter does not fail");
    }

    fn body(&self) -> Vec<u8> {
        self.encode();
        self.exported.0.lock().expect("nobody panics with it").clone()
    }
}

/// Checks that bodies have every series, with its labels and all its buckets, and what was recorded.
fn check(bodies: &[Vec<u8>]) -> Result<(), Box<dyn Error>> {
    let (mut counters, mut total, mut histograms, mut observations) = (0, 0, 0, 0);
    for body in bodies {
        let request = ExportMetricsServiceRequest::decode(&**body)?;
        let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        for metric in scopes.flat_map(|scope| scope.metrics) {
            match metric.data {
                Some(Data::Sum(sum)) if metric.name == "bench_total" => {
                    for point in sum.data_points {
                        counters += usize::from(point.attributes.len() == NAMES.len());
                        total += u64::from(point.value == Some(Value::AsInt(1)));
                    }
                }
                Some(Data::Histogram(histogram)) if metric.name == "bench_seconds" => {
                    for point in histogram.data_points {
                        let is_whole = point.bucket_counts.len() == BOUNDS.len() + 1;
                        histograms += usize::from(is_whole && point.attributes.len() == NAMES.len());
                        observations += point.count;
                    }
                }
                _ => {}
            }
        }
    }
    let found = (counters, total, histograms, observations);
    let expected = (COUNTERS, COUNTERS as u64, HISTOGRAMS, 3 * HISTOGRAMS as u64);
    if found == expected { Ok(()) } else { Err(format!("the requests have {found:?}").into()) }
}

impl Board {
    /// All rows about OTLP.
    pub(super) fn otlp(&self, rows: &mut Vec<Row>) -> Result<(), Box<dyn Error>> {
        let ids = ["otlp/encode/whole", "otlp/encode/split", "otlp/encode/delta", "otlp/encode/allocations"];
        if !ids.iter().any(|id| self.wants(id)) {
            return Ok(());
        }
        let labels = Labels::many(COUNTERS);
        let registry = registry(labels)?;
        let theirs = Arc::new(Theirs::new(labels));
        check(&[theirs.body()]).map_err(|error| format!("`opentelemetry`: {error}"))?;
        let whole = Ours::new(&registry, |encoder| encoder.with_max_body(usize::MAX));
        let split = Ours::new(&registry, |encoder| encoder);
        let delta = Ours::new(&registry, |encoder| encoder.with_temporality(TemporalityPreference::Delta));
        for ours in [&whole, &split, &delta] {
            check(&ours.bodies()())?;
        }
        for (id, ours) in ids.into_iter().zip([&whole, &split, &delta]) {
            if self.wants(id) {
                let theirs = Arc::clone(&theirs);
                let contestants = [
                    Contestant::ours(ours.turn()),
                    Contestant::rival("opentelemetry", move |_| theirs.encode()),
                ];
                self.long(rows, id, "ms", 1e6, &contestants)?;
            }
        }
        if self.wants(ids[3]) {
            let ours = allocations_of(|| whole.encode(|body| assert!(!black_box(body).is_empty())));
            let rivals = Figures::from([("opentelemetry".to_owned(), allocations_of(|| theirs.encode()))]);
            rows.push(Row::counted(ids[3], "allocations", ours, rivals, Figures::new()));
        }
        Ok(())
    }
}
