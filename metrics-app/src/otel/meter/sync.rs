//! Instruments that are told what to record.

use std::sync::Arc;

use nilometer_core::{Counter, DynamicLabels, Family, Metric};
use opentelemetry::KeyValue;
use opentelemetry::metrics::SyncInstrument;

use super::attribute::Labelling;

/// Records a measurement into a series.
pub(super) type Record<M, T> = fn(&M, T, &Labelling);

/// An instrument whose measurements go into a family's series.
pub(super) struct Recorder<M: Metric, T> {
    pub(super) family: Family<DynamicLabels, M>,
    pub(super) labelling: Labelling,
    pub(super) record: Record<M, T>,
}

impl<M: Metric, T: Send + Sync + 'static> SyncInstrument<T> for Recorder<M, T> {
    fn measure(&self, measurement: T, attributes: &[KeyValue]) {
        self.labelling.with(attributes, |labels| {
            self.family.with(labels, |metric| (self.record)(metric, measurement, &self.labelling));
        });
    }
}

/// An instrument that does nothing but to count that.
struct Dropped(Counter);

impl<T: Send + Sync + 'static> SyncInstrument<T> for Dropped {
    fn measure(&self, _: T, _: &[KeyValue]) {
        self.0.inc();
    }
}

/// An instrument whose measurements are counted here and go nowhere.
pub(super) fn dropped<T: Send + Sync + 'static>(count: Counter) -> Arc<dyn SyncInstrument<T> + Send + Sync> {
    Arc::new(Dropped(count))
}
