//! Finding series by typed labels: by their index, where they have one.

use std::any::TypeId;

use super::SeriesError;
use super::core::FamilyCore;
use super::seats::MAX_SEATS;
use crate::label::TypedLabels;
use crate::metric::Metric;

impl<M: Metric> FamilyCore<M> {
    #[inline]
    pub(super) fn with_typed<Q: TypedLabels, R>(&self, labels: &Q, f: impl FnOnce(&M) -> R) -> R {
        match self.seated(labels) {
            Some(metric) => f(metric),
            None => self.with_unseated(labels, f),
        }
    }

    /// What labels without a seat do, those whose family has no seats any more among them.
    fn with_unseated<Q: TypedLabels, R>(&self, labels: &Q, f: impl FnOnce(&M) -> R) -> R {
        if self.can_seat::<Q>() {
            f(&self.get_or_overflow_typed(labels))
        } else {
            labels.with_pairs(|pairs| self.with(pairs, f))
        }
    }

    pub(super) fn get_typed<Q: TypedLabels>(&self, labels: &Q) -> Option<M> {
        self.seated(labels).cloned().or_else(|| labels.with_pairs(|pairs| self.get(pairs)))
    }

    pub(super) fn get_or_overflow_typed<Q: TypedLabels>(&self, labels: &Q) -> M {
        match self.try_get_or_create_typed(labels) {
            Ok(metric) => metric,
            Err(error) => self.overflow(&error),
        }
    }

    pub(super) fn try_get_or_create_typed<Q: TypedLabels>(&self, labels: &Q) -> Result<M, SeriesError> {
        if let Some(metric) = self.seated(labels).cloned() {
            return Ok(metric);
        }
        let metric = labels.with_pairs(|pairs| self.try_get_or_create(pairs))?;
        self.seat(labels, &metric);
        Ok(metric)
    }

    /// The series of these labels, if it has a seat.
    #[inline]
    fn seated<Q: TypedLabels>(&self, labels: &Q) -> Option<&M> {
        const { seats::<Q>() }?;
        self.seats().find(TypeId::of::<Q::Schema>(), labels.closed_index()?)
    }

    fn can_seat<Q: TypedLabels>(&self) -> bool {
        let seats = const { seats::<Q>() };
        seats.is_some() && !self.seats().is_closed()
    }

    /// Gives the series of these labels its seat, if they can have one.
    fn seat<Q: TypedLabels>(&self, labels: &Q, metric: &M) {
        if let Some(seats) = const { seats::<Q>() }
            && let Some(index) = labels.closed_index()
            && self.can_seat::<Q>()
        {
            self.seats().fill(TypeId::of::<Q::Schema>(), seats, index, metric.clone());
        }
    }
}

/// How many seats these labels take, where they can have any.
const fn seats<Q: TypedLabels>() -> Option<usize> {
    match Q::CARDINALITY {
        Some(seats) if seats <= MAX_SEATS => Some(seats),
        _ => None,
    }
}
