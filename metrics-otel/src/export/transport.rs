//! How requests get to the receiver.

use prost::bytes::Bytes;
use tokio::time::Instant;

use super::ExportError;
use super::answer::Accepted;
#[cfg(feature = "metrics-grpc")]
use super::grpc::Grpc;
#[cfg(feature = "metrics-http")]
use super::http::Http;
use crate::receiver::{OtelInitError, Protocol, Receiver};

/// What every request carries that the configuration does not say.
pub(super) const USER_AGENT: &str = concat!("nilometer-otel/", env!("CARGO_PKG_VERSION"));

/// A request as this transport sends it, any number of times.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    /// How long it was before it was compressed.
    pub(super) length: usize,
}

/// Sends from the runtime in which it was made.
pub(super) enum Transport {
    #[cfg(feature = "metrics-grpc")]
    Grpc(Box<Grpc>),
    #[cfg(feature = "metrics-http")]
    Http(Box<Http>),
}

impl Transport {
    /// Reads the files that connections need, and connects to nothing yet.
    pub(super) fn try_new(receiver: &Receiver) -> Result<Transport, OtelInitError> {
        match receiver.protocol {
            #[cfg(feature = "metrics-grpc")]
            Protocol::Grpc => Ok(Transport::Grpc(Box::new(Grpc::try_new(receiver)?))),
            #[cfg(feature = "metrics-http")]
            Protocol::Http => Ok(Transport::Http(Box::new(Http::try_new(receiver)?))),
            #[cfg(not(all(feature = "metrics-grpc", feature = "metrics-http")))]
            _ => Err(receiver.unbuilt()),
        }
    }

    pub(super) fn url(&self) -> &str {
        match self {
            #[cfg(feature = "metrics-grpc")]
            Transport::Grpc(grpc) => grpc.url(),
            #[cfg(feature = "metrics-http")]
            Transport::Http(http) => http.url(),
        }
    }

    /// Does once what every attempt needs.
    pub(super) fn prepare(&self, body: &Bytes) -> Body {
        match self {
            // tonic compresses what it frames.
            #[cfg(feature = "metrics-grpc")]
            Transport::Grpc(_) => Body { bytes: body.clone(), length: body.len() },
            #[cfg(feature = "metrics-http")]
            Transport::Http(http) => Body { bytes: http.compressed(body), length: body.len() },
        }
    }

    /// Sends it once: nothing where there is no answer until then.
    pub(super) async fn send(
        &mut self,
        body: &Body,
        until: Instant,
    ) -> Option<Result<Accepted, ExportError>> {
        match self {
            #[cfg(feature = "metrics-grpc")]
            Transport::Grpc(grpc) => grpc.send(body.bytes.clone(), until).await,
            #[cfg(feature = "metrics-http")]
            Transport::Http(http) => http.send(body.bytes.clone(), until).await,
        }
    }
}
