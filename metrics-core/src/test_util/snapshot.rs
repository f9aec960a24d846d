//! All samples at one time.

use std::collections::BTreeMap;
use std::fmt;

use crate::collect::{
    CollectError, Collector, HistogramPoint, Number, Point, SeriesLabels, Stopped, Visitor,
};
use crate::descriptor::Descriptor;
use crate::name::{check_metric_name, is_classic_label_name};

/// One line of a page: a name, labels in the order of their names, and a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: Number,
}

impl Sample {
    /// The name, suffix included.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The labels in the order of their names.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> Number {
        self.value
    }

    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.labels
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Id(&self.name, &self.labels), Shown(self.value))
    }
}

/// What a sample is known by, as a message shows it.
pub(super) struct Id<'a>(pub(super) &'a str, pub(super) &'a [(String, String)]);

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_quoted = check_metric_name(self.0).is_err();
        if is_quoted {
            write!(f, "{{{:?}", self.0)?;
        } else {
            f.write_str(self.0)?;
        }
        for (index, (name, value)) in self.1.iter().enumerate() {
            f.write_str(if index == 0 && !is_quoted { "{" } else { "," })?;
            if is_classic_label_name(name) {
                write!(f, "{name}={value:?}")?;
            } else {
                write!(f, "{name:?}={value:?}")?;
            }
        }
        if self.1.is_empty() && !is_quoted { Ok(()) } else { f.write_str("}") }
    }
}

/// A value as a message shows it.
pub(super) struct Shown(pub(super) Number);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Number::U64(value) => value.fmt(f),
            Number::I64(value) => value.fmt(f),
            Number::F64(value) => value.fmt(f),
        }
    }
}

/// All samples of a collector at one time.
///
/// # Examples
///
/// ```
/// use nilometer_core::MetricsRegistry;
/// use nilometer_core::collect::Number;
/// use nilometer_core::test_util::Snapshot;
///
/// let registry = MetricsRegistry::new();
/// registry.register_gauge("depth", "Jobs waiting.")?.get_or_create(&[("queue", "mail")]).set(2.0);
/// let snapshot = Snapshot::of(&registry)?;
/// assert_eq!(snapshot.value("depth", &[("queue", "mail")]), Some(Number::F64(2.0)));
/// assert_eq!(snapshot.value("depth", &[]), None);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    samples: BTreeMap<(String, Vec<(String, String)>), Sample>,
}

impl Snapshot {
    /// All that `collector` shows now; of two equal series the last.
    ///
    /// # Errors
    ///
    /// [`CollectError`] when the collector fails.
    pub fn of<C: Collector + ?Sized>(collector: &C) -> Result<Snapshot, CollectError> {
        let mut taking = Taking { family: String::new(), snapshot: Snapshot::default() };
        collector.collect(&mut taking)?;
        Ok(taking.snapshot)
    }

    /// The samples in the order of their names and labels.
    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.samples.values()
    }

    /// The value of the sample with this name and exactly these labels, in any order.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<Number> {
        self.sample(name, &sorted(labels)).map(Sample::value)
    }

    pub(super) fn sample(&self, name: &str, labels: &[(String, String)]) -> Option<&Sample> {
        self.samples.get(&(name.to_owned(), labels.to_vec()))
    }
}

/// Labels in the order of their names, bounds and quantiles in one spelling; an empty value is no label.
pub(super) fn sorted(labels: &[(&str, &str)]) -> Vec<(String, String)> {
    let spelled = |name: &str, value: &str| match value.parse() {
        Ok(number) if name == "le" || name == "quantile" => spelled(number),
        _ => value.to_owned(),
    };
    let labels = labels.iter().filter(|(_, value)| !value.is_empty());
    let mut labels: Vec<_> = labels.map(|&(name, value)| (name.to_owned(), spelled(name, value))).collect();
    labels.sort();
    labels
}

/// A bound or a quantile as text formats have it: with a fraction, and `+Inf`.
fn spelled(number: f64) -> String {
    if number == f64::INFINITY { "+Inf".to_owned() } else { format!("{number:?}") }
}

/// Takes a snapshot.
struct Taking {
    family: String,
    snapshot: Snapshot,
}

impl Taking {
    fn sample(&mut self, suffix: &str, labels: SeriesLabels<'_>, more: Option<(&str, &str)>, value: Number) {
        let name = format!("{}{suffix}", self.family);
        let labels: Vec<(&str, &str)> = labels.iter().chain(more).collect();
        let labels = sorted(&labels);
        let sample = Sample { name: name.clone(), labels: labels.clone(), value };
        self.snapshot.samples.insert((name, labels), sample);
    }

    fn histogram(&mut self, labels: SeriesLabels<'_>, point: &HistogramPoint<'_>) {
        for (bound, below) in point.cumulative() {
            self.sample("_bucket", labels, Some(("le", &spelled(bound))), below.into());
        }
        self.sample("_sum", labels, None, point.sum().into());
        self.sample("_count", labels, None, point.count().into());
    }
}

impl Visitor for Taking {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        descriptor.name().clone_into(&mut self.family);
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        match point {
            Point::Counter(point) => self.sample("", labels, None, point.total()),
            Point::Gauge(point) => self.sample("", labels, None, point.value()),
            Point::UpDownCounter(point) => self.sample("", labels, None, point.value()),
            Point::Histogram(point) | Point::GaugeHistogram(point) => self.histogram(labels, &point),
            Point::Summary(point) => {
                for &(quantile, value) in point.quantiles() {
                    self.sample("", labels, Some(("quantile", &spelled(quantile))), value.into());
                }
                self.sample("_sum", labels, None, point.sum().into());
                self.sample("_count", labels, None, point.count().into());
            }
            Point::Info => self.sample("", labels, None, 1_u64.into()),
            Point::StateSet(point) => {
                let family = self.family.clone();
                for &(state, is_on) in point.states() {
                    self.sample("", labels, Some((&family, state)), u64::from(is_on).into());
                }
            }
        }
        Ok(())
    }
}
