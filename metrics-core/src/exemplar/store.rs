//! What a family keeps of its exemplars.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use parking_lot::Mutex;

use super::source::Sampling;
use super::{ExemplarError, checked};
use crate::caught::Panicked;
use crate::cell::turn;
use crate::label::LabelSet;

/// An exemplar as it is kept.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) labels: LabelSet,
    pub(super) value: f64,
    pub(super) time: SystemTime,
}

/// The exemplars of one series, one for each bucket at most, in the order of the buckets.
pub(super) type OfSeries = Vec<(u32, Kept)>;

/// Why an exemplar was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drop {
    Contended,
    Invalid,
    Source,
}

/// Every reason, in the order of its number, with its spelling in `nilometer_exemplars_dropped_total`.
const DROPPED: [&str; 3] = ["contended", "invalid", "source"];

/// The exemplars of a family's series.
///
/// Series are known by their addresses, so a series that is freed has to be [forgotten](Store::forget) before.
#[derive(Debug, Default)]
pub(crate) struct Store {
    sampling: Option<Sampling>,
    /// In which epoch threads take exemplars; from 1 on, and 0 without a source.
    epoch: AtomicU64,
    /// When the epoch began.
    began: Mutex<Option<Instant>>,
    /// Whether there is, or was, an exemplar.
    used: AtomicBool,
    series: Mutex<HashMap<usize, OfSeries>>,
    dropped: [AtomicU64; DROPPED.len()],
}

// ORDERING: Relaxed in all of this file. What is kept stands under a lock. `epoch` only says how often, and `used` is
// set by whoever has a reference of the series that it is read for: its last reference is Acquire.

impl Store {
    pub(crate) fn new(sampling: Option<Sampling>) -> Store {
        let epoch = AtomicU64::new(u64::from(sampling.is_some()));
        Store { sampling, epoch, ..Store::default() }
    }

    /// Whether a source names observations, so that every recording has to pass by here.
    pub(crate) fn is_sampled(&self) -> bool {
        self.sampling.is_some()
    }

    /// Asks the source for an exemplar of what the thread has just recorded, unless it has taken its turn for this
    /// bucket, whose turn is in the cell `turn`.
    pub(crate) fn sample(&self, series: usize, bucket: u32, value: f64, turn: u32) {
        let Some(sampling) = &self.sampling else { return };
        // The turn is over before the source is asked, which may record.
        if !turn::take(turn, self.epoch.load(Ordering::Relaxed)) {
            return;
        }
        match sampling.ask() {
            Ok(None) => {}
            Ok(Some(labels)) => {
                let fits = labels.iter().map(|(name, value)| name.chars().count() + value.chars().count());
                if fits.sum::<usize>() > super::MAX_EXEMPLAR_LENGTH {
                    self.count(Drop::Invalid);
                } else {
                    // A drop is counted.
                    let _ = self.keep(series, bucket, value, labels);
                }
            }
            Err(Panicked) => self.count(Drop::Source),
        }
    }

    /// Keeps an exemplar that was given.
    pub(crate) fn put(
        &self,
        series: usize,
        bucket: u32,
        value: f64,
        labels: &[(&str, &str)],
    ) -> Result<(), ExemplarError> {
        let labels = checked(labels).inspect_err(|_| self.count(Drop::Invalid))?;
        self.keep(series, bucket, value, labels)
    }

    fn keep(&self, series: usize, bucket: u32, value: f64, labels: LabelSet) -> Result<(), ExemplarError> {
        let kept = Kept { labels, value, time: SystemTime::now() };
        let Some(mut all) = self.series.try_lock() else {
            self.count(Drop::Contended);
            return Err(ExemplarError::Contended);
        };
        self.used.store(true, Ordering::Relaxed);
        let of_series = all.entry(series).or_default();
        let replaced = match of_series.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => Some(std::mem::replace(&mut of_series[at].1, kept)),
            Err(at) => {
                of_series.insert(at, (bucket, kept));
                None
            }
        };
        drop(all);
        // After the lock: the labels may be the last reference of their set.
        drop(replaced);
        Ok(())
    }

    /// Forgets a series that is about to be freed.
    pub(crate) fn forget(&self, series: usize) {
        if self.used.load(Ordering::Relaxed) {
            let forgotten = self.series.lock().remove(&series);
            drop(forgotten);
        }
    }

    /// Calls `each` with the exemplars of those series that have some, by their place among `series`.
    pub(super) fn read(&self, series: impl Iterator<Item = usize>, mut each: impl FnMut(usize, &OfSeries)) {
        if !self.used.load(Ordering::Relaxed) {
            return;
        }
        let all = self.series.lock();
        for (at, series) in series.enumerate() {
            if let Some(of_series) = all.get(&series) {
                each(at, of_series);
            }
        }
    }

    /// Lets threads take exemplars anew, unless they were let not long ago.
    pub(crate) fn collected(&self) {
        let Some(sampling) = &self.sampling else { return };
        let now = Instant::now();
        let mut began = self.began.lock();
        if began.is_none_or(|began| now.duration_since(began) >= sampling.interval()) {
            *began = Some(now);
            self.epoch.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn count(&self, drop: Drop) {
        self.dropped[drop as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many were dropped, by reason.
    pub(crate) fn dropped(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        DROPPED.iter().zip(&self.dropped).map(|(name, count)| (*name, count.load(Ordering::Relaxed)))
    }
}
