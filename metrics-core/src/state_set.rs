//! Which of a fixed number of states something is in.

use std::marker::PhantomData;
use std::panic::Location;

use thiserror::Error;

use crate::cell::{Room, Value, Values, value};
use crate::collect::{Point, StateSetPoint};
use crate::descriptor::{Descriptor, MetricType};
use crate::label::{ClosedLabelValue, Labels};
use crate::metric::{FamilyInfo, InfoRef, Metric, handle_basics, sealed};
use crate::series::SeriesRef;
use crate::setup::{Options, Setup, SetupError};
use crate::sync::AtomicU64;

/// A handle of a state set: which of the states of `S` something is in, none of them when its series is made.
///
/// `S` is an enum with `#[derive(LabelValue)]`, or another [`ClosedLabelValue`], of 1 to 64 values. A page shows a line
/// for each of them, 1 or 0, with the state in a label of the family's own name: that name must be a label's, so it has
/// no colon, and no series can have another label of it.
///
/// Of something that is in one state at a time, [`set`](StateSet::set) says which. Where several can be on at once, they
/// are switched by [`enable`](StateSet::enable) and [`disable`](StateSet::disable).
///
/// Clones change the same series.
///
/// # Concurrency
///
/// Every method is wait-free and can be called from any thread. All states are one atomic: where they are only `set`, no
/// reader sees two of them on.
///
/// # Examples
///
/// ```
/// use nilometer_core::MetricsRegistry;
/// use nilometer_core::label::{ClosedLabelValue, LabelValue, ValueBuffer};
///
/// /// With `#[derive(LabelValue)]`, the enum is all there is to write.
/// #[derive(Clone, Copy)]
/// enum Phase {
///     Starting,
///     Running,
/// }
/// # impl LabelValue for Phase {
/// #     fn as_value<'a>(&'a self, _: &'a mut ValueBuffer) -> &'a str { Self::VALUES[self.index()] }
/// # }
/// # impl ClosedLabelValue for Phase {
/// #     const VALUES: &'static [&'static str] = &["starting", "running"];
/// #     fn index(&self) -> usize { *self as usize }
/// # }
///
/// let registry = MetricsRegistry::new();
/// let phase = registry.register_state_set::<Phase>("phase", "What the program does.")?.default();
/// phase.set(Phase::Starting);
/// phase.set(Phase::Running);
/// assert!(phase.is_enabled(Phase::Running) && !phase.is_enabled(Phase::Starting));
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
///
/// # Specification
///
/// OpenMetrics 1.0.0, "Metric types", `StateSet`.
#[must_use = "a state set that nothing changes shows no state"]
pub struct StateSet<S> {
    /// That of the series' value, a bit for each state, which the series keeps from being another's.
    cell: &'static AtomicU64,
    series: SeriesRef<Value>,
    states: PhantomData<fn() -> S>,
}

/// The most states that a set can have.
pub(crate) const MAX_STATES: usize = 64;

/// Says why the values of a type cannot be the states of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StateError {
    /// There are none.
    #[error("a state set without states")]
    None,
    /// There are too many.
    #[error("{count} states where {MAX_STATES} are allowed")]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// A state has no name.
    #[error("a state without a name")]
    Unnamed,
    /// Two states have one name.
    #[error("state `{name}` stands twice")]
    Duplicate {
        /// The name.
        name: &'static str,
    },
}

impl StateError {
    fn check(states: &'static [&'static str]) -> Result<(), StateError> {
        if states.is_empty() {
            return Err(StateError::None);
        }
        if states.len() > MAX_STATES {
            return Err(StateError::TooMany { count: states.len() });
        }
        for (at, &name) in states.iter().enumerate() {
            if name.is_empty() {
                return Err(StateError::Unnamed);
            }
            if states[..at].contains(&name) {
                return Err(StateError::Duplicate { name });
            }
        }
        Ok(())
    }
}

impl<S: ClosedLabelValue + 'static> StateSet<S> {
    /// A state set of its own, outside of any family and registry.
    ///
    /// Names and states are checked where they could reach a page: when something is registered or collected.
    #[track_caller]
    pub fn new(name: impl Into<String>, help: impl Into<String>, labels: impl Into<Labels>) -> StateSet<S> {
        let descriptor = Descriptor::unchecked(name, help, MetricType::StateSet, Location::caller());
        let setup = Setup::of_states(S::VALUES);
        <StateSet<S> as sealed::Sealed>::create(InfoRef::new(descriptor, setup), labels.into(), 0)
    }

    /// Turns this state on and all others off.
    #[inline]
    pub fn set(&self, state: S) {
        value::set_bits(self.cell, bit(&state));
    }

    /// Turns this state on, and leaves the others as they are.
    #[inline]
    pub fn enable(&self, state: S) {
        value::switch_bits(self.cell, bit(&state), true);
    }

    /// Turns this state off, and leaves the others as they are.
    #[inline]
    pub fn disable(&self, state: S) {
        value::switch_bits(self.cell, bit(&state), false);
    }

    /// Turns every state off.
    #[inline]
    pub fn clear(&self) {
        value::set_bits(self.cell, 0);
    }

    /// Whether this state is on.
    #[must_use]
    pub fn is_enabled(&self, state: S) -> bool {
        value::get_bits(self.cell) & bit(&state) != 0
    }

    /// The names of the states that are on, in the order of the values.
    pub fn enabled(&self) -> impl Iterator<Item = &'static str> + use<S> {
        let bits = value::get_bits(self.cell);
        S::VALUES
            .iter()
            .enumerate()
            .filter(move |(at, _)| bits >> (at % MAX_STATES) & 1 != 0)
            .map(|(_, &name)| name)
    }
}

/// The bit of a state; none where the index is no value's, as it can be where the trait is implemented by hand.
#[inline]
fn bit<S: ClosedLabelValue>(state: &S) -> u64 {
    let index = state.index();
    if index < S::VALUES.len() && index < MAX_STATES { 1 << index } else { 0 }
}

handle_basics!(StateSet<S: ClosedLabelValue>);

impl<S> Clone for StateSet<S> {
    fn clone(&self) -> Self {
        StateSet { cell: self.cell, series: self.series.clone(), states: PhantomData }
    }
}

impl<S: ClosedLabelValue + 'static> Metric for StateSet<S> {
    const TYPE: MetricType = MetricType::StateSet;
}

impl<S: ClosedLabelValue + 'static> sealed::Sealed for StateSet<S> {
    type Cell = Value;

    const IDENTITY: &'static str = "state set";
    const NAME_IS_LABEL: bool = true;

    fn setup(_: &Options) -> Result<Setup, SetupError> {
        StateError::check(S::VALUES)?;
        Ok(Setup::of_states(S::VALUES))
    }

    fn cell(_: &FamilyInfo, others: usize) -> Value {
        Value::new(Room::beside(others))
    }

    fn handle(series: SeriesRef<Value>) -> StateSet<S> {
        StateSet { cell: series.cell.cell(), series, states: PhantomData }
    }

    fn series(&self) -> &SeriesRef<Value> {
        &self.series
    }

    fn read_all(handles: &[StateSet<S>], values: &mut Values) {
        values.take_states(S::VALUES, handles.iter().map(|handle| value::get_bits(handle.cell)));
    }

    fn point<'a>(&'a self, at: usize, values: &'a Values) -> Point<'a> {
        StateSetPoint::new(values.states(at, S::VALUES.len())).into()
    }
}
