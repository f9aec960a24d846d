//! OpenTelemetry's environment variables: each says what a key says, in a notation of its own.
//!
//! They are read into the keys, by [`lay`], and the keys are told to `nilometer-otel` as if they were variables, by
//! [`metrics`] and [`traces`]: what goes before what, and what is right, is for it to know.

use std::collections::{BTreeMap, BTreeSet};

use nilometer_otel::export::OtlpExporterConfig;
use nilometer_otel::{IgnoredVariable, OtelConfig, OtelConfigError};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::environment::{self, Variables};
use super::keys::Key;
use super::sections::Sections;
use super::setting::{Flag, Headers, Pairs, Setting, Time};
use super::{ConfigOrigin, IgnoredOtelVariable, ObservabilityConfig, ObservabilityConfigError};

/// How a variable is written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Notation {
    /// As a variable of this crate is.
    Same,
    /// A number of milliseconds.
    Milliseconds,
}

use Notation::{Milliseconds, Same};

/// The variables that stand for a key whose value is one thing.
const VARIABLES: &[(&str, &str, Notation)] = &[
    ("OTEL_SERVICE_NAME", "service.name", Same),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp.endpoint", Same),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "otlp.protocol", Same),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "otlp.timeout", Milliseconds),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "otlp.compression", Same),
    ("OTEL_EXPORTER_OTLP_INSECURE", "otlp.insecure", Same),
    ("OTEL_EXPORTER_OTLP_CERTIFICATE", "otlp.certificate", Same),
    ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "otlp.client_certificate", Same),
    ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "otlp.client_key", Same),
    ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "otlp.metrics.endpoint", Same),
    ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "otlp.metrics.protocol", Same),
    ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "otlp.metrics.timeout", Milliseconds),
    ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "otlp.metrics.compression", Same),
    ("OTEL_EXPORTER_OTLP_METRICS_INSECURE", "otlp.metrics.insecure", Same),
    ("OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE", "otlp.metrics.certificate", Same),
    ("OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", "otlp.metrics.client_certificate", Same),
    ("OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", "otlp.metrics.client_key", Same),
    ("OTEL_METRIC_EXPORT_INTERVAL", "otlp.metrics.interval", Milliseconds),
    ("OTEL_METRIC_EXPORT_TIMEOUT", "otlp.metrics.export_timeout", Milliseconds),
    ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "otlp.metrics.temporality", Same),
    ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "otlp.metrics.histogram_aggregation", Same),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "otlp.traces.endpoint", Same),
    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "otlp.traces.protocol", Same),
    ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "otlp.traces.timeout", Milliseconds),
    ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "otlp.traces.compression", Same),
    ("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "otlp.traces.insecure", Same),
    ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "otlp.traces.certificate", Same),
    ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", "otlp.traces.client_certificate", Same),
    ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "otlp.traces.client_key", Same),
    ("OTEL_TRACES_SAMPLER", "otlp.traces.sampler", Same),
    ("OTEL_TRACES_SAMPLER_ARG", "otlp.traces.sampler_ratio", Same),
];

const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";
const DISABLED: &str = "OTEL_SDK_DISABLED";

/// The exporters of both signals, and the key that says whether there is one.
const EXPORTERS: [(&str, &str); 2] =
    [("OTEL_METRICS_EXPORTER", "otlp.metrics.enabled"), ("OTEL_TRACES_EXPORTER", "otlp.traces.enabled")];

/// Attributes of the resource that have keys of their own.
///
/// SPEC: OpenTelemetry semantic conventions, "Service".
const ATTRIBUTES: [(&str, &str); 4] = [
    ("service.name", "service.name"),
    ("service.version", "service.version"),
    ("service.namespace", "service.namespace"),
    ("service.instance.id", "service.instance"),
];

/// The variables of headers, with their keys.
const HEADERS: [(&str, &str, HeadersOf); 3] = [
    ("OTEL_EXPORTER_OTLP_HEADERS", "otlp.headers", |sections| &mut sections.otlp.headers),
    ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "otlp.metrics.headers", |sections| {
        &mut sections.otlp.metrics.headers
    }),
    ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "otlp.traces.headers", |sections| {
        &mut sections.otlp.traces.headers
    }),
];

