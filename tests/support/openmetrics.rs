//! A strict parser of OpenMetrics 1.0.0 text.
//!
//! It is written from the specification and its ABNF, and shares nothing with nilometer's encoder nor with the parser of
//! the text format 0.0.4 in [`page`](crate::page), whose grammar is a laxer one. It refuses whatever the specification
//! does not allow, and timestamps of samples, of which nilometer has none.

use std::collections::{BTreeMap, BTreeSet};

use crate::samples::{Labels, Samples, bound_text};

/// Says what is wrong with a page, with the line that is wrong, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct OpenMetricsError {
    /// The line; for what is wrong with a whole family, the one after its last.
    pub line: usize,
    /// What is wrong with it.
    pub fault: String,
}

/// An exemplar as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// Its labels, unescaped.
    pub labels: Labels,
    /// What was observed.
    pub value: f64,
    /// The timestamp as it was written.
    pub timestamp: Option<String>,
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The name, with its suffix.
    pub name: String,
    /// The labels, unescaped, `le` and its kin among them.
    pub labels: Labels,
    /// The value.
    pub value: f64,
    /// The value as it was written.
    pub text: String,
    /// The exemplar.
    pub exemplar: Option<Exemplar>,
}

/// One family.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Family {
    /// The name, without suffixes.
    pub name: String,
    /// The type's word; empty where none was stated.
    pub kind: String,
    /// The unit; `None` where none was stated.
    pub unit: Option<String>,
    /// The help, unescaped; `None` where none was stated.
    pub help: Option<String>,
    /// The samples in their order.
    pub samples: Vec<Sample>,
    /// The label of a state set's states.
    state_label: String,
}

/// What the specification of version 1.0.0 leaves no room for, and Prometheus' escaping makes of it.
#[derive(Debug, Clone, Default)]
pub struct Dialect {
    /// Whether names may be quoted, as with the escaping `allow-utf-8`.
    pub utf8: bool,
    /// The labels of the states of state sets, by family, where they cannot be called like the family.
    pub state_labels: BTreeMap<String, String>,
}

/// Reads a page.
///
/// # Errors
///
/// [`OpenMetricsError`], for the first line that breaks a rule.
pub fn parse(text: &str) -> Result<Vec<Family>, OpenMetricsError> {
    parse_as(text, &Dialect::default())
}

/// Reads a page that is written in a dialect.
///
/// # Errors
///
/// [`OpenMetricsError`], for the first line that breaks a rule.
pub fn parse_as(text: &str, dialect: &Dialect) -> Result<Vec<Family>, OpenMetricsError> {
    let body = text.strip_suffix("# EOF\n").ok_or_else(|| OpenMetricsError {
        line: text.lines().count() + 1,
        fault: "there is no end".to_owned(),
    })?;
    let mut reader = Reader { dialect: dialect.clone(), ..Reader::default() };
    let mut number = 0;
    if !body.is_empty() {
        let body = body.strip_suffix('\n').ok_or(OpenMetricsError {
            line: body.lines().count(),
            fault: "the line before the end does not end".to_owned(),
        })?;
        for line in body.split('\n') {
            number += 1;
            reader.line(line).map_err(|fault| OpenMetricsError { line: number, fault })?;
        }
    }
    reader.finish().map_err(|fault| OpenMetricsError { line: number + 1, fault })?;
    Ok(reader.families)
}

/// The samples of all families, as Prometheus would store them.
#[must_use]
pub fn samples(families: &[Family]) -> Samples {
    let mut samples = Samples::default();
    let all = families.iter().flat_map(|family| family.samples.iter().map(move |sample| (family, sample)));
    for (family, sample) in all {
        let mut labels = sample.labels.clone();
        // A state set may be called like either of these labels.
        let bounds: &[&str] = if family.kind == "stateset" { &[] } else { &["le", "quantile"] };
        for name in bounds {
            if let Some(value) = labels.get_mut(*name) {
                *value = bound_text(value.parse().unwrap_or(f64::NAN));
            }
        }
        samples.add(&sample.name, labels, sample.value);
    }
    samples
}

type Fault = String;

