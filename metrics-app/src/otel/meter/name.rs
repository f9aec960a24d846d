//! What instruments and attributes are called in the registry.

use nilometer_core::Unit;
use nilometer_core::name::has_suffix;

use super::unit::Suffix;

/// The longest name of an instrument, in bytes.
const MAX_NAME: usize = 255;

/// The longest unit of an instrument, in bytes.
const MAX_UNIT: usize = 63;

/// Whether an instrument can have this name.
///
/// SPEC: OpenTelemetry, "Metrics API", "Instrument name syntax".
pub(super) fn is_instrument_name(name: &str) -> bool {
    let follows = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/');
    name.len() <= MAX_NAME
        && name.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        && name.bytes().all(follows)
}

/// Whether an instrument can have this unit.
///
/// SPEC: OpenTelemetry, "Metrics API", "Instrument unit".
pub(super) fn is_instrument_unit(unit: &str) -> bool {
    unit.len() <= MAX_UNIT && unit.is_ascii()
}

/// How names become those of a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Naming {
    /// Whether the registry takes any characters.
    pub(super) is_utf8: bool,
    /// Whether names end with the unit, and counters' with `_total`.
    pub(super) has_suffixes: bool,
}

/// What decides the suffixes of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Total,
    Gauge,
    Other,
}

impl Naming {
    /// The name of a family and the unit that it declares, of an instrument whose unit has this suffix.
    pub(super) fn family(self, name: &str, suffix: Option<Suffix>, shape: Shape) -> (String, Option<Unit>) {
        let mut full = if self.is_utf8 { name.to_owned() } else { classic(name, true) };
        if self.has_suffixes {
            if shape == Shape::Total {
                full.truncate(without_total(&full).len());
            }
            if let Some(suffix) = &suffix
                && !has_word(&full, suffix.as_str())
            {
                full.push('_');
                full.push_str(suffix.as_str());
            }
            if shape == Shape::Total {
                full.push_str("_total");
            }
        }
        let base = full.strip_suffix("_total").unwrap_or(&full);
        let unit = suffix.and_then(|suffix| suffix.unit()).filter(|unit| has_suffix(base, unit.as_str()));
        (full, unit)
    }

    /// Whether a label can have the attribute's key for its name as it is.
    pub(super) fn is_label(self, key: &str) -> bool {
        self.is_utf8 || is_classic(key)
    }

    /// Appends the name of the label that an attribute becomes.
    pub(super) fn push_label(self, key: &str, out: &mut String) {
        if self.is_label(key) {
            out.push_str(key);
        } else {
            push_classic(key, false, out);
        }
    }
}

/// Whether nothing of a label's name needs to be replaced.
fn is_classic(key: &str) -> bool {
    let mut before = 0;
    !key.as_bytes().first().is_some_and(u8::is_ascii_digit)
        && key.bytes().all(|byte| {
            let is_first_underscore = byte == b'_' && before != b'_';
            before = byte;
            byte.is_ascii_alphanumeric() || is_first_underscore
        })
}

/// A name with underscores for what is not classic.
///
/// SPEC: OpenTelemetry, "Prometheus and OpenMetrics Compatibility", "Metric Metadata" and "Metric Attributes": several
/// underscores in a row become one.
fn classic(name: &str, takes_colons: bool) -> String {
    let mut out = String::with_capacity(name.len());
    push_classic(name, takes_colons, &mut out);
    out
}

fn push_classic(name: &str, takes_colons: bool, out: &mut String) {
    if name.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        // As the collector has it.
        out.push_str("key_");
    }
    // What is kept is ASCII, so that names are cut between characters.
    let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || takes_colons && byte == b':';
    let mut rest = name;
    while !rest.is_empty() {
        let (kept, after) = rest.split_at(rest.bytes().position(|byte| !is_kept(byte)).unwrap_or(rest.len()));
        out.push_str(kept);
        if !after.is_empty() {
            out.push('_');
        }
        rest = &after[after.bytes().position(is_kept).unwrap_or(after.len())..];
    }
}

/// A counter's name without the word that is to be its last, unless that is all of it.
fn without_total(name: &str) -> &str {
    let short = name.strip_suffix("total").and_then(|short| short.strip_suffix(is_separator));
    short.filter(|short| !short.is_empty()).unwrap_or(name)
}

fn is_separator(character: char) -> bool {
    !character.is_ascii_alphanumeric()
}

