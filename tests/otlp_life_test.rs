//! Exporters that end, and flush, in runtimes of every kind and without any; several of them; and collectors that fail.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nilometer_core::collect::{CollectError, Collector, Visitor};
use nilometer_otel::Protocol;
use nilometer_otel::TemporalityPreference::{Cumulative, Delta};
use nilometer_otel::export::{ExportError, ExportReport, OtlpExporter};
use nilometer_tests::exports::{
    LONG, POINTS, PROTOCOLS, Recorded, assert_count, cases, config, started, value, while_recording,
};
use nilometer_tests::otlp_server::{Answer, OtlpServer, Received};
use tokio::runtime::Builder;

/// The deadline of what is not to succeed.
const SHORT: Duration = Duration::from_millis(300);

/// How long after a deadline an answer may come on a machine that does other things, too.
const GRACE: Duration = Duration::from_secs(5);

type Report = Result<ExportReport, ExportError>;

/// A way to end an exporter.
type End = fn(OtlpExporter, Duration) -> Report;

/// Inside of which runtime, or none, and by which of the two functions.
const ENDS: [(&str, End); 6] = [
    ("no runtime", |exporter, deadline| exporter.shutdown_blocking(deadline)),
    ("no tokio", |exporter, deadline| {
        // A future of no runtime, driven by a thread that has none.
        drive(exporter.shutdown(deadline))
    }),
    ("current thread", |exporter, deadline| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(exporter.shutdown(deadline))
    }),
    ("current thread, blocking", |exporter, deadline| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { exporter.shutdown_blocking(deadline) })
    }),
    ("multi thread", |exporter, deadline| {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async { tokio::spawn(exporter.shutdown(deadline)).await.unwrap() })
    }),
    ("multi thread, blocking", |exporter, deadline| {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            tokio::spawn(async move { exporter.shutdown_blocking(deadline) }).await.unwrap()
        })
    }),
];

/// Waits for a future on this thread.
fn drive<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => return value,
            std::task::Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn a_shutdown_ends_at_its_deadline_where_the_receiver_is_away_or_hangs() {
    for (protocol, temporality) in cases() {
        for hangs in [false, true] {
            for (name, end) in ENDS {
                let server = if hangs { OtlpServer::start(protocol) } else { OtlpServer::stopped(protocol) };
                server.otherwise(Answer::Hang);
                let recorded = Recorded::new();
                let config = config(&server).with_temporality(temporality);
                let exporter = OtlpExporter::start(recorded.registry.clone(), config).unwrap();
                let start = Instant::now();
                let error = end(exporter, SHORT).unwrap_err();
                let took = start.elapsed();
                assert!(took >= SHORT && took < SHORT + GRACE, "{name}: {took:?}");
                let ExportError::Deadline { deadline, cause } = error else { panic!("{name}: {error}") };
                assert_eq!(deadline, SHORT);
                assert!(
                    match cause.as_deref() {
                        Some(ExportError::TimedOut { .. }) => hangs,
                        Some(ExportError::Unreachable { .. }) => !hangs,
                        _ => false,
                    },
                    "{cause:?}"
                );
            }
        }
    }
}

#[test]
fn a_shutdown_delivers_what_was_recorded_before_it() {
    for (protocol, temporality) in cases() {
        for (name, end) in ENDS {
            let server = OtlpServer::start(protocol);
            let recorded = Recorded::new();
            let exporter = started(&recorded, config(&server).with_temporality(temporality));
            recorded.record();
            let report = end(exporter, LONG).unwrap();
            assert_eq!(report.points(), POINTS, "{name}");
            server.model().assert_shows(&recorded.registry);
        }
    }
}

#[test]
fn one_that_is_dropped_delivers_too() {
    for (protocol, temporality) in cases() {
        for builder in [None, Some(Builder::new_current_thread()), Some(Builder::new_multi_thread())] {
            let server = OtlpServer::start(protocol);
            let recorded = Recorded::new();
            let exporter = started(&recorded, config(&server).with_temporality(temporality));
            recorded.record();
            match builder {
                None => drop(exporter),
                Some(mut builder) => {
                    builder.enable_all().build().unwrap().block_on(async { drop(exporter) });
                }
            }
            server.model().assert_shows(&recorded.registry);
        }
    }
}

