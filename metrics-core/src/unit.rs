//! Units of measurement.

use std::fmt;

use crate::name::{equal, has_suffix};

/// The unit that a metric's values are in, as it stands at the end of the metric's name.
///
/// Prometheus asks for base units: seconds, bytes, ratios. Others exist for names that are older than the advice.
///
/// # Examples
///
/// ```
/// use nilometer_core::Unit;
///
/// assert_eq!(Unit::SECONDS.as_str(), "seconds");
/// assert_eq!(Unit::of_name("request_duration_seconds"), Some(Unit::SECONDS));
/// assert_eq!(Unit::of_name("requests_total"), None);
/// ```
///
/// # Specification
///
/// OpenMetrics 1.0.0, "Unit": a unit is the suffix of its family's name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unit(&'static str);

impl Unit {
    /// Seconds, the base unit of time.
    pub const SECONDS: Unit = Unit("seconds");
    /// Milliseconds, spelled out.
    pub const MILLISECONDS: Unit = Unit("milliseconds");
    /// Milliseconds, abbreviated.
    pub const MS: Unit = Unit("ms");
    /// Microseconds.
    pub const MICROSECONDS: Unit = Unit("microseconds");
    /// Microseconds, abbreviated.
    pub const US: Unit = Unit("us");
    /// Nanoseconds.
    pub const NANOSECONDS: Unit = Unit("nanoseconds");
    /// Nanoseconds, abbreviated.
    pub const NS: Unit = Unit("ns");
    /// Minutes.
    pub const MINUTES: Unit = Unit("minutes");
    /// Hours.
    pub const HOURS: Unit = Unit("hours");
    /// Days.
    pub const DAYS: Unit = Unit("days");
    /// Bytes, the base unit of size.
    pub const BYTES: Unit = Unit("bytes");
    /// A ratio from 0 to 1.
    pub const RATIO: Unit = Unit("ratio");
    /// Metres.
    pub const METERS: Unit = Unit("meters");
    /// Degrees Celsius.
    pub const CELSIUS: Unit = Unit("celsius");

    /// Each with how many of it make a second, where it is a time.
    const KNOWN: [(Unit, Option<f64>); 14] = [
        (Unit::SECONDS, Some(1.0)),
        (Unit::MILLISECONDS, Some(1e3)),
        (Unit::MS, Some(1e3)),
        (Unit::MICROSECONDS, Some(1e6)),
        (Unit::US, Some(1e6)),
        (Unit::NANOSECONDS, Some(1e9)),
        (Unit::NS, Some(1e9)),
        (Unit::MINUTES, Some(1.0 / 60.0)),
        (Unit::HOURS, Some(1.0 / 3600.0)),
        (Unit::DAYS, Some(1.0 / 86_400.0)),
        (Unit::BYTES, None),
        (Unit::RATIO, None),
        (Unit::METERS, None),
        (Unit::CELSIUS, None),
    ];

    /// A unit of the caller's own, such as `"requests"`.
    ///
    /// Whether it is a fitting suffix is checked when a metric that has it is registered.
    #[must_use]
    pub const fn new(suffix: &'static str) -> Unit {
        Unit(suffix)
    }

    /// The unit as it stands in names and on pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// The known unit that `name` ends with, a counter's `_total` aside.
    #[must_use]
    pub const fn of_name(name: &str) -> Option<Unit> {
        let total = if has_suffix(name, "total") { "_total".len() } else { 0 };
        let (name, _) = name.split_at(name.len() - total);
        let mut index = 0;
        while index < Unit::KNOWN.len() {
            let (unit, _) = Unit::KNOWN[index];
            if has_suffix(name, unit.0) {
                return Some(unit);
            }
            index += 1;
        }
        None
    }

    /// How many of this unit make a second, or `None` for what is not a time.
    #[must_use]
    pub const fn per_second(self) -> Option<f64> {
        let mut index = 0;
        while index < Unit::KNOWN.len() {
            let (unit, per_second) = Unit::KNOWN[index];
            if equal(unit.0, self.0) {
                return per_second;
            }
            index += 1;
        }
        None
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unit({})", self.0)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_found_before_total_and_not_inside_a_word() {
        assert_eq!(Unit::of_name("io_bytes_total"), Some(Unit::BYTES));
        assert_eq!(Unit::of_name("processing_duration_ms"), Some(Unit::MS));
        assert_eq!(Unit::of_name("forms"), None);
        assert_eq!(Unit::of_name("x_milliseconds").and_then(Unit::per_second), Some(1e3));
        for name in ["_total", "total", "seconds", "a_total_seconds_total_total"] {
            assert_eq!(Unit::of_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_time_says_how_many_of_it_make_a_second() {
        assert_eq!(Unit::new("seconds").per_second(), Some(1.0));
        assert_eq!(Unit::HOURS.per_second(), Some(1.0 / 3600.0));
        for no_time in [Unit::BYTES, Unit::new("second"), Unit::new("")] {
            assert_eq!(no_time.per_second(), None, "{no_time}");
        }
    }
}
