//! Making instruments: what a meter does.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nilometer_core::collect::Number;
use nilometer_core::{Counter, FloatCounter, Gauge, Histogram, IntGauge, Metric, UpDownCounter};
use opentelemetry::metrics as api;
use opentelemetry::metrics::{
    AsyncInstrumentBuilder, Callback, HistogramBuilder, InstrumentBuilder, InstrumentProvider, SyncInstrument,
};

use super::Shared;
use super::attribute::Labelling;
use super::catalog::{Asked, Found, Kind};
use super::sync::{Record, Recorder, dropped};
use super::unsupported::Reason;

/// The boundaries of a histogram that states none, in whatever unit.
///
/// SPEC: OpenTelemetry, "Metrics SDK", "Explicit bucket histogram aggregation".
const BOUNDARIES: [f64; 15] =
    [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0];

/// The boundary of a histogram that asks for none, where one has to have one: all that is finite is at or below it.
const ALL_FINITE: [f64; 1] = [f64::MAX];

/// The instruments of one scope.
pub(super) struct Instruments {
    pub(super) shared: Arc<Shared>,
    pub(super) scope: Arc<[(String, String)]>,
}

impl Instruments {
    /// Makes an instrument that records into a family of this kind, or does nothing.
    fn recorder<M: Metric, T: Send + Sync + 'static>(
        &self,
        asked: &Asked,
        boundaries: &[f64],
        record: Record<M, T>,
    ) -> Arc<dyn SyncInstrument<T> + Send + Sync> {
        let Shared { registry, naming, catalog, .. } = &*self.shared;
        let found = self.admit(|| catalog.family::<M>(registry, *naming, asked, boundaries), asked);
        match found {
            Some(family) => Arc::new(Recorder { family, labelling: self.labelling(asked), record }),
            None => dropped(self.shared.unsupported.counter(&asked.name, Reason::Dropped)),
        }
    }

    /// Registers the callbacks of an observable instrument, or drops them.
    fn observe<T: Into<Number> + Send + Sync + 'static>(&self, asked: &Asked, callbacks: Vec<Callback<T>>) {
        let Shared { registry, naming, catalog, .. } = &*self.shared;
        if let Some(family) = self.admit(|| catalog.observed(registry, *naming, asked), asked) {
            family.observe_by(callbacks, self.labelling(asked));
        }
    }

    /// Finds a family, and counts what keeps an instrument from having one or from having it as it was asked for.
    fn admit<F>(&self, find: impl FnOnce() -> Result<Found<F>, Reason>, asked: &Asked) -> Option<F> {
        // ORDERING: Relaxed, an instrument that is made meanwhile may be made or not.
        let is_shut_down = self.shared.is_shut_down.load(Ordering::Relaxed);
        let found = if is_shut_down { Err(Reason::Shutdown) } else { find() };
        let count = |reason| self.shared.unsupported.count(&asked.name, reason);
        match found {
            Ok(Found { family, is_described_otherwise }) => {
                if is_described_otherwise {
                    count(Reason::Description);
                }
                Some(family)
            }
            Err(reason) => {
                count(reason);
                None
            }
        }
    }

    fn labelling(&self, asked: &Asked) -> Labelling {
        Labelling {
            naming: self.shared.naming,
            scope: Arc::clone(&self.scope),
            instrument: asked.name.as_ref().into(),
            unsupported: self.shared.unsupported.clone(),
        }
    }

    fn histogram<T: Send + Sync + 'static>(
        &self,
        asked: &Asked,
        boundaries: Option<Vec<f64>>,
        record: Record<Histogram, T>,
    ) -> api::Histogram<T> {
        let boundaries = boundaries.map_or(Cow::Borrowed(&BOUNDARIES[..]), Cow::Owned);
        let boundaries = if boundaries.is_empty() { &ALL_FINITE } else { &*boundaries };
        api::Histogram::new(self.recorder(asked, boundaries, record))
    }
}

