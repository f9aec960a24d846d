//! What a remote write request says, read by messages that were written down from the published `.proto` files alone.
//!
//! - `io/prometheus/write/v2/types.proto`, with the start timestamps of Prometheus 3.8.
//! - `prompb/remote.proto` and `prompb/types.proto` of Prometheus 2.42.

use std::collections::BTreeMap;

use prost::Message;

use crate::receiver::Request;

/// Messages of version 2.0.
pub mod v2 {
    use prost::Message;

    /// `Request`.
    #[derive(Clone, PartialEq, Message)]
    pub struct Request {
        /// Each text once.
        #[prost(string, repeated, tag = "4")]
        pub symbols: Vec<String>,
        /// The series.
        #[prost(message, repeated, tag = "5")]
        pub timeseries: Vec<TimeSeries>,
    }

    /// `TimeSeries`.
    #[derive(Clone, PartialEq, Message)]
    pub struct TimeSeries {
        /// Names and values in turn.
        #[prost(uint32, repeated, tag = "1")]
        pub labels_refs: Vec<u32>,
        /// Floats.
        #[prost(message, repeated, tag = "2")]
        pub samples: Vec<Sample>,
        /// Native histograms.
        #[prost(message, repeated, tag = "3")]
        pub histograms: Vec<super::Histogram>,
        /// Exemplars.
        #[prost(message, repeated, tag = "4")]
        pub exemplars: Vec<Exemplar>,
        /// What the series means.
        #[prost(message, optional, tag = "5")]
        pub metadata: Option<Metadata>,
        /// When it began.
        #[prost(int64, tag = "6")]
        pub created_timestamp: i64,
    }

    /// `Sample`.
    #[derive(Clone, PartialEq, Message)]
    pub struct Sample {
        /// The value.
        #[prost(double, tag = "1")]
        pub value: f64,
        /// Milliseconds.
        #[prost(int64, tag = "2")]
        pub timestamp: i64,
        /// When it began.
        #[prost(int64, tag = "3")]
        pub start_timestamp: i64,
    }

    /// `Exemplar`.
    #[derive(Clone, PartialEq, Message)]
    pub struct Exemplar {
        /// Names and values in turn.
        #[prost(uint32, repeated, tag = "1")]
        pub labels_refs: Vec<u32>,
        /// The value.
        #[prost(double, tag = "2")]
        pub value: f64,
        /// Milliseconds.
        #[prost(int64, tag = "3")]
        pub timestamp: i64,
    }

    /// `Metadata`.
    #[derive(Clone, PartialEq, Message)]
    pub struct Metadata {
        /// The kind.
        #[prost(enumeration = "super::MetricType", tag = "1")]
        pub r#type: i32,
        /// The help.
        #[prost(uint32, tag = "3")]
        pub help_ref: u32,
        /// The unit.
        #[prost(uint32, tag = "4")]
        pub unit_ref: u32,
    }
}

/// Messages of version 1.0.
pub mod v1 {
    use prost::Message;

    /// `WriteRequest`.
    #[derive(Clone, PartialEq, Message)]
    pub struct WriteRequest {
        /// The series.
        #[prost(message, repeated, tag = "1")]
        pub timeseries: Vec<TimeSeries>,
        /// What families mean.
        #[prost(message, repeated, tag = "3")]
        pub metadata: Vec<MetricMetadata>,
    }

    /// `TimeSeries`.
    #[derive(Clone, PartialEq, Message)]
    pub struct TimeSeries {
        /// The labels.
        #[prost(message, repeated, tag = "1")]
        pub labels: Vec<Label>,
        /// Floats.
        #[prost(message, repeated, tag = "2")]
        pub samples: Vec<Sample>,
        /// Exemplars.
        #[prost(message, repeated, tag = "3")]
        pub exemplars: Vec<Exemplar>,
        /// Native histograms.
        #[prost(message, repeated, tag = "4")]
        pub histograms: Vec<super::Histogram>,
    }

    /// `Label`.
    #[derive(Clone, PartialEq, Message)]
    pub struct Label {
        /// The name.
        #[prost(string, tag = "1")]
        pub name: String,
        /// The value.
        #[prost(string, tag = "2")]
        pub value: String,
    }

    /// `Sample`.
    #[derive(Clone, PartialEq, Message)]
    pub struct Sample {
        /// The value.
        #[prost(double, tag = "1")]
        pub value: f64,
        /// Milliseconds.
        #[prost(int64, tag = "2")]
        pub timestamp: i64,
    }

    /// `Exemplar`.
    #[derive(Clone, PartialEq, Message)]
    pub struct Exemplar {
        /// The labels.
        #[prost(message, repeated, tag = "1")]
        pub labels: Vec<Label>,
        /// The value.
        #[prost(double, tag = "2")]
        pub value: f64,
        /// Milliseconds.
        #[prost(int64, tag = "3")]
        pub timestamp: i64,
    }

