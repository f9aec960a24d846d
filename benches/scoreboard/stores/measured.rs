//! `measured`.

use std::io::{self, Write as _};

use measured::metric::group::Encoding;
use measured::metric::histogram::{HistogramState, Thresholds};
use measured::metric::name::MetricName;
use measured::metric::{MetricEncoding, MetricFamilyEncoding as _};
use measured::text::{BufferedTextEncoder, TextEncoder};
use measured::{CounterVec, FloatGaugeVec, HistogramVec};

use super::{COUNTER, GAUGE, HISTOGRAM, OBSERVED_SECONDS, Sink, Store};
use crate::labels::{InternedSet, Labels};
use crate::rows::BOUNDS;

struct Measured {
    counters: CounterVec<InternedSet>,
    histograms: HistogramVec<InternedSet, 11>,
    gauges: FloatGaugeVec<InternedSet>,
}

pub(super) fn make(_: usize) -> Box<dyn Store> {
    let bounds = Thresholds::with_buckets(BOUNDS);
    let histograms = HistogramVec::with_label_set_and_metadata(InternedSet::default(), bounds);
    Box::new(Measured { counters: CounterVec::default(), histograms, gauges: FloatGaugeVec::default() })
}

impl Measured {
    fn write<E: Encoding>(&self, encoder: &mut E) -> Result<(), E::Err>
    where
        measured::metric::counter::CounterState: MetricEncoding<E>,
        measured::metric::gauge::FloatGaugeState: MetricEncoding<E>,
        HistogramState<11>: MetricEncoding<E>,
    {
        self.counters.collect_family_into(MetricName::from_str(COUNTER.0), encoder)?;
        self.histograms.collect_family_into(MetricName::from_str(HISTOGRAM.0), encoder)?;
        self.gauges.collect_family_into(MetricName::from_str(GAUGE.0), encoder)
    }
}

impl Store for Measured {
    fn count(&self, labels: &Labels) {
        self.counters.inc(labels.interned());
    }

    fn observe(&self, labels: &Labels) {
        for value in OBSERVED_SECONDS {
            self.histograms.observe(labels.interned(), value);
        }
    }

    fn set(&self, labels: &Labels) {
        self.gauges.set(labels.interned(), 1.0);
    }

    fn page(&self) -> String {
        let mut encoder = BufferedTextEncoder::new();
        self.write(&mut encoder).expect("writing to memory does not fail");
        // Its page is bytes: this takes them over as they are.
        String::from_utf8(encoder.finish().into()).expect("labels and names are text")
    }

    fn stream(&self, sink: &mut Sink) -> io::Result<bool> {
        let mut encoder = TextEncoder::new(sink.buffered().0);
        self.write(&mut encoder)?;
        encoder.writer.flush()?;
        Ok(true)
    }
}
