//! End to end: what a Prometheus gets from a server that has TLS and asks for credentials.
//!
//! `.ci/peers` fetches what these tests need, and `.ci/run` runs them. Where it is missing they fail.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::fs;
use std::path::Path;

use nilometer::prometheus::{AuthConfig, ServerStats, TlsConfig};
use nilometer::{MetricsRegistry, MetricsServer, ServerConfig};
use nilometer_tests::prometheus::{Prometheus, Release, Setup, wait_for};
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
    let (target, _) = served(&runtime, ServerConfig::new().with_own_metrics(true));
    let scrape = "  params:\n    'name[]': ['requests_total', 'nilometer_server_r*']\n";
    let prometheus = Setup::of(Release::Two).with_scrape_config(scrape).start(&[target]);
    scrapes_the_counter(&prometheus);
    assert!(prometheus.query("nilometer_server_responses_total{status=\"200\"}")[0].values[0] >= 1.0);
    assert_eq!(prometheus.query("nilometer_server_connections_total"), []);
}
