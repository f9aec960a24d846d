//! One call, with everything that it starts: a page that is scraped, receivers that are there, away, or silent, and ends
//! of every kind.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nilometer::otel::Protocol;
use nilometer::{
    BuildInfo, MetricsRegistry, Observability, ObservabilityConfig, ObservabilityError, PartError, global,
};
use nilometer_tests::otlp_server::{Answer, OtlpServer};
use nilometer_tests::page::Page;
use opentelemetry::trace::{Span, Tracer, TracerProvider};
use tokio::runtime::Builder;

/// How long anything may take before a test gives up on it.
const LONG: Duration = Duration::from_secs(30);

/// How much later than its deadline an end may come on a machine that does other things, too: less than another part
/// would take that came after the first.
const GRACE: Duration = Duration::from_millis(1_500);

/// A deadline that passes. Of an end, what is sent has all but a second.
const DEADLINE: Duration = Duration::from_secs(4);

/// Takes every request of HTTP and answers 200, for as long as the process runs: spans are what is sent here.
struct Sink {
    address: SocketAddr,
    paths: Arc<Mutex<Vec<String>>>,
}

impl Sink {
    fn start() -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, paths) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let taken = Arc::clone(&paths);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let taken = Arc::clone(&taken);
                thread::spawn(move || while Sink::answer(&stream, &taken).is_some() {});
            }
        });
        Sink { address, paths }
    }

    /// One request; none where the connection has ended.
    fn answer(mut stream: &TcpStream, taken: &Mutex<Vec<String>>) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        reader.read_line(&mut line).ok().filter(|&read| read > 0)?;
        let path = line.split(' ').nth(1)?.to_owned();
        loop {
            line.clear();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            }
        }
        reader.read_exact(&mut vec![0; length]).ok()?;
        taken.lock().unwrap().push(path);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()
    }

    fn endpoint(&self) -> String {
        format!("http://{}/v1/traces", self.address)
    }

    fn paths(&self) -> Vec<String> {
        self.paths.lock().unwrap().clone()
    }
}

/// The service with a page on a free port.
fn config() -> ObservabilityConfig {
    ObservabilityConfig::new("checkout").with_prometheus_address("127.0.0.1", 0)
}

/// The same, sending to both; what is exported is exported on demand.
fn sending(server: &OtlpServer, sink: &Sink) -> ObservabilityConfig {
    let metrics = format!("{}/v1/metrics", server.endpoint());
    config()
        .with("otlp.metrics.endpoint", &metrics)
        .and_then(|config| config.with("otlp.metrics.interval", "1d"))
        .and_then(|config| config.with("otlp.traces.endpoint", &sink.endpoint()))
        .unwrap()
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A receiver that takes connections and says nothing. It is there until this is dropped.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    (listener, endpoint)
}

fn scrape(address: SocketAddr) -> Page {
    let text =
        ureq::get(format!("http://{address}/metrics")).call().unwrap().body_mut().read_to_string().unwrap();
    Page::parse(&text).unwrap_or_else(|error| unreachable!("{error}\n{text}"))
}

/// Asks until there is an answer.
fn until<T>(what: &str, mut question: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(start.elapsed() < LONG, "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}

fn is_listening(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

/// Counts an order and makes a span of it.
fn work(observability: &Observability) {
    observability.registry().register_counter("orders_total", "Orders.").unwrap().default().inc();
    observability.tracer("orders").in_span("place", |_| ());
}

/// An error and what is behind it.
fn explained(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line} <- {error}");
        cause = error.source();
    }
    line
}

#[test]
fn the_page_has_what_was_recorded_and_what_was_asked_for() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let build = BuildInfo::new("checkout", "1.4.2").with_rustc("").with_revision("0f3a9c1");
    let config = config().with_build_info(build).with_constant_label("region", "eu");
    let observability = runtime.block_on(async { Observability::init(config) }).unwrap();
    work(&observability);
    let page = scrape(observability.local_addr().unwrap());
    let region = ("region", "eu");
    assert_eq!(page.value("orders_total", &[region]), Some(1.0));
    let build = [("name", "checkout"), region, ("revision", "0f3a9c1"), ("version", "1.4.2")];
    assert_eq!(page.value("build_info", &build), Some(1.0));
    assert_eq!(page.value("tokio_workers", &[region]), Some(2.0));
    let cpu = page.value("process_cpu_seconds_total", &[region]).unwrap();
    assert!(cpu > 0.0, "{cpu}");
    // Nothing is sent, and nothing is told of sending.
    assert!(page.family("nilometer_otlp_requests_total").is_none());
    assert!(page.family("nilometer_otel_spans_ended_total").is_none());
    assert!(!observability.sends_metrics() && !observability.sends_traces());

    let off = self::config().with_process(false).with_tokio(false);
    let observability = runtime.block_on(async { Observability::init(off) }).unwrap();
    let page = scrape(observability.local_addr().unwrap());
    assert!(page.family("process_cpu_seconds_total").is_none() && page.family("tokio_workers").is_none());
}

