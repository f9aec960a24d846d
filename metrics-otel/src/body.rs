//! A request while it is written.

use prost::bytes::Bytes;
use prost::encoding::{bool, encoded_len_varint, int32};

use crate::field::{data, export_request, metric, resource_metrics, scope, scope_metrics};
use crate::resource::Resource;
use crate::temporality::Temporality;
use crate::wire::{self, MAX_WIDTH, Started};

const SCOPE_NAME: &str = "nilometer";
const SCOPE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// How much room the lengths of a metric get: enough for 16 KiB to 2 MiB. Of what is shorter, little has to be moved.
const METRIC_WIDTH: usize = 3;

/// The same of a point: 128 bytes to 16 KiB.
const POINT_WIDTH: usize = 2;

/// What stands around the metrics of every request.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    /// The fields of `ResourceMetrics` before its scope.
    resource: Vec<u8>,
    /// The field of `ScopeMetrics` before its metrics.
    scope: Vec<u8>,
}

impl Envelope {
    pub(crate) fn new(resource: &Resource) -> Envelope {
        let mut fields = Vec::new();
        let entity = wire::start(resource_metrics::RESOURCE, 1, &mut fields);
        resource.encode(&mut fields);
        wire::end(entity, &mut fields);
        if !resource.schema_url().is_empty() {
            wire::string(resource_metrics::SCHEMA_URL, resource.schema_url(), &mut fields);
        }
        let mut origin = Vec::new();
        let field = wire::start(scope_metrics::SCOPE, 1, &mut origin);
        wire::string(scope::NAME, SCOPE_NAME, &mut origin);
        wire::string(scope::VERSION, SCOPE_VERSION, &mut origin);
        wire::end(field, &mut origin);
        Envelope { resource: fields, scope: origin }
    }

    /// How much there is in front of metrics, at most.
    fn room(&self) -> usize {
        self.resource.len() + self.scope.len() + 2 * (1 + MAX_WIDTH)
    }

    /// The lengths of `ScopeMetrics` and `ResourceMetrics` around so many bytes of metrics.
    fn lengths(&self, metrics: usize) -> (usize, usize) {
        let in_scope = self.scope.len() + metrics;
        let in_resource =
            self.resource.len() + wire::delimited_len(resource_metrics::SCOPE_METRICS, in_scope);
        (in_scope, in_resource)
    }

    /// The length of a request with so many bytes of metrics.
    fn request_len(&self, metrics: usize) -> usize {
        wire::delimited_len(export_request::RESOURCE_METRICS, self.lengths(metrics).1)
    }

    fn write(&self, metrics: usize, buffer: &mut Vec<u8>) {
        let (in_scope, in_resource) = self.lengths(metrics);
        wire::start_delimited(export_request::RESOURCE_METRICS, in_resource, buffer);
        buffer.extend_from_slice(&self.resource);
        wire::start_delimited(resource_metrics::SCOPE_METRICS, in_scope, buffer);
        buffer.extend_from_slice(&self.scope);
    }
}

/// Which kind of data a metric has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Gauge,
    Sum(Temporality, Monotony),
    Histogram(Temporality),
    ExponentialHistogram(Temporality),
    Summary,
}

/// Whether a sum goes down as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Monotony {
    Monotonic,
    NonMonotonic,
}

impl Form {
    fn tag(self) -> u32 {
        match self {
            Form::Gauge => metric::GAUGE,
            Form::Sum(..) => metric::SUM,
            Form::Histogram(_) => metric::HISTOGRAM,
            Form::ExponentialHistogram(_) => metric::EXPONENTIAL_HISTOGRAM,
            Form::Summary => metric::SUMMARY,
        }
    }

    /// Writes what the data has beside its points.
    fn write(self, buffer: &mut Vec<u8>) {
        let temporality = match self {
            Form::Gauge | Form::Summary => return,
            Form::Sum(temporality, _)
            | Form::Histogram(temporality)
            | Form::ExponentialHistogram(temporality) => temporality,
        };
        let code = match temporality {
            Temporality::Delta => data::DELTA,
            Temporality::Cumulative => data::CUMULATIVE,
        };
        int32::encode(data::TEMPORALITY, &code, buffer);
        if self == Form::Sum(temporality, Monotony::Monotonic) {
            bool::encode(data::IS_MONOTONIC, &true, buffer);
        }
    }
}

