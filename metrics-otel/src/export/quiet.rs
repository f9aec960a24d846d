//! Tasks of client libraries.

use hyper_util::rt::TokioExecutor;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

/// Runs what client libraries do beside the requests, unheard.
///
/// What they trace about themselves would be sent with the next request of a process that sends its traces, which they
/// would trace too, and so on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quiet;

impl<F> hyper::rt::Executor<F> for Quiet
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        hyper::rt::Executor::execute(&TokioExecutor::new(), future.with_subscriber(NoSubscriber::default()));
    }
}
