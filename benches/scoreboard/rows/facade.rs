//! A call of a macro of the facade `metrics`: its recorder finds the series by its key, and counts.

use metrics::{Key, Label, Recorder};
use nilometer::facade::FacadeRecorder;
use nilometer::{MetricsRegistry, PrometheusRenderer};

use super::counter::METADATA;
use super::lookup::Turns;
use crate::contest::{Contestant, page_total};

/// A key that is there when the program is compiled, as that of `counter!("bench_total")` is.
static KEY: Key = Key::from_static_name("bench_total");

/// A counter without labels, asked for at each call.
pub(super) fn plain() -> Vec<Contestant> {
    contestants(|recorder, _| recorder.register_counter(&KEY, &METADATA).increment(1))
}

/// One of a thousand series, by three labels that are borrowed strings.
pub(super) fn labelled() -> Vec<Contestant> {
    let turns = Turns::new(1000);
    contestants(move |recorder, turn| {
        let labels = turns.of(turn).pairs().map(|(name, value)| Label::from_static_parts(name, value));
        let key = Key::from_parts("bench_total", labels.to_vec());
        recorder.register_counter(&key, &METADATA).increment(1);
    })
}

fn contestants(call: impl Fn(&dyn Recorder, u64) + Copy + Send + Sync + 'static) -> Vec<Contestant> {
    let registry = MetricsRegistry::new();
    let ours = FacadeRecorder::try_new(&registry).expect("a new registry has no recorder");
    let page = move || page_total(&PrometheusRenderer::render_all(&registry), "bench_total");
    let rival = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = rival.handle();
    vec![
        Contestant::ours(move |turn| call(&ours, turn)).counting(page),
        Contestant::rival("metrics", move |turn| call(&rival, turn))
            .counting(move || page_total(&handle.render(), "bench_total")),
    ]
}
