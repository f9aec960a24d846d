//! Encodes metrics for OpenTelemetry: any [`Collector`](nilometer_core::collect::Collector) becomes the body of an
//! OTLP export request.
//!
//! The body is a protobuf `ExportMetricsServiceRequest`, which OTLP/HTTP takes as it is, with the content type
//! `application/x-protobuf`, and OTLP/gRPC in a frame. It is written straight from what the collector shows: there is
//! no second data model in between and no generated code.
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
//! let encoder = OtlpEncoder::new(resource, start);
//! let request = encoder.encode(&registry, start + Duration::from_secs(10))?;
//! assert_eq!(request.points(), 1);
//! let body: Vec<u8> = request.into_body();
//! # assert!(!body.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What becomes of what
//!
//! | nilometer | OTLP |
//! |---|---|
//! | name, help | `name`, unchanged, and `description` |
//! | unit | `unit`, see below |
//! | counter | monotonic cumulative `Sum` |
//! | up-down counter | cumulative `Sum` that is not monotonic |
//! | gauge | `Gauge`, without a start time |
//! | histogram | cumulative `Histogram` with bounds, bucket counts, count, and the sum where it may stand |
//! | gauge histogram, summary, info, state set | nothing: the points are left out and counted |
//! | labels, constant ones included | string attributes, in the order of their names |
//! | whole numbers | `as_int`; above `i64::MAX`, where OTLP has no whole numbers, `as_double`: the nearest one |
//! | floating-point numbers, NaN and the infinities included | `as_double`, bit by bit |
//!
//! Units are written in UCUM: seconds are `s`, `ms` is `ms`, bytes are `By`, a ratio is `1`; one that UCUM does not know
//! becomes an annotation, such as `{requests}`. A family that declares no unit has the known one that its name ends
//! with.
//!
//! A family without series is not sent. All metrics are in one scope, `nilometer`, with the version of this crate.
//!
//! # What this crate does not do
//!
//! It does not send anything yet: there is no HTTP or gRPC client and no periodic reader, so the caller posts the body.
//! It has no tracing, propagation or sampling yet. Everything is cumulative: there is no delta temporality yet. One
//! collection is one request, which a limit can refuse but nothing splits. It writes no exemplars and no
//! summaries, and of exponential histograms the explicit buckets alone. It reads no `OTEL_*` environment variables and
//! detects no resource.

#![forbid(unsafe_code)]

mod encoder;
mod field;
mod request;
mod resource;
mod unit;
mod wire;

pub use encoder::{EncodeError, OtlpEncoder};
pub use request::ExportRequest;
pub use resource::{Resource, ResourceError};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