/// Whether the words of a suffix stand in a name, one after the other.
fn has_word(name: &str, suffix: &str) -> bool {
    let words: Vec<&str> = name.split(is_separator).collect();
    let wanted: Vec<&str> = suffix.split('_').collect();
    words.windows(wanted.len()).any(|words| words == wanted)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    const CLASSIC: Naming = Naming { is_utf8: false, has_suffixes: true };

    fn family(naming: Naming, name: &str, unit: &'static str, shape: Shape) -> (String, Option<Unit>) {
        let suffix = Suffix::of(Some(&Cow::Borrowed(unit)), shape == Shape::Gauge);
        naming.family(name, suffix, shape)
    }

    #[test]
    fn names_end_with_their_unit_and_a_counter_s_with_total() {
        let table = [
            ("http.server.request.duration", "s", Shape::Other, "http_server_request_duration_seconds"),
            ("http.requests", "{request}", Shape::Total, "http_requests_total"),
            ("sent", "By", Shape::Total, "sent_bytes_total"),
            ("sent.total", "By", Shape::Total, "sent_bytes_total"),
            ("sent_total", "", Shape::Total, "sent_total"),
            ("total", "", Shape::Total, "total_total"),
            ("disk.bytes.read", "By", Shape::Total, "disk_bytes_read_total"),
            ("cpu.utilization", "1", Shape::Gauge, "cpu_utilization_ratio"),
            ("cpu.count", "1", Shape::Other, "cpu_count"),
            ("a--b//c", "", Shape::Gauge, "a_b_c"),
            ("rate", "By/s", Shape::Gauge, "rate_bytes_per_second"),
            ("milliseconds", "s", Shape::Gauge, "milliseconds_seconds"),
        ];
        for (name, unit, shape, expected) in table {
            assert_eq!(family(CLASSIC, name, unit, shape).0, expected);
        }
    }

    #[test]
    fn a_unit_is_declared_where_the_name_ends_with_it() {
        let table = [
            ("x", "s", Shape::Other, Some("seconds")),
            ("x_bytes_total", "By", Shape::Total, Some("bytes")),
            ("bytes.read", "By", Shape::Gauge, None),
            ("x", "{thing}", Shape::Gauge, None),
            ("x", "By/s", Shape::Gauge, Some("bytes_per_second")),
        ];
        for (name, unit, shape, expected) in table {
            assert_eq!(family(CLASSIC, name, unit, shape).1, expected.map(Unit::new), "{name}");
        }
    }

    #[test]
    fn names_stay_what_they_are_where_the_registry_takes_them_and_suffixes_are_off() {
        let naming = Naming { is_utf8: true, has_suffixes: true };
        let name = "http.server.request.duration";
        let (full, unit) = family(naming, name, "s", Shape::Other);
        assert_eq!((full.as_str(), unit), ("http.server.request.duration_seconds", Some(Unit::SECONDS)));
        assert_eq!(family(naming, "a.total", "", Shape::Total).0, "a_total");
        let naming = Naming { is_utf8: true, has_suffixes: false };
        assert_eq!(family(naming, name, "s", Shape::Other), (name.to_owned(), None));
        let naming = Naming { is_utf8: false, has_suffixes: false };
        assert_eq!(
            family(naming, "a.b_seconds", "s", Shape::Total),
            ("a_b_seconds".to_owned(), Some(Unit::SECONDS))
        );
    }

    #[test]
    fn keys_become_names_of_labels() {
        let table = [
            ("http.request.method", "http_request_method"),
            ("a..b", "a_b"),
            ("a__b", "a_b"),
            ("9lives", "key_9lives"),
            ("größe", "gr_e"),
            ("a:b", "a_b"),
            ("", ""),
            ("plain_1", "plain_1"),
        ];
        for (key, expected) in table {
            let mut name = String::new();
            CLASSIC.push_label(key, &mut name);
            assert_eq!(name, expected);
            assert_eq!(CLASSIC.is_label(key), key == expected, "{key}");
        }
        assert!(Naming { is_utf8: true, has_suffixes: true }.is_label("a..b"));
    }

    #[test]
    fn names_and_units_are_what_the_api_allows() {
        for good in ["a", "A.b-c/d_9", &"a".repeat(255)] {
            assert!(is_instrument_name(good), "{good}");
        }
        for bad in ["", "9a", "_a", "a b", "a$", "é", &"a".repeat(256)] {
            assert!(!is_instrument_name(bad), "{bad}");
        }
        assert!(is_instrument_unit(&"a".repeat(63)) && is_instrument_unit(""));
        assert!(!is_instrument_unit(&"a".repeat(64)) && !is_instrument_unit("µs"));
    }
}
