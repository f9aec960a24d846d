//! The provider of tracers.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::trace::{SpanId, TraceId, TracerProvider as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, IdGenerator, RandomIdGenerator, Sampler, SdkTracer,
    SdkTracerProvider, SpanExporter,
};
use tokio::sync::oneshot;

use super::export::{Batches, Counted, Tally};
#[cfg(feature = "_trace-export")]
use super::transport::{Driver, Transport};
use super::{ExportStats, OtelConfig, OtelFlushError, OtelInitError, SpanMetrics};
use crate::propagation::Propagator;

/// How long a provider that is dropped waits for its last spans.
const AT_DROP: Duration = Duration::from_secs(5);

/// What drives the exporter; there is nothing to drive where no transport is built.
#[cfg(not(feature = "_trace-export"))]
type Driver = std::convert::Infallible;

/// Sends the spans that its tracers record, in batches, from a thread of its own.
///
/// It works in every tokio runtime and without any, since its exporter has one of its own. Nothing is global until
/// [`install_global`](Self::install_global) says so.
///
/// When it is dropped it is shut down, and waits up to 5 seconds for the last spans; its tracers record nothing more.
///
/// # Concurrency
///
/// All methods may be called from any thread, inside of a runtime or not. Nothing that is waited for needs that thread;
/// those that block do so up to their deadline and never longer.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use nilometer_otel::{OtelConfig, OtelProvider};
/// use opentelemetry::trace::{Tracer, TracerProvider};
/// use opentelemetry_sdk::trace::InMemorySpanExporter;
///
/// // `OtelProvider::init(config)` sends over OTLP.
/// let exporter = InMemorySpanExporter::default();
/// let provider = OtelProvider::with_exporter(&OtelConfig::new("checkout"), exporter.clone());
/// provider.tracer("orders").in_span("place", |_| ());
/// provider.flush_blocking(Duration::from_secs(5))?;
/// assert_eq!(exporter.get_finished_spans().unwrap()[0].name, "place");
/// assert_eq!(provider.export_stats().sent(), 1);
/// # Ok::<(), nilometer_otel::trace::OtelFlushError>(())
/// ```
#[derive(Debug)]
pub struct OtelProvider(Arc<Shared>);

/// The provider, for whoever waits for it too.
#[derive(Debug)]
struct Shared {
    provider: SdkTracerProvider,
    /// Dropped at shutdown, which cancels what the exporter still does.
    driver: Mutex<Option<Driver>>,
    tally: Arc<Tally>,
    stopped: AtomicBool,
    /// Whoever flushes has it: the SDK keeps so many flushes waiting, and no more.
    flushing: Arc<Mutex<()>>,
}

/// Begins no trace: a service behind would take one that is not sampled for the word of a tracer, and drop its own spans.
#[derive(Debug, Default)]
struct NoTraces(RandomIdGenerator);

impl IdGenerator for NoTraces {
    fn new_trace_id(&self) -> TraceId {
        TraceId::INVALID
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}

impl OtelProvider {
    /// Starts to send to the receiver that the configuration names. It need not be there yet: spans that it does not
    /// take in time are lost and counted, those after them are not.
    ///
    /// # Errors
    ///
    /// [`OtelInitError::ProtocolNotBuilt`] when the protocol's feature is off, [`OtelInitError::TlsNotBuilt`] when an
    /// `https` endpoint lacks the feature `tls`, [`OtelInitError::CompressionNotBuilt`] when that of the compression is
    /// off, [`OtelInitError::TlsFile`] and [`OtelInitError::NoRoots`]
    /// when there is nothing to check it against, [`OtelInitError::Thread`] when no thread starts, and
    /// [`OtelInitError::Exporter`] when the exporter cannot be built. Nothing is left running.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use nilometer_otel::{OtelConfig, OtelProvider};
    /// use opentelemetry::trace::Tracer;
    ///
    /// let config = OtelConfig::from_env().with_service_version("1.4.2");
    /// let provider = OtelProvider::init(config)?;
    /// provider.tracer("orders").in_span("place", |_| ());
    /// provider.shutdown_blocking(Duration::from_secs(5))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "a configuration is given away")]
    pub fn init(config: OtelConfig) -> Result<OtelProvider, OtelInitError> {
        if config.is_disabled() {
            return Ok(OtelProvider::disabled());
        }
        config.receiver.check()?;
        OtelProvider::start(&config)
    }

