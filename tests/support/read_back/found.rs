//! What the parsers that share nothing with the encoders find on a page.

use std::collections::BTreeMap;

use nilometer_core::collect::EscapingScheme;
use nilometer_prometheus::{Exposition, Format};

use super::escape;
use super::kept::Kept;
use super::{Head, Read, canonical};
use crate::openmetrics::{self, Dialect};
use crate::page::{Page, Series, Type};
use crate::protobuf::{self, Metric, MetricFamily, MetricType, Timestamp};
use crate::samples::{Labels, bound_text, with};

/// Reads a page back.
///
/// `kept` tells what only who knows the names before they were escaped can know: which label has a state set's states.
///
/// # Panics
///
/// When the page breaks a rule of its format.
#[must_use]
#[expect(clippy::panic, reason = "a page that does not parse fails whoever asked for it")]
pub fn found(page: &[u8], exposition: Exposition, kept: &Kept) -> Read {
    let utf8 = exposition.escaping() == EscapingScheme::AllowUtf8;
    if exposition.format() == Format::Protobuf {
        let families = protobuf::parse(page).unwrap_or_else(|error| panic!("{error}: {page:?}"));
        return of_protobuf(families);
    }
    let text = str::from_utf8(page).unwrap_or_else(|error| panic!("{error}: {page:?}"));
    if exposition.format() == Format::OpenMetrics {
        let dialect = Dialect { utf8, state_labels: state_labels(kept, exposition.escaping()) };
        let families = openmetrics::parse_as(text, &dialect);
        return of_open_metrics(families.unwrap_or_else(|error| panic!("{error}\n{text}")));
    }
    let read = if utf8 { Page::parse_utf8(text) } else { Page::parse(text) };
    of_text(&read.unwrap_or_else(|error| panic!("{error}\n{text}")))
}

fn state_labels(kept: &Kept, scheme: EscapingScheme) -> BTreeMap<String, String> {
    let descriptors = kept.0.iter().map(|family| &family.descriptor);
    let pair = descriptors.map(|descriptor| {
        let name = descriptor.escaped_name(scheme).into_owned();
        (name, escape::state_label(descriptor.name(), scheme))
    });
    pair.collect()
}

#[expect(clippy::cast_precision_loss, reason = "what is read as a float is rounded")]
fn float(count: u64) -> f64 {
    count as f64
}

fn of_text(page: &Page) -> Read {
    let mut read = Read::default();
    for family in &page.families {
        let name = &family.name;
        let word = match family.metric_type {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
            Type::Histogram => "histogram",
            Type::Summary => "summary",
            Type::Untyped => "untyped",
        };
        let help = family.help.clone().unwrap_or_default();
        read.heads.push(Head { name: name.clone(), word: word.to_owned(), unit: None, help });
        let samples = &mut read.samples;
        for (own, series) in &family.series {
            match series {
                Series::Value(value) => samples.add(name, own.clone(), value.number),
                Series::Histogram { buckets, sum, count } => {
                    for (bound, count) in buckets {
                        let labels = with(own, "le", bound_text(*bound));
                        samples.add(&format!("{name}_bucket"), labels, float(*count));
                    }
                    samples.add(&format!("{name}_sum"), own.clone(), *sum);
                    samples.add(&format!("{name}_count"), own.clone(), float(*count));
                }
                Series::Summary { quantiles, sum, count } => {
                    for (rank, value) in quantiles {
                        samples.add(name, with(own, "quantile", bound_text(*rank)), *value);
                    }
                    samples.add(&format!("{name}_sum"), own.clone(), *sum);
                    samples.add(&format!("{name}_count"), own.clone(), float(*count));
                }
            }
        }
    }
    read
}

/// A time in seconds as nanoseconds, digit by digit.
#[expect(clippy::expect_used, reason = "a page with another time has failed")]
fn nanoseconds(text: &str) -> u64 {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let number = |text: &str| text.parse::<u64>().expect("a time after 1970");
    number(seconds) * 1_000_000_000 + number(&format!("{fraction:0<9}"))
}

