//! What remote write sends, read by messages of the tests' own.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use nilometer::{LabelSet, MetricsRegistry, RegistryConfig};
use nilometer_prometheus::EscapingScheme;
use nilometer_prometheus::push::{
    NativeHistograms, PushEndpoint, RemoteWrite, RemoteWriteConfig, RemoteWriteVersion,
};
use nilometer_tests::kinds::EveryKind;
use nilometer_tests::receiver::{Reaction, Receiver};
use nilometer_tests::remote_write::{BucketSpan, MetricType, Version, Written};

/// A receiver of version 2.0 that has written all.
fn receiver() -> Receiver {
    Receiver::start(|_, _| Reaction::written())
}

fn config(receiver: &Receiver) -> RemoteWriteConfig {
    let url = format!("http://{}/api/v1/write", receiver.address());
    RemoteWriteConfig::new(PushEndpoint::try_new(&url).unwrap())
}

fn milliseconds(time: SystemTime) -> i64 {
    i64::try_from(time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Pushes once, and reads the one request.
fn pushed(kinds: EveryKind, change: impl FnOnce(RemoteWriteConfig) -> RemoteWriteConfig) -> Written {
    let receiver = receiver();
    let report = RemoteWrite::new(kinds, change(config(&receiver))).push_blocking().unwrap();
    let requests = receiver.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!((report.points(), report.requests(), report.skipped()), (10, 1, 0));
    assert_eq!(report.bytes(), requests[0].body.len() as u64);
    assert_eq!(requests[0].path, "/api/v1/write");
    Written::read(&requests[0])
}

/// What both versions say alike.
fn has_all_kinds(written: &Written, kinds: EveryKind) {
    let value = |name: &str, labels: &[(&str, &str)]| {
        let series = written.one(name, labels);
        (series.value.unwrap(), series.metadata.clone().map(|(kind, _, _)| kind))
    };
    let counter = written.one("kinds_requests_total", &[("path", "/a\"b\\c\nd"), ("Zone", "é")]);
    assert_eq!(counter.value, Some(7.0));
    let (labels, example, time) = &counter.exemplars[0];
    assert_eq!(
        (labels["trace_id"].as_str(), *example, *time),
        ("4bf92f3577b34da6", 1.0, milliseconds(kinds.seen))
    );

    assert_eq!(value("kinds_size_bytes", &[]), (-2.5, Some(MetricType::Gauge)));
    assert_eq!(value("kinds_in_flight", &[]).0.to_bits(), (-3.0_f64).to_bits());
    for (le, count, example) in [("0.1", 3.0, Some(0.05)), ("1.0", 4.0, Some(0.7)), ("+Inf", 6.0, None)] {
        let bucket = written.one("kinds_wait_seconds_bucket", &[("le", le)]);
        assert_eq!(bucket.value, Some(count), "{le}");
        assert_eq!(bucket.exemplars.first().map(|(_, value, _)| *value), example, "{le}");
    }
    assert_eq!(value("kinds_wait_seconds_sum", &[]).0.to_bits(), 11.5_f64.to_bits());
    assert_eq!(value("kinds_wait_seconds_count", &[]).0.to_bits(), 6.0_f64.to_bits());
    assert_eq!(value("kinds_both_bytes_bucket", &[("le", "4.0")]).0.to_bits(), 11.0_f64.to_bits());
    assert_eq!(value("kinds_ages_bucket", &[("le", "+Inf")]).0.to_bits(), 2.0_f64.to_bits());
    assert_eq!(value("kinds_delay_seconds", &[("quantile", "0.5")]).0.to_bits(), 0.25_f64.to_bits());
    assert!(value("kinds_delay_seconds", &[("quantile", "0.99")]).0.is_nan());
    assert!(!written.one("kinds_delay_seconds", &[("quantile", "0.99")]).is_stale(), "NaN is a value");
    assert_eq!(value("kinds_delay_seconds_count", &[]).0.to_bits(), 10.0_f64.to_bits());
    assert_eq!(value("kinds_build_info", &[("version", "1.2")]), (1.0, Some(MetricType::Info)));
    assert_eq!(value("kinds_state", &[("kinds_state", "starting")]), (0.0, Some(MetricType::StateSet)));
    assert_eq!(value("kinds_state", &[("kinds_state", "running")]), (1.0, Some(MetricType::StateSet)));

    let times: BTreeSet<i64> = written.series.iter().map(|series| series.timestamp).collect();
    assert_eq!(times.len(), 1, "all as of one time");
    assert!((milliseconds(SystemTime::now()) - times.first().unwrap()) < 60_000);
}

/// The series of the native histogram of 15 observations.
fn has_the_native_histogram(written: &Written, name: &str) {
    let series = written.one(name, &[]);
    let native = series.histogram.as_ref().unwrap();
    assert_eq!((native.count_int, native.sum.to_bits()), (Some(15), 700.25_f64.to_bits()));
    assert_eq!((native.schema, native.zero_threshold.to_bits()), (0, 0.001_f64.to_bits()));
    assert_eq!(native.zero_count_int, Some(5));
    // Bucket 1 ends at 2, and bucket 8 at 256.
    let span = |offset, length| BucketSpan { offset, length };
    assert_eq!(native.positive_spans, [span(1, 2), span(5, 1)]);
    assert_eq!(native.positive_deltas, [1, 2, 1]);
    assert_eq!((&*native.negative_spans, &*native.negative_deltas), (&[span(2, 1)][..], &[2][..]));
    assert_eq!(native.reset_hint, 0);
    let examples: Vec<f64> = series.exemplars.iter().map(|(_, value, _)| *value).collect();
    assert_eq!(examples, [1.5, 3.0]);
}

fn has_explicit_buckets(written: &Written, name: &str) -> bool {
    written.series.iter().any(|series| series.name() == format!("{name}_bucket"))
}

#[test]
fn version_2_has_every_kind_with_created_timestamps_metadata_exemplars_and_native_histograms() {
    let kinds = EveryKind::now();
    let written = pushed(kinds, |config| config);
    assert_eq!(written.version, Version::Two);
    has_all_kinds(&written, kinds);
    has_the_native_histogram(&written, "kinds_native_bytes");
    has_the_native_histogram(&written, "kinds_both_bytes");
    assert!(!has_explicit_buckets(&written, "kinds_native_bytes"));

    let created = milliseconds(kinds.created);
    for (name, labels) in [
        ("kinds_requests_total", &[("path", "/a\"b\\c\nd"), ("Zone", "é")][..]),
        ("kinds_wait_seconds_bucket", &[("le", "+Inf")]),
        ("kinds_wait_seconds_count", &[]),
        ("kinds_native_bytes", &[]),
        ("kinds_delay_seconds_sum", &[]),
    ] {
        assert_eq!(written.one(name, labels).created, created, "{name}");
    }
    for (name, labels) in [
        ("kinds_size_bytes", &[][..]),
        ("kinds_in_flight", &[]),
        ("kinds_ages_count", &[]),
        ("kinds_delay_seconds", &[("quantile", "0.5")]),
        ("kinds_build_info", &[("version", "1.2")]),
    ] {
        assert_eq!(written.one(name, labels).created, 0, "{name}");
    }
    let (kind, help, unit) = written.one("kinds_wait_seconds_sum", &[]).metadata.clone().unwrap();
    assert_eq!((kind, &*help, &*unit), (MetricType::Histogram, "What kinds_wait_seconds is.", "seconds"));
    let kind = written.one("kinds_ages_sum", &[]).metadata.clone().unwrap().0;
    assert_eq!(kind, MetricType::GaugeHistogram);
}

#[test]
fn version_1_has_every_kind_with_exemplars_and_metadata_beside_the_series() {
    let kinds = EveryKind::now();
    let written = pushed(kinds, |config| config.with_version(RemoteWriteVersion::One));
    assert_eq!(written.version, Version::One);
    has_all_kinds(&written, kinds);
    assert!(written.series.iter().all(|series| series.histogram.is_none()), "not all receivers have them");
    assert!(has_explicit_buckets(&written, "kinds_native_bytes"));
    let expected = (MetricType::Histogram, "What kinds_wait_seconds is.".to_owned(), "seconds".to_owned());
    assert_eq!(written.families["kinds_wait_seconds"], expected);
    assert_eq!(written.families.len(), 10);
}

#[test]
fn native_histograms_are_sent_when_the_configuration_says() {
    let always = |config: RemoteWriteConfig| {
        config.with_version(RemoteWriteVersion::One).with_native_histograms(NativeHistograms::Always)
    };
    let written = pushed(EveryKind::now(), always);
    has_the_native_histogram(&written, "kinds_native_bytes");
    assert!(!has_explicit_buckets(&written, "kinds_native_bytes"));
    assert!(has_explicit_buckets(&written, "kinds_both_bytes"));

    let written = pushed(EveryKind::now(), |config| config.with_native_histograms(NativeHistograms::Never));
    assert!(written.series.iter().all(|series| series.histogram.is_none()));
    assert!(has_explicit_buckets(&written, "kinds_native_bytes"));
}

#[test]
fn labels_of_the_configuration_are_on_all_series_that_do_not_have_them() {
    let labels = LabelSet::try_from_pairs(&[("job", "shop"), ("version", "0"), ("Area", "x")]).unwrap();
    let written = pushed(EveryKind::now(), |config| config.with_labels(labels));
    let size = written.one("kinds_size_bytes", &[("job", "shop"), ("version", "0"), ("Area", "x")]);
    assert_eq!(size.value, Some(-2.5));
    let info = written.one("kinds_build_info", &[("job", "shop"), ("version", "1.2"), ("Area", "x")]);
    assert_eq!(info.value, Some(1.0));
}

#[test]
fn a_label_of_the_configuration_that_is_called_like_a_state_set_is_not_on_its_states() {
    let labels = LabelSet::from_pairs(&[("job", "shop"), ("kinds_state", "of the configuration")]);
    let written = pushed(EveryKind::now(), |config| config.with_labels(labels));
    let of_states = [("job", "shop"), ("kinds_state", "running")];
    assert_eq!(written.one("kinds_state", &of_states).value, Some(1.0));
    let of_others = [("job", "shop"), ("kinds_state", "of the configuration")];
    assert_eq!(written.one("kinds_in_flight", &of_others).value, Some(-3.0));
}

#[test]
fn names_outside_the_classic_alphabet_are_escaped_as_the_configuration_says() {
    let receiver = receiver();
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_utf8_names(true));
    let requests = registry.register_counter("http.requests_total", "Requests.").unwrap();
    requests.get_or_create(&[("http.method", "GET"), ("a", "b")]).inc_by(3);
    for (scheme, name, label) in [
        (EscapingScheme::Underscores, "http_requests_total", "http_method"),
        (EscapingScheme::AllowUtf8, "http.requests_total", "http.method"),
        (EscapingScheme::Values, "U__http_2e_requests__total", "U__http_2e_method"),
    ] {
        RemoteWrite::new(registry.clone(), config(&receiver).with_escaping(scheme)).push_blocking().unwrap();
        let written = Written::read(receiver.requests().last().unwrap());
        assert_eq!(written.one(name, &[(label, "GET"), ("a", "b")]).value, Some(3.0), "{scheme}");
    }
}

#[test]
fn requests_have_as_many_series_as_configured_and_a_histogram_stays_together() {
    let receiver = receiver();
    let registry = MetricsRegistry::new();
    let requests = registry.register_counter("requests_total", "Requests.").unwrap();
    for path in 0..95_u64 {
        requests.get_or_create(&[("path", &path.to_string())]).inc_by(path);
    }
    let wait = registry.register_histogram("wait_seconds", "Waits.", &[0.5, 1.0]).unwrap();
    wait.default().observe(0.7);
    let report =
        RemoteWrite::new(registry, config(&receiver).with_request_series(10)).push_blocking().unwrap();
    assert_eq!((report.points(), report.requests()), (96, 10));
    let written: Vec<Written> = receiver.requests().iter().map(Written::read).collect();
    assert_eq!(written.len(), 10);
    let times: BTreeSet<i64> =
        written.iter().flat_map(|one| &one.series).map(|series| series.timestamp).collect();
    assert_eq!(times.len(), 1, "all of them as of one time");
    assert!(written.iter().all(|one| one.series.len() <= 9 + 5), "ten and what is left of a histogram");
    let whole = |one: &Written| one.series.iter().filter(|one| one.name().starts_with("wait")).count();
    assert_eq!(written.iter().map(whole).filter(|&count| count > 0).collect::<Vec<_>>(), [5]);
    let paths = written.iter().flat_map(|one| &one.series).filter(|one| one.name() == "requests_total");
    let values: BTreeSet<(String, u64)> =
        paths.map(|one| (one.labels["path"].clone(), one.value.unwrap().to_bits())).collect();
    let expected = (0..95_u32).map(|path| (path.to_string(), f64::from(path).to_bits())).collect();
    assert_eq!(values, expected);
}

#[test]
fn each_collection_is_later_than_the_one_before() {
    let receiver = receiver();
    let registry = MetricsRegistry::new();
    registry.register_gauge("depth", "Jobs.").unwrap().default().set(1.0);
    let writer = RemoteWrite::new(registry, config(&receiver));
    for _ in 0..5 {
        writer.push_blocking().unwrap();
    }
    let times: Vec<i64> =
        receiver.requests().iter().map(|request| Written::read(request).series[0].timestamp).collect();
    assert!(times.windows(2).all(|two| two[0] < two[1]), "{times:?}");
}

#[test]
fn credentials_and_headers_are_sent_with_every_request() {
    let receiver = receiver();
    let endpoint = PushEndpoint::try_new(&format!("http://{}/write?a=b", receiver.address()))
        .unwrap()
        .try_with_bearer_token("s3cr3t")
        .unwrap()
        .try_with_header("X-Scope-OrgID", "shop")
        .unwrap();
    let registry = MetricsRegistry::new();
    registry.register_gauge("depth", "Jobs.").unwrap().default().set(1.0);
    RemoteWrite::new(registry, RemoteWriteConfig::new(endpoint)).push_blocking().unwrap();
    let request = &receiver.requests()[0];
    assert_eq!(request.path, "/write?a=b");
    assert_eq!(request.header("authorization"), Some("Bearer s3cr3t"));
    assert_eq!(request.header("x-scope-orgid"), Some("shop"));
    assert!(request.header("user-agent").unwrap().starts_with("nilometer/"));
}

#[test]
fn nothing_is_sent_where_there_is_nothing() {
    let receiver = receiver();
    let report = RemoteWrite::new(MetricsRegistry::new(), config(&receiver)).push_blocking().unwrap();
    assert_eq!((report.points(), report.requests(), receiver.requests().len()), (0, 0, 0));
}

#[test]
fn a_shutdown_sends_the_last_values_and_then_that_each_series_has_ended() {
    let receiver = receiver();
    let pusher = RemoteWrite::new(EveryKind::now(), config(&receiver)).start().unwrap();
    drop(receiver.wait_for(1));
    pusher.shutdown_blocking(Duration::from_secs(30)).unwrap();
    let written: Vec<Written> = receiver.requests().iter().map(Written::read).collect();
    assert_eq!(written.len(), 3, "at the start, at the end, and the markers");
    let (values, markers) = (&written[1], &written[2]);
    assert!(values.series.iter().all(|series| !series.is_stale()));
    assert!(markers.series.iter().all(|series| series.is_stale() && series.exemplars.is_empty()));
    assert!(values.series[0].timestamp < markers.series[0].timestamp);
    let names = |of: &Written| of.series.iter().map(|series| series.labels.clone()).collect::<Vec<_>>();
    assert_eq!(names(values), names(markers));
    let native = markers.one("kinds_native_bytes", &[]).histogram.as_ref().unwrap();
    assert_eq!((native.count_int, native.positive_spans.len()), (Some(0), 0));
}

#[test]
fn a_shutdown_sends_no_markers_where_they_are_turned_off() {
    let receiver = receiver();
    let config = config(&receiver).with_staleness_markers(false);
    let pusher = RemoteWrite::new(EveryKind::now(), config).start().unwrap();
    drop(receiver.wait_for(1));
    pusher.shutdown_blocking(Duration::from_secs(30)).unwrap();
    let written: Vec<Written> = receiver.requests().iter().map(Written::read).collect();
    assert!(written.iter().flat_map(|one| &one.series).all(|series| !series.is_stale()));
}
