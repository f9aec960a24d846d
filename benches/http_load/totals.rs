//! What the layer has counted, beside what wrk has.

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use crate::app::App;
use crate::wrk::{CONNECTIONS, THREADS, ask_for_totals};

/// How often each of wrk's threads asks for what is answered.
const QUOTA: u64 = 20_000;

/// For how long wrk runs: long enough for all of them on a slow machine, too.
const TIME: Duration = Duration::from_secs(8);

/// Fails unless both have counted the same; says what.
pub(crate) fn check() -> Result<String, Box<dyn Error>> {
    let app = App::measured()?;
    let asked = ask_for_totals(app.address, TIME, QUOTA)?;

    // The server may take a moment to see that nobody waits any more.
    let start = Instant::now();
    while active(&app) != 0 {
        if start.elapsed() > Duration::from_secs(10) {
            return Err(format!("{} requests are still active", active(&app)).into());
        }
        thread::sleep(Duration::from_millis(1));
    }

    let aborted = count(&app, r#"error_type="aborted""#);
    let all = count(&app, "");
    let (found, lost) = (count(&app, r#"http_route="/orders/{id}""#), count(&app, r#"status_class="4xx""#));
    let series = app.metrics.request_duration_seconds.len();
    let equal = [
        ("sent by wrk, and counted", asked.sent, all),
        ("answers that wrk read, and requests without an error", asked.answers, all - aborted),
        ("connections that wrk dropped, and aborted requests", CONNECTIONS, aborted),
        ("orders asked for, and requests of their route", THREADS * QUOTA / 2, found),
        ("other paths asked for, and requests without a route", THREADS * QUOTA / 2, lost),
        ("kinds of requests, and series", 3, series as u64),
    ];
    for (what, wrk, layer) in equal {
        if wrk != layer {
            return Err(format!("{what}: {wrk} and {layer}").into());
        }
    }
    Ok(format!(
        "wrk sent {all} requests, read {} answers and dropped {aborted} connections that waited for one; so counted the \
         layer, in {series} series, {lost} of different paths that there are not in one of them",
        asked.answers
    ))
}

fn active(app: &App) -> i64 {
    app.metrics.active_requests.series().map(|series| series.get()).sum()
}

/// How many requests were counted whose labels have this text.
fn count(app: &App, text: &str) -> u64 {
    let series = app.metrics.request_duration_seconds.series();
    let matching = series.filter(|series| series.labels().as_set().as_prometheus().contains(text));
    matching.map(|series| series.snapshot().count()).sum()
}
