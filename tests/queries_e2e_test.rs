//! End to end: a Prometheus of each release answers every query and every alert of the documentation, over metrics that have
//! been recorded.
//!
//! `.ci/peers` fetches what these tests need, and `.ci/run` runs them. Where it is missing they fail.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::collections::BTreeSet;
use std::fs;
use std::future::{pending, ready};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use nilometer::application::{ProcessorMetrics, StateMetrics, WindowMetrics};
use nilometer::http::{HttpServerLayer, HttpServerMetrics, RequestBody, Route};
use nilometer::kafka::{
    ClientStatistics, KafkaMetrics, Outcome, OutcomeLabels, RebalanceKind, RebalanceLabels,
};
use nilometer::process::ProcessCollector;
use nilometer::runtime::{RuntimeCollector, TaskMetrics};
use nilometer::{BuildInfo, MetricsRegistry, MetricsServer, RegistryConfig, ServerConfig};
use nilometer_tests::prometheus::{Release, Setup, wait_for};
use tokio::runtime::{Handle, Runtime};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// A query or an alert, and where it stands.
#[derive(Debug)]
struct Expression {
    place: String,
    text: String,
    is_alert: bool,
}

/// Every file of the crate whose documentation has queries.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The lines of blocks of ` ```promql `, each of which is a query or goes on with one, and what stands behind `expr:` in
/// those of ` ```yaml `.
fn expressions(path: &Path) -> Vec<Expression> {
    let text = fs::read_to_string(path).unwrap();
    let (mut all, mut block) = (Vec::<Expression>::new(), "");
    // How far the expression of an alert is indented that may go on.
    let mut open = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start_matches("//! ").trim_start_matches("/// ");
        let (indent, content) = (line.len() - line.trim_start().len(), line.trim());
        let place = || format!("{}:{}", path.display(), number + 1);
        if let Some(language) = content.strip_prefix("```") {
            block = if block.is_empty() && !language.is_empty() { language } else { "" };
            open = None;
        } else if block == "promql" {
            match all.last_mut() {
                _ if content.is_empty()
                    || content == "//!"
                    || content == "///"
                    || content.starts_with('#') => {}
                Some(last) if indent > 0 => last.text = format!("{} {content}", last.text),
                _ => all.push(Expression { place: place(), text: content.to_owned(), is_alert: false }),
            }
        } else if block == "yaml" {
            if let Some(text) = content.strip_prefix("expr: ") {
                all.push(Expression { place: place(), text: text.to_owned(), is_alert: true });
                open = Some(indent);
            } else if open.is_some_and(|open| indent > open) {
                let last = all.last_mut().unwrap();
                last.text = format!("{} {content}", last.text);
            } else {
                open = None;
            }
        }
    }
    all
}

/// The same without what it takes for an alert to fire: what it compares is there, or the alert never fires.
fn without_comparisons(expression: &str) -> String {
    let mut words = Vec::new();
    let mut rest = expression.split(' ').peekable();
    while let Some(word) = rest.next() {
        let is_number = |word: &&str| word.trim_end_matches(')').parse::<f64>().is_ok();
        match word {
            ">" | "<" | "==" | ">=" | "<=" if rest.peek().is_some_and(is_number) => {
                let number = rest.next().unwrap_or_default();
                // Of `(x > 0)`, the parenthesis stays; of `x > 0.5 * y`, the factor.
                let parentheses = &number[number.trim_end_matches(')').len()..];
                words.extend(Some(parentheses).filter(|some| !some.is_empty()));
                if rest.peek() == Some(&"*") {
                    rest.next();
                    words.push("and");
                }
            }
            "unless" => words.push("and"),
            _ => words.push(word),
        }
    }
    words.join(" ")
}

/// Records into every set, over and over.
struct Recorder {
    processors: Vec<ProcessorMetrics>,
    states: Vec<StateMetrics>,
    windows: WindowMetrics,
    kafka: KafkaMetrics,
    client: ClientStatistics,
    http: HttpServerMetrics,
    tasks: TaskMetrics,
    registry: MetricsRegistry,
}

