//! Tasks of client libraries.

use hyper_util::rt::TokioExecutor;
use tokio::sync::watch;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

/// Runs what client libraries do beside the requests, unheard.
///
/// What they trace about themselves would be sent with the next request of a process that sends its traces, which they
/// would trace too, and so on.
#[derive(Debug, Clone)]
pub(super) struct Quiet {
    end: watch::Receiver<()>,
}

/// Ends those tasks when it is dropped.
///
/// A connection that is given up says so to its other end, and goes on until that has heard it: for as long as nobody
/// reads, it would keep what could not be written.
#[derive(Debug)]
pub(super) struct Tasks {
    _end: watch::Sender<()>,
}

impl Quiet {
    pub(super) fn new() -> (Quiet, Tasks) {
        let (sender, end) = watch::channel(());
        (Quiet { end }, Tasks { _end: sender })
    }
}

impl<F> hyper::rt::Executor<F> for Quiet
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        let mut end = self.end.clone();
        let until_end = async move {
            tokio::select! {
                _ = future => {}
                // Nothing is ever sent: the sender is gone.
                _ = end.changed() => {}
            }
        };
        hyper::rt::Executor::execute(
            &TokioExecutor::new(),
            until_end.with_subscriber(NoSubscriber::default()),
        );
    }
}
