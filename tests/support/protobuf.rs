//! A decoder of `io.prometheus.client.MetricFamily`: its messages written down again from `metrics.proto`, and decoded by
//! prost, of which nilometer's encoder uses nothing but the primitives that write.
#![allow(missing_docs, reason = "messages and fields are called what metrics.proto calls them")]

use std::collections::BTreeMap;

use prost::{DecodeError, Enumeration, Message};

use crate::samples::{Labels, Samples, bound_text, with};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum MetricType {
    Counter = 0,
    Gauge = 1,
    Summary = 2,
    Untyped = 3,
    Histogram = 4,
    GaugeHistogram = 5,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub struct LabelPair {
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub value: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Timestamp {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    pub label: Vec<LabelPair>,
    #[prost(double, optional, tag = "2")]
    pub value: Option<f64>,
    #[prost(message, optional, tag = "3")]
    pub timestamp: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Gauge {
    #[prost(double, optional, tag = "1")]
    pub value: Option<f64>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Counter {
    #[prost(double, optional, tag = "1")]
    pub value: Option<f64>,
    #[prost(message, optional, tag = "2")]
    pub exemplar: Option<Exemplar>,
    #[prost(message, optional, tag = "3")]
    pub created_timestamp: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Quantile {
    #[prost(double, optional, tag = "1")]
    pub quantile: Option<f64>,
    #[prost(double, optional, tag = "2")]
    pub value: Option<f64>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Summary {
    #[prost(uint64, optional, tag = "1")]
    pub sample_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    pub sample_sum: Option<f64>,
    #[prost(message, repeated, tag = "3")]
    pub quantile: Vec<Quantile>,
    #[prost(message, optional, tag = "4")]
    pub created_timestamp: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Bucket {
    #[prost(uint64, optional, tag = "1")]
    pub cumulative_count: Option<u64>,
    #[prost(double, optional, tag = "4")]
    pub cumulative_count_float: Option<f64>,
    #[prost(double, optional, tag = "2")]
    pub upper_bound: Option<f64>,
    #[prost(message, optional, tag = "3")]
    pub exemplar: Option<Exemplar>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub struct BucketSpan {
    #[prost(sint32, optional, tag = "1")]
    pub offset: Option<i32>,
    #[prost(uint32, optional, tag = "2")]
    pub length: Option<u32>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    pub sample_count: Option<u64>,
    #[prost(double, optional, tag = "4")]
    pub sample_count_float: Option<f64>,
    #[prost(double, optional, tag = "2")]
    pub sample_sum: Option<f64>,
    #[prost(message, repeated, tag = "3")]
    pub bucket: Vec<Bucket>,
    #[prost(message, optional, tag = "15")]
    pub created_timestamp: Option<Timestamp>,
    #[prost(sint32, optional, tag = "5")]
    pub schema: Option<i32>,
    #[prost(double, optional, tag = "6")]
    pub zero_threshold: Option<f64>,
    #[prost(uint64, optional, tag = "7")]
    pub zero_count: Option<u64>,
    #[prost(double, optional, tag = "8")]
    pub zero_count_float: Option<f64>,
    #[prost(message, repeated, tag = "9")]
    pub negative_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "10")]
    pub negative_delta: Vec<i64>,
    #[prost(double, repeated, tag = "11")]
    pub negative_count: Vec<f64>,
    #[prost(message, repeated, tag = "12")]
    pub positive_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "13")]
    pub positive_delta: Vec<i64>,
    #[prost(double, repeated, tag = "14")]
    pub positive_count: Vec<f64>,
    #[prost(message, repeated, tag = "16")]
    pub exemplars: Vec<Exemplar>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Metric {
    #[prost(message, repeated, tag = "1")]
    pub label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    pub gauge: Option<Gauge>,
    #[prost(message, optional, tag = "3")]
    pub counter: Option<Counter>,
    #[prost(message, optional, tag = "4")]
    pub summary: Option<Summary>,
    #[prost(message, optional, tag = "5")]
    pub untyped: Option<Gauge>,
    #[prost(message, optional, tag = "7")]
    pub histogram: Option<Histogram>,
    #[prost(int64, optional, tag = "6")]
    pub timestamp_ms: Option<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub struct MetricFamily {
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub help: Option<String>,
    #[prost(enumeration = "MetricType", optional, tag = "3")]
    pub r#type: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    pub metric: Vec<Metric>,
    #[prost(string, optional, tag = "5")]
    pub unit: Option<String>,
}

/// A family with the help `H.`, as a test expects it.
#[must_use]
pub fn decoded(name: &str, kind: MetricType, metric: Vec<Metric>) -> MetricFamily {
    let (name, help) = (Some(name.to_owned()), Some("H.".to_owned()));
    MetricFamily { name, help, r#type: Some(kind.into()), metric, unit: None }
}

/// Labels, as a test expects them.
#[must_use]
pub fn pairs(labels: &[(&str, &str)]) -> Vec<LabelPair> {
    let pair =
        |&(name, value): &(&str, &str)| LabelPair { name: Some(name.into()), value: Some(value.into()) };
    labels.iter().map(pair).collect()
}

/// A gauge, as a test expects it.
#[must_use]
pub fn gauge(labels: &[(&str, &str)], value: f64) -> Metric {
    Metric { label: pairs(labels), gauge: Some(Gauge { value: Some(value) }), ..Metric::default() }
}

/// Reads a page of delimited messages.
///
/// # Errors
///
/// What prost says of what is not a message.
pub fn messages(mut page: &[u8]) -> Result<Vec<MetricFamily>, DecodeError> {
    let mut families = Vec::new();
    while !page.is_empty() {
        families.push(MetricFamily::decode_length_delimited(&mut page)?);
    }
    Ok(families)
}

/// Reads a page, and joins the messages of one family, which stand one after the other.
///
/// # Errors
///
/// As [`messages`].
///
/// # Panics
///
/// When the messages of a family disagree, or stand apart.
pub fn parse(page: &[u8]) -> Result<Vec<MetricFamily>, DecodeError> {
    let mut families: Vec<MetricFamily> = Vec::new();
    for mut message in messages(page)? {
        assert!(!message.metric.is_empty(), "a message without series");
        match families.last_mut() {
            Some(last) if last.name == message.name => {
                let metrics = std::mem::take(&mut message.metric);
                let head = MetricFamily { metric: Vec::new(), ..last.clone() };
                assert_eq!(head, message, "the messages of a family disagree");
                last.metric.extend(metrics);
            }
            _ => {
                assert!(
                    families.iter().all(|family| family.name != message.name),
                    "a family is in two places"
                );
                families.push(message);
            }
        }
    }
    Ok(families)
}

/// Labels by name.
///
/// # Panics
///
/// When a name stands twice, or a name or a value is missing.
#[must_use]
#[expect(clippy::expect_used, reason = "a test whose page lacks a field has failed")]
pub fn labels(pairs: &[LabelPair]) -> Labels {
    let pair = |pair: &LabelPair| (pair.name.clone().expect("a name"), pair.value.clone().expect("a value"));
    let labels: Labels = pairs.iter().map(pair).collect();
    assert_eq!(labels.len(), pairs.len(), "a label stands twice");
    labels
}

/// The counts of native buckets by their index, empty ones left out.
///
/// # Panics
///
/// When spans and deltas do not fit, or a count is negative.
#[must_use]
#[expect(clippy::expect_used, reason = "a test whose page lacks a field has failed")]
pub fn native_buckets(spans: &[BucketSpan], deltas: &[i64]) -> BTreeMap<i32, u64> {
    let mut deltas = deltas.iter();
    let (mut index, mut count) = (0_i32, 0_i64);
    let mut buckets = BTreeMap::new();
    for span in spans {
        index += span.offset.expect("an offset");
        for _ in 0..span.length.expect("a length") {
            count = count.wrapping_add(*deltas.next().expect("a delta for each bucket"));
            if count != 0 {
                buckets.insert(index, count.cast_unsigned());
            }
            index += 1;
        }
    }
    assert!(deltas.next().is_none(), "deltas without buckets");
    buckets
}

/// The samples of all families, as Prometheus would store them without native histograms.
///
/// # Panics
///
/// When a metric lacks the value of its type.
#[must_use]
#[expect(clippy::expect_used, reason = "a test whose page lacks a field has failed")]
pub fn samples(families: &[MetricFamily]) -> Samples {
    let mut samples = Samples::default();
    for family in families {
        let name = family.name.as_deref().expect("a name");
        for metric in &family.metric {
            let own = labels(&metric.label);
            match family.r#type() {
                MetricType::Counter => {
                    let counter = metric.counter.as_ref().expect("a counter");
                    samples.add(name, own, counter.value.expect("a value"));
                }
                MetricType::Gauge => {
                    let gauge = metric.gauge.as_ref().expect("a gauge");
                    samples.add(name, own, gauge.value.expect("a value"));
                }
                MetricType::Untyped => {
                    let untyped = metric.untyped.as_ref().expect("a value");
                    samples.add(name, own, untyped.value.expect("a value"));
                }
                MetricType::Summary => {
                    let summary = metric.summary.as_ref().expect("a summary");
                    for quantile in &summary.quantile {
                        let label = bound_text(quantile.quantile.expect("a quantile"));
                        samples.add(name, with(&own, "quantile", label), quantile.value.expect("a value"));
                    }
                    samples.add(&format!("{name}_sum"), own.clone(), summary.sample_sum.expect("a sum"));
                    samples.add(&format!("{name}_count"), own, float(summary.sample_count.expect("a count")));
                }
                MetricType::Histogram | MetricType::GaugeHistogram => {
                    let histogram = metric.histogram.as_ref().expect("a histogram");
                    for bucket in &histogram.bucket {
                        let label = bound_text(bucket.upper_bound.expect("a bound"));
                        let count = float(bucket.cumulative_count.expect("a count"));
                        samples.add(&format!("{name}_bucket"), with(&own, "le", label), count);
                    }
                    samples.add(&format!("{name}_sum"), own.clone(), histogram.sample_sum.expect("a sum"));
                    samples.add(
                        &format!("{name}_count"),
                        own,
                        float(histogram.sample_count.expect("a count")),
                    );
                }
            }
        }
    }
    samples
}

/// The nearest float, as Prometheus has it.
#[expect(clippy::cast_precision_loss, reason = "Prometheus rounds as well")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: a family `c` of type 0 with one metric, which has a label `a="b"` and a counter of 1, created in 1970.
    #[test]
    fn a_page_of_known_bytes_is_read() {
        let page = [
            &[28][..],
            &[0x0a, 1, b'c', 0x18, 0, 0x22, 21],
            &[0x0a, 6, 0x0a, 1, b'a', 0x12, 1, b'b'],
            &[0x1a, 11, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x1a, 0],
        ]
        .concat();
        let families = parse(&page).unwrap();
        assert_eq!(families[0].r#type(), MetricType::Counter);
        let mut expected = Samples::default();
        expected.add("c", with(&Labels::new(), "a", "b"), 1.0);
        assert_eq!(samples(&families), expected);
        let counter = families[0].metric[0].counter.clone().unwrap();
        assert_eq!(counter.created_timestamp, Some(Timestamp { seconds: 0, nanos: 0 }));
        for cut in 1..page.len() {
            assert!(parse(&page[..cut]).is_err(), "{cut} bytes");
        }
    }

    #[test]
    fn spans_and_deltas_are_counts_by_index() {
        let span = |offset, length| BucketSpan { offset: Some(offset), length: Some(length) };
        let buckets = native_buckets(&[span(-2, 2), span(3, 1)], &[4, -4, 2]);
        assert_eq!(buckets, BTreeMap::from([(-2, 4), (3, 2)]));
        assert!(native_buckets(&[span(0, 0)], &[]).is_empty());
    }
}
