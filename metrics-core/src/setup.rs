//! What a family is set up with beside its descriptor: what its kind alone asks for.

use std::time::Duration;

use crate::buckets::BucketError;
use crate::cell::Bounds;
use crate::cell::exponential::Shape;
use crate::clock::Clock;
use crate::exemplar::Sampling;
use crate::exponential::{ExponentialConfig, ExponentialError};
use crate::registry::RegisterError;
use crate::state_set::StateError;
use crate::summary::history::Summarized;
use crate::summary::{SummaryConfig, SummaryError};
use crate::window::Windows;

/// What a registration asks for. Each kind takes what it needs and ignores the rest.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The upper bounds of a histogram's buckets.
    pub(crate) bounds: Vec<f64>,
    /// The exponential buckets of a histogram that has some.
    pub(crate) exponential: Option<ExponentialConfig>,
    /// Whether the registry's source of exemplars is left aside.
    pub(crate) without_exemplars: bool,
    /// How long a window is, where it is not as long as usual.
    pub(crate) window: Option<Duration>,
    /// What a summary is to be like, where that is not as usual.
    pub(crate) summary: Option<SummaryConfig>,
    /// What windows and running tasks are measured with.
    pub(crate) clock: Clock,
}

impl Options {
    pub(crate) fn with_bounds(bounds: &[f64]) -> Options {
        Options { bounds: bounds.to_vec(), ..Options::default() }
    }
}

/// The exponential buckets of a family, as they were asked for, and where they are.
#[derive(Debug)]
pub(crate) struct Exponential {
    pub(crate) config: ExponentialConfig,
    pub(crate) shape: Shape,
}

/// What a family's series share of what was asked for, checked.
#[derive(Debug, Default)]
pub struct Setup {
    /// None for a kind without buckets, and for a family whose bounds were refused: it records, and is never shown.
    pub(crate) bounds: Bounds,
    /// None for a family without exponential buckets. One that has them alone has no other bounds.
    pub(crate) exponential: Option<Exponential>,
    /// Who names observations as examples, for a kind that can have some.
    pub(crate) sampling: Option<Sampling>,
    /// None for a kind without windows, and for a family whose window was refused.
    pub(crate) windows: Option<Windows>,
    /// None for a kind without states, and for a family whose states were refused.
    pub(crate) states: &'static [&'static str],
    /// None for a kind that is no summary, and for a family whose summary was refused.
    pub(crate) summarized: Option<Box<Summarized>>,
    /// What running tasks are measured with.
    pub(crate) clock: Clock,
}

impl Setup {
    pub(crate) fn of_bounds(bounds: Bounds) -> Setup {
        Setup { bounds, ..Setup::default() }
    }

    pub(crate) fn of_windows(windows: Windows) -> Setup {
        Setup { windows: Some(windows), ..Setup::default() }
    }

    pub(crate) fn of_states(states: &'static [&'static str]) -> Setup {
        Setup { states, ..Setup::default() }
    }

    pub(crate) fn of_summary(summarized: Summarized) -> Setup {
        Setup { summarized: Some(Box::new(summarized)), ..Setup::default() }
    }

    pub(crate) fn of_clock(clock: &Clock) -> Setup {
        Setup { clock: clock.clone(), ..Setup::default() }
    }

    /// All that is part of a family's identity, each with what an error calls it.
    pub(crate) fn identity(&self) -> [(&'static str, String); 5] {
        let window = self.windows.as_ref().map(|windows| format!("{:?}", windows.length()));
        let exponential = self.exponential.as_ref().map(|exponential| exponential.config.identity());
        let none = || "none".to_owned();
        let bounds = self.bounds.as_slice();
        let summary = self.summarized.as_ref().map(|summarized| summarized.config().identity());
        [
            ("exponential buckets", exponential.unwrap_or_else(none)),
            ("bounds", if bounds.is_empty() { none() } else { format!("{bounds:?}") }),
            ("window", window.unwrap_or_default()),
            ("states", self.states.join(", ")),
            ("summary", summary.unwrap_or_default()),
        ]
    }
}

/// Says why what was asked for cannot be had.
#[derive(Debug)]
pub enum SetupError {
    Bounds(BucketError),
    Exponential(ExponentialError),
    /// A window of no length.
    Window,
    States(StateError),
    Summary(SummaryError),
}

impl From<BucketError> for SetupError {
    fn from(error: BucketError) -> Self {
        SetupError::Bounds(error)
    }
}

impl From<ExponentialError> for SetupError {
    fn from(error: ExponentialError) -> Self {
        SetupError::Exponential(error)
    }
}

impl From<StateError> for SetupError {
    fn from(error: StateError) -> Self {
        SetupError::States(error)
    }
}

impl From<SummaryError> for SetupError {
    fn from(error: SummaryError) -> Self {
        SetupError::Summary(error)
    }
}

impl SetupError {
    /// The error of the registration of the family `name`.
    pub(crate) fn of_family(self, name: &str) -> RegisterError {
        let name = name.to_owned();
        match self {
            SetupError::Bounds(source) => RegisterError::Bounds { name, source },
            SetupError::Exponential(source) => RegisterError::Exponential { name, source },
            SetupError::Window => RegisterError::Window { name },
            SetupError::States(source) => RegisterError::States { name, source },
            SetupError::Summary(source) => RegisterError::Summary { name, source },
        }
    }
}