    /// `MetricMetadata`.
    #[derive(Clone, PartialEq, Message)]
    pub struct MetricMetadata {
        /// The kind.
        #[prost(enumeration = "super::MetricType", tag = "1")]
        pub r#type: i32,
        /// The family.
        #[prost(string, tag = "2")]
        pub metric_family_name: String,
        /// The help.
        #[prost(string, tag = "4")]
        pub help: String,
        /// The unit.
        #[prost(string, tag = "5")]
        pub unit: String,
    }
}

/// `MetricType`, of both versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum MetricType {
    /// None said.
    Unspecified = 0,
    /// A counter.
    Counter = 1,
    /// A gauge.
    Gauge = 2,
    /// A histogram.
    Histogram = 3,
    /// A gauge histogram.
    GaugeHistogram = 4,
    /// A summary.
    Summary = 5,
    /// An info.
    Info = 6,
    /// A state set.
    StateSet = 7,
}

/// `Histogram`, of both versions; integers alone are expected.
#[derive(Clone, PartialEq, Message)]
pub struct Histogram {
    /// Observations.
    #[prost(uint64, optional, tag = "1")]
    pub count_int: Option<u64>,
    /// Their sum.
    #[prost(double, tag = "3")]
    pub sum: f64,
    /// The scale.
    #[prost(sint32, tag = "4")]
    pub schema: i32,
    /// The width of zero.
    #[prost(double, tag = "5")]
    pub zero_threshold: f64,
    /// Observations at zero.
    #[prost(uint64, optional, tag = "6")]
    pub zero_count_int: Option<u64>,
    /// Where there are buckets below zero.
    #[prost(message, repeated, tag = "8")]
    pub negative_spans: Vec<BucketSpan>,
    /// Their counts.
    #[prost(sint64, repeated, tag = "9")]
    pub negative_deltas: Vec<i64>,
    /// Where there are buckets above zero.
    #[prost(message, repeated, tag = "11")]
    pub positive_spans: Vec<BucketSpan>,
    /// Their counts.
    #[prost(sint64, repeated, tag = "12")]
    pub positive_deltas: Vec<i64>,
    /// 3 for a gauge histogram.
    #[prost(int32, tag = "14")]
    pub reset_hint: i32,
    /// Milliseconds.
    #[prost(int64, tag = "15")]
    pub timestamp: i64,
    /// When it began.
    #[prost(int64, tag = "17")]
    pub start_timestamp: i64,
}

/// `BucketSpan`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct BucketSpan {
    /// The gap before it.
    #[prost(sint32, tag = "1")]
    pub offset: i32,
    /// How many buckets.
    #[prost(uint32, tag = "2")]
    pub length: u32,
}

/// Which version a request is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 1.0.
    One,
    /// 2.0.
    Two,
}

/// A series of either version, with the one value that it has.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The labels, `__name__` included.
    pub labels: BTreeMap<String, String>,
    /// The value, unless it is a native histogram.
    pub value: Option<f64>,
    /// The native histogram.
    pub histogram: Option<Histogram>,
    /// Milliseconds.
    pub timestamp: i64,
    /// Milliseconds; 0 for none.
    pub created: i64,
    /// Labels, value and time of each.
    pub exemplars: Vec<(BTreeMap<String, String>, f64, i64)>,
    /// Kind, help and unit; by 1.0 of the family with the name of the series.
    pub metadata: Option<(MetricType, String, String)>,
}

impl Series {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.labels.get("__name__").map_or("", |name| name)
    }

    /// Whether it says that the series has ended.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        let value = self.value.or(self.histogram.as_ref().map(|histogram| histogram.sum));
        value.is_some_and(|value| value.to_bits() == 0x7ff0_0000_0000_0002)
    }
}

/// A request, as a strict receiver reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The version that the headers say.
    pub version: Version,
    /// All series.
    pub series: Vec<Series>,
    /// Families of 1.0 that metadata was sent of.
    pub families: BTreeMap<String, (MetricType, String, String)>,
}

impl Written {
    /// Reads a request.
    ///
    /// # Panics
    ///
    /// Where the headers are not those of a version, the body is no message of it, or the message breaks a rule of the
    /// specification.
    #[must_use]
    #[expect(clippy::panic, reason = "a test whose request is wrong has failed")]
    pub fn read(request: &Request) -> Written {
        assert_eq!((&*request.method, request.header("content-encoding")), ("POST", Some("snappy")));
        let body = snap::raw::Decoder::new().decompress_vec(&request.body);
        let body = body.unwrap_or_else(|error| panic!("no snappy block: {error}"));
        let headers = [request.header("content-type"), request.header("x-prometheus-remote-write-version")];
        match headers {
            [Some("application/x-protobuf"), Some("0.1.0")] => {
                let message = v1::WriteRequest::decode(&*body).unwrap_or_else(|error| panic!("{error}"));
                of_version_1(message)
            }
            [Some("application/x-protobuf;proto=io.prometheus.write.v2.Request"), Some("2.0.0")] => {
                let message = v2::Request::decode(&*body).unwrap_or_else(|error| panic!("{error}"));
                of_version_2(message)
            }
            other => panic!("headers of no version: {other:?}"),
        }
    }