#[derive(Default)]
struct Reader {
    dialect: Dialect,
    families: Vec<Family>,
    open: Option<Family>,
    names: BTreeSet<String>,
    sample_names: BTreeMap<String, String>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), Fault> {
        if let Some(comment) = line.strip_prefix("# ") {
            return self.metadata(comment);
        }
        let sample = parse_sample(line, self.dialect.utf8)?;
        if self.open.as_ref().is_none_or(|family| !family.takes(&sample.name)) {
            let name = sample.name.clone();
            self.open(&name)?;
        }
        let Some(family) = &mut self.open else { unreachable!("a family was opened above") };
        let owner = self.sample_names.entry(sample.name.clone()).or_insert_with(|| family.name.clone());
        if *owner != family.name {
            return Err(format!("`{}` is a sample of `{owner}` as well", sample.name));
        }
        family.check(&sample)?;
        family.samples.push(sample);
        Ok(())
    }

    fn metadata(&mut self, comment: &str) -> Result<(), Fault> {
        let (word, rest) = comment.split_once(' ').ok_or("a comment is no metadata")?;
        let (name, rest) = parse_name(rest, self.dialect.utf8, |c| c == ' ')?;
        let (name, value) = (&*name, rest.strip_prefix(' ').ok_or("metadata has a name and a value")?);
        if self.open.as_ref().is_none_or(|family| family.name != name) {
            self.open(name)?;
        }
        let Some(family) = &mut self.open else { unreachable!("a family was opened above") };
        if !family.samples.is_empty() {
            return Err(format!("{word} of `{name}` comes after a sample"));
        }
        let twice = match word {
            "TYPE" => {
                const KINDS: [&str; 8] = [
                    "counter",
                    "gauge",
                    "histogram",
                    "gaugehistogram",
                    "stateset",
                    "info",
                    "summary",
                    "unknown",
                ];
                if !KINDS.contains(&value) {
                    return Err(format!("`{value}` is not a type"));
                }
                !std::mem::replace(&mut family.kind, value.to_owned()).is_empty()
            }
            "UNIT" => {
                if !name.ends_with(&format!("_{value}")) || value.is_empty() {
                    return Err(format!("`{name}` does not end with its unit `{value}`"));
                }
                family.unit.replace(value.to_owned()).is_some()
            }
            "HELP" => family.help.replace(unescape(value)?).is_some(),
            _ => return Err(format!("`{word}` is no metadata")),
        };
        if twice { Err(format!("a second {word} of `{name}`")) } else { Ok(()) }
    }

    fn open(&mut self, name: &str) -> Result<(), Fault> {
        self.finish()?;
        if !self.names.insert(name.to_owned()) {
            return Err(format!("`{name}` is in more than one place"));
        }
        let state_label = self.dialect.state_labels.get(name).map_or(name, |label| label).to_owned();
        self.open = Some(Family { name: name.to_owned(), state_label, ..Family::default() });
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Fault> {
        if let Some(family) = self.open.take() {
            family.check_series()?;
            self.families.push(family);
        }
        Ok(())
    }
}