/// How much a request may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) bytes: usize,
    pub(crate) points: u64,
}

/// A metric whose points are being written.
#[derive(Debug, Clone, Copy)]
struct Open {
    form: Form,
    /// Where it begins.
    at: usize,
    metric: Started,
    data: Started,
    /// Where its points begin.
    points: usize,
}

/// A request while it is written, in one buffer: a message whose length is known only when it is complete gets room for
/// it.
///
/// In front of the metrics there is room for what stands around them, which is written last.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    envelope: &'a Envelope,
    limits: Limits,
    buffer: Vec<u8>,
    open: Option<Open>,
    points: u64,
}

impl<'a> Body<'a> {
    pub(crate) fn new(envelope: &'a Envelope, limits: Limits, capacity: usize) -> Body<'a> {
        let mut buffer = Vec::with_capacity(capacity.max(envelope.room()));
        buffer.resize(envelope.room(), 0);
        Body { envelope, limits, buffer, open: None, points: 0 }
    }

    /// How many points are in it.
    pub(crate) fn points(&self) -> u64 {
        self.points
    }

    /// Starts a point of the metric that has this head, which is written where it is not there yet.
    pub(crate) fn start_point(&mut self, head: &[u8], form: Form) -> (Started, &mut Vec<u8>) {
        if self.open.is_none_or(|open| open.form != form) {
            self.close();
            self.open(head, form);
        }
        (wire::start(data::POINTS, POINT_WIDTH, &mut self.buffer), &mut self.buffer)
    }

    /// Ends the point, and says whether the request has room for it: if not, it is as it was before, and the point
    /// comes back.
    pub(crate) fn end_point(&mut self, point: Started) -> Result<(), Vec<u8>> {
        wire::end(point, &mut self.buffer);
        if self.points < self.limits.points && self.len() <= self.limits.bytes {
            self.points += 1;
            return Ok(());
        }
        // The key of a point is a byte.
        Err(self.buffer.split_off(point.content() - POINT_WIDTH - 1))
    }

    /// Adds a point that came back from the request before.
    pub(crate) fn try_add(&mut self, head: &[u8], form: Form, point: &[u8]) -> bool {
        debug_assert!(self.open.is_none());
        self.open(head, form);
        self.buffer.extend_from_slice(point);
        let fits = self.points < self.limits.points && self.len() <= self.limits.bytes;
        if fits {
            self.points += 1;
        } else {
            self.buffer.truncate(self.buffer.len() - point.len());
        }
        fits
    }

    fn open(&mut self, head: &[u8], form: Form) {
        let at = self.buffer.len();
        let metric = wire::start(scope_metrics::METRICS, METRIC_WIDTH, &mut self.buffer);
        self.buffer.extend_from_slice(head);
        let data = wire::start(form.tag(), METRIC_WIDTH, &mut self.buffer);
        form.write(&mut self.buffer);
        self.open = Some(Open { form, at, metric, data, points: self.buffer.len() });
    }

    /// Ends the metric that is being written, or takes it back where it has no point.
    pub(crate) fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        if self.buffer.len() == open.points {
            self.buffer.truncate(open.at);
            return;
        }
        wire::end(open.data, &mut self.buffer);
        wire::end(open.metric, &mut self.buffer);
    }

    /// The length of the request, were it to end here.
    fn len(&self) -> usize {
        let room = self.envelope.room();
        let metrics = self.open.map_or(self.buffer.len() - room, |open| {
            let data = self.buffer.len() - open.data.content();
            let before = open.data.content() - METRIC_WIDTH - open.metric.content();
            let in_metric = before + encoded_len_varint(data as u64) + data;
            open.at - room + wire::delimited_len(scope_metrics::METRICS, in_metric)
        });
        self.envelope.request_len(metrics)
    }

    /// The whole message.
    pub(crate) fn finish(mut self) -> Bytes {
        self.close();
        let room = self.envelope.room();
        let mut front = Vec::with_capacity(room);
        self.envelope.write(self.buffer.len() - room, &mut front);
        let start = room - front.len();
        self.buffer[start..room].copy_from_slice(&front);
        Bytes::from(self.buffer).slice(start..)
    }
}
