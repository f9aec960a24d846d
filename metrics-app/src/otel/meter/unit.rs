//! Units as the names of Prometheus spell them.

use std::borrow::Cow;
use std::sync::LazyLock;

use nilometer_core::Unit;

/// UCUM's codes with the words of Prometheus.
///
/// SPEC: OpenTelemetry, "Prometheus and OpenMetrics Compatibility", "Metric Metadata" of OTLP metric points: abbreviations
/// become full words. Which ones there are is that of the collector's Prometheus exporter, with kelvins and bits besides.
const WORDS: [(&str, Unit); 29] = [
    ("d", Unit::DAYS),
    ("h", Unit::HOURS),
    ("min", Unit::MINUTES),
    ("s", Unit::SECONDS),
    ("ms", Unit::MILLISECONDS),
    ("us", Unit::MICROSECONDS),
    ("ns", Unit::NANOSECONDS),
    ("bit", Unit::new("bits")),
    ("By", Unit::BYTES),
    ("KiBy", Unit::new("kibibytes")),
    ("MiBy", Unit::new("mebibytes")),
    ("GiBy", Unit::new("gibibytes")),
    ("TiBy", Unit::new("tibibytes")),
    ("kBy", Unit::new("kilobytes")),
    // No code of UCUM, but that of the collector.
    ("KBy", Unit::new("kilobytes")),
    ("MBy", Unit::new("megabytes")),
    ("GBy", Unit::new("gigabytes")),
    ("TBy", Unit::new("terabytes")),
    ("m", Unit::METERS),
    ("V", Unit::new("volts")),
    ("A", Unit::new("amperes")),
    ("J", Unit::new("joules")),
    ("W", Unit::new("watts")),
    ("g", Unit::new("grams")),
    ("K", Unit::new("kelvin")),
    ("Cel", Unit::CELSIUS),
    ("Hz", Unit::new("hertz")),
    ("%", Unit::new("percent")),
    ("1", Unit::RATIO),
];

/// What something can be counted by, in the singular.
const BY: [(&str, &str); 7] = [
    ("s", "second"),
    ("min", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("wk", "week"),
    ("mo", "month"),
    ("a", "year"),
];

/// Every word by every time, as `bytes_per_second`: of a process's length, as units are.
static RATES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let rates = WORDS.iter().flat_map(|(_, unit)| BY.iter().map(move |(_, by)| format!("{unit}_per_{by}")));
    rates.collect()
});

/// A unit as it ends a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suffix {
    text: String,
    unit: Option<Unit>,
}

impl Suffix {
    /// The suffix for an instrument's unit, if it has one. A count of things has none, nor has a plain number that is not
    /// a gauge's: instruments that count are often given `1`, which is no ratio there.
    pub(super) fn of(unit: Option<&Cow<'static, str>>, is_gauge: bool) -> Option<Suffix> {
        let given = unit?;
        let plain = without_annotations(given);
        if plain == "1" && !is_gauge {
            return None;
        }
        let (unit, by) = plain.split_once('/').unwrap_or((&plain, ""));
        let (unit, by) = (unit.trim(), by.trim());
        if by.is_empty() {
            // What an instrument borrows lasts as long as the program.
            let lasting = if let Cow::Borrowed(given) = given { Some(*given) } else { None };
            return Suffix::of_one(unit, lasting);
        }
        let unit = if unit == "1" { Cow::Borrowed("") } else { word(unit) };
        let by =
            BY.iter().find(|(code, _)| *code == by).map_or_else(|| word(by), |(_, by)| Cow::Borrowed(*by));
        let parts = [&*unit, "per", &*by].into_iter().filter(|part| !part.is_empty());
        let text = parts.collect::<Vec<_>>().join("_");
        let known = RATES.iter().find(|rate| **rate == text);
        (!by.is_empty()).then(|| Suffix { unit: known.map(|rate| Unit::new(rate)), text })
    }

