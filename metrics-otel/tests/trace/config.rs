//! What a configuration takes, and what it makes of the environment.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use nilometer_otel::OtelConfig;
use nilometer_otel::trace::{Compression, OtelConfigError, Protocol, Sampling};
use proptest::prelude::*;

fn from(variables: &[(&str, &str)]) -> OtelConfig {
    OtelConfig::from_variables(|name| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
    })
}

fn ignored(config: &OtelConfig) -> Vec<&str> {
    config.ignored_variables().iter().map(nilometer_otel::trace::IgnoredVariable::name).collect()
}

#[test]
fn a_builder_refuses_what_is_malformed() {
    let config = || OtelConfig::new("test");
    for endpoint in [
        "",
        "collector",
        "collector:4317",
        "ftp://collector",
        "http://",
        "http:///v1/traces",
        "/v1/traces",
        "http://collector:port",
        "http://collector:99999",
        "http://coll ector",
    ] {
        let error = config().with_endpoint(endpoint).unwrap_err();
        assert!(matches!(error, OtelConfigError::InvalidEndpoint { .. }), "{endpoint}: {error}");
    }
    for (name, value) in [
        ("", "a"),
        ("a b", "a"),
        ("a", "b\nc"),
        ("a", "\u{e9}"),
        ("Content-Type", "text/plain"),
        ("key-bin", "a"),
    ] {
        let error = config().with_header(name, value).unwrap_err();
        assert!(matches!(error, OtelConfigError::InvalidHeader { .. }), "{name}: {error}");
    }
    for ratio in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert!(Sampling::try_ratio(ratio).is_err(), "{ratio}");
    }
    assert!(config().with_timeout(Duration::ZERO).is_err());
    assert!(config().with_delay(Duration::ZERO).is_err());
    assert!(config().with_queue_size(0).is_err());
    assert!(config().with_batch_size(0).is_err());
    assert!(config().with_attribute("", "value").is_err());
}

