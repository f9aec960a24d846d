//! What a scrape of very many series takes beside their store, however it is asked for and however slowly it is read.
//!
//! What the clients take is counted with it, since they are in the same process. What the C library of zstd takes is not:
//! it has an allocator of its own.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Request;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use nilometer_core::{MetricsRegistry, RegistryConfig};
use nilometer_prometheus::{MetricsServer, ServerConfig, TlsConfig};
use nilometer_tests::heap::{CountingAllocator, Measured};
use rcgen::CertifiedKey;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinSet, yield_now};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// As many as take a few seconds where nothing is optimized; what a scrape takes does not depend on it.
#[cfg(debug_assertions)]
const SERIES: usize = 50_000;

#[cfg(not(debug_assertions))]
const SERIES: usize = 1_000_000;

/// What a scrape may take, in bytes.
const MOST: usize = 2 * 1024 * 1024;

/// How many scrapes there are at a time by default.
const READERS: usize = 8;

/// What a test allocates is its own as long as the others wait.
fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

fn store(series: usize) -> MetricsRegistry {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_series_limit(series + 10));
    let family = registry.register_counter("rows_total", "Rows.").unwrap();
    let mut random = 1_u64;
    for row in 0..series {
        // Digits that do not repeat, so that a compressed page is long as well.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (row, digits) = (format!("{row:07}"), format!("{random:016x}{:016x}", random.rotate_left(17)));
        family.get_or_create(&[("row", &row), ("digits", &digits)]).inc();
    }
    registry
}

/// How a page is asked for.
#[derive(Debug, Clone, Copy)]
struct Way {
    is_secured: bool,
    is_http2: bool,
    coding: Option<&'static str>,
}

fn ways() -> impl Iterator<Item = Way> {
    [false, true].into_iter().flat_map(|is_secured| {
        [false, true].into_iter().flat_map(move |is_http2| {
            [None, Some("gzip"), Some("zstd")].map(|coding| Way { is_secured, is_http2, coding })
        })
    })
}

/// A server without TLS and one with it, in a runtime of theirs.
struct Served {
    runtime: Runtime,
    addresses: [SocketAddr; 2],
    client: TlsConnector,
    _folder: TempDir,
}

impl Served {
    fn start(series: usize) -> Served {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("tls.crt"), cert.pem()).unwrap();
        std::fs::write(path("tls.key"), signing_key.serialize_pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::clone(cert.der())).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];

        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let plain = ServerConfig::new().with_own_metrics(false).with_host("127.0.0.1").with_port(0);
        let secured = plain.clone().with_tls(TlsConfig::new(path("tls.crt"), path("tls.key")));
        let store = store(series);
        let addresses = [plain, secured].map(|config| {
            let server = runtime.block_on(MetricsServer::new(store.clone(), config).bind()).unwrap();
            let address = server.local_addr();
            runtime.spawn(server.serve());
            address
        });
        Served { runtime, addresses, client: TlsConnector::from(Arc::new(config)), _folder: folder }
    }

    fn asker(&self, way: Way) -> impl Future<Output = Incoming> + Send + 'static {
        let address = self.addresses[usize::from(way.is_secured)];
        let mut config = ClientConfig::clone(self.client.config());
        config.alpn_protocols.retain(|protocol| (protocol == b"h2") == way.is_http2);
        let client = TlsConnector::from(Arc::new(config));
        async move {
            let stream = TcpStream::connect(address).await.unwrap();
            if way.is_secured {
                let name = ServerName::try_from("localhost").unwrap();
                ask(client.connect(name, stream).await.unwrap(), way).await
            } else {
                ask(stream, way).await
            }
        }
    }
}

/// Asks for the page, by a client that holds little of it, and returns its body, of which nothing is read yet.
async fn ask(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, way: Way) -> Incoming {
    let request = Request::get("http://localhost/metrics").header("host", "localhost");
    let request = match way.coding {
        Some(coding) => request.header(ACCEPT_ENCODING, coding),
        None => request,
    };
    let request = request.body(Empty::<&[u8]>::new()).unwrap();
    let stream = TokioIo::new(stream);
    let response = if way.is_http2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(65_535).initial_connection_window_size(65_535);
        let (mut sender, connection) = builder.handshake(stream).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    } else {
        let mut builder = http1::Builder::new();
        builder.read_buf_exact_size(Some(8192));
        let (mut sender, connection) = builder.handshake(stream).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    };
    assert_eq!(response.status(), 200);
    let coding = response.headers().get(CONTENT_ENCODING).map(|coding| coding.to_str().unwrap());
    assert_eq!(coding, way.coding);
    response.into_body()
}

/// Reads to the end, a little at a time, and returns how many bytes and lines there were.
async fn read_slowly(mut body: Incoming) -> (usize, usize) {
    let (mut bytes, mut lines) = (0, 0);
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        bytes += data.len();
        lines += data.split(|byte| *byte == b'\n').count() - 1;
        yield_now().await;
    }
    (bytes, lines)
}

fn check(way: Way, series: usize, (bytes, lines): (usize, usize)) {
    match way.coding {
        None => assert_eq!(lines, series + 2, "{way:?}"),
        Some(_) => assert!(bytes > series * 16, "{way:?}: {bytes} bytes"),
    }
}

#[test]
fn a_scrape_of_a_million_series_takes_less_than_two_mebibytes() {
    let _alone = alone();
    let served = Served::start(SERIES);
    for way in ways() {
        let asker = served.asker(way);
        let measured = Measured::start();
        let read = served.runtime.block_on(async { read_slowly(asker.await).await });
        let peak = measured.peak();
        check(way, SERIES, read);
        assert!(peak <= MOST, "{way:?}: {peak} bytes at once");
    }
}

#[test]
fn eight_slow_readers_take_less_than_a_mebibyte_and_a_half_each() {
    let _alone = alone();
    let served = Served::start(SERIES / 10);
    for way in ways() {
        let askers: Vec<_> = (0..READERS).map(|_| served.asker(way)).collect();
        let measured = Measured::start();
        let reads = served.runtime.block_on(async {
            // Nobody reads before all have begun, and each then as the others let it.
            let mut bodies = Vec::new();
            for asker in askers {
                bodies.push(asker.await);
            }
            let mut reads = JoinSet::new();
            for body in bodies {
                reads.spawn(read_slowly(body));
            }
            reads.join_all().await
        });
        let peak = measured.peak();
        for read in reads {
            check(way, SERIES / 10, read);
        }
        assert!(peak <= READERS * MOST * 3 / 4, "{way:?}: {} bytes each at once", peak / READERS);
    }
}
