//! What can be wrong with a recorder.

use nilometer_core::buckets::BucketError;
use nilometer_core::{ExponentialError, RegisterError};
use thiserror::Error;

/// Says why there is no recorder; the registry is as it was.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum FacadeError {
    /// The registry has a recorder: its clones are what others are to use.
    #[error("the registry has a recorder of the facade `metrics` already")]
    RecorderExists,
    /// Bounds of the builder are not bounds.
    #[error("invalid bucket bounds for `{names}`")]
    Buckets {
        /// Which histograms they are for: a name, `x*` for a beginning, `*x` for an end, `*` for all others.
        names: String,
        /// What is wrong with them.
        source: BucketError,
    },
    /// The exponential buckets are not what there can be.
    #[error("invalid exponential buckets")]
    Exponential(#[source] ExponentialError),
    /// The registry has refused what the recorder registers for itself.
    #[error("the recorder's own metrics cannot be registered")]
    Register(#[from] RegisterError),
}

/// Says why a recorder was not installed; the one that is goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InstallError {
    /// The process has a recorder, this one or another: there is one for its whole life.
    #[error("a recorder of the facade `metrics` is installed in this process already")]
    AlreadyInstalled,
}
