//! Pushes to receivers that speak TLS, and to some that should not be believed.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::error::Error;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use nilometer_prometheus::TlsError;
use nilometer_prometheus::push::{
    EndpointError, GroupingKey, PushEndpoint, PushError, PushMetrics, PushReport, PushTlsConfig, Pushgateway,
    PushgatewayConfig, RemoteWrite, RemoteWriteConfig, RetryPolicy,
};
use nilometer_tests::push::{quickly, registry, value};
use nilometer_tests::receiver::{Reaction, Receiver};
use nilometer_tests::remote_write::Written;
use nilometer_tests::tls::{Authority, Files, Pair, setup};

/// Where a process of its own should push to, and where it says what came of it.
const PUSH_TO: &str = "NILOMETER_PUSH_TO";
const OUTCOME: &str = "NILOMETER_OUTCOME";

/// One attempt to push one point, by each kind of push.
type Push = fn(PushEndpoint) -> Result<PushReport, PushError>;
const PUSHES: [Push; 2] = [write, replace];

fn write(endpoint: PushEndpoint) -> Result<PushReport, PushError> {
    RemoteWrite::new(registry(), RemoteWriteConfig::new(endpoint)).push_blocking()
}

fn replace(endpoint: PushEndpoint) -> Result<PushReport, PushError> {
    let group = GroupingKey::try_new("backup").unwrap();
    Pushgateway::new(registry(), PushgatewayConfig::new(endpoint, group)).push_blocking()
}

/// The endpoint at a port of this machine, tried once.
fn endpoint(host: &str, port: u16, tls: &PushTlsConfig) -> PushEndpoint {
    let endpoint = PushEndpoint::try_new_with_tls(&format!("https://{host}:{port}"), tls).unwrap();
    endpoint.with_retries(RetryPolicy::new().with_attempts(1))
}

fn receiver(own: &Pair, clients: Option<&Authority>) -> Receiver {
    Receiver::start_tls(setup(own, clients), |_, _| Reaction::written())
}

/// Trusts an authority alone.
fn trusting(authority: &Authority, files: &Files) -> PushTlsConfig {
    PushTlsConfig::new().with_roots(files.put("ca.crt", &authority.pem()))
}

/// An error with all of its causes.
fn causes(error: &dyn Error) -> String {
    let more = error.source().map(|source| format!(": {}", causes(source)));
    format!("{error}{}", more.unwrap_or_default())
}

/// The causes of a push for which there was no receiver.
fn unreachable(push: Push, endpoint: PushEndpoint) -> String {
    let error = push(endpoint).unwrap_err();
    assert!(matches!(error, PushError::Unreachable { .. }), "{}", causes(&error));
    assert!(error.is_transient());
    causes(&error)
}

#[test]
fn a_receiver_that_is_trusted_gets_what_is_pushed() {
    let (authority, files) = (Authority::new("authority"), Files::new());
    let tls = trusting(&authority, &files);
    for host in ["127.0.0.1", "localhost"] {
        let receiver = receiver(&authority.issue(host), None);
        let at = || endpoint(host, receiver.address().port(), &tls).try_with_basic_auth("shop", "s").unwrap();
        for push in PUSHES {
            assert_eq!(push(at()).unwrap().points(), 1, "{host}");
        }
        let requests = receiver.requests();
        let seen = |request: usize| (&*requests[request].method, &*requests[request].path);
        assert_eq!((seen(0), seen(1)), (("POST", "/"), ("PUT", "/metrics/job/backup")));
        let page = "# HELP jobs_total Jobs.\n# TYPE jobs_total counter\njobs_total 5\n";
        assert_eq!(String::from_utf8_lossy(&requests[1].body), page);
        for request in &requests {
            assert_eq!(request.header("authorization"), Some("Basic c2hvcDpz"));
            assert_eq!(request.header("host"), Some(&*format!("{host}:{}", receiver.address().port())));
        }
        let written = Written::read(&requests[0]);
        assert_eq!(written.series.len(), 1);
    }
}

#[test]
fn a_receiver_that_is_not_trusted_is_unreachable_and_the_causes_say_why() {
    let (authority, other, files) = (Authority::new("authority"), Authority::new("other"), Files::new());
    let tls = trusting(&authority, &files);
    for (own, reason) in [
        (other.issue("127.0.0.1"), "invalid peer certificate: UnknownIssuer"),
        (authority.issue("example.org"), "certificate not valid for name \"127.0.0.1\""),
    ] {
        let receiver = receiver(&own, None);
        for push in PUSHES {
            let causes = unreachable(push, endpoint("127.0.0.1", receiver.address().port(), &tls));
            assert!(causes.contains(reason), "{causes}");
        }
        assert_eq!(receiver.requests().len(), 0, "{reason}");
    }
}

