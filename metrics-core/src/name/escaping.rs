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

    /// Reads the word that [`as_str`](EscapingScheme::as_str) gives, in letters of any case.
    fn from_str(word: &str) -> Result<EscapingScheme, UnknownScheme> {
        let found = EscapingScheme::ALL.into_iter().find(|scheme| scheme.as_str().eq_ignore_ascii_case(word));
        found.ok_or_else(|| UnknownScheme(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The facts of `TestEscapeName` in `prometheus/common`, `model/metric_test.go`, and a few more of the same rules:
    /// a name, and what it becomes with underscores, dots and values.
    const METRIC_NAMES: [[&str; 4]; 16] = [
        ["", "", "", ""],
        ["no:escaping_required", "no:escaping_required", "no:escaping__required", "no:escaping_required"],
        [
            "mysystem.prod.west.cpu.load",
            "mysystem_prod_west_cpu_load",
            "mysystem_dot_prod_dot_west_dot_cpu_dot_load",
            "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load",
        ],
        [
            "mysystem.prod.west.cpu.load_total",
            "mysystem_prod_west_cpu_load_total",
            "mysystem_dot_prod_dot_west_dot_cpu_dot_load__total",
            "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load__total",
        ],
        ["http.status:sum", "http_status:sum", "http_dot_status:sum", "U__http_2e_status:sum"],
        ["label with 😱", "label_with__", "label__with____", "U__label_20_with_20__1f631_"],
        ["花火", "__", "____", "U___82b1__706b_"],
        ["label with \u{100}", "label_with__", "label__with____", "U__label_20_with_20__100_"],
        ["1a", "_a", "__a", "U___31_a"],
        ["a1", "a1", "a1", "a1"],
        ["é1", "_1", "__1", "U___e9_1"],
        ["\0\n\"\\", "____", "________", "U___0__a__22__5c_"],
        ["{a}", "_a_", "__a__", "U___7b_a_7d_"],
        ["\u{202e}a", "_a", "__a", "U___202e_a"],
        ["\u{10ffff}", "_", "__", "U___10ffff_"],
        ["U__a", "U__a", "U____a", "U__a"],
    ];

    #[test]
    fn metric_names_become_what_prometheus_makes_of_them() {
        for [name, underscores, dots, values] in METRIC_NAMES {
            assert_eq!(EscapingScheme::AllowUtf8.metric_name(name), name);
            assert_eq!(EscapingScheme::Underscores.metric_name(name), underscores, "{name:?}");
            assert_eq!(EscapingScheme::Dots.metric_name(name), dots, "{name:?}");
            assert_eq!(EscapingScheme::Values.metric_name(name), values, "{name:?}");
        }
    }

    #[test]
    fn label_names_have_no_colon_and_never_become_reserved_ones() {
        let table = [
            ["http.method", "http_method", "http_dot_method", "U__http_2e_method"],
            ["a:b", "a_b", "a__b", "U__a_3a_b"],
            ["花火", "U___82b1__706b_", "U___82b1__706b_", "U___82b1__706b_"],
            ["é", "_", "U___e9_", "U___e9_"],
            [".é", "U___2e__e9_", "_dot___", "U___2e__e9_"],
            ["_.", "U_____2e_", "U_____2e_", "U_____2e_"],
            ["_a", "_a", "_a", "_a"],
            ["a_b", "a_b", "a__b", "a_b"],
            ["le", "le", "le", "le"],
            ["nilometer_overflow", "nilometer_overflow", "nilometer__overflow", "nilometer_overflow"],
            [
                "nilometer.overflow",
                "U__nilometer_2e_overflow",
                "nilometer_dot_overflow",
                "U__nilometer_2e_overflow",
            ],
        ];
        for [name, underscores, dots, values] in table {
            assert_eq!(EscapingScheme::AllowUtf8.label_name(name), name);
            assert_eq!(EscapingScheme::Underscores.label_name(name), underscores, "{name:?}");
            assert_eq!(EscapingScheme::Dots.label_name(name), dots, "{name:?}");
            assert_eq!(EscapingScheme::Values.label_name(name), values, "{name:?}");
        }
    }

    #[test]
    fn a_name_of_64_kib_is_escaped_too() {
        let name = "\"".repeat(65_536);
        assert_eq!(EscapingScheme::Underscores.metric_name(&name), "_".repeat(65_536));
        assert_eq!(EscapingScheme::Dots.metric_name(&name), "__".repeat(65_536));
        assert_eq!(EscapingScheme::Values.metric_name(&name), format!("U__{}", "_22_".repeat(65_536)));
    }

    #[test]
    fn a_scheme_is_read_by_the_word_it_is_written_with() {
        for scheme in EscapingScheme::ALL {
            assert_eq!(scheme.to_string().parse(), Ok(scheme));
            assert_eq!(scheme.as_str().to_uppercase().parse(), Ok(scheme));
        }
        for word in ["", "underscore", "allow-utf-8 ", "none"] {
            assert_eq!(word.parse::<EscapingScheme>(), Err(UnknownScheme(word.to_owned())));
        }
    }
}
