//! A linter for names, with the rules of Prometheus' own.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::unit;
use crate::collect::{CollectError, Collector, Point, SeriesLabels, Stopped, Visitor};
use crate::descriptor::{Descriptor, MetricType};
use crate::label::LabelSet;

/// What a [`Problem`] is about.
///
/// # Specification
///
/// The rules are those of `promtool check metrics`, `client_golang`'s `promlint`, after Prometheus' "Metric and label
/// naming".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rule {
    /// A family has help.
    Help,
    /// Values are in base units: seconds, bytes.
    BaseUnit,
    /// Units are spelled out.
    UnitAbbreviation,
    /// Counters, and nothing else, end with `_total`.
    Total,
    /// Gauges alone end with `_timestamp_seconds`.
    Timestamp,
    /// `_bucket`, `_count`, `_sum`, `le` and `quantile` belong to histograms and summaries.
    Reserved,
    /// A name does not say what kind the family is.
    TypeInName,
    /// Colons belong to recording rules.
    Colon,
    /// Names are in `snake_case`.
    CamelCase,
    /// No family is there twice, and no series.
    Duplicate,
}

/// One thing that the linter would have otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    family: String,
    rule: Rule,
    text: String,
}

impl Problem {
    /// The name of the family.
    #[must_use]
    pub fn family(&self) -> &str {
        &self.family
    }

    /// Which rule is broken.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.family, self.text)
    }
}

/// Checks the families and series that `collector` shows now, in their order.
///
/// # Errors
///
/// [`CollectError`] when the collector fails.
///
/// # Examples
///
/// ```
/// use nilometer_core::MetricsRegistry;
/// use nilometer_core::test_util::{Rule, lint};
///
/// let registry = MetricsRegistry::new();
/// registry.register_counter("requestsServed", "Requests.")?;
/// let problems = lint(&registry)?;
/// assert_eq!(problems[0].to_string(), "requestsServed: a counter's name ends with `_total`");
/// assert_eq!(problems[1].rule(), Rule::CamelCase);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
pub fn lint<C: Collector + ?Sized>(collector: &C) -> Result<Vec<Problem>, CollectError> {
    let mut linter = Linter::default();
    collector.collect(&mut linter)?;
    Ok(linter.problems)
}

/// Checks what a set of metrics declares, in its order: what the derived `descriptors()` returns.
///
/// # Examples
///
/// ```
/// use nilometer_core::test_util::lint_descriptors;
/// use nilometer_core::{Descriptor, MetricType};
///
/// let descriptors = [Descriptor::try_new("wait_ms", "Time waited.", MetricType::Histogram)?];
/// let problems = lint_descriptors(&descriptors);
/// assert_eq!(problems[0].to_string(), "wait_ms: the unit `ms` is abbreviated");
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[must_use]
pub fn lint_descriptors(descriptors: &[Descriptor]) -> Vec<Problem> {
    let mut linter = Linter::default();
    for descriptor in descriptors {
        linter.start(descriptor);
    }
    linter.problems
}

/// Looks at one family after the other.
#[derive(Default)]
struct Linter {
    problems: Vec<Problem>,
    families: HashSet<String>,
    family: Option<(String, MetricType)>,
    /// The label names of the family that were looked at.
    labels: HashSet<String>,
    series: HashMap<LabelSet, bool>,
}

impl Linter {
    fn start(&mut self, descriptor: &Descriptor) {
        let (name, kind) = (descriptor.name(), descriptor.metric_type());
        self.family = Some((name.to_owned(), kind));
        self.labels.clear();
        self.series.clear();
        if !self.families.insert(name.to_owned()) {
            self.report(Rule::Duplicate, "the family is there twice".to_owned());
        }
        if descriptor.help().trim().is_empty() {
            self.report(Rule::Help, "there is no help".to_owned());
        }
        self.check_unit(name);
        self.check_suffixes(name, kind);
        self.check_spelling(name);
        for label in descriptor.label_names().unwrap_or_default() {
            self.check_label(label, kind);
        }
    }

