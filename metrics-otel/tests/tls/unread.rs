//! What is left of attempts whose requests nobody reads.

use std::fs;
use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use nilometer_core::collect::{
    CollectError, Collector, Descriptor, GaugePoint, LabelSet, MetricType, SeriesLabels, Visitor,
};
use nilometer_otel::export::{OtlpExporter, OtlpExporterConfig};
use nilometer_otel::{Protocol, Resource};
use tokio_rustls::rustls::{ServerConfig, ServerConnection};

use super::authority::Authority;
use super::{DEADLINE, path};

/// Shows more than connections hold that nobody reads from.
struct Much;

impl Collector for Much {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        visitor.family(&Descriptor::try_new("queue_depth", "Jobs that wait.", MetricType::Gauge)?)?;
        for queue in 0..40_000 {
            let labels = LabelSet::try_from_pairs(&[("queue", format!("{queue:0100}").as_str())])?;
            visitor.point(SeriesLabels::of(&labels), GaugePoint::new(1.0).into())?;
        }
        Ok(())
    }
}

/// Secures connections, and reads nothing from them; says how many there were.
fn receiver(server: ServerConfig) -> (u16, mpsc::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, server) = (listener.local_addr().unwrap().port(), Arc::new(server));
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            socket.set_read_timeout(Some(DEADLINE)).unwrap();
            let mut connection = ServerConnection::new(Arc::clone(&server)).unwrap();
            while connection.is_handshaking() && connection.complete_io(&mut socket).is_ok() {}
            kept.push(socket);
            if tell.send(kept.len()).is_err() {
                return;
            }
        }
    });
    (port, told)
}

/// How many connections to a port of this machine this process has not closed.
fn open(port: u16) -> usize {
    let table = fs::read_to_string("/proc/self/net/tcp").unwrap();
    let remote = format!("0100007F:{port:04X}");
    let is_open = |line: &&str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        columns[2] == remote && columns[3] == "01"
    };
    table.lines().filter(is_open).count()
}

#[test]
fn attempts_whose_requests_nobody_reads_leave_no_connection_behind() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let roots = path(folder.path(), "roots.pem", &authority.pem());
    for protocol in [Protocol::Http, Protocol::Grpc] {
        let (port, told) = receiver(authority.server("localhost", None));
        let config = OtlpExporterConfig::new(Resource::new("checkout"))
            .with_protocol(protocol)
            .with_endpoint(&format!("https://localhost:{port}"))
            .and_then(|config| config.with_interval(Duration::MAX))
            .and_then(|config| config.with_timeout(Duration::from_millis(500)))
            .and_then(|config| config.with_retry_delays(Duration::from_millis(1), Duration::from_millis(1)))
            .unwrap();
        let exporter = OtlpExporter::start(Much, config.with_roots(&roots)).unwrap();
        let start = Instant::now();
        while told.recv_timeout(DEADLINE).unwrap() < 5 || open(port) > 2 {
            assert!(start.elapsed() < DEADLINE, "{protocol}: {} are open", open(port));
        }
        exporter.shutdown_blocking(Duration::from_millis(1)).unwrap_err();
    }
}