    #[cfg(feature = "_trace-export")]
    fn start(config: &OtelConfig) -> Result<OtelProvider, OtelInitError> {
        let (transport, driver) = Transport::start(config)?;
        let tally = Arc::default();
        let provider = sdk_provider(config, transport, &tally);
        Ok(OtelProvider::assemble(provider, Some(driver), tally))
    }

    #[cfg(not(feature = "_trace-export"))]
    fn start(config: &OtelConfig) -> Result<OtelProvider, OtelInitError> {
        Err(config.receiver.unbuilt())
    }

    /// Gives the spans to this exporter instead, in batches; the endpoint and what belongs to it are not used.
    #[must_use = "a provider that is dropped is shut down"]
    pub fn with_exporter(config: &OtelConfig, exporter: impl SpanExporter + 'static) -> OtelProvider {
        if config.is_disabled() {
            return OtelProvider::disabled();
        }
        let tally = Arc::default();
        let provider = sdk_provider(config, exporter, &tally);
        OtelProvider::assemble(provider, None, tally)
    }

    /// Spans that go nowhere. A context that comes from elsewhere goes on as it came, and none begins here: a span without a
    /// parent that was sampled somewhere, or not, has no context that could be told to anybody.
    fn disabled() -> OtelProvider {
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff)))
            .with_id_generator(NoTraces::default())
            .build();
        OtelProvider::assemble(provider, None, Arc::default())
    }

    fn assemble(provider: SdkTracerProvider, driver: Option<Driver>, tally: Arc<Tally>) -> OtelProvider {
        let (driver, stopped) = (Mutex::new(driver), AtomicBool::new(false));
        OtelProvider(Arc::new(Shared { provider, driver, tally, stopped, flushing: Arc::default() }))
    }

    /// A tracer of this name, that of the library or the module that it traces.
    #[must_use]
    pub fn tracer(&self, name: impl Into<Cow<'static, str>>) -> SdkTracer {
        self.0.provider.tracer(name)
    }

    /// The OpenTelemetry SDK's provider, for libraries that want one. Shutting it down shuts this one down.
    #[must_use]
    pub fn tracer_provider(&self) -> &SdkTracerProvider {
        &self.0.provider
    }

    /// Makes this the provider of the process, and a [`Propagator`] its propagator: `opentelemetry::global` has them
    /// from now on. After the shutdown the global provider records nothing.
    pub fn install_global(&self, propagator: Propagator) {
        opentelemetry::global::set_tracer_provider(self.0.provider.clone());
        opentelemetry::global::set_text_map_propagator(propagator);
    }

    /// How many spans have ended, how many of them were sent, and how many the receiver did not take.
    #[must_use]
    pub fn export_stats(&self) -> ExportStats {
        self.0.tally.stats()
    }

    /// The same as metrics, which go on to be shown when this provider is gone.
    #[must_use]
    pub fn metrics(&self) -> SpanMetrics {
        SpanMetrics::new(Arc::clone(&self.0.tally))
    }

    /// Sends all spans that have ended, and waits for it up to the deadline.
    ///
    /// # Errors
    ///
    /// [`OtelFlushError::DeadlineExceeded`] when the deadline passed first, [`OtelFlushError::Failed`] when spans were
    /// lost meanwhile, [`OtelFlushError::AlreadyShutDown`] after a shutdown.
    pub async fn flush(&self, deadline: Duration) -> Result<(), OtelFlushError> {
        self.on_thread(deadline, Shared::flush).await
    }

    /// As [`flush`](Self::flush), for code that is not async.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub fn flush_blocking(&self, deadline: Duration) -> Result<(), OtelFlushError> {
        self.0.flush(deadline)
    }

    /// Sends all spans that have ended, waits for it up to the deadline, and stops. What is not sent by then is given
    /// up; tracers record nothing more.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush). It has stopped all the same, or is about to where nobody waits for it any more.
    pub async fn shutdown(&self, deadline: Duration) -> Result<(), OtelFlushError> {
        self.on_thread(deadline, Shared::shutdown).await
    }

    /// As [`shutdown`](Self::shutdown), for code that is not async.
    ///
    /// # Errors
    ///
    /// As [`shutdown`](Self::shutdown).
    pub fn shutdown_blocking(&self, deadline: Duration) -> Result<(), OtelFlushError> {
        self.0.shutdown(deadline)
    }

    /// Does what blocks where it keeps nobody else.
    async fn on_thread(
        &self,
        deadline: Duration,
        work: fn(&Shared, Duration) -> Result<(), OtelFlushError>,
    ) -> Result<(), OtelFlushError> {
        let (shared, (answer, answered)) = (Arc::clone(&self.0), oneshot::channel());
        let exceeded = || OtelFlushError::DeadlineExceeded { deadline };
        let waiting = thread::Builder::new().name("nilometer-otel-wait".to_owned()).spawn(move || {
            // Whoever does not wait any more does not want it.
            let _ = answer.send(work(&shared, deadline));
        });
        waiting.map_err(|_| exceeded())?;
        // Whoever blocks on this in a task whose turn is over never yields, and tokio would hide the answer from it for ever.
        tokio::task::unconstrained(answered).await.unwrap_or_else(|_| Err(exceeded()))
    }
}

