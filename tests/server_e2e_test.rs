//! End to end: what a Prometheus gets from a server that has TLS and asks for credentials.
//!
//! `.ci/peers` fetches what these tests need, and `.ci/run` runs them. Where it is missing they fail.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nilometer::collect::{CollectError, Collector, GaugePoint, MetricType, SeriesLabels, Visitor};
use nilometer::prometheus::{AuthConfig, ScrapeStatus, ServerStats, TlsConfig};
use nilometer::{
    Counter, Descriptor, LabelSet, MetricsRegistry, MetricsServer, RegistryConfig, ServerConfig,
};
use nilometer_prometheus::push::{PushEndpoint, PushMetrics, RemoteWrite, RemoteWriteConfig};
use nilometer_tests::prometheus::{Prometheus, Release, Setup, wait_for};
use nilometer_tests::promtool;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Of `correct horse`, as `htpasswd -nBC 5` prints it.
fn hash() -> String {
    bcrypt::hash("correct horse", 5).unwrap()
}

/// Writes an authority, and what it has issued for server and client, into a folder.
fn issue(folder: &Path) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    fs::write(folder.join("ca.crt"), authority.pem()).unwrap();
    for name in ["server", "client"] {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        fs::write(folder.join(format!("{name}.crt")), certificate.pem()).unwrap();
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

/// A counter that stands at 3, and where it is served.
fn served(runtime: &Runtime, config: ServerConfig) -> (String, ServerStats) {
    let registry = MetricsRegistry::new();
    registry.register_counter("requests_total", "Requests.").unwrap().default().inc_by(3);
    serve(runtime, registry, config)
}

fn serve(runtime: &Runtime, registry: MetricsRegistry, config: ServerConfig) -> (String, ServerStats) {
    let server = MetricsServer::new(registry, config.with_host("127.0.0.1").with_port(0));
    let server = runtime.block_on(server.bind()).unwrap();
    let started = (server.local_addr().to_string(), server.stats());
    runtime.spawn(server.serve());
    started
}

fn scrapes_the_counter(prometheus: &Prometheus) {
    wait_for("three scrapes", || {
        let scrapes = prometheus.query("sum_over_time(up[1m])");
        scrapes.first().filter(|scrapes| scrapes.values[0] >= 3.0).map(drop)
    });
    assert_eq!(prometheus.query("requests_total")[0].values, [3.0]);
    assert_eq!(prometheus.scrape_errors(), [""]);
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn a_prometheus_of_each_release_scrapes_over_tls_with_a_password_and_a_certificate() {
    let runtime = Runtime::new().unwrap();
    let folder = TempDir::new().unwrap();
    issue(folder.path());
    let file = |name: &str| folder.path().join(name);
    let tls = TlsConfig::new(file("server.crt"), file("server.key")).with_client_ca(file("ca.crt"));
    let auth = AuthConfig::new().with_user("prometheus", hash());
    let (target, stats) = served(&runtime, ServerConfig::new().with_tls(tls).with_auth(auth));
    let scrape = format!(
        "  scheme: https\n  tls_config:\n    ca_file: {ca}\n    cert_file: {cert}\n    key_file: {key}\n  \
         basic_auth:\n    username: prometheus\n    password: correct horse\n",
        ca = file("ca.crt").display(),
        cert = file("client.crt").display(),
        key = file("client.key").display(),
    );
    for release in [Release::Two, Release::Three] {
        let prometheus = Setup::of(release).with_scrape_config(&scrape).start(std::slice::from_ref(&target));
        scrapes_the_counter(&prometheus);
    }
    assert_eq!((stats.responses(401), stats.failed_handshakes()), (0, 0));
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn a_prometheus_with_a_token_is_let_in_and_one_without_is_told_so() {
    let runtime = Runtime::new().unwrap();
    let auth = AuthConfig::new().with_bearer_token("f8bf35b8e2c14d0a");
    let (target, stats) = served(&runtime, ServerConfig::new().with_auth(auth));
    let scrape = "  authorization:\n    credentials: f8bf35b8e2c14d0a\n";
    let prometheus = Setup::of(Release::Two).with_scrape_config(scrape).start(std::slice::from_ref(&target));
    scrapes_the_counter(&prometheus);
    assert_eq!(stats.responses(401), 0);
    let prometheus = Prometheus::start(&[target]);
    wait_for("an error", || {
        prometheus.scrape_errors().first().filter(|error| error.contains("401")).map(drop)
    });
    assert!(stats.responses(401) > 0);
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn a_prometheus_asks_for_some_families_alone() {
    let runtime = Runtime::new().unwrap();
    let (target, _) = served(&runtime, ServerConfig::new());
    let scrape = "  params:\n    'name[]': ['requests_total', 'nilometer_server_r*']\n";
    let prometheus = Setup::of(Release::Two).with_scrape_config(scrape).start(&[target]);
    scrapes_the_counter(&prometheus);
    assert!(prometheus.query("nilometer_server_responses_total{status=\"200\"}")[0].values[0] >= 1.0);
    assert_eq!(prometheus.query("nilometer_server_connections_total"), []);
}

/// A registry, and in mid-page sometimes no more.
struct Breaking {
    registry: MetricsRegistry,
    breaks: Arc<AtomicBool>,
}

impl Collector for Breaking {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        self.registry.collect(visitor)?;
        if !self.breaks.load(Ordering::SeqCst) {
            return Ok(());
        }
        visitor.family(&Descriptor::try_new("rows", "Rows.", MetricType::Gauge)?)?;
        for index in 0..50_000_u64 {
            // What hardly gets shorter by compression.
            let row = format!("{:016x}", index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let labels = LabelSet::from_pairs(&[("row", &row)]);
            visitor.point(SeriesLabels::of(&labels), GaugePoint::new(1.0).into())?;
        }
        Err(CollectError::failed("no source"))
    }
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn a_prometheus_of_each_release_reads_how_its_own_scrapes_ended() {
    let runtime = Runtime::new().unwrap();
    for release in [Release::Two, Release::Three] {
        let registry = MetricsRegistry::new();
        registry.register_counter("requests_total", "Requests.").unwrap().default().inc_by(3);
        let breaks = Arc::new(AtomicBool::new(false));
        let collector = Breaking { registry, breaks: Arc::clone(&breaks) };
        let config = ServerConfig::new().with_host("127.0.0.1").with_port(0);
        let server = runtime.block_on(MetricsServer::new(collector, config).bind()).unwrap();
        let (target, stats) = (server.local_addr().to_string(), server.stats());
        runtime.spawn(server.serve());
        let prometheus = Setup::of(release).start(&[target]);
        scrapes_the_counter(&prometheus);

        let all_that_broke_off = || stats.scrapes(ScrapeStatus::BrokenOff);
        breaks.store(true, Ordering::SeqCst);
        wait_for("two pages that break off", || (all_that_broke_off() >= 2).then_some(()));
        breaks.store(false, Ordering::SeqCst);
        let number = |status: &str| {
            let query =
                format!("nilometer_server_scrapes_total{{format=\"openmetrics\",status=\"{status}\"}}");
            prometheus.query(&query).first().map(|answer| answer.values[0])
        };
        wait_for("the next page", || number("broken_off").filter(|&broken| broken >= 2.0));
        assert!(number("complete").unwrap() >= 3.0);
        assert_eq!([number("failed"), number("busy"), number("abandoned")], [Some(0.0); 3]);
        // All of one page, and so at one time.
        let scrapes = "nilometer_server_scrapes_total{status=\"complete\"}";
        for histogram in ["nilometer_server_scrape_duration_seconds", "nilometer_server_scrape_size_bytes"] {
            let difference = prometheus.query(&format!("{histogram}_count - ignoring(status) {scrapes}"));
            assert_eq!(difference[0].values, [0.0], "{histogram}");
            let mean = prometheus.query(&format!("{histogram}_sum / {histogram}_count"))[0].values[0];
            let median = prometheus.query(&format!("histogram_quantile(0.5, {histogram}_bucket)"));
            assert!(mean > 0.0 && median[0].values[0] > 0.0, "{histogram}: {mean}, {median:?}");
        }
        assert_eq!(prometheus.query("nilometer_series{family=\"requests_total\"}")[0].values, [1.0]);
    }
}

#[test]
#[ignore = "needs promtool; .ci/run runs it"]
fn promtool_has_nothing_to_say_of_metrics_about_metrics() {
    let runtime = Runtime::new().unwrap();
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_series_metrics(true));
    let limited = registry.family::<Counter>("requests_total", "Requests.").with_series_limit(0);
    limited.register().unwrap().get_or_create(&[("a", "b")]).inc();
    let wait = registry.register_histogram("wait_seconds", "Waits.", &[1.0]).unwrap();
    wait.default().observe(f64::NAN);
    let broken = Breaking { registry: MetricsRegistry::new(), breaks: Arc::new(AtomicBool::new(true)) };
    registry.register_collector("broken", broken).unwrap();
    let pushes = PushMetrics::new();
    registry.register_collector("push", pushes.clone()).unwrap();
    let endpoint = PushEndpoint::try_new("http://127.0.0.1:9/write").unwrap();
    let _writer = RemoteWrite::new(registry.clone(), RemoteWriteConfig::new(endpoint).with_metrics(pushes));

    let (target, _) = serve(&runtime, registry, ServerConfig::new());
    let page = ask(&target);
    for name in ["nilometer_overflow", "nilometer_odd", "nilometer_collector", "nilometer_series_limit"] {
        assert!(page.contains(&format!("# TYPE {name}")), "{name}: {page}");
    }
    for (prefix, families) in [("nilometer_server_", 7), ("nilometer_push_", 9), ("nilometer_series ", 1)] {
        assert_eq!(page.matches(&format!("# TYPE {prefix}")).count(), families, "{prefix}: {page}");
    }
    assert_eq!(promtool::check_metrics(&page), Vec::<String>::new());
}

/// The page of a server.
fn ask(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}
