//! A strict parser of the Prometheus text format 0.0.4.
//!
//! It is written from the specification and shares nothing with nilometer's encoder, so that what one of them gets
//! wrong the other one finds. It refuses whatever the format does not allow, and a few things that the format allows
//! but Prometheus would turn into lost or merged series.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use thiserror::Error;

pub use crate::lexer::{Fault, Labels, Value};
use crate::lexer::{Line, parse_line, parse_utf8_line};

/// The types that a `# TYPE` line can state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A total.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// Buckets, a sum and a count.
    Histogram,
    /// Quantiles, a sum and a count.
    Summary,
    /// Stated to be unknown, or not stated.
    Untyped,
}

impl Type {
    fn from_word(word: &str) -> Result<Type, Fault> {
        Ok(match word {
            "counter" => Type::Counter,
            "gauge" => Type::Gauge,
            "histogram" => Type::Histogram,
            "summary" => Type::Summary,
            "untyped" => Type::Untyped,
            other => return Err(Fault::Type(other.to_owned())),
        })
    }

    /// The label that tells the lines of one series apart.
    fn inner_label(self) -> Option<&'static str> {
        match self {
            Type::Histogram => Some("le"),
            Type::Summary => Some("quantile"),
            _ => None,
        }
    }
}

/// What one series holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Series {
    /// A counter's, gauge's or untyped value.
    Value(Value),
    /// A histogram's values.
    Histogram {
        /// Each upper bound, `+Inf` included, with how many observations are at or below it.
        buckets: Vec<(f64, u64)>,
        /// The sum of the observations.
        sum: f64,
        /// How many observations there are.
        count: u64,
    },
    /// A summary's values.
    Summary {
        /// Each quantile with its value.
        quantiles: Vec<(f64, f64)>,
        /// The sum of the observations.
        sum: f64,
        /// How many observations there are.
        count: u64,
    },
}

/// One family.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// Its name, without the suffixes of histograms and summaries.
    pub name: String,
    /// Its help, unescaped.
    pub help: Option<String>,
    /// Its type.
    pub metric_type: Type,
    /// Its series by their labels, `le` and `quantile` of histograms and summaries not among them.
    pub series: BTreeMap<Labels, Series>,
}

/// A page that keeps every rule.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The families in the order of the page.
    pub families: Vec<Family>,
}

/// Says which line of a page is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {fault}")]
pub struct PageError {
    /// Which one, counted from 1; for what is wrong with a whole family, the line after its last.
    pub line: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    ///
    /// [`PageError`], for the first line that breaks a rule.
    pub fn parse(text: &str) -> Result<Page, PageError> {
        Page::parse_by(text, parse_line)
    }

    /// Reads a page of version 1.0.0 with the escaping `allow-utf-8`, whose names may be quoted.
    ///
    /// # Errors
    ///
    /// [`PageError`], for the first line that breaks a rule.
    pub fn parse_utf8(text: &str) -> Result<Page, PageError> {
        Page::parse_by(text, parse_utf8_line)
    }

    fn parse_by(text: &str, parse_line: fn(&str) -> Result<Line, Fault>) -> Result<Page, PageError> {
        let mut reader = Reader::default();
        let lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        let mut last = 0;
        if !text.is_empty() {
            for (index, line) in lines.enumerate() {
                last = index + 1;
                let read = parse_line(line).and_then(|line| reader.line(line));
                read.map_err(|fault| PageError { line: last, fault })?;
            }
            if !text.ends_with('\n') {
                return Err(PageError { line: last, fault: Fault::NoFinalLineFeed });
            }
        }
        reader.finish_family().map_err(|fault| PageError { line: last + 1, fault })?;
        Ok(Page { families: reader.families })
    }

    /// The family `name`.
    #[must_use]
    pub fn family(&self, name: &str) -> Option<&Family> {
        self.families.iter().find(|family| family.name == name)
    }

    /// The series of the family `name` with exactly these labels.
    #[must_use]
    pub fn series(&self, name: &str, labels: &[(&str, &str)]) -> Option<&Series> {
        let labels: Labels = labels.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
        self.family(name)?.series.get(&labels)
    }

    /// The value of a counter, gauge or untyped series.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        match self.series(name, labels)? {
            Series::Value(value) => Some(value.number),
            _ => None,
        }
    }

    /// The value of a series as a whole number, to the last digit.
    #[must_use]
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> Option<u64> {
        match self.series(name, labels)? {
            Series::Value(value) => value.as_u64(),
            Series::Histogram { count, .. } | Series::Summary { count, .. } => Some(*count),
        }
    }
}

