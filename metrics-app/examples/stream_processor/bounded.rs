//! An input whose rows end.

use std::io::{self, Read};

/// The longest row and what is read ahead of it, in bytes; a flight has some 30.
pub(crate) const ROW_LIMIT: usize = 64 * 1024;

/// Fails where a row would take more than [`ROW_LIMIT`] bytes.
///
/// The parser keeps a row in memory until its end, which never comes in a device or behind a quote that nothing closes.
#[derive(Debug)]
pub(crate) struct Bounded<R> {
    input: R,
    /// How many bytes may still be read for the row at hand.
    left: usize,
}

impl<R> Bounded<R> {
    pub(crate) fn new(input: R) -> Bounded<R> {
        Bounded { input, left: ROW_LIMIT }
    }

    /// The next row begins.
    pub(crate) fn next_row(&mut self) {
        self.left = ROW_LIMIT;
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !buffer.is_empty() {
            let message = format!("a row is longer than {ROW_LIMIT} bytes, or a quote is not closed");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let room = buffer.len().min(self.left);
        let read = self.input.read(&mut buffer[..room])?;
        self.left -= read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_end_pass_however_many_there_are() {
        let mut input = Bounded::new(io::repeat(b'x'));
        let mut buffer = [0; 8192];
        for _ in 0..100 {
            input.next_row();
            input.read_exact(&mut buffer).unwrap();
        }
    }

    #[test]
    fn a_row_without_an_end_is_an_error() {
        let mut read = Vec::new();
        let error = Bounded::new(io::repeat(b'x')).read_to_end(&mut read).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(read.len(), ROW_LIMIT);
    }
}
