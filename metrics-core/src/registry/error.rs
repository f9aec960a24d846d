//! What can be wrong with a registration.

use std::panic::Location;

use thiserror::Error;

use crate::buckets::BucketError;
use crate::exponential::ExponentialError;
use crate::family::SeriesError;
use crate::label::LabelError;
use crate::name::NameError;
use crate::state_set::StateError;
use crate::summary::SummaryError;
use crate::unit::Unit;

/// Says why a registration was refused; the registry is as it was.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The name, namespace and prefix included, is not a metric name.
    #[error("invalid metric name `{name}`")]
    InvalidName {
        /// The name.
        name: String,
        /// What is wrong with it.
        source: NameError,
    },
    /// The declared label names, or the labels of series that are there already, break a rule.
    #[error("invalid labels for family `{name}`")]
    Labels {
        /// The family's name.
        name: String,
        /// What is wrong with them.
        source: LabelError,
    },
    /// The constant labels, of the configuration and the registration together, break a rule.
    #[error("invalid constant labels")]
    ConstantLabels(#[source] LabelError),
    /// The bucket bounds are not bounds.
    #[error("invalid bucket bounds for family `{name}`")]
    Bounds {
        /// The family's name.
        name: String,
        /// What is wrong with them.
        source: BucketError,
    },
    /// The bounds that the configuration has for the family are not bounds.
    #[error("invalid bucket bounds in the configuration for family `{name}`")]
    BucketOverride {
        /// The family's name.
        name: String,
        /// What is wrong with them.
        source: BucketError,
    },
    /// The exponential buckets are not what there can be.
    #[error("invalid exponential buckets for family `{name}`")]
    Exponential {
        /// The family's name.
        name: String,
        /// What is wrong with them.
        source: ExponentialError,
    },
    /// The windows of a gauge have no length.
    #[error("family `{name}` cannot have windows of no length")]
    Window {
        /// The family's name.
        name: String,
    },
    /// The states of a state set are not states.
    #[error("invalid states for family `{name}`")]
    States {
        /// The family's name.
        name: String,
        /// What is wrong with them.
        source: StateError,
    },
    /// What a summary is to be like cannot be had.
    #[error("invalid summary for family `{name}`")]
    Summary {
        /// The family's name.
        name: String,
        /// What is wrong with it.
        source: SummaryError,
    },
    /// The declared unit is not what the name ends with.
    #[error("family `{name}` is declared in `{unit}`, which its name does not end with")]
    Unit {
        /// The family's name.
        name: String,
        /// The unit.
        unit: Unit,
    },
    /// The name is registered with another identity.
    #[error(
        "family `{name}` is registered with {what} `{existing}` at {location}, and cannot be with {what} `{requested}`"
    )]
    Conflict {
        /// The family's name.
        name: String,
        /// What differs: its type, help, unit, label names, constant label names, constant labels, bounds, exponential
        /// buckets, window, states, summary or series.
        what: &'static str,
        /// How it is registered.
        existing: String,
        /// How it was to be registered.
        requested: String,
        /// Where in the source the registered one was defined.
        location: &'static Location<'static>,
    },
    /// A name that the family takes on a page belongs to another family.
    #[error("family `{name}` takes the name `{taken}` on a page, which belongs to family `{owner}`")]
    Collision {
        /// The family's name.
        name: String,
        /// The name that both would take.
        taken: String,
        /// The family that has it.
        owner: String,
    },
    /// The family belongs to a registry already.
    #[error("family `{name}` belongs to another registry")]
    Attached {
        /// The family's name.
        name: String,
    },
    /// The series that is registered with its family, of a static, an info, a callback or a long-task timer, is past a
    /// limit, or its labels break a rule.
    #[error("no series in family `{name}`")]
    Series {
        /// The family's name.
        name: String,
        /// Why there is none.
        source: SeriesError,
    },
    /// The name of a collector cannot be a label value.
    #[error("invalid collector name {name:?}")]
    CollectorName {
        /// The collector's name.
        name: String,
        /// What is wrong with it.
        source: LabelError,
    },
    /// A collector of that name is registered.
    #[error("a collector named `{name}` is registered")]
    CollectorExists {
        /// The collector's name.
        name: String,
    },
}
