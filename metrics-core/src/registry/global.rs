//! The registry that belongs to the process.

use std::panic::Location;
use std::sync::OnceLock;

use thiserror::Error;

use super::MetricsRegistry;

struct Global {
    registry: MetricsRegistry,
    location: &'static Location<'static>,
}

static GLOBAL: OnceLock<Global> = OnceLock::new();

/// The process's global registry, made with the default configuration unless [`set_global`] came before.
///
/// A registry that is passed comes first: its tests run side by side without seeing each other's values, two of its
/// components can have one metric each, its configuration is set where it is made, and what it shows is what was
/// registered with it. The global one is for what nothing can be passed to, such as statics of a library, and nothing is
/// on it that did not ask to be. An exporter serves both as one with [`Registries`](crate::Registries).
///
/// # Concurrency
///
/// The first call makes the registry, and calls at the same time wait for it; later ones are a load.
///
/// # Examples
///
/// ```
/// let jobs = nilometer_core::global().register_counter("jobs_total", "Jobs done.")?;
/// jobs.default().inc();
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[must_use = "the registry does nothing until something is registered"]
#[track_caller]
pub fn global() -> &'static MetricsRegistry {
    let location = Location::caller();
    &GLOBAL.get_or_init(|| Global { registry: MetricsRegistry::new(), location }).registry
}

/// Makes `registry` the process's global one, once and before anyone has used it: the first thing in `main`.
///
/// # Errors
///
/// [`GlobalError::InUse`] when the global registry is there already, set or used. Nothing has changed then.
///
/// # Examples
///
/// ```
/// use nilometer_core::{MetricsRegistry, RegistryConfig, global, set_global};
///
/// let config = RegistryConfig::new().with_namespace("shop");
/// set_global(&MetricsRegistry::with_config(config))?;
/// assert_eq!(global().config().namespace(), Some("shop"));
/// assert!(set_global(&MetricsRegistry::new()).is_err());
/// # Ok::<(), nilometer_core::GlobalError>(())
/// ```
#[track_caller]
pub fn set_global(registry: &MetricsRegistry) -> Result<(), GlobalError> {
    let location = Location::caller();
    GLOBAL.set(Global { registry: registry.clone(), location }).map_err(|_| GlobalError::InUse {
        // It is there: that is why it could not be set.
        location: GLOBAL.get().map_or(location, |global| global.location),
    })
}

/// Says why a registry cannot be the global one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GlobalError {
    /// There is a global registry already.
    #[error("the global registry is in use since {location}")]
    InUse {
        /// Where it was set, or first used.
        location: &'static Location<'static>,
    },
}