impl Family {
    /// The suffixes that the samples have.
    fn suffixes(&self) -> &'static [&'static str] {
        match self.kind.as_str() {
            "counter" => &["_total", "_created"],
            "histogram" => &["_bucket", "_count", "_sum", "_created"],
            "gaugehistogram" => &["_bucket", "_gcount", "_gsum"],
            "summary" => &["", "_count", "_sum", "_created"],
            "info" => &["_info"],
            _ => &[""],
        }
    }

    fn takes(&self, sample: &str) -> bool {
        sample.strip_prefix(&self.name).is_some_and(|suffix| self.suffixes().contains(&suffix))
    }

    fn suffix<'a>(&self, sample: &'a Sample) -> &'a str {
        &sample.name[self.name.len()..]
    }

    /// The label that tells the lines of one series apart.
    fn inner_label(&self, suffix: &str) -> Option<&str> {
        match (self.kind.as_str(), suffix) {
            ("histogram" | "gaugehistogram", "_bucket") => Some("le"),
            ("summary", "") => Some("quantile"),
            ("stateset", _) => Some(&self.state_label),
            _ => None,
        }
    }

    /// The labels of the series that a sample belongs to.
    fn series(&self, sample: &Sample) -> Labels {
        let mut labels = sample.labels.clone();
        if let Some(inner) = self.inner_label(self.suffix(sample)) {
            labels.remove(inner);
        }
        labels
    }

    fn check(&self, sample: &Sample) -> Result<(), Fault> {
        let suffix = self.suffix(sample);
        let wrong = |what: &str| Err(format!("`{}` has {what}", sample.name));
        if let Some(inner) = self.inner_label(suffix) {
            let Some(value) = sample.labels.get(inner) else { return wrong("no label of its own") };
            if self.kind != "stateset" {
                let number: f64 = value.parse().map_err(|_| format!("`{value}` is no bound"))?;
                if !is_canonical(value) || (inner == "quantile" && !(0.0..=1.0).contains(&number)) {
                    return wrong("a bound that is not canonical");
                }
            }
        }
        let value = sample.value;
        let right = match (self.kind.as_str(), suffix) {
            ("counter", "_total") | ("histogram" | "summary", "_sum") => value >= 0.0,
            (_, "_bucket" | "_count" | "_gcount") if !matches!(self.kind.as_str(), "gauge" | "unknown") => {
                sample.text.parse::<u64>().is_ok()
            }
            ("summary", "") => value >= 0.0 || value.is_nan(),
            ("info", _) => sample.text == "1",
            ("stateset", _) => sample.text == "0" || sample.text == "1",
            _ => true,
        };
        if !right {
            return wrong("a value that it cannot have");
        }
        let Some(exemplar) = &sample.exemplar else { return Ok(()) };
        if !matches!(suffix, "_bucket" | "_total") || self.suffixes() == [""] {
            return wrong("an exemplar, and no place for it");
        }
        let texts = exemplar.labels.iter().flat_map(|(name, value)| [name, value]);
        if texts.map(|text| text.chars().count()).sum::<usize>() > 128 {
            return wrong("an exemplar that is too long");
        }
        let above = sample.labels.get("le").and_then(|le| le.parse::<f64>().ok());
        if above.is_some_and(|bound| exemplar.value > bound) {
            wrong("an exemplar of another bucket")
        } else {
            Ok(())
        }
    }

    /// What can be said once all samples are there.
    fn check_series(&self) -> Result<(), Fault> {
        if self.unit.is_some() && matches!(self.kind.as_str(), "info" | "stateset") {
            return Err(format!("`{}` has a unit", self.name));
        }
        let mut seen: BTreeSet<Labels> = BTreeSet::new();
        for run in self.samples.chunk_by(|one, other| self.series(one) == self.series(other)) {
            if !seen.insert(self.series(&run[0])) {
                return Err(format!("samples of `{}` {:?} are apart", self.name, run[0].labels));
            }
            let keys: BTreeSet<_> = run.iter().map(|sample| (&sample.name, &sample.labels)).collect();
            if keys.len() != run.len() {
                return Err(format!("a sample of `{}` {:?} stands twice", self.name, run[0].labels));
            }
            if matches!(self.kind.as_str(), "histogram" | "gaugehistogram") {
                self.check_buckets(run)?;
            }
        }
        Ok(())
    }

    fn check_buckets(&self, run: &[Sample]) -> Result<(), Fault> {
        let wrong = |what: &str| Err(format!("histogram `{}` {:?} {what}", self.name, run[0].labels));
        let value =
            |suffix: &str| run.iter().find(|sample| self.suffix(sample) == suffix).map(|sample| sample.value);
        let buckets: Vec<(f64, f64)> = run
            .iter()
            .filter(|sample| self.suffix(sample) == "_bucket")
            .map(|sample| (sample.labels["le"].parse().unwrap_or(f64::NAN), sample.value))
            .collect();
        if !buckets.is_sorted_by(|left, right| left.0 < right.0 && left.1 <= right.1) {
            return wrong("is not cumulative");
        }
        let Some(&(f64::INFINITY, total)) = buckets.last() else { return wrong("has no bucket of `+Inf`") };
        let is_negative = buckets[0].0 < 0.0;
        if !is_negative && value("_gsum").is_some_and(|sum| sum < 0.0) {
            return wrong("has a negative sum");
        }
        if is_negative && value("_sum").is_some() {
            return wrong("has a sum of what may be negative");
        }
        let (sum, count) = if self.kind == "histogram" { ("_sum", "_count") } else { ("_gsum", "_gcount") };
        // The count is there if and only if the sum is.
        let expected = value(sum).map(|_| total);
        if value(count) == expected { Ok(()) } else { wrong("has another count") }
    }
}

/// Whether a bound is spelled as the specification recommends: as Go's `%g`, with a point or an exponent.
fn is_canonical(text: &str) -> bool {
    let number: f64 = text.parse().unwrap_or(f64::NAN);
    if number.is_infinite() {
        return matches!(text, "+Inf" | "-Inf");
    }
    let (mantissa, exponent) = text.split_once('e').map_or((text, None), |(m, e)| (m, Some(e)));
    let magnitude = number.abs();
    let is_plain = number == 0.0 || (1e-4..1e6).contains(&magnitude);
    match exponent {
        // The shortest digits are those that Rust finds.
        None => is_plain && mantissa.contains('.') && format!("{number:?}") == mantissa,
        Some(exponent) => {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or("");
            let shortest = format!("{number:e}");
            !is_plain && digits.len() >= 2 && shortest.split('e').next() == Some(mantissa)
        }
    }
}

