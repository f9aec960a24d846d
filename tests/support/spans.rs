//! A provider whose spans are kept, and the exemplars that lead to them.

use std::time::{Duration, SystemTime};

use nilometer_core::collect::Collector;
use nilometer_otel::trace::Sampling;
use nilometer_otel::{OtelConfig, OtelProvider, OtlpEncoder, Resource};
use nilometer_prometheus::{Exposition, Format, PrometheusRenderer};
use opentelemetry::trace::SpanContext;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::Exemplar;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracer, SpanData};
use prost::Message;

use crate::openmetrics;

/// How long anything may take before a test gives up on it.
const DEADLINE: Duration = Duration::from_secs(30);

/// A provider whose spans are kept in memory.
#[derive(Debug)]
pub struct Spans {
    provider: OtelProvider,
    exporter: InMemorySpanExporter,
}

impl Spans {
    /// One that samples like this.
    #[must_use]
    pub fn new(sampling: Sampling) -> Spans {
        let exporter = InMemorySpanExporter::default();
        let config = OtelConfig::new("test").with_sampling(sampling);
        Spans { provider: OtelProvider::with_exporter(&config, exporter.clone()), exporter }
    }

    /// The provider.
    #[must_use]
    pub fn provider(&self) -> &OtelProvider {
        &self.provider
    }

    /// A tracer.
    #[must_use]
    pub fn tracer(&self) -> SdkTracer {
        self.provider.tracer("test")
    }

    /// The sampled spans that have ended, in the order in which they did.
    ///
    /// # Panics
    ///
    /// When that takes too long.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "a test that cannot have its spans has failed")]
    pub fn ended(&self) -> Vec<SpanData> {
        self.provider.flush_blocking(DEADLINE).unwrap();
        self.exporter.get_finished_spans().unwrap()
    }

    /// The ids of the only span of this name that has ended.
    ///
    /// # Panics
    ///
    /// When there is none, or more than one.
    #[must_use]
    pub fn named(&self, name: &str) -> Ids {
        let mut found = self.ended();
        found.retain(|span| span.name == name);
        assert_eq!(found.len(), 1, "{name}: {found:#?}");
        Ids::of(&found[0].span_context)
    }
}

/// The ids of a span, in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ids {
    /// The trace's.
    pub trace: String,
    /// The span's.
    pub span: String,
}

impl Ids {
    /// Those of a span.
    #[must_use]
    pub fn of(span: &SpanContext) -> Ids {
        Ids { trace: format!("{:032x}", span.trace_id()), span: format!("{:016x}", span.span_id()) }
    }
}

/// Where an exemplar stands: a sample's name, and its label `le` or `outcome`, if it has one.
pub type Place = (String, String);

/// What the exemplars of a family lead to, as they stand on its page in OpenMetrics, in the order of the page; and, which
/// has to be the same, in OTLP.
///
/// # Panics
///
/// When one has other labels than the ids of a span, when the page is not one, or where OTLP differs.
#[must_use]
#[expect(clippy::unwrap_used, reason = "a test whose page does not parse has failed")]
pub fn exemplars(collector: &dyn Collector, family: &str) -> Vec<(Place, Ids)> {
    let page = PrometheusRenderer::render_as(collector, Exposition::new(Format::OpenMetrics)).unwrap();
    let families = openmetrics::parse(str::from_utf8(&page).unwrap()).unwrap();
    let shown = families.iter().find(|one| one.name == family.trim_end_matches("_total")).unwrap();
    let mut found = Vec::new();
    for sample in &shown.samples {
        let Some(exemplar) = &sample.exemplar else { continue };
        assert!(exemplar.timestamp.is_some(), "{sample:?}");
        let [span, trace] = ["span_id", "trace_id"].map(|name| exemplar.labels[name].clone());
        assert_eq!(exemplar.labels.len(), 2, "{sample:?}");
        let place = ["le", "outcome"].iter().find_map(|name| sample.labels.get(*name));
        found.push(((sample.name.clone(), place.cloned().unwrap_or_default()), Ids { trace, span }));
    }
    let mut pushed = pushed_exemplars(collector, family)
        .iter()
        .map(|exemplar| {
            assert_eq!(exemplar.filtered_attributes, []);
            let trace = u128::from_be_bytes(exemplar.trace_id.as_slice().try_into().unwrap());
            let span = u64::from_be_bytes(exemplar.span_id.as_slice().try_into().unwrap());
            Ids { trace: format!("{trace:032x}"), span: format!("{span:016x}") }
        })
        .collect::<Vec<_>>();
    let mut shown = found.iter().map(|(_, ids)| ids.clone()).collect::<Vec<_>>();
    shown.sort();
    pushed.sort();
    assert_eq!(shown, pushed);
    found
}

#[expect(clippy::unwrap_used, clippy::panic, reason = "a test whose request does not parse has failed")]
fn pushed_exemplars(collector: &dyn Collector, family: &str) -> Vec<Exemplar> {
    let start = SystemTime::now();
    let mut encoder = OtlpEncoder::new(Resource::new("test"), start);
    let requests = encoder.encode(collector, start + Duration::from_secs(10)).unwrap();
    let mut found = Vec::new();
    for request in requests {
        let request = ExportMetricsServiceRequest::decode(request.body().clone()).unwrap();
        let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        for metric in scopes.flat_map(|scope| scope.metrics).filter(|metric| metric.name == family) {
            match metric.data {
                Some(Data::Sum(sum)) => {
                    found.extend(sum.data_points.into_iter().flat_map(|point| point.exemplars));
                }
                Some(Data::Histogram(histogram)) => {
                    found.extend(histogram.data_points.into_iter().flat_map(|point| point.exemplars));
                }
                data => panic!("{data:?}"),
            }
        }
    }
    found
}
