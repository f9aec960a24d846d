//! The lines of the Prometheus text format 0.0.4.
//!
//! SPEC: Prometheus, "Exposition formats", text format details (line format, comments, escapes). Where it leaves room,
//! the stricter reading of Prometheus' own two parsers is taken, so that a page that passes here passes both.

use std::collections::BTreeMap;

use thiserror::Error;

/// Says what is wrong with a page.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum Fault {
    #[error("the page does not end with a line feed")]
    NoFinalLineFeed,
    #[error("`{0}` is not a metric name")]
    MetricName(String),
    #[error("`{0}` is not a label name")]
    LabelName(String),
    #[error("label `{0}` stands twice in one sample")]
    DuplicateLabel(String),
    #[error("expected {expected} at `{rest}`")]
    Expected { expected: &'static str, rest: String },
    #[error("`\\{0}` is not an escape there")]
    Escape(String),
    #[error("`{0}` is not a value")]
    Value(String),
    #[error("`{0}` is not a timestamp in whole milliseconds")]
    Timestamp(String),
    #[error("`{0}` is not a metric type")]
    Type(String),
    #[error("a second {0} line for `{1}`")]
    DuplicateHeader(&'static str, String),
    #[error("the {0} line of `{1}` comes after samples of it")]
    LateHeader(&'static str, String),
    #[error("family `{0}` is in more than one place")]
    SplitFamily(String),
    #[error("samples of `{0}` are named like another family's")]
    SharedName(String),
    #[error("sample `{0}` has no place in a family of this type")]
    ForeignSample(String),
    #[error("series `{0}` stands twice")]
    DuplicateSeries(String),
    #[error("`{0}` is not a count")]
    Count(String),
    #[error("series `{0}` of a histogram or summary lacks {1}")]
    Incomplete(String, &'static str),
    #[error("buckets of `{0}` are not in increasing order")]
    BucketOrder(String),
    #[error("buckets of `{0}` are not cumulative")]
    NotCumulative(String),
    #[error("`_count` of `{0}` is {1} where its `+Inf` bucket is {2}")]
    CountDiffers(String, u64, u64),
}

/// A number as it was written, and what it means.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// As written.
    pub text: String,
    /// The nearest `f64`.
    pub number: f64,
}

impl Value {
    /// The value as a whole number, to the last digit.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        self.text.parse().ok()
    }
}

/// The labels of a series. A label with an empty value is the same as none and is left out.
pub type Labels = BTreeMap<String, String>;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// An empty line, or a comment that is neither `HELP` nor `TYPE`.
    Nothing,
    /// The help of a family, unescaped.
    Help {
        /// The family's name.
        name: String,
        /// The help; all that stands after one blank, blanks at its ends included.
        help: String,
    },
    /// The type of a family.
    Type {
        /// The family's name.
        name: String,
        /// The word that stands there.
        word: String,
    },
    /// A sample.
    Sample {
        /// The sample's name, suffix included.
        name: String,
        /// Its labels, unescaped.
        labels: Labels,
        /// Its value.
        value: Value,
    },
}

/// Reads one line, without its line feed.
///
/// # Errors
///
/// [`Fault`], the first one in the line.
pub fn parse_line(line: &str) -> Result<Line, Fault> {
    parse(Cursor { rest: line, utf8: false })
}

/// The same of a page of version 1.0.0 with the escaping `allow-utf-8`, where names may be quoted: that of a metric
/// stands behind the brace then.
///
/// SPEC: Prometheus, "UTF-8 in Prometheus", the text format's quoted names.
///
/// # Errors
///
/// [`Fault`], the first one in the line.
pub fn parse_utf8_line(line: &str) -> Result<Line, Fault> {
    parse(Cursor { rest: line, utf8: true })
}

fn parse(mut cursor: Cursor<'_>) -> Result<Line, Fault> {
    cursor.blanks();
    if cursor.rest.is_empty() {
        return Ok(Line::Nothing);
    }
    if cursor.take('#') {
        return parse_comment(cursor);
    }
    let (name, labels) = cursor.series()?;
    cursor.blanks();
    let value = parse_value(cursor.token())?;
    cursor.blanks();
    let timestamp = cursor.token();
    if !timestamp.is_empty() && timestamp.parse::<i64>().is_err() {
        return Err(Fault::Timestamp(timestamp.to_owned()));
    }
    cursor.blanks();
    cursor.end()?;
    Ok(Line::Sample { name, labels, value })
}