impl Shared {
    fn flush(&self, deadline: Duration) -> Result<(), OtelFlushError> {
        // ORDERING: acquire sees what the shutdown did before it; that is not needed for more than the answer.
        if self.stopped.load(Ordering::Acquire) || self.tally.has_ended() {
            return Err(OtelFlushError::AlreadyShutDown);
        }
        let failed = self.tally.stats().failed();
        let (provider, flushing, start) = (self.provider.clone(), Arc::clone(&self.flushing), Instant::now());
        let (answer, answered) = mpsc::sync_channel(1);
        let exceeded = || OtelFlushError::DeadlineExceeded { deadline };
        // The SDK waits for a time of its own; this thread waits as long, its caller no longer than it wants.
        let waiting = thread::Builder::new().name("nilometer-otel-flush".to_owned()).spawn(move || {
            let _turn = flushing.lock().unwrap_or_else(PoisonError::into_inner);
            while start.elapsed() < deadline {
                let (began, flushed) = (Instant::now(), provider.force_flush());
                // A failure that took no time is an answer, one that took long is the SDK's patience.
                if flushed.is_ok() || began.elapsed() < Duration::from_secs(4) {
                    return drop(answer.send(flushed));
                }
            }
        });
        waiting.map_err(|_| exceeded())?;
        let flushed = answered.recv_timeout(deadline).map_err(|_| exceeded())?;
        self.judge(failed)?;
        flushed.map_err(|error| OtelFlushError::Failed { spans: 0, reason: error.to_string() })
    }

    fn shutdown(&self, deadline: Duration) -> Result<(), OtelFlushError> {
        // ORDERING: whoever is first does it; release makes it known to `flush`.
        if self.stopped.swap(true, Ordering::AcqRel) {
            return Err(OtelFlushError::AlreadyShutDown);
        }
        let failed = self.tally.stats().failed();
        let start = Instant::now();
        let result = self.provider.shutdown_with_timeout(deadline);
        // Its thread ends with it, and so does what the exporter still does.
        let _driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner).take();
        match result {
            Ok(()) => self.judge(failed),
            Err(OTelSdkError::AlreadyShutdown) => Err(OtelFlushError::AlreadyShutDown),
            Err(_) if start.elapsed() >= deadline => Err(OtelFlushError::DeadlineExceeded { deadline }),
            Err(error) => Err(OtelFlushError::Failed { spans: 0, reason: error.to_string() }),
        }
    }

    /// Whether spans were lost since there were so many of them.
    fn judge(&self, failed: u64) -> Result<(), OtelFlushError> {
        match self.tally.stats().failed().saturating_sub(failed) {
            0 => Ok(()),
            spans => Err(OtelFlushError::Failed { spans, reason: self.tally.reason() }),
        }
    }
}

impl Drop for OtelProvider {
    fn drop(&mut self) {
        match self.shutdown_blocking(AT_DROP) {
            Ok(()) | Err(OtelFlushError::AlreadyShutDown) => {}
            Err(error) => tracing::warn!(%error, "the last spans may be lost"),
        }
    }
}

fn sdk_provider(
    config: &OtelConfig,
    exporter: impl SpanExporter + 'static,
    tally: &Arc<Tally>,
) -> SdkTracerProvider {
    let mut batch = BatchConfigBuilder::default();
    if let Some(size) = config.queue_size {
        batch = batch.with_max_queue_size(size);
    }
    if let Some(size) = config.batch_size {
        batch = batch.with_max_export_batch_size(size);
    }
    if let Some(delay) = config.delay {
        batch = batch.with_scheduled_delay(delay);
    }
    let exporter = Counted::new(exporter, Arc::clone(tally));
    let batches = BatchSpanProcessor::builder(exporter).with_batch_config(batch.build()).build();
    let resource = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(config.resource_attributes())
        .build();
    SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(config.sampling.to_sampler())
        .with_span_processor(Batches::new(batches, Arc::clone(tally)))
        .build()
}
