//! Requests, read by `opentelemetry-proto`.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message;

use super::Single;

/// The points of a request, in their order; units, which other tests are about, are left out.
///
/// # Panics
///
/// Where it is no request, has fields that are not known or stand twice, or metrics without points.
#[must_use]
#[expect(clippy::expect_used, reason = "a request that cannot be read fails the test")]
pub fn singles(body: &[u8]) -> Vec<Single> {
    let request = ExportMetricsServiceRequest::decode(body).expect("a request");
    assert_eq!(request.encoded_len(), body.len());
    assert_eq!(request.resource_metrics.len(), 1);
    let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
    let metrics = scopes.flat_map(|scope| scope.metrics);
    let split = |metric: otlp::Metric| {
        let head = otlp::Metric { unit: String::new(), data: None, ..metric.clone() };
        let datas: Vec<Data> = match metric.data.expect("data") {
            Data::Gauge(of) => {
                let one = |point| Data::Gauge(otlp::Gauge { data_points: vec![point] });
                of.data_points.into_iter().map(one).collect()
            }
            Data::Sum(of) => {
                let one = |point| Data::Sum(otlp::Sum { data_points: vec![point], ..of });
                of.data_points.into_iter().map(one).collect()
            }
            Data::Histogram(of) => {
                let one = |point| Data::Histogram(otlp::Histogram { data_points: vec![point], ..of });
                of.data_points.into_iter().map(one).collect()
            }
            Data::ExponentialHistogram(of) => {
                let one = |point| {
                    Data::ExponentialHistogram(otlp::ExponentialHistogram { data_points: vec![point], ..of })
                };
                of.data_points.into_iter().map(one).collect()
            }
            Data::Summary(of) => {
                let one = |point| Data::Summary(otlp::Summary { data_points: vec![point] });
                of.data_points.into_iter().map(one).collect()
            }
        };
        assert!(!datas.is_empty(), "a metric without points");
        datas.into_iter().map(move |data| otlp::Metric { data: Some(data), ..head.clone() })
    };
    metrics.flat_map(split).collect()
}

/// Compares points, NaN being equal to itself.
///
/// # Panics
///
/// Where they differ.
pub fn compare(read: &[Single], expected: &[Single]) {
    for (index, (read, expected)) in read.iter().zip(expected).enumerate() {
        assert!(
            read.encode_to_vec() == expected.encode_to_vec(),
            "point {index}\nread:     {read:?}\nexpected: {expected:?}"
        );
    }
    assert_eq!(read.len(), expected.len());
}
