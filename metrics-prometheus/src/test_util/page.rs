//! A page as families and samples.

use std::collections::{HashMap, HashSet};

use nilometer_core::collect::{MetricType, Number};
use thiserror::Error;

use super::line::{self, Line};

/// Names and values, in the order of the names.
pub(super) type Labels = Vec<(String, String)>;

/// One sample of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedSample {
    pub(super) name: String,
    pub(super) labels: Labels,
    pub(super) value: Number,
}

impl ParsedSample {
    /// The name, suffix included.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The labels in the order of their names, values unescaped.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value: a whole number where it is written as one.
    #[must_use]
    pub fn value(&self) -> Number {
        self.value
    }
}

/// One family of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedFamily {
    pub(super) name: String,
    pub(super) help: Option<String>,
    pub(super) metric_type: Option<MetricType>,
    pub(super) samples: Vec<ParsedSample>,
}

impl ParsedFamily {
    fn named(name: &str) -> ParsedFamily {
        ParsedFamily { name: name.to_owned(), help: None, metric_type: None, samples: Vec::new() }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The help, unescaped, where the page has one.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The kind, where the page has one that is not `untyped`.
    #[must_use]
    pub fn metric_type(&self) -> Option<MetricType> {
        self.metric_type
    }

    /// The samples in the order of the page.
    #[must_use]
    pub fn samples(&self) -> &[ParsedSample] {
        &self.samples
    }

    /// Whether a sample of this name is one of this family's.
    fn takes(&self, name: &str) -> bool {
        let suffixes: &[&str] = match self.metric_type {
            Some(MetricType::Histogram) => &["", "_bucket", "_sum", "_count"],
            Some(MetricType::Summary) => &["", "_sum", "_count"],
            _ => &[""],
        };
        name.strip_prefix(self.name.as_str()).is_some_and(|suffix| suffixes.contains(&suffix))
    }
}

/// A page, read back; made by [`parse_page`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ParsedPage {
    pub(super) families: Vec<ParsedFamily>,
}

impl ParsedPage {
    /// The families in the order of the page.
    #[must_use]
    pub fn families(&self) -> &[ParsedFamily] {
        &self.families
    }

    /// The family of this name.
    #[must_use]
    pub fn family(&self, name: &str) -> Option<&ParsedFamily> {
        self.families.iter().find(|family| family.name == name)
    }

    /// The value of the sample with this name, suffix included, and exactly these labels, in any order.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut labels = labels.to_vec();
        labels.sort_unstable();
        let samples = self.families.iter().flat_map(ParsedFamily::samples);
        let mut found =
            samples.filter(|sample| sample.name == name && sample.labels().eq(labels.iter().copied()));
        found.next().map(|sample| sample.value.as_f64())
    }
}

/// Says what is wrong with a page, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line} of the page")]
pub struct PageError {
    line: usize,
    source: Fault,
}

impl PageError {
    /// The number of the line, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// What is wrong with it.
    #[must_use]
    pub fn fault(&self) -> &Fault {
        &self.source
    }
}

/// What can be wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// The last line has no line feed at its end.
    #[error("the page does not end with a line feed")]
    NoFinalLineFeed,
    /// A metric name or a label name is none.
    #[error("`{0}` is no name")]
    Name(String),
    /// Labels are not written as labels.
    #[error("labels were expected at `{0}`")]
    Labels(String),
    /// A label name stands twice in one sample.
    #[error("the label `{0}` stands twice")]
    DuplicateLabel(String),
    /// A value is no number.
    #[error("`{0}` is no value")]
    Value(String),
    /// A timestamp is no number of milliseconds.
    #[error("`{0}` is no timestamp")]
    Timestamp(String),
    /// Something stands behind all that a line can hold.
    #[error("nothing was expected at `{0}`")]
    Rest(String),
    /// A type is none of those that the format has.
    #[error("`{0}` is no type")]
    Type(String),
    /// A header stands twice, or behind samples of its family.
    #[error("the header of `{0}` stands twice, or behind its samples")]
    Header(String),
    /// The samples of a family do not stand together.
    #[error("the family `{0}` stands in several places")]
    Split(String),
    /// Two samples have one name and equal labels.
    #[error("the sample `{0}` stands twice")]
    DuplicateSample(String),
}