#[test]
fn one_that_is_dropped_where_the_receiver_hangs_waits_for_seconds_alone() {
    for protocol in PROTOCOLS {
        let server = OtlpServer::start(protocol);
        server.otherwise(Answer::Hang);
        let config = config(&server);
        let exporter = OtlpExporter::start(Recorded::new().registry, config).unwrap();
        server.wait_for_hanging(1);
        let start = Instant::now();
        drop(exporter);
        let took = start.elapsed();
        assert!(took >= Duration::from_secs(4) && took < Duration::from_secs(5) + GRACE, "{took:?}");
        server.wait_for_hanging(0);
    }
}

#[test]
fn a_flush_in_the_runtime_of_the_receiver_is_delivered() {
    for (protocol, temporality) in cases() {
        for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
            let runtime = builder.enable_all().build().unwrap();
            runtime.block_on(async {
                let server = OtlpServer::spawned(protocol);
                let recorded = Recorded::new();
                let config = config(&server).with_temporality(temporality);
                let exporter = OtlpExporter::start(recorded.registry.clone(), config).unwrap();
                for _ in 0..3 {
                    recorded.record();
                    let report = exporter.flush(LONG).await.unwrap();
                    assert_eq!(report.points(), POINTS);
                    server.model().assert_shows(&recorded.registry);
                }
                recorded.record();
                exporter.shutdown(LONG).await.unwrap();
                server.model().assert_shows(&recorded.registry);
            });
        }
    }
}

#[test]
fn a_flush_that_blocks_the_receivers_only_thread_comes_back_at_its_deadline() {
    for protocol in PROTOCOLS {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = OtlpServer::spawned(protocol);
            let recorded = Recorded::new();
            let exporter = OtlpExporter::start(recorded.registry.clone(), config(&server)).unwrap();
            let start = Instant::now();
            let error = exporter.flush_blocking(SHORT).unwrap_err();
            assert!(matches!(error, ExportError::Deadline { .. }), "{error}");
            assert!(start.elapsed() < SHORT + GRACE);
            // It goes on as soon as it is let.
            exporter.shutdown(LONG).await.unwrap();
            server.model().assert_shows(&recorded.registry);
        });
    }
}

#[test]
fn a_flush_that_nobody_waits_for_any_more_is_no_end() {
    for protocol in PROTOCOLS {
        let server = OtlpServer::start(protocol);
        let recorded = Recorded::new();
        let exporter = started(&recorded, config(&server));
        server.script([Answer::Hang]);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let flushed = runtime.block_on(async { tokio::time::timeout(SHORT, exporter.flush(LONG)).await });
        assert!(flushed.is_err());
        server.wait_for_hanging(1);
        server.release();
        recorded.record();
        exporter.flush_blocking(LONG).unwrap();
        exporter.shutdown_blocking(LONG).unwrap();
        server.model().assert_shows(&recorded.registry);
    }
}

#[test]
fn exporters_of_one_registry_know_nothing_of_each_other() {
    let [cumulative, delta] = PROTOCOLS.map(OtlpServer::start);
    let answers = |protocol: Protocol| {
        (0..30).map(move |request| match request % 3 {
            0 => Answer::unavailable(protocol),
            1 => Answer::refused(protocol),
            _ => Answer::Accept,
        })
    };
    cumulative.script(answers(cumulative.protocol()));
    delta.script(answers(delta.protocol()).skip(1));
    let recorded = Recorded::new();
    let exporters = [(&cumulative, Cumulative), (&delta, Delta)].map(|(server, temporality)| {
        let config = config(server).with_temporality(temporality).with_max_points(3);
        let config = config.with_interval(Duration::from_millis(3)).unwrap();
        OtlpExporter::start(recorded.registry.clone(), config).unwrap()
    });
    while_recording(&recorded, || {
        cumulative.wait_for_script();
        delta.wait_for_script();
    });
    for exporter in exporters {
        exporter.shutdown_blocking(LONG).unwrap();
    }
    cumulative.model().assert_shows(&recorded.registry);
    delta.model().assert_shows(&recorded.registry);
}

