//! What the facade's handles do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{CounterFn, GaugeFn, HistogramFn};
use nilometer_core::{Counter, Gauge, Histogram, Metric};

use super::unsupported::{Reason, Unsupported};

/// What all handles of one name share.
#[derive(Debug)]
pub(super) struct OfName {
    pub(super) name: Box<str>,
    pub(super) unsupported: Unsupported,
    /// Who raises a counter to a value does it in turn.
    absolute: Mutex<()>,
}

impl OfName {
    pub(super) fn new(name: &str, unsupported: &Unsupported) -> OfName {
        OfName { name: name.into(), unsupported: unsupported.clone(), absolute: Mutex::new(()) }
    }
}

/// A series of the registry, or nothing.
#[derive(Debug)]
pub(super) struct Handle<M> {
    /// The series; where there is none, what counts that.
    to: Result<M, Counter>,
    of: Arc<OfName>,
    /// Whether it is the sum of what has gone up and down, of a gauge: it is not to start again at zero.
    is_level: AtomicBool,
}

impl<M: Metric> Handle<M> {
    pub(super) fn new(metric: M, of: &Arc<OfName>) -> Handle<M> {
        Handle { to: Ok(metric), of: Arc::clone(of), is_level: AtomicBool::new(false) }
    }

    /// One that counts that it does nothing.
    pub(super) fn nowhere(of: &Arc<OfName>) -> Handle<M> {
        let dropped = of.unsupported.counter(&of.name, Reason::Dropped);
        Handle { to: Err(dropped), of: Arc::clone(of), is_level: AtomicBool::new(false) }
    }

    pub(super) fn is_level(&self) -> bool {
        // ORDERING: Relaxed, who asks is the only holder, and was made so by Acquire.
        self.is_level.load(Ordering::Relaxed)
    }

    #[inline]
    fn with(&self, record: impl FnOnce(&M)) {
        match &self.to {
            Ok(metric) => record(metric),
            Err(dropped) => dropped.inc(),
        }
    }
}

impl CounterFn for Handle<Counter> {
    fn increment(&self, value: u64) {
        self.with(|counter| counter.inc_by(value));
    }

    /// Raises the counter to `value`; one that is there already stays. What is added meanwhile comes on top, as if it had
    /// been added after.
    fn absolute(&self, value: u64) {
        self.with(|counter| {
            let turn = self.of.absolute.lock().unwrap_or_else(PoisonError::into_inner);
            let missing = value.saturating_sub(counter.get());
            if missing > 0 {
                counter.inc_by(missing);
            }
            drop(turn);
        });
    }
}

impl Handle<Gauge> {
    fn change(&self, delta: f64) {
        self.with(|gauge| {
            // One that has been NaN would stay it.
            if !delta.is_finite() {
                return self.of.unsupported.count(&self.of.name, Reason::Change);
            }
            // ORDERING: Relaxed, it is read by the only holder alone; the load keeps the line shared.
            if !self.is_level.load(Ordering::Relaxed) {
                self.is_level.store(true, Ordering::Relaxed);
            }
            gauge.add(delta);
        });
    }
}

impl GaugeFn for Handle<Gauge> {
    fn increment(&self, value: f64) {
        self.change(value);
    }

    fn decrement(&self, value: f64) {
        self.change(-value);
    }

    fn set(&self, value: f64) {
        self.with(|gauge| gauge.set(value));
    }
}

impl HistogramFn for Handle<Histogram> {
    fn record(&self, value: f64) {
        self.with(|histogram| histogram.observe(value));
    }

    fn record_many(&self, value: f64, count: usize) {
        self.with(|histogram| (0..count).for_each(|_| histogram.observe(value)));
    }
}
