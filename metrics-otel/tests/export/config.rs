//! What the environment says, and what a configuration refuses.

use std::ffi::OsString;
use std::time::Duration;

use nilometer_otel::export::OtlpExporterConfig;
use nilometer_otel::{
    Compression, HistogramAggregation, IgnoredVariable, OtelConfigError, Protocol, Resource,
    TemporalityPreference,
};

fn from(variables: &[(&str, &str)]) -> OtlpExporterConfig {
    OtlpExporterConfig::from_variables(|name| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
    })
}

fn ignored(config: &OtlpExporterConfig) -> Vec<&str> {
    config.ignored_variables().iter().map(IgnoredVariable::name).collect()
}

#[test]
fn without_variables_the_specifications_defaults_hold() {
    let names = [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "OTEL_METRIC_EXPORT_INTERVAL",
        "OTEL_METRIC_EXPORT_TIMEOUT",
        "OTEL_METRICS_EXPORTER",
        "OTEL_SDK_DISABLED",
    ];
    let empty = names.map(|name| (name, ""));
    for config in [from(&[]), from(&empty), OtlpExporterConfig::new(Resource::default())] {
        assert_eq!(config.resource(), &Resource::new("unknown_service"));
        assert_eq!((config.timeout(), config.interval()), (Duration::from_secs(10), Duration::from_mins(1)));
        assert_eq!(config.export_timeout(), Duration::from_secs(30));
        assert_eq!((config.compression(), config.is_disabled()), (None, false));
        assert_eq!(config.temporality(), TemporalityPreference::Cumulative);
        assert_eq!(config.histogram_aggregation(), HistogramAggregation::default());
        assert_eq!(ignored(&config), [""; 0]);
    }
}

#[test]
fn what_is_said_of_metrics_goes_before_what_is_said_of_all() {
    let all = [
        ("OTEL_SERVICE_NAME", "checkout"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,zone=eu%2C1"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/base/"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "tenant=blue,token=a%20b"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "LowMemory"),
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1500"),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "700"),
    ];
    let config = from(&all);
    assert_eq!(ignored(&config), [""; 0]);
    assert_eq!(config.resource().get("service.name"), Some(&"checkout".into()));
    assert_eq!(config.resource().get("zone"), Some(&"eu,1".into()));
    assert_eq!(config.endpoint(), "http://collector:4318/base/v1/metrics");
    assert_eq!((config.header("tenant"), config.header("token")), (Some("blue"), Some("a b")));
    assert_eq!(config.timeout(), Duration::from_millis(2500));
    assert_eq!(config.compression(), Some(Compression::Gzip));
    assert_eq!(config.temporality(), TemporalityPreference::LowMemory);
    assert_eq!(config.histogram_aggregation(), HistogramAggregation::Exponential);
    assert_eq!(
        (config.interval(), config.export_timeout()),
        (Duration::from_millis(1500), Duration::from_millis(700))
    );

    let own = [
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://metrics:9000/as/it/is"),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "tenant=green"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "100"),
        ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "none"),
    ];
    let config = from(&[&own[..], &all[..]].concat());
    assert_eq!(config.endpoint(), "http://metrics:9000/as/it/is");
    assert_eq!((config.header("tenant"), config.header("token")), (Some("green"), None));
    assert_eq!((config.timeout(), config.compression()), (Duration::from_millis(100), None));

    let grpc = ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc");
    let config = from(&[&[grpc], &all[..]].concat());
    assert_eq!((config.protocol(), &*config.endpoint()), (Protocol::Grpc, "http://collector:4318/base/"));
}

#[test]
fn a_target_of_grpc_without_a_scheme_is_secured_unless_it_says_otherwise() {
    let endpoint = |insecure: &str, target: &str| {
        from(&[
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_INSECURE", insecure),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", target),
        ])
        .endpoint()
    };
    assert_eq!(endpoint("", "collector:4317"), "https://collector:4317/");
    assert_eq!(endpoint("FALSE", "collector:4317"), "https://collector:4317/");
    assert_eq!(endpoint("True", "collector:4317"), "http://collector:4317/");
    assert_eq!(endpoint("true", "https://collector:4317"), "https://collector:4317/");
    assert_eq!(endpoint("false", "http://collector:4317"), "http://collector:4317/");
    // HTTP has no such targets.
    let config = from(&[
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
    ]);
    assert_eq!(ignored(&config), ["OTEL_EXPORTER_OTLP_ENDPOINT"]);
}

