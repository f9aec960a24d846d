//! The thread that sends spans.
//!
//! The exporters for gRPC and for HTTP need a tokio runtime that somebody drives while the SDK's own thread waits for
//! them. It is neither the caller's, which may have none or be the very thread that waits in a shutdown, nor outlived
//! by anything: a thread of ours drives one of its own until the provider ends.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_otlp::SpanExporter as OtlpExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tracing::subscriber::NoSubscriber;

use super::{OtelConfig, OtelInitError, Protocol};

/// The running thread; it ends, and cancels what it does, when this is dropped.
#[derive(Debug)]
pub(super) struct Driver {
    handle: Handle,
    _stop: oneshot::Sender<()>,
}

impl Driver {
    fn start() -> io::Result<Driver> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::Builder::new().name("nilometer-otel-trace".to_owned()).spawn(move || {
            // What the client libraries trace about themselves would be sent with the next request, which they would
            // trace too, and so on. The one keeps it from whoever listens to the crate `tracing`, since a layer that makes
            // OpenTelemetry's spans of it does not heed the other.
            let _unheard = tracing::subscriber::set_default(NoSubscriber::default());
            let _suppressed = Context::enter_telemetry_suppressed_scope();
            // An error says that the sender is gone, which is the sign to stop.
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        })?;
        Ok(Driver { handle, _stop: stop })
    }
}

/// An OTLP exporter that works on the driver's thread.
#[derive(Debug)]
pub(super) struct Transport {
    /// Shared with the exports that are on their way.
    inner: Arc<OtlpExporter>,
    handle: Handle,
    timeout: Duration,
    /// Where to, for everybody to see.
    url: String,
    cause: Cause,
}

/// Why the last attempt got no answer, where the exporter keeps that to itself.
#[derive(Debug, Clone, Default)]
struct Cause(Arc<Mutex<Option<String>>>);

impl Cause {
    #[cfg(feature = "trace-http")]
    fn set(&self, cause: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cause;
    }

    fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Transport {
    /// Builds the exporter that the configuration asks for; connects to nothing yet.
    pub(super) fn start(config: &OtelConfig) -> Result<(Transport, Driver), OtelInitError> {
        let driver = Driver::start()?;
        let cause = Cause::default();
        let exporter = {
            let _runtime = driver.handle.enter();
            let _unheard = tracing::subscriber::set_default(NoSubscriber::default());
            match config.receiver.protocol {
                #[cfg(feature = "trace-grpc")]
                Protocol::Grpc => grpc::exporter(config)?,
                #[cfg(feature = "trace-http")]
                Protocol::Http => over_http::exporter(config, cause.clone())?,
                #[cfg(not(all(feature = "trace-grpc", feature = "trace-http")))]
                _ => return Err(config.receiver.unbuilt()),
            }
        };
        let (inner, handle) = (Arc::new(exporter), driver.handle.clone());
        let (timeout, url) = (config.receiver.timeout, config.receiver.shown_url());
        Ok((Transport { inner, handle, timeout, url, cause }, driver))
    }

    /// Says in the error where the spans should have gone, and what is behind it.
    fn explained(&self, error: OTelSdkError) -> OTelSdkError {
        let cause = self.cause.take();
        let what = match error {
            OTelSdkError::AlreadyShutdown => return error,
            OTelSdkError::Timeout(timeout) => format!("not done within {timeout:?}"),
            OTelSdkError::InternalFailure(what) => what,
        };
        let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
        OTelSdkError::InternalFailure(format!("`{}`: {what}{cause}", self.url))
    }
}

impl SpanExporter for Transport {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let (inner, timeout) = (Arc::clone(&self.inner), self.timeout);
        let export = async move { tokio::time::timeout(timeout, inner.export(batch)).await };
        match self.handle.spawn(export).await {
            Ok(Ok(result)) => result.map_err(|error| self.explained(error)),
            Ok(Err(_)) => Err(self.explained(OTelSdkError::Timeout(timeout))),
            Err(error) if error.is_panic() => {
                Err(self.explained(OTelSdkError::InternalFailure("the client panicked".to_owned())))
            }
            Err(_) => Err(OTelSdkError::InternalFailure("tracing was shut down".to_owned())),
        }
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        // The SDK does so before the first export, when nobody else has it.
        if let Some(exporter) = Arc::get_mut(&mut self.inner) {
            exporter.set_resource(resource);
        }
    }
}

