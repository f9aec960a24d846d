//! The process that asks.

use std::error::Error;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

/// How many connections there are, each with one request at a time.
pub(crate) const CONNECTIONS: u64 = 64;
/// How many threads wrk has.
pub(crate) const THREADS: u64 = 2;

/// What wrk measured, every answer being one.
pub(crate) struct Asked {
    pub(crate) answers: u64,
    pub(crate) elapsed: Duration,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// What wrk counted, beside what it sent.
pub(crate) struct Counted {
    pub(crate) sent: u64,
    pub(crate) answers: u64,
}

/// Asks for one order again and again.
pub(crate) fn ask(address: SocketAddr, time: Duration) -> Result<Asked, Box<dyn Error>> {
    let report = run(address, time, "rate.lua", None)?;
    if number(&report, "status")? > 0 {
        return Err(format!("not all answers are of status 200: {report}").into());
    }
    let micros = |key| number(&report, key).map(Duration::from_micros);
    Ok(Asked {
        answers: number(&report, "answers")?,
        elapsed: micros("micros")?,
        p50: micros("p50")?,
        p99: micros("p99")?,
    })
}

/// Asks so often on each thread, and then once more on each connection, for what is never answered.
pub(crate) fn ask_for_totals(
    address: SocketAddr,
    time: Duration,
    quota: u64,
) -> Result<Counted, Box<dyn Error>> {
    let report = run(address, time, "totals.lua", Some(quota))?;
    Ok(Counted { sent: number(&report, "sent")?, answers: number(&report, "answers")? })
}

fn run(
    address: SocketAddr,
    time: Duration,
    script: &str,
    quota: Option<u64>,
) -> Result<Value, Box<dyn Error>> {
    let mut wrk = Command::new("wrk");
    wrk.arg(format!("--threads={THREADS}"))
        .arg(format!("--connections={CONNECTIONS}"))
        .arg(format!("--duration={}s", time.as_secs()))
        .args(["--timeout=60s", "--script"])
        .arg(format!("{}/http_load/{script}", env!("CARGO_MANIFEST_DIR")))
        .arg(format!("http://{address}/orders/7"));
    if let Some(quota) = quota {
        wrk.env("HTTP_LOAD_QUOTA", quota.to_string());
    }
    let output =
        wrk.output().map_err(|error| format!("wrk does not run, which .ci/load installs: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("load: "));
    let Some(line) = line.filter(|_| output.status.success()) else {
        return Err(format!("wrk failed: {text}{}", String::from_utf8_lossy(&output.stderr)).into());
    };
    let report = serde_json::from_str(line)?;
    for error in ["connect", "read", "write", "timeout"] {
        if number(&report, error)? > 0 {
            return Err(format!("wrk met errors: {line}").into());
        }
    }
    Ok(report)
}

fn number(report: &Value, key: &str) -> Result<u64, String> {
    report[key].as_u64().ok_or_else(|| format!("`{key}` is missing: {report}"))
}
