//! The umbrella over the errors of each operation.

use thiserror::Error;

use crate::buckets::BucketError;
use crate::collect::CollectError;
use crate::family::SeriesError;
use crate::fixed::StaticError;
use crate::label::LabelError;
use crate::name::NameError;
use crate::registry::{GlobalError, RegisterError};

/// Any error of this crate, for an application that handles them in one place.
///
/// Each operation has an error of its own, which says all that can go wrong there; they all convert into this one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// A registration was refused.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// A series was refused.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// Labels were refused.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// A name was refused.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Bucket bounds were refused.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// A static was refused.
    #[error(transparent)]
    Static(#[from] StaticError),
    /// A registry cannot be the global one.
    #[error(transparent)]
    Global(#[from] GlobalError),
    /// A collection ended early.
    #[error(transparent)]
    Collect(#[from] CollectError),
}

/// A result with [`MetricsError`].
pub type Result<T, E = MetricsError> = std::result::Result<T, E>;
