//! What environment variables say.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::{Compression, Endpoint, OtelConfigError, Protocol, Receiver, Signal, above_zero, header};

/// An environment variable whose value says nothing, and why. The value is not kept: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredVariable {
    pub(crate) name: &'static str,
    pub(crate) error: OtelConfigError,
}

impl IgnoredVariable {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What is wrong with its value.
    #[must_use]
    pub fn error(&self) -> &OtelConfigError {
        &self.error
    }
}

/// The names of the variables about a receiver.
struct Names {
    endpoint: &'static str,
    headers: &'static str,
    timeout: &'static str,
    compression: &'static str,
    protocol: &'static str,
    insecure: &'static str,
    certificate: &'static str,
    client_certificate: &'static str,
    client_key: &'static str,
}

/// Of the receiver of all signals.
const ALL: Names = Names {
    endpoint: "OTEL_EXPORTER_OTLP_ENDPOINT",
    headers: "OTEL_EXPORTER_OTLP_HEADERS",
    timeout: "OTEL_EXPORTER_OTLP_TIMEOUT",
    compression: "OTEL_EXPORTER_OTLP_COMPRESSION",
    protocol: "OTEL_EXPORTER_OTLP_PROTOCOL",
    insecure: "OTEL_EXPORTER_OTLP_INSECURE",
    certificate: "OTEL_EXPORTER_OTLP_CERTIFICATE",
    client_certificate: "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    client_key: "OTEL_EXPORTER_OTLP_CLIENT_KEY",
};

const TRACES: Names = Names {
    endpoint: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    headers: "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    timeout: "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    compression: "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
    protocol: "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    insecure: "OTEL_EXPORTER_OTLP_TRACES_INSECURE",
    certificate: "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    client_certificate: "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
    client_key: "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
};

const METRICS: Names = Names {
    endpoint: "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    headers: "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    timeout: "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
    compression: "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION",
    protocol: "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
    insecure: "OTEL_EXPORTER_OTLP_METRICS_INSECURE",
    certificate: "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE",
    client_certificate: "OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE",
    client_key: "OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY",
};

/// Variables, and those that said nothing.
pub(crate) struct Variables<F> {
    lookup: F,
    ignored: Vec<IgnoredVariable>,
}

impl<F: Fn(&str) -> Option<OsString>> Variables<F> {
    pub(crate) fn new(lookup: F) -> Variables<F> {
        Variables { lookup, ignored: Vec::new() }
    }

