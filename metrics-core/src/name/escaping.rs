//! How names are written for readers that do not take all of them.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::str::FromStr;

use thiserror::Error;

use super::{check_metric_name, is_classic, is_classic_label_name, is_reserved};

/// What stands in front of a name whose characters are written as numbers.
const VALUES_PREFIX: &str = "U__";

/// How a reader gets the names that are outside the classic alphabet: a scheme that a scraper asks for.
///
/// A scheme is applied to a family's whole name, and what a format puts behind that, such as `_bucket`, follows as it
/// is; so do Prometheus' own libraries. All but [`AllowUtf8`](EscapingScheme::AllowUtf8) give classic names alone.
///
/// # Examples
///
/// ```
/// use nilometer_core::name::EscapingScheme;
///
/// let name = "http.requests_total";
/// assert_eq!(EscapingScheme::AllowUtf8.metric_name(name), name);
/// assert_eq!(EscapingScheme::Underscores.metric_name(name), "http_requests_total");
/// assert_eq!(EscapingScheme::Dots.metric_name(name), "http_dot_requests__total");
/// assert_eq!(EscapingScheme::Values.metric_name(name), "U__http_2e_requests__total");
/// ```
///
/// # Specification
///
/// Prometheus, "UTF-8 escaping schemes", and where that leaves a choice, `EscapeName` of `prometheus/common`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EscapingScheme {
    /// Names are left as they are, and quoted where a format asks for it.
    AllowUtf8,
    /// Each character that is not classic becomes `_`. What a scraper gets that asks for nothing.
    #[default]
    Underscores,
    /// `.` becomes `_dot_`, `_` becomes `__`, and so does each character that is not classic. Classic names with
    /// underscores change too.
    Dots,
    /// A name that is not classic begins with `U__`; `_` becomes `__` in it, and each character that is not classic its
    /// code point in hexadecimal between underscores. No two names become one, but for a classic one that looks like
    /// that.
    Values,
}

/// The word names no [`EscapingScheme`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown escaping scheme `{0}`: there are `allow-utf-8`, `underscores`, `dots` and `values`")]
pub struct UnknownScheme(String);

impl EscapingScheme {
    /// Every scheme.
    pub const ALL: [EscapingScheme; 4] = [
        EscapingScheme::AllowUtf8,
        EscapingScheme::Underscores,
        EscapingScheme::Dots,
        EscapingScheme::Values,
    ];

    /// The word that stands for it in the parameter `escaping` of `Accept` and `Content-Type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            EscapingScheme::AllowUtf8 => "allow-utf-8",
            EscapingScheme::Underscores => "underscores",
            EscapingScheme::Dots => "dots",
            EscapingScheme::Values => "values",
        }
    }

    /// A metric's name by this scheme; a name without characters has none either way.
    #[must_use]
    pub fn metric_name(self, name: &str) -> Cow<'_, str> {
        self.name(name, true)
    }

    /// A label's name by this scheme.
    ///
    /// A colon is not classic in it, unlike in a metric's name: no parser takes one there. A name that would start with
    /// `__`, and then belong to Prometheus, is written by [`Values`](EscapingScheme::Values) in place of the others.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::name::EscapingScheme;
    ///
    /// assert_eq!(EscapingScheme::Underscores.label_name("http.method"), "http_method");
    /// assert_eq!(EscapingScheme::Underscores.label_name("花火"), "U___82b1__706b_");
    /// ```
    #[must_use]
    pub fn label_name(self, name: &str) -> Cow<'_, str> {
        let escaped = self.name(name, false);
        if is_reserved(&escaped) && !is_reserved(name) {
            return EscapingScheme::Values.name(name, false);
        }
        escaped
    }

    fn name(self, name: &str, colon: bool) -> Cow<'_, str> {
        let is_classic_name =
            || if colon { check_metric_name(name).is_ok() } else { is_classic_label_name(name) };
        let is_left = match self {
            EscapingScheme::AllowUtf8 => true,
            EscapingScheme::Dots => false,
            EscapingScheme::Underscores | EscapingScheme::Values => is_classic_name(),
        };
        if is_left || name.is_empty() {
            return Cow::Borrowed(name);
        }
        let mut escaped = String::with_capacity(name.len() + VALUES_PREFIX.len());
        if self == EscapingScheme::Values {
            escaped.push_str(VALUES_PREFIX);
        }
        for (index, character) in name.char_indices() {
            let is_classic = u8::try_from(character).is_ok_and(|byte| is_classic(byte, index, colon));
            match (self, character) {
                (EscapingScheme::Dots | EscapingScheme::Values, '_') => escaped.push_str("__"),
                (EscapingScheme::Dots, '.') => escaped.push_str("_dot_"),
                _ if is_classic => escaped.push(character),
                (EscapingScheme::Dots, _) => escaped.push_str("__"),
                (EscapingScheme::Values, _) => {
                    // A string takes all that is written to it.
                    let _ = write!(escaped, "_{:x}_", u32::from(character));
                }
                _ => escaped.push('_'),
            }
        }
        Cow::Owned(escaped)
    }
}

impl fmt::Display for EscapingScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EscapingScheme {
    type Err = UnknownScheme;

    /// Reads the word that [`as_str`](EscapingScheme::as_str) gives, in lower case as it stands there.
    fn from_str(word: &str) -> Result<EscapingScheme, UnknownScheme> {
        let found = EscapingScheme::ALL.into_iter().find(|scheme| scheme.as_str() == word);
        found.ok_or_else(|| UnknownScheme(word.to_owned()))
    }
}
