//! The ends of series, among their values.

use std::collections::HashMap;

use nilometer_core::collect::{MetricType, Stopped};

use super::{BatchBuilder, Sink};
use crate::protobuf::wire::{double, varint};
use crate::push::remote::batch::{Family, Place, STALE, Series, Value, place};
use crate::push::remote::field::{RESET_HINT_GAUGE, histogram};
use crate::push::remote::known::{About, Known};

impl<S: Sink> BatchBuilder<'_, S> {
    /// Says of each series that was known before and was not shown to this builder that it has ended: once what there is
    /// was shown completely, or because all of it ends.
    pub(in crate::push::remote) fn end_the_gone(&mut self) -> Result<(), Stopped> {
        let Some(known) = self.known.take() else { return Ok(()) };
        let mut families = HashMap::new();
        for (about, labels) in known.unseen() {
            if self.is_full() {
                self.cut()?;
                families.clear();
            }
            let family =
                *families.entry(about.family).or_insert_with(|| self.place_known_family(known, about.family));
            self.end(known, family, about, labels);
        }
        known.forget_unseen();
        Ok(())
    }

    /// Adds a known family to the batch at hand.
    fn place_known_family(&mut self, known: &Known, family: u32) -> u32 {
        let (kind, texts) = known.about_family(family);
        let [name, help, unit] = texts.map(|text| self.intern(text));
        self.batch.families.push(Family { kind, name, help, unit });
        place(self.batch.families.len() - 1)
    }

    fn end(&mut self, known: &Known, family: u32, about: About, labels: &[u8]) {
        let start = place(self.batch.labels.len());
        for text in known.texts(labels) {
            let symbol = self.intern(text);
            self.batch.labels.push(symbol);
        }
        let labels = start..place(self.batch.labels.len());
        let value = if about.place == Place::WithNative {
            let is_gauge = self.batch.families[family as usize].kind == MetricType::GaugeHistogram;
            self.ended_histogram(is_gauge)
        } else {
            Value::Sample(STALE)
        };
        let series = Series { family, labels, value, created: 0, exemplars: 0..0, place: about.place };
        self.batch.series.push(series);
        self.batch.points += u64::from(about.is_first);
    }

    /// SPEC: Prometheus, `model/value`, `IsStaleNaN`: a native histogram has ended whose sum says so.
    fn ended_histogram(&mut self, is_gauge: bool) -> Value {
        let out = &mut self.batch.histograms;
        let start = place(out.len());
        varint(histogram::COUNT, 0, out);
        double(histogram::SUM, STALE, out);
        if is_gauge {
            varint(histogram::RESET_HINT, RESET_HINT_GAUGE, out);
        }
        Value::Histogram(start..place(out.len()))
    }
}
