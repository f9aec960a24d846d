//! The process that asks.

use std::error::Error;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::page::{SERIES, url};

/// How many connections there are, each with one request at a time.
pub(crate) const CONNECTIONS: usize = 64;

/// What wrk does beside asking.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/load/ask.lua");

/// What wrk reports, nothing having failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// Complete answers.
    pub(crate) answers: u64,
    pub(crate) elapsed: Duration,
    /// Of heads, bodies and what frames them.
    pub(crate) bytes: u64,
    /// Half of the answers took no longer, and 99 of 100.
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) most: Duration,
    /// How many answers were looked at.
    pub(crate) looked_at: u64,
}

impl Asked {
    /// Complete answers per second.
    pub(crate) fn rate(&self) -> f64 {
        self.answers as f64 / self.elapsed.as_secs_f64()
    }
}

/// Whether each answer is looked at, which takes longer than the answer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    AtEach,
    AtNone,
}

/// Asks for so many seconds.
///
/// Fails when there is no wrk, and on anything but complete answers of 200 with `page` bytes or more.
pub(crate) fn ask(
    address: SocketAddr,
    time: Duration,
    look: Look,
    page: usize,
) -> Result<Asked, Box<dyn Error>> {
    let mut wrk = Command::new("wrk");
    wrk.arg("--threads=2")
        .arg(format!("--connections={CONNECTIONS}"))
        .arg(format!("--duration={}s", time.as_secs()));
    wrk.args(["--timeout=10s", "--script", SCRIPT]).arg(url(address));
    if look == Look::AtEach {
        wrk.env("LOAD_SAMPLES", SERIES.to_string());
    }
    let output =
        wrk.output().map_err(|error| format!("wrk does not run, which .ci/load installs: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("load: "));
    let Some(line) = line.filter(|_| output.status.success()) else {
        return Err(format!("wrk failed: {text}{}", String::from_utf8_lossy(&output.stderr)).into());
    };
    let asked = read(&serde_json::from_str(line)?, page).map_err(|error| format!("{error}: {line}"))?;
    if look == Look::AtEach && asked.looked_at < asked.answers {
        return Err(format!("not all answers were looked at: {line}").into());
    }
    Ok(asked)
}

fn read(report: &Value, page: usize) -> Result<Asked, String> {
    let number = |key: &str| report[key].as_u64().ok_or_else(|| format!("`{key}` is missing"));
    for error in ["refused", "statuses", "connect", "read", "write", "timeout"] {
        if number(error)? > 0 {
            return Err(format!("not all answers are complete and of status 200: `{error}`"));
        }
    }
    let micros = |key| number(key).map(Duration::from_micros);
    let asked = Asked {
        answers: number("answers")?,
        elapsed: micros("micros")?,
        bytes: number("bytes")?,
        p50: micros("p50")?,
        p99: micros("p99")?,
        most: micros("most")?,
        looked_at: number("looked_at")?,
    };
    if asked.answers == 0 || asked.bytes < asked.answers * page as u64 {
        return Err(format!("there are fewer bytes than answers of {page} bytes have"));
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_with_any_error_or_short_answers_is_refused() {
        let report = json!({
            "answers": 10, "micros": 1_000_000, "bytes": 1000, "p50": 1, "p99": 2, "most": 3, "looked_at": 0,
            "refused": 0, "statuses": 0, "connect": 0, "read": 0, "write": 0, "timeout": 0,
        });
        assert!(read(&report, 100).is_ok());
        assert!(read(&report, 101).is_err());
        for error in ["refused", "statuses", "connect", "read", "write", "timeout"] {
            let mut report = report.clone();
            report[error] = json!(1);
            assert!(read(&report, 100).unwrap_err().contains(error), "{error}");
        }
        let mut none = report.clone();
        none["answers"] = json!(0);
        assert!(read(&none, 100).is_err());
    }
}
