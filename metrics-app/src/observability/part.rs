//! What is collected beside what the program records: the build, what of the environment says nothing, the process and its
//! runtime.

use nilometer_core::{InfoFamily, MetricsRegistry};

use super::{ObservabilityConfig, ObservabilityConfigError, ObservabilityError};

/// Whether what is asked for is built.
pub(super) fn check(config: &ObservabilityConfig) -> Result<(), ObservabilityConfigError> {
    process::check(config)?;
    runtime::check(config)
}

/// Has the registry show what is asked for.
pub(super) fn register(
    config: &ObservabilityConfig,
    registry: &MetricsRegistry,
) -> Result<(), ObservabilityError> {
    if let Some(build) = &config.build_info {
        let registered = build.register(registry);
        registered.map_err(|source| {
            let (name, source) = ("build_info", Box::new(source));
            ObservabilityError::Register { name, source }
        })?;
    }
    ignored(config, registry)?;
    process::register(config, registry)?;
    runtime::register(config, registry)
}

/// Has the page name the variables of OpenTelemetry that say nothing, if there are any: whoever has set one looks for what it
/// should have done, and may have no log. What is wrong with one stays out of it, being as long as one likes.
fn ignored(config: &ObservabilityConfig, registry: &MetricsRegistry) -> Result<(), ObservabilityError> {
    let ignored = config.ignored_variables();
    if ignored.is_empty() {
        return Ok(());
    }
    // The name is the same in every namespace, as that of all that nilometer tells of itself.
    let name = "nilometer_otel_ignored_variable_info";
    let help = "Environment variables of OpenTelemetry that are malformed, and so say nothing.";
    let variables = InfoFamily::new(name, help);
    registry
        .register(&variables)
        .map_err(|source| ObservabilityError::Register { name, source: Box::new(source) })?;
    for variable in ignored {
        // An info is all that there is to say.
        let _ = variables.get_or_create(&[("variable", variable.name())]);
    }
    Ok(())
}

#[cfg(feature = "process")]
mod process {
    use super::{MetricsRegistry, ObservabilityConfig, ObservabilityConfigError, ObservabilityError};
    use crate::process::ProcessCollector;

    #[expect(clippy::unnecessary_wraps, reason = "without the feature there is something that fails")]
    pub(super) fn check(_: &ObservabilityConfig) -> Result<(), ObservabilityConfigError> {
        Ok(())
    }

    pub(super) fn register(
        config: &ObservabilityConfig,
        registry: &MetricsRegistry,
    ) -> Result<(), ObservabilityError> {
        if config.sections.process.enabled.is_none_or(|enabled| enabled.0) {
            super::super::register(registry, "process", ProcessCollector::new())?;
        }
        Ok(())
    }
}

#[cfg(not(feature = "process"))]
mod process {
    use super::{MetricsRegistry, ObservabilityConfig, ObservabilityConfigError, ObservabilityError};
    use crate::observability::plan;

    pub(super) fn check(config: &ObservabilityConfig) -> Result<(), ObservabilityConfigError> {
        plan::refuse(config, "process", "process")
    }

    #[expect(clippy::unnecessary_wraps, reason = "with the feature there is something that fails")]
    pub(super) fn register(_: &ObservabilityConfig, _: &MetricsRegistry) -> Result<(), ObservabilityError> {
        Ok(())
    }
}

#[cfg(feature = "tokio")]
mod runtime {
    use tokio::runtime::Handle;

    use super::{MetricsRegistry, ObservabilityConfig, ObservabilityConfigError, ObservabilityError};
    use crate::runtime::RuntimeCollector;

    #[expect(clippy::unnecessary_wraps, reason = "without the feature there is something that fails")]
    pub(super) fn check(_: &ObservabilityConfig) -> Result<(), ObservabilityConfigError> {
        Ok(())
    }

    pub(super) fn register(
        config: &ObservabilityConfig,
        registry: &MetricsRegistry,
    ) -> Result<(), ObservabilityError> {
        let enabled = config.sections.tokio.enabled.map(|enabled| enabled.0);
        if enabled == Some(false) {
            return Ok(());
        }
        let runtime = config.runtime.clone().or_else(|| Handle::try_current().ok());
        match runtime {
            Some(runtime) => super::super::register(registry, "tokio", RuntimeCollector::new(&runtime)),
            None if enabled == Some(true) => {
                Err(ObservabilityError::NoRuntime { origin: config.origin_of("tokio.enabled") })
            }
            None => Ok(()),
        }
    }
}

#[cfg(not(feature = "tokio"))]
mod runtime {
    use super::{MetricsRegistry, ObservabilityConfig, ObservabilityConfigError, ObservabilityError};
    use crate::observability::plan;

    pub(super) fn check(config: &ObservabilityConfig) -> Result<(), ObservabilityConfigError> {
        plan::refuse(config, "tokio", "tokio")
    }

    #[expect(clippy::unnecessary_wraps, reason = "with the feature there is something that fails")]
    pub(super) fn register(_: &ObservabilityConfig, _: &MetricsRegistry) -> Result<(), ObservabilityError> {
        Ok(())
    }
}
