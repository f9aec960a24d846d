//! A callback's place in a registry.

use std::fmt;
use std::mem;
use std::sync::Arc;

use super::{Callback, Read, Reading, Source};
use crate::declare::Declaration;
use crate::family::{DynamicLabels, Family};
use crate::metric::sealed::Sealed as _;
use crate::registry::{MetricsRegistry, RegisterError};

/// Takes a callback off its registry when it is dropped; made by [`MetricsRegistry::register_gauge_callback`] and its
/// kin.
///
/// Its series is gone from then on, and so is its family if that was the last one. The callback is not called by any
/// collection that begins later; one that runs may be calling it, and drops it then.
///
/// # Examples
///
/// ```
/// use nilometer_core::MetricsRegistry;
///
/// let registry = MetricsRegistry::new();
/// let guard = registry.register_gauge_callback("free_bytes", "Room left.", &[], || 4096.0)?;
/// drop(guard);
/// registry.register_gauge("free_bytes", "Room left.")?;
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[must_use = "the callback is unregistered as soon as the guard is dropped"]
pub struct CallbackGuard {
    name: String,
    /// Takes the callback off, with the only reference to it.
    unregister: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl CallbackGuard {
    /// Keeps the callback where it is as long as the registry has its family; the callback itself is never dropped.
    pub fn keep(mut self) {
        if let Some(unregister) = self.unregister.take() {
            mem::forget(unregister);
        }
    }
}

impl Drop for CallbackGuard {
    fn drop(&mut self) {
        if let Some(unregister) = self.unregister.take() {
            unregister();
        }
    }
}

impl fmt::Debug for CallbackGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackGuard").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Registers a callback as the series with these labels of the family of a declaration.
pub(crate) fn register<R: Reading>(
    registry: &MetricsRegistry,
    declaration: Declaration,
    labels: &[(&str, &str)],
    read: Arc<Read<R>>,
) -> Result<CallbackGuard, RegisterError> {
    let (family, callback) =
        registry.register_and(declaration, |family: Family<DynamicLabels, Callback<R>>| {
            let name = || family.metadata().name().to_owned();
            let callback = family
                .get_or_adopt(labels, None, || Source::of(&read))
                .map_err(|source| RegisterError::Series { name: name(), source })?;
            if callback.series().cell.is(&read) {
                return Ok((family, callback));
            }
            Err(RegisterError::Conflict {
                name: name(),
                what: "series",
                existing: format!("{:?} of another callback", callback.series_labels()),
                requested: format!("{labels:?}"),
                location: family.metadata().location(),
            })
        })?;
    let name = family.metadata().name().to_owned();
    let registry = registry.downgrade();
    let unregister = move || {
        family.remove_own(&callback);
        if let Some(registry) = registry.upgrade() {
            registry.unregister_empty(&family);
        }
        // After its series, so that no series is without its callback.
        drop(read);
    };
    Ok(CallbackGuard { name, unregister: Some(Box::new(unregister)) })
}