fn of_open_metrics(families: Vec<openmetrics::Family>) -> Read {
    let mut read = Read::default();
    let mut families = families;
    for family in &mut families {
        let accumulates = matches!(&*family.kind, "counter" | "histogram" | "summary");
        let created = format!("{}_created", family.name);
        let total = if family.kind == "counter" { "_total" } else { "" };
        let series = format!("{}{total}", family.name);
        family.samples.retain(|sample| {
            let is_created = accumulates && sample.name == created;
            if is_created {
                let key = (series.clone(), sample.labels.clone());
                read.created.insert(key, nanoseconds(&sample.text));
            }
            !is_created
        });
        read.heads.push(Head {
            name: family.name.clone(),
            word: family.kind.clone(),
            unit: family.unit.clone(),
            help: family.help.clone().unwrap_or_default(),
        });
        for sample in &family.samples {
            let Some(exemplar) = &sample.exemplar else { continue };
            let mut labels = sample.labels.clone();
            if let Some(bound) = labels.get_mut("le") {
                *bound = bound_text(bound.parse().unwrap_or(f64::NAN));
            }
            let time = nanoseconds(exemplar.timestamp.as_deref().unwrap_or("none"));
            let facts = (exemplar.labels.clone(), canonical(exemplar.value), time);
            read.exemplars.insert((sample.name.clone(), labels), facts);
        }
    }
    read.samples = openmetrics::samples(&families);
    read
}

fn of_protobuf(mut families: Vec<MetricFamily>) -> Read {
    let mut read = Read::default();
    for family in &mut families {
        // Zero has no sign as a bound in the other formats.
        let histograms = family.metric.iter_mut().filter_map(|metric| metric.histogram.as_mut());
        for bucket in histograms.flat_map(|histogram| &mut histogram.bucket) {
            bucket.upper_bound = bucket.upper_bound.map(|bound| if bound == 0.0 { 0.0 } else { bound });
        }
        let word = match family.r#type() {
            MetricType::Counter => "counter",
            MetricType::Gauge => "gauge",
            MetricType::Summary => "summary",
            MetricType::Untyped => "untyped",
            MetricType::Histogram => "histogram",
            MetricType::GaugeHistogram => "gaugehistogram",
        };
        let name = family.name.clone().unwrap_or_default();
        for metric in &family.metric {
            extras(&mut read, &name, metric);
        }
        let help = family.help.clone().unwrap_or_default();
        read.heads.push(Head { name, word: word.to_owned(), unit: family.unit.clone(), help });
    }
    read.samples = protobuf::samples(&families);
    read
}

#[expect(clippy::expect_used, reason = "a page with another time has failed")]
fn time(timestamp: Timestamp) -> u64 {
    let whole = |number: i64| u64::try_from(number).expect("a time after 1970");
    whole(timestamp.seconds) * 1_000_000_000 + whole(timestamp.nanos.into())
}

#[expect(clippy::expect_used, reason = "a page that lacks a field has failed")]
fn exemplar(read: &mut Read, name: &str, own: Labels, exemplar: Option<&protobuf::Exemplar>) {
    if let Some(exemplar) = exemplar {
        let facts = (
            protobuf::labels(&exemplar.label),
            canonical(exemplar.value.expect("a value")),
            time(exemplar.timestamp.expect("a time")),
        );
        read.exemplars.insert((name.to_owned(), own), facts);
    }
}

/// What a metric holds beside samples.
#[expect(clippy::expect_used, reason = "a page that lacks a field has failed")]
fn extras(read: &mut Read, name: &str, metric: &Metric) {
    let own = protobuf::labels(&metric.label);
    let mut created = None;
    if let Some(counter) = &metric.counter {
        exemplar(read, name, own.clone(), counter.exemplar.as_ref());
        created = counter.created_timestamp;
    }
    if let Some(summary) = &metric.summary {
        created = summary.created_timestamp;
    }
    if let Some(histogram) = &metric.histogram {
        created = histogram.created_timestamp;
        for bucket in &histogram.bucket {
            let labels = with(&own, "le", bound_text(bucket.upper_bound.expect("a bound")));
            exemplar(read, &format!("{name}_bucket"), labels, bucket.exemplar.as_ref());
        }
        for (index, found) in histogram.exemplars.iter().enumerate() {
            exemplar(read, &format!("{name} {index}"), own.clone(), Some(found));
        }
        if let Some(schema) = histogram.schema {
            let positive = protobuf::native_buckets(&histogram.positive_span, &histogram.positive_delta);
            let negative = protobuf::native_buckets(&histogram.negative_span, &histogram.negative_delta);
            // One without any span would be taken for an explicit histogram.
            assert!(!histogram.positive_span.is_empty() || !histogram.negative_span.is_empty());
            let threshold = histogram.zero_threshold.expect("a threshold").to_bits();
            let zero = histogram.zero_count.expect("a count at zero");
            read.native.insert((name.to_owned(), own.clone()), (schema, threshold, zero, positive, negative));
        }
    }
    read.created.extend(created.map(|created| ((name.to_owned(), own), time(created))));
}