/// Reads a page of the text format 0.0.4, or of 1.0.0, which differs in the UTF-8 names that it has in quotes.
///
/// It reads no OpenMetrics: a page of that has samples, `requests_total`, that are not named like their family, and is
/// refused or read as families without types.
///
/// Timestamps are read and not kept. Families are as their headers say; a sample without one is a family by itself.
///
/// # Errors
///
/// [`PageError`] for the first line that breaks a rule of the format.
///
/// # Examples
///
/// ```
/// use nilometer_prometheus::test_util::{Fault, parse_page};
///
/// let error = parse_page("a 1\nb one\n").unwrap_err();
/// assert_eq!((error.line(), error.fault()), (2, &Fault::Value("one".to_owned())));
/// ```
///
/// # Specification
///
/// Prometheus, "Exposition formats", text formats 0.0.4 and 1.0.0.
pub fn parse_page(text: &str) -> Result<ParsedPage, PageError> {
    let mut reading = Reading::default();
    for (index, line) in text.split_terminator('\n').enumerate() {
        reading.line(line).map_err(|source| PageError { line: index + 1, source })?;
    }
    if !text.is_empty() && !text.ends_with('\n') {
        return Err(PageError { line: text.split('\n').count(), source: Fault::NoFinalLineFeed });
    }
    Ok(ParsedPage { families: reading.families })
}

#[derive(Default)]
struct Reading {
    families: Vec<ParsedFamily>,
    /// Where in `families` each name is.
    places: HashMap<String, usize>,
    samples: HashSet<(String, Labels)>,
}

impl Reading {
    fn line(&mut self, line: &str) -> Result<(), Fault> {
        match line::parse(line)? {
            Line::Nothing => Ok(()),
            Line::Help { name, help } => {
                let family = self.header(&name)?;
                if family.help.replace(help).is_some() {
                    Err(Fault::Header(name.into_owned()))
                } else {
                    Ok(())
                }
            }
            Line::Type { name, metric_type } => {
                let metric_type = match metric_type {
                    "counter" => Some(MetricType::Counter),
                    "gauge" => Some(MetricType::Gauge),
                    "histogram" => Some(MetricType::Histogram),
                    "summary" => Some(MetricType::Summary),
                    "untyped" => None,
                    other => return Err(Fault::Type(other.to_owned())),
                };
                let family = self.header(&name)?;
                if family.metric_type.is_some() {
                    return Err(Fault::Header(name.into_owned()));
                }
                family.metric_type = metric_type;
                Ok(())
            }
            Line::Sample { name, labels, value } => self.sample(&name, labels, value),
        }
    }

    /// The family of a header, which is the last one or a new one.
    fn header(&mut self, name: &str) -> Result<&mut ParsedFamily, Fault> {
        let family = self.family(name)?;
        if family.samples.is_empty() { Ok(family) } else { Err(Fault::Header(name.to_owned())) }
    }

    /// The last family, if that is its name, or a new one.
    fn family(&mut self, name: &str) -> Result<&mut ParsedFamily, Fault> {
        let is_last = self.families.last().is_some_and(|family| family.name == name);
        if !is_last {
            if self.places.contains_key(name) {
                return Err(Fault::Split(name.to_owned()));
            }
            self.places.insert(name.to_owned(), self.families.len());
            self.families.push(ParsedFamily::named(name));
        }
        let last = self.families.len() - 1;
        Ok(&mut self.families[last])
    }

    fn sample(&mut self, name: &str, labels: Labels, value: &str) -> Result<(), Fault> {
        let number = number(value)?;
        if !self.samples.insert((name.to_owned(), labels.clone())) {
            return Err(Fault::DuplicateSample(name.to_owned()));
        }
        let family = match self.families.iter().rposition(|family| family.takes(name)) {
            Some(last) if last + 1 == self.families.len() => &mut self.families[last],
            Some(other) => return Err(Fault::Split(self.families[other].name.clone())),
            None => self.family(name)?,
        };
        family.samples.push(ParsedSample { name: name.to_owned(), labels, value: number });
        Ok(())
    }
}

fn number(text: &str) -> Result<Number, Fault> {
    if let Ok(whole) = text.parse::<u64>() {
        return Ok(whole.into());
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(whole.into());
    }
    text.parse::<f64>().map(Number::from).map_err(|_| Fault::Value(text.to_owned()))
}
