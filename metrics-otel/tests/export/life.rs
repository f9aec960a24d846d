//! How an exporter starts and ends where nobody answers.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, LabelSet, MetricType, SeriesLabels, Visitor,
};
use nilometer_otel::export::{ExportError, OtlpExporter, OtlpExporterConfig};
use nilometer_otel::{Compression, OtelInitError, Protocol, Resource};

const DEADLINE: Duration = Duration::from_secs(30);

/// Shows one counter, and counts how often.
#[derive(Default)]
struct Counted(AtomicU64);

impl Collector for Counted {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        visitor.family(&Descriptor::try_new("collections_total", "Collections.", MetricType::Counter)?)?;
        visitor.point(SeriesLabels::of(&LabelSet::default()), CounterPoint::new(count).into())?;
        Ok(())
    }
}

/// An address where nobody listens.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn config(protocol: Protocol, endpoint: &str) -> OtlpExporterConfig {
    let config = OtlpExporterConfig::new(Resource::new("checkout"));
    config.with_protocol(protocol).with_endpoint(endpoint).unwrap().with_interval(Duration::MAX).unwrap()
}

fn protocols() -> impl Iterator<Item = Protocol> {
    let (grpc, http) = (cfg!(feature = "metrics-grpc"), cfg!(feature = "metrics-http"));
    let built = move |protocol: &Protocol| if *protocol == Protocol::Grpc { grpc } else { http };
    [Protocol::Grpc, Protocol::Http].into_iter().filter(built)
}

#[test]
fn a_receiver_that_is_away_is_no_error_at_the_start_and_named_at_the_end() {
    for protocol in protocols() {
        let endpoint = nobody();
        let exporter = OtlpExporter::start(Counted::default(), config(protocol, &endpoint)).unwrap();
        let error = exporter.shutdown_blocking(Duration::from_millis(300)).unwrap_err();
        let ExportError::Deadline { deadline, cause: Some(cause) } = error else { panic!("{error}") };
        assert_eq!(deadline, Duration::from_millis(300));
        assert!(matches!(*cause, ExportError::Unreachable { .. }), "{cause}");
        assert!(cause.to_string().contains(&endpoint), "{cause}");
    }
}

#[test]
fn one_that_is_dropped_waits_for_a_while_and_not_for_ever() {
    for protocol in protocols() {
        let collector = Arc::new(Counted::default());
        let exporter = OtlpExporter::start(Arc::clone(&collector), config(protocol, &nobody())).unwrap();
        let start = Instant::now();
        drop(exporter);
        assert!(start.elapsed() < DEADLINE, "{:?}", start.elapsed());
        assert!(collector.0.load(Ordering::Relaxed) >= 1);
    }
}

#[test]
fn a_disabled_one_does_nothing() {
    let collector = Arc::new(Counted::default());
    let config = config(Protocol::Http, &nobody()).with_disabled(true);
    let exporter = OtlpExporter::start(Arc::clone(&collector), config).unwrap();
    assert_eq!(exporter.flush_blocking(DEADLINE).unwrap().points(), 0);
    exporter.shutdown_blocking(DEADLINE).unwrap();
    assert_eq!(collector.0.load(Ordering::Relaxed), 0);
}

#[test]
fn what_is_not_built_is_an_error_at_the_start() {
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let started = OtlpExporter::start(Counted::default(), config(protocol, &nobody()));
        match started {
            Ok(_) => assert!(protocols().any(|built| built == protocol)),
            Err(error) => {
                assert!(matches!(error, OtelInitError::ProtocolNotBuilt { .. }), "{error}");
                assert!(protocols().all(|built| built != protocol));
            }
        }
    }
    for protocol in protocols() {
        let config = config(protocol, &nobody()).with_compression(Compression::Zstd);
        let started = OtlpExporter::start(Counted::default(), config).map(drop);
        assert_eq!(started.is_ok(), cfg!(feature = "zstd"), "{started:?}");
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn https_without_tls_is_an_error_at_the_start() {
    for protocol in protocols() {
        let started = OtlpExporter::start(Counted::default(), config(protocol, "https://collector:4317"));
        assert!(matches!(started.unwrap_err(), OtelInitError::TlsNotBuilt { .. }));
    }
}

#[cfg(feature = "tls")]
#[test]
fn files_that_cannot_be_used_are_named_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, empty) = (folder.path().join("missing.pem"), folder.path().join("empty.pem"));
    std::fs::write(&empty, "").unwrap();
    for protocol in protocols() {
        for path in [&missing, &empty] {
            let config = config(protocol, "https://collector:4317").with_roots(path);
            let error = OtlpExporter::start(Counted::default(), config).unwrap_err();
            let OtelInitError::TlsFile { path: named, .. } = &error else { panic!("{error}") };
            assert_eq!(named, path);
        }
    }
}

/// Blocks the collection until it is told to go on, or panics.
struct Hangs(std::sync::Mutex<mpsc::Receiver<()>>);

impl Collector for Hangs {
    fn collect(&self, _: &mut dyn Visitor) -> Result<(), CollectError> {
        let told = self.0.lock().unwrap().recv();
        assert!(told.is_ok(), "nobody tells it any more");
        Ok(())
    }
}

#[test]
fn a_collector_that_hangs_keeps_nobody_past_the_deadline() {
    for protocol in protocols() {
        let (tell, told) = mpsc::channel();
        let exporter = OtlpExporter::start(Hangs(told.into()), config(protocol, &nobody())).unwrap();
        let error = exporter.flush_blocking(Duration::from_millis(100)).unwrap_err();
        assert!(matches!(error, ExportError::Deadline { cause: None, .. }), "{error}");
        // It goes on, and panics the next time.
        tell.send(()).unwrap();
        drop(tell);
        let error = exporter.flush_blocking(DEADLINE).unwrap_err();
        assert!(matches!(error, ExportError::CollectorPanicked), "{error}");
        let start = Instant::now();
        exporter.shutdown_blocking(DEADLINE).unwrap_err();
        assert!(start.elapsed() < DEADLINE);
    }
}

#[test]
fn it_can_be_waited_for_in_every_runtime() {
    for protocol in protocols() {
        for mut builder in
            [tokio::runtime::Builder::new_current_thread(), tokio::runtime::Builder::new_multi_thread()]
        {
            let runtime = builder.enable_all().build().unwrap();
            runtime.block_on(async {
                let exporter = OtlpExporter::start(Counted::default(), config(protocol, &nobody())).unwrap();
                let (short, long) = (Duration::from_millis(50), Duration::from_millis(150));
                let (first, second) = tokio::join!(exporter.flush(short), exporter.flush(long));
                assert!(
                    matches!(first.unwrap_err(), ExportError::Deadline { deadline, .. } if deadline == short)
                );
                assert!(
                    matches!(second.unwrap_err(), ExportError::Deadline { deadline, .. } if deadline == long)
                );
                // The thread that drives the runtime is the one that waits.
                exporter.flush_blocking(short).unwrap_err();
                exporter.shutdown(short).await.unwrap_err();
            });
        }
    }
}
