//! OTLP's messages as the independent decoder has them, for comparison.

use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::resource::v1::Resource as OtlpResource;

use crate::{NOW, START};

/// Replaces the time at which a series was created, where that was by the clock within the last hour, by `START`.
pub(crate) fn forget_created(metric: &mut otlp::Metric) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let hour_ago = now.saturating_sub(Duration::from_hours(1));
    let forget = |start: &mut u64| {
        if (hour_ago..=now).contains(&Duration::from_nanos(*start)) {
            *start = START;
        }
    };
    match metric.data.as_mut().unwrap() {
        Data::Gauge(_) => {}
        Data::Sum(of) => of.data_points.iter_mut().for_each(|point| forget(&mut point.start_time_unix_nano)),
        Data::Histogram(of) => {
            of.data_points.iter_mut().for_each(|point| forget(&mut point.start_time_unix_nano));
        }
        Data::ExponentialHistogram(of) => {
            of.data_points.iter_mut().for_each(|point| forget(&mut point.start_time_unix_nano));
        }
        Data::Summary(of) => {
            of.data_points.iter_mut().for_each(|point| forget(&mut point.start_time_unix_nano));
        }
    }
}

const CUMULATIVE: i32 = otlp::AggregationTemporality::Cumulative as i32;

pub(crate) fn attribute(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

pub(crate) fn attributes(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
    pairs.iter().map(|(key, value)| attribute(key, value)).collect()
}

pub(crate) fn number(attributes: Vec<KeyValue>, start: u64, value: Value) -> otlp::NumberDataPoint {
    otlp::NumberDataPoint {
        attributes,
        start_time_unix_nano: start,
        time_unix_nano: NOW,
        value: Some(value),
        ..Default::default()
    }
}

pub(crate) fn metric(name: &str, description: &str, unit: &str, data: Data) -> otlp::Metric {
    otlp::Metric {
        name: name.to_owned(),
        description: description.to_owned(),
        unit: unit.to_owned(),
        data: Some(data),
        ..Default::default()
    }
}

pub(crate) fn sum(data_points: Vec<otlp::NumberDataPoint>) -> Data {
    Data::Sum(otlp::Sum { data_points, aggregation_temporality: CUMULATIVE, is_monotonic: true })
}

pub(crate) fn histogram(data_points: Vec<otlp::HistogramDataPoint>) -> Data {
    Data::Histogram(otlp::Histogram { data_points, aggregation_temporality: CUMULATIVE })
}

pub(crate) fn histogram_point(
    attributes: Vec<KeyValue>,
    bounds: &[f64],
    counts: &[u64],
    sum: Option<f64>,
) -> otlp::HistogramDataPoint {
    otlp::HistogramDataPoint {
        attributes,
        start_time_unix_nano: START,
        time_unix_nano: NOW,
        count: counts.iter().sum(),
        sum,
        bucket_counts: counts.to_vec(),
        explicit_bounds: bounds.to_vec(),
        ..Default::default()
    }
}

pub(crate) fn request(resource: Vec<KeyValue>, metrics: Vec<otlp::Metric>) -> ExportMetricsServiceRequest {
    let scope = InstrumentationScope {
        name: "nilometer".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..Default::default()
    };
    let scope_metrics = otlp::ScopeMetrics { scope: Some(scope), metrics, ..Default::default() };
    let resource = OtlpResource { attributes: resource, ..Default::default() };
    let resource_metrics = otlp::ResourceMetrics {
        resource: Some(resource),
        scope_metrics: vec![scope_metrics],
        ..Default::default()
    };
    ExportMetricsServiceRequest { resource_metrics: vec![resource_metrics] }
}
