//! What a metric or a label may be called.
//!
//! The checks are `const fn`, so that the derive refuses a wrong name when the program is compiled and the registry
//! refuses the same names, by the same code, when it runs.
//!
//! # Classic names and UTF-8 names
//!
//! A name is *classic* where every version of Prometheus takes it as it is: letters, digits (not first) and `_`, in
//! metric names `:` too. All others are *UTF-8 names*, which Prometheus takes since version 3. They have to be asked for,
//! so that a misspelled name stays an error: with
//! [`RegistryConfig::with_utf8_names`](crate::RegistryConfig::with_utf8_names), by `#[metrics(utf8)]` on a derived
//! struct, or in a collector of one's own with [`Descriptor::try_new_utf8`](crate::Descriptor::try_new_utf8) and
//! [`LabelSet::try_from_utf8_pairs`](crate::LabelSet::try_from_utf8_pairs).
//!
//! A UTF-8 name has from 1 to [`MAX_NAME_LENGTH`] bytes and any characters but NUL, control characters included. Readers
//! that take none but classic names get it by an [`EscapingScheme`], so nothing may become what something else is called:
//! two families of a registry, or two label names of a family, whose names are the same once they are escaped are an
//! error, as two equal names are. Names are compared byte by byte: nothing is normalised.
//!
//! - `escaping`: [`EscapingScheme`].

mod escaping;

use thiserror::Error;

pub use self::escaping::{EscapingScheme, UnknownScheme};

/// The label that marks the series which takes what a limit turned away.
pub const OVERFLOW_LABEL: &str = "nilometer_overflow";

/// The longest metric or label name, in bytes.
pub const MAX_NAME_LENGTH: usize = 65_536;

/// Says why a metric or label name was refused.
///
/// The name itself is in the error that carries this one as its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameError {
    /// The name is the empty string.
    #[error("a name has at least one character")]
    Empty,
    /// The name is longer than [`MAX_NAME_LENGTH`].
    #[error("a name has at most {MAX_NAME_LENGTH} bytes, and this one {length}")]
    TooLong {
        /// The name's length in bytes.
        length: usize,
    },
    /// The byte at `index` is outside the alphabet of the classic Prometheus names.
    #[error(
        "byte {index} is not allowed there: letters, digits (not first) and `_`, in metric names `:` too"
    )]
    Character {
        /// Where the first offending byte is, counted from 0.
        index: usize,
    },
    /// A UTF-8 name holds a NUL character, for which Prometheus 3.5 refuses the whole page.
    #[error("byte {index} is NUL, for which Prometheus refuses a page")]
    Nul {
        /// Where the first one is, counted from 0.
        index: usize,
    },
    /// The name belongs to Prometheus or to nilometer: `le`, `quantile`, `nilometer_overflow` and what is escaped to it,
    /// such as `nilometer.overflow`, and whatever starts with two underscores.
    #[error("the name is reserved: `le`, `quantile`, `nilometer_overflow` and all that starts with `__`")]
    Reserved,
}

/// Checks a metric name: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
///
/// # Errors
///
/// [`NameError::Empty`], [`NameError::TooLong`] and [`NameError::Character`], as they say.
///
/// # Examples
///
/// ```
/// use nilometer_core::name::{NameError, check_metric_name};
///
/// const _: () = assert!(check_metric_name("http_requests_total").is_ok());
/// assert_eq!(check_metric_name("http-requests"), Err(NameError::Character { index: 4 }));
/// ```
///
/// # Specification
///
/// Prometheus, "Data model", metric names and labels: the names that every version and every format takes as they
/// are.
pub const fn check_metric_name(name: &str) -> Result<(), NameError> {
    check_alphabet(name, true)
}

/// Checks a label name: `[a-zA-Z_][a-zA-Z0-9_]*`, and not one of the reserved ones.
///
/// # Errors
///
/// [`NameError::Empty`], [`NameError::TooLong`], [`NameError::Character`] and [`NameError::Reserved`], as they say.
///
/// # Examples
///
/// ```
/// use nilometer_core::name::{NameError, check_label_name};
///
/// assert_eq!(check_label_name("method"), Ok(()));
/// assert_eq!(check_label_name("le"), Err(NameError::Reserved));
/// ```
///
/// # Specification
///
/// Prometheus, "Data model", metric names and labels; `le` and `quantile` belong to histograms and summaries
/// ("Exposition formats", text format details).
pub const fn check_label_name(name: &str) -> Result<(), NameError> {
    if let Err(error) = check_alphabet(name, false) {
        return Err(error);
    }
    if is_reserved(name) { Err(NameError::Reserved) } else { Ok(()) }
}

