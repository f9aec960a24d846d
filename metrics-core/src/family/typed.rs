//! Families with typed labels, whose series are found by their index, where they have one.

use std::any::TypeId;

use super::seats::{MAX_SEATS, Schema};
use super::{ClosedLabels, Family, OwnedSeries, SeriesError};
use crate::label::TypedLabels;
use crate::metric::Metric;

impl<L: TypedLabels, M: Metric> Family<L, M> {
    /// The series with these labels, made at zero if it is not there.
    ///
    /// The labels may borrow: any `Q` with the same schema will do, so a lookup needs no `String`.
    /// What [`try_get_or_create`](Family::try_get_or_create) refuses goes to the overflow series.
    #[must_use = "the series stays at zero until its handle records"]
    pub fn get_or_create<Q: TypedLabels<Schema = L::Schema>>(&self, labels: &Q) -> M {
        self.try_get_or_create(labels).unwrap_or_else(|error| self.core.overflow(&error))
    }

    /// The series with these labels, made at zero if it is not there.
    ///
    /// # Errors
    ///
    /// [`SeriesError`]: a value or the family is past a limit; nothing was made or counted.
    pub fn try_get_or_create<Q: TypedLabels<Schema = L::Schema>>(
        &self,
        labels: &Q,
    ) -> Result<M, SeriesError> {
        match self.seated(labels) {
            Some(metric) => Ok(metric.clone()),
            None => self.try_unseated(labels),
        }
    }

    /// Calls `f` with the series that [`get_or_create`](Family::get_or_create) finds, without adding to its reference
    /// count.
    ///
    /// No lock is held while `f` runs, which can take its time, and can use the family: a series that is removed
    /// meanwhile stays until `f` has returned.
    #[inline]
    pub fn with<Q: TypedLabels<Schema = L::Schema>, R>(&self, labels: &Q, f: impl FnOnce(&M) -> R) -> R {
        match self.seated(labels) {
            Some(metric) => f(metric),
            None => self.with_unseated(labels, f),
        }
    }

    /// Calls `f` with the series that [`with`](Family::with) finds here and in `other`: what one event records into two
    /// families of the same labels, at little more than the price of one lookup.
    ///
    /// # Concurrency
    ///
    /// As [`with`](Family::with), for both series.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::label::TypedLabels;
    /// use nilometer_core::{Counter, Family, Histogram, MetricsRegistry};
    ///
    /// struct Job {
    ///     queue: &'static str,
    /// }
    ///
    /// impl TypedLabels for Job {
    ///     type Schema = Job;
    ///     const NAMES: &'static [&'static str] = &["queue"];
    ///
    ///     fn with_pairs<R>(&self, f: impl FnOnce(&[(&str, &str)]) -> R) -> R {
    ///         f(&[("queue", self.queue)])
    ///     }
    /// }
    ///
    /// let registry = MetricsRegistry::new();
    /// let seconds = registry.family::<Histogram>("job_duration_seconds", "Durations.").with_buckets(&[0.1, 1.0]);
    /// let seconds = seconds.typed::<Job>().register()?;
    /// let bytes = registry.family::<Counter>("job_read_bytes_total", "Bytes read.").typed::<Job>().register()?;
    /// seconds.with_both(&bytes, &Job { queue: "mail" }, |seconds, bytes| {
    ///     seconds.observe(0.25);
    ///     bytes.inc_by(4096);
    /// });
    /// assert_eq!(bytes.get_or_create(&Job { queue: "mail" }).get(), 4096);
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    #[inline]
    pub fn with_both<Q: TypedLabels<Schema = L::Schema>, N: Metric, R>(
        &self,
        other: &Family<L, N>,
        labels: &Q,
        f: impl FnOnce(&M, &N) -> R,
    ) -> R {
        if Self::has_seats() {
            self.with(labels, |one| other.with(labels, |two| f(one, two)))
        } else {
            labels.with_pairs(|pairs| self.core.with_both(&other.core, pairs, f))
        }
    }

    /// The series with these labels, if it is there.
    #[must_use]
    pub fn get<Q: TypedLabels<Schema = L::Schema>>(&self, labels: &Q) -> Option<M> {
        let seated = self.seated(labels).cloned();
        seated.or_else(|| labels.with_pairs(|pairs| self.core.get(pairs)))
    }

    /// Makes the series of all labels that there can be, at zero, those that are there aside: so that the first
    /// increment of each is seen as one, and not as a series that begins with it.
    ///
    /// Every field of the labels is a [`ClosedLabelValue`](crate::label::ClosedLabelValue); with others it is a compile
    /// error.
    ///
    /// # Errors
    ///
    /// [`SeriesError`]: there are more of them than the family or its registry may have. Where the family's limit alone
    /// is too low for them, nothing was made.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{Counter, Family, MetricsRegistry};
    ///
    /// let registry = MetricsRegistry::new();
    /// let family: Family<(), Counter> = registry.family::<Counter>("jobs_total", "Jobs.").typed().register()?;
    /// family.init_all()?;
    /// assert_eq!(family.len(), 1);
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn init_all(&self) -> Result<(), SeriesError> {
        self.core.init_all(const { ClosedLabels::of_closed::<L>() })
    }

    /// Removes the series with these labels; its handles go on recording where nobody looks.
    ///
    /// Returns whether it was there.
    pub fn remove<Q: TypedLabels<Schema = L::Schema>>(&self, labels: &Q) -> bool {
        labels.with_pairs(|pairs| self.core.remove(pairs))
    }

    /// The series with these labels, made at zero if it is not there, for as long as it has an owner: when the last one
    /// is dropped, the series is removed.
    ///
    /// What [`try_owned`](Family::try_owned) refuses goes to the overflow series, which stays.
    pub fn owned<Q: TypedLabels<Schema = L::Schema>>(&self, labels: &Q) -> OwnedSeries<M> {
        labels.with_pairs(|pairs| self.core.owned(pairs))
    }

    /// The series with these labels, made at zero if it is not there, for as long as it has an owner.
    ///
    /// # Errors
    ///
    /// [`SeriesError`]: a value or the family is past a limit; nothing was made or counted.
    pub fn try_owned<Q: TypedLabels<Schema = L::Schema>>(
        &self,
        labels: &Q,
    ) -> Result<OwnedSeries<M>, SeriesError> {
        labels.with_pairs(|pairs| self.core.try_owned(pairs))
    }
}

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