/// What has been read of one series of a histogram or summary.
#[derive(Default)]
struct Parts {
    inner: Vec<(f64, Value)>,
    sum: Option<f64>,
    count: Option<u64>,
}

#[derive(Default)]
struct Reader {
    families: Vec<Family>,
    /// Names of all families, the open one included.
    names: BTreeSet<String>,
    /// Which family (by its name) the samples of a name belong to.
    sample_names: BTreeMap<String, String>,
    open: Option<Open>,
}

/// The family whose lines are being read.
struct Open {
    family: Family,
    typed: bool,
    /// Whether a sample has been read.
    sampled: bool,
    parts: BTreeMap<Labels, Parts>,
}

impl Reader {
    fn line(&mut self, line: Line) -> Result<(), Fault> {
        match line {
            Line::Nothing => Ok(()),
            Line::Help { name, help } => {
                let open = self.open(&name, "HELP")?;
                if open.family.help.replace(help).is_some() {
                    return Err(Fault::DuplicateHeader("HELP", name));
                }
                Ok(())
            }
            Line::Type { name, word } => {
                let metric_type = Type::from_word(&word)?;
                let open = self.open(&name, "TYPE")?;
                open.family.metric_type = metric_type;
                if std::mem::replace(&mut open.typed, true) {
                    return Err(Fault::DuplicateHeader("TYPE", name));
                }
                Ok(())
            }
            Line::Sample { name, labels, value } => self.sample(name, labels, value),
        }
    }

    /// The family `name` for a header line, opened if it is new.
    fn open(&mut self, name: &str, header: &'static str) -> Result<&mut Open, Fault> {
        if self.open.as_ref().is_none_or(|open| open.family.name != name) {
            self.finish_family()?;
            self.start(name)?;
        }
        match &mut self.open {
            Some(open) if open.sampled => Err(Fault::LateHeader(header, name.to_owned())),
            Some(open) => Ok(open),
            None => unreachable!("a family was opened above"),
        }
    }

    fn start(&mut self, name: &str) -> Result<(), Fault> {
        if !self.names.insert(name.to_owned()) {
            return Err(Fault::SplitFamily(name.to_owned()));
        }
        let family =
            Family { name: name.to_owned(), help: None, metric_type: Type::Untyped, series: BTreeMap::new() };
        self.open = Some(Open { family, typed: false, sampled: false, parts: BTreeMap::new() });
        Ok(())
    }

    fn sample(&mut self, name: String, labels: Labels, value: Value) -> Result<(), Fault> {
        if self.open.as_ref().is_none_or(|open| !open.takes(&name)) {
            self.finish_family()?;
            self.start(&name)?;
        }
        let Some(open) = &mut self.open else { unreachable!("a family was opened above") };
        let family = open.family.name.clone();
        if *self.sample_names.entry(name.clone()).or_insert_with(|| family.clone()) != family {
            return Err(Fault::SharedName(name));
        }
        open.sampled = true;
        open.sample(&name, labels, value)
    }

    fn finish_family(&mut self) -> Result<(), Fault> {
        if let Some(open) = self.open.take() {
            self.families.push(open.finish()?);
        }
        Ok(())
    }
}

impl Open {
    /// Whether a sample of this name is one of this family's.
    fn takes(&self, name: &str) -> bool {
        let suffix = name.strip_prefix(self.family.name.as_str());
        match self.family.metric_type {
            Type::Histogram => matches!(suffix, Some("" | "_bucket" | "_sum" | "_count")),
            Type::Summary => matches!(suffix, Some("" | "_sum" | "_count")),
            _ => suffix == Some(""),
        }
    }

    fn sample(&mut self, name: &str, mut labels: Labels, value: Value) -> Result<(), Fault> {
        let shown = Shown(name, &labels).to_string();
        let suffix = &name[self.family.name.len()..];
        let Some(inner_label) = self.family.metric_type.inner_label() else {
            let total = self.family.metric_type == Type::Counter;
            if total && (value.number.is_nan() || value.number < 0.0) {
                return Err(Fault::Value(value.text));
            }
            return match self.family.series.insert(labels, Series::Value(value)) {
                None => Ok(()),
                Some(_) => Err(Fault::DuplicateSeries(shown)),
            };
        };
        let inner = match (self.family.metric_type, suffix) {
            (Type::Histogram, "_bucket") | (Type::Summary, "") => {
                let text = labels.remove(inner_label).ok_or(Fault::Incomplete(shown.clone(), inner_label))?;
                Some(parse_bound(&text)?)
            }
            (_, "_sum" | "_count") if !labels.contains_key(inner_label) => None,
            _ => return Err(Fault::ForeignSample(shown)),
        };
        let parts = self.parts.entry(labels).or_default();
        let duplicate = match (inner, suffix) {
            (Some(bound), _) => {
                let twice =
                    parts.inner.iter().any(|(other, _)| other.partial_cmp(&bound) == Some(Ordering::Equal));
                parts.inner.push((bound, value));
                twice
            }
            (None, "_sum") => parts.sum.replace(value.number).is_some(),
            (None, _) => parts.count.replace(count(&value)?).is_some(),
        };
        if duplicate { Err(Fault::DuplicateSeries(shown)) } else { Ok(()) }
    }

