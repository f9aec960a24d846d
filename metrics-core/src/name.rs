//! What a metric or a label may be called.
//!
//! The checks are `const fn`, so that the derive refuses a wrong name when the program is compiled and the registry
//! refuses the same names, by the same code, when it runs.

use thiserror::Error;

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
    /// The name belongs to Prometheus or to nilometer: `le`, `quantile`, `nilometer_overflow`, and whatever starts
    /// with two underscores.
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
    let bytes = name.as_bytes();
    let dunder = bytes.len() >= 2 && bytes[0] == b'_' && bytes[1] == b'_';
    if dunder || equal(name, "le") || equal(name, "quantile") || equal(name, OVERFLOW_LABEL) {
        return Err(NameError::Reserved);
    }
    Ok(())
}

const fn check_alphabet(name: &str, colon: bool) -> Result<(), NameError> {
    let bytes = name.as_bytes();
    if bytes.is_empty() {
        return Err(NameError::Empty);
    }
    if bytes.len() > MAX_NAME_LENGTH {
        return Err(NameError::TooLong { length: bytes.len() });
    }
    let mut index = 0;
    while index < bytes.len() {
        let allowed = match bytes[index] {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => true,
            b'0'..=b'9' => index > 0,
            b':' => colon,
            _ => false,
        };
        if !allowed {
            return Err(NameError::Character { index });
        }
        index += 1;
    }
    Ok(())
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
    fn a_suffix_needs_its_underscore_and_something_before_it() {
        assert!(has_suffix("a_seconds", "seconds"));
        for bad in ["seconds", "_seconds", "aseconds", "a_second", ""] {
            assert!(!has_suffix(bad, "seconds"), "{bad}");
        }
        assert!(!has_suffix("a_", ""), "an empty unit is none");
    }
}