#[test]
fn what_is_malformed_is_ignored_and_said() {
    let bad = [
        ("OTEL_RESOURCE_ATTRIBUTES", "zone"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "ftp://collector"),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "grpc-timeout=1S"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "-1"),
        ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "br"),
        ("OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", "/etc/tls/tls.crt"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "sometimes"),
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "none"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "soon"),
        ("OTEL_METRICS_EXPORTER", "statsd"),
    ];
    let config = from(&bad);
    let mut names = ignored(&config);
    names.sort_unstable();
    let mut expected = bad.map(|(name, _)| name);
    expected[6] = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE";
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(config.endpoint(), from(&[]).endpoint());
    assert_eq!((config.interval(), config.is_disabled()), (Duration::from_mins(1), false));
    // Where only the variable for all is right, it holds.
    let config =
        from(&[("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "never"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "5000")]);
    assert_eq!((config.timeout(), config.ignored_variables().len()), (Duration::from_secs(5), 1));
}

#[test]
fn it_can_be_switched_off() {
    for (name, value) in [("OTEL_SDK_DISABLED", "true"), ("OTEL_METRICS_EXPORTER", "none")] {
        assert!(from(&[(name, value)]).is_disabled(), "{name}");
    }
    assert!(!from(&[("OTEL_SDK_DISABLED", "1"), ("OTEL_METRICS_EXPORTER", "otlp")]).is_disabled());
}

#[test]
fn bad_values_are_refused_where_they_are_given() {
    let config = || OtlpExporterConfig::new(Resource::new("checkout"));
    for endpoint in
        ["", "collector:4317", "http://", "ftp://collector", "http://user:pass@collector", "http://c:99999"]
    {
        let error = config().with_endpoint(endpoint).unwrap_err();
        assert!(matches!(error, OtelConfigError::InvalidEndpoint { .. }), "{endpoint}: {error}");
        assert!(!error.to_string().contains("pass"), "{error}");
    }
    for (name, value) in [
        ("", "v"),
        ("a b", "v"),
        ("tenant", "a\nb"),
        ("tenant", "ü"),
        ("content-type", "v"),
        ("grpc-timeout", "1S"),
        ("key-bin", "v"),
    ] {
        let error = config().with_header(name, value).unwrap_err();
        assert!(matches!(error, OtelConfigError::InvalidHeader { .. }), "{name}: {error}");
    }
    for result in [
        config().with_timeout(Duration::ZERO),
        config().with_interval(Duration::ZERO),
        config().with_export_timeout(Duration::ZERO),
        config().with_retry_delays(Duration::ZERO, Duration::from_secs(1)),
    ] {
        assert!(matches!(result.unwrap_err(), OtelConfigError::InvalidTime { .. }));
    }
}

#[test]
fn secrets_are_not_shown() {
    let config = OtlpExporterConfig::new(Resource::new("checkout")).with_header("token", "4f1c").unwrap();
    let shown = format!("{config:?}");
    assert!(shown.contains("token") && !shown.contains("4f1c"), "{shown}");
}

#[test]
fn a_list_of_headers_that_is_written_otherwise_tells_no_secret() {
    for list in ["Authorization: Basic dXNlcjo0ZjFj==", "Bearer 4f1c=", "token:4f1c=,tenant=blue"] {
        let config = from(&[("OTEL_EXPORTER_OTLP_HEADERS", list)]);
        let told = format!("{:?} {config:?}", config.ignored_variables());
        assert_eq!(ignored(&config), ["OTEL_EXPORTER_OTLP_HEADERS"]);
        assert!(!told.contains("4f1c") && !told.contains("dXNlcjo0ZjFj"), "{told}");
    }
    let config = from(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector?key=4f1c")]);
    let told = format!("{:?}", config.ignored_variables());
    assert!(told.contains("collector") && !told.contains("4f1c"), "{told}");
}

#[test]
fn names_are_read_in_upper_and_lower_case() {
    let config = from(&[
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "GRPC"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "Gzip"),
        ("OTEL_METRICS_EXPORTER", "None"),
    ]);
    assert_eq!(ignored(&config), [""; 0]);
    assert_eq!((config.protocol(), config.compression()), (Protocol::Grpc, Some(Compression::Gzip)));
    assert!(config.is_disabled());
}

#[test]
fn what_is_no_boolean_is_false_and_said() {
    let config = from(&[
        ("OTEL_SDK_DISABLED", "1"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_METRICS_INSECURE", "yes"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
    ]);
    assert_eq!(ignored(&config), ["OTEL_EXPORTER_OTLP_METRICS_INSECURE", "OTEL_SDK_DISABLED"]);
    assert_eq!((config.is_disabled(), &*config.endpoint()), (false, "https://collector:4317/"));
}

#[test]
fn a_query_stays_behind_the_path_and_is_not_shown() {
    let config = from(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/base/?key=4f1c")]);
    assert_eq!(config.endpoint(), "http://collector:4318/base/v1/metrics?key=4f1c");
    let shown = format!("{config:?}");
    assert!(shown.contains("http://collector:4318/base/v1/metrics") && !shown.contains("4f1c"), "{shown}");
    let exact = config.with_metrics_endpoint("http://[::1]/?key=4f1c").unwrap();
    assert_eq!(exact.endpoint(), "http://[::1]/?key=4f1c");
}
