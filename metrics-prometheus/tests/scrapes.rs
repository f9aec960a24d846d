//! What a server tells about its scrapes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::http::{ask, bind, local, send, serving};
use common::{Closure, ROWS_HEAD, Rows, endless, gated, row, told};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use nilometer_core::MetricsRegistry;
use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, LabelSet, MetricType, SeriesLabels, Visitor,
};
use nilometer_prometheus::{
    Format, MetricsBody, MetricsService, PrometheusRenderer, ScrapeStatus, ServerConfig, ServerStats,
};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0";
const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

/// What follows the rows: how many they are.
const SERIES_HEAD: &str = "# HELP nilometer_series Series of each family.\n# TYPE nilometer_series gauge\n\
    nilometer_series{family=\"rows_total\"} ";

/// Two rows, and then what `end` returns.
fn rows(end: fn() -> Result<(), CollectError>) -> Rows<fn() -> Result<(), CollectError>> {
    Rows { series: 2, end }
}

/// More than a buffer of rows, and then what `end` returns.
fn many(end: fn() -> Result<(), CollectError>) -> Rows<fn() -> Result<(), CollectError>> {
    Rows { series: 15_000, end }
}

fn failing() -> Result<(), CollectError> {
    Err(CollectError::failed("no source"))
}

async fn get<C: Collector + 'static>(
    service: &MetricsService<C>,
    method: Method,
    (path, accept): (&str, &str),
) -> Response<MetricsBody> {
    let request = Request::builder().method(method).uri(path).header("accept", accept);
    service.clone().oneshot(request.body(()).unwrap()).await.unwrap()
}

/// A scrape on a task of its own.
fn asked<C: Collector + 'static>(service: &MetricsService<C>) -> JoinHandle<Response<MetricsBody>> {
    let service = service.clone();
    tokio::spawn(async move { get(&service, Method::GET, ("/metrics", "")).await })
}

async fn page<C: Collector + 'static>(service: &MetricsService<C>, accept: &str) -> String {
    let response = get(service, Method::GET, ("/metrics", accept)).await;
    String::from_utf8_lossy(&response.into_body().collect().await.unwrap().to_bytes()).into_owned()
}

/// How many scrapes ended in each way: complete, failed, busy, broken off, abandoned.
fn ends(stats: &ServerStats) -> [u64; 5] {
    use ScrapeStatus::{Abandoned, BrokenOff, Busy, Complete, Failed};
    [Complete, Failed, Busy, BrokenOff, Abandoned].map(|status| stats.scrapes(status))
}

/// Waits until something holds that others bring about.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("{what}"));
}

/// The lines of a page that begin so.
fn lines<'a>(page: &'a str, start: &str) -> Vec<&'a str> {
    page.lines().filter(|line| line.starts_with(start)).collect()
}

#[tokio::test]
async fn a_format_is_on_the_page_from_its_first_scrape_on_with_zeros() {
    let service = MetricsService::new(rows(|| Ok(())));
    assert!(!PrometheusRenderer::render_all(&service.stats()).contains("nilometer_server_scrape"));
    let first = page(&service, "").await;
    assert!(first.starts_with(&format!(
        "{ROWS_HEAD}{}{}{SERIES_HEAD}2\n# HELP nilometer_server_",
        row(0),
        row(1)
    )));
    let scrapes = |format: &str, complete: u64| {
        [("complete", complete), ("failed", 0), ("busy", 0), ("broken_off", 0), ("abandoned", 0)].map(
            |(status, number)| {
                format!("nilometer_server_scrapes_total{{format=\"{format}\",status=\"{status}\"}} {number}")
            },
        )
    };
    assert_eq!(lines(&first, "nilometer_server_scrapes_total"), scrapes("text", 0));
    assert_eq!(
        lines(&first, "nilometer_server_scrape_size_bytes_count"),
        ["nilometer_server_scrape_size_bytes_count{format=\"text\"} 0"]
    );

    for accept in [OPEN_METRICS, "text/plain;version=1.0.0", PROTOBUF, OPEN_METRICS] {
        page(&service, accept).await;
    }
    let last = page(&service, "").await;
    let all = [("text", 1), ("text-1.0.0", 1), ("openmetrics", 2), ("protobuf", 1)];
    assert_eq!(
        lines(&last, "nilometer_server_scrapes_total"),
        all.map(|(format, complete)| scrapes(format, complete)).concat()
    );
    assert_eq!(
        lines(&last, "nilometer_server_scrape_duration_seconds_count"),
        all.map(|(format, complete)| {
            format!("nilometer_server_scrape_duration_seconds_count{{format=\"{format}\"}} {complete}")
        })
    );
    let stats = service.stats();
    assert_eq!(stats.scrapes_in(Format::OpenMetrics, ScrapeStatus::Complete), 2);
    assert_eq!(ends(&stats), [6, 0, 0, 0, 0]);
}

