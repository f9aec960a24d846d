//! What is sent over OTLP, with the feature `otel`.

use std::path::Path;
use std::time::Duration;

use nilometer_core::{MetricsRegistry, RegistryConfig};
use nilometer_otel::export::{ExportMetrics, OtlpExporter, OtlpExporterConfig};
use nilometer_otel::propagation::Propagator;
use nilometer_otel::{OtelConfig, OtelInitError, OtelProvider};

use super::answer::{both, wait};
use super::config::opentelemetry;
use super::config::setting::{FilePath, Flag};
use super::error::PartError;
use super::{ConfigOrigin, ObservabilityConfig, ObservabilityConfigError, ObservabilityError, plan};
use crate::otel::CurrentSpan;

/// What is to be sent, and where to.
pub(super) struct OtlpPlan {
    metrics: Option<OtlpExporterConfig>,
    traces: Option<OtelConfig>,
    has_exemplars: bool,
}

/// What sends. Tracers are there in any case; where no spans are sent, they record none.
#[derive(Debug)]
pub(super) struct Otlp {
    exporter: Option<OtlpExporter>,
    sends_traces: bool,
    pub(super) provider: OtelProvider,
    pub(super) propagator: Propagator,
}

/// The signals, with the keys that each has for itself.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Signal {
    Metrics,
    Traces,
}

impl Signal {
    /// The key for this signal where somebody has said that, else the one for both.
    fn key(
        self,
        config: &ObservabilityConfig,
        metrics: &'static str,
        traces: &'static str,
        all: &'static str,
    ) -> &'static str {
        let own = if self == Signal::Metrics { metrics } else { traces };
        if config.get(own).is_some() { own } else { all }
    }

    fn endpoint(self, config: &ObservabilityConfig) -> &'static str {
        self.key(config, "otlp.metrics.endpoint", "otlp.traces.endpoint", "otlp.endpoint")
    }

    fn protocol(self, config: &ObservabilityConfig) -> &'static str {
        self.key(config, "otlp.metrics.protocol", "otlp.traces.protocol", "otlp.protocol")
    }

    fn compression(self, config: &ObservabilityConfig) -> &'static str {
        self.key(config, "otlp.metrics.compression", "otlp.traces.compression", "otlp.compression")
    }

    fn certificate(self, config: &ObservabilityConfig) -> &'static str {
        self.key(config, "otlp.metrics.certificate", "otlp.traces.certificate", "otlp.certificate")
    }

    fn client_certificate(self, config: &ObservabilityConfig) -> &'static str {
        let (metrics, traces) = ("otlp.metrics.client_certificate", "otlp.traces.client_certificate");
        self.key(config, metrics, traces, "otlp.client_certificate")
    }

    fn client_key(self, config: &ObservabilityConfig) -> &'static str {
        self.key(config, "otlp.metrics.client_key", "otlp.traces.client_key", "otlp.client_key")
    }

    /// Whether it is sent: as somebody has said, or else where an endpoint is known.
    fn is_on(self, config: &ObservabilityConfig) -> bool {
        let said = &config.sections.otlp;
        let own = if self == Signal::Metrics { said.metrics.enabled } else { said.traces.enabled };
        let enabled = match (own, said.enabled) {
            // Who switches all of it off means each of it.
            (_, Some(Flag(false))) => Some(false),
            (own, all) => own.or(all).map(|enabled| enabled.0),
        };
        !config.sdk_disabled && enabled.unwrap_or_else(|| config.get(self.endpoint(config)).is_some())
    }

    fn check_files(self, config: &ObservabilityConfig) -> Result<(), ObservabilityConfigError> {
        let [certificate, key] = [self.client_certificate(config), self.client_key(config)];
        let is_set = |key: &str| config.get(key).is_some();
        plan::refuse_alone(config, (certificate, is_set(certificate)), (key, is_set(key)))
    }

    /// The key that is at fault.
    fn key_of(self, config: &ObservabilityConfig, error: &OtelInitError) -> &'static str {
        match error {
            OtelInitError::TlsNotBuilt { .. } | OtelInitError::NoRoots { .. } => self.endpoint(config),
            OtelInitError::ProtocolNotBuilt { .. } => self.protocol(config),
            OtelInitError::CompressionNotBuilt { .. } => self.compression(config),
            OtelInitError::TlsFile { path, .. } => self.file(config, path),
            _ if self == Signal::Metrics => "otlp.metrics",
            _ => "otlp.traces",
        }
    }

    fn file(self, config: &ObservabilityConfig, path: &Path) -> &'static str {
        let said = &config.sections.otlp;
        let is_it = |file: &Option<FilePath>| file.as_ref().is_some_and(|file| file.0 == path);
        let files = [
            (
                self.certificate(config),
                [&said.certificate, &said.metrics.certificate, &said.traces.certificate],
            ),
            (
                self.client_certificate(config),
                [&said.client_certificate, &said.metrics.client_certificate, &said.traces.client_certificate],
            ),
        ];
        let found = files.into_iter().find(|(_, files)| files.iter().any(|file| is_it(file)));
        found.map_or_else(|| self.client_key(config), |(key, _)| key)
    }

    fn failed(self, config: &ObservabilityConfig, source: OtelInitError) -> ObservabilityError {
        let key = self.key_of(config, &source);
        let origin = config.origin(key).cloned().unwrap_or(ConfigOrigin::Program);
        let feature = match source {
            OtelInitError::TlsNotBuilt { .. } => "tls",
            OtelInitError::CompressionNotBuilt { .. } => "zstd",
            _ => return ObservabilityError::Otlp { key, origin, source },
        };
        ObservabilityConfigError::FeatureOff { key, origin, feature }.into()
    }
}