    /// That of a unit that is no rate, which was given as `lasting`.
    fn of_one(code: &str, lasting: Option<&'static str>) -> Option<Suffix> {
        let text = word(code).into_owned();
        let known = WORDS.iter().find(|(known, _)| *known == code).map(|(_, unit)| *unit);
        let spelled_out = || WORDS.iter().map(|(_, unit)| *unit).find(|unit| unit.as_str() == text);
        let own = || lasting.filter(|given| *given == text).map(Unit::new);
        let unit = known.or_else(spelled_out).or_else(own);
        (!text.is_empty()).then_some(Suffix { text, unit })
    }

    /// The suffix, without the underscore before it.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The unit that a family can declare.
    pub(super) fn unit(&self) -> Option<Unit> {
        self.unit
    }
}

/// The word for a code, which is the code where there is none, with underscores for what cannot stand in a name.
fn word(code: &str) -> Cow<'static, str> {
    if let Some((_, unit)) = WORDS.iter().find(|(known, _)| *known == code) {
        return Cow::Borrowed(unit.as_str());
    }
    let words = code.split(|character: char| !character.is_ascii_alphanumeric());
    Cow::Owned(words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_"))
}

/// The unit without what stands in curly braces, which says what is counted.
fn without_annotations(unit: &str) -> String {
    let mut depth = 0_u32;
    let keep = unit.chars().filter(|character| match character {
        '{' => {
            depth += 1;
            false
        }
        '}' => {
            depth = depth.saturating_sub(1);
            false
        }
        _ => depth == 0,
    });
    keep.collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suffix(unit: &'static str, is_gauge: bool) -> Option<(String, Option<Unit>)> {
        let suffix = Suffix::of(Some(&Cow::Borrowed(unit)), is_gauge)?;
        Some((suffix.as_str().to_owned(), suffix.unit()))
    }

    #[test]
    fn codes_become_words_and_annotations_nothing() {
        let table: [(&str, &str, Option<&str>); 12] = [
            ("s", "seconds", Some("seconds")),
            ("By", "bytes", Some("bytes")),
            ("MiBy", "mebibytes", Some("mebibytes")),
            ("%", "percent", Some("percent")),
            ("By/s", "bytes_per_second", Some("bytes_per_second")),
            ("1/s", "per_second", None),
            ("{request}/s", "per_second", None),
            ("By{sent}", "bytes", Some("bytes")),
            ("seconds", "seconds", Some("seconds")),
            ("requests", "requests", Some("requests")),
            ("k m2", "k_m2", None),
            ("J/kg", "joules_per_kg", None),
        ];
        for (unit, text, declared) in table {
            let expected = (text.to_owned(), declared.map(Unit::new));
            assert_eq!(suffix(unit, false), Some(expected), "{unit}");
        }
        for none in ["", "{request}", " ", "{a}{b}", "1", "{", "}", "/", "s/", "/{x}", "$"] {
            let expected = if none == "s/" { suffix("s", false) } else { None };
            assert_eq!(suffix(none, false), expected, "{none}");
        }
    }

    #[test]
    fn a_plain_number_is_the_ratio_of_a_gauge_alone() {
        assert_eq!(suffix("1", true), Some(("ratio".to_owned(), Some(Unit::RATIO))));
        assert_eq!(suffix("1", false), None);
    }

    #[test]
    fn a_unit_of_a_length_of_its_own_is_declared_where_it_is_a_known_one() {
        let owned = |unit: &str| Suffix::of(Some(&Cow::Owned(unit.to_owned())), false).unwrap();
        assert_eq!(owned("ms").unit(), Some(Unit::MILLISECONDS));
        assert_eq!(owned("seconds").unit(), Some(Unit::SECONDS));
        assert_eq!(owned("By/min").unit(), Some(Unit::new("bytes_per_minute")));
        assert_eq!(owned("requests"), Suffix { text: "requests".to_owned(), unit: None });
    }
}
