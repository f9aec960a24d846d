//! Spans of the crate `tracing`.

use std::borrow::Cow;

use opentelemetry_sdk::trace::SdkTracer;
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;

use super::OtelProvider;

impl OtelProvider {
    /// A layer of `tracing-subscriber` that makes spans of the crate `tracing` spans of the tracer of this name, and
    /// events inside of them their events.
    ///
    /// Which spans it sees is for a filter of the subscriber to say. `tracing_opentelemetry::OpenTelemetrySpanExt` gives
    /// such a span a parent from elsewhere, and its context to be propagated.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_otel::{OtelConfig, OtelProvider};
    /// use opentelemetry_sdk::trace::InMemorySpanExporter;
    /// use tracing_subscriber::layer::SubscriberExt;
    ///
    /// let exporter = InMemorySpanExporter::default();
    /// let provider = OtelProvider::with_exporter(&OtelConfig::new("checkout"), exporter.clone());
    /// let subscriber = tracing_subscriber::registry().with(provider.layer("checkout"));
    /// tracing::subscriber::with_default(subscriber, || tracing::info_span!("place").in_scope(|| ()));
    /// provider.flush_blocking(std::time::Duration::from_secs(5))?;
    /// assert_eq!(exporter.get_finished_spans().unwrap()[0].name, "place");
    /// # Ok::<(), nilometer_otel::trace::OtelFlushError>(())
    /// ```
    #[must_use = "a layer does nothing until a subscriber has it"]
    pub fn layer<S>(&self, tracer: impl Into<Cow<'static, str>>) -> OpenTelemetryLayer<S, SdkTracer>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer().with_tracer(self.tracer(tracer))
    }
}
