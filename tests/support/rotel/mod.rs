//! A real OpenTelemetry collector, for tests that ask it what it received.
//!
//! - `received`: spans, as it prints them. `metrics`: the same of metrics. `lines`: what both are made of.

mod lines;
mod metrics;
mod received;

use std::env;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::prometheus::{free_address, wait_for};

pub use metrics::{Attributes, ReceivedBuckets, ReceivedExemplar, ReceivedMetric, ReceivedPoint};
pub use received::ReceivedSpan;

/// The wheel that `.ci/peers` unpacks.
const VERSION: &str = "0.0.1a15";

/// How often a port that somebody else took in between is replaced by another.
const PORTS: usize = 5;

/// A running `rotel-agent` on 127.0.0.1, which prints what it receives; killed when dropped.
#[derive(Debug)]
pub struct Rotel {
    child: Child,
    grpc: SocketAddr,
    http: SocketAddr,
    /// Its output, and whatever else it writes; removed after the process has ended.
    folder: TempDir,
}

impl Rotel {
    /// Starts one and waits until it listens.
    ///
    /// # Panics
    ///
    /// When the binary is missing, or does not become ready.
    #[must_use]
    pub fn start() -> Rotel {
        Rotel::start_with(&["--exporter=blackhole"])
    }

    /// Starts one that passes on what it receives, besides: over HTTP, compressed with gzip.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn start_before(receiver: SocketAddr) -> Rotel {
        let endpoint = format!("--otlp-exporter-endpoint=http://{receiver}");
        Rotel::start_with(&["--exporter=otlp", "--otlp-exporter-protocol=http", &endpoint])
    }

    #[expect(clippy::panic, reason = "a test fails where its tool is missing, it does not skip")]
    fn start_with(exporter: &[&str]) -> Rotel {
        for _ in 0..PORTS {
            if let Some(ready) = Rotel::try_start(free_address(), free_address(), exporter) {
                return ready;
            }
        }
        panic!("rotel ended {PORTS} times before it was ready");
    }

    /// The program, where `.ci/peers` puts it.
    fn program() -> PathBuf {
        let cache = || {
            let home = || env::var_os("HOME").map(PathBuf::from).unwrap_or_default().join(".cache");
            env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("nilometer/peers")
        };
        let folder = env::var_os("NILOMETER_PEERS").map_or_else(cache, PathBuf::from);
        folder.join(format!("rotel-{VERSION}/rotel-agent"))
    }

    #[expect(clippy::panic, reason = "a test fails where its tool is missing, it does not skip")]
    fn try_start(grpc: SocketAddr, http: SocketAddr, exporter: &[&str]) -> Option<Rotel> {
        let folder = TempDir::with_prefix("nilometer-rotel-").unwrap_or_else(|error| panic!("{error}"));
        let log = folder.path().join("output");
        let open = || File::options().create(true).append(true).open(&log).unwrap_or_else(|e| panic!("{e}"));
        let program = Rotel::program();
        let child = Command::new(&program)
            .args(["start", "--debug-log-verbosity", "detailed"])
            .args(["--debug-log", "traces", "--debug-log", "metrics"])
            .args(exporter)
            .arg(format!("--otlp-grpc-endpoint={grpc}"))
            .arg(format!("--otlp-http-endpoint={http}"))
            .arg(format!("--pid-file={}", folder.path().join("pid").display()))
            .arg(format!("--log-file={}", folder.path().join("log").display()))
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(open())
            .stderr(open())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot run `{}` ({error}): .ci/peers fetches it", program.display())
            });
        let mut rotel = Rotel { child, grpc, http, folder };
        let ready = wait_for("rotel to be ready", || {
            if !matches!(rotel.child.try_wait(), Ok(None)) {
                return Some(false);
            }
            [grpc, http].iter().all(|address| TcpStream::connect(address).is_ok()).then_some(true)
        });
        ready.then_some(rotel)
    }

    /// Where it takes OTLP over gRPC.
    #[must_use]
    pub fn grpc(&self) -> SocketAddr {
        self.grpc
    }

    /// Where it takes OTLP over HTTP.
    #[must_use]
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// The spans that it has received, as soon as there are this many, in the order in which they came.
    ///
    /// # Panics
    ///
    /// When they do not come.
    #[must_use]
    pub fn spans(&self, count: usize) -> Vec<ReceivedSpan> {
        self.printed("spans", count, received::spans)
    }

    /// The metrics that it has received, as soon as there are this many, in the order in which they came.
    ///
    /// # Panics
    ///
    /// When they do not come.
    #[must_use]
    pub fn metrics(&self, count: usize) -> Vec<ReceivedMetric> {
        self.printed("metrics", count, metrics::metrics)
    }

    fn printed<T>(&self, what: &str, count: usize, read: impl Fn(&str) -> Vec<T>) -> Vec<T> {
        let mut before = String::new();
        wait_for(what, || {
            let output = self.output();
            // The last of them may be printed in part: it is whole when nothing follows any more.
            let is_whole = output == before;
            before = output;
            let received = read(&before);
            (is_whole && received.len() >= count).then_some(received)
        })
    }

    /// What it has printed.
    #[must_use]
    pub fn output(&self) -> String {
        fs::read_to_string(self.folder.path().join("output")).unwrap_or_default()
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        // Nothing it holds is worth a graceful end; the wait keeps it from writing into a folder that goes away.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
