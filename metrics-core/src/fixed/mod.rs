//! Metrics that are statics: there before there is a registry, and for as long as the process.
//!
//! - `count`: [`StaticCounter`] and [`StaticUpDownCounter`].
//! - `fraction`: [`StaticFloatCounter`]. `histogram`: [`StaticHistogram`].
//! - here: what they have alike, which is how they come onto a registry.

mod count;
mod fraction;
mod histogram;

use std::panic::Location;

use thiserror::Error;

pub use self::count::{StaticCounter, StaticUpDownCounter};
pub use self::fraction::StaticFloatCounter;
pub use self::histogram::StaticHistogram;
use crate::buckets::BucketError;
use crate::cell::{LateRun, Run};
use crate::declare::Declaration;
use crate::family::{DynamicLabels, Family};
use crate::metric::Metric;
use crate::name::{NameError, check_metric_name};
use crate::registry::{MetricsRegistry, RegisterError};

/// Says why something cannot be a static metric.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[non_exhaustive]
pub enum StaticError {
    /// The name is not a metric name.
    #[error("invalid metric name")]
    Name(#[from] NameError),
    /// The bucket bounds are not bounds.
    #[error("invalid bucket bounds")]
    Bounds(#[from] BucketError),
}

/// What a static is called, and where it stands.
#[derive(Debug)]
struct About {
    name: &'static str,
    help: &'static str,
    location: &'static Location<'static>,
}

impl About {
    #[track_caller]
    const fn new(name: &'static str, help: &'static str) -> About {
        assert!(check_metric_name(name).is_ok(), "a metric name is `[a-zA-Z_:][a-zA-Z0-9_:]*`");
        About { name, help, location: Location::caller() }
    }

    #[track_caller]
    const fn try_new(name: &'static str, help: &'static str) -> Result<About, NameError> {
        match check_metric_name(name) {
            Ok(()) => Ok(About { name, help, location: Location::caller() }),
            Err(error) => Err(error),
        }
    }

    fn register<M: Metric<Cell = Run>>(
        &self,
        registry: &MetricsRegistry,
        run: &'static LateRun,
        bounds: &[f64],
    ) -> Result<M, RegisterError> {
        let mut declaration = Declaration::new::<M>(self.name, self.help, self.location);
        declaration.options.bounds = bounds.to_vec();
        let slot = run.assign();
        registry.register_and(declaration, |family: Family<DynamicLabels, M>| {
            let descriptor = family.metadata();
            let name = || descriptor.name().to_owned();
            let metric = family.get_or_adopt(&[], Some(run.created()), || Run::lent(slot));
            let metric = metric.map_err(|source| RegisterError::Series { name: name(), source })?;
            if metric.series().cell.first() == slot {
                return Ok(metric);
            }
            Err(RegisterError::Conflict {
                name: name(),
                what: "series",
                existing: "a series of its own".to_owned(),
                requested: "the series of a static".to_owned(),
                location: descriptor.location(),
            })
        })
    }
}

/// Writes the `Debug` of a kind.
macro_rules! debug {
    ($kind:ident) => {
        impl std::fmt::Debug for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($kind)).field("name", &self.about.name).finish_non_exhaustive()
            }
        }
    };
}
use debug;
