//! What exporters see of core, and all that they see.
//!
//! A [`Collector`] calls a [`Visitor`] with each family's [`Descriptor`] and then with each of its series' labels and
//! values. Everything is borrowed for the length of one call: nothing is materialised in between, so a page of any
//! size can be written through a buffer of any size.
//!
//! # Examples
//!
//! ```
//! use nilometer_core::collect::{Collector, Descriptor, Point, SeriesLabels, Stopped, Visitor};
//!
//! /// Counts series.
//! #[derive(Default)]
//! struct Census(usize);
//!
//! impl Visitor for Census {
//!     fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
//!         Ok(())
//!     }
//!     fn point(&mut self, _: SeriesLabels<'_>, _: Point<'_>) -> Result<(), Stopped> {
//!         self.0 += 1;
//!         Ok(())
//!     }
//! }
//!
//! let registry = nilometer_core::MetricsRegistry::new();
//! registry.register_counter("requests_total", "Requests.")?.default().inc();
//! let mut census = Census::default();
//! registry.collect(&mut census)?;
//! assert_eq!(census.0, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod point;

use std::sync::Arc;

use thiserror::Error;

pub use crate::buckets::BucketError;
pub use crate::descriptor::{Descriptor, MetricType};
use crate::label::overflow_set;
pub use crate::label::{LabelError, LabelSet, Labels, Pairs};
pub use crate::name::{EscapingScheme, NameError, UnknownScheme};
pub use crate::unit::Unit;
pub use point::{
    CounterPoint, Exemplar, ExponentialBuckets, ExponentialRange, GaugePoint, HistogramPoint, Number, Point,
    PointError, StateSetPoint, SummaryPoint, UpDownCounterPoint,
};
pub(crate) use point::{OwnedExponential, SCALES};

/// Something that has metrics to show: a registry, a family, or a source of the user's own.
///
/// # Concurrency
///
/// `collect` is called for every scrape and every push, from any thread, several at a time; a registry
/// [with a time limit](crate::RegistryConfig::with_collector_time_limit), as they are by default, calls it on a thread of
/// the collector's own, once at a time. No lock is held across a call of the visitor, by this crate's own collectors; an implementation that holds one across a call makes whoever
/// waits for it wait for the slowest reader.
///
/// # Examples
///
/// ```
/// use nilometer_core::collect::{
///     CollectError, Collector, Descriptor, GaugePoint, LabelSet, MetricType, SeriesLabels, Visitor,
/// };
///
/// struct Uptime(std::time::Instant);
///
/// impl Collector for Uptime {
///     fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
///         let seconds = self.0.elapsed().as_secs_f64();
///         let descriptor = Descriptor::try_new("uptime_seconds", "Time since start.", MetricType::Gauge)?;
///         visitor.family(&descriptor)?;
///         visitor.point(SeriesLabels::of(&LabelSet::empty()), GaugePoint::new(seconds).into())?;
///         Ok(())
///     }
/// }
/// ```
pub trait Collector: Send + Sync {
    /// Shows every family and every series to `visitor`: [`Visitor::family`] first, then [`Visitor::point`] for each
    /// series of it.
    ///
    /// Each family is shown once, and no two of its series have equal labels.
    ///
    /// # Errors
    ///
    /// [`CollectError::Stopped`] when the visitor wants no more, which the collector passes on at once;
    /// [`CollectError::Failed`] when the collector could not read its source. What was shown before stays shown.
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError>;
}

impl<C: Collector + ?Sized> Collector for &C {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        (**self).collect(visitor)
    }
}

impl<C: Collector + ?Sized> Collector for Arc<C> {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        (**self).collect(visitor)
    }
}

impl<C: Collector + ?Sized> Collector for Box<C> {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        (**self).collect(visitor)
    }
}

/// What an exporter does with the families and points that a [`Collector`] shows it.
pub trait Visitor {
    /// Starts a family; the points that follow are its series.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the visitor wants no more.
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped>;

