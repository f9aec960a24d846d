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
/// for what is counted. UCUM: an annotation holds the characters 33 to 126 without curly braces.
fn ucum(unit: Unit) -> Option<Cow<'static, str>> {
    let code = match unit.as_str() {
        "days" => "d",
        "hours" => "h",
        "minutes" => "min",
        "seconds" => "s",
        "milliseconds" | "ms" => "ms",
        "microseconds" | "us" => "us",
        "nanoseconds" | "ns" => "ns",
        "bits" => "bit",
        "bytes" => "By",
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
        word => return annotation(word),
    };
    Some(Cow::Borrowed(code))
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