    fn finish(mut self) -> Result<Family, Fault> {
        for (labels, parts) in std::mem::take(&mut self.parts) {
            let shown = Shown(&self.family.name, &labels).to_string();
            let sum = parts.sum.ok_or_else(|| Fault::Incomplete(shown.clone(), "_sum"))?;
            let total = parts.count.ok_or_else(|| Fault::Incomplete(shown.clone(), "_count"))?;
            if !parts.inner.is_sorted_by(|(left, _), (right, _)| left < right) {
                return Err(Fault::BucketOrder(shown));
            }
            let series = if self.family.metric_type == Type::Histogram {
                let buckets = buckets(&parts.inner, total, shown)?;
                Series::Histogram { buckets, sum, count: total }
            } else {
                let quantiles =
                    parts.inner.iter().map(|(quantile, value)| (*quantile, value.number)).collect();
                Series::Summary { quantiles, sum, count: total }
            };
            self.family.series.insert(labels, series);
        }
        Ok(self.family)
    }
}

fn parse_bound(text: &str) -> Result<f64, Fault> {
    match parse_line(&format!("bound {text}")) {
        Ok(Line::Sample { value, .. }) if !value.number.is_nan() => Ok(value.number),
        _ => Err(Fault::Value(text.to_owned())),
    }
}

fn count(value: &Value) -> Result<u64, Fault> {
    value.as_u64().ok_or_else(|| Fault::Count(value.text.clone()))
}

/// SPEC: Prometheus, "Exposition formats", histograms and summaries: a histogram has a bucket of `+Inf`, whose value
/// is identical to that of `_count`; buckets are cumulative and in increasing order.
fn buckets(inner: &[(f64, Value)], total: u64, shown: String) -> Result<Vec<(f64, u64)>, Fault> {
    let buckets: Vec<(f64, u64)> =
        inner.iter().map(|(bound, value)| Ok((*bound, count(value)?))).collect::<Result<_, Fault>>()?;
    if !buckets.is_sorted_by_key(|&(_, count)| count) {
        return Err(Fault::NotCumulative(shown));
    }
    match buckets.last() {
        Some(&(f64::INFINITY, last)) if last == total => Ok(buckets),
        Some(&(f64::INFINITY, last)) => Err(Fault::CountDiffers(shown, total, last)),
        _ => Err(Fault::Incomplete(shown, "the bucket of `+Inf`")),
    }
}