fn parse_comment(mut cursor: Cursor<'_>) -> Result<Line, Fault> {
    cursor.blanks();
    match cursor.token() {
        "HELP" => {
            cursor.blanks();
            let name = cursor.family_name()?;
            let help = match cursor.rest.strip_prefix([' ', '\t']) {
                Some(help) => unescape(help, false)?,
                None => String::new(),
            };
            Ok(Line::Help { name, help })
        }
        "TYPE" => {
            cursor.blanks();
            let name = cursor.family_name()?;
            cursor.blanks();
            let word = cursor.token().to_owned();
            cursor.blanks();
            cursor.end()?;
            Ok(Line::Type { name, word })
        }
        _ => Ok(Line::Nothing),
    }
}

/// Whether `name` is `[a-zA-Z_][a-zA-Z0-9_]*`, with colons as well where `colon` says so.
fn is_name(name: &str, colon: bool) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || (colon && c == ':');
    let mut characters = name.chars();
    characters.next().is_some_and(letter) && characters.all(|c| letter(c) || c.is_ascii_digit())
}

fn parse_value(text: &str) -> Result<Value, Fault> {
    let wrong = || Fault::Value(text.to_owned());
    let number = match text {
        "NaN" => f64::NAN,
        "+Inf" | "Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        // `f64::from_str` knows more words than the format; digits and these signs leave none of them.
        _ if text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) => {
            text.parse().map_err(|_| wrong())?
        }
        _ => return Err(wrong()),
    };
    Ok(Value { text: text.to_owned(), number })
}

/// Undoes `\\` and `\n`, and `\"` where the text was `quoted`; any other escape is refused.
fn unescape(text: &str, quoted: bool) -> Result<String, Fault> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('\\') => plain.push('\\'),
            Some('n') => plain.push('\n'),
            Some('"') if quoted => plain.push('"'),
            other => return Err(Fault::Escape(other.map(String::from).unwrap_or_default())),
        }
    }
    Ok(plain)
}

struct Cursor<'a> {
    rest: &'a str,
    /// Whether names may be quoted.
    utf8: bool,
}

