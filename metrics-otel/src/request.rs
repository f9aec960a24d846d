//! The visitor that writes an export request.

use nilometer_core::collect::{
    Descriptor, HistogramPoint, MetricType, Number, Point, SeriesLabels, Stopped, Visitor,
};
use prost::encoding::{bool, double, fixed64, int32, sfixed64};

use crate::field::{
    data, export_request, histogram_point, metric, number_point, point, resource_metrics, scope,
    scope_metrics,
};
use crate::resource::Resource;
use crate::unit::ucum_of;
use crate::wire;

const SCOPE_NAME: &str = "nilometer";
const SCOPE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// A body that can be sent, and what is in it.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use nilometer_core::GaugeFamily;
/// use nilometer_otel::{OtlpEncoder, Resource};
///
/// let depth = GaugeFamily::new("queue_depth", "Jobs that wait.");
/// depth.get_or_create(&[("queue", "mail")]).set(3.0);
///
/// let start = SystemTime::now();
/// let encoder = OtlpEncoder::new(Resource::new("worker"), start);
/// let request = encoder.encode(&depth, start + Duration::from_secs(10))?;
/// assert_eq!((request.points(), request.left_out()), (1, 0));
/// assert!(!request.body().is_empty());
/// # Ok::<(), nilometer_otel::EncodeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "the request is not sent by itself"]
pub struct ExportRequest {
    body: Vec<u8>,
    points: u64,
    left_out: u64,
}

impl ExportRequest {
    /// The protobuf message `opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest`; no bytes at all,
    /// which is the message without metrics, when there are no points.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The message, without a copy.
    #[must_use]
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// How many points, and so how many series, the body has.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.points
    }

    /// How many points the collector showed that are not in the body: those of gauge histograms, summaries, infos and state
    /// sets, and those that no receiver could make sense of, which are of another kind than their family, before any
    /// family, of one without a name that is one, or totals that are negative or NaN.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Whether there is no point, so that there is no need to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.points == 0
    }
}

/// Collects the parts of a request.
///
/// A protobuf message stands behind its length, so each level is written on its own and copied behind its length when
/// it is complete: a point, the points of a family, all metrics.
pub(crate) struct Request {
    start: u64,
    now: u64,
    max_body: usize,
    family: Option<MetricType>,
    /// Name, description and unit of the family.
    head: Vec<u8>,
    /// The family's points so far.
    points: Vec<u8>,
    /// Room for one point, reused.
    point: Vec<u8>,
    /// All families before this one.
    metrics: Vec<u8>,
    written: u64,
    left_out: u64,
    full: bool,
}

impl Request {
    /// A request without metrics; times are in nanoseconds since 1970.
    pub(crate) fn new(start: u64, now: u64, max_body: usize) -> Request {
        Request {
            start,
            now,
            max_body,
            family: None,
            head: Vec::new(),
            points: Vec::new(),
            point: Vec::new(),
            metrics: Vec::new(),
            written: 0,
            left_out: 0,
            full: false,
        }
    }

    /// Whether the limit was reached and the collection stopped.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// The complete message, or `None` when it is larger than it may be.
    pub(crate) fn finish(mut self, resource: &Resource) -> Option<ExportRequest> {
        self.finish_family();
        if self.full {
            return None;
        }
        let (points, left_out) = (self.written, self.left_out);
        if points == 0 {
            return Some(ExportRequest { body: Vec::new(), points, left_out });
        }
        let mut entity = Vec::new();
        resource.encode(&mut entity);
        let mut origin = Vec::new();
        wire::string(scope::NAME, SCOPE_NAME, &mut origin);
        wire::string(scope::VERSION, SCOPE_VERSION, &mut origin);

        let in_scope = wire::delimited_len(scope_metrics::SCOPE, origin.len()) + self.metrics.len();
        let in_resource = wire::delimited_len(resource_metrics::RESOURCE, entity.len())
            + wire::delimited_len(resource_metrics::SCOPE_METRICS, in_scope);
        let length = wire::delimited_len(export_request::RESOURCE_METRICS, in_resource);
        if length > self.max_body {
            return None;
        }
        let mut body = Vec::with_capacity(length);
        wire::start_delimited(export_request::RESOURCE_METRICS, in_resource, &mut body);
        wire::message(resource_metrics::RESOURCE, &entity, &mut body);
        wire::start_delimited(resource_metrics::SCOPE_METRICS, in_scope, &mut body);
        wire::message(scope_metrics::SCOPE, &origin, &mut body);
        body.extend_from_slice(&self.metrics);
        debug_assert_eq!(body.len(), length);
        Some(ExportRequest { body, points, left_out })
    }

    /// Writes the `Metric` of the family that ends, unless it has no points.
    fn finish_family(&mut self) {
        let family = self.family.take().filter(|_| !self.points.is_empty());
        let tag = match family {
            None => return,
            Some(MetricType::Counter) => {
                int32::encode(data::TEMPORALITY, &data::CUMULATIVE, &mut self.points);
                bool::encode(data::IS_MONOTONIC, &true, &mut self.points);
                metric::SUM
            }
            // SPEC: OpenTelemetry specification, "Metrics API", `UpDownCounter`: a sum that is not monotonic, the default
            // of `is_monotonic`.
            Some(MetricType::UpDownCounter) => {
                int32::encode(data::TEMPORALITY, &data::CUMULATIVE, &mut self.points);
                metric::SUM
            }
            Some(MetricType::Histogram) => {
                int32::encode(data::TEMPORALITY, &data::CUMULATIVE, &mut self.points);
                metric::HISTOGRAM
            }
            // No point of the other kinds is written.
            Some(_) => metric::GAUGE,
        };
        let length = self.head.len() + wire::delimited_len(tag, self.points.len());
        wire::start_delimited(scope_metrics::METRICS, length, &mut self.metrics);
        self.metrics.extend_from_slice(&self.head);
        wire::message(tag, &self.points, &mut self.metrics);
        self.points.clear();
    }

