//! What a family is set up with beside its descriptor: what its kind alone asks for.

use crate::buckets::BucketError;
use crate::cell::Bounds;
use crate::exemplar::Sampling;
use crate::registry::RegisterError;

/// What a registration asks for. Each kind takes what it needs and ignores the rest.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The upper bounds of a histogram's buckets.
    pub(crate) bounds: Vec<f64>,
    /// Whether the registry's source of exemplars is left aside.
    pub(crate) without_exemplars: bool,
}

impl Options {
    pub(crate) fn with_bounds(bounds: &[f64]) -> Options {
        Options { bounds: bounds.to_vec(), ..Options::default() }
    }
}

/// What a family's series share of what was asked for, checked.
#[derive(Debug, Default)]
pub struct Setup {
    /// None for a kind without buckets, and for a family whose bounds were refused: it records, and is never shown.
    pub(crate) bounds: Bounds,
    /// Who names observations as examples, for a kind that can have some.
    pub(crate) sampling: Option<Sampling>,
}

impl Setup {
    pub(crate) fn of_bounds(bounds: Bounds) -> Setup {
        Setup { bounds, ..Setup::default() }
    }

    /// All that is part of a family's identity, each with what an error calls it.
    pub(crate) fn identity(&self) -> [(&'static str, String); 1] {
        [("bounds", format!("{:?}", self.bounds.as_slice()))]
    }
}

/// Says why what was asked for cannot be had.
#[derive(Debug)]
pub enum SetupError {
    Bounds(BucketError),
}

impl From<BucketError> for SetupError {
    fn from(error: BucketError) -> Self {
        SetupError::Bounds(error)
    }
}

impl SetupError {
    /// The error of the registration of the family `name`.
    pub(crate) fn of_family(self, name: &str) -> RegisterError {
        let name = name.to_owned();
        match self {
            SetupError::Bounds(source) => RegisterError::Bounds { name, source },
        }
    }
}
