//! One flight: a row of the input, checked.

use csv::{ByteRecord, DeserializeErrorKind, ErrorKind};
use nilometer::LabelValue;
use serde::Deserialize;
use thiserror::Error;

use crate::time::EventTime;

/// The columns that an input must have, in any order.
pub(crate) const COLUMNS: [&str; 5] =
    ["scheduled", "origin", "destination", "distance_miles", "delay_minutes"];

/// A code of three letters, such as `ATL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Airport([u8; 3]);

impl Airport {
    /// Takes three capital letters, and nothing else.
    pub(crate) fn parse(text: &str) -> Option<Airport> {
        let code: [u8; 3] = text.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_uppercase).then_some(Airport(code))
    }

    pub(crate) fn as_str(&self) -> &str {
        // Three ASCII letters, so this never falls back.
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
}

/// A flight that took place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Flight {
    pub(crate) scheduled: EventTime,
    pub(crate) origin: Airport,
    /// Negative when it arrived early.
    pub(crate) delay_seconds: f64,
}

/// A row as it stands in the file; an empty field is a missing one.
#[derive(Debug, Deserialize)]
struct Row<'a> {
    scheduled: Option<&'a str>,
    origin: Option<&'a str>,
    destination: Option<&'a str>,
    distance_miles: Option<&'a str>,
    delay_minutes: Option<&'a str>,
}

/// Says what is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum RowError {
    #[error("`{0}` is missing")]
    MissingField(&'static str),
    #[error("{found} fields where the header has {expected}")]
    ExtraField { found: usize, expected: usize },
    #[error("`{0}` is no time like `2001-01-31T23:59`")]
    BadTime(String),
    #[error("`{0}` is no airport like `ATL`")]
    BadAirport(String),
    #[error("`{0}` is no whole number of miles or minutes")]
    BadNumber(String),
    #[error("a field is not UTF-8")]
    NotUtf8,
}

/// Why an event was dropped: the value of the label `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, LabelValue)]
#[label(rename_all = "snake_case")]
pub(crate) enum DropReason {
    MissingField,
    ExtraField,
    BadTime,
    BadAirport,
    BadNumber,
    NotUtf8,
    /// Well formed, but its window had closed.
    Late,
}

impl RowError {
    pub(crate) fn reason(&self) -> DropReason {
        match self {
            RowError::MissingField(_) => DropReason::MissingField,
            RowError::ExtraField { .. } => DropReason::ExtraField,
            RowError::BadTime(_) => DropReason::BadTime,
            RowError::BadAirport(_) => DropReason::BadAirport,
            RowError::BadNumber(_) => DropReason::BadNumber,
            RowError::NotUtf8 => DropReason::NotUtf8,
        }
    }
}

impl Flight {
    /// Reads the row `record` under the columns that `header` names.
    ///
    /// The error quotes what is wrong with the first bad field, shortened.
    pub(crate) fn parse(record: &ByteRecord, header: &ByteRecord) -> Result<Flight, RowError> {
        if record.len() > header.len() {
            return Err(RowError::ExtraField { found: record.len(), expected: header.len() });
        }
        let row: Row<'_> = record.deserialize(Some(header)).map_err(|error| row_error(&error))?;
        let scheduled = present(row.scheduled, "scheduled")?;
        let origin = present(row.origin, "origin")?;
        let destination = present(row.destination, "destination")?;
        let distance = present(row.distance_miles, "distance_miles")?;
        let delay = present(row.delay_minutes, "delay_minutes")?;

        airport(destination)?;
        // Parsed for the check alone: a row is sound as a whole or not at all.
        let _: u32 = number(distance)?;
        let delay_minutes: i32 = number(delay)?;
        Ok(Flight {
            scheduled: EventTime::parse(scheduled).ok_or_else(|| RowError::BadTime(shortened(scheduled)))?,
            origin: airport(origin)?,
            delay_seconds: f64::from(delay_minutes) * 60.0,
        })
    }
}