impl<'a> Cursor<'a> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn take(&mut self, character: char) -> bool {
        let taken = self.rest.strip_prefix(character);
        self.rest = taken.unwrap_or(self.rest);
        taken.is_some()
    }

    /// What stands before the next blank.
    fn token(&mut self) -> &'a str {
        self.until(|c| c == ' ' || c == '\t')
    }

    fn until(&mut self, stop: impl FnMut(char) -> bool) -> &'a str {
        let (token, rest) = self.rest.split_at(self.rest.find(stop).unwrap_or(self.rest.len()));
        self.rest = rest;
        token
    }

    fn metric_name(&mut self) -> Result<String, Fault> {
        let name = self.until(|c| c == ' ' || c == '\t' || c == '{');
        if is_name(name, true) { Ok(name.to_owned()) } else { Err(Fault::MetricName(name.to_owned())) }
    }

    /// The name of a family in a comment.
    fn family_name(&mut self) -> Result<String, Fault> {
        if self.utf8 && self.rest.starts_with('"') { self.quoted() } else { self.metric_name() }
    }

    /// What a sample begins with.
    fn series(&mut self) -> Result<(String, Labels), Fault> {
        if !(self.utf8 && self.rest.starts_with('{')) {
            let name = self.metric_name()?;
            self.blanks();
            let labels = if self.take('{') { self.labels()? } else { Labels::new() };
            return Ok((name, labels));
        }
        self.take('{');
        self.blanks();
        let name = self.quoted()?;
        self.blanks();
        if self.take('}') {
            return Ok((name, Labels::new()));
        }
        if !self.take(',') {
            return Err(self.expected("`,` or `}`"));
        }
        Ok((name, self.labels()?))
    }

    /// What stands in quotes, unescaped.
    fn quoted(&mut self) -> Result<String, Fault> {
        if !self.take('"') {
            return Err(self.expected("an opening quote"));
        }
        let mut escaped = false;
        let text = self.until(|c| {
            let end = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            end
        });
        if !self.take('"') {
            return Err(self.expected("a closing quote"));
        }
        unescape(text, true)
    }

    fn label_name(&mut self) -> Result<String, Fault> {
        let name = if self.utf8 && self.rest.starts_with('"') {
            self.quoted()?
        } else {
            let name = self.until(|c| c == ' ' || c == '\t' || c == '=' || c == '}').to_owned();
            if !is_name(&name, false) {
                return Err(Fault::LabelName(name));
            }
            name
        };
        if name.is_empty() || name == "__name__" { Err(Fault::LabelName(name)) } else { Ok(name) }
    }

    fn end(&self) -> Result<(), Fault> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.expected("the end of the line")) }
    }

    fn expected(&self, expected: &'static str) -> Fault {
        Fault::Expected { expected, rest: self.rest.to_owned() }
    }

    /// What stands between the braces, of which the first has been taken.
    fn labels(&mut self) -> Result<Labels, Fault> {
        let mut labels = Labels::new();
        loop {
            self.blanks();
            if self.take('}') {
                break;
            }
            let name = self.label_name()?;
            self.blanks();
            if !self.take('=') {
                return Err(self.expected("`=`"));
            }
            self.blanks();
            let value = self.quoted()?;
            if labels.insert(name.clone(), value).is_some() {
                return Err(Fault::DuplicateLabel(name));
            }
            self.blanks();
            if self.take('}') {
                break;
            }
            if !self.take(',') {
                return Err(self.expected("`,` or `}`"));
            }
        }
        labels.retain(|_, value| !value.is_empty());
        Ok(labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(line: &str) -> Vec<(String, String)> {
        match parse_line(line).unwrap() {
            Line::Sample { labels, .. } => labels.into_iter().collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn escapes_blanks_and_a_trailing_comma_are_understood() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(labels(r#"a{b="q\"b\\n\n,}{=",} 1"#), [pair("b", "q\"b\\n\n,}{=")]);
        assert_eq!(
            labels("  a\t{ b = \"1\" , c=\"ü\r\0\" }\t+Inf  -5 "),
            [pair("b", "1"), pair("c", "ü\r\0")]
        );
        assert_eq!(labels(r#"a{b="",c="1"} 1"#), [pair("c", "1")]);
        assert_eq!(labels("a{} 1"), []);
    }

    #[test]
    fn names_in_quotes_are_understood_where_they_are_allowed() {
        let sample = |name: &str, pairs: &[(&str, &str)]| Line::Sample {
            name: name.to_owned(),
            labels: pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
            value: Value { text: "1".to_owned(), number: 1.0 },
        };
        for (line, expected) in [
            (r#"{"a.b"} 1"#, sample("a.b", &[])),
            (r#"{"a\"\\\n",b="2","c d"="3"} 1"#, sample("a\"\\\n", &[("b", "2"), ("c d", "3")])),
            (r#"a{"c=,}"="3"} 1"#, sample("a", &[("c=,}", "3")])),
        ] {
            assert_eq!(parse_utf8_line(line), Ok(expected), "{line}");
            assert!(parse_line(line).is_err(), "{line}");
        }
        let expected = Line::Type { name: "a.b".to_owned(), word: "gauge".to_owned() };
        assert_eq!(parse_utf8_line("# TYPE \"a.b\" gauge"), Ok(expected));
        for line in
            [r#"{a="1"} 1"#, r#"{"a.b" c="1"} 1"#, r#"{"a.b"="1"} 1"#, r#"{"a} 1"#, r#"{"a",""="1"} 1"#]
        {
            assert!(parse_utf8_line(line).is_err(), "{line}");
        }
    }

    #[test]
    fn help_keeps_its_quotes_and_its_blanks() {
        let help = |line| parse_line(line).unwrap();
        let expected = |help: &str| Line::Help { name: "a".to_owned(), help: help.to_owned() };
        assert_eq!(help(r#"# HELP a  say "hi"\\\n "#), expected(" say \"hi\"\\\n "));
        assert_eq!(help("# HELP a"), expected(""));
        assert_eq!(parse_line(r#"# HELP a \""#), Err(Fault::Escape("\"".to_owned())));
        assert_eq!(parse_line("# anything else"), Ok(Line::Nothing));
    }

    #[test]
    fn wrong_lines_are_refused() {
        for line in [
            "9a 1",
            "a.b 1",
            "é 1",
            "a",
            "a{b=\"1\"}",
            "a{b=\"1\"}1 x",
            "a{b=\"1} 1",
            "a{b=\"1\"",
            "a{b=1} 1",
            "a{b} 1",
            "a{b:c=\"1\"} 1",
            "a{__name__=\"1\"} 1",
            "a{,} 1",
            "a{b=\"1\",,c=\"2\"} 1",
            "a{b=\"1\" c=\"2\"} 1",
            "a{b=\"1\",b=\"2\"} 1",
            "a{b=\"\\t\"} 1",
            "a{b=\"\\\"} 1",
            "a inf",
            "a nan",
            "a 0x1",
            "a 1_000",
            "a 1,5",
            "a --1",
            "a 1 1.5",
            "a 1 2 3",
            "a 1 # {}",
            "a\0 1",
            "# TYPE a counter b",
            "# TYPE 9 counter",
            "# HELP a-b help",
            "\"a\" 1",
            "{\"a\"} 1",
        ] {
            assert!(parse_line(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn values_are_kept_as_written() {
        for (text, number) in
            [("1", 1.0), ("-2.5e-3", -2.5e-3), ("+Inf", f64::INFINITY), ("-Inf", -f64::INFINITY)]
        {
            assert_eq!(parse_value(text), Ok(Value { text: text.to_owned(), number }));
        }
        assert!(parse_value("NaN").unwrap().number.is_nan());
        assert_eq!(parse_value("18446744073709551615").unwrap().as_u64(), Some(u64::MAX));
    }
}