#[tokio::test]
async fn sizes_are_those_of_what_was_sent() {
    for (series, coding) in [(2, ""), (2, "gzip"), (5_000, ""), (5_000, "gzip")] {
        let service = MetricsService::new(Rows { series, end: || Ok(()) });
        let mut sent = 0;
        for _ in 0..2 {
            let request = Request::get("/metrics").header("accept-encoding", coding).body(()).unwrap();
            let response = service.clone().oneshot(request).await.unwrap();
            assert_eq!(response.headers().contains_key("content-encoding"), !coding.is_empty());
            sent += response.into_body().collect().await.unwrap().to_bytes().len();
        }
        let own = PrometheusRenderer::render_all(&service.stats());
        let sum = format!("nilometer_server_scrape_size_bytes_sum{{format=\"text\"}} {sent}");
        assert_eq!(lines(&own, "nilometer_server_scrape_size_bytes_sum"), [sum]);
        assert_eq!(
            lines(&own, "nilometer_server_scrape_size_bytes_count"),
            ["nilometer_server_scrape_size_bytes_count{format=\"text\"} 2"]
        );
    }
}

#[tokio::test]
async fn durations_are_from_the_request_to_the_last_piece() {
    let (collector, gate, waits) = gated();
    let service = MetricsService::new(collector);
    let answer = asked(&service);
    drop(told(waits).await);
    let waited = Duration::from_millis(30);
    tokio::time::sleep(waited).await;
    gate.open();
    let body = answer.await.unwrap().into_body();
    tokio::time::sleep(waited).await;
    body.collect().await.unwrap();
    let own = PrometheusRenderer::render_all(&service.stats());
    let sum = lines(&own, "nilometer_server_scrape_duration_seconds_sum")[0];
    let seconds = sum.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
    assert!((2.0 * waited.as_secs_f64()..20.0).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn a_scrape_that_fails_before_its_page_is_none_that_broke_off() {
    for end in [failing, || panic!("in a test")] {
        let service = MetricsService::new(rows(end));
        assert_eq!(get(&service, Method::GET, ("/metrics", "")).await.status(), 500);
        assert_eq!(ends(&service.stats()), [0, 1, 0, 0, 0]);
        let own = PrometheusRenderer::render_all(&service.stats());
        assert!(own.contains("\nnilometer_server_scrape_duration_seconds_count{format=\"text\"} 0\n"));
    }
}

#[tokio::test]
async fn a_page_that_breaks_off_is_no_success() {
    for end in [failing, || panic!("in a test")] {
        for version in [http::Version::HTTP_11, http::Version::HTTP_10] {
            let service = MetricsService::new(many(end));
            let request = Request::get("/metrics").version(version).body(()).unwrap();
            let response = service.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            let ended = response.into_body().collect().await;
            assert_eq!(ended.is_err(), version == http::Version::HTTP_11);
            assert_eq!(ends(&service.stats()), [0, 0, 0, 1, 0]);
            assert_eq!(service.stats().responses(200), 1);
            let own = PrometheusRenderer::render_all(&service.stats());
            assert!(own.contains("\nnilometer_server_scrape_size_bytes_count{format=\"text\"} 0\n"));
        }
    }
}

#[tokio::test]
async fn a_scrape_that_a_reader_stalls_breaks_off() {
    let (collector, stopped) = endless();
    let config = ServerConfig::new().with_stall_timeout(Duration::from_millis(20));
    let service = MetricsService::try_new(collector, &config).unwrap();
    let response = get(&service, Method::GET, ("/metrics", "")).await;
    drop(told(stopped).await);
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(ends(&service.stats()), [0, 0, 0, 1, 0]);
}

#[tokio::test]
async fn a_page_whose_reader_is_cut_off_for_its_slowness_breaks_off() {
    let hour = Duration::from_hours(1);
    let short = Duration::from_millis(50);
    for config in [
        local().with_stall_timeout(short).with_response_timeout(hour),
        local().with_stall_timeout(hour).with_response_timeout(short),
    ] {
        let (collector, _stopped) = endless();
        let server = bind(collector, config).await;
        let (address, stats) = (server.local_addr(), server.stats());
        let _running = tokio::spawn(server.serve());
        let mute = send(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        until("the page breaks off", || ends(&stats) == [0, 0, 0, 1, 0]).await;
        drop(mute);
    }
}

#[tokio::test]
async fn a_page_whose_reader_gives_no_room_for_its_end_is_not_complete() {
    // A page in one piece, of which a part goes out.
    let page = Rows { series: 900, end: || Ok(()) };
    let server = bind(page, local().with_response_timeout(Duration::from_millis(300))).await;
    let (address, stats) = (server.local_addr(), server.stats());
    let _running = tokio::spawn(server.serve());
    let stream = TcpStream::connect(address).await.unwrap();
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(1);
    let (mut sender, connection) =
        builder.handshake::<_, Empty<&'static [u8]>>(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get(format!("http://{address}/metrics")).body(Empty::new()).unwrap();
    let unread = sender.send_request(request).await.unwrap();
    until("the scrape is over", || ends(&stats) != [0; 5]).await;
    assert_eq!(ends(&stats), [0, 0, 0, 1, 0]);
    drop(unread);
}

#[tokio::test]
async fn a_scrape_that_the_server_gives_up_before_there_is_a_page_is_not_its_readers_doing() {
    let (collector, gate, waits) = gated();
    let server = bind(collector, local().with_response_timeout(Duration::from_millis(50))).await;
    let (address, stats) = (server.local_addr(), server.stats());
    let _running = tokio::spawn(server.serve());
    let waiting = send(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
    until("the scrape is over", || ends(&stats) != [0; 5]).await;
    assert_eq!(ends(&stats), [0, 0, 0, 1, 0]);
    assert_eq!(stats.timed_out(), 1);
    gate.open();
    drop((waiting, waits));
}

#[tokio::test]
async fn a_scrape_whose_reader_goes_away_is_abandoned() {
    // In mid-page.
    let (collector, stopped) = endless();
    let server = bind(collector, local()).await;
    let (address, stats) = (server.local_addr(), server.stats());
    let _running = tokio::spawn(server.serve());
    let mut stream = send(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
    stream.read_exact(&mut vec![0; 1 << 20]).await.unwrap();
    drop(stream);
    until("the scrape is abandoned", || ends(&stats) == [0, 0, 0, 0, 1]).await;
    drop(told(stopped).await);

    // Before there is a page.
    let (collector, gate, waits) = gated();
    let service = MetricsService::new(collector);
    let answer = asked(&service);
    drop(told(waits).await);
    answer.abort();
    assert!(answer.await.unwrap_err().is_cancelled());
    assert_eq!(ends(&service.stats()), [0, 0, 0, 0, 1]);
    gate.open();

    // With a page that nobody reads.
    let service = MetricsService::new(rows(|| Ok(())));
    drop(get(&service, Method::GET, ("/metrics", "")).await);
    assert_eq!(ends(&service.stats()), [0, 0, 0, 0, 1]);
}

#[tokio::test]
async fn scrapes_without_room_are_busy() {
    for config in [local().with_scrape_limit(1), local().with_request_limit(1)] {
        let (collector, gate, waits) = gated();
        let service = MetricsService::try_new(collector, &config).unwrap();
        let first = asked(&service);
        drop(told(waits).await);
        assert_eq!(get(&service, Method::GET, ("/metrics", OPEN_METRICS)).await.status(), 503);
        assert_eq!(ends(&service.stats()), [0, 0, 1, 0, 0]);
        assert_eq!(service.stats().scrapes_in(Format::OpenMetrics, ScrapeStatus::Busy), 1);
        gate.open();
        first.await.unwrap().into_body().collect().await.unwrap();
        assert_eq!(ends(&service.stats()), [1, 0, 1, 0, 0]);
    }
}

#[tokio::test]
async fn an_empty_page_is_complete() {
    let server = bind(rows(|| Ok(())), local()).await;
    let (address, stats) = (server.local_addr(), server.stats());
    let _running = tokio::spawn(server.serve());
    assert_eq!(ask(address, "GET", "/metrics?name[]=none").await.1, "");
    assert_eq!(ends(&stats), [1, 0, 0, 0, 0]);
}

#[tokio::test]
async fn what_is_no_scrape_is_counted_as_none() {
    let service = MetricsService::new(many(|| Ok(())));
    for (method, path, status) in [
        (Method::HEAD, "/metrics", 200),
        (Method::GET, "/health", 200),
        (Method::GET, "/nowhere", 404),
        (Method::POST, "/metrics", 405),
        (Method::GET, "/metrics?name[]=%", 400),
    ] {
        let response = get(&service, method, (path, "")).await;
        assert_eq!(response.status(), status, "{path}");
        drop(response.into_body().collect().await.unwrap());
    }
    assert_eq!(ends(&service.stats()), [0; 5]);
    assert!(!PrometheusRenderer::render_all(&service.stats()).contains("nilometer_server_scrape"));
}

#[tokio::test]
async fn own_metrics_can_be_turned_off() {
    let page = page(&serving(rows(|| Ok(()))), "").await;
    assert_eq!(page, format!("{ROWS_HEAD}{}{}", row(0), row(1)));
}

/// How many scrapes a page of text tells about, and how many families it says that of.
fn complete(page: &str) -> (Vec<&str>, usize) {
    let of_status = "nilometer_server_scrapes_total{format=\"text\",status=\"complete\"} ";
    let numbers = lines(page, of_status).into_iter().filter_map(|line| line.rsplit(' ').next()).collect();
    (numbers, lines(page, "# TYPE nilometer_server_scrapes_total").len())
}

#[tokio::test]
async fn servers_of_one_registry_each_tell_about_themselves() {
    let registry = MetricsRegistry::new();
    let [one, other] = [0; 2].map(|_| MetricsService::new(registry.clone()));
    for _ in 0..3 {
        page(&one, "").await;
    }
    assert_eq!(complete(&page(&other, "").await), (vec!["0"], 1));
    assert_eq!(complete(&page(&one, "").await), (vec!["3"], 1));
}

#[tokio::test]
async fn what_a_registry_shows_of_a_server_is_on_every_page_once() {
    let registry = Arc::new(MetricsRegistry::new());
    let [one, other] = [0; 2].map(|_| MetricsService::new(Arc::clone(&registry)));
    registry.register_collector("server", one.stats()).unwrap();
    page(&one, "").await;
    assert_eq!(complete(&page(&one, "").await), (vec!["1"], 1));
    let page_of_other = page(&other, "").await;
    assert_eq!(complete(&page_of_other), (vec!["2"], 1), "that of the server that is registered");
    let types = lines(&page_of_other, "# TYPE ");
    let mut unique = types.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(types.len(), unique.len(), "{page_of_other}");
    assert_eq!(types.len(), 7);
}

#[tokio::test]
async fn a_family_of_the_users_keeps_its_name_and_the_others_stay() {
    let service = MetricsService::new(Closure(|visitor: &mut dyn Visitor| {
        let name = "nilometer_server_connections_total";
        visitor.family(&Descriptor::try_new(name, "Mine.", MetricType::Counter)?)?;
        Ok(visitor.point(SeriesLabels::of(&LabelSet::empty()), CounterPoint::new(77_u64).into())?)
    }));
    let page = page(&service, "").await;
    assert_eq!(lines(&page, "nilometer_server_connections_total"), ["nilometer_server_connections_total 77"]);
    assert_eq!(lines(&page, "# TYPE nilometer_server_").len(), 7);
}

#[tokio::test]
async fn counters_and_histograms_say_when_they_began() {
    let config = ServerConfig::new().with_created_lines(true);
    let service = MetricsService::try_new(rows(|| Ok(())), &config).unwrap();
    let page = page(&service, OPEN_METRICS).await;
    for start in [
        "nilometer_server_responses_created{status=\"200\"} ",
        "nilometer_server_connections_created ",
        "nilometer_server_scrapes_created{format=\"openmetrics\",status=\"complete\"} ",
        "nilometer_server_scrape_duration_seconds_created{format=\"openmetrics\"} ",
        "nilometer_server_scrape_size_bytes_created{format=\"openmetrics\"} ",
    ] {
        let line = lines(&page, start);
        let created = line[0].rsplit(' ').next().unwrap().parse::<f64>().unwrap();
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
        assert!((now - 20.0..=now).contains(&created), "{line:?}");
    }
}
