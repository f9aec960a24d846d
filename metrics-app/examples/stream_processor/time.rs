//! Event time: when something happened, as its event says.

use std::fmt;

const DAY: i64 = 86_400;

/// Seconds since 1970-01-01T00:00 on the one clock that all events are taken to share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EventTime(i64);

impl EventTime {
    /// Reads `YYYY-MM-DDTHH:MM`; `None` when it is something else, or no such minute exists.
    pub(crate) fn parse(text: &str) -> Option<EventTime> {
        let bytes = text.as_bytes();
        let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':')];
        if bytes.len() != 16 || separators.iter().any(|&(index, byte)| bytes[index] != byte) {
            return None;
        }
        let (year, month, day) = (digits(&bytes[..4])?, digits(&bytes[5..7])?, digits(&bytes[8..10])?);
        let (hour, minute) = (digits(&bytes[11..13])?, digits(&bytes[14..])?);
        let exists = year >= 1970
            && (1..=12).contains(&month)
            && (1..=month_length(year, month)).contains(&day)
            && hour < 24
            && minute < 60;
        exists.then(|| {
            let months: i64 = (1..month).map(|month| month_length(year, month)).sum();
            let days = days_before(year) + months + day - 1;
            EventTime(days * DAY + hour * 3600 + minute * 60)
        })
    }

    /// Seconds since 1970.
    pub(crate) fn seconds(self) -> i64 {
        self.0
    }

    /// The start of the window of `length` seconds that this time falls into.
    pub(crate) fn window_start(self, length: i64) -> EventTime {
        EventTime(self.0 - self.0.rem_euclid(length))
    }

    /// `seconds` later.
    pub(crate) fn after(self, seconds: i64) -> EventTime {
        EventTime(self.0 + seconds)
    }

    /// Seconds from `earlier` to this; negative when it is later after all.
    pub(crate) fn since(self, earlier: EventTime) -> i64 {
        self.0 - earlier.0
    }
}

/// As `YYYY-MM-DDTHH:MM`.
impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut days, second) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        // A year too early at most, because no year is longer than 366 days.
        let mut year = 1970 + days / 366;
        days -= days_before(year);
        while days >= year_length(year) {
            days -= year_length(year);
            year += 1;
        }
        let mut month = 1;
        while days >= month_length(year, month) {
            days -= month_length(year, month);
            month += 1;
        }
        write!(f, "{year:04}-{month:02}-{:02}T{:02}:{:02}", days + 1, second / 3600, second % 3600 / 60)
    }
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes
        .iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn year_length(year: i64) -> i64 {
    365 + i64::from(is_leap(year))
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the first day of `year`.
fn days_before(year: i64) -> i64 {
    let leaps = |years: i64| years / 4 - years / 100 + years / 400;
    (year - 1970) * 365 + leaps(year - 1) - leaps(1969)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_since_1970() {
        let table = [
            ("1970-01-01T00:00", 0),
            ("2000-02-29T23:59", 951_868_740),
            ("2001-01-01T00:47", 978_310_020),
            ("9999-12-31T23:59", 253_402_300_740),
        ];
        for (text, seconds) in table {
            assert_eq!(EventTime::parse(text), Some(EventTime(seconds)), "{text}");
            assert_eq!(EventTime(seconds).to_string(), text);
        }
    }

    #[test]
    fn every_day_of_four_centuries_reads_back() {
        for day in 0..146_097 {
            let time = EventTime(day * DAY + 60);
            assert_eq!(EventTime::parse(&time.to_string()), Some(time));
        }
    }

    #[test]
    fn times_that_do_not_exist_are_refused() {
        let table = [
            "",
            "2001-01-01",
            "2001-01-01 00:47",
            "2001-13-01T00:00",
            "2001-00-01T00:00",
            "2001-02-29T00:00",
            "2001-01-32T00:00",
            "2001-01-00T00:00",
            "2001-01-01T24:00",
            "2001-01-01T00:60",
            "1969-12-31T23:59",
            "2001-01-01T0x:00",
            "2001-01-01T+1:00",
            "2001-01-01T00:4é",
            "٢٠٠١-01-01T00",
        ];
        for text in table {
            assert_eq!(EventTime::parse(text), None, "{text}");
        }
    }

    #[test]
    fn windows_start_at_multiples_of_their_length() {
        let time = EventTime::parse("2001-01-01T00:47").unwrap();
        assert_eq!(time.window_start(3600).to_string(), "2001-01-01T00:00");
        assert_eq!(time.window_start(60), time);
    }
}
