//! Works through 20,000 real flights as if they were happening, and serves its metrics to Prometheus while it does.
//!
//! ```sh
//! cargo run --release -p nilometer --example stream_processor
//! curl http://127.0.0.1:9464/metrics
//! ```
//!
//! With Kafka, spans, and metrics of both (a C compiler and make are needed):
//!
//! ```sh
//! cargo run --release -p nilometer --features kafka,otel,tokio --example stream_processor -- --demo-kafka
//! ```
//!
//! - `args`: the command line. `setup`: what is observed, and where it goes.
//! - `input`: what rows are read from. `source`: a file; `bounded`: how long one may be; `flight` and `time`: what a row must be;
//!   `pace`: when each is due.
//! - `kafka`: rows from Kafka, with that feature.
//! - `window`: tumbling event-time windows; `state`: what is kept by airport.
//! - `metrics`: everything that is measured; `processor`: the event loop that feeds it.
//! - `worker`: the thread of that loop.
//! - `progress` and `summary`: what a person sees.
//!
//! The event loop has a thread of its own, because it blocks on its input, and so has all that observes it.

mod args;
mod bounded;
mod flight;
mod input;
#[cfg_attr(not(feature = "kafka"), path = "kafka_off.rs")]
mod kafka;
mod metrics;
mod pace;
mod processor;
mod progress;
mod setup;
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
use nilometer::{MetricsError, Observability, ObservabilityConfigError, ObservabilityError};
use thiserror::Error;
use tokio::signal;

use crate::args::Args;
use crate::input::Input;
use crate::kafka::KafkaFailure;
use crate::metrics::StreamMetrics;
use crate::pace::Pace;
use crate::processor::Processor;
use crate::progress::Progress;
use crate::source::{Source, SourceError};
use crate::summary::Summary;
use crate::worker::{Worker, WorkerError};

/// How long the last scrapes, metrics and spans are waited for at the end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// Says why the example ended before its time.
#[derive(Debug, Error)]
enum AppError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    #[error(transparent)]
    Config(#[from] ObservabilityConfigError),
    #[error(transparent)]
    Observability(#[from] ObservabilityError),
    #[error(transparent)]
    Kafka(#[from] KafkaFailure),
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
    if kafka::is_asked_for(&args) {
        let observability = Observability::init(setup::config(&args)?)?;
        // The cluster of the demonstration, if there is one, ends after all that uses it.
        let (flights, _cluster) = kafka::open(&args, &observability)?;
        return observe(&args, flights, observability).await;
    }
    // What cannot be read is told before anything is served.
    let source = Source::open(args.input.as_deref())?;
    observe(&args, source, Observability::init(setup::config(&args)?)?).await
}

/// Works through `input`, and shows it, until it is time to end.
async fn observe(args: &Args, input: impl Input, observability: Observability) -> Result<(), AppError> {
    let metrics = StreamMetrics::register(observability.registry())?;
    let progress = Progress::new(input.length());
    for ignored in observability.ignored_variables() {
        progress.note(format_args!("{} is ignored: {}", ignored.name(), ignored.reason()));
    }
    if let Some(address) = observability.local_addr() {
        progress.note(format_args!("serving metrics on http://{address}/metrics"));
    }
    let outcome = work(args, input, &metrics, &progress).await;
    if let Err(error) = observability.shutdown(SHUTDOWN_TIMEOUT).await {
        progress.note(format_args!("at the end: {error}"));
    }
    outcome
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

/// Runs the event loop to its end, and waits to be asked to end unless it was to run once.
///
/// An input that broke off is an error only after that: what was counted until then can still be scraped.
async fn work(
    args: &Args,
    input: impl Input,
    metrics: &StreamMetrics,
    progress: &Progress,
) -> Result<(), AppError> {
    let mut interrupt = std::pin::pin!(asked_to_end());
    let processor = Processor::new(metrics, args.horizon());
    let mut worker = Worker::start(processor, input, Pace::new(args.rate), progress.clone())?;
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