#[test]
fn a_runtime_that_is_given_is_shown_without_being_inside_of_it() {
    let runtime = Builder::new_multi_thread().worker_threads(3).build().unwrap();
    let observability = Observability::init(config().with_runtime(runtime.handle().clone())).unwrap();
    assert_eq!(scrape(observability.local_addr().unwrap()).value("tokio_workers", &[]), Some(3.0));

    let error = Observability::init(config().with_tokio(true)).unwrap_err();
    assert!(matches!(error, ObservabilityError::NoRuntime { .. }));
    assert_eq!(
        error.to_string(),
        "the program: `tokio.enabled` is `true`, and there is no tokio runtime here"
    );
}

/// A way to flush, to end, and to end where that fails.
type Flush = fn(&Observability);
type Ending = fn(Observability);
type End = fn(Observability) -> Result<(), nilometer::ObservabilityFlushError>;

fn inside<T>(builder: &mut Builder, work: impl Future<Output = T>) -> T {
    builder.enable_all().build().unwrap().block_on(work)
}

const ENDS: [(&str, End); 6] = [
    ("no runtime", |observability| observability.shutdown_blocking(LONG)),
    ("current thread", |observability| {
        inside(&mut Builder::new_current_thread(), observability.shutdown(LONG))
    }),
    ("current thread, blocking", |observability| {
        inside(&mut Builder::new_current_thread(), async { observability.shutdown_blocking(LONG) })
    }),
    ("multi thread", |observability| {
        inside(&mut Builder::new_multi_thread(), async {
            tokio::spawn(observability.shutdown(LONG)).await.unwrap()
        })
    }),
    ("dropped", |observability| {
        drop(observability);
        Ok(())
    }),
    ("dropped in the only thread", |observability| {
        inside(&mut Builder::new_current_thread(), async { drop(observability) });
        Ok(())
    }),
];

#[test]
fn every_end_delivers_the_last_values_and_the_last_spans_and_leaves_nothing() {
    for (name, end) in ENDS {
        let (server, sink) = (OtlpServer::start(Protocol::Http), Sink::start());
        let start = || Observability::init(sending(&server, &sink)).unwrap();
        let observability = match name {
            "no runtime" | "dropped" => start(),
            "multi thread" => inside(&mut Builder::new_multi_thread(), async { start() }),
            _ => inside(&mut Builder::new_current_thread(), async { start() }),
        };
        let address = observability.local_addr().unwrap();
        // What is exported at the start is not what is waited for.
        let _ = server.wait_for(1);
        work(&observability);
        end(observability).unwrap();
        assert_eq!(server.model().count("orders_total", &[]), Some(1.0), "{name}");
        assert_eq!(sink.paths(), ["/v1/traces"], "{name}");
        assert!(!is_listening(address), "{name}");
    }
}

#[test]
fn a_deadline_may_be_as_long_as_there_is() {
    let (server, sink) = (OtlpServer::start(Protocol::Http), Sink::start());
    let observability = Observability::init(sending(&server, &sink)).unwrap();
    work(&observability);
    observability.flush_blocking(Duration::MAX).unwrap();
    work(&observability);
    inside(&mut Builder::new_current_thread(), observability.shutdown(Duration::MAX)).unwrap();
    assert_eq!(server.model().count("orders_total", &[]), Some(2.0));
}