type HeadersOf = fn(&mut Sections) -> &mut Option<Headers>;

/// Lays what OpenTelemetry's variables say over the configuration. One that is malformed is not set, as the specification
/// has it, and noted.
pub(super) fn lay(config: &mut ObservabilityConfig, variables: &Variables) {
    // What is right depends on what else is said: an endpoint may lack its scheme where the protocol is gRPC.
    let (below, above) = (variables_of(&config.sections), variables_of(&of_this_crate(variables).sections));
    let mut refused = BTreeSet::new();
    for is_overruled in [false, true] {
        // What this crate's variables say goes before, except where it is asked what they go before.
        let above_of = |name: &str| above.get(name).filter(|_| !is_overruled);
        let said =
            |name: &str| above_of(name).or_else(|| variables.get(name)).or_else(|| below.get(name)).cloned();
        if is_overruled && !variables.keys().any(|name| above.contains_key(name)) {
            break;
        }
        let (metrics, traces) = (OtlpExporterConfig::from_variables(said), OtelConfig::from_variables(said));
        for ignored in metrics.ignored_variables().iter().chain(traces.ignored_variables()) {
            let name = ignored.name();
            let is_asked = variables.contains_key(name) && above.contains_key(name) == is_overruled;
            if is_asked && refused.insert(name) {
                config.ignored.push(IgnoredOtelVariable::new(name, ignored.error().to_string()));
            }
        }
    }
    let read = |name: &str| {
        let value = variables.get(name).filter(|_| !refused.contains(name))?;
        value.to_str()
    };

    for &(name, path, notation) in VARIABLES {
        let (Some(text), Some(key)) = (read(name), Key::of(path)) else { continue };
        if key.set(&mut config.sections, &notation.read(text)) {
            config.origins.set(path, ConfigOrigin::variable(name));
        } else {
            let reason = format!("`{path}` is {}", key.expected());
            config.ignored.push(IgnoredOtelVariable::new(name, reason));
        }
    }
    for (name, path, headers) in HEADERS {
        let (Some(text), Some(key)) = (read(name), Key::of(path)) else { continue };
        let (told, origin) = (Headers::of(Pairs(decoded(text).collect())).0, ConfigOrigin::variable(name));
        config.origins.set(path, origin.clone());
        for header in told.0.keys() {
            config.origins.set(&key.path_of(header), origin.clone());
        }
        headers(&mut config.sections).get_or_insert_default().0.0.extend(told.0);
    }
    if let Some(text) = read(RESOURCE) {
        lay_attributes(config, decoded(text), variables);
    }
    for (name, path) in EXPORTERS {
        let (Some(text), Some(key)) = (read(name), Key::of(path)) else { continue };
        let enabled = Flag(!text.eq_ignore_ascii_case("none"));
        if key.set(&mut config.sections, &enabled.text()) {
            config.origins.set(path, ConfigOrigin::variable(name));
        }
    }
    config.sdk_disabled |= read(DISABLED).is_some_and(|text| text.eq_ignore_ascii_case("true"));
}

/// What the variables of this crate say, as far as it is right; what is not is refused after this.
fn of_this_crate(variables: &Variables) -> ObservabilityConfig {
    let mut config = ObservabilityConfig::default();
    let _ = environment::lay(&mut config, variables);
    config
}

fn lay_attributes(
    config: &mut ObservabilityConfig,
    attributes: impl Iterator<Item = (String, String)>,
    variables: &Variables,
) {
    let origin = ConfigOrigin::variable(RESOURCE);
    for (name, value) in attributes {
        let key = ATTRIBUTES.iter().find(|(attribute, _)| *attribute == name);
        let Some(&(_, path)) = key else {
            config.origins.set(&format!("service.attributes.{name}"), origin.clone());
            config.sections.service.attributes.get_or_insert_default().0.insert(name, value);
            continue;
        };
        // SPEC: "Environment variables", OTEL_SERVICE_NAME: it goes before the attribute.
        if path == "service.name" && variables.contains_key("OTEL_SERVICE_NAME") {
            continue;
        }
        if Key::of(path).is_some_and(|key| key.set(&mut config.sections, &value)) {
            config.origins.set(path, origin.clone());
        }
    }
}