fn is_name(name: &str, colon: bool) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || (colon && c == ':');
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// `escaped-string`: a backslash escapes itself, a quote and an `n`; neither it nor a quote stands alone.
fn unescape(text: &str) -> Result<String, Fault> {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '"' => return Err(format!("a quote stands alone in `{text}`")),
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some(escaped @ ('\\' | '"')) => escaped,
                _ => return Err(format!("a backslash stands alone in `{text}`")),
            },
            other => other,
        });
    }
    Ok(plain)
}

/// `number`.
fn parse_number(text: &str) -> Result<f64, Fault> {
    match text {
        "NaN" => Ok(f64::NAN),
        "+Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        _ if text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) => {
            text.parse().map_err(|_| format!("`{text}` is not a number"))
        }
        _ => Err(format!("`{text}` is not a number")),
    }
}

/// `sample`, without its line feed.
fn parse_sample(line: &str, utf8: bool) -> Result<Sample, Fault> {
    let mut labels = Labels::new();
    let (name, rest) = match line.strip_prefix('{').filter(|_| utf8) {
        Some(inside) if inside.starts_with('"') => {
            let (name, rest) = parse_quoted(inside)?;
            // What is left of the braces is braces again.
            let (read, rest) = match rest.strip_prefix(',') {
                Some(rest) => parse_labels_behind(rest, utf8)?,
                None => (Labels::new(), rest.strip_prefix('}').ok_or("a brace is missing")?),
            };
            labels = read;
            (name, rest)
        }
        _ => {
            let (name, mut rest) = parse_name(line, false, |c| c == '{' || c == ' ')?;
            if rest.starts_with('{') {
                (labels, rest) = parse_labels(rest, utf8)?;
            }
            (name, rest)
        }
    };
    let rest = rest.strip_prefix(' ').ok_or("a blank comes before the value")?;
    let (text, exemplar) = match rest.split_once(" # ") {
        Some((text, exemplar)) => (text, Some(parse_exemplar(exemplar, utf8)?)),
        None => (rest, None),
    };
    Ok(Sample { name, labels, value: parse_number(text)?, text: text.to_owned(), exemplar })
}

fn parse_exemplar(text: &str, utf8: bool) -> Result<Exemplar, Fault> {
    let (labels, rest) = parse_labels(text, utf8)?;
    let rest = rest.strip_prefix(' ').ok_or("a blank comes before an exemplar's value")?;
    let (value, timestamp) = rest.split_once(' ').map_or((rest, None), |(value, time)| (value, Some(time)));
    let timestamp = timestamp.map(|time| {
        let is_real = time.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
        if is_real && time.parse::<f64>().is_ok() {
            Ok(time.to_owned())
        } else {
            Err(format!("`{time}` is no time"))
        }
    });
    Ok(Exemplar { labels, value: parse_number(value)?, timestamp: timestamp.transpose()? })
}

/// A metric's name, in quotes or up to where `ends` says, and what follows it.
fn parse_name(text: &str, utf8: bool, ends: fn(char) -> bool) -> Result<(String, &str), Fault> {
    if utf8 && text.starts_with('"') {
        return parse_quoted(text);
    }
    let (name, rest) = text.split_at(text.find(ends).ok_or("a name has something behind it")?);
    if is_name(name, true) { Ok((name.to_owned(), rest)) } else { Err(format!("`{name}` is not a name")) }
}

/// What stands in quotes, unescaped, and what follows them.
fn parse_quoted(text: &str) -> Result<(String, &str), Fault> {
    let inside = text.strip_prefix('"').ok_or("a quote is missing")?;
    let mut escaped = false;
    let end = inside.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    let (inside, rest) = inside.split_at(end.ok_or("what is quoted ends with a quote")?);
    Ok((unescape(inside)?, &rest[1..]))
}

/// `labels`, braces included, and what follows them.
fn parse_labels(text: &str, utf8: bool) -> Result<(Labels, &str), Fault> {
    let rest = text.strip_prefix('{').ok_or("labels stand in braces")?;
    match rest.strip_prefix('}') {
        Some(rest) => Ok((Labels::new(), rest)),
        None => parse_labels_behind(rest, utf8),
    }
}

