//! Headers that say what is accepted, made of structure.

use arbitrary::Arbitrary;
use nilometer_prometheus::{EscapingScheme, Format};

/// How much something is wanted, in thousandths: 1000 where it is not said.
#[derive(Arbitrary, Debug, Clone, Copy)]
pub struct Quality(Option<u16>);

impl Quality {
    /// The thousandths.
    #[must_use]
    pub fn thousandths(self) -> u16 {
        self.0.map_or(1000, |quality| quality % 1001)
    }

    /// The parameter, if it is said.
    fn parameter(self) -> Option<String> {
        self.0.map(|_| match self.thousandths() {
            1000 => "q=1.000".to_owned(),
            // Digits that say nothing may be left out.
            fraction => format!("q=0.{fraction:03}").trim_end_matches('0').to_owned(),
        })
    }
}

/// What may be done in more than one way: each bit is one of them.
#[derive(Arbitrary, Debug, Clone, Copy)]
struct Style(u8);

impl Style {
    fn has(self, bit: u8) -> bool {
        self.0 >> bit & 1 == 1
    }

    fn cased(self, text: &str) -> String {
        if self.has(0) { text.to_ascii_uppercase() } else { text.to_owned() }
    }

    fn separator(self) -> &'static str {
        if self.has(1) { " \t; " } else { ";" }
    }

    fn quoted(self, parameter: &str) -> String {
        match parameter.split_once('=') {
            Some((name, value)) if self.has(2) => format!("{}=\"{value}\"", self.cased(name)),
            _ => parameter.to_owned(),
        }
    }
}

/// A media range with its parameters, and the format that it stands for.
const RANGES: [(&str, &[&str], Option<Format>); 14] = [
    ("*/*", &[], Some(Format::Text)),
    ("text/*", &[], Some(Format::Text)),
    ("text/plain", &[], Some(Format::Text)),
    ("text/plain", &["version=0.0.4"], Some(Format::Text)),
    ("text/plain", &["version=1.0.0"], Some(Format::Text1)),
    ("text/plain", &["version=2.0.0"], None),
    ("application/openmetrics-text", &[], Some(Format::OpenMetrics)),
    ("application/openmetrics-text", &["version=1.0.0"], Some(Format::OpenMetrics)),
    ("application/openmetrics-text", &["version=0.0.1"], None),
    (
        "application/vnd.google.protobuf",
        &["proto=io.prometheus.client.MetricFamily", "encoding=delimited"],
        Some(Format::Protobuf),
    ),
    ("application/vnd.google.protobuf", &["proto=io.prometheus.client.MetricFamily", "encoding=text"], None),
    ("application/vnd.google.protobuf", &["proto=other", "encoding=delimited"], None),
    ("application/json", &["charset=utf-8"], None),
    ("application/*", &[], None),
];

/// One media range of an `Accept` header.
#[derive(Arbitrary, Debug, Clone, Copy)]
pub struct Range {
    index: u8,
    escaping: Option<u8>,
    /// How much it is wanted.
    pub quality: Quality,
    style: Style,
}

impl Range {
    fn known(self) -> (&'static str, &'static [&'static str], Option<Format>) {
        RANGES[usize::from(self.index) % RANGES.len()]
    }

    /// The format that it stands for.
    #[must_use]
    pub fn format(self) -> Option<Format> {
        self.known().2
    }

    /// The scheme that it asks for, unless it is one that nobody knows.
    #[must_use]
    pub fn escaping(self) -> Option<EscapingScheme> {
        EscapingScheme::ALL.get(usize::from(self.escaping?) % 5).copied()
    }

    /// As it stands in the header.
    #[must_use]
    pub fn text(self) -> String {
        let (media, parameters, _) = self.known();
        let mut parts = vec![self.style.cased(media)];
        parts.extend(parameters.iter().map(|parameter| self.style.quoted(parameter)));
        if self.escaping.is_some() {
            let scheme = self.escaping().map_or("unheard-of", EscapingScheme::as_str);
            parts.push(self.style.quoted(&format!("escaping={scheme}")));
        }
        if let Some(quality) = self.quality.parameter() {
            parts.insert(if self.style.has(3) { 1 } else { parts.len() }, quality);
        }
        parts.join(self.style.separator())
    }
}

/// What can be named in an `Accept-Encoding` header, and the coding that it stands for.
const CODINGS: [(&str, Named); 7] = [
    ("gzip", Named::Gzip),
    ("x-gzip", Named::Gzip),
    ("zstd", Named::Zstd),
    ("identity", Named::Identity),
    ("*", Named::Any),
    ("br", Named::Other),
    ("deflate", Named::Other),
];

/// A coding that is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// gzip, by either of its names.
    Gzip,
    /// zstd.
    Zstd,
    /// None.
    Identity,
    /// Any that is not named.
    Any,
    /// One that the server does not have.
    Other,
}

/// One coding of an `Accept-Encoding` header.
#[derive(Arbitrary, Debug, Clone, Copy)]
pub struct Coding {
    index: u8,
    /// How much it is wanted.
    pub quality: Quality,
    style: Style,
}

impl Coding {
    /// What it names.
    #[must_use]
    pub fn named(self) -> Named {
        CODINGS[usize::from(self.index) % CODINGS.len()].1
    }

    /// As it stands in the header.
    #[must_use]
    pub fn text(self) -> String {
        let mut parts = vec![self.style.cased(CODINGS[usize::from(self.index) % CODINGS.len()].0)];
        parts.extend(self.quality.parameter());
        parts.join(self.style.separator())
    }
}

/// The lines of a header, each a list.
#[must_use]
pub fn lines<T: Copy>(lists: &[Vec<T>], text: fn(T) -> String) -> Vec<String> {
    lists.iter().map(|list| list.iter().map(|&member| text(member)).collect::<Vec<_>>().join(" , ")).collect()
}

/// What a fuzzer has made: the lines of a header as bytes, or structure. A seed is a header as it is sent; what begins
/// with a zero is made of structure.
///
/// # Errors
///
/// When there is no structure in the bytes.
pub fn input<'a, T: Arbitrary<'a>>(data: &'a [u8]) -> arbitrary::Result<Input<'a, T>> {
    match data.split_first() {
        Some((0, rest)) => Ok(Input::Formed(Vec::arbitrary_take_rest(arbitrary::Unstructured::new(rest))?)),
        _ => Ok(Input::Hostile(data.split(|byte| *byte == b'\n').collect())),
    }
}

/// The lines of a header.
#[derive(Debug)]
pub enum Input<'a, T> {
    /// As bytes.
    Hostile(Vec<&'a [u8]>),
    /// As lists.
    Formed(Vec<Vec<T>>),
}
