//! Kinds of one number.

use std::time::SystemTime;

use super::exemplar::Exemplar;
use super::number::Number;

/// A counter at one collection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CounterPoint<'a> {
    total: Number,
    pub(super) created: Option<SystemTime>,
    exemplar: Option<Exemplar<'a>>,
}

impl<'a> CounterPoint<'a> {
    /// A point with this total.
    #[must_use]
    pub fn new(total: impl Into<Number>) -> CounterPoint<'a> {
        CounterPoint { total: total.into(), created: None, exemplar: None }
    }

    /// Says when the series began, at zero.
    #[must_use]
    pub fn with_created(mut self, created: impl Into<Option<SystemTime>>) -> CounterPoint<'a> {
        self.created = created.into();
        self
    }

    /// Names an increment as an example.
    #[must_use]
    pub fn with_exemplar(mut self, exemplar: impl Into<Option<Exemplar<'a>>>) -> CounterPoint<'a> {
        self.exemplar = exemplar.into();
        self
    }

    /// When the series began, where that is known.
    #[must_use]
    pub fn created(&self) -> Option<SystemTime> {
        self.created
    }

    /// An increment that stands for others, where there is one.
    #[must_use]
    pub fn exemplar(&self) -> Option<Exemplar<'a>> {
        self.exemplar
    }

    /// The total.
    #[must_use]
    pub fn total(&self) -> Number {
        self.total
    }
}

/// A gauge at one collection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaugePoint {
    value: Number,
}

impl GaugePoint {
    /// A point with this value.
    #[must_use]
    pub fn new(value: impl Into<Number>) -> GaugePoint {
        GaugePoint { value: value.into() }
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> Number {
        self.value
    }
}

/// An up-down counter at one collection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UpDownCounterPoint {
    value: Number,
    pub(super) created: Option<SystemTime>,
}

impl UpDownCounterPoint {
    /// A point with this value: what was added, less what was subtracted.
    #[must_use]
    pub fn new(value: impl Into<Number>) -> UpDownCounterPoint {
        UpDownCounterPoint { value: value.into(), created: None }
    }

    /// Says when the series began, at zero.
    #[must_use]
    pub fn with_created(mut self, created: impl Into<Option<SystemTime>>) -> UpDownCounterPoint {
        self.created = created.into();
        self
    }

    /// When the series began, where that is known.
    #[must_use]
    pub fn created(&self) -> Option<SystemTime> {
        self.created
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> Number {
        self.value
    }
}