/// What the keys say, as OpenTelemetry's variables would.
fn variables_of(sections: &Sections) -> Variables {
    let mut variables = Variables::new();
    for &(name, path, notation) in VARIABLES {
        if let Some(text) = Key::of(path).and_then(|key| key.text(sections)) {
            variables.insert(name.to_owned(), notation.write(text).into());
        }
    }
    for (name, _, headers) in HEADERS {
        if let Some(headers) = headers(&mut sections.clone()) {
            variables.insert(name.to_owned(), encoded(headers.0.0.iter()).into());
        }
    }
    let service = &sections.service;
    let own = ATTRIBUTES.iter().filter_map(|(attribute, path)| {
        Some(((*attribute).to_owned(), Key::of(path).and_then(|key| key.text(sections))?))
    });
    let attributes = service.attributes.clone().unwrap_or_default().0;
    let attributes: BTreeMap<_, _> = attributes.into_iter().chain(own).collect();
    if !attributes.is_empty() {
        variables.insert(RESOURCE.to_owned(), encoded(attributes.iter()).into());
    }
    variables
}

/// What is said about metrics.
pub(crate) fn metrics(config: &ObservabilityConfig) -> Result<OtlpExporterConfig, ObservabilityConfigError> {
    let variables = variables_of(&config.sections);
    let metrics = OtlpExporterConfig::from_variables(|name| variables.get(name).cloned());
    refuse(config, metrics.ignored_variables())?;
    Ok(metrics)
}

/// What is said about traces.
pub(crate) fn traces(config: &ObservabilityConfig) -> Result<OtelConfig, ObservabilityConfigError> {
    let variables = variables_of(&config.sections);
    let traces = OtelConfig::from_variables(|name| variables.get(name).cloned());
    refuse(config, traces.ignored_variables())?;
    Ok(traces)
}

/// What OpenTelemetry ignores of a key is an error of the key.
fn refuse(config: &ObservabilityConfig, ignored: &[IgnoredVariable]) -> Result<(), ObservabilityConfigError> {
    let Some(ignored) = ignored.first() else { return Ok(()) };
    let keys = VARIABLES.iter().map(|&(name, path, _)| (name, path));
    let mut keys = keys.chain(HEADERS.map(|(name, path, _)| (name, path)));
    let key = keys.find(|(name, _)| *name == ignored.name());
    let key = key.map_or("service.attributes", |(_, path)| path);
    let origin = match ignored.error() {
        OtelConfigError::InvalidHeader { name, .. } => config.origin_of(&format!("{key}.{name}")),
        _ => config.origin_of(key),
    };
    Err(ObservabilityConfigError::Otlp { key, origin, reason: ignored.error().clone() })
}

impl Notation {
    /// From that of this crate.
    fn write(self, text: String) -> String {
        match self {
            Same => text,
            Milliseconds => Time::from_text(&text).map_or(text, |time| time.0.as_millis().to_string()),
        }
    }

    /// To that of this crate.
    fn read(self, text: &str) -> String {
        match self {
            Same => text.to_owned(),
            Milliseconds => format!("{}ms", text.trim()),
        }
    }
}

fn encoded<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let encode = |text: &'a str| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let pairs = pairs.map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join(",")
}

/// Of a text that is known to be pairs.
fn decoded(text: &str) -> impl Iterator<Item = (String, String)> {
    let decode = |text: &str| percent_decode_str(text.trim()).decode_utf8_lossy().into_owned();
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(move |(name, value)| (decode(name), decode(value)))
}
