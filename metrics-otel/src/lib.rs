//! Encodes metrics for OpenTelemetry: any [`Collector`](nilometer_core::collect::Collector) becomes OTLP export
//! requests. With the feature `trace`, also spans over OTLP, and context that travels with messages.
//!
//! The body of a request is a protobuf `ExportMetricsServiceRequest`, which OTLP/HTTP takes as it is, with the content
//! type `application/x-protobuf`, and OTLP/gRPC in a frame. It is written straight from what the collector shows: there
//! is no second data model in between and no generated code.
//!
//! # Examples
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use nilometer_core::MetricsRegistry;
//! use nilometer_otel::{OtlpEncoder, Resource};
//!
//! let start = SystemTime::now();
//! let registry = MetricsRegistry::new();
//! registry.register_counter("requests_total", "Requests served.")?.default().inc();
//!
//! let resource = Resource::new("checkout").with_attribute("service.version", "1.4.2")?;
//! let mut encoder = OtlpEncoder::new(resource, start);
//! for request in encoder.encode(&registry, start + Duration::from_secs(10))? {
//!     assert_eq!(request.points(), 1);
//!     let body: &[u8] = request.body();
//! #   assert!(!body.is_empty());
//!     // POST it; where that succeeds:
//!     request.acknowledge();
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What becomes of what
//!
//! | nilometer | OTLP |
//! |---|---|
//! | name, help | `name`, unchanged, and `description` |
//! | unit | `unit`, see below |
//! | counter | monotonic `Sum`, cumulative or [delta](TemporalityPreference) |
//! | up-down counter | cumulative `Sum` that is not monotonic |
//! | gauge | `Gauge`, without a start time |
//! | histogram | `Histogram` with bounds, bucket counts, count, and the sum where no observation can be negative; cumulative or delta |
//! | exponential histogram | `ExponentialHistogram` with scale, both sides, zero count and threshold, and the same sum; cumulative or delta |
//! | histogram with both kinds of buckets | [the one that is asked for](HistogramAggregation): `Histogram` by default |
//! | summary | `Summary` with its quantiles, count and sum since its start |
//! | info | cumulative `Sum` of 1 that is not monotonic, with the metadata `prometheus.type` |
//! | state set | the same with a point for each state, of 1 or 0, whose attribute with the family's name is the state |
//! | gauge histogram | nothing, as the specification has it: the points are left out and counted |
//! | labels, constant ones included | string attributes, in the order of their names |
//! | created timestamp | `start_time_unix_nano`; the encoder's start where there is none |
//! | exemplar | `Exemplar`, with the labels `trace_id` and `span_id` in their fields where they are ids, and else as attributes |
//! | whole numbers | `as_int`; above `i64::MAX`, where OTLP has no whole numbers, `as_double`: the nearest one |
//! | floating-point numbers, NaN and the infinities included | `as_double`, bit by bit |
//! | Prometheus' staleness marker | the flag that there is no recorded value |
//!
//! Units are written in UCUM: seconds are `s`, `ms` is `ms`, bytes are `By`, `bytes_per_second` are `By/s`, a ratio is `1`;
//! one that UCUM does not know becomes an annotation, such as `{requests}`. A family that declares no unit has the known
//! one that its name ends with.
//!
//! A family without series is not sent. All metrics are in one scope, `nilometer`, with the version of this crate. A
//! collection becomes [as many requests as it takes](OtlpEncoder::with_max_body), of 4 MiB at most by default.
//!
//! # Sending
//!
//! With the feature `metrics-grpc` or `metrics-http` the module `export` has `OtlpExporter`, which sends the requests: at
//! every interval, on demand, and for the last time at its end. Without, the caller posts the bodies.
//!
//! # Features
//!
//! None of them is on by itself:
//!
//! | feature | what |
//! |---|---|
//! | `metrics-grpc`, `metrics-http` | the module `export`: metrics are sent over OTLP, by gRPC or by HTTP as protobuf |
//! | `trace` | `OtelProvider`, which gives tracers of the crate `opentelemetry` and exports what they record; `OtelConfig`; the modules `trace`, spans around work, and `propagation`, W3C trace context and baggage |
//! | `trace-grpc`, `trace-http` | spans are sent over OTLP, by gRPC or by HTTP as protobuf |
//! | `tls` | both are sent over TLS, too |
//! | `zstd` | both can be compressed with zstd, beside gzip |
//! | `tracing` | a layer that makes spans of the crate `tracing` spans of these tracers |
//! | `http`, `tonic`, `kafka` | context in and out of `http::HeaderMap`, of `tonic`'s metadata, and of the headers of `rdkafka`'s messages |
//!
//! # What this crate does not do
//!
//! It sends no logs, and nothing as JSON. It knows no propagation but the W3C's, and no sampling from elsewhere. It
//! detects no resource beyond the environment's. Histograms have no minimum and no maximum, which the store does not keep.
//! Counters that are observed are not told from those that are incremented. What was sent last of a series that is gone
//! says nothing of that. Nothing is kept on disk: what could not be delivered is gone with the process. It goes through no proxy.

#![forbid(unsafe_code)]

mod attribute;
mod baseline;
mod body;
#[cfg(any(feature = "_metrics-export", feature = "trace-http"))]
mod causes;
mod distribution;
mod encoder;
mod exemplar;
#[cfg(feature = "_metrics-export")]
pub mod export;
mod field;
mod number;
#[cfg(feature = "trace")]
pub mod propagation;
#[cfg(feature = "_receiver")]
mod receiver;
mod request;
mod resource;
mod temporality;
mod time;
#[cfg(feature = "trace")]
pub mod trace;
mod unit;
mod wire;
mod writing;

pub use attribute::AttributeValue;
pub use encoder::{EncodeError, OtlpEncoder};
#[cfg(feature = "_receiver")]
pub use receiver::{Compression, IgnoredVariable, OtelConfigError, OtelInitError, Protocol};
pub use request::{Encoded, ExportRequest};
pub use resource::{Resource, ResourceError};
pub use temporality::{HistogramAggregation, TemporalityPreference, UnknownPreference};
#[cfg(feature = "trace")]
pub use trace::{OtelConfig, OtelProvider};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
