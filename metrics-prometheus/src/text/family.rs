//! What a family is called in a text format: the one place where a metric's name is written.

use nilometer_core::collect::{Descriptor, MetricType};

use super::escape::{escape_help, escape_quoted};
use crate::check;
use crate::escaping::{FamilyName, label_text};
use crate::format::{Exposition, Format};
use crate::fragment::Fragment;

/// The names of a family's samples, and the lines that come before them.
#[derive(Default)]
pub(super) struct FamilyText {
    /// The name of the samples that have no suffix but what the family's own name ends with.
    pub(super) name: Fragment,
    pub(super) bucket: Fragment,
    pub(super) sum: Fragment,
    pub(super) count: Fragment,
    pub(super) created: Fragment,
    /// The label whose values are a state set's states.
    pub(super) state_label: String,
    /// The same as it is written.
    pub(super) state_text: String,
    /// The family's name by the page's scheme.
    pub(super) written: FamilyName,
    /// The HELP, TYPE and UNIT lines, until they are written.
    pub(super) header: String,
    pub(super) has_exemplars: bool,
    pub(super) has_created: bool,
    /// What cannot be negative is left out where it is: sums, and quantiles.
    pub(super) has_strict_signs: bool,
}

impl FamilyText {
    /// Makes it that of another family.
    pub(super) fn set(&mut self, descriptor: &Descriptor, exposition: Exposition) {
        let is_open_metrics = exposition.format() == Format::OpenMetrics;
        let kind = descriptor.metric_type();
        self.written.set(descriptor, exposition.escaping());
        let name = self.written.text();
        let Heading { family, word } = if is_open_metrics {
            open_metrics(name, kind)
        } else {
            Heading { family: name, word: word(kind) }
        };
        let (sum, count) = match kind {
            MetricType::GaugeHistogram if is_open_metrics => ("_gsum", "_gcount"),
            _ => ("_sum", "_count"),
        };
        self.name.set(&self.written.sample(name, ""));
        for (fragment, suffix) in [
            (&mut self.bucket, "_bucket"),
            (&mut self.sum, sum),
            (&mut self.count, count),
            (&mut self.created, "_created"),
        ] {
            fragment.set(&self.written.sample(family, suffix));
        }
        self.state_label.clear();
        if kind == MetricType::StateSet {
            self.state_label = check::state_label(descriptor.name());
            self.state_text = label_text(&self.state_label, exposition.escaping());
        }
        let is_total = kind == MetricType::Counter && word == "counter";
        let is_histogram = kind == MetricType::Histogram;
        let has_buckets = is_histogram || kind == MetricType::GaugeHistogram;
        self.has_exemplars = is_open_metrics && (is_total || has_buckets);
        let accumulates = is_total || is_histogram || kind == MetricType::Summary;
        self.has_created = is_open_metrics && exposition.created() && accumulates;
        self.has_strict_signs = is_open_metrics;
        let unit = check::written_unit(descriptor, family).filter(|_| is_open_metrics);
        let family = self.written.comment(family);
        self.set_header(descriptor, &Heading { family: &family, word }, unit, is_open_metrics);
    }

    fn set_header(
        &mut self,
        descriptor: &Descriptor,
        heading: &Heading<'_>,
        unit: Option<&str>,
        is_open_metrics: bool,
    ) {
        let Heading { family, word } = *heading;
        let header = &mut self.header;
        header.clear();
        for part in ["# HELP ", family, " "] {
            header.push_str(part);
        }
        if is_open_metrics {
            escape_quoted(descriptor.help(), header);
        } else {
            escape_help(descriptor.help(), header);
        }
        for part in ["\n# TYPE ", family, " ", word, "\n"] {
            header.push_str(part);
        }
        if let Some(unit) = unit {
            for part in ["# UNIT ", family, " ", unit, "\n"] {
                header.push_str(part);
            }
        }
    }
}

/// The name and the type of a family's header.
struct Heading<'a> {
    family: &'a str,
    word: &'static str,
}

/// The kind's word in the Prometheus text formats, which have four.
///
/// Info and state sets are gauges of one, or of zero and one. A gauge histogram is a histogram: Prometheus refuses a
/// page with any other word, and as gauges of their own, samples named `_bucket` and `_count` are what `promtool check
/// metrics` takes for a mistake.
///
/// SPEC: Prometheus, "Exposition formats", text format details, `TYPE`.
fn word(kind: MetricType) -> &'static str {
    match kind {
        MetricType::Counter => "counter",
        MetricType::Gauge | MetricType::UpDownCounter | MetricType::Info | MetricType::StateSet => "gauge",
        MetricType::Histogram | MetricType::GaugeHistogram => "histogram",
        MetricType::Summary => "summary",
    }
}

/// The family's name without the suffix that its samples have, and the kind's word.
///
/// A counter whose name has no `_total`, or an info without `_info`, keeps its name, so that its series are the same in
/// whatever format they are scraped; it is then of the type that puts no suffix there.
///
/// SPEC: OpenMetrics 1.0.0, "Suffixes".
fn open_metrics(name: &str, kind: MetricType) -> Heading<'_> {
    let stripped = |suffix| name.strip_suffix(suffix).filter(|family| !family.is_empty());
    let (family, word) = match kind {
        MetricType::Counter => (stripped("_total"), "unknown"),
        MetricType::Info => (stripped("_info"), "gauge"),
        _ => (Some(name), kind.as_str()),
    };
    match family {
        Some(family) => Heading { family, word: kind.as_str() },
        None => Heading { family: name, word },
    }
}