    /// The one series with this name and these other labels.
    ///
    /// # Panics
    ///
    /// Where there is not exactly one.
    #[must_use]
    #[expect(clippy::panic, reason = "a test that misses its series has failed")]
    pub fn one(&self, name: &str, labels: &[(&str, &str)]) -> &Series {
        let expected: BTreeMap<String, String> = labels
            .iter()
            .chain([&("__name__", name)])
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        let mut found = self.series.iter().filter(|series| series.labels == expected);
        match (found.next(), found.next()) {
            (Some(series), None) => series,
            (first, _) => {
                panic!("{name} {labels:?}: {}\n{self:#?}", if first.is_some() { "two" } else { "none" })
            }
        }
    }
}

fn of_version_1(message: v1::WriteRequest) -> Written {
    let labels = |labels: &[v1::Label]| {
        checked(labels.iter().map(|label| (label.name.clone(), label.value.clone())).collect())
    };
    let kind = |kind| MetricType::try_from(kind).unwrap_or(MetricType::Unspecified);
    let families: BTreeMap<_, _> = message
        .metadata
        .into_iter()
        .map(|of| (of.metric_family_name, (kind(of.r#type), of.help, of.unit)))
        .collect();
    let series = message.timeseries.into_iter().map(|series| {
        let labels_of_series = labels(&series.labels);
        let exemplars = series.exemplars.iter();
        one_value(
            Series {
                metadata: labels_of_series.get("__name__").and_then(|name| families.get(name)).cloned(),
                value: series.samples.first().map(|sample| sample.value),
                timestamp: series.samples.first().map_or(0, |sample| sample.timestamp),
                histogram: series.histograms.first().cloned(),
                created: 0,
                exemplars: exemplars.map(|of| (labels(&of.labels), of.value, of.timestamp)).collect(),
                labels: labels_of_series,
            },
            series.samples.len() + series.histograms.len(),
        )
    });
    Written { version: Version::One, series: series.collect(), families: families.clone() }
}

fn of_version_2(message: v2::Request) -> Written {
    let symbols = message.symbols;
    assert_eq!(symbols.first().map(String::as_str), Some(""), "the first symbol is empty");
    let text = |symbol: u32| symbols[symbol as usize].clone();
    let labels = |refs: &[u32]| {
        assert_eq!(refs.len() % 2, 0, "pairs");
        checked(refs.chunks(2).map(|pair| (text(pair[0]), text(pair[1]))).collect())
    };
    let series = message.timeseries.iter().map(|series| {
        let sample = series.samples.first();
        let start = sample.map_or(0, |sample| sample.start_timestamp)
            + series.histograms.first().map_or(0, |histogram| histogram.start_timestamp);
        assert_eq!(start, series.created_timestamp, "written in both places");
        one_value(
            Series {
                labels: labels(&series.labels_refs),
                value: sample.map(|sample| sample.value),
                timestamp: sample.map_or(0, |sample| sample.timestamp),
                histogram: series.histograms.first().cloned(),
                created: series.created_timestamp,
                exemplars: series
                    .exemplars
                    .iter()
                    .map(|of| (labels(&of.labels_refs), of.value, of.timestamp))
                    .collect(),
                metadata: series
                    .metadata
                    .as_ref()
                    .map(|of| (of.r#type(), text(of.help_ref), text(of.unit_ref))),
            },
            series.samples.len() + series.histograms.len(),
        )
    });
    Written { version: Version::Two, series: series.collect(), families: BTreeMap::new() }
}

/// Labels whose names are sorted, none of them twice.
fn checked(pairs: Vec<(String, String)>) -> BTreeMap<String, String> {
    assert!(pairs.windows(2).all(|two| two[0].0 < two[1].0), "not in order: {pairs:?}");
    assert!(pairs.iter().all(|(name, _)| !name.is_empty()), "{pairs:?}");
    pairs.into_iter().collect()
}

fn one_value(mut series: Series, values: usize) -> Series {
    assert_eq!(values, 1, "{series:?}");
    if let Some(histogram) = &series.histogram {
        series.timestamp = histogram.timestamp;
    }
    assert!(series.labels.contains_key("__name__") && series.timestamp > 0, "{series:?}");
    assert!(series.created == 0 || series.created < series.timestamp, "{series:?}");
    series
}
