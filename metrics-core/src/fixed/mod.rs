//! Metrics that are statics: there before there is a registry, and for as long as the process.
//!
//! - `count`: [`StaticCounter`] and [`StaticUpDownCounter`].
//! - `fraction`: [`StaticFloatCounter`]. `histogram`: [`StaticHistogram`].
//! - `registering`: how they come onto a registry.
//! - here: what they have alike.

mod count;
mod fraction;
mod histogram;
mod registering;

use std::panic::Location;

use thiserror::Error;

pub use self::count::{StaticCounter, StaticUpDownCounter};
pub use self::fraction::StaticFloatCounter;
pub use self::histogram::StaticHistogram;
use self::registering::Asked;
pub use self::registering::StaticMetric;
use crate::buckets::BucketError;
use crate::declare::Declaration;
use crate::metric::Metric;
use crate::name::{NameError, check_metric_name};

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
    asked: Asked,
}

impl About {
    #[track_caller]
    const fn new(name: &'static str, help: &'static str) -> About {
        assert!(check_metric_name(name).is_ok(), "a metric name is `[a-zA-Z_:][a-zA-Z0-9_:]*`");
        About { name, help, location: Location::caller(), asked: Asked::no() }
    }

    #[track_caller]
    const fn try_new(name: &'static str, help: &'static str) -> Result<About, NameError> {
        match check_metric_name(name) {
            Ok(()) => Ok(About { name, help, location: Location::caller(), asked: Asked::no() }),
            Err(error) => Err(error),
        }
    }

    fn declaration<M: Metric>(&self, bounds: &[f64]) -> Declaration {
        let mut declaration = Declaration::new::<M>(self.name, self.help, self.location);
        declaration.options.bounds = bounds.to_vec();
        declaration.has_fixed_bounds = true;
        declaration
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
