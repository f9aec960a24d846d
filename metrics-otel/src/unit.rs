//! Units as OpenTelemetry writes them.

use std::borrow::Cow;

use nilometer_core::collect::{Descriptor, Unit};

/// The unit of a family in UCUM: the one that was declared, or else the known one that its name ends with.
pub(crate) fn ucum_of(descriptor: &Descriptor) -> Option<Cow<'static, str>> {
    descriptor.unit().or_else(|| Unit::of_name(descriptor.name())).and_then(ucum)
}

/// A unit in UCUM's case-sensitive form, or `None` for one that UCUM has no way to write.
///
/// SPEC: OpenTelemetry semantic conventions, "Metrics", "Instrument units": UCUM codes, and annotations in curly braces
/// for what is counted. UCUM: an annotation holds the characters 33 to 126 without curly braces. OpenTelemetry,
/// "Prometheus and OpenMetrics Compatibility", "Metric Metadata": `foo_per_bar` is `foo/bar`.
fn ucum(unit: Unit) -> Option<Cow<'static, str>> {
    let rate = unit.as_str().split_once("_per_").and_then(|(unit, by)| Some((code(unit)?, time(by)?)));
    match (rate, code(unit.as_str())) {
        (Some((unit, by)), _) => Some(Cow::Owned(format!("{unit}/{by}"))),
        (None, Some(code)) => Some(Cow::Borrowed(code)),
        (None, None) => annotation(unit.as_str()),
    }
}

/// The code of a unit that has one.
fn code(unit: &str) -> Option<&'static str> {
    let code = match unit {
        "days" => "d",
        "hours" => "h",
        "minutes" => "min",
        "seconds" => "s",
        "milliseconds" | "ms" => "ms",
        "microseconds" | "us" => "us",
        "nanoseconds" | "ns" => "ns",
        "bits" => "bit",
        "bytes" => "By",
        "kibibytes" => "KiBy",
        "mebibytes" => "MiBy",
        "gibibytes" => "GiBy",
        "tibibytes" => "TiBy",
        "kilobytes" => "kBy",
        "megabytes" => "MBy",
        "gigabytes" => "GBy",
        "terabytes" => "TBy",
        "ratio" => "1",
        "percent" => "%",
        "meters" => "m",
        "celsius" => "Cel",
        "kelvin" => "K",
        "volts" => "V",
        "amperes" => "A",
        "joules" => "J",
        "watts" => "W",
        "hertz" => "Hz",
        "grams" => "g",
        _ => return None,
    };
    Some(code)
}

/// The code of a time in the singular.
fn time(unit: &str) -> Option<&'static str> {
    let code = match unit {
        "second" => "s",
        "minute" => "min",
        "hour" => "h",
        "day" => "d",
        "week" => "wk",
        "month" => "mo",
        "year" => "a",
        _ => return None,
    };
    Some(code)
}

fn annotation(word: &str) -> Option<Cow<'static, str>> {
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'{' && byte != b'}';
    (!word.is_empty() && word.bytes().all(fits)).then(|| Cow::Owned(format!("{{{word}}}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_units_have_their_codes_and_others_are_annotations() {
        let table = [
            (Unit::SECONDS, Some("s")),
            (Unit::MILLISECONDS, Some("ms")),
            (Unit::MS, Some("ms")),
            (Unit::MICROSECONDS, Some("us")),
            (Unit::NANOSECONDS, Some("ns")),
            (Unit::BYTES, Some("By")),
            (Unit::RATIO, Some("1")),
            (Unit::METERS, Some("m")),
            (Unit::CELSIUS, Some("Cel")),
            (Unit::new("mebibytes"), Some("MiBy")),
            (Unit::new("bytes_per_second"), Some("By/s")),
            (Unit::new("ratio_per_minute"), Some("1/min")),
            (Unit::new("requests_per_second"), Some("{requests_per_second}")),
            (Unit::new("bytes_per_request"), Some("{bytes_per_request}")),
            (Unit::new("requests"), Some("{requests}")),
            (Unit::new(""), None),
            (Unit::new("a}b"), None),
            (Unit::new("größe"), None),
            (Unit::new("two words"), None),
        ];
        for (unit, expected) in table {
            assert_eq!(ucum(unit).as_deref(), expected, "{unit}");
        }
    }
}