    /// Writes one point into its own buffer, and says whether there is one to write.
    fn write_point(&mut self, labels: SeriesLabels<'_>, shown: Point<'_>) -> bool {
        if self.family != Some(shown.metric_type()) {
            return false;
        }
        match shown {
            Point::Counter(counter) if !is_total(counter.total()) => return false,
            Point::Counter(counter) => {
                self.write_times(true);
                write_number(counter.total(), &mut self.point);
                self.write_attributes(number_point::ATTRIBUTES, labels);
            }
            Point::UpDownCounter(counter) => {
                self.write_times(true);
                write_number(counter.value(), &mut self.point);
                self.write_attributes(number_point::ATTRIBUTES, labels);
            }
            // SPEC: opentelemetry-proto 1.10.0, `Gauge`: a start time is ignored.
            Point::Gauge(gauge) => {
                self.write_times(false);
                write_number(gauge.value(), &mut self.point);
                self.write_attributes(number_point::ATTRIBUTES, labels);
            }
            Point::Histogram(histogram) => {
                self.write_times(true);
                write_histogram(&histogram, &mut self.point);
                self.write_attributes(histogram_point::ATTRIBUTES, labels);
            }
            // SPEC: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility", "Dropped Types": gauge
            // histograms, of which OTLP has no kind.
            Point::GaugeHistogram(_) | Point::Summary(_) | Point::Info | Point::StateSet(_) => return false,
        }
        true
    }

    fn write_times(&mut self, with_start: bool) {
        self.point.clear();
        if with_start {
            fixed64::encode(point::START_TIME, &self.start, &mut self.point);
        }
        fixed64::encode(point::TIME, &self.now, &mut self.point);
    }

    fn write_attributes(&mut self, tag: u32, labels: SeriesLabels<'_>) {
        for (name, value) in labels.iter() {
            wire::attribute(tag, name, value, &mut self.point);
        }
    }
}

impl Visitor for Request {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        if self.full {
            return Err(Stopped);
        }
        self.finish_family();
        // Names are whatever UTF-8 there is: nothing is escaped.
        let has_name = descriptor.has_valid_name() || descriptor.has_utf8_name();
        self.family = has_name.then(|| descriptor.metric_type());
        self.head.clear();
        wire::string(metric::NAME, descriptor.name(), &mut self.head);
        if !descriptor.help().is_empty() {
            wire::string(metric::DESCRIPTION, descriptor.help(), &mut self.head);
        }
        if let Some(unit) = ucum_of(descriptor) {
            wire::string(metric::UNIT, &unit, &mut self.head);
        }
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, shown: Point<'_>) -> Result<(), Stopped> {
        if self.full {
            return Err(Stopped);
        }
        if !self.write_point(labels, shown) {
            self.left_out += 1;
            return Ok(());
        }
        let buffered = self.metrics.len() + self.head.len() + self.points.len() + self.point.len();
        if buffered > self.max_body {
            self.full = true;
            return Err(Stopped);
        }
        wire::message(data::POINTS, &self.point, &mut self.points);
        self.written += 1;
        Ok(())
    }
}

/// Whether a monotonic sum that began at zero can have this value.
///
/// SPEC: OpenTelemetry specification, "Metrics Data Model", "Sums": what a monotonic sum adds is not negative.
fn is_total(total: Number) -> bool {
    match total {
        Number::U64(_) => true,
        Number::I64(total) => total >= 0,
        Number::F64(total) => total >= 0.0,
    }
}

/// SPEC: opentelemetry-proto 1.10.0, `NumberDataPoint`: whole numbers are signed, so that a larger one is sent as the
/// nearest double.
fn write_number(value: Number, buffer: &mut Vec<u8>) {
    let whole = match value {
        Number::U64(value) => i64::try_from(value).ok(),
        Number::I64(value) => Some(value),
        Number::F64(_) => None,
    };
    match whole {
        Some(whole) => sfixed64::encode(number_point::AS_INT, &whole, buffer),
        None => double::encode(number_point::AS_DOUBLE, &value.as_f64(), buffer),
    }
}

/// Writes what a histogram's point has beside times and attributes. Upper bounds are inclusive on both sides.
fn write_histogram(histogram: &HistogramPoint<'_>, buffer: &mut Vec<u8>) {
    let count = histogram.count();
    if count > 0 {
        fixed64::encode(histogram_point::COUNT, &count, buffer);
    }
    // SPEC: opentelemetry-proto 1.10.0, `HistogramDataPoint.sum`: left out where negative values can be observed, since
    // it is taken to be monotonic.
    let negative = histogram.bounds().first().is_some_and(|&bound| bound < 0.0) || histogram.sum() < 0.0;
    if !negative {
        double::encode(histogram_point::SUM, &histogram.sum(), buffer);
    }
    fixed64::encode_packed(histogram_point::BUCKET_COUNTS, histogram.counts(), buffer);
    double::encode_packed(histogram_point::EXPLICIT_BOUNDS, histogram.bounds(), buffer);
}