    /// What a variable says, if it says anything.
    pub(crate) fn read<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, OtelConfigError>,
    ) -> Option<T> {
        // SPEC: "Environment variables", "Parsing empty value": as if it were not set.
        let value = (self.lookup)(name).filter(|value| !value.is_empty())?;
        let parsed = value.to_str().ok_or(OtelConfigError::NotUtf8).and_then(parse);
        parsed.map_err(|error| self.ignore(name, error)).ok()
    }

    /// What the one says, or else the other. What is malformed is told of both.
    fn either<T>(
        &mut self,
        specific: &'static str,
        generic: &'static str,
        parse: impl Fn(&str) -> Result<T, OtelConfigError>,
    ) -> Option<T> {
        let (specific, generic) = (self.read(specific, &parse), self.read(generic, &parse));
        specific.or(generic)
    }

    pub(crate) fn ignore(&mut self, name: &'static str, error: OtelConfigError) {
        self.ignored.push(IgnoredVariable { name, error });
    }

    /// SPEC: "Environment variables", "Boolean": `true` in any case, all else is false; what is not `false` either is told.
    pub(crate) fn flag(&mut self, name: &'static str) -> Option<bool> {
        let is_set = (self.lookup)(name).is_some_and(|value| !value.is_empty());
        let read = self.read(name, |text| match text.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(OtelConfigError::NotBoolean { value: text.to_owned() }),
        });
        read.or(is_set.then_some(false))
    }

    /// Whether the SDK is switched off, or what exports a signal is `none`.
    pub(crate) fn is_disabled(&mut self, exporter: &'static str) -> bool {
        // SPEC: "Environment variables", "Enum": in upper or lower case.
        let named = self.read(exporter, |text| match text.to_ascii_lowercase().as_str() {
            "none" => Ok(true),
            "otlp" => Ok(false),
            _ => Err(OtelConfigError::UnknownExporter { name: text.to_owned() }),
        });
        self.flag("OTEL_SDK_DISABLED").unwrap_or(false) || named.unwrap_or(false)
    }

    /// The attributes of the resource, the service's name among them.
    ///
    /// SPEC: "Resource SDK", "Specifying resource information via an environment variable": discarded as a whole when it
    /// is malformed.
    pub(crate) fn resource(&mut self) -> Vec<(String, String)> {
        let mut attributes = self.read("OTEL_RESOURCE_ATTRIBUTES", pairs).unwrap_or_default();
        if let Some(name) = self.read("OTEL_SERVICE_NAME", |text| Ok(text.to_owned())) {
            attributes.push(("service.name".to_owned(), name));
        }
        attributes
    }

    /// The receiver; what is said of this signal goes before what is said of all.
    pub(crate) fn receiver(&mut self, signal: Signal) -> Receiver {
        let names = match signal {
            Signal::Traces => &TRACES,
            Signal::Metrics => &METRICS,
        };
        let mut receiver = Receiver::new(signal);
        let protocol = self.either(names.protocol, ALL.protocol, str::parse::<Protocol>);
        receiver.protocol = protocol.unwrap_or(receiver.protocol);
        let (specific, generic) = (self.flag(names.insecure), self.flag(ALL.insecure));
        let insecure = specific.or(generic).unwrap_or(false);
        let protocol = receiver.protocol;
        let endpoint = |exact| {
            move |text: &str| match protocol {
                Protocol::Grpc => Endpoint::try_from_target(text, exact, insecure),
                Protocol::Http => Endpoint::try_new(text, exact),
            }
        };
        let (specific, generic) =
            (self.read(names.endpoint, endpoint(true)), self.read(ALL.endpoint, endpoint(false)));
        receiver.endpoint = specific.or(generic);
        receiver.headers = self.either(names.headers, ALL.headers, headers).unwrap_or_default();
        let timeout = self.either(names.timeout, ALL.timeout, milliseconds);
        receiver.timeout = timeout.unwrap_or(receiver.timeout);
        let compression = self.either(names.compression, ALL.compression, Compression::from_name);
        receiver.compression = compression.flatten();
        let path = |text: &str| Ok(PathBuf::from(text));
        receiver.tls.roots = self.either(names.certificate, ALL.certificate, path);
        let certificate = self.either(names.client_certificate, ALL.client_certificate, path);
        let key = self.either(names.client_key, ALL.client_key, path);
        match (certificate, key) {
            (Some(certificate), Some(key)) => receiver.tls.pair = Some((certificate, key)),
            (None, None) => {}
            (Some(_), None) => {
                self.ignore(ALL.client_certificate, OtelConfigError::Alone { other: ALL.client_key });
            }
            (None, Some(_)) => {
                self.ignore(ALL.client_key, OtelConfigError::Alone { other: ALL.client_certificate });
            }
        }
        receiver
    }

    /// Those that said nothing, which are logged.
    pub(crate) fn ignored(self, signal: Signal) -> Vec<IgnoredVariable> {
        for IgnoredVariable { name, error } in &self.ignored {
            tracing::warn!(variable = name, ?signal, %error, "an environment variable is ignored");
        }
        self.ignored
    }
}

/// Reads `key=value,key=value`; an empty pair between two commas is none.
fn pairs(text: &str) -> Result<Vec<(String, String)>, OtelConfigError> {
    let pairs = text.split(',').enumerate().filter(|(_, pair)| !pair.trim().is_empty());
    let read = |(index, pair): (usize, &str)| {
        let decode = |text: &str| percent_decode_str(text.trim()).decode_utf8().ok().map(Into::into);
        let pair = pair.split_once('=').and_then(|(key, value)| Some((decode(key)?, decode(value)?)));
        let named = pair.filter(|(key, _): &(String, String)| !key.is_empty());
        named.ok_or(OtelConfigError::MalformedPair { place: index + 1 })
    };
    pairs.map(read).collect()
}

fn headers(text: &str) -> Result<http::HeaderMap, OtelConfigError> {
    pairs(text)?.iter().map(|(name, value)| header::parse(name, value)).collect()
}

pub(crate) fn milliseconds(text: &str) -> Result<Duration, OtelConfigError> {
    let refused = || OtelConfigError::InvalidTime { time: text.to_owned() };
    let time = text.trim().parse().map_err(|_| refused())?;
    above_zero(Duration::from_millis(time)).map_err(|_| refused())
}