/// A series as a message shows it.
struct Shown<'a>(&'a str, &'a Labels);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HISTOGRAM: &str = "# HELP h H.\n# TYPE h histogram\n\
        h_bucket{a=\"1\",le=\"0.5\"} 1\nh_bucket{a=\"1\",le=\"+Inf\"} 3\nh_sum{a=\"1\"} 4.5\nh_count{a=\"1\"} 3\n";

    #[test]
    fn a_page_is_read_as_families_series_and_values() {
        let text = "# HELP c C.\n# TYPE c counter\nc{a=\"1\"} 18446744073709551615\nc 2\n\n# TYPE g gauge\ng -1.5\n\
             # TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_count 3\nplain 7\n# TYPE empty gauge\n";
        let page = Page::parse(&format!("{text}{HISTOGRAM}")).unwrap();
        let names: Vec<_> = page.families.iter().map(|family| family.name.as_str()).collect();
        assert_eq!(names, ["c", "g", "s", "plain", "empty", "h"]);
        assert_eq!(page.family("c").unwrap().help.as_deref(), Some("C."));
        assert_eq!(page.count("c", &[("a", "1")]), Some(u64::MAX));
        assert_eq!(page.value("g", &[]), Some(-1.5));
        assert_eq!(page.family("plain").unwrap().metric_type, Type::Untyped);
        let summary = Series::Summary { quantiles: vec![(0.5, 1.0)], sum: 2.0, count: 3 };
        assert_eq!(page.series("s", &[]), Some(&summary));
        let buckets = vec![(0.5, 1), (f64::INFINITY, 3)];
        let histogram = Series::Histogram { buckets, sum: 4.5, count: 3 };
        assert_eq!(page.series("h", &[("a", "1")]), Some(&histogram));
        assert_eq!(Page::parse(""), Ok(Page::default()));
    }

    #[test]
    fn what_the_format_does_not_allow_is_refused_with_its_line() {
        let s = str::to_owned;
        let table: [(&str, usize, Fault); 17] = [
            ("a 1", 1, Fault::NoFinalLineFeed),
            ("# TYPE a counter\n# TYPE a counter\n", 2, Fault::DuplicateHeader("TYPE", s("a"))),
            ("# HELP a x\n# HELP a x\n", 2, Fault::DuplicateHeader("HELP", s("a"))),
            ("a 1\n# TYPE a counter\n", 2, Fault::LateHeader("TYPE", s("a"))),
            ("a 1\n# HELP a x\n", 2, Fault::LateHeader("HELP", s("a"))),
            ("a{x=\"1\"} 1\nb 1\na{x=\"2\"} 1\n", 3, Fault::SplitFamily(s("a"))),
            ("# TYPE a gauge\nb 1\n# HELP a x\n", 3, Fault::SplitFamily(s("a"))),
            ("a 1\na{x=\"\"} 1\n", 2, Fault::DuplicateSeries(s("a {}"))),
            ("# TYPE a meter\n", 1, Fault::Type(s("meter"))),
            ("# TYPE a counter\na -1\n", 2, Fault::Value(s("-1"))),
            ("# TYPE a counter\na NaN\n", 2, Fault::Value(s("NaN"))),
            ("# TYPE h histogram\nh 1\n", 2, Fault::ForeignSample(s("h {}"))),
            ("# TYPE h histogram\nh_bucket 1\n", 2, Fault::Incomplete(s("h_bucket {}"), "le")),
            (
                "# TYPE h histogram\nh_count{le=\"1\"} 1\n",
                2,
                Fault::ForeignSample(s("h_count {\"le\": \"1\"}")),
            ),
            ("# TYPE h histogram\nh_count 1.5\n", 2, Fault::Count(s("1.5"))),
            ("# TYPE h histogram\nh_bucket{le=\"x\"} 1\n", 2, Fault::Value(s("x"))),
            ("\n\n9 1\n", 3, Fault::MetricName(s("9"))),
        ];
        for (text, line, fault) in table {
            assert_eq!(Page::parse(text), Err(PageError { line, fault }), "{text:?}");
        }
    }

    #[test]
    fn a_histogram_that_does_not_add_up_is_refused() {
        let shown = || "h {\"a\": \"1\"}".to_owned();
        let table = [
            ("le=\"+Inf\"} 3", "le=\"+Inf\"} 2", Fault::CountDiffers(shown(), 3, 2)),
            ("le=\"0.5\"} 1", "le=\"0.5\"} 4", Fault::NotCumulative(shown())),
            ("h_bucket{a=\"1\",le=\"+Inf\"} 3\n", "", Fault::Incomplete(shown(), "the bucket of `+Inf`")),
            ("h_sum{a=\"1\"} 4.5\n", "", Fault::Incomplete(shown(), "_sum")),
            ("h_count{a=\"1\"} 3\n", "", Fault::Incomplete(shown(), "_count")),
            (
                "le=\"0.5\"} 1\n",
                "le=\"0.5\"} 1\nh_bucket{a=\"1\",le=\"0.1\"} 1\n",
                Fault::BucketOrder(shown()),
            ),
        ];
        assert!(Page::parse(HISTOGRAM).is_ok());
        for (old, new, fault) in table {
            assert!(HISTOGRAM.contains(old));
            assert_eq!(Page::parse(&HISTOGRAM.replace(old, new)).map_err(|error| error.fault), Err(fault));
        }
        let twice = HISTOGRAM.replace("le=\"0.5\"} 1\n", "le=\"0.5\"} 1\nh_bucket{a=\"1\",le=\"5e-1\"} 1\n");
        assert!(matches!(Page::parse(&twice).unwrap_err().fault, Fault::DuplicateSeries(_)));
    }

    #[test]
    fn a_family_may_not_be_named_like_another_ones_samples() {
        for text in [
            format!("{HISTOGRAM}# TYPE h_sum counter\nh_sum 1\n"),
            format!("# TYPE h_count counter\nh_count 1\n{HISTOGRAM}"),
        ] {
            assert!(matches!(Page::parse(&text).unwrap_err().fault, Fault::SharedName(_)), "{text}");
        }
    }
}
