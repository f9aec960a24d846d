//! A configuration from environment variables.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::keys::{KEYS, Key, PREFIX};
use super::nearest::nearest;
use super::{ConfigOrigin, ObservabilityConfig, ObservabilityConfigError};

/// Variables that begin alike, and are for [`build_info!`](crate::build_info!) when a program is built: cargo may leave them to
/// what it runs then.
const OF_BUILDS: [&str; 2] = ["NILOMETER_REVISION", "NILOMETER_RUSTC_VERSION"];

/// How the variables begin that Kubernetes gives to every container beside a service of the name `nilometer`; there is no key of
/// such a name, and there will be none.
///
/// SPEC: Kubernetes documentation, "Service", "Environment variables": `{SVCNAME}_SERVICE_HOST`, `{SVCNAME}_SERVICE_PORT` and
/// those of Docker's links, `{SVCNAME}_PORT` and `{SVCNAME}_PORT_9090_TCP_ADDR`.
const OF_KUBERNETES: [&str; 3] = ["NILOMETER_PORT", "NILOMETER_SERVICE_HOST", "NILOMETER_SERVICE_PORT"];

fn is_ours(name: &str) -> bool {
    let is_foreign =
        OF_BUILDS.contains(&name) || OF_KUBERNETES.iter().any(|beginning| name.starts_with(beginning));
    name.starts_with(PREFIX) && !is_foreign
}

/// Variables that say something.
///
/// SPEC: OpenTelemetry specification, "Environment variables", "Parsing empty value": one that is empty is not set.
pub(super) type Variables = BTreeMap<String, OsString>;

pub(super) fn collect<K, V>(variables: impl IntoIterator<Item = (K, V)>) -> Variables
where
    K: Into<OsString>,
    V: Into<OsString>,
{
    let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
    // A name that is not UTF-8 is none of those that are known; where it begins like them, it is told as it looks.
    let variables = variables.map(|(name, value)| (name.to_string_lossy().into_owned(), value));
    variables.filter(|(_, value)| !value.is_empty()).collect()
}

/// Lays what the variables of this crate say over the configuration.
pub(super) fn lay(
    config: &mut ObservabilityConfig,
    variables: &Variables,
) -> Result<(), ObservabilityConfigError> {
    for (name, value) in variables.iter().filter(|(name, _)| is_ours(name)) {
        let Some(key) = KEYS.iter().find(|key| key.variable() == *name) else {
            let nearest = nearest(name, KEYS.iter().map(Key::variable));
            return Err(ObservabilityConfigError::UnknownVariable { name: name.clone(), nearest });
        };
        // What is not UTF-8 is refused below as what it looks like: it holds a character that no value has, or a text.
        let is_set = value.to_str().is_some_and(|text| key.set(&mut config.sections, text));
        let origin = ConfigOrigin::variable(name);
        if !is_set {
            let value = (!key.is_secret()).then(|| value.to_string_lossy().into_owned());
            let (key, expected) = (key.path.to_owned(), key.expected());
            return Err(ObservabilityConfigError::InvalidValue { key, origin, value, expected });
        }
        config.note(key, value.to_str().unwrap_or_default(), &origin);
    }
    Ok(())
}
