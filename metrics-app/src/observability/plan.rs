//! What a configuration comes to, before anything is started.

use std::time::Duration;

use nilometer_core::label::LabelLimits;
use nilometer_core::{MetricsRegistry, RegisterError, RegistryConfig};

use super::config::keys::KEYS;
use super::otlp::OtlpPlan;
use super::page::PagePlan;
use super::{ConfigOrigin, ObservabilityConfig, ObservabilityConfigError, part};

/// For how long the end is waited for unless something else is said.
const AT_DROP: Duration = Duration::from_secs(5);

/// A configuration that was checked.
pub(super) struct Plan {
    pub(super) registry: RegistryConfig,
    pub(super) page: PagePlan,
    pub(super) otlp: OtlpPlan,
    pub(super) timeout: Duration,
}

impl Plan {
    pub(super) fn of(config: &ObservabilityConfig) -> Result<Plan, ObservabilityConfigError> {
        part::check(config)?;
        let otlp = OtlpPlan::of(config)?;
        let registry = otlp.with_exemplars(registry(config)?);
        let timeout = config.sections.shutdown.timeout.map_or(AT_DROP, |time| time.0);
        Ok(Plan { registry, page: PagePlan::of(config, timeout)?, otlp, timeout })
    }
}

impl ObservabilityConfig {
    /// Checks what no single key can be checked for, without starting anything: [`init`](crate::Observability::init) does
    /// so first. Files that the configuration names are not read.
    ///
    /// # Errors
    ///
    /// [`ObservabilityConfigError::FeatureOff`], [`ObservabilityConfigError::Alone`],
    /// [`ObservabilityConfigError::Registry`], and what the page and OTLP refuse.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer::ObservabilityConfig;
    ///
    /// let config = ObservabilityConfig::from_toml_str("[registry]\nnamespace = 'my shop'")?;
    /// assert_eq!(config.check().unwrap_err().to_string(), "line 2: `registry.namespace` cannot be used");
    /// # Ok::<(), nilometer::ObservabilityConfigError>(())
    /// ```
    pub fn check(&self) -> Result<(), ObservabilityConfigError> {
        Plan::of(self).map(drop)
    }
}

fn registry(config: &ObservabilityConfig) -> Result<RegistryConfig, ObservabilityConfigError> {
    let said = &config.sections.registry;
    let mut limits = LabelLimits::default();
    let mut registry = RegistryConfig::new();
    if let Some(namespace) = &said.namespace {
        registry = registry.with_namespace(&namespace.0);
    }
    for (name, value) in said.labels.iter().flat_map(|labels| &labels.0) {
        registry = registry.with_constant_labels(&[(name, value)]);
    }
    if let Some(limit) = said.series_limit {
        registry = registry.with_series_limit(limit.get());
    }
    if let Some(limit) = said.total_series_limit {
        registry = registry.with_registry_limit(limit.get());
    }
    if let Some(limit) = said.label_limit {
        limits = limits.with_max_labels(limit.get());
    }
    if let Some(limit) = said.label_value_limit {
        limits = limits.with_max_value_length(limit.get());
    }
    if let Some(limit) = said.collector_time_limit {
        registry = registry.with_collector_time_limit(limit.0);
    }
    if let Some(period) = said.expire_after {
        registry = registry.with_expire_after(period.0);
    }
    if let Some(disabled) = &said.disabled {
        registry = registry.with_disabled(disabled.0.iter().map(|name| name.0.as_str()));
    }
    if let Some(on) = said.self_metrics {
        registry = registry.with_self_metrics(on.0);
    }
    let registry = registry.with_label_limits(limits);
    check_names(config, &registry)?;
    Ok(registry)
}

/// Whether anything at all can be registered. A registry that nobody sees says so.
fn check_names(
    config: &ObservabilityConfig,
    registry: &RegistryConfig,
) -> Result<(), ObservabilityConfigError> {
    let probe = MetricsRegistry::with_config(registry.clone());
    let Err(source) = probe.register_counter("total", "Nothing.") else { return Ok(()) };
    let (key, origin) = match source {
        RegisterError::ConstantLabels(_) => ("registry.labels", origin_of_label(config)),
        _ => ("registry.namespace", config.origin_of("registry.namespace")),
    };
    let source = Box::new(source);
    Err(ObservabilityConfigError::Registry { key, origin, source })
}

/// Where the first label was said that no registry can have, or the labels as a whole.
fn origin_of_label(config: &ObservabilityConfig) -> ConfigOrigin {
    let mut labels = config.sections.registry.labels.iter().flat_map(|labels| &labels.0);
    let wrong = labels.find(|(name, value)| {
        let alone = RegistryConfig::new().with_constant_labels(&[(name, value)]);
        MetricsRegistry::with_config(alone).register_counter("total", "Nothing.").is_err()
    });
    let key = "registry.labels";
    wrong.map_or_else(|| config.origin_of(key), |(name, _)| config.origin_of(&format!("{key}.{name}")))
}

/// Whether something was said of a section, other than that there is to be none.
#[cfg_attr(
    all(feature = "auth", feature = "otel", feature = "process", feature = "tls", feature = "tokio"),
    allow(dead_code, reason = "everything is built")
)]
pub(super) fn is_wanted(config: &ObservabilityConfig, section: &str) -> bool {
    let mut said = KEYS
        .iter()
        .filter(|key| key.is_in(section))
        .filter_map(|key| Some((key, key.text(&config.sections)?)));
    let is_off = config.get(&format!("{section}.enabled")).as_deref() == Some("false");
    !is_off && said.any(|(key, text)| !(key.path.ends_with(".enabled") && text == "false"))
}

/// Refuses what is said of a section whose feature is off.
#[cfg_attr(
    all(feature = "auth", feature = "otel", feature = "process", feature = "tls", feature = "tokio"),
    allow(dead_code, reason = "everything is built")
)]
pub(super) fn refuse(
    config: &ObservabilityConfig,
    section: &'static str,
    feature: &'static str,
) -> Result<(), ObservabilityConfigError> {
    if !is_wanted(config, section) {
        return Ok(());
    }
    let origin = config.origin_of(section);
    Err(ObservabilityConfigError::FeatureOff { key: section, origin, feature })
}

/// Refuses one of two keys that say nothing without each other.
#[cfg(any(feature = "otel", feature = "prometheus"))]
pub(super) fn refuse_alone(
    config: &ObservabilityConfig,
    one: (&'static str, bool),
    other: (&'static str, bool),
) -> Result<(), ObservabilityConfigError> {
    let ((key, true), (other, false)) = (if one.1 { (one, other) } else { (other, one) }) else {
        return Ok(());
    };
    let origin = config.origin_of(key);
    Err(ObservabilityConfigError::Alone { key, origin, other })
}

/// Refuses a key that says nothing without another one.
#[cfg(feature = "prometheus")]
pub(super) fn refuse_without(
    config: &ObservabilityConfig,
    (key, is_set): (&'static str, bool),
    other: &'static str,
) -> Result<(), ObservabilityConfigError> {
    if is_set {
        return Err(ObservabilityConfigError::Alone { key, origin: config.origin_of(key), other });
    }
    Ok(())
}