/// Checks a metric name that may hold any characters but NUL.
///
/// # Errors
///
/// [`NameError::Empty`], [`NameError::TooLong`] and [`NameError::Nul`], as they say.
///
/// # Examples
///
/// ```
/// use nilometer_core::name::{NameError, check_utf8_metric_name};
///
/// const _: () = assert!(check_utf8_metric_name("http.server.duration").is_ok());
/// assert_eq!(check_utf8_metric_name(""), Err(NameError::Empty));
/// ```
///
/// # Specification
///
/// Prometheus 3, "Data model", metric names and labels: any UTF-8 characters, at least one.
pub const fn check_utf8_metric_name(name: &str) -> Result<(), NameError> {
    if let Err(error) = check_length(name) {
        return Err(error);
    }
    let bytes = name.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        if bytes[index] == 0 {
            return Err(NameError::Nul { index });
        }
        index += 1;
    }
    Ok(())
}

/// Checks a label name that may hold any characters but NUL, and is not one of the reserved ones, nor escaped to
/// `nilometer_overflow`.
///
/// # Errors
///
/// [`NameError::Empty`], [`NameError::TooLong`], [`NameError::Nul`] and [`NameError::Reserved`], as they say.
///
/// # Examples
///
/// ```
/// use nilometer_core::name::{NameError, check_utf8_label_name};
///
/// assert_eq!(check_utf8_label_name("http.method"), Ok(()));
/// assert_eq!(check_utf8_label_name("nilometer.overflow"), Err(NameError::Reserved));
/// ```
///
/// # Specification
///
/// Prometheus 3, "Data model", metric names and labels.
pub const fn check_utf8_label_name(name: &str) -> Result<(), NameError> {
    if let Err(error) = check_utf8_metric_name(name) {
        return Err(error);
    }
    if is_reserved(name) || have_one_form(name, OVERFLOW_LABEL) {
        return Err(NameError::Reserved);
    }
    Ok(())
}

/// Whether no two of these label names are the same where names are escaped with underscores, as `a.b` and `a_b` are:
/// what the derive asks of the labels of one series.
///
/// # Examples
///
/// ```
/// use nilometer_core::name::are_distinct_labels;
///
/// assert!(are_distinct_labels(&["http.method", "http.route"]));
/// assert!(!are_distinct_labels(&["http.method", "http_method"]));
/// ```
#[must_use]
pub const fn are_distinct_labels(names: &[&str]) -> bool {
    let mut index = 0;
    while index < names.len() {
        let mut before = 0;
        while before < index {
            // What would be reserved is escaped in another way, which keeps names apart.
            if have_one_form(names[before], names[index]) && !starts_with_two(names[index]) {
                return false;
            }
            before += 1;
        }
        index += 1;
    }
    true
}

/// Whether the name can stand as a label's name in every format.
pub(crate) const fn is_classic_label_name(name: &str) -> bool {
    check_alphabet(name, false).is_ok()
}

/// Whether a label of this name belongs to Prometheus or to nilometer.
const fn is_reserved(name: &str) -> bool {
    let bytes = name.as_bytes();
    let dunder = bytes.len() >= 2 && bytes[0] == b'_' && bytes[1] == b'_';
    dunder || equal(name, "le") || equal(name, "quantile") || equal(name, OVERFLOW_LABEL)
}

const fn check_length(name: &str) -> Result<(), NameError> {
    match name.len() {
        0 => Err(NameError::Empty),
        length if length > MAX_NAME_LENGTH => Err(NameError::TooLong { length }),
        _ => Ok(()),
    }
}

const fn check_alphabet(name: &str, colon: bool) -> Result<(), NameError> {
    if let Err(error) = check_length(name) {
        return Err(error);
    }
    let bytes = name.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        if !is_classic(bytes[index], index, colon) {
            return Err(NameError::Character { index });
        }
        index += 1;
    }
    Ok(())
}

/// Whether the byte can stand there in a classic name, one with colons or one without.
const fn is_classic(byte: u8, index: usize, colon: bool) -> bool {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'_' => true,
        b'0'..=b'9' => index > 0,
        b':' => colon,
        _ => false,
    }
}

/// Whether two label names are the same once each character that is not classic is an underscore.
const fn have_one_form(one: &str, other: &str) -> bool {
    let (mut at, mut beside) = (0, 0);
    loop {
        let (form, next) = next_of_form(one.as_bytes(), at);
        let (form_beside, next_beside) = next_of_form(other.as_bytes(), beside);
        match (form, form_beside) {
            (None, None) => return true,
            (Some(form), Some(form_beside)) if form == form_beside => {}
            _ => return false,
        }
        (at, beside) = (next, next_beside);
    }
}

/// Whether the name, once escaped with underscores, starts with two of them.
const fn starts_with_two(name: &str) -> bool {
    let (first, next) = next_of_form(name.as_bytes(), 0);
    let (second, _) = next_of_form(name.as_bytes(), next);
    matches!((first, second), (Some(b'_'), Some(b'_')))
}

