//! Exemplars and times in OpenMetrics text.

use std::time::{Duration, SystemTime};

use nilometer_core::collect::{EscapingScheme, Exemplar, Number, SeriesLabels};

use crate::escaping::push_labels;
use crate::number::push_number_line;

/// Appends an exemplar to the line that `page` ends with.
///
/// SPEC: OpenMetrics 1.0.0, "ABNF: exemplar". The timestamp, which may be left out there, is always written: Prometheus
/// takes the time of the scrape otherwise.
pub(super) fn push_exemplar(exemplar: &Exemplar<'_>, scheme: EscapingScheme, page: &mut String) {
    // The line feed, which comes back behind the exemplar.
    page.pop();
    page.push_str(" # {");
    push_labels(SeriesLabels::of(exemplar.labels()), scheme, page);
    page.push_str("} ");
    push_number_line(Number::F64(exemplar.value()), page);
    page.pop();
    page.push(' ');
    push_time_line(exemplar.time(), page);
}

/// Appends a time as seconds since 1970, to the nanosecond, and a line feed.
pub(super) fn push_time_line(time: SystemTime, page: &mut String) {
    let distance = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => after,
        Err(before) => {
            page.push('-');
            before.duration()
        }
    };
    page.push_str(itoa::Buffer::new().format(distance.as_secs()));
    push_fraction(distance, page);
    page.push('\n');
}

fn push_fraction(distance: Duration, page: &mut String) {
    let mut nanoseconds = distance.subsec_nanos();
    if nanoseconds == 0 {
        return;
    }
    page.push('.');
    let mut digit = 100_000_000;
    while nanoseconds > 0 {
        page.push(char::from_digit(nanoseconds / digit, 10).unwrap_or('0'));
        nanoseconds %= digit;
        digit /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_to_the_nanosecond() {
        let shown = |time| {
            let mut text = String::new();
            push_time_line(time, &mut text);
            text
        };
        let epoch = SystemTime::UNIX_EPOCH;
        for (distance, expected) in [
            (Duration::ZERO, "0\n"),
            (Duration::from_secs(1_700_000_000), "1700000000\n"),
            (Duration::from_millis(1_700_000_000_050), "1700000000.05\n"),
            (Duration::new(1, 1), "1.000000001\n"),
            (Duration::new(1, 999_999_999), "1.999999999\n"),
            (Duration::new(1, 100_000_000), "1.1\n"),
        ] {
            assert_eq!(shown(epoch + distance), expected);
        }
        assert_eq!(shown(epoch - Duration::from_millis(1500)), "-1.5\n");
    }
}