impl OtlpPlan {
    pub(super) fn of(config: &ObservabilityConfig) -> Result<OtlpPlan, ObservabilityConfigError> {
        let mut plan = OtlpPlan { metrics: None, traces: None, has_exemplars: false };
        if Signal::Metrics.is_on(config) {
            Signal::Metrics.check_files(config)?;
            plan.metrics = Some(opentelemetry::metrics(config)?);
        }
        if Signal::Traces.is_on(config) {
            Signal::Traces.check_files(config)?;
            plan.traces = Some(opentelemetry::traces(config)?);
            plan.has_exemplars = config.sections.otlp.traces.exemplars.is_none_or(|exemplars| exemplars.0);
        }
        Ok(plan)
    }

    /// Where spans are sent, observations name them.
    pub(super) fn with_exemplars(&self, registry: RegistryConfig) -> RegistryConfig {
        if self.has_exemplars { registry.with_exemplar_source(CurrentSpan) } else { registry }
    }

    /// Starts to send, and has the registry show what becomes of it. Where it fails, what was started has ended.
    pub(super) fn start(
        self,
        registry: &MetricsRegistry,
        config: &ObservabilityConfig,
    ) -> Result<Otlp, ObservabilityError> {
        let OtlpPlan { metrics, traces, .. } = self;
        let sends_traces = traces.is_some();
        let traces = traces.unwrap_or_else(|| OtelConfig::default().with_disabled(true));
        let provider = OtelProvider::init(traces).map_err(|error| Signal::Traces.failed(config, error))?;
        let propagator = Propagator::new();
        if sends_traces {
            super::register(registry, "otel_spans", provider.metrics())?;
            super::register(registry, "otel_propagation", propagator.metrics())?;
        }
        let mut otlp = Otlp { exporter: None, sends_traces, provider, propagator };
        if let Some(metrics) = metrics {
            let exports = ExportMetrics::new();
            super::register(registry, "otlp", exports.clone())?;
            let started = OtlpExporter::start(registry.clone(), metrics.with_metrics(exports));
            otlp.exporter = Some(started.map_err(|error| Signal::Metrics.failed(config, error))?);
        }
        Ok(otlp)
    }
}

impl Otlp {
    pub(super) fn sends_metrics(&self) -> bool {
        self.exporter.is_some()
    }

    pub(super) fn sends_traces(&self) -> bool {
        self.sends_traces
    }

    /// Both at once: the deadline is one.
    pub(super) async fn flush(&self, deadline: Duration) -> Vec<PartError> {
        let metrics = async {
            match &self.exporter {
                Some(exporter) => exporter.flush(deadline).await.err().map(PartError::Metrics),
                None => None,
            }
        };
        let traces = async {
            let is_asked = self.sends_traces;
            if is_asked { self.provider.flush(deadline).await.err().map(PartError::Traces) } else { None }
        };
        let (metrics, traces) = both(metrics, traces).await;
        metrics.into_iter().chain(traces).collect()
    }

    /// The same for the last time. Whatever comes of it, both have ended.
    pub(super) fn stop(&mut self, deadline: Duration) -> Vec<PartError> {
        let (exporter, provider, sends_traces) = (self.exporter.take(), &self.provider, self.sends_traces);
        let metrics = async {
            match exporter {
                Some(exporter) => exporter.shutdown(deadline).await.err().map(PartError::Metrics),
                None => None,
            }
        };
        let traces = async {
            let failure = provider.shutdown(deadline).await.err().map(PartError::Traces);
            failure.filter(|_| sends_traces)
        };
        // Each works on threads of its own.
        let (metrics, traces) = wait(both(metrics, traces));
        metrics.into_iter().chain(traces).collect()
    }

    pub(super) fn install_global(&self) {
        self.provider.install_global(self.propagator.clone());
    }
}
