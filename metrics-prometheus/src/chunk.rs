//! A page in pieces of bounded size.

use std::mem;

use nilometer_core::collect::Stopped;

/// How large the pieces of a page are by default, in bytes.
pub(crate) const CHUNK_SIZE: usize = 64 * 1024;

/// How much is set aside for a page before it is known how long it gets, in bytes.
const FIRST_CAPACITY: usize = 4096;

/// Takes a page, piece by piece, from an encoder that holds one piece at a time.
///
/// Closures are outputs: `|chunk: Vec<u8>| { page.extend(chunk); Ok(()) }`.
///
/// # Examples
///
/// An output that takes so many bytes and no more:
///
/// ```
/// use nilometer_core::collect::Stopped;
/// use nilometer_prometheus::Output;
///
/// struct AtMost(usize);
///
/// impl Output for AtMost {
///     fn chunk(&mut self, chunk: Vec<u8>) -> Result<(), Stopped> {
///         self.0 = self.0.checked_sub(chunk.len()).ok_or(Stopped)?;
///         Ok(())
///     }
/// }
/// ```
pub trait Output {
    /// Takes the next piece; more follows. Pieces are cut anywhere, in the middle of a line too.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when no more is wanted; nothing more is given then.
    fn chunk(&mut self, chunk: Vec<u8>) -> Result<(), Stopped>;

    /// Takes the end of the page, which may be empty. A page whose end was not given is not complete.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when it is not wanted.
    fn last(&mut self, rest: Vec<u8>) -> Result<(), Stopped> {
        if rest.is_empty() { Ok(()) } else { self.chunk(rest) }
    }
}

impl<F: FnMut(Vec<u8>) -> Result<(), Stopped>> Output for F {
    fn chunk(&mut self, chunk: Vec<u8>) -> Result<(), Stopped> {
        self(chunk)
    }
}

/// The piece of a page that is being filled.
pub(crate) struct ChunkBuffer<O> {
    output: O,
    /// Never longer than `size`: what does not fit is cut, and a full piece goes out when more is to be written.
    bytes: Vec<u8>,
    size: usize,
    /// The output wants no more.
    stopped: bool,
}

impl<O: Output> ChunkBuffer<O> {
    pub(crate) fn new(output: O, size: usize) -> ChunkBuffer<O> {
        let size = size.max(1);
        ChunkBuffer { output, bytes: Vec::with_capacity(FIRST_CAPACITY.min(size)), size, stopped: false }
    }

    /// Refuses where the output has stopped.
    pub(crate) fn check(&self) -> Result<(), Stopped> {
        if self.stopped { Err(Stopped) } else { Ok(()) }
    }

    #[inline]
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        if bytes.len() <= self.size - self.bytes.len() {
            self.bytes.extend_from_slice(bytes);
            return Ok(());
        }
        self.put_across(bytes)
    }

    /// Writes what does not fit into the piece at hand.
    #[cold]
    fn put_across(&mut self, mut bytes: &[u8]) -> Result<(), Stopped> {
        loop {
            let room = self.size - self.bytes.len();
            if bytes.len() <= room {
                self.bytes.extend_from_slice(bytes);
                return Ok(());
            }
            let (now, later) = bytes.split_at(room);
            self.bytes.extend_from_slice(now);
            self.check()?;
            let full = mem::replace(&mut self.bytes, Vec::with_capacity(self.size));
            self.output.chunk(full).inspect_err(|_| self.stopped = true)?;
            bytes = later;
        }
    }

    pub(crate) fn finish(mut self) -> Result<(), Stopped> {
        self.check()?;
        self.output.last(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_full_but_for_the_last() {
        let mut pieces = Vec::new();
        let mut buffer = ChunkBuffer::new(
            |piece: Vec<u8>| {
                pieces.push(String::from_utf8(piece).unwrap());
                Ok(())
            },
            4,
        );
        for text in ["ab", "", "cd", "efghijklm", "n"] {
            buffer.put(text.as_bytes()).unwrap();
        }
        buffer.finish().unwrap();
        assert_eq!(pieces, ["abcd", "efgh", "ijkl", "mn"]);
    }

    #[test]
    fn a_page_as_long_as_a_piece_is_one_piece() {
        let mut pieces = 0;
        let mut buffer = ChunkBuffer::new(
            |_| {
                pieces += 1;
                Ok(())
            },
            4,
        );
        buffer.put(b"abcd").unwrap();
        buffer.finish().unwrap();
        assert_eq!(pieces, 1);
    }

    #[test]
    fn nothing_is_given_to_an_output_that_has_stopped() {
        let mut calls = 0;
        let mut buffer = ChunkBuffer::new(
            |_| {
                calls += 1;
                Err(Stopped)
            },
            4,
        );
        for _ in 0..8 {
            let _ = buffer.put(b"abc");
        }
        assert_eq!(buffer.check(), Err(Stopped));
        assert!(buffer.finish().is_err());
        assert_eq!(calls, 1);
    }
}