#[test]
fn a_receiver_that_is_not_trusted_is_counted_and_tried_again() {
    let (authority, other, files) = (Authority::new("authority"), Authority::new("other"), Files::new());
    let receiver = receiver(&other.issue("127.0.0.1"), None);
    let endpoint = endpoint("127.0.0.1", receiver.address().port(), &trusting(&authority, &files));
    let metrics = PushMetrics::new();
    let config = RemoteWriteConfig::new(endpoint.with_retries(quickly())).with_metrics(metrics.clone());
    RemoteWrite::new(registry(), config).push_blocking().unwrap_err();
    let failed = value(&metrics, "nilometer_push_requests_total", &[("outcome", "unreachable")]);
    assert_eq!(failed.to_bits(), 3.0_f64.to_bits());
    assert_eq!(receiver.connections(), 3);
}

#[test]
fn a_receiver_that_demands_a_certificate_lets_in_who_has_the_right_one() {
    let (authority, clients, files) = (Authority::new("authority"), Authority::new("clients"), Files::new());
    let receiver = receiver(&authority.issue("127.0.0.1"), Some(&clients));
    let port = receiver.address().port();
    let with = |own: &Pair| {
        let (certificate, key) = (files.put("tls.crt", &own.certificate), files.put("tls.key", &own.key));
        trusting(&authority, &files).with_certificate(certificate, key)
    };
    let none = trusting(&authority, &files);
    let wrong = with(&authority.issue("shop"));
    for (tls, reason) in [(none, "CertificateRequired"), (wrong, "UnknownCA")] {
        for push in PUSHES {
            let causes = unreachable(push, endpoint("127.0.0.1", port, &tls));
            assert!(causes.contains(reason), "{causes}");
        }
    }
    assert_eq!(receiver.requests().len(), 0);
    let right = with(&clients.issue("shop"));
    for push in PUSHES {
        push(endpoint("127.0.0.1", port, &right)).unwrap();
    }
    assert_eq!(receiver.requests().len(), 2);
}

#[test]
fn a_task_in_the_background_stays_on_its_connection() {
    let (authority, files) = (Authority::new("authority"), Files::new());
    let receiver = receiver(&authority.issue("127.0.0.1"), None);
    let endpoint = endpoint("127.0.0.1", receiver.address().port(), &trusting(&authority, &files));
    let pusher = RemoteWrite::new(registry(), RemoteWriteConfig::new(endpoint)).start().unwrap();
    for _ in 0..3 {
        pusher.flush_blocking(Duration::from_secs(30)).unwrap();
    }
    pusher.shutdown_blocking(Duration::from_secs(30)).unwrap();
    assert!(receiver.requests().len() >= 3);
    assert_eq!(receiver.connections(), 1);
}

