//! Remote write: what a receiver reads of the requests of either version is what was collected.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use nilometer_core::LabelSet;
use nilometer_core::collect::{Collector as _, EscapingScheme};
use nilometer_fuzz::Shape;
use nilometer_fuzz::program::Program;
use nilometer_fuzz::text::{Pairs, owned};
use nilometer_prometheus::push::{
    NativeHistograms, PushEndpoint, RemoteWrite, RemoteWriteConfig, RemoteWriteVersion,
};
use nilometer_prometheus::{Exposition, Format};
use nilometer_tests::read_back::{Kept, expected};
use nilometer_tests::receiver::{Reaction, Receiver};
use nilometer_tests::remote_write::{MetricType, Written};
use nilometer_tests::samples::{Samples, bound_text};
use nilometer_tests::shown::{Value, borrowed};

#[derive(Arbitrary, Debug)]
struct Input {
    shape: Shape,
    is_version_1: bool,
    is_native: bool,
    /// Of all series that do not have them.
    labels: Pairs,
    program: Program,
}

/// Takes what is sent as native histograms out, which have no other samples where they were recorded into exponential
/// buckets alone; returns how many there are.
fn take_native(kept: &mut Kept) -> usize {
    let mut count = 0;
    for family in &mut kept.0 {
        family.series.retain(|series| match &series.value {
            Value::Histogram(histogram) if histogram.exponential.is_some() => {
                count += 1;
                !histogram.is_exponential_only
            }
            _ => true,
        });
    }
    count
}

fuzz_target!(|input: Input| {
    let Some(ran) = input.program.run() else { return };
    let labels: Vec<_> = owned(&input.labels).into_iter().take(2).collect();
    let Ok(labels) = LabelSet::try_from_utf8_pairs(&borrowed(&labels)) else { return };
    let mut kept = Kept::default();
    ran.registry.collect(&mut kept).expect("a collection");
    ran.compare(&kept);

    let receiver = Receiver::start(|_, _| Reaction::written());
    let endpoint =
        PushEndpoint::try_new(&format!("http://{}/write", receiver.address())).expect("an endpoint");
    let scheme = input.shape.scheme();
    let config = RemoteWriteConfig::new(endpoint)
        .with_version(if input.is_version_1 { RemoteWriteVersion::One } else { RemoteWriteVersion::Two })
        .with_native_histograms(if input.is_native {
            NativeHistograms::Always
        } else {
            NativeHistograms::Never
        })
        .with_escaping(scheme)
        .with_labels(labels.clone())
        .with_request_series(input.shape.piece().clamp(1, 1000));
    RemoteWrite::new(ran.registry.clone(), config).push_blocking().expect("a push");

    let natives = if input.is_native { take_native(&mut kept) } else { 0 };
    // A series is called as in the text format.
    let (read, _) = expected(&kept, Exposition::new(Format::Text1).with_escaping(scheme));
    let mut samples = Samples::default();
    let mut found = 0;
    for series in receiver.requests().iter().flat_map(|request| Written::read(request).series) {
        let mut labels = series.labels.clone();
        let name = labels.remove("__name__").expect("a name");
        // A state set may be called like either of these labels.
        let is_set = series.metadata.as_ref().is_some_and(|(kind, ..)| *kind == MetricType::StateSet);
        for bound in ["le", "quantile"].into_iter().filter(|_| !is_set) {
            if let Some(text) = labels.get_mut(bound) {
                *text = bound_text(text.parse().unwrap_or(f64::NAN));
            }
        }
        match (series.value, series.histogram) {
            (Some(value), None) => samples.add(&name, labels, value),
            _ => found += 1,
        }
    }
    let mut all = Samples::default();
    for ((name, mut own), value) in read.samples.0 {
        for (label, text) in &labels {
            own.entry(EscapingScheme::label_name(scheme, label).into_owned())
                .or_insert_with(|| text.to_owned());
        }
        all.add(&name, own, f64::from_bits(value));
    }
    assert_eq!(samples, all);
    assert_eq!(found, natives);
});
