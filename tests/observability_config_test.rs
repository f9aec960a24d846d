//! What a configuration is told: by a file, by the environment, by the program, by all of them; and what it refuses.

use std::ffi::OsString;

use nilometer::{ConfigOrigin, ObservabilityConfig, ObservabilityConfigError};
use proptest::collection::vec;
use proptest::prelude::*;

type Told = Result<ObservabilityConfig, ObservabilityConfigError>;

fn variables(variables: &[(&str, &str)]) -> Told {
    ObservabilityConfig::from_variables(variables.iter().copied())
}

/// The message of the error, that of its cause behind it.
fn refused(told: Told) -> String {
    let error = told.and_then(|config| config.check()).expect_err("it is refused");
    let cause = std::error::Error::source(&error).map(|cause| format!(" <- {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

#[test]
fn a_file_that_is_wrong_is_refused_with_the_key_the_line_and_the_value() {
    let time = "a time from 1ms to 366d, such as `500ms`, `10s` or `1m30s`, or a number of seconds";
    let cases = [
        // Unknown keys.
        ("[prometheus]\n\nprot = 9464", "line 3: there is no key `prometheus.prot`; is it `prometheus.port`?".into()),
        ("[promethius]\nport = 1", "line 1: there is no key `promethius`; is it `prometheus`?".into()),
        ("[prometheus.tsl]", "line 1: there is no key `prometheus.tsl`; is it `prometheus.tls`?".into()),
        ("colour = 'red'", "line 1: there is no key `colour`".into()),
        ("[otlp.logs]\nenabled = true", "line 1: there is no key `otlp.logs`".into()),
        ("[service]\nname.first = 'x'", "line 2: `service.name` is not a text that says something".into()),
        // Ill-typed ones.
        ("[prometheus]\nport = '9464'", "line 2: `prometheus.port` is `'9464'`, not a port from 0 to 65535".into()),
        ("[prometheus]\nport = true", "line 2: `prometheus.port` is `true`, not a port from 0 to 65535".into()),
        ("[prometheus]\nport = 94.64", "line 2: `prometheus.port` is `94.64`, not a port from 0 to 65535".into()),
        ("[prometheus]\nport = [1]", "line 2: `prometheus.port` is `[1]`, not a port from 0 to 65535".into()),
        ("[prometheus]\nhost = 1", "line 2: `prometheus.host` is `1`, not a text that says something".into()),
        ("[prometheus]\nhost = ''", "line 2: `prometheus.host` is `''`, not a text that says something".into()),
        ("[prometheus]\nenabled = 'yes'", "line 2: `prometheus.enabled` is `'yes'`, not `true` or `false`".into()),
        ("registry = 9464", "line 1: `registry` is `9464`, not a section".into()),
        (
            "[registry]\nlabels = 'eu'",
            "line 2: `registry.labels` is `'eu'`, not names with texts, in a variable `name=text,name=text`".into(),
        ),
        (
            "[registry]\nlabels = { region = 1 }",
            "line 2: `registry.labels.region` is `1`, not names with texts, in a variable `name=text,name=text`".into(),
        ),
        (
            "[registry]\ndisabled = ['a', 2]",
            "line 2: `registry.disabled[1]` is `2`, not a list of texts, in a variable `text,text`".into(),
        ),
        // Out of range.
        ("[prometheus]\nport = 70000", "line 2: `prometheus.port` is `70000`, not a port from 0 to 65535".into()),
        ("[prometheus]\nport = -1", "line 2: `prometheus.port` is `-1`, not a port from 0 to 65535".into()),
        (
            "[registry]\nseries_limit = 0",
            "line 2: `registry.series_limit` is `0`, not a whole number from 1 to 4294967295".into(),
        ),
        ("[shutdown]\ntimeout = 0", format!("line 2: `shutdown.timeout` is `0`, not {time}")),
        ("[shutdown]\ntimeout = 'soon'", format!("line 2: `shutdown.timeout` is `'soon'`, not {time}")),
        ("[shutdown]\ntimeout = nan", format!("line 2: `shutdown.timeout` is `nan`, not {time}")),
        ("[shutdown]\ntimeout = '400d'", format!("line 2: `shutdown.timeout` is `'400d'`, not {time}")),
        (
            "[otlp.traces]\nsampler_ratio = 1.5",
            "line 2: `otlp.traces.sampler_ratio` is `1.5`, not a number from 0 to 1".into(),
        ),
        ("[otlp]\nprotocol = 'http/json'", "line 2: `otlp.protocol` is `'http/json'`, not `grpc` or `http/protobuf`".into()),
        // Secrets are not told.
        (
            "[otlp.headers]\nauthorization = 17",
            "line 2: `otlp.headers.authorization` is not names with texts, in a variable `name=text,name=text`".into(),
        ),
        (
            "[prometheus.auth]\ntokens = 'hunter2'",
            "line 2: `prometheus.auth.tokens` is not a list of texts, in a variable `text,text`".into(),
        ),
        ("[prometheus]\nauth = 'hunter2'", "line 2: `prometheus.auth` is not a section".into()),
        (
            "[[prometheus]]\nauth = { tokens = ['hunter2'] }",
            "line 1: `prometheus` is not a section".into(),
        ),
        ("otlp = [{ headers = { authorization = 'hunter2' } }]", "line 1: `otlp` is not a section".into()),
        ("shutdown = 5", "line 1: `shutdown` is `5`, not a section".into()),
        ("[shutdown]\ntimeout = '1.5ms'", format!("line 2: `shutdown.timeout` is `'1.5ms'`, not {time}")),
        // No TOML.
        ("[prometheus\nport = 1", "line 1: this is not TOML: unclosed table, expected `]`".into()),
        ("[service]\nname = 'a'\nname = 'b'", "line 3: this is not TOML: duplicate key".into()),
        // What no single key can be checked for.
        (
            "[registry]\nnamespace = 'my shop'",
            "line 2: `registry.namespace` cannot be used <- invalid metric name `my shop_total`".into(),
        ),
        (
            "[registry.labels]\n\n'a b' = 'x'",
            "line 3: `registry.labels` cannot be used <- invalid constant labels".into(),
        ),
        (
            "[prometheus]\npath = 'metrics'",
            "line 2: `prometheus.path` cannot be used <- invalid path `metrics`: it starts with `/`, is made of what a \
             URL's path may hold, and is not `/health`"
                .into(),
        ),
        (
            "[prometheus.tls]\ncertificate = 'a.pem'",
            "line 2: `prometheus.tls.certificate` says nothing without `prometheus.tls.key`".into(),
        ),
        (
            "[prometheus.tls]\nclient_ca = 'a.pem'",
            "line 2: `prometheus.tls.client_ca` says nothing without `prometheus.tls.certificate`".into(),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(ObservabilityConfig::from_toml_str(text)), expected, "{text}");
    }
}

/// Those features bring others, so that nothing is off.
#[cfg(not(any(feature = "otel", feature = "server")))]
#[test]
fn a_section_whose_feature_is_off_is_refused_unless_it_says_so_itself() {
    for (text, section, feature) in [
        ("[otlp]\nendpoint = 'http://collector:4318'", "otlp", "otel"),
        ("[otlp]\nenabled = true", "otlp", "otel"),
        ("[otlp.metrics]\ninterval = '1s'", "otlp", "otel"),
        ("[tokio]\nenabled = true", "tokio", "tokio"),
        ("[prometheus.tls]\ncertificate = 'a.pem'\nkey = 'b.pem'", "prometheus.tls", "tls"),
        ("[prometheus.auth]\ntokens = ['hunter2']", "prometheus.auth", "auth"),
    ] {
        let expected = format!(
            "line 2: `{section}` needs the feature `{feature}` of the crate `nilometer`, which is off"
        );
        assert_eq!(refused(ObservabilityConfig::from_toml_str(text)), expected, "{text}");
    }
    for text in [
        "[otlp]\nenabled = false\nendpoint = 'http://collector:4318'",
        "[otlp.metrics]\nenabled = false",
        "[otlp]",
        "[tokio]\nenabled = false",
        "[process]\nenabled = false",
    ] {
        ObservabilityConfig::from_toml_str(text).unwrap().check().unwrap();
    }
    // What is said to every program of the machine says nothing to this one.
    let config = variables(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")]).unwrap();
    config.check().unwrap();
    assert_eq!(config.get("otlp.endpoint"), None);
}

#[cfg(feature = "otel")]
#[test]
fn what_opentelemetry_has_not_is_refused_with_the_key() {
    let on = "[otlp]\nendpoint = 'http://collector:4318'\n";
    for (text, expected) in [
        (
            "[otlp]\nendpoint = 'collector:4318'".to_owned(),
            "line 2: `otlp.endpoint` cannot be used: the endpoint `collector:4318` does not begin with `http://` or `https://`",
        ),
        (
            "[otlp.metrics]\nendpoint = 'http://'".to_owned(),
            "line 2: `otlp.metrics.endpoint` cannot be used: the endpoint `http://` is not a URL",
        ),
        (
            format!("{on}headers = {{ 'a b' = 'c' }}"),
            "line 3: `otlp.headers` cannot be used: the header `a` has a name that HTTP has not",
        ),
        (
            format!("{on}client_certificate = 'a.pem'"),
            "line 3: `otlp.client_certificate` says nothing without `otlp.client_key`",
        ),
        (
            format!("{on}[otlp.traces]\nclient_key = 'a.pem'"),
            "line 4: `otlp.traces.client_key` says nothing without `otlp.client_certificate`",
        ),
    ] {
        assert_eq!(refused(ObservabilityConfig::from_toml_str(&text)), expected, "{text}");
    }
    // Where nothing is sent, nobody looks.
    let text = "[otlp]\nenabled = false\nendpoint = 'collector'";
    ObservabilityConfig::from_toml_str(text).unwrap().check().unwrap();
}

#[test]
fn a_variable_that_is_wrong_is_refused_by_its_name() {
    for (name, value, expected) in [
        (
            "NILOMETER_PROMETHEUS_PORT",
            "many",
            "NILOMETER_PROMETHEUS_PORT: `prometheus.port` is `many`, not a port from 0 to 65535",
        ),
        (
            "NILOMETER_PROCESS_ENABLED",
            "1",
            "NILOMETER_PROCESS_ENABLED: `process.enabled` is `1`, not `true` or `false`",
        ),
        (
            "NILOMETER_REGISTRY_LABELS",
            "region",
            "NILOMETER_REGISTRY_LABELS: `registry.labels` is `region`, not names with texts, in a variable `name=text,name=text`",
        ),
        (
            "NILOMETER_OTLP_HEADERS",
            "hunter2",
            "NILOMETER_OTLP_HEADERS: `otlp.headers` is not names with texts, in a variable `name=text,name=text`",
        ),
        (
            "NILOMETER_PROMETHEUS_PROT",
            "9464",
            "there is no variable `NILOMETER_PROMETHEUS_PROT`; is it `NILOMETER_PROMETHEUS_PORT`?",
        ),
        ("NILOMETER_X", "1", "there is no variable `NILOMETER_X`"),
        (
            "NILOMETER_REGISTRY_NAMESPACE",
            "my shop",
            "NILOMETER_REGISTRY_NAMESPACE: `registry.namespace` cannot be used <- invalid metric name `my shop_total`",
        ),
    ] {
        assert_eq!(refused(variables(&[(name, value)])), expected);
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf_8_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let value = OsString::from_vec(vec![b'a', 0xff]);
    let told = ObservabilityConfig::from_variables([("NILOMETER_SERVICE_NAME", value)]);
    let expected = "NILOMETER_SERVICE_NAME: `service.name` is `a\u{fffd}`, not a text that says something";
    assert_eq!(refused(told), expected);
}

#[test]
fn what_the_program_says_is_refused_too() {
    let config = || ObservabilityConfig::new("checkout");
    let expected = "the program: there is no key `prometheus.prot`; is it `prometheus.port`?";
    assert_eq!(refused(config().with("prometheus.prot", "1")), expected);
    let expected = "the program: `registry.namespace` cannot be used <- invalid metric name `my shop_total`";
    assert_eq!(refused(Ok(config().with_namespace("my shop"))), expected);
    let told = config().with_shutdown_timeout(std::time::Duration::ZERO);
    assert!(refused(told).starts_with("the program: `shutdown.timeout` is `0ns`, not a time from 1ms"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing.toml");
    let error = ObservabilityConfig::from_file(&path).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot read `{}`", path.display()));
    assert!(matches!(error, ObservabilityConfigError::Unreadable { .. }));

    std::fs::write(&path, "[prometheus]\nport = 70000\n").unwrap();
    let error = ObservabilityConfig::from_file(&path).unwrap_err();
    let expected = format!("{}:2: `prometheus.port` is `70000`, not a port from 0 to 65535", path.display());
    assert_eq!(error.to_string(), expected);
}

#[test]
fn what_comes_later_goes_before_what_was_there() {
    let file =
        "[service]\nname = 'file'\n[registry.labels]\nfrom = 'file'\nregion = 'eu'\n[prometheus]\nport = 1";
    let config = ObservabilityConfig::new("program")
        .with_constant_label("from", "program")
        .with_constant_label("stage", "prod")
        .with_toml_str(file)
        .unwrap();
    assert_eq!(config.service_name(), Some("file"));
    assert_eq!(config.get("registry.labels").unwrap(), "from=file,region=eu,stage=prod");
    let config = config
        .with_variables([
            ("NILOMETER_SERVICE_NAME", "environment"),
            ("NILOMETER_REGISTRY_LABELS", "region=us"),
        ])
        .unwrap();
    assert_eq!(config.service_name(), Some("environment"));
    assert_eq!(config.get("registry.labels").unwrap(), "from=file,region=us,stage=prod");
    let by_variable = ConfigOrigin::Variable { name: "NILOMETER_SERVICE_NAME".to_owned() };
    assert_eq!(config.origin("service.name"), Some(&by_variable));
    assert_eq!(config.origin("prometheus.port"), Some(&ConfigOrigin::File { path: None, line: 7 }));
    let config = config.with_service_name("insists");
    assert_eq!(
        (config.service_name(), config.origin("service.name")),
        (Some("insists"), Some(&ConfigOrigin::Program))
    );
    assert_eq!(config.origin("shutdown.timeout"), None);
}

#[test]
fn each_name_of_a_table_is_known_by_who_has_said_it() {
    let file = "[registry.labels]\nregion = 'eu'\nstage = 'prod'\n[service.attributes]\nteam = 'a'";
    let file = ObservabilityConfig::from_toml_str(file).unwrap();
    let config = file.with_variables([("NILOMETER_REGISTRY_LABELS", "region=us")]).unwrap();
    let by_variable = ConfigOrigin::Variable { name: "NILOMETER_REGISTRY_LABELS".to_owned() };
    assert_eq!(config.origin("registry.labels.region"), Some(&by_variable));
    assert_eq!(config.origin("registry.labels.stage"), Some(&ConfigOrigin::File { path: None, line: 3 }));
    let config = config.with_attribute("team", "b");
    assert_eq!(config.origin("service.attributes.team"), Some(&ConfigOrigin::Program));
    let config = config.with("registry.labels", "region=ap").unwrap();
    assert_eq!(config.origin("registry.labels.region"), Some(&ConfigOrigin::Program));

    // The one that is wrong is blamed, not the one that came last.
    let file = ObservabilityConfig::from_toml_str("[registry.labels]\n'a b' = 'x'").unwrap();
    let told = file.with_variables([("NILOMETER_REGISTRY_LABELS", "region=us")]);
    assert_eq!(refused(told), "line 2: `registry.labels` cannot be used <- invalid constant labels");
}

#[test]
fn what_is_unsaid_was_said_by_nobody() {
    let file = ObservabilityConfig::from_toml_str("[service]\nname = 'file'").unwrap();
    let config = file.with_service_name("");
    assert_eq!((config.service_name(), config.origin("service.name")), (None, None));
}

#[test]
fn a_header_is_the_same_in_upper_and_lower_case() {
    let file = "[otlp.headers]\nauthorization = 'old'\nx-scope = 'shop'";
    let file = ObservabilityConfig::from_toml_str(file).unwrap();
    let config = file.with_variables([("NILOMETER_OTLP_HEADERS", "Authorization=new")]).unwrap();
    assert_eq!(config.get("otlp.headers").unwrap(), "authorization=new,x-scope=shop");
    let by_variable = ConfigOrigin::Variable { name: "NILOMETER_OTLP_HEADERS".to_owned() };
    assert_eq!(config.origin("otlp.headers.authorization"), Some(&by_variable));
    let config = config.with_otlp_header("AUTHORIZATION", "newest");
    assert_eq!(config.get("otlp.headers").unwrap(), "authorization=newest,x-scope=shop");
}

#[test]
fn a_variable_that_is_empty_and_one_of_a_build_say_nothing() {
    let config = variables(&[
        ("NILOMETER_PROMETHEUS_PORT", ""),
        ("NILOMETER_REVISION", "0f3a9c1"),
        ("NILOMETER_PORT", "tcp://10.0.0.1:9090"),
        ("NILOMETER_PORT_9090_TCP_ADDR", "10.0.0.1"),
        ("NILOMETER_SERVICE_HOST", "10.0.0.1"),
        ("NILOMETER_SERVICE_PORT_METRICS", "9090"),
        ("NILOMETER_RUSTC_VERSION", "1.95.0"),
        ("PATH", "/bin"),
    ])
    .unwrap();
    assert_eq!(config.get("prometheus.port"), None);
}

#[cfg(feature = "otel")]
#[test]
fn opentelemetrys_variables_say_what_keys_do_and_this_crates_go_before() {
    let config = variables(&[
        ("OTEL_SERVICE_NAME", "checkout"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,service.version=1.4.2,team=a%2Cb"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%204f1c"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "10000"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Delta"),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("NILOMETER_OTLP_METRICS_INTERVAL", "5s"),
        // No number of milliseconds: not set, and told.
        ("OTEL_METRIC_EXPORT_TIMEOUT", "10 s"),
    ])
    .unwrap();
    for (key, expected) in [
        ("service.name", "checkout"),
        ("service.version", "1.4.2"),
        ("otlp.endpoint", "http://collector:4318"),
        ("otlp.headers", "authorization=Bearer 4f1c"),
        ("otlp.timeout", "2500ms"),
        ("otlp.metrics.interval", "5s"),
        ("otlp.metrics.temporality", "delta"),
        ("otlp.traces.sampler", "parentbased_traceidratio"),
        ("otlp.traces.sampler_ratio", "0.25"),
        ("otlp.traces.enabled", "false"),
    ] {
        assert_eq!(config.get(key).as_deref(), Some(expected), "{key}");
    }
    let written = serde_json::to_value(&config).unwrap();
    assert_eq!(written["service"]["attributes"], serde_json::json!({ "team": "a,b" }));
    let [ignored] = config.ignored_variables() else { unreachable!("{:?}", config.ignored_variables()) };
    assert_eq!(ignored.name(), "OTEL_METRIC_EXPORT_TIMEOUT");
    assert_eq!(ignored.reason(), "the time `10 s` is zero, or no whole number of milliseconds");
    config.check().unwrap();
}

#[cfg(feature = "otel")]
#[test]
fn an_endpoint_of_grpc_needs_no_scheme_whoever_says_that_it_is_grpc() {
    let file = ObservabilityConfig::from_toml_str("[otlp]\nprotocol = 'grpc'\ninsecure = true").unwrap();
    let config = file.with_variables([("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")]).unwrap();
    assert_eq!(config.ignored_variables(), []);
    config.check().unwrap();
    let config = variables(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")]).unwrap();
    assert_eq!(config.ignored_variables()[0].name(), "OTEL_EXPORTER_OTLP_ENDPOINT");
    assert_eq!(config.get("otlp.endpoint"), None);
}

#[cfg(feature = "otel")]
#[test]
fn what_this_crates_variables_say_is_known_where_opentelemetrys_are_read() {
    let config = variables(&[
        ("NILOMETER_OTLP_PROTOCOL", "grpc"),
        ("NILOMETER_OTLP_INSECURE", "true"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        // Overruled, and told all the same.
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10 s"),
    ])
    .unwrap();
    let ignored: Vec<&str> =
        config.ignored_variables().iter().map(nilometer::IgnoredOtelVariable::name).collect();
    assert_eq!(ignored, ["OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_PROTOCOL"]);
    assert_eq!(config.get("otlp.endpoint").as_deref(), Some("collector:4317"));
    config.check().unwrap();
}

#[cfg(feature = "otel")]
#[test]
fn headers_of_a_variable_of_opentelemetry_leave_those_of_other_names() {
    let file = "[otlp.headers]\nauthorization = 'Bearer 4f1c'\nx-scope = 'shop'";
    let file = ObservabilityConfig::from_toml_str(file).unwrap();
    let config = file.with_variables([("OTEL_EXPORTER_OTLP_HEADERS", "X-Scope=eu")]).unwrap();
    assert_eq!(config.get("otlp.headers").unwrap(), "authorization=Bearer 4f1c,x-scope=eu");
    let by_variable = ConfigOrigin::Variable { name: "OTEL_EXPORTER_OTLP_HEADERS".to_owned() };
    assert_eq!(config.origin("otlp.headers.x-scope"), Some(&by_variable));
}

#[test]
fn secrets_are_written_but_not_shown() {
    let endpoint = "http://prometheus:hunter2@collector:4318?key=hunter2";
    let config = ObservabilityConfig::default().with_otlp_endpoint(endpoint);
    let shown = format!("{config:?}");
    assert!(shown.contains("collector:4318") && !shown.contains("hunter2"), "{shown}");
    let config = variables(&[
        ("NILOMETER_OTLP_HEADERS", "authorization=hunter2"),
        ("NILOMETER_PROMETHEUS_AUTH_TOKENS", "hunter2"),
        ("NILOMETER_PROMETHEUS_AUTH_USERS", "prometheus=hunter2"),
        ("NILOMETER_PROMETHEUS_PORT", "9464"),
    ])
    .unwrap();
    let shown = format!("{config:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(
        shown.contains("\"prometheus.port\": \"9464\"") && shown.contains("\"otlp.headers\": .."),
        "{shown}"
    );
    assert_eq!(serde_json::to_string(&config).unwrap().matches("hunter2").count(), 3);
}

#[test]
fn serde_is_told_no_secrets_either() {
    for (written, expected) in [
        ("{\"otlp\":{\"headers\":\"hunter2\"}}", "this is not names with texts"),
        ("{\"otlp\":{\"headers\":[\"hunter2\"]}}", "this is not names with texts"),
        ("{\"otlp\":{\"headers\":{\"authorization\":8675309}}}", "this is not a text"),
        ("{\"otlp\":{\"headers\":{\"authorization\":[\"hunter2\"]}}}", "this is not a text"),
        ("{\"prometheus\":{\"auth\":{\"tokens\":\"hunter2\"}}}", "this is not a list of texts"),
        ("{\"prometheus\":{\"auth\":{\"tokens\":8675309}}}", "this is not a list of texts"),
        ("{\"prometheus\":{\"auth\":{\"tokens\":[8675309]}}}", "this is not a text that says something"),
        ("{\"prometheus\":{\"auth\":{\"users\":{\"\":\"hunter2\"}}}}", "a name is empty"),
    ] {
        let error = serde_json::from_str::<ObservabilityConfig>(written).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains("hunter2") && !error.contains("8675309"), "{error}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    let text = "[service]\nname = 'checkout'\nattributes = { team = 'a,b' }\n[prometheus]\nport = 0\n\
                [otlp.traces]\nsampler_ratio = 0.5\n[shutdown]\ntimeout = 1.5";
    let config = ObservabilityConfig::from_toml_str(text).unwrap();
    let written = serde_json::to_value(&config).unwrap();
    let expected = serde_json::json!({
        "service": { "name": "checkout", "attributes": { "team": "a,b" } },
        "prometheus": { "port": 0 },
        "otlp": { "traces": { "sampler_ratio": 0.5 } },
        "shutdown": { "timeout": "1500ms" },
    });
    assert_eq!(written, expected);
    let read: ObservabilityConfig = serde_json::from_value(written).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), expected);
    // Of another format, serde says what is wrong.
    let error = serde_json::from_str::<ObservabilityConfig>("{\"prometheus\":{\"port\":70000}}").unwrap_err();
    assert!(
        error.to_string().starts_with("invalid value: integer `70000`, expected a port from 0 to 65535"),
        "{error}"
    );
    let error = serde_json::from_str::<ObservabilityConfig>("{\"prometheus\":{\"prot\":1}}").unwrap_err();
    assert!(
        error.to_string().starts_with("unknown field `prot`, expected one of `enabled`, `host`"),
        "{error}"
    );
}

#[test]
fn what_is_no_toml_is_told_without_what_it_says() {
    for text in [
        "[otlp.headers]\nauthorization = Bearer hunter2",
        "[otlp.headers]\nauthorization = hunter2",
        "[otlp.headers]\nauthorization = 'hunter2",
        "[otlp.headers]\nauthorization = \"\\hunter2\"",
        "[otlp.headers]\nauthorization : hunter2",
        "[prometheus.auth]\ntokens = ['hunter2'",
        "[prometheus.auth]\ntokens = [hunter2]",
        "[prometheus.auth]\nusers = { a = 'hunter2' b = 'hunter2' }",
        "[prometheus.auth]\nusers = { a = { b = 'hunter2' } }",
        "[prometheus.auth]\ntokens = [['hunter2']]",
        "[otlp.headers]\nauthorization = ['hunter2']",
    ] {
        let error = ObservabilityConfig::from_toml_str(text).unwrap_err();
        assert!(!format!("{error}{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn a_file_that_is_deep_is_refused() {
    const DEEP: usize = 100_000;
    let tables = "{ a = ".repeat(DEEP);
    let dots = "a.".repeat(DEEP);
    for text in [
        format!("x = {}", "[".repeat(DEEP)),
        format!("x = {}", "[".repeat(DEEP) + &"]".repeat(DEEP)),
        format!("x = {tables}"),
        format!("[service]\nattributes.{dots}a = 1"),
        format!("[service.attributes.{dots}a]"),
        format!("{dots}a = 1"),
    ] {
        let error = ObservabilityConfig::from_toml_str(&text).unwrap_err();
        assert!(error.to_string().starts_with("line "), "{error}");
    }
}

/// A line of a file, right or nearly so.
fn line() -> impl Strategy<Value = String> {
    let keys = prop::sample::select(vec![
        "port",
        "host",
        "enabled",
        "timeout",
        "labels",
        "headers",
        "tokens",
        "users",
        "metrics",
        "a.b",
        "'x y'",
        "interval",
        "sampler_ratio",
        "endpoint",
        "disabled",
    ]);
    let values = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:?}")),
        any::<bool>().prop_map(|flag| flag.to_string()),
        "\\PC{0,12}".prop_map(|text| format!("{text:?}")),
        Just("{ a = 1 }".to_owned()),
        Just("{ a = 'b,c' }".to_owned()),
        Just("['a', 'b']".to_owned()),
        Just("1979-05-27".to_owned()),
        "\\PC{0,8}",
    ];
    let sections = prop::sample::select(vec![
        "",
        "service",
        "registry",
        "prometheus",
        "prometheus.tls",
        "prometheus.auth",
        "otlp",
        "otlp.metrics",
        "otlp.traces",
        "shutdown",
        "tokio",
        "otlp.headers",
    ]);
    prop_oneof![
        3 => (keys, values).prop_map(|(key, value)| format!("{key} = {value}")),
        1 => sections.prop_map(|section| format!("[{section}]")),
        1 => "\\PC{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_file_is_too_odd(lines in vec(line(), 0..8)) {
        // Whatever comes of it comes without a panic, and says where.
        match ObservabilityConfig::from_toml_str(&lines.join("\n")) {
            Ok(config) => drop(config.check()),
            Err(error) => prop_assert!(error.to_string().starts_with("line "), "{}", error),
        }
    }

    #[test]
    fn no_variable_is_too_odd(
        name in prop::sample::select(vec![
            "NILOMETER_PROMETHEUS_PORT", "NILOMETER_SHUTDOWN_TIMEOUT", "NILOMETER_REGISTRY_LABELS",
            "NILOMETER_OTLP_HEADERS", "NILOMETER_OTLP_ENDPOINT", "NILOMETER_OTLP_TRACES_SAMPLER_RATIO",
            "NILOMETER_REGISTRY_DISABLED", "NILOMETER_PROMETHEUS_PATH", "NILOMETER_REGISTRY_NAMESPACE",
            "OTEL_RESOURCE_ATTRIBUTES", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_TRACES_SAMPLER_ARG", "OTEL_SDK_DISABLED",
        ]),
        value in prop_oneof!["\\PC{0,24}", "[0-9.]{0,24}[a-z]{0,2}", "[a-z%=, 0-9]{0,24}"],
    ) {
        let told = ObservabilityConfig::from_variables([(name, value.as_str()), ("NILOMETER_OTLP_ENABLED", "true")]);
        match told {
            Ok(config) => drop(config.check()),
            Err(error) => prop_assert!(error.to_string().starts_with(name), "{}", error),
        }
    }

    #[test]
    fn no_name_of_a_variable_is_too_odd(name in "NILOMETER_\\PC{0,24}", value in "\\PC{1,8}") {
        if let Err(error) = ObservabilityConfig::from_variables([(name.as_str(), value)]) {
            prop_assert!(error.to_string().contains(&name), "{}", error);
        }
    }
}