fn not_built(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> OtelInitError {
    OtelInitError::Exporter { source: source.into() }
}

fn compression(config: &OtelConfig) -> Option<opentelemetry_otlp::Compression> {
    config.receiver.compression.map(|compression| match compression {
        super::Compression::Gzip => opentelemetry_otlp::Compression::Gzip,
        super::Compression::Zstd => opentelemetry_otlp::Compression::Zstd,
    })
}

/// What every request carries that the configuration does not say.
const USER_AGENT: &str = concat!("nilometer-otel/", env!("CARGO_PKG_VERSION"));

#[cfg(feature = "trace-grpc")]
mod grpc {
    use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithTonicConfig};
    use tonic::metadata::MetadataMap;
    use tonic::{Request, Status};

    use super::super::{OtelConfig, OtelInitError};
    use super::{USER_AGENT, compression, not_built};

    pub(super) fn exporter(config: &OtelConfig) -> Result<SpanExporter, OtelInitError> {
        let mut headers = config.receiver.headers.clone();
        if !headers.contains_key("user-agent") {
            headers.insert("user-agent", http::HeaderValue::from_static(USER_AGENT));
        }
        let metadata = MetadataMap::from_headers(headers);
        // The builder adds what it finds in the environment, over which the configuration has decided already.
        let only_ours = move |mut request: Request<()>| -> Result<Request<()>, Status> {
            *request.metadata_mut() = metadata.clone();
            Ok(request)
        };
        let mut builder = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(config.endpoint())
            .with_timeout(config.receiver.timeout)
            .with_interceptor(only_ours);
        if let Some(compression) = compression(config) {
            builder = builder.with_compression(compression);
        }
        secured(builder, config)?.build().map_err(not_built)
    }

    #[cfg(feature = "tls")]
    fn secured<B: WithTonicConfig>(builder: B, config: &OtelConfig) -> Result<B, OtelInitError> {
        let receiver = &config.receiver;
        if receiver.is_https() { Ok(builder.with_tls_config(receiver.tls.tonic()?)) } else { Ok(builder) }
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unnecessary_wraps, reason = "with TLS there is something that fails")]
    fn secured<B: WithTonicConfig>(builder: B, _: &OtelConfig) -> Result<B, OtelInitError> {
        Ok(builder)
    }
}

#[cfg(feature = "trace-http")]
mod over_http {
    use http::{HeaderMap, HeaderValue, Request, Response};
    use opentelemetry_http::hyper::HyperClient;
    use opentelemetry_http::{Bytes, HttpClient, HttpError};
    use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};

    use super::super::{OtelConfig, OtelInitError};
    use super::{Cause, USER_AGENT, compression, not_built};
    use crate::causes::Causes;

    /// A client that sends the configuration's headers, and not those that the builder finds in the environment. It keeps
    /// the error of an attempt, of which the exporter says no more than that there was one.
    #[derive(Debug)]
    struct OnlyOurs<C> {
        client: C,
        headers: HeaderMap,
        cause: Cause,
    }

    #[async_trait::async_trait]
    impl<C: HttpClient> HttpClient for OnlyOurs<C> {
        async fn send_bytes(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
            let mut headers = self.headers.clone();
            headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
            if let Some(coding) = coding(request.body()) {
                headers.insert(http::header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            }
            *request.headers_mut() = headers;
            let answer = self.client.send_bytes(request).await;
            self.cause.set(answer.as_ref().err().map(|error| Causes(error.as_ref()).to_string()));
            answer
        }
    }

    /// How a body is compressed. The request's own header may be one of the environment's.
    ///
    /// SPEC: RFC 1952, section 2.3.1, and RFC 8878, section 3.1.1: how they begin; a message begins with its first field.
    fn coding(body: &[u8]) -> Option<&'static str> {
        match body {
            [0x1f, 0x8b, ..] => Some("gzip"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
            _ => None,
        }
    }

    pub(super) fn exporter(config: &OtelConfig, cause: Cause) -> Result<SpanExporter, OtelInitError> {
        let mut headers = config.receiver.headers.clone();
        let agent = HeaderValue::from_static(USER_AGENT);
        headers.entry(http::header::USER_AGENT).or_insert(agent);
        let client = OnlyOurs { client: client(config)?, headers, cause };
        let mut builder = SpanExporter::builder()
            .with_http()
            .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
            .with_endpoint(config.endpoint())
            .with_timeout(config.receiver.timeout)
            .with_http_client(client);
        if let Some(compression) = compression(config) {
            builder = builder.with_compression(compression);
        }
        builder.build().map_err(not_built)
    }

    #[cfg(feature = "tls")]
    fn client(config: &OtelConfig) -> Result<impl HttpClient + use<>, OtelInitError> {
        Ok(HyperClient::new(config.receiver.connector()?, config.receiver.timeout, None))
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unnecessary_wraps, reason = "with TLS there is something that fails")]
    fn client(config: &OtelConfig) -> Result<impl HttpClient + use<>, OtelInitError> {
        Ok(HyperClient::with_default_connector(config.receiver.timeout, None))
    }
}