    /// Takes one series of the family that was started last.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the visitor wants no more.
    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped>;
}

/// The visitor wants no more: its reader is gone, or its buffer is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the visitor stopped the collection")]
pub struct Stopped;

/// Says why a collection ended early.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CollectError {
    /// The visitor stopped it.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The collector could not show all that it has.
    #[error("the collector failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl CollectError {
    /// A failure of the collector's own.
    pub fn failed(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> CollectError {
        CollectError::Failed(cause.into())
    }
}

macro_rules! failures {
    ($($error:ty),*) => {$(
        impl From<$error> for CollectError {
            fn from(error: $error) -> Self {
                CollectError::failed(error)
            }
        }
    )*};
}
failures!(NameError, LabelError, PointError, std::io::Error);

/// The labels of one series: the constant ones of its registration, and its own.
///
/// No name is in both, nor are two of them the same where names are escaped.
#[derive(Debug, Clone, Copy)]
pub struct SeriesLabels<'a> {
    constant: Option<&'a LabelSet>,
    own: &'a LabelSet,
}

/// Makes a set of labels that were read from a page, where those stand too that are reserved.
///
/// # Errors
///
/// [`LabelError`] when a name stands twice, or there are more labels than a set can have.
#[cfg(feature = "test-util")]
#[doc(hidden)]
pub fn labels_of_page(pairs: &[(&str, &str)]) -> Result<LabelSet, LabelError> {
    LabelSet::unchecked(pairs)
}

impl<'a> SeriesLabels<'a> {
    /// Labels without constant ones.
    #[must_use]
    pub fn of(own: &'a LabelSet) -> SeriesLabels<'a> {
        SeriesLabels { constant: None, own }
    }

    /// Labels with constant ones, whose names are not among the series' own: the caller has checked that.
    #[inline]
    pub(crate) fn with_constant(constant: &'a LabelSet, own: &'a LabelSet) -> SeriesLabels<'a> {
        SeriesLabels { constant: (!constant.is_empty()).then_some(constant), own }
    }

    /// The sets that make up the labels and are not empty, the constant one first: for an exporter that writes
    /// [`LabelSet::as_prometheus`] as it is, unless [there are UTF-8 names](SeriesLabels::has_utf8_names).
    pub fn sets(&self) -> impl Iterator<Item = &'a LabelSet> + use<'a> {
        self.constant.into_iter().chain([self.own]).filter(|set| !set.is_empty())
    }

    /// All labels in the order of their names, values unescaped.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut constant = self.constant.map(LabelSet::iter).into_iter().flatten().peekable();
        let mut own = self.own.iter().peekable();
        std::iter::from_fn(move || match (constant.peek(), own.peek()) {
            (Some((left, _)), Some((right, _))) if left < right => constant.next(),
            (Some(_), None) => constant.next(),
            _ => own.next(),
        })
    }

    /// Whether some name is not classic: a page that takes none but classic names needs others in its place.
    #[must_use]
    #[inline]
    pub fn has_utf8_names(&self) -> bool {
        self.own.has_utf8_names() || self.constant.is_some_and(LabelSet::has_utf8_names)
    }

    /// All labels as one set: a clone, which allocates nothing, where one of the sets is empty.
    #[must_use]
    pub fn to_set(&self) -> LabelSet {
        let mut sets = self.sets();
        match (sets.next(), sets.next()) {
            (None, _) => LabelSet::empty(),
            (Some(set), None) => set.clone(),
            _ => {
                let pairs: Vec<(&str, &str)> = self.iter().collect();
                // Both sets were checked, and share no name; more labels than a set can have become the overflow set.
                LabelSet::unchecked(&pairs).unwrap_or_else(|_| overflow_set())
            }
        }
    }

    /// How many labels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sets().map(LabelSet::len).sum()
    }

    /// Whether there is no label.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sets().next().is_none()
    }
}
