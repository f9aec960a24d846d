//! Series whose values are asked for when they are collected.
//!
//! - `reading`: what can be asked for.
//! - `guard`: [`CallbackGuard`], and how a callback comes onto a registry.
//! - here: the kind of metric that asks.

mod guard;
mod reading;

use std::ptr;
use std::sync::{Arc, Weak};

pub use self::guard::CallbackGuard;
pub(crate) use self::guard::register;
pub use self::reading::HistogramReading;
pub(crate) use self::reading::{
    CounterReading, FloatCounterReading, GaugeHistogramReading, GaugeReading, IntGaugeReading, Reading,
    UpDownCounterReading,
};
use crate::asking::Asking;
use crate::caught::caught;
use crate::cell::Values;
use crate::collect::Point;
use crate::descriptor::MetricType;
use crate::metric::{FamilyInfo, Metric, sealed};
use crate::series::SeriesRef;
use crate::setup::{Options, Setup, SetupError};

/// Why what a callback should have returned is not on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    Panic,
    /// What it returned is no value of its kind.
    Error,
    Cycle,
}

/// Every failure, in the order of its number, with its spelling in `nilometer_collector_failures_total`.
pub(crate) const FAILURES: [(Failure, &str); 3] =
    [(Failure::Panic, "panic"), (Failure::Error, "error"), (Failure::Cycle, "cycle")];

/// The code that returns a value.
pub(crate) type Read<R> = dyn Fn() -> <R as Reading>::Value + Send + Sync;

/// A series whose value a callback returns.
pub(crate) struct Callback<R: Reading> {
    series: SeriesRef<Source<R>>,
}

/// Where a series gets its value: nowhere any more, once its guard is gone. The guard alone owns the callback, whose
/// destructor is the user's and so runs where the user drops it.
pub(crate) struct Source<R: Reading>(Weak<Read<R>>);

impl<R: Reading> Source<R> {
    fn of(read: &Arc<Read<R>>) -> Source<R> {
        Source(Arc::downgrade(read))
    }

    fn is(&self, read: &Arc<Read<R>>) -> bool {
        ptr::addr_eq(self.0.as_ptr(), Arc::as_ptr(read))
    }

    /// Asks for the value; what goes wrong is counted, and it alone is lost.
    fn ask(&self, info: &FamilyInfo) -> Option<R::Value> {
        let read = self.0.upgrade()?;
        let Some(_asking) = Asking::begin(Arc::as_ptr(&read)) else {
            info.count_failure(Failure::Cycle);
            return None;
        };
        let value = caught(|| read()).ok();
        if value.is_none() {
            info.count_failure(Failure::Panic);
        }
        value
    }
}

impl<R: Reading> Clone for Callback<R> {
    fn clone(&self) -> Self {
        Callback { series: self.series.clone() }
    }
}

impl<R: Reading> Metric for Callback<R> {
    const TYPE: MetricType = R::TYPE;
}

impl<R: Reading> sealed::Sealed for Callback<R> {
    type Cell = Source<R>;

    const IDENTITY: &'static str = R::IDENTITY;

    /// A beginning that is later than that of what the callback counts would make a reader take all of it for an increase.
    const HAS_CREATED: bool = false;

    fn setup(options: &Options) -> Result<Setup, SetupError> {
        R::setup(options)
    }

    /// Nobody makes a series of such a family but around a callback; if somebody did, it would have no value.
    fn cell(_: &FamilyInfo, _: usize) -> Source<R> {
        let nowhere: Arc<Read<R>> = Arc::new(R::Value::default);
        Source::of(&nowhere)
    }

    fn handle(series: SeriesRef<Source<R>>) -> Callback<R> {
        Callback { series }
    }

    fn series(&self) -> &SeriesRef<Source<R>> {
        &self.series
    }

    fn read_all(handles: &[Callback<R>], values: &mut Values) {
        values.start();
        for Callback { series } in handles {
            let info = series.info();
            R::push(series.cell.ask(info), info, values);
        }
    }

    fn is_shown(&self, at: usize, values: &Values) -> bool {
        values.has(at)
    }

    fn point<'a>(&'a self, at: usize, values: &'a Values) -> Point<'a> {
        R::point(self.series.info(), at, values)
    }
}