#[test]
fn a_collection_becomes_as_many_requests_as_it_takes_and_each_is_made_again_by_itself() {
    for (protocol, temporality) in cases() {
        let recorded = Recorded::new();
        recorded.add_series(500);
        let server = OtlpServer::start(protocol);
        let config =
            config(&server).with_temporality(temporality).with_max_body(8 << 10).with_max_points(100);
        let exporter = started(&recorded, config);
        recorded.record();
        let before = server.received().len();
        server.script([
            Answer::Accept,
            Answer::unavailable(protocol),
            Answer::Accept,
            Answer::refused(protocol),
        ]);
        let error = exporter.flush_blocking(LONG).unwrap_err();
        assert!(matches!(error, ExportError::Status { is_transient: false, .. }), "{error}");

        let received = server.received().split_off(before);
        assert_eq!(received[1].request, received[2].request);
        assert_eq!(received.iter().map(Received::points).sum::<u64>() - received[1].points(), 500 + POINTS);
        for one in &received {
            let bytes = prost::Message::encoded_len(&one.request);
            assert!(bytes <= 8 << 10 && one.points() <= 100, "{bytes} bytes, {} points", one.points());
        }
        let report = exporter.flush_blocking(LONG).unwrap();
        assert_eq!((report.points(), report.requests()), (500 + POINTS, received.len() as u64 - 1));
        exporter.shutdown_blocking(LONG).unwrap();
        server.model().assert_shows(&recorded.registry);
    }
}

/// Shows a registry, and then fails as it is told.
struct Failing {
    recorded: Recorded,
    panics: AtomicBool,
    hangs: Mutex<bool>,
    goes_on: Condvar,
}

impl Failing {
    fn new() -> Arc<Failing> {
        Arc::new(Failing {
            recorded: Recorded::new(),
            panics: AtomicBool::new(false),
            hangs: Mutex::new(false),
            goes_on: Condvar::new(),
        })
    }
}

impl Collector for Failing {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        self.recorded.registry.collect(visitor)?;
        assert!(!self.panics.load(Ordering::SeqCst), "told to");
        drop(self.goes_on.wait_while(self.hangs.lock().unwrap(), |hangs| *hangs).unwrap());
        Ok(())
    }
}

#[test]
fn a_collector_that_panics_fails_its_collection_and_no_other() {
    for (protocol, temporality) in cases() {
        let server = OtlpServer::start(protocol);
        let failing = Failing::new();
        // Requests are on their way when it panics.
        let config = config(&server).with_temporality(temporality).with_max_points(2);
        let exporter = OtlpExporter::start(Arc::clone(&failing), config).unwrap();
        exporter.flush_blocking(LONG).unwrap();
        failing.panics.store(true, Ordering::SeqCst);
        for _ in 0..2 {
            failing.recorded.record();
            let error = exporter.flush_blocking(LONG).unwrap_err();
            assert!(matches!(error, ExportError::CollectorPanicked), "{error}");
        }
        assert_count(value(&exporter, "collections_total", &[("result", "failed")]), 2);
        failing.panics.store(false, Ordering::SeqCst);
        failing.recorded.record();
        exporter.shutdown_blocking(LONG).unwrap();
        server.model().assert_shows(&failing.recorded.registry);
    }
}

#[test]
fn a_collector_that_hangs_keeps_nobody_from_ending() {
    for (protocol, temporality) in cases() {
        for (name, end) in ENDS {
            let server = OtlpServer::start(protocol);
            let failing = Failing::new();
            let config = config(&server).with_temporality(temporality).with_max_points(2);
            let exporter = OtlpExporter::start(Arc::clone(&failing), config).unwrap();
            exporter.flush_blocking(LONG).unwrap();
            *failing.hangs.lock().unwrap() = true;
            let start = Instant::now();
            let error = end(exporter, SHORT).unwrap_err();
            assert!(matches!(error, ExportError::Deadline { .. }), "{name}: {error}");
            assert!(start.elapsed() < SHORT + GRACE, "{name}: {:?}", start.elapsed());
            // Its thread ends with it.
            *failing.hangs.lock().unwrap() = false;
            failing.goes_on.notify_all();
            let start = Instant::now();
            while Arc::strong_count(&failing) > 1 {
                assert!(start.elapsed() < LONG, "{name}: somebody still has it");
                thread::yield_now();
            }
        }
    }
}
