//! `metrics`, with its exporter for Prometheus.

use std::io::{self, Write as _};

use metrics::{Key, Label, Recorder as _};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::{COUNTER, GAUGE, HISTOGRAM, OBSERVED_SECONDS, Sink, Store};
use crate::labels::Labels;
use crate::rows::{BOUNDS, METADATA};

struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

pub(super) fn make(_: usize) -> Box<dyn Store> {
    let recorder = PrometheusBuilder::new().set_buckets(&BOUNDS).expect("there are bounds").build_recorder();
    let handle = recorder.handle();
    Box::new(Metrics { recorder, handle })
}

fn key(name: &'static str, labels: &Labels) -> Key {
    let labels = labels.pairs().map(|(name, value)| Label::new(name, value.to_owned()));
    Key::from_parts(name, labels.to_vec())
}

impl Store for Metrics {
    fn count(&self, labels: &Labels) {
        self.recorder.register_counter(&key(COUNTER.0, labels), &METADATA).increment(1);
    }

    fn observe(&self, labels: &Labels) {
        let histogram = self.recorder.register_histogram(&key(HISTOGRAM.0, labels), &METADATA);
        for value in OBSERVED_SECONDS {
            histogram.record(value);
        }
    }

    fn set(&self, labels: &Labels) {
        self.recorder.register_gauge(&key(GAUGE.0, labels), &METADATA).set(1.0);
    }

    /// It keeps every observation until it is asked for its page, or this.
    fn settle(&self) {
        self.handle.run_upkeep();
    }

    fn page(&self) -> String {
        self.handle.render()
    }

    fn stream(&self, sink: &mut Sink) -> io::Result<bool> {
        let mut buffered = sink.buffered();
        self.handle.render_to_write(&mut buffered.0)?;
        buffered.0.flush()?;
        Ok(true)
    }
}