#[test]
fn secrets_are_not_shown() {
    let config = OtelConfig::new("test").with_header("authorization", "Bearer hunter2").unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    assert_eq!(config.header("Authorization"), Some("Bearer hunter2"));
    let errors = [
        config.clone().with_header("x", "hunter2\n").unwrap_err(),
        config.with_endpoint("http://user:hunter2@collector").unwrap_err(),
        from(&[("OTEL_EXPORTER_OTLP_HEADERS", "hunter2")]).ignored_variables()[0].error().clone(),
    ];
    for error in errors {
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn an_environment_that_says_nothing_is_the_default() {
    let names = [
        "OTEL_SERVICE_NAME",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_EXPORTER_OTLP_TIMEOUT",
        "OTEL_EXPORTER_OTLP_COMPRESSION",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_TRACES_SAMPLER",
        "OTEL_TRACES_SAMPLER_ARG",
        "OTEL_SDK_DISABLED",
    ];
    let empty = names.map(|name| (name, ""));
    for config in [from(&[]), from(&empty)] {
        assert_eq!(config.service_name(), "unknown_service");
        assert_eq!(config.timeout(), Duration::from_secs(10));
        assert_eq!(config.compression(), None);
        assert_eq!(config.protocol(), Protocol::Http);
        assert_eq!(config.sampling(), &Sampling::AlwaysOn.parent_based());
        assert!(!config.is_disabled());
        assert_eq!(ignored(&config), [""; 0]);
    }
    let http = OtelConfig::default().with_protocol(Protocol::Http);
    assert_eq!(http.endpoint(), "http://localhost:4318/v1/traces");
    assert_eq!(OtelConfig::default().with_protocol(Protocol::Grpc).endpoint(), "http://localhost:4317/");
}

#[test]
fn the_environment_says_all_that_the_builder_can() {
    let config = from(&[
        ("OTEL_SERVICE_NAME", "checkout"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other, service.version=1%2E4 ,,deployment=a%2Cb="),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4318/base/"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x,tenant=blue"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ("OTEL_SDK_DISABLED", "TRUE"),
    ]);
    assert_eq!(ignored(&config), [""; 0]);
    assert_eq!(config.service_name(), "checkout");
    assert_eq!(config.attribute("service.version"), Some("1.4"));
    assert_eq!(config.attribute("deployment"), Some("a,b="));
    assert_eq!(config.endpoint(), "https://collector:4318/base/v1/traces");
    assert_eq!(config.header("authorization"), Some("Bearer x"));
    assert_eq!(config.header("tenant"), Some("blue"));
    assert_eq!(config.timeout(), Duration::from_millis(2500));
    assert_eq!(config.compression(), Some(Compression::Gzip));
    assert_eq!(config.protocol(), Protocol::Http);
    assert_eq!(config.sampling(), &Sampling::Ratio(0.25).parent_based());
    assert!(config.is_disabled());
}

#[test]
fn what_is_said_of_traces_goes_before_what_is_said_of_all() {
    let config = from(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:1"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:2/here"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=all"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "b=traces"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
    ]);
    assert_eq!(config.endpoint(), "http://traces:2/here");
    assert_eq!((config.header("a"), config.header("b")), (None, Some("traces")));
    assert_eq!(config.timeout(), Duration::from_millis(2));
    assert_eq!(config.compression(), None);
    assert_eq!(config.protocol(), Protocol::Http);
}

#[test]
fn malformed_variables_are_ignored_and_listed() {
    let malformed = [
        ("OTEL_RESOURCE_ATTRIBUTES", "a=b,c"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=%ff"),
        ("OTEL_RESOURCE_ATTRIBUTES", "=b"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a b=c"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=%0a"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "-1"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "99999999999999999999999"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "brotli"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_TRACES_SAMPLER", "xray"),
    ];
    for (name, value) in malformed {
        let config = from(&[(name, value)]);
        assert_eq!(ignored(&config), [name], "{value}");
        assert_eq!(config.endpoint(), OtelConfig::default().endpoint());
        assert_eq!(config.timeout(), Duration::from_secs(10));
    }
    // Half of the list would be misleading: none of it is taken.
    assert_eq!(from(&[("OTEL_RESOURCE_ATTRIBUTES", "a=b,c")]).attribute("a"), None);
    // The generic one stands in for a specific one that says nothing.
    let config = from(&[("OTEL_EXPORTER_OTLP_TIMEOUT", "7"), ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "x")]);
    assert_eq!(config.timeout(), Duration::from_millis(7));
    // A sampler keeps its name when its argument says nothing.
    let config = from(&[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")]);
    assert_eq!(
        (config.sampling(), &*ignored(&config)),
        (&Sampling::Ratio(1.0), &["OTEL_TRACES_SAMPLER_ARG"][..])
    );
    let bytes = OtelConfig::from_variables(|name| {
        (name == "OTEL_SERVICE_NAME").then(|| OsString::from_vec(vec![0xff]))
    });
    assert_eq!((ignored(&bytes), bytes.service_name()), (vec!["OTEL_SERVICE_NAME"], "unknown_service"));
}

#[test]
fn every_sampler_has_its_name() {
    for (name, sampling) in [
        ("always_on", Sampling::AlwaysOn),
        ("always_off", Sampling::AlwaysOff),
        ("traceidratio", Sampling::Ratio(0.5)),
        ("parentbased_always_on", Sampling::AlwaysOn.parent_based()),
        ("parentbased_always_off", Sampling::AlwaysOff.parent_based()),
        ("parentbased_traceidratio", Sampling::Ratio(0.5).parent_based()),
    ] {
        let config = from(&[("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", "0.5")]);
        assert_eq!(config.sampling(), &sampling);
    }
}

proptest! {
    #[test]
    fn garbage_in_variables_never_panics(values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 16)) {
        let names = [
            "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SDK_DISABLED", "OTEL_TRACES_SAMPLER",
            "OTEL_TRACES_SAMPLER_ARG", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS",
            "OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_COMPRESSION", "OTEL_EXPORTER_OTLP_PROTOCOL",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        ];
        let config = OtelConfig::from_variables(|name| {
            let index = names.iter().position(|known| *known == name)?;
            Some(OsString::from_vec(values[index].clone()))
        });
        prop_assert!(config.endpoint().starts_with("http"));
    }
}
