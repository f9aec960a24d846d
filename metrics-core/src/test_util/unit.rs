//! Units that stand in names.

/// Units that are base units, those that are not with what Prometheus would have instead.
///
/// SPEC: Prometheus, "Metric and label naming", base units; which words stand for them is that of `promtool check
/// metrics`, `client_golang`'s `promlint`.
const UNITS: [(&str, &str); 24] = [
    ("amperes", "amperes"),
    ("bytes", "bytes"),
    ("celsius", "celsius"),
    ("grams", "grams"),
    ("joules", "joules"),
    ("kelvin", "kelvin"),
    ("meters", "meters"),
    ("metres", "metres"),
    ("seconds", "seconds"),
    ("volts", "volts"),
    ("minutes", "seconds"),
    ("hours", "seconds"),
    ("days", "seconds"),
    ("weeks", "seconds"),
    ("kelvins", "kelvin"),
    ("fahrenheit", "celsius"),
    ("rankine", "celsius"),
    ("inches", "meters"),
    ("yards", "meters"),
    ("miles", "meters"),
    ("bits", "bytes"),
    ("calories", "joules"),
    ("pounds", "grams"),
    ("ounces", "grams"),
];

/// What can stand before a unit.
const PREFIXES: [&str; 18] = [
    "pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi", "mega", "mebi",
    "giga", "gibi", "tera", "tebi", "peta", "pebi",
];

/// Units that should be spelled out.
const ABBREVIATIONS: [&str; 14] =
    ["s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"];

/// The first word of a name that is a unit, and the base unit for it.
pub(super) fn of_name(name: &str) -> Option<(&str, &'static str)> {
    let base = |word: &str| UNITS.iter().find(|(unit, _)| *unit == word).map(|(_, base)| *base);
    name.split('_').find_map(|word| {
        let prefixed = || PREFIXES.iter().find_map(|prefix| word.strip_prefix(prefix).and_then(base));
        base(word).or_else(prefixed).map(|base| (word, base))
    })
}

/// The first word of a name, but the first of all, that is an abbreviated unit.
pub(super) fn abbreviated(name: &str) -> Option<&'static str> {
    let mut words = name.split('_').skip(1);
    words.find_map(|word| ABBREVIATIONS.iter().find(|unit| unit.eq_ignore_ascii_case(word)).copied())
}
