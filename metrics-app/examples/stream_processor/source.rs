//! Where the rows come from: the bundled file, a path, or standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use csv::{ByteRecord, Reader, ReaderBuilder};
use thiserror::Error;

use crate::bounded::Bounded;
use crate::flight::COLUMNS;
use crate::input::{Input, Next};

/// Compiled in, so that the example runs from anywhere.
const BUNDLED: &[u8] = include_bytes!("../data/flights.csv");

/// Rows in the order of the input, not yet looked into.
pub(crate) struct Source {
    reader: Reader<Bounded<Box<dyn Read + Send>>>,
    name: String,
    /// Bytes in the input, where that is known.
    length: Option<u64>,
}

/// Says why an input cannot be read, or read any further.
#[derive(Debug, Error)]
pub(crate) enum SourceError {
    #[error("cannot open `{}`", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("cannot read {name}")]
    Read { name: String, source: io::Error },
    #[error("{name} has no column `{column}` in its first line")]
    MissingColumn { name: String, column: &'static str },
    #[error("{name} has more than one column `{column}`")]
    DoubleColumn { name: String, column: &'static str },
}

impl Source {
    /// Opens `input`, where `-` is standard input and nothing the bundled file.
    ///
    /// The header of a file is checked here; standard input is not waited for before [`header`](Source::header).
    pub(crate) fn open(input: Option<&Path>) -> Result<Source, SourceError> {
        let mut source = match input {
            None => Source::new("the bundled file".to_owned(), Some(BUNDLED.len() as u64), BUNDLED),
            Some(path) if path == Path::new("-") => {
                return Ok(Source::new("standard input".to_owned(), None, io::stdin()));
            }
            Some(path) => {
                let file =
                    File::open(path).map_err(|source| SourceError::Open { path: path.to_owned(), source })?;
                // Pipes and devices have no length worth the name.
                let length =
                    file.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
                Source::new(format!("`{}`", path.display()), length, file)
            }
        };
        source.header()?;
        Ok(source)
    }

    /// `name` stands in messages.
    pub(crate) fn new(name: String, length: Option<u64>, input: impl Read + Send + 'static) -> Source {
        let input: Box<dyn Read + Send> = Box::new(input);
        // Flexible: a row with too few or too many fields is that row's mistake and does not end the input.
        let reader = ReaderBuilder::new().flexible(true).from_reader(Bounded::new(input));
        Source { reader, name, length }
    }

    /// The first line, which names the columns.
    pub(crate) fn header(&mut self) -> Result<ByteRecord, SourceError> {
        let header = match self.reader.byte_headers() {
            Ok(header) => header.clone(),
            Err(error) => return Err(broken(&self.name, error)),
        };
        for column in COLUMNS {
            let name = || self.name.clone();
            match header.iter().filter(|field| *field == column.as_bytes()).count() {
                0 => return Err(SourceError::MissingColumn { name: name(), column }),
                1 => {}
                _ => return Err(SourceError::DoubleColumn { name: name(), column }),
            }
        }
        Ok(header)
    }

    /// Reads the next row into `record`; `false` at the end of the input.
    pub(crate) fn read(&mut self, record: &mut ByteRecord) -> Result<bool, SourceError> {
        self.reader.get_mut().next_row();
        self.reader.read_byte_record(record).map_err(|error| broken(&self.name, error))
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> u64 {
        self.reader.position().byte()
    }

    /// Bytes in all, where that is known.
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }
}

impl Input for Source {
    fn header(&mut self) -> Result<ByteRecord, SourceError> {
        Source::header(self)
    }

    fn next(&mut self, record: &mut ByteRecord) -> Result<Next, SourceError> {
        Ok(if self.read(record)? { Next::Row } else { Next::End })
    }

    fn position(&self) -> u64 {
        Source::position(self)
    }

    fn length(&self) -> Option<u64> {
        Source::length(self)
    }
}

/// Reading rows as bytes fails with the input alone; the row's content is looked into later.
fn broken(name: &str, error: csv::Error) -> SourceError {
    let source = match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    };
    SourceError::Read { name: name.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_file_has_twenty_thousand_rows() {
        let mut source = Source::open(None).unwrap();
        let mut record = ByteRecord::new();
        let mut rows = 0;
        while source.read(&mut record).unwrap() {
            rows += 1;
        }
        assert_eq!(rows, 20_000);
        assert_eq!(Some(source.position()), source.length());
    }

    #[test]
    fn an_unreadable_file_is_named() {
        let error = Source::open(Some(Path::new("/nowhere/flights.csv"))).err().unwrap();
        assert_eq!(error.to_string(), "cannot open `/nowhere/flights.csv`");
    }

    #[test]
    fn a_directory_is_no_input() {
        let error = Source::open(Some(Path::new(env!("CARGO_MANIFEST_DIR")))).err().unwrap();
        assert!(error.to_string().contains(env!("CARGO_MANIFEST_DIR")), "{error}");
    }

    #[test]
    fn a_header_without_a_column_is_refused_and_the_column_named() {
        let table = [
            ("", "the test has no column `scheduled` in its first line"),
            ("scheduled,origin\n", "the test has no column `destination` in its first line"),
            (
                "scheduled,origin,destination,distance_miles,delay_minutes,origin\n",
                "the test has more than one column `origin`",
            ),
        ];
        for (input, message) in table {
            let mut source = Source::new("the test".to_owned(), None, input.as_bytes());
            assert_eq!(source.header().unwrap_err().to_string(), message);
        }
    }
}