/// A report of librdkafka's with one broker and one partition; the numbers grow from report to report.
fn report(turn: u64) -> String {
    let (count, lag) = (turn * 10, 1000 - turn.min(900));
    format!(
        r#"{{ "name": "billing#consumer-1", "client_id": "billing", "type": "consumer",
        "brokers": {{ "localhost:9092/2": {{ "name": "localhost:9092/2", "nodeid": 2, "state": "UP", "source": "learned",
            "tx": {count}, "rx": {count}, "rtt": {{ "min": 1, "max": 9, "avg": 5, "sum": {count}000, "cnt": {count} }} }} }},
        "topics": {{ "test": {{ "topic": "test", "partitions": {{
            "1": {{ "partition": 1, "desired": true, "committed_offset": {count}, "hi_offset": 5000, "consumer_lag": {lag} }} }} }} }},
        "cgrp": {{ "rebalance_cnt": 3, "assignment_size": 1 }} }}"#
    )
}

impl Recorder {
    fn new() -> Recorder {
        let registry = MetricsRegistry::with_config(RegistryConfig::new().with_series_limit(1000));
        registry.register_collector("process", ProcessCollector::new()).unwrap();
        registry.register_collector("tokio", RuntimeCollector::new(&Handle::current())).unwrap();
        BuildInfo::new("shop", "1.4.2").with_rustc("").register(&registry).unwrap();
        let stages = ["read", "join"].map(|stage| [("stage", stage)]);
        let kafka = KafkaMetrics::new(&registry).unwrap();
        Recorder {
            processors: stages
                .map(|stage| ProcessorMetrics::register_with(&registry, &stage).unwrap())
                .into(),
            states: stages.map(|stage| StateMetrics::register_with(&registry, &stage).unwrap()).into(),
            windows: WindowMetrics::new(&registry).unwrap(),
            client: ClientStatistics::new(&kafka),
            kafka,
            http: HttpServerMetrics::new(&registry).unwrap(),
            tasks: TaskMetrics::register_with(&registry, &[("task", "reader")]).unwrap(),
            registry,
        }
    }

    async fn turn(&self, turn: u64) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        for processor in &self.processors {
            processor.events_received_total.inc_by(10);
            processor.events_processed_total.inc_by(8);
            processor.events_emitted_total.inc_by(8);
            processor.events_dropped_total.get_or_create(&[("reason", "late")]).inc_by(2);
            processor.errors_total.get_or_create(&[("kind", "parse")]).inc();
            processor.processing_duration_ms.observe(1.5);
            processor.batch_events.observe(10.0);
            processor.events_in_flight.set(1.0);
            processor.last_event_timestamp_seconds.set(now);
        }
        for state in &self.states {
            state.hits_total.inc();
            state.misses_total.inc_by(2);
            state.insertions_total.inc_by(2);
            state.evictions_total.inc_by(2);
            state.entries.set(2.0);
            state.size_bytes.set(100.0);
            state.checkpoint_duration_seconds.observe(0.5);
            state.checkpoint_size_bytes.observe(1e6);
            state.checkpoint_failures_total.get_or_create(&[("reason", "disk")]).inc();
            state.last_checkpoint_timestamp_seconds.set(now);
        }
        self.windows.opened_total.inc();
        self.windows.closed_total.inc();
        self.windows.open.set(1.0);
        self.windows.missed_events_total.inc();
        self.windows.late_events_total.inc();
        self.windows.event_lateness_seconds.observe(5.0);
        self.windows.watermark_timestamp_seconds.set(now);
        self.windows.watermark_lag_seconds.set(1.0);
        self.windows.dropped_total.get_or_create(&[("reason", "memory")]).inc();

        self.client.record(report(turn).as_bytes()).unwrap();
        self.kafka.calls.poll_interval_seconds.observe(0.1);
        let failed = OutcomeLabels { outcome: Outcome::Failed };
        self.kafka.calls.commits_total.get_or_create(&failed).inc();
        self.kafka.callbacks.commit_callbacks_total.get_or_create(&failed).inc();
        self.kafka.callbacks.assigned_partitions.get_or_create(&[("topic", "test")]).set(1.0);
        let revoke = RebalanceLabels { kind: RebalanceKind::Revoke };
        self.kafka.callbacks.rebalances_total.get_or_create(&revoke).inc();

        for path in ["/orders", "/broken", "/slow"] {
            self.ask(path).await;
        }
        // It says nothing of it, unlike `panic!`.
        let panics = async { std::panic::resume_unwind(Box::new("on purpose")) };
        let _: Result<(), _> = tokio::spawn(self.tasks.instrument(panics)).await;