    fn report(&mut self, rule: Rule, text: String) {
        if let Some((family, _)) = &self.family {
            self.problems.push(Problem { family: family.clone(), rule, text });
        }
    }

    fn check_unit(&mut self, name: &str) {
        if let Some((unit, base)) = unit::of_name(name)
            && unit != base
        {
            self.report(Rule::BaseUnit, format!("`{unit}` is no base unit, which is `{base}`"));
        }
        if let Some(unit) = unit::abbreviated(name) {
            self.report(Rule::UnitAbbreviation, format!("the unit `{unit}` is abbreviated"));
        }
    }

    fn check_suffixes(&mut self, name: &str, kind: MetricType) {
        let is_counter = kind == MetricType::Counter;
        if is_counter != name.ends_with("_total") {
            let text = if is_counter {
                "a counter's name ends with `_total`"
            } else {
                "only a counter's name ends with `_total`"
            };
            self.report(Rule::Total, text.to_owned());
        }
        let is_gauge = matches!(kind, MetricType::Gauge | MetricType::UpDownCounter);
        if !is_gauge && name.ends_with("_timestamp_seconds") {
            self.report(Rule::Timestamp, "only a gauge's name ends with `_timestamp_seconds`".to_owned());
        }
        let has_buckets = matches!(kind, MetricType::Histogram | MetricType::GaugeHistogram);
        if !has_buckets && name.ends_with("_bucket") {
            self.report(Rule::Reserved, "only a histogram's name ends with `_bucket`".to_owned());
        }
        for suffix in ["_count", "_sum"] {
            if !has_buckets && kind != MetricType::Summary && name.ends_with(suffix) {
                let text = format!("only a histogram's or a summary's name ends with `{suffix}`");
                self.report(Rule::Reserved, text);
            }
        }
    }

    fn check_spelling(&mut self, name: &str) {
        let words: Vec<&str> = name.split('_').skip(1).collect();
        for kind in ["counter", "gauge", "histogram", "summary"] {
            if words.iter().any(|word| word.eq_ignore_ascii_case(kind)) {
                self.report(Rule::TypeInName, format!("the name has the type `{kind}` in it"));
            }
        }
        if name.contains(':') {
            self.report(Rule::Colon, "a colon belongs to the names of recording rules".to_owned());
        }
        if is_camel_case(name) {
            self.report(Rule::CamelCase, "the name is not in `snake_case`".to_owned());
        }
    }

    fn check_label(&mut self, label: &str, kind: MetricType) {
        if !self.labels.insert(label.to_owned()) {
            return;
        }
        if is_camel_case(label) {
            self.report(Rule::CamelCase, format!("the label `{label}` is not in `snake_case`"));
        }
        let has_buckets = matches!(kind, MetricType::Histogram | MetricType::GaugeHistogram);
        if label == "le" && !has_buckets {
            self.report(Rule::Reserved, "only a histogram has the label `le`".to_owned());
        }
        if label == "quantile" && kind != MetricType::Summary {
            self.report(Rule::Reserved, "only a summary has the label `quantile`".to_owned());
        }
    }
}

impl Visitor for Linter {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        self.start(descriptor);
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, _: Point<'_>) -> Result<(), Stopped> {
        let Some((_, kind)) = self.family else { return Ok(()) };
        for (label, _) in labels.iter() {
            self.check_label(label, kind);
        }
        let set = labels.to_set();
        let reported = self.series.get(&set).copied();
        if reported == Some(false) {
            self.report(Rule::Duplicate, format!("the series {} is there twice", set.as_prometheus()));
        }
        self.series.insert(set, reported.is_some());
        Ok(())
    }
}

fn is_camel_case(name: &str) -> bool {
    name.as_bytes().windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
}
