//! What a reader is to find on a page of what was shown.

use std::collections::BTreeMap;

use nilometer_core::collect::{EscapingScheme, MetricType, Unit};
use nilometer_prometheus::{Exposition, Format};

use super::escape;
use super::kept::{Kept, KeptFamily};
use super::{ExemplarFacts, Head, Key, Read, canonical};
use crate::samples::{Labels, bound_text, with};
use crate::shown::{Example, Exponential, Histogram, Series, Value};

/// How many code points the names and values of an exemplar's labels have at most.
const EXEMPLAR_LIMIT: usize = 128;

/// What a reader is to find, and how many series have no place on the page.
///
/// # Panics
///
/// When a name is escaped in a way that no scheme has.
#[must_use]
pub fn expected(kept: &Kept, exposition: Exposition) -> (Read, u64) {
    let mut page = Page { exposition, read: Read::default(), skipped: 0 };
    for family in &kept.0 {
        page.family(family);
    }
    (page.read, page.skipped)
}

struct Page {
    exposition: Exposition,
    read: Read,
    skipped: u64,
}

/// A family as it stands on the page.
struct Named<'a> {
    /// The name of samples without a suffix.
    name: String,
    /// The label of a state set's states.
    state_label: String,
    kind: MetricType,
    /// What the page calls it, where there are series.
    head: &'a Head,
}

impl Page {
    fn format(&self) -> Format {
        self.exposition.format()
    }

    fn scheme(&self) -> EscapingScheme {
        self.exposition.escaping()
    }

    fn family(&mut self, family: &KeptFamily) {
        let descriptor = &family.descriptor;
        let (raw, kind) = (descriptor.name(), descriptor.metric_type());
        let name = descriptor.escaped_name(self.scheme()).into_owned();
        // What would become another family's is escaped by values.
        let possible = [self.scheme(), EscapingScheme::Values].map(|scheme| escape::metric(raw, scheme));
        assert!(possible.contains(&name), "`{raw}` became `{name}`");
        let state_label = escape::state_label(raw, self.scheme());
        let head = self.head(family, &name);
        let named = Named { name, state_label, kind, head: &head };
        let before = self.skipped;
        for series in &family.series {
            self.series(&named, series);
        }
        if (self.skipped - before) < family.series.len() as u64 {
            self.read.heads.push(head);
        }
    }

    fn head(&self, family: &KeptFamily, text_name: &str) -> Head {
        let descriptor = &family.descriptor;
        let kind = descriptor.metric_type();
        let stripped = |suffix| text_name.strip_suffix(suffix).filter(|family| !family.is_empty());
        let (name, word) = match (self.format(), kind) {
            (Format::OpenMetrics, MetricType::Counter) => match stripped("_total") {
                Some(family) => (family, "counter"),
                None => (text_name, "unknown"),
            },
            (Format::OpenMetrics, MetricType::Info) => match stripped("_info") {
                Some(family) => (family, "info"),
                None => (text_name, "gauge"),
            },
            (Format::OpenMetrics, kind) => (text_name, kind.as_str()),
            (_, MetricType::Counter) => (text_name, "counter"),
            (Format::Protobuf, MetricType::GaugeHistogram) => (text_name, "gaugehistogram"),
            (_, MetricType::Histogram | MetricType::GaugeHistogram) => (text_name, "histogram"),
            (_, MetricType::Summary) => (text_name, "summary"),
            _ => (text_name, "gauge"),
        };
        // SPEC: OpenMetrics 1.0.0, "Unit" and the ABNF: it is the end of the name as it stands there, in characters of
        // names. Protobuf has the name as a whole.
        let is_text = self.format() == Format::OpenMetrics;
        let is_writable =
            |unit: &str| !is_text || unit.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
        let measures = !matches!(kind, MetricType::Info | MetricType::StateSet);
        let named = match self.format() {
            Format::OpenMetrics => name,
            _ if kind == MetricType::Counter => {
                descriptor.name().strip_suffix("_total").unwrap_or(descriptor.name())
            }
            _ => descriptor.name(),
        };
        let ends_name = |unit: &str| {
            let before = named.strip_suffix(unit).and_then(|before| before.strip_suffix('_'));
            !unit.is_empty() && before.is_some_and(|before| !before.is_empty())
        };
        let has_units = measures && matches!(self.format(), Format::OpenMetrics | Format::Protobuf);
        let unit = descriptor
            .unit()
            .map(Unit::as_str)
            .filter(|unit| has_units && is_writable(unit) && ends_name(unit));
        Head {
            name: name.to_owned(),
            word: word.to_owned(),
            unit: unit.map(str::to_owned),
            help: descriptor.help().to_owned(),
        }
    }