#[test]
fn a_receiver_that_speaks_no_tls_is_unreachable() {
    let (authority, files) = (Authority::new("authority"), Files::new());
    let tls = trusting(&authority, &files);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answering = thread::spawn(move || {
        for _ in PUSHES {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            // To its end, so that what was written is not taken back.
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    for push in PUSHES {
        let causes = unreachable(push, endpoint("127.0.0.1", port, &tls));
        assert!(causes.contains("received corrupt message of type InvalidContentType"), "{causes}");
    }
    answering.join().unwrap();
}

#[test]
fn a_handshake_that_takes_longer_than_a_request_may_is_given_up() {
    let (authority, files) = (Authority::new("authority"), Files::new());
    // Its connections are accepted by the system, and by nobody else.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    for push in PUSHES {
        let endpoint = endpoint("127.0.0.1", port, &trusting(&authority, &files));
        let error = push(endpoint.with_timeout(Duration::from_millis(200))).unwrap_err();
        assert!(matches!(error, PushError::TimedOut { .. }), "{}", causes(&error));
    }
}

/// What an endpoint says of files that it cannot use.
fn refused(tls: &PushTlsConfig) -> TlsError {
    match PushEndpoint::try_new_with_tls("https://127.0.0.1:9090", tls) {
        Err(EndpointError::Tls(error)) => error,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn files_that_cannot_be_used_are_errors_that_name_them() {
    let (authority, files) = (Authority::new("authority"), Files::new());
    let (own, other) = (authority.issue("shop"), authority.issue("shop"));
    let roots = |path: PathBuf| PushTlsConfig::new().with_roots(path);
    let trusted = || trusting(&authority, &files);
    let missing = || files.path("missing.crt");
    let text = || files.put("text.crt", "no PEM at all\n");
    let cut = || files.put("cut.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    let nonsense =
        || files.put("nonsense.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let (certificate, key) = (files.put("tls.crt", &own.certificate), files.put("tls.key", &own.key));
    let other = files.put("other.key", &other.key);
    let at = |name: &str| format!("`{}`", files.path(name).display());
    for (tls, expected) in [
        (roots(missing()), format!("cannot read {}", at("missing.crt"))),
        (roots(text()), format!("{} holds no certificate", at("text.crt"))),
        (roots(cut()), format!("{} is no PEM file", at("cut.crt"))),
        (
            roots(nonsense()),
            format!("the certificates in {} cannot be used to check servers", at("nonsense.crt")),
        ),
        (trusted().with_certificate(missing(), &key), format!("cannot read {}", at("missing.crt"))),
        (trusted().with_certificate(text(), &key), format!("{} holds no certificate", at("text.crt"))),
        (trusted().with_certificate(&certificate, missing()), format!("cannot read {}", at("missing.crt"))),
        (
            trusted().with_certificate(&certificate, text()),
            format!("{} holds no private key", at("text.crt")),
        ),
        (
            trusted().with_certificate(&certificate, other),
            format!("the certificate in {} and the key in {} cannot be used", at("tls.crt"), at("other.key")),
        ),
    ] {
        let error = refused(&tls);
        assert_eq!(error.to_string(), expected);
        let has_cause = !matches!(error, TlsError::NoCertificate { .. } | TlsError::NoKey { .. });
        assert_eq!(error.source().is_some(), has_cause, "{error:?}");
    }
}

#[test]
fn certificates_for_a_url_that_is_not_https_are_refused() {
    let error = PushEndpoint::try_new_with_tls("http://127.0.0.1:9090", &PushTlsConfig::new()).unwrap_err();
    let expected = "invalid URL `http://127.0.0.1:9090`: with certificates, it starts with `https://`";
    assert_eq!(error.to_string(), expected);
}

/// What comes of a push from a process whose system has the roots in this file.
fn with_roots_of_the_system(roots: PathBuf, to: SocketAddr, files: &Files) -> String {
    let outcome = files.path("outcome");
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "pushes_to_where_the_environment_says", "--ignored"])
        .env("SSL_CERT_FILE", roots)
        .env_remove("SSL_CERT_DIR")
        .env(PUSH_TO, format!("https://{to}"))
        .env(OUTCOME, &outcome)
        .output();
    let child = child.unwrap();
    assert!(child.status.success(), "{child:?}");
    let text = fs::read_to_string(&outcome).unwrap();
    fs::remove_file(outcome).unwrap();
    text
}

#[test]
#[ignore = "what a process does that another test starts"]
fn pushes_to_where_the_environment_says() {
    let of = |name| std::env::var(name).unwrap();
    let pushed = || -> Result<PushReport, Box<dyn Error>> {
        let endpoint = PushEndpoint::try_new(&of(PUSH_TO))?;
        Ok(write(endpoint.with_retries(RetryPolicy::new().with_attempts(1)))?)
    };
    let outcome = match pushed() {
        Ok(report) => format!("{} points", report.points()),
        Err(error) => causes(&*error),
    };
    fs::write(of(OUTCOME), outcome).unwrap();
}

#[test]
fn the_roots_of_the_system_are_trusted_where_nothing_else_is_said() {
    let (authority, other, files) = (Authority::new("authority"), Authority::new("other"), Files::new());
    let receiver = receiver(&authority.issue("127.0.0.1"), None);
    let outcome = |roots: PathBuf| with_roots_of_the_system(roots, receiver.address(), &files);
    assert_eq!(outcome(files.put("ca.crt", &authority.pem())), "1 points");
    let untrusted = outcome(files.put("other.crt", &other.pem()));
    assert!(untrusted.contains("invalid peer certificate: UnknownIssuer"), "{untrusted}");
    let missing = outcome(files.path("missing.crt"));
    assert!(missing.starts_with("the system has no root certificates: "), "{missing}");
    assert!(missing.contains("missing.crt"), "{missing}");
    assert_eq!(receiver.requests().len(), 1);
}
