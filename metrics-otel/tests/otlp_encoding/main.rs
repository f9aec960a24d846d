//! What was recorded is what an independent decoder reads back.
//!
//! - `expected`: OTLP's messages, to be compared with. `property`: any registry at all.
//! - `whole`, `numbers`, `distributions`, `others`, `exemplars`: what becomes of each kind.
//! - `limits`: what is split, refused and left out. `differences`: what is sent as such.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod differences;
mod distributions;
mod exemplars;
mod expected;
mod limits;
mod numbers;
mod others;
mod property;
mod whole;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, GaugePoint, LabelSet, MetricType, Number, Point,
    SeriesLabels, Visitor,
};
use nilometer_otel::{Encoded, ExportRequest, OtlpEncoder, Resource};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use prost::Message;

use expected::forget_created;

/// Past the time at which a registry's series are created here, which is the clock's.
const START: u64 = 4_102_444_800_123_456_789;
const NOW: u64 = START + 15_000_000_001;

fn at(nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanos)
}

fn encoder() -> OtlpEncoder {
    OtlpEncoder::new(Resource::new("test"), at(START))
}

/// Encodes everything, as one request where there is anything.
fn encode(collector: &dyn Collector) -> (Encoded, Option<ExportRequest>) {
    let mut requests = Vec::new();
    let encoded = encoder().encode_each(collector, at(NOW), |request| {
        requests.push(request);
        Ok(())
    });
    let encoded = encoded.unwrap();
    assert_eq!(encoded.requests(), requests.len() as u64);
    assert_eq!(encoded.points(), requests.iter().map(ExportRequest::points).sum::<u64>());
    assert!(requests.len() <= 1);
    (encoded, requests.pop())
}

/// Decodes, and checks on the way that the body has no field which the decoder does not know, and none twice.
fn decode(request: &ExportRequest) -> ExportMetricsServiceRequest {
    let decoded = ExportMetricsServiceRequest::decode(request.body().clone()).unwrap();
    assert_eq!(decoded.encoded_len(), request.body().len());
    decoded
}

fn metrics_in(request: &ExportRequest) -> Vec<otlp::Metric> {
    let mut decoded = decode(request);
    assert_eq!(decoded.resource_metrics.len(), 1);
    let mut resource = decoded.resource_metrics.remove(0);
    assert_eq!(resource.scope_metrics.len(), 1);
    resource.scope_metrics.remove(0).metrics
}

/// What is read of a collector. A series that began lately, by the clock, begins at `START`.
fn metrics_of(collector: &dyn Collector) -> Vec<otlp::Metric> {
    let mut metrics = encode(collector).1.map_or(Vec::new(), |request| metrics_in(&request));
    for metric in &mut metrics {
        forget_created(metric);
    }
    metrics
}

/// Shows families of its own, each with points without labels; nothing checks what it shows.
struct Shown(Vec<(Descriptor, Vec<Point<'static>>)>);

impl Shown {
    /// One family.
    fn one(name: &str, kind: MetricType, points: Vec<Point<'static>>) -> Shown {
        Shown(vec![(Descriptor::try_new(name, "", kind).unwrap(), points)])
    }
}

impl Collector for Shown {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        for (descriptor, points) in &self.0 {
            visitor.family(descriptor)?;
            for &point in points {
                visitor.point(SeriesLabels::of(&LabelSet::empty()), point)?;
            }
        }
        Ok(())
    }
}

fn counter(total: impl Into<Number>) -> Point<'static> {
    CounterPoint::new(total).into()
}

fn gauge(value: impl Into<Number>) -> Point<'static> {
    GaugePoint::new(value).into()
}

fn only_number(collector: &dyn Collector) -> Value {
    match metrics_of(collector).remove(0).data {
        Some(Data::Gauge(gauge)) => gauge.data_points[0].value.unwrap(),
        Some(Data::Sum(sum)) => sum.data_points[0].value.unwrap(),
        data => panic!("{data:?} has no numbers"),
    }
}