    fn labels(&self, pairs: &[(String, String)]) -> Labels {
        let pair = |(name, value): &(String, String)| (escape::label(name, self.scheme()), value.clone());
        let labels: Labels = pairs.iter().map(pair).collect();
        assert_eq!(labels.len(), pairs.len(), "names of labels become one: {pairs:?}");
        labels
    }

    fn series(&mut self, family: &Named<'_>, series: &Series) {
        let strict = self.format() == Format::OpenMetrics;
        let own = self.labels(&series.labels);
        let name = &family.name;
        match &series.value {
            Value::Number(number) => self.read.samples.add(name, own.clone(), number.as_f64()),
            Value::Info => self.read.samples.add(name, own.clone(), 1.0),
            Value::StateSet(states) => {
                let label = &family.state_label;
                if states.is_empty() || own.contains_key(label) || label == "__name__" {
                    self.skipped += 1;
                    return;
                }
                for (state, is_on) in states {
                    let labels = with(&own, &family.state_label, state);
                    self.read.samples.add(name, labels, f64::from(u8::from(*is_on)));
                }
            }
            Value::Summary(quantiles, count, sum) => {
                for (rank, value) in quantiles.iter().filter(|(_, value)| !strict || !is_negative(*value)) {
                    let labels = with(&own, "quantile", bound_text(*rank));
                    self.read.samples.add(name, labels, *value);
                }
                if !strict || *sum >= 0.0 {
                    self.read.samples.add(&format!("{name}_sum"), own.clone(), *sum);
                }
                self.read.samples.add(&format!("{name}_count"), own.clone(), float(*count));
            }
            Value::Histogram(histogram) => self.histogram(family, &own, histogram),
        }
        self.exemplars(family, &own, series);
        self.created(family, &own, series);
    }

    fn histogram(&mut self, family: &Named<'_>, own: &Labels, histogram: &Histogram) {
        let strict = self.format() == Format::OpenMetrics;
        let name = &family.name;
        let buckets = cumulative(histogram);
        let (lowest, total) = (buckets[0].0, buckets[buckets.len() - 1].1);
        if self.format() != Format::Protobuf || !histogram.is_exponential_only {
            for (bound, count) in &buckets {
                let labels = with(own, "le", bound_text(*bound));
                self.read.samples.add(&format!("{name}_bucket"), labels, float(*count));
            }
        }
        // SPEC: OpenMetrics 1.0.0, "Histogram" and "Gauge Histogram": a sum that may fall has no place.
        let is_gauge = family.kind == MetricType::GaugeHistogram;
        let counts_below = histogram.exponential.as_ref().map_or(&[][..], |buckets| &buckets.negative.1);
        let is_below_zero = counts_below.iter().any(|count| *count > 0);
        let has_sum = match (is_gauge, is_negative(lowest)) {
            (true, true) => !histogram.sum.is_nan(),
            (true, false) => histogram.sum >= 0.0,
            (false, bound_is_negative) => !bound_is_negative && !is_below_zero && histogram.sum >= 0.0,
        };
        let g = if strict && is_gauge { "g" } else { "" };
        if !strict || has_sum {
            self.read.samples.add(&format!("{name}_{g}sum"), own.clone(), histogram.sum);
            self.read.samples.add(&format!("{name}_{g}count"), own.clone(), float(total));
        }
        if self.format() == Format::Protobuf
            && let Some(Exponential { scale, zero, positive, negative }) = &histogram.exponential
        {
            // An upper bound names a bucket here, a lower one there.
            let side = |(offset, counts): &(i32, Vec<u64>)| -> BTreeMap<i32, u64> {
                (offset + 1..).zip(counts.iter().copied()).filter(|(_, count)| *count > 0).collect()
            };
            let facts = (*scale, zero.0.to_bits(), zero.1, side(positive), side(negative));
            self.read.native.insert((name.clone(), own.clone()), facts);
        }
    }