impl fmt::Debug for Instruments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instruments").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// Takes what a builder was given.
macro_rules! asked {
    ($kind:ident, $builder:ident) => {
        Asked {
            kind: Kind::$kind,
            name: $builder.name,
            description: $builder.description,
            unit: $builder.unit,
        }
    };
}

/// Writes the makers of instruments that are told what to record.
macro_rules! recorded {
    ($($maker:ident: $instrument:ident<$value:ty> as $kind:ident, $metric:ty, $record:expr;)*) => {$(
        fn $maker(&self, builder: InstrumentBuilder<'_, api::$instrument<$value>>) -> api::$instrument<$value> {
            let asked = asked!($kind, builder);
            api::$instrument::new(self.recorder::<$metric, $value>(&asked, &[], $record))
        }
    )*};
}

/// Writes the makers of instruments that callbacks observe.
macro_rules! observed {
    ($($maker:ident: $instrument:ident<$value:ty> as $kind:ident;)*) => {$(
        fn $maker(
            &self,
            builder: AsyncInstrumentBuilder<'_, api::$instrument<$value>, $value>,
        ) -> api::$instrument<$value> {
            let callbacks = builder.callbacks;
            self.observe(&asked!($kind, builder), callbacks);
            api::$instrument::new()
        }
    )*};
}

impl InstrumentProvider for Instruments {
    recorded! {
        u64_counter: Counter<u64> as Counter, Counter, |counter, value, _| counter.inc_by(value);
        f64_counter: Counter<f64> as FloatCounter, FloatCounter, |counter, value, _| counter.inc_by(value);
        i64_up_down_counter: UpDownCounter<i64> as UpDownCounter, UpDownCounter, |counter, value, _| counter.add(value);
        f64_up_down_counter: UpDownCounter<f64> as FloatUpDownCounter, Gauge, |gauge, value, labelling| {
            // One that has been NaN would stay it.
            if value.is_finite() { gauge.add(value) } else { labelling.count(Reason::Change) }
        };
        u64_gauge: Gauge<u64> as IntGauge, IntGauge, |gauge, value, labelling| {
            gauge.set(i64::try_from(value).unwrap_or_else(|_| {
                labelling.count(Reason::GaugeRange);
                i64::MAX
            }));
        };
        i64_gauge: Gauge<i64> as IntGauge, IntGauge, |gauge, value, _| gauge.set(value);
        f64_gauge: Gauge<f64> as Gauge, Gauge, |gauge, value, _| gauge.set(value);
    }

    observed! {
        u64_observable_counter: ObservableCounter<u64> as ObservableCounter;
        f64_observable_counter: ObservableCounter<f64> as ObservableCounter;
        i64_observable_up_down_counter: ObservableUpDownCounter<i64> as ObservableUpDownCounter;
        f64_observable_up_down_counter: ObservableUpDownCounter<f64> as ObservableUpDownCounter;
        u64_observable_gauge: ObservableGauge<u64> as ObservableGauge;
        i64_observable_gauge: ObservableGauge<i64> as ObservableGauge;
        f64_observable_gauge: ObservableGauge<f64> as ObservableGauge;
    }

    fn f64_histogram(&self, builder: HistogramBuilder<'_, api::Histogram<f64>>) -> api::Histogram<f64> {
        let boundaries = builder.boundaries;
        let record: Record<Histogram, f64> = |histogram, value, _| histogram.observe(value);
        self.histogram(&asked!(Histogram, builder), boundaries, record)
    }

    fn u64_histogram(&self, builder: HistogramBuilder<'_, api::Histogram<u64>>) -> api::Histogram<u64> {
        let boundaries = builder.boundaries;
        #[expect(
            clippy::cast_precision_loss,
            reason = "histograms hold fractions; the nearest one is observed"
        )]
        let record: Record<Histogram, u64> = |histogram, value, _| histogram.observe(value as f64);
        self.histogram(&asked!(Histogram, builder), boundaries, record)
    }
}