/// A field that is text can fail in one way only: by not being UTF-8.
fn row_error(error: &csv::Error) -> RowError {
    match error.kind() {
        ErrorKind::Deserialize { err, .. } if matches!(err.kind(), DeserializeErrorKind::InvalidUtf8(_)) => {
            RowError::NotUtf8
        }
        _ => RowError::MissingField("a column"),
    }
}

fn present<'a>(field: Option<&'a str>, column: &'static str) -> Result<&'a str, RowError> {
    field.ok_or(RowError::MissingField(column))
}

fn airport(text: &str) -> Result<Airport, RowError> {
    Airport::parse(text).ok_or_else(|| RowError::BadAirport(shortened(text)))
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, RowError> {
    text.parse().map_err(|_| RowError::BadNumber(shortened(text)))
}

/// At most 32 characters, controls escaped: a message stays one line whatever the input holds.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(32).flat_map(char::escape_debug).collect();
    if text.chars().nth(32).is_some() {
        short.push_str("..");
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses the fields between the commas of `row`.
    fn parse(row: &[u8]) -> Result<Flight, RowError> {
        let fields: Vec<&[u8]> = row.split(|byte| *byte == b',').collect();
        Flight::parse(&ByteRecord::from(fields), &ByteRecord::from(COLUMNS.to_vec()))
    }

    #[test]
    fn a_row_becomes_a_flight() {
        let flight = parse(b"2001-01-01T01:24,LAS,OAK,407,-5").unwrap();
        assert_eq!(flight.scheduled, EventTime::parse("2001-01-01T01:24").unwrap());
        assert_eq!(flight.origin.as_str(), "LAS");
        assert_eq!(flight.delay_seconds.to_string(), "-300");
    }

    #[test]
    fn columns_are_found_by_name() {
        let header = ByteRecord::from(vec![
            "delay_minutes",
            "x",
            "origin",
            "scheduled",
            "destination",
            "distance_miles",
        ]);
        let record = ByteRecord::from(vec!["7", "", "LAS", "2001-01-01T01:24", "OAK", "407"]);
        assert_eq!(Flight::parse(&record, &header).unwrap().delay_seconds.to_string(), "420");
    }

    #[test]
    fn each_mistake_has_its_reason() {
        let table: [(&[u8], DropReason); 13] = [
            (b"2001-01-01T01:24,LAS,OAK,407", DropReason::MissingField),
            (b"2001-01-01T01:24,LAS,OAK,407,", DropReason::MissingField),
            (b",LAS,OAK,407,-5", DropReason::MissingField),
            (b"nonsense", DropReason::MissingField),
            (b"2001-01-01T01:24,LAS,OAK,407,-5,9", DropReason::ExtraField),
            (b"2001-02-30T00:00,LAS,OAK,407,-5", DropReason::BadTime),
            (b"2001-01-01T01:24,las,OAK,407,-5", DropReason::BadAirport),
            (b"2001-01-01T01:24,LAS,OAKLAND,407,-5", DropReason::BadAirport),
            (b"2001-01-01T01:24,LAS,\xc3\x891,407,-5", DropReason::BadAirport),
            (b"2001-01-01T01:24,LAS,OAK,-407,-5", DropReason::BadNumber),
            (b"2001-01-01T01:24,LAS,OAK,407,NaN", DropReason::BadNumber),
            (b"2001-01-01T01:24,LAS,OAK,407,99999999999", DropReason::BadNumber),
            (b"2001-01-01T01:24,\xff\xfe\xfd,OAK,407,-5", DropReason::NotUtf8),
        ];
        for (row, reason) in table {
            assert_eq!(parse(row).unwrap_err().reason(), reason, "{}", row.escape_ascii());
        }
    }

    #[test]
    fn what_is_quoted_of_a_field_stays_short_and_on_one_line() {
        let error = parse(b"2001-01-01T01:24,L\n\x1b[2J,OAK,407,-5").unwrap_err();
        assert!(!error.to_string().contains(['\n', '\x1b']));
        let error =
            parse(format!("2001-01-01T01:24,LAS,OAK,407,{}", "9".repeat(10_000)).as_bytes()).unwrap_err();
        assert!(error.to_string().len() < 100);
    }
}