    fn facts(&self, example: &Example) -> ExemplarFacts {
        (self.labels(&example.labels), canonical(example.value), example.nanoseconds)
    }

    /// Whether a reader takes an exemplar.
    fn fits(&self, example: &Example) -> bool {
        let labels = self.labels(&example.labels);
        let texts = labels.iter().flat_map(|(name, value)| [name, value]);
        texts.map(|text| text.chars().count()).sum::<usize>() <= EXEMPLAR_LIMIT
    }

    fn exemplars(&mut self, family: &Named<'_>, own: &Labels, series: &Series) {
        let (format, name) = (self.format(), &family.name);
        if !matches!(format, Format::OpenMetrics | Format::Protobuf) {
            return;
        }
        let fitting: Vec<&Example> = series.exemplars.iter().filter(|example| self.fits(example)).collect();
        let mut found: Vec<(Key, ExemplarFacts)> = Vec::new();
        match &series.value {
            Value::Histogram(histogram) if format == Format::Protobuf && histogram.is_exponential_only => {
                for (index, example) in fitting.into_iter().enumerate() {
                    found.push(((format!("{name} {index}"), own.clone()), self.facts(example)));
                }
            }
            // The first of each bucket; they stand in the order of their values.
            Value::Histogram(histogram) => {
                let mut by_bucket: BTreeMap<String, &Example> = BTreeMap::new();
                for example in fitting {
                    let buckets = cumulative(histogram);
                    if let Some((bound, _)) = buckets.iter().find(|(bound, _)| example.value <= *bound) {
                        by_bucket.entry(bound_text(*bound)).or_insert(example);
                    }
                }
                for (bound, example) in by_bucket {
                    let key = (format!("{name}_bucket"), with(own, "le", bound));
                    found.push((key, self.facts(example)));
                }
            }
            Value::Number(_) if family.kind == MetricType::Counter && family.head.word == "counter" => {
                found.extend(
                    fitting.first().map(|example| ((name.clone(), own.clone()), self.facts(example))),
                );
            }
            _ => {}
        }
        self.read.exemplars.extend(found);
    }

    fn created(&mut self, family: &Named<'_>, own: &Labels, series: &Series) {
        let is_told = match self.format() {
            Format::OpenMetrics => self.exposition.created(),
            Format::Protobuf => true,
            _ => false,
        };
        let has_place = match family.kind {
            MetricType::Counter => family.head.word == "counter",
            MetricType::Histogram | MetricType::Summary => true,
            _ => false,
        };
        if let Some(created) = series.created.filter(|_| is_told && has_place) {
            self.read.created.insert((family.name.clone(), own.clone()), created);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "what is shown is rounded by whoever reads it as a float")]
fn float(count: u64) -> f64 {
    count as f64
}

fn is_negative(value: f64) -> bool {
    value < 0.0
}

/// The explicit buckets' cumulative counts, `+Inf` last.
fn cumulative(histogram: &Histogram) -> Vec<(f64, u64)> {
    let bounds = histogram.bounds.iter().copied().chain([f64::INFINITY]);
    let counts = histogram.counts.iter().scan(0_u64, |sum, &count| {
        *sum = sum.checked_add(count)?;
        Some(*sum)
    });
    let buckets: Vec<(f64, u64)> =
        // Zero has no sign as a bound in text; protobuf keeps it, and equals it.
        bounds.map(|bound| if bound == 0.0 { 0.0 } else { bound }).zip(counts).collect();
    assert_eq!(buckets.len(), histogram.counts.len(), "more observations than there can be");
    buckets
}
