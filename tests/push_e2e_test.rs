//! End to end: what a Prometheus of each release and a Pushgateway make of what is pushed to them.
//!
//! `.ci/peers` fetches what these tests need, and `.ci/run` runs them. Where it is missing they fail.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::time::{Duration, SystemTime};

use nilometer::{ExponentialConfig, Histogram, LabelSet, MetricsRegistry};
use nilometer_prometheus::push::{
    GroupingKey, NativeHistograms, PushEndpoint, PushMode, Pushgateway, PushgatewayConfig, RemoteWrite,
    RemoteWriteConfig, RemoteWriteVersion,
};
#[cfg(feature = "server")]
use nilometer_prometheus::push::{PushError, PushTlsConfig, RetryPolicy};
use nilometer_tests::kinds::EveryKind;
use nilometer_tests::page::Series;
#[cfg(feature = "server")]
use nilometer_tests::prometheus::Access;
use nilometer_tests::prometheus::{Prometheus, Release, Setup, wait_for};
use nilometer_tests::pushgateway::Gateway;
#[cfg(feature = "server")]
use nilometer_tests::tls::{Authority, Files, agent};

const RECEIVER: [&str; 1] = ["--web.enable-remote-write-receiver"];

/// A Prometheus that scrapes nothing, and takes remote write.
fn receiver(release: Release, features: &[&str]) -> Prometheus {
    Setup::of(release).with_features(features).with_arguments(&RECEIVER).start(&[])
}

fn config(prometheus: &Prometheus) -> RemoteWriteConfig {
    let endpoint = PushEndpoint::try_new(&format!("http://{}/api/v1/write", prometheus.address())).unwrap();
    let labels = LabelSet::try_from_pairs(&[("job", "shop"), ("instance", "a/b:1")]).unwrap();
    RemoteWriteConfig::new(endpoint).with_labels(labels)
}

fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64()
}

/// The one value of a query.
fn value(prometheus: &Prometheus, query: &str) -> f64 {
    let answers = prometheus.query(query);
    assert_eq!(answers.len(), 1, "{query}: {answers:?}");
    answers[0].values[0]
}

fn assert_values(prometheus: &Prometheus, expected: &[(&str, f64)]) {
    for (query, expected) in expected {
        let found = value(prometheus, query);
        assert!((found - expected).abs() < 1e-9, "{query}: {found} is not {expected}");
    }
}

/// What every receiver has of every kind.
fn has_every_kind(prometheus: &Prometheus, kinds: EveryKind) {
    let counter = prometheus.query("kinds_requests_total");
    assert_eq!(counter[0].values, [7.0]);
    for (name, value) in [
        ("path", "/a\"b\\c\nd"),
        ("Zone", "é"),
        ("job", "shop"),
        ("instance", "a/b:1"),
        ("__name__", "kinds_requests_total"),
    ] {
        assert_eq!(counter[0].labels[name], value);
    }
    assert_eq!(counter[0].labels.len(), 5);
    assert_values(
        prometheus,
        &[
            ("kinds_size_bytes", -2.5),
            ("kinds_in_flight", -3.0),
            ("kinds_wait_seconds_bucket{le=\"0.1\"}", 3.0),
            ("kinds_wait_seconds_bucket{le=\"1.0\"}", 4.0),
            ("kinds_wait_seconds_bucket{le=\"+Inf\"}", 6.0),
            ("kinds_wait_seconds_sum", 11.5),
            ("kinds_wait_seconds_count", 6.0),
            ("kinds_both_bytes_bucket{le=\"4.0\"}", 11.0),
            ("kinds_ages_count", 2.0),
            ("kinds_delay_seconds{quantile=\"0.5\"}", 0.25),
            ("kinds_delay_seconds_count", 10.0),
            ("kinds_build_info{version=\"1.2\"}", 1.0),
            ("kinds_state{kinds_state=\"running\"}", 1.0),
            ("kinds_state{kinds_state=\"starting\"}", 0.0),
        ],
    );
    let seen = kinds.seen.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    for (selector, value) in [("kinds_requests_total", 1.0), ("kinds_wait_seconds_bucket{le=\"1.0\"}", 0.7)] {
        let exemplars = prometheus.exemplars(selector);
        assert_eq!(exemplars.len(), 1, "{selector}: {exemplars:?}");
        assert_eq!(exemplars[0].labels["trace_id"], "4bf92f3577b34da6");
        assert_eq!(exemplars[0].value.to_bits(), f64::to_bits(value));
        assert!((exemplars[0].timestamp - seen).abs() < 0.002);
    }
}