/// The labels behind a brace or a comma, one at least, with the brace that ends them, and what follows it.
fn parse_labels_behind(mut rest: &str, utf8: bool) -> Result<(Labels, &str), Fault> {
    let mut labels = Labels::new();
    loop {
        let (name, after) = if utf8 && rest.starts_with('"') {
            parse_quoted(rest)?
        } else {
            let (name, after) = rest.split_at(rest.find('=').ok_or("a label has a value")?);
            if !is_name(name, false) {
                return Err(format!("`{name}` is not a label"));
            }
            (name.to_owned(), after)
        };
        let (value, after) = parse_quoted(after.strip_prefix('=').ok_or("a label has a value")?)?;
        if name.is_empty() || labels.insert(name.clone(), value).is_some() {
            return Err(format!("label `{name}` stands twice, or is none"));
        }
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => {
                return after
                    .strip_prefix('}')
                    .map(|rest| (labels, rest))
                    .ok_or("a brace is missing".to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# HELP c C \\\"quoted\\\".\n# TYPE c_seconds counter\n# UNIT c_seconds seconds\n\
        c_seconds_total{a=\"x\\\"y\"} 2 # {trace=\"1\"} 1.5 3.25\nc_seconds_created{a=\"x\\\"y\"} 1.5\n\
        # TYPE h histogram\nh_bucket{le=\"0.5\"} 1 # {} 0.25 1\nh_bucket{le=\"+Inf\"} 3\nh_sum 4\nh_count 3\n\
        # TYPE s stateset\ns{s=\"on\"} 1\ns{s=\"off\"} 0\n# TYPE i info\ni_info{v=\"1\"} 1\n\
        # TYPE q summary\nq{quantile=\"0.5\"} 1\nq_count 2\nq_sum 3\n# EOF\n";

    #[test]
    fn a_page_is_read_as_families_and_samples() {
        let families = parse(PAGE).unwrap();
        let names: Vec<&str> = families.iter().map(|family| family.name.as_str()).collect();
        assert_eq!(names, ["c", "c_seconds", "h", "s", "i", "q"]);
        assert_eq!(families[0].help.as_deref(), Some("C \"quoted\"."));
        assert_eq!(families[1].unit.as_deref(), Some("seconds"));
        let exemplar = families[1].samples[0].exemplar.clone().unwrap();
        assert_eq!(exemplar.labels["trace"], "1");
        assert_eq!(
            (exemplar.value.to_bits(), exemplar.timestamp.as_deref()),
            (1.5_f64.to_bits(), Some("3.25"))
        );
        assert_eq!(families[1].samples[0].labels["a"], "x\"y");
        assert_eq!(parse("# EOF\n"), Ok(vec![]));
    }

    #[test]
    fn names_in_quotes_are_read_where_they_are_allowed() {
        let page = "# HELP \"a.b\" H.\n# TYPE \"a.b\" counter\n{\"a.b_total\",\"x \\\"\"=\"1\",y=\"2\"} 3 \
            # {\"t.id\"=\"4\"} 1 5\n{\"a.b_total\"} 6\nc{\"d,\"=\"}\"} 7\n# EOF\n";
        let utf8 = Dialect { utf8: true, ..Dialect::default() };
        let families = parse_as(page, &utf8).unwrap();
        let names: Vec<&str> = families.iter().map(|family| family.name.as_str()).collect();
        assert_eq!(names, ["a.b", "c"]);
        assert_eq!(families[0].samples[0].labels["x \""], "1");
        assert_eq!(families[0].samples[0].exemplar.clone().unwrap().labels["t.id"], "4");
        assert_eq!(families[1].samples[0].labels["d,"], "}");
        assert!(parse(page).is_err());
        for (old, new) in
            [("total\",\"x", "total\" \"x"), ("{\"a.b_total\"} 6", "{\"a.b_total\" 6"), ("\"d,\"", "\"\"")]
        {
            assert!(page.contains(old), "{old}");
            assert!(parse_as(&page.replace(old, new), &utf8).is_err(), "{new}");
        }
    }

    #[test]
    fn the_label_of_states_is_the_one_that_is_stated() {
        let page = "# TYPE a:b stateset\na:b{a_b=\"on\"} 1\na:b{a_b=\"off\"} 0\n# EOF\n";
        let state_labels = BTreeMap::from([("a:b".to_owned(), "a_b".to_owned())]);
        assert!(parse_as(page, &Dialect { utf8: false, state_labels }).is_ok());
        assert!(parse(page).is_err());
    }

    #[test]
    fn the_states_of_a_set_that_is_called_like_a_bound_are_read_as_they_are() {
        let page = "# TYPE le stateset\nle{le=\"1\"} 1\nle{le=\"on\"} 0\n# EOF\n";
        let mut expected = Samples::default();
        for (state, value) in [("1", 1.0), ("on", 0.0)] {
            expected.add("le", Labels::from([("le".to_owned(), state.to_owned())]), value);
        }
        assert_eq!(samples(&parse(page).unwrap()), expected);
    }

    #[test]
    fn what_the_specification_does_not_allow_is_refused() {
        let replaced = [
            ("# EOF\n", ""),
            ("# EOF\n", "# EOF\nx 1\n"),
            ("q_sum 3", "q_sum -3"),
            ("q_count 2", "q_count 2.5"),
            ("q_count 2", "q_count  2"),
            ("q_count 2", "q_count 2 5"),
            ("quantile=\"0.5\"", "quantile=\"1.5\""),
            ("quantile=\"0.5\"", "quantile=\"0.50\""),
            ("le=\"0.5\"", "le=\"5e-1\""),
            ("le=\"0.5\"", "le=\"-0.5\""),
            ("h_sum 4\n", ""),
            ("h_count 3\n", ""),
            ("le=\"+Inf\"} 3", "le=\"+Inf\"} 4"),
            ("le=\"+Inf\"} 3", "le=\"1.0\"} 3"),
            ("h_bucket{le=\"0.5\"} 1", "h_bucket{le=\"0.5\"} 5"),
            ("# {} 0.25 1", "# {} 0.75 1"),
            ("# {} 0.25 1", "# {} 0.25 x"),
            ("h_sum 4", "h_sum 4 # {} 1 1"),
            ("h_sum 4", "h_sum 4\nh_sum 4"),
            ("s{s=\"on\"} 1", "s{s=\"on\"} 2"),
            ("s{s=\"on\"} 1", "s 1"),
            ("i_info{v=\"1\"} 1", "i{v=\"1\"} 1\n# TYPE i info"),
            ("i_info{v=\"1\"} 1", "i_info{v=\"1\"} 2"),
            ("# TYPE i info", "# TYPE i meter"),
            ("# TYPE i info", "# TYPE h info"),
            ("# TYPE i info", "# TYPE i info\n# TYPE i info"),
            ("# UNIT c_seconds seconds", "# UNIT c_seconds bytes"),
            ("\\\"quoted", "\"quoted"),
            ("x\\\"y", "x\\ty"),
            ("c_seconds_total{a=\"x\\\"y\"} 2", "c_seconds_total{a=\"x\\\"y\",a=\"2\"} 2"),
            ("c_seconds_total{a=\"x\\\"y\"} 2", "c_seconds_total{a=\"x\\\"y\",} 2"),
            ("c_seconds_total{a=\"x\\\"y\"} 2", "c_seconds_total{a=\"x\\\"y\"} -2"),
            (
                "c_seconds_created{a=\"x\\\"y\"} 1.5\n",
                "c_seconds_total 1\nc_seconds_created{a=\"x\\\"y\"} 1.5\n",
            ),
            ("# TYPE s stateset\n", "# comment\n# TYPE s stateset\n"),
            ("# TYPE s stateset\n", "\n# TYPE s stateset\n"),
        ];
        for (old, new) in replaced {
            assert!(PAGE.contains(old), "{old}");
            assert!(parse(&PAGE.replace(old, new)).is_err(), "{old} -> {new}");
        }
        let long = format!("trace=\"{}\"", "x".repeat(124));
        assert!(parse(&PAGE.replace("trace=\"1\"", &long)).is_err());
        assert!(parse(&PAGE.replace("trace=\"1\"", &long.replacen('x', "", 1))).is_ok());
    }

    #[test]
    fn canonical_bounds_are_those_of_go() {
        for good in ["0.0", "1.0", "-2.5", "0.0001", "1e-05", "1e+06", "1.5e+21", "123456.0", "+Inf"] {
            assert!(is_canonical(good), "{good}");
        }
        for bad in ["1", "0", "1e6", "1000000.0", "0.00001", "1.50", "01.5", "Inf", "1e+6", "2e+00", "NaN"] {
            assert!(!is_canonical(bad), "{bad}");
        }
    }
}
