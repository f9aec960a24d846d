//! Works through 20,000 real flights as if they were happening, and serves its metrics to Prometheus while it does.
//!
//! ```sh
//! cargo run --release -p nilometer --example stream_processor
//! curl http://127.0.0.1:9464/metrics
//! ```
//!
//! - `args`: the command line.
//! - `source`: where the rows come from; `bounded`: how long one may be; `flight` and `time`: what a row must be;
//!   `pace`: when each is due.
//! - `window`: tumbling event-time windows; `state`: what is kept by airport.
//! - `metrics`: everything that is measured; `processor`: the event loop that feeds it.
//! - `worker`: the thread of that loop.
//! - `progress` and `summary`: what a person sees.
//!
//! The event loop has a thread of its own, because it blocks on its input; the server runs on tokio.

mod args;
mod bounded;
mod flight;
mod metrics;
mod pace;
mod processor;
mod progress;
mod source;
mod state;
mod summary;
mod time;
mod window;
mod worker;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use nilometer::prometheus::ServerError;
use nilometer::{MetricsError, MetricsRegistry, MetricsServer, ServerConfig};
use thiserror::Error;
use tokio::signal;
use tokio::sync::oneshot;
use tokio::task::JoinError;

use crate::args::Args;
use crate::metrics::StreamMetrics;
use crate::pace::Pace;
use crate::processor::Processor;
use crate::progress::Progress;
use crate::source::{Source, SourceError};
use crate::summary::Summary;
use crate::worker::{Worker, WorkerError};

/// How long scrapes that are under way are waited for at the end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// Says why the example ended before its time.
#[derive(Debug, Error)]
enum AppError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error("the task of the metrics server broke down")]
    ServerTask(#[source] JoinError),
    #[error("cannot wait for Ctrl-C or SIGTERM")]
    Signal(#[source] io::Error),
    #[error(transparent)]
    Worker(#[from] WorkerError),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = run(Args::parse()).await else {
        return ExitCode::SUCCESS;
    };
    let mut line = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    // Standard error may be closed; the exit code still tells.
    let _ = writeln!(io::stderr(), "{line}");
    ExitCode::FAILURE
}

async fn run(args: Args) -> Result<(), AppError> {
    let source = Source::open(args.input.as_deref())?;
    let registry = MetricsRegistry::new();
    let metrics = StreamMetrics::register(&registry)?;
    let progress = Progress::new(source.length());

    let config = ServerConfig::new()
        .with_host(args.listen.ip().to_string())
        .with_port(args.listen.port())
        .with_shutdown_timeout(SHUTDOWN_TIMEOUT);
    let server = MetricsServer::new(registry, config).bind().await?;
    progress.note(format_args!("serving metrics on http://{}/metrics", server.local_addr()));
    let (close, closed) = oneshot::channel::<()>();
    let mut server = tokio::spawn(server.serve_until(async {
        // Asked for, or the asker is gone: either way it is time.
        let _ = closed.await;
    }));

    let outcome = tokio::select! {
        outcome = work(&args, source, &metrics, &progress) => outcome,
        ended = &mut server => return served(ended),
    };
    drop(close);
    let ended = served(server.await);
    outcome.and(ended)
}

/// Waits for Ctrl-C, or for the SIGTERM by which service managers and containers end a program.
#[cfg(unix)]
async fn asked_to_end() -> io::Result<()> {
    let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
async fn asked_to_end() -> io::Result<()> {
    signal::ctrl_c().await
}

/// What the server's task came to; it ends by itself only when it fails.
fn served(ended: Result<Result<(), ServerError>, JoinError>) -> Result<(), AppError> {
    Ok(ended.map_err(AppError::ServerTask)??)
}

/// Runs the event loop to its end, and waits to be asked to end unless it was to run once.
///
/// An input that broke off is an error only after that: what was counted until then can still be scraped.
async fn work(
    args: &Args,
    source: Source,
    metrics: &StreamMetrics,
    progress: &Progress,
) -> Result<(), AppError> {
    let mut interrupt = std::pin::pin!(asked_to_end());
    let processor = Processor::new(metrics, args.horizon());
    let mut worker = Worker::start(processor, source, Pace::new(args.rate), progress.clone())?;
    let (report, interrupted) = tokio::select! {
        report = worker.report() => (report, false),
        signal = &mut interrupt => {
            signal.map_err(AppError::Signal)?;
            (worker.stop().await, true)
        }
    };
    progress.finish();
    let report = report?;
    // Standard output may be closed; the metrics hold the same.
    let _ = writeln!(io::stdout(), "{}", Summary { metrics, report: report.as_ref() });

    let failure = report.and_then(|report| report.failure);
    if !args.once && !interrupted {
        if let Some(error) = &failure {
            progress.note(format_args!("the input broke off: {error}"));
        }
        progress.note("still serving; Ctrl-C ends it");
        interrupt.await.map_err(AppError::Signal)?;
    }
    failure.map_or(Ok(()), |error| Err(error.into()))
}