#[test]
fn a_start_that_fails_in_the_only_thread_of_a_runtime_ends_what_was_started() {
    let (page, sink) = (nobody(), Sink::start());
    let config = config()
        .with_prometheus_address("127.0.0.1", page.port())
        .with("otlp.traces.endpoint", &sink.endpoint())
        .and_then(|config| config.with("otlp.metrics.endpoint", "https://collector.example"))
        .and_then(|config| config.with("otlp.metrics.certificate", "no/such/file"))
        .unwrap();
    let told = inside(&mut Builder::new_current_thread(), async { Observability::init(config) });
    let told = told.unwrap_err().to_string();
    assert!(told.starts_with("the program: `otlp.metrics"), "{told}");
    assert!(!is_listening(page));
}

#[test]
fn a_flush_delivers_what_there_is_in_every_runtime() {
    let (server, sink) = (OtlpServer::start(Protocol::Http), Sink::start());
    let observability = Observability::init(sending(&server, &sink)).unwrap();
    let flushes: [(&str, Flush); 4] = [
        ("no runtime", |observability| observability.flush_blocking(LONG).unwrap()),
        ("current thread", |observability| {
            inside(&mut Builder::new_current_thread(), observability.flush(LONG)).unwrap();
        }),
        ("current thread, blocking", |observability| {
            inside(&mut Builder::new_current_thread(), async { observability.flush_blocking(LONG) }).unwrap();
        }),
        ("multi thread", |observability| {
            inside(&mut Builder::new_multi_thread(), observability.flush(LONG)).unwrap();
        }),
    ];
    for (count, (name, flush)) in (1_u32..).zip(flushes) {
        work(&observability);
        flush(&observability);
        assert_eq!(server.model().count("orders_total", &[]), Some(f64::from(count)), "{name}");
        assert_eq!(sink.paths().len(), usize::try_from(count).unwrap(), "{name}");
    }
}

#[test]
fn what_blocks_ends_in_a_task_that_has_had_its_turn() {
    let (server, sink) = (OtlpServer::start(Protocol::Http), Sink::start());
    let ends: [fn(Observability); 3] = [
        drop,
        |observability| observability.shutdown_blocking(LONG).unwrap(),
        |observability| {
            observability.flush_blocking(LONG).unwrap();
            // In another thread, to have seen the flush alone.
            thread::spawn(move || drop(observability)).join().unwrap();
        },
    ];
    for end in ends {
        for config in [config(), sending(&server, &sink)] {
            for mut runtime in [Builder::new_current_thread(), Builder::new_multi_thread()] {
                let observability = Observability::init(config.clone()).unwrap();
                let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
                let ending = async move {
                    work(&observability);
                    while tokio::task::coop::has_budget_remaining() {
                        tokio::task::consume_budget().await;
                    }
                    end(observability);
                };
                let (done, is_done) = std::sync::mpsc::channel();
                // A hang is a failure, and not one of the test's own.
                thread::spawn(move || {
                    runtime.block_on(async { tokio::spawn(ending).await.unwrap() });
                    done.send(()).unwrap();
                });
                is_done.recv_timeout(LONG).unwrap();
            }
        }
    }
}

#[test]
fn a_receiver_in_the_only_thread_of_a_runtime_gets_what_is_flushed_there() {
    inside(&mut Builder::new_current_thread(), async {
        let server = OtlpServer::spawned(Protocol::Http);
        let config =
            config().with_otlp_endpoint(server.endpoint()).with("otlp.traces.enabled", "false").unwrap();
        let observability = Observability::init(config).unwrap();
        work(&observability);
        observability.flush(LONG).await.unwrap();
        assert_eq!(server.model().count("orders_total", &[]), Some(1.0));
        // A thread that blocks keeps its receiver from answering, for as long as it blocks and no longer.
        let start = Instant::now();
        observability.flush_blocking(Duration::from_millis(300)).unwrap_err();
        assert!(start.elapsed() < GRACE, "{:?}", start.elapsed());
        observability.shutdown(LONG).await.unwrap();
    });
}

