//! Letting go of handles that nobody uses, where series expire.

use std::sync::{Arc, Weak};

use nilometer_core::RegisterError;
use nilometer_core::collect::{CollectError, Collector, Visitor};

use super::Shared;

/// What the registry calls the collector.
const COLLECTOR: &str = "metrics_facade";

/// A collector that shows nothing: each collection is a sweep.
struct Sweeper(Weak<Shared>);

/// Registers the sweeps of a recorder, which end with it.
///
/// # Errors
///
/// [`RegisterError`]: the name of the collector is taken, or the constant labels break a rule.
pub(super) fn register(shared: &Arc<Shared>) -> Result<(), RegisterError> {
    let sweeper = Sweeper(Arc::downgrade(shared));
    let registration = shared.registry.register_collector(COLLECTOR, sweeper)?;
    // It is set here alone, once.
    let _ = shared.sweeper.set(registration.guard());
    Ok(())
}

impl Collector for Sweeper {
    fn collect(&self, _: &mut dyn Visitor) -> Result<(), CollectError> {
        if let Some(shared) = self.0.upgrade() {
            shared.counters.cache.sweep(|_| false);
            // One that was taken from the cache would start again at zero, and be below it when the rest is taken off.
            shared.gauges.cache.sweep(super::handle::Handle::is_level);
            shared.histograms.cache.sweep(|_| false);
        }
        Ok(())
    }
}