/// The character at `index` of a label name, escaped with underscores, and where the next one begins.
const fn next_of_form(name: &[u8], index: usize) -> (Option<u8>, usize) {
    if index >= name.len() {
        return (None, index);
    }
    if is_classic(name[index], index, false) {
        return (Some(name[index]), index + 1);
    }
    let mut next = index + 1;
    // The bytes of a character that follow its first.
    while next < name.len() && name[next] & 0b1100_0000 == 0b1000_0000 {
        next += 1;
    }
    (Some(b'_'), next)
}

/// String equality that a `const fn` can call.
pub(crate) const fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// Whether `name` ends with `_` and `suffix`: the place of a unit in a metric's name.
///
/// # Examples
///
/// ```
/// assert!(nilometer_core::name::has_suffix("request_duration_seconds", "seconds"));
/// assert!(!nilometer_core::name::has_suffix("request_milliseconds", "seconds"));
/// ```
#[must_use]
pub const fn has_suffix(name: &str, suffix: &str) -> bool {
    let (name, suffix) = (name.as_bytes(), suffix.as_bytes());
    if suffix.is_empty() || name.len() <= suffix.len() + 1 || name[name.len() - suffix.len() - 1] != b'_' {
        return false;
    }
    let start = name.len() - suffix.len();
    let mut index = 0;
    while index < suffix.len() {
        if name[start + index] != suffix[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metric_names_take_the_classic_alphabet_only() {
        for good in ["a", "_", ":", "a:b", "A9_", "__x"] {
            assert_eq!(check_metric_name(good), Ok(()), "{good}");
        }
        for (bad, index) in [("9a", 0), ("a-b", 1), ("a.b", 1), ("ab ", 2), ("é", 0), ("a\n", 1), ("a\0", 1)]
        {
            assert_eq!(check_metric_name(bad), Err(NameError::Character { index }), "{bad:?}");
        }
        assert_eq!(check_metric_name(""), Err(NameError::Empty));
        assert_eq!(check_metric_name(&"a".repeat(65_536)), Ok(()));
        assert_eq!(check_label_name(&"a".repeat(65_537)), Err(NameError::TooLong { length: 65_537 }));
    }

    #[test]
    fn label_names_refuse_the_reserved_ones() {
        for reserved in ["le", "quantile", "__name__", "__", "nilometer_overflow"] {
            assert_eq!(check_label_name(reserved), Err(NameError::Reserved), "{reserved}");
        }
        for good in ["les", "l", "_x", "quantiles", "Le"] {
            assert_eq!(check_label_name(good), Ok(()), "{good}");
        }
        assert_eq!(check_label_name("a:b"), Err(NameError::Character { index: 1 }));
    }

    #[test]
    fn utf8_names_take_any_characters_but_nul_up_to_a_length() {
        for good in ["a.b", "a", "9", " ", "\n", "\u{1}", "\"", "\\", "{}", "é", "\u{202e}", "花火", "U__a"]
        {
            assert_eq!(check_utf8_metric_name(good), Ok(()), "{good:?}");
            assert_eq!(check_utf8_label_name(good), Ok(()), "{good:?}");
        }
        for check in [check_utf8_metric_name, check_utf8_label_name] {
            assert_eq!(check(""), Err(NameError::Empty));
            assert_eq!(check("é\0\0"), Err(NameError::Nul { index: 2 }));
            assert_eq!(check(&"é".repeat(32_768)), Ok(()));
            assert_eq!(check(&"é".repeat(32_769)), Err(NameError::TooLong { length: 65_538 }));
        }
    }

    #[test]
    fn utf8_label_names_refuse_the_reserved_ones_and_what_becomes_the_overflow_label() {
        let reserved = ["le", "quantile", "__", "__é", "nilometer_overflow", "nilometer.overflow"];
        for reserved in reserved.into_iter().chain(["nilometer overflow", "nilometer漢overflow"]) {
            assert_eq!(check_utf8_label_name(reserved), Err(NameError::Reserved), "{reserved}");
        }
        for good in ["nilometer..overflow", "nilometer.overflow.", "l.e", "le.", "_.", "..x"] {
            assert_eq!(check_utf8_label_name(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn label_names_are_distinct_unless_underscores_make_one_of_two() {
        let names: [&[&str]; 6] =
            [&[], &["a"], &["a.b", "a.c"], &["a.b", "a..b"], &["ab", "a.b"], &["имя", "код"]];
        for names in names {
            assert!(are_distinct_labels(names), "{names:?}");
        }
        let names: [&[&str]; 5] =
            [&["a.b", "x", "a_b"], &["a b", "a:b"], &["é", "."], &["1a", "2a"], &["a1漢", "a1."]];
        for names in names {
            assert!(!are_distinct_labels(names), "{names:?}");
        }
    }

    #[test]
    fn a_suffix_needs_its_underscore_and_something_before_it() {
        assert!(has_suffix("a_seconds", "seconds"));
        for bad in ["seconds", "_seconds", "aseconds", "a_second", ""] {
            assert!(!has_suffix(bad, "seconds"), "{bad}");
        }
        assert!(!has_suffix("a_", ""), "an empty unit is none");
    }
}