/// Of the histogram of 15 observations: 2 below zero, 5 at it, one up to 2, three up to 4, four up to 256.
fn has_the_native_histogram(prometheus: &Prometheus, name: &str) {
    assert_values(
        prometheus,
        &[
            (&format!("histogram_count({name})"), 15.0),
            (&format!("histogram_sum({name})"), 700.25),
            (&format!("histogram_fraction(-8, -0.5, {name}) * 15"), 2.0),
            (&format!("histogram_fraction(1, 4, {name}) * 15"), 4.0),
            (&format!("histogram_fraction(2, 4, {name}) * 15"), 3.0),
            (&format!("histogram_fraction(128, 256, {name}) * 15"), 4.0),
            (&format!("histogram_quantile(1, {name})"), 256.0),
        ],
    );
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn a_prometheus_3_has_by_version_2_all_that_was_sent() {
    let features =
        ["exemplar-storage", "native-histograms", "created-timestamp-zero-ingestion", "metadata-wal-records"];
    let prometheus = receiver(Release::Three, &features);
    let kinds = EveryKind::now();
    let writer = RemoteWrite::new(kinds, config(&prometheus).with_version(RemoteWriteVersion::Two));
    let report = writer.push_blocking().unwrap();
    assert_eq!((report.points(), report.requests()), (10, 1));
    has_every_kind(&prometheus, kinds);
    has_the_native_histogram(&prometheus, "kinds_native_bytes");
    has_the_native_histogram(&prometheus, "kinds_both_bytes");
    assert_eq!(prometheus.query("kinds_native_bytes_count"), []);
    let exemplars = prometheus.exemplars("kinds_native_bytes");
    assert_eq!(exemplars.iter().map(|exemplar| exemplar.value).collect::<Vec<_>>(), [1.5, 3.0]);

    // The series began with nothing, at the time at which it did.
    let created = kinds.created.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    for selector in ["kinds_requests_total", "kinds_wait_seconds_count"] {
        let samples = prometheus.samples(selector, 120).pop().unwrap();
        assert_eq!(samples.values.len(), 2, "{selector}: {samples:?}");
        assert_eq!(samples.values[0].to_bits(), 0.0_f64.to_bits(), "{selector}");
        assert!((samples.times[0] - created).abs() < 0.002, "{selector}: {samples:?} {created}");
        assert!((now() - samples.times[1]).abs() < 30.0);
    }
    assert_values(&prometheus, &[("histogram_count(increase(kinds_native_bytes[2m])) > bool 10", 1.0)]);

    // The same again is later, and no complaint.
    let writer = RemoteWrite::new(EveryKind { total: 9, ..kinds }, config(&prometheus));
    writer.push_blocking().unwrap();
    assert_values(&prometheus, &[("kinds_requests_total", 9.0)]);
    assert_eq!(prometheus.exemplars("kinds_requests_total").len(), 1);
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn a_prometheus_3_has_utf8_names_as_they_are() {
    let prometheus = receiver(Release::Three, &[]);
    let registry = MetricsRegistry::with_config(nilometer::RegistryConfig::new().with_utf8_names(true));
    let requests = registry.register_counter("http.requests_total", "Requests.").unwrap();
    requests.get_or_create(&[("http.method", "GET")]).inc_by(3);
    let config = config(&prometheus).with_escaping(nilometer_prometheus::EscapingScheme::AllowUtf8);
    RemoteWrite::new(registry, config).push_blocking().unwrap();
    assert_values(&prometheus, &[("{\"http.requests_total\",\"http.method\"=\"GET\"}", 3.0)]);
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn a_prometheus_2_gets_by_version_1_what_it_made_nothing_of() {
    let prometheus = receiver(Release::Two, &["exemplar-storage"]);
    let kinds = EveryKind::now();
    let report = RemoteWrite::new(kinds, config(&prometheus)).push_blocking().unwrap();
    assert_eq!((report.points(), report.requests()), (10, 1));
    has_every_kind(&prometheus, kinds);
    assert_values(&prometheus, &[("kinds_native_bytes_bucket{le=\"4.0\"}", 11.0)]);
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn a_prometheus_2_has_native_histograms_by_version_1() {
    let prometheus = receiver(Release::Two, &["exemplar-storage", "native-histograms"]);
    let kinds = EveryKind::now();
    let config = config(&prometheus).with_native_histograms(NativeHistograms::Always);
    RemoteWrite::new(kinds, config).push_blocking().unwrap();
    has_every_kind(&prometheus, kinds);
    has_the_native_histogram(&prometheus, "kinds_native_bytes");
    has_the_native_histogram(&prometheus, "kinds_both_bytes");
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn a_prometheus_without_native_histograms_gets_explicit_buckets() {
    for release in [Release::Two, Release::Three] {
        let prometheus = receiver(release, &["exemplar-storage"]);
        let kinds = EveryKind::now();
        let config = config(&prometheus).with_native_histograms(NativeHistograms::Always);
        let report = RemoteWrite::new(kinds, config).push_blocking().unwrap();
        assert_eq!(report.points(), 10);
        has_every_kind(&prometheus, kinds);
        let explicit = prometheus.query("kinds_native_bytes_bucket{le=\"4.0\"}");
        let native = prometheus.query("histogram_count(kinds_native_bytes)");
        // A Prometheus from 3.8 on has them without being asked.
        match (&*explicit, &*native) {
            ([explicit], []) => assert_eq!(explicit.values, [11.0]),
            ([], [native]) if release == Release::Three => assert_eq!(native.values, [15.0]),
            other => unreachable!("{other:?}"),
        }
    }
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn a_task_in_the_background_shows_what_happens_and_ends_its_series_with_itself() {
    for release in [Release::Two, Release::Three] {
        let prometheus = receiver(release, &["native-histograms"]);
        let registry = MetricsRegistry::new();
        let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap().default();
        registry.register_collector("kinds", EveryKind::now()).unwrap();
        let config = config(&prometheus)
            .with_interval(Duration::from_millis(50))
            .with_native_histograms(NativeHistograms::Always);
        let pusher = RemoteWrite::new(registry, config).start().unwrap();
        wait_for("some values", || {
            jobs.inc();
            let count = prometheus.query("count_over_time(jobs_total[1m])");
            count.first().filter(|count| count.values[0] >= 5.0).map(drop)
        });
        pusher.flush_blocking(Duration::from_secs(30)).unwrap();
        let total = jobs.get().to_string().parse::<f64>().unwrap();
        assert_values(&prometheus, &[("jobs_total", total), ("histogram_count(kinds_native_bytes)", 15.0)]);
        pusher.shutdown_blocking(Duration::from_secs(30)).unwrap();
        for query in ["jobs_total", "kinds_native_bytes", "kinds_state", "kinds_wait_seconds_bucket"] {
            assert_eq!(prometheus.query(query), [], "{query} has ended in {release:?}");
        }
        assert_values(&prometheus, &[("last_over_time(jobs_total[1m])", total)]);
    }
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn a_series_that_is_removed_is_in_no_query_from_the_next_collection_on() {
    for release in [Release::Two, Release::Three] {
        let prometheus = receiver(release, &["native-histograms"]);
        let registry = MetricsRegistry::new();
        let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap();
        let wait = registry.family::<Histogram>("wait_seconds", "Waits.");
        let wait = wait.with_exponential(ExponentialConfig::new()).register().unwrap();
        for queue in ["mail", "print"] {
            jobs.get_or_create(&[("queue", queue)]).inc();
            wait.get_or_create(&[("queue", queue)]).observe(0.5);
        }
        let config = config(&prometheus)
            .with_interval(Duration::from_hours(1))
            .with_native_histograms(NativeHistograms::Always);
        let pusher = RemoteWrite::new(registry, config).start().unwrap();
        pusher.flush_blocking(Duration::from_secs(30)).unwrap();
        assert_eq!(prometheus.query("jobs_total").len(), 2);
        let all = prometheus.query("{__name__=~\"jobs_total|wait_seconds.*\",queue=\"mail\"}").len();
        assert!(all >= 2, "{all}");
        assert!(jobs.remove(&[("queue", "mail")]));
        assert!(wait.remove(&[("queue", "mail")]));
        pusher.flush_blocking(Duration::from_secs(30)).unwrap();
        for query in ["{queue=\"mail\"}", "histogram_count(wait_seconds{queue=\"mail\"})"] {
            assert_eq!(prometheus.query(query), [], "{query} has ended in {release:?}");
        }
        assert_values(
            &prometheus,
            &[
                ("jobs_total", 1.0),
                ("histogram_count(wait_seconds)", 1.0),
                ("last_over_time(jobs_total{queue=\"mail\"}[1m])", 1.0),
            ],
        );
        drop(pusher);
    }
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn a_prometheus_that_comes_back_has_the_totals() {
    let prometheus = receiver(Release::Three, &[]);
    let address = prometheus.address();
    let registry = MetricsRegistry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap().default();
    let config = config(&prometheus).with_interval(Duration::from_millis(50));
    let pusher = RemoteWrite::new(registry, config).start().unwrap();
    pusher.flush_blocking(Duration::from_secs(30)).unwrap();
    drop(prometheus);
    jobs.inc_by(41);
    assert!(pusher.flush_blocking(Duration::from_millis(300)).is_err());
    let prometheus = Setup::of(Release::Three).with_arguments(&RECEIVER).start_at(address, &[]);
    jobs.inc();
    pusher.flush_blocking(Duration::from_secs(30)).unwrap();
    assert_values(&prometheus, &[("jobs_total", 42.0)]);
    drop(pusher);
}

#[cfg(feature = "server")]
#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn a_prometheus_3_that_has_tls_and_asks_for_a_password_gets_what_is_pushed() {
    let (authority, other, files) = (Authority::new("authority"), Authority::new("other"), Files::new());
    let own = authority.issue("127.0.0.1");
    let roots = files.put("ca.crt", &authority.pem());
    let web_config = files.put(
        "web.yml",
        &format!(
            "tls_server_config:\n  cert_file: {}\n  key_file: {}\nbasic_auth_users:\n  shop: {}\n",
            files.put("tls.crt", &own.certificate).display(),
            files.put("tls.key", &own.key).display(),
            bcrypt::hash("correct-horse", 5).unwrap(),
        ),
    );
    let access = Access { web_config: &web_config, agent: &agent(&authority), user: "shop:correct-horse" };
    let setup = Setup::of(Release::Three).with_features(&["exemplar-storage"]).with_arguments(&RECEIVER);
    let prometheus = setup.with_access(access).start(&[]);
    let url = format!("https://{}/api/v1/write", prometheus.address());
    let endpoint = |roots| {
        let endpoint = PushEndpoint::try_new_with_tls(&url, &PushTlsConfig::new().with_roots(roots)).unwrap();
        endpoint.with_retries(RetryPolicy::new().with_attempts(1))
    };
    let labels = LabelSet::try_from_pairs(&[("job", "shop"), ("instance", "a/b:1")]).unwrap();
    let kinds = EveryKind::now();
    let writer =
        |endpoint| RemoteWrite::new(kinds, RemoteWriteConfig::new(endpoint).with_labels(labels.clone()));

    match writer(endpoint(roots.clone())).push_blocking().unwrap_err() {
        PushError::Status { status: 401, .. } => {}
        other => unreachable!("{other:?}"),
    }
    let untrusted = endpoint(files.put("other.crt", &other.pem()));
    match writer(untrusted.try_with_basic_auth("shop", "correct-horse").unwrap()).push_blocking().unwrap_err()
    {
        PushError::Unreachable { source, .. } => {
            let reason = source.source().unwrap().to_string();
            assert_eq!(reason, "invalid peer certificate: UnknownIssuer");
        }
        other => unreachable!("{other:?}"),
    }
    assert_eq!(prometheus.query("kinds_requests_total"), []);

    let endpoint = endpoint(roots).try_with_basic_auth("shop", "correct-horse").unwrap();
    let report = writer(endpoint.clone()).push_blocking().unwrap();
    assert_eq!((report.points(), report.requests()), (10, 1));
    has_every_kind(&prometheus, kinds);
    let pusher = writer(endpoint).start().unwrap();
    pusher.flush_blocking(Duration::from_secs(30)).unwrap();
    assert_values(&prometheus, &[("count_over_time(kinds_requests_total[1m]) > bool 1", 1.0)]);
    pusher.shutdown_blocking(Duration::from_secs(30)).unwrap();
    assert_eq!(prometheus.query("kinds_requests_total"), [], "it has ended");
}

#[test]
#[ignore = "needs a real Pushgateway; .ci/run runs it"]
fn a_pushgateway_has_what_was_pushed_until_it_is_deleted() {
    let gateway = Gateway::start();
    let endpoint = || PushEndpoint::try_new(&format!("http://{}", gateway.address())).unwrap();
    let values = [("empty", ""), ("path", "/var/lib"), ("dots", ".."), ("text", "é /?#%\"\\\n")];
    let group = values.iter().fold(GroupingKey::try_new("back/up").unwrap(), |group, (name, value)| {
        group.try_with_label(*name, *value).unwrap()
    });
    // The page is read without empty values, which Prometheus takes for absent.
    let labels = |more: &[(&'static str, &'static str)]| {
        let all = values[1..].iter().chain([&("job", "back/up")]).chain(more).copied();
        all.collect::<Vec<(&str, &str)>>()
    };

    let kinds = EveryKind::now();
    let config = |mode| PushgatewayConfig::new(endpoint(), group.clone()).with_mode(mode);
    let report = Pushgateway::new(kinds, config(PushMode::Replace)).push_blocking().unwrap();
    assert_eq!(report.points(), 10);
    let page = gateway.page();
    assert_eq!(page.value("kinds_size_bytes", &labels(&[])), Some(-2.5));
    assert!(gateway.text().contains("kinds_size_bytes{dots=\"..\",empty=\"\",instance=\"\",job=\"back/up\""));
    assert_eq!(page.value("kinds_build_info", &labels(&[("version", "1.2")])), Some(1.0));
    match page.series("kinds_wait_seconds", &labels(&[])) {
        Some(Series::Histogram { count, .. }) => assert_eq!(*count, 6),
        other => unreachable!("{other:?}"),
    }
    // Prometheus itself says whether the gateway took the page for a good one.
    let success = page.value("push_time_seconds", &labels(&[])).unwrap();
    assert!((now() - success).abs() < 60.0);
    assert_eq!(page.value("push_failure_time_seconds", &labels(&[])), Some(0.0));

    // Another page is added to it, then takes its place.
    let registry = MetricsRegistry::new();
    registry.register_counter("jobs_total", "Jobs.").unwrap().default().inc_by(5);
    Pushgateway::new(registry.clone(), config(PushMode::Add)).push_blocking().unwrap();
    let page = gateway.page();
    assert_eq!(page.value("jobs_total", &labels(&[])), Some(5.0));
    assert_eq!(page.value("kinds_size_bytes", &labels(&[])), Some(-2.5));
    let only = Pushgateway::new(registry.clone(), config(PushMode::Replace));
    only.push_blocking().unwrap();
    let page = gateway.page();
    assert_eq!(page.value("jobs_total", &labels(&[])), Some(5.0));
    assert_eq!(page.family("kinds_size_bytes"), None);
    let other = PushgatewayConfig::new(endpoint(), GroupingKey::try_new("other").unwrap());
    Pushgateway::new(registry, other).push_blocking().unwrap();
    only.delete_blocking().unwrap();
    let page = gateway.page();
    assert_eq!(page.value("jobs_total", &labels(&[])), None);
    assert_eq!(page.value("jobs_total", &[("job", "other")]), Some(5.0));
}