#[test]
fn a_receiver_that_is_away_is_no_error_at_the_start_and_is_seen_on_the_page() {
    let config = config().with_otlp_endpoint(format!("http://{}", nobody()));
    let observability = Observability::init(config).unwrap();
    let address = observability.local_addr().unwrap();
    work(&observability);
    let error = observability.flush_blocking(DEADLINE).unwrap_err();
    assert!(matches!(error.failures(), [PartError::Metrics(_), PartError::Traces(_)]), "{error}");
    assert!(error.to_string().starts_with("metrics: not exported within 4s: `http://127.0.0.1:"), "{error}");
    let unreachable = [("exporter", "otlp"), ("outcome", "unreachable")];
    let failed = until("failures", || {
        let page = scrape(address);
        page.value("nilometer_otel_spans_failed_total", &[]).filter(|&failed| failed > 0.0)?;
        page.value("nilometer_otlp_requests_total", &unreachable).filter(|&failed| failed > 0.0)
    });
    assert!(failed >= 1.0);
    observability.shutdown_blocking(Duration::from_millis(200)).unwrap_err();
    assert!(!is_listening(address));
}

#[test]
fn a_variable_of_opentelemetrys_that_is_malformed_is_no_error_and_is_named_on_the_page() {
    let variables = [
        ("OTEL_METRIC_EXPORT_INTERVAL", "10 s"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://operator:hunter2@collector:x"),
    ];
    let config = config().with_constant_label("region", "eu").with_variables(variables).unwrap();
    let config = config.with("registry.namespace", "shop").unwrap();
    let observability = Observability::init(config).unwrap();
    let page = scrape(observability.local_addr().unwrap());
    let ignored = page.family("nilometer_otel_ignored_variable_info").unwrap();
    assert_eq!(ignored.series.len(), 2, "{ignored:?}");
    for variable in ["OTEL_METRIC_EXPORT_INTERVAL", "OTEL_EXPORTER_OTLP_ENDPOINT"] {
        let labels = [("region", "eu"), ("variable", variable)];
        assert_eq!(page.value("nilometer_otel_ignored_variable_info", &labels), Some(1.0));
    }

    let observability = Observability::init(self::config()).unwrap();
    let page = scrape(observability.local_addr().unwrap());
    assert!(page.family("nilometer_otel_ignored_variable_info").is_none());
}

#[test]
fn an_address_in_use_is_told_with_its_key_and_nothing_is_left() {
    let (server, sink) = (OtlpServer::start(Protocol::Http), Sink::start());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let file = format!("[prometheus]\nhost = '127.0.0.1'\nport = {}", address.port());
    let config = sending(&server, &sink).with_toml_str(&file).unwrap();
    let error = Observability::init(config.clone()).unwrap_err();
    assert_eq!(error.to_string(), format!("line 3: `prometheus.port`: cannot listen on `{address}`"));
    let ObservabilityError::Bind { key: "prometheus.port", source, .. } = &error else {
        unreachable!("{error}")
    };
    assert_eq!(source.kind(), std::io::ErrorKind::AddrInUse);
    assert_eq!((server.attempts(), sink.paths().len()), (0, 0));
    // It can be started when the port is free.
    drop(taken);
    let observability = Observability::init(config).unwrap();
    assert_eq!(observability.local_addr(), Some(address));
}

#[test]
fn what_cannot_be_sent_ends_the_page_that_was_there_already() {
    let page = nobody();
    let local = ObservabilityConfig::new("checkout").with_prometheus_address("127.0.0.1", page.port());
    // Without TLS, the endpoint is at fault; with it, the file.
    let cases = [
        (
            "endpoint = 'https://a.example:4318'\ncertificate = 'no/such/file'",
            "line 2: `otlp.endpoint`",
            "line 3: `otlp.certificate`",
        ),
        (
            "enabled = true\n[otlp.metrics]\nendpoint = 'https://a.example'\ncertificate = 'no/such/file'",
            "line 4: `otlp.metrics.endpoint`",
            "line 5: `otlp.metrics.certificate`",
        ),
    ];
    for (text, endpoint, file) in cases {
        let config = local.clone().with_toml_str(&format!("[otlp]\n{text}")).unwrap();
        let told = explained(&Observability::init(config).unwrap_err());
        let is_off =
            told == format!("{endpoint} needs the feature `tls` of the crate `nilometer`, which is off");
        assert!(is_off || (told.starts_with(file) && told.contains("no/such/file")), "{told}");
        assert!(!is_listening(page), "{text}");
    }
    drop(Observability::init(local).unwrap());
}

#[test]
fn the_end_of_all_parts_comes_by_one_deadline_where_receivers_are_silent() {
    let ((_metrics, metrics), (_traces, traces)) = (silent(), silent());
    let start = || {
        let config = config()
            .with("otlp.metrics.endpoint", &metrics)
            .and_then(|config| config.with("otlp.traces.endpoint", &traces))
            .and_then(|config| config.with_shutdown_timeout(DEADLINE))
            .unwrap();
        let observability = Observability::init(config).unwrap();
        work(&observability);
        observability
    };
    let ends: [(&str, Ending); 4] = [
        ("blocking", |observability| {
            let error = observability.shutdown_blocking(DEADLINE).unwrap_err();
            assert!(matches!(error.failures(), [PartError::Metrics(_), PartError::Traces(_)]), "{error}");
        }),
        ("async", |observability| {
            inside(&mut Builder::new_current_thread(), observability.shutdown(DEADLINE)).unwrap_err();
        }),
        ("dropped", drop),
        ("flushed", |observability| {
            observability.flush_blocking(DEADLINE).unwrap_err();
            // It is to end at once.
            observability.shutdown_blocking(Duration::ZERO).unwrap_err();
        }),
    ];
    for (name, end) in ends {
        let observability = start();
        let address = observability.local_addr().unwrap();
        let begun = Instant::now();
        end(observability);
        let took = begun.elapsed();
        assert!(took < DEADLINE + GRACE, "{name}: {took:?}");
        assert!(!is_listening(address), "{name}");
    }
}

#[test]
fn the_page_is_there_until_what_is_sent_has_ended() {
    let (_receiver, endpoint) = silent();
    let observability = Observability::init(config().with_otlp_endpoint(endpoint)).unwrap();
    work(&observability);
    let address = observability.local_addr().unwrap();
    let ending = thread::spawn(move || observability.shutdown_blocking(DEADLINE));
    // The last export is under way, or has not begun; the page has the last value.
    let page = scrape(address);
    assert_eq!(page.value("orders_total", &[]), Some(1.0));
    ending.join().unwrap().unwrap_err();
    assert!(!is_listening(address));
}

#[test]
fn a_scrape_that_does_not_end_is_cut_by_the_deadline() {
    struct Slow;
    impl nilometer::collect::Collector for Slow {
        fn collect(
            &self,
            _: &mut dyn nilometer::collect::Visitor,
        ) -> Result<(), nilometer::collect::CollectError> {
            thread::sleep(Duration::from_secs(10));
            Ok(())
        }
    }
    let config = config().with("registry.collector_time_limit", "1m").unwrap();
    let observability = Observability::init(config).unwrap();
    drop(observability.registry().register_collector("slow", Slow).unwrap());
    let address = observability.local_addr().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    // The server has taken the connection when it answers another one.
    let health = ureq::get(format!("http://{address}/health")).call().unwrap();
    assert_eq!(health.status(), 200);
    let begun = Instant::now();
    let error = observability.shutdown_blocking(Duration::from_millis(500)).unwrap_err();
    assert!(begun.elapsed() < Duration::from_millis(500) + GRACE, "{:?}", begun.elapsed());
    assert!(matches!(error.failures(), [PartError::Server(_)]), "{error}");
    assert!(error.to_string().starts_with("page: 1 connections were still open "), "{error}");
}

#[test]
fn observations_inside_of_spans_name_them_unless_that_is_switched_off() {
    let sink = Sink::start();
    for (exemplars, expected) in [("true", true), ("false", false)] {
        let config = config()
            .with("otlp.traces.endpoint", &sink.endpoint())
            .and_then(|config| config.with("otlp.traces.exemplars", exemplars))
            .unwrap();
        let observability = Observability::init(config).unwrap();
        let orders = observability.registry().register_counter("orders_total", "Orders.").unwrap().default();
        observability.tracer("orders").in_span("place", |_| orders.inc());
        let address = observability.local_addr().unwrap();
        let request = ureq::get(format!("http://{address}/metrics"));
        let request = request.header("accept", "application/openmetrics-text; version=1.0.0");
        let page = request.call().unwrap().body_mut().read_to_string().unwrap();
        assert_eq!(
            page.contains("\norders_total 1.0 # {") || page.contains("\norders_total 1 # {"),
            expected,
            "{page}"
        );
    }
}

#[test]
fn a_sdk_that_is_disabled_sends_nothing_whatever_else_is_said() {
    let server = OtlpServer::start(Protocol::Http);
    let config = config()
        .with_otlp(true)
        .with_variables([
            ("OTEL_SDK_DISABLED", "true"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &server.endpoint()),
            ("NILOMETER_OTLP_METRICS_ENABLED", "true"),
        ])
        .unwrap();
    let observability = Observability::init(config).unwrap();
    assert!(!observability.sends_metrics() && !observability.sends_traces());
    assert!(!observability.tracer("orders").start("place").is_recording());
    work(&observability);
    observability.shutdown_blocking(LONG).unwrap();
    assert_eq!(server.attempts(), 0);
}

#[test]
fn nothing_is_sent_until_an_endpoint_is_known_or_somebody_says_so() {
    for (variables, metrics, traces) in [
        (vec![], false, false),
        (vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")], true, true),
        (vec![("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://127.0.0.1:9")], true, false),
        (vec![("NILOMETER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:9")], false, true),
        (vec![("NILOMETER_OTLP_ENABLED", "true")], true, true),
        (vec![("NILOMETER_OTLP_TRACES_ENABLED", "true")], false, true),
        (vec![("OTEL_TRACES_EXPORTER", "otlp"), ("OTEL_METRICS_EXPORTER", "none")], false, true),
        (
            vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), ("OTEL_METRICS_EXPORTER", "none")],
            false,
            true,
        ),
        (
            vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), ("NILOMETER_OTLP_ENABLED", "false")],
            false,
            false,
        ),
        (vec![("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], false, false),
    ] {
        let config = config().with_variables(variables.clone()).unwrap();
        let observability = Observability::init(config).unwrap();
        let sends = (observability.sends_metrics(), observability.sends_traces());
        assert_eq!(sends, (metrics, traces), "{variables:?}");
        drop(observability.shutdown_blocking(Duration::from_millis(1)));
    }
}

#[test]
fn what_is_sent_says_whose_it_is_and_has_the_headers() {
    let (server, sink) = (OtlpServer::start(Protocol::Grpc), Sink::start());
    let config = config()
        .with_attribute("team", "a,b")
        .with_otlp_header("x-scope", "shop, eu")
        .with("otlp.metrics.endpoint", &server.endpoint())
        .and_then(|config| config.with("otlp.metrics.protocol", "grpc"))
        .and_then(|config| config.with("otlp.traces.endpoint", &sink.endpoint()))
        .unwrap();
    let observability = Observability::init(config).unwrap();
    let received = server.wait_for(1);
    assert_eq!(received[0].header("x-scope"), Some("shop, eu"));
    let attributes = &received[0].request.resource_metrics[0].resource.as_ref().unwrap().attributes;
    let keys: Vec<&str> = attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    assert_eq!(keys, ["service.name", "team"]);
    observability.shutdown_blocking(LONG).unwrap();
}

/// The one test of this program that has something global.
#[test]
fn what_is_global_is_so_once_and_a_start_that_fails_of_it_leaves_nothing() {
    let (server, sink) = (OtlpServer::start(Protocol::Http), Sink::start());
    let same =
        |registry: &MetricsRegistry| registry.register_counter("orders_total", "Orders.").unwrap().default();
    let observability = Observability::init(sending(&server, &sink).with_global(true)).unwrap();
    same(global()).inc();
    assert_eq!(same(observability.registry()).get(), 1);
    opentelemetry::global::tracer_provider().tracer("orders").in_span("place", |_| ());

    let again = nobody();
    let config = sending(&server, &sink).with_prometheus_address("127.0.0.1", again.port()).with_global(true);
    let error = Observability::init(config).unwrap_err();
    assert!(matches!(error, ObservabilityError::Global(_)), "{error}");
    assert!(!is_listening(again));

    server.otherwise(Answer::Accept);
    observability.shutdown_blocking(LONG).unwrap();
    assert_eq!(sink.paths(), ["/v1/traces"]);
}
