//! Finding series by typed labels: by their index, where they have one.

use std::any::TypeId;

use super::seats::{MAX_SEATS, Schema};
use super::{Family, SeriesError};
use crate::label::TypedLabels;
use crate::metric::Metric;

impl<L: TypedLabels, M: Metric> Family<L, M> {
    /// What the labels' indexes are, where they can have seats.
    #[inline]
    fn schema() -> Option<Schema> {
        const { L::CARDINALITY }
            .filter(|&len| len <= MAX_SEATS)
            .map(|len| Schema { labels: TypeId::of::<L::Schema>(), len })
    }

    /// Whether series can have seats.
    #[inline]
    pub(super) fn has_seats() -> bool {
        Self::schema().is_some()
    }

    /// The series of these labels, if it has a seat.
    #[inline]
    pub(super) fn seated<Q: TypedLabels<Schema = L::Schema>>(&self, labels: &Q) -> Option<&M> {
        let schema = Self::schema()?;
        let index = labels.closed_index().filter(|&index| index < schema.len)?;
        // SAFETY: the row is this handle's, whose schema and seats are always these.
        unsafe { self.row.find(self.core.seats(), index) }
    }

    /// What labels without a seat do, those whose family has no seats any more among them.
    #[cold]
    #[inline(never)]
    pub(super) fn with_unseated<Q, R>(&self, labels: &Q, f: impl FnOnce(&M) -> R) -> R
    where
        Q: TypedLabels<Schema = L::Schema>,
    {
        if self.can_seat() {
            f(&self.get_or_create(labels))
        } else {
            labels.with_pairs(|pairs| self.core.with(pairs, f))
        }
    }

    /// The series of labels that have no seat yet.
    pub(super) fn try_unseated<Q: TypedLabels<Schema = L::Schema>>(
        &self,
        labels: &Q,
    ) -> Result<M, SeriesError> {
        let metric = labels.with_pairs(|pairs| self.core.try_get_or_create(pairs))?;
        if let (Some(schema), Some(index)) = (Self::schema(), labels.closed_index()) {
            self.core.seats().fill(&self.row, schema, index, metric.clone());
        }
        Ok(metric)
    }

    fn can_seat(&self) -> bool {
        Self::schema().is_some_and(|schema| self.core.seats().can_fill(schema))
    }
}