        // What the cookbook has.
        let counter = |name: &str| self.registry.register_counter(name, "Of the cookbook.").unwrap();
        counter("requests_total").default().inc_by(10);
        counter("errors_total").default().inc();
        let waits = self.registry.register_histogram("wait_seconds", "Waiting.", &[0.1, 0.3, 1.0]).unwrap();
        waits.default().observe(if turn.is_multiple_of(2) { 0.2 } else { 0.5 });
        let family = self.registry.family::<nilometer::Counter>("users_total", "One for each.");
        let users = family.with_series_limit(1).register().unwrap();
        for user in ["a", "b"] {
            users.get_or_create(&[("user", user)]).inc();
        }
    }

    /// Sends a request through the layer; that for `/slow` goes away before there is an answer.
    async fn ask(&self, path: &'static str) {
        let service = service_fn(move |request: Request<RequestBody<Full<Bytes>>>| async move {
            match request.uri().path() {
                "/slow" => pending().await,
                "/broken" => ready(Ok::<_, std::io::Error>(answer(StatusCode::INTERNAL_SERVER_ERROR))).await,
                _ => ready(Ok(answer(StatusCode::OK))).await,
            }
        });
        let layer = HttpServerLayer::new(self.http.clone())
            .with_routes(move |_: &http::request::Parts| Route::from(path));
        let request = Request::get(path).body(Full::new(Bytes::new())).unwrap();
        let asked =
            tokio::time::timeout(Duration::from_millis(10), layer.layer(service).oneshot(request)).await;
        if let Ok(response) = asked {
            drop(response.unwrap().into_body().collect().await);
        }
    }
}

/// Serves a page, and says where.
async fn serve(registry: &MetricsRegistry) -> String {
    let config = ServerConfig::new().with_host("127.0.0.1").with_port(0);
    let server = MetricsServer::new(registry.clone(), config).bind().await.unwrap();
    let target = server.local_addr().to_string();
    tokio::spawn(server.serve());
    target
}

fn answer(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"an order")));
    *response.status_mut() = status;
    response
}

#[test]
fn comparisons_are_taken_out_of_alerts() {
    for (alert, rest) in [
        ("time() - (x > 0) > 4e9", "time() - (x )"),
        ("sum(a) > 0 unless sum(b) >= 0", "sum(a) and sum(b)"),
        ("a > 0.5 * b and c > d", "a and b and c > d"),
    ] {
        assert_eq!(without_comparisons(alert), rest);
    }
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn a_prometheus_of_each_release_answers_every_query_and_alert_of_the_documentation() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../metrics-app/src");
    let all: Vec<Expression> = files(&sources).iter().flat_map(|path| expressions(path)).collect();
    let pages: BTreeSet<&str> = all.iter().map(|one| one.place.rsplit_once(':').unwrap().0).collect();
    assert!(all.len() > 60 && pages.len() >= 10, "{} in {pages:?}", all.len());

    let runtime = Runtime::new().unwrap();
    let is_done = Arc::new(AtomicBool::new(false));
    let targets = runtime.block_on(async {
        let recorder = Recorder::new();
        // The version that is being replaced, elsewhere.
        let old = MetricsRegistry::new();
        BuildInfo::new("shop", "1.4.1").with_rustc("").register(&old).unwrap();
        let targets = [serve(&recorder.registry).await, serve(&old).await];
        let is_done = Arc::clone(&is_done);
        tokio::spawn(async move {
            for turn in 1.. {
                recorder.turn(turn).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
                if is_done.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        targets
    });
    for release in [Release::Two, Release::Three] {
        let prometheus = Setup::of(release).start(&targets);
        wait_for("four scrapes", || {
            let scrapes = prometheus.query("min(sum_over_time(up[1m]))");
            scrapes.first().filter(|scrapes| scrapes.values[0] >= 4.0).map(drop)
        });
        assert_eq!(prometheus.scrape_errors(), ["", ""]);
        let mut without_answer = Vec::new();
        for Expression { place, text, is_alert } in &all {
            let text = if *is_alert {
                // As it is, it can be evaluated, whatever comes of it.
                drop(prometheus.query(text));
                without_comparisons(text)
            } else {
                text.clone()
            };
            if prometheus.query(&text).is_empty() {
                without_answer.push(format!("{place}: {text}"));
            }
        }
        assert!(without_answer.is_empty(), "{release:?} knows nothing of {without_answer:#?}");
    }
    is_done.store(true, Ordering::Relaxed);
}
