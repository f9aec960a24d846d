//! A page in pieces of bounded size.

use std::mem;

use nilometer_core::collect::Stopped;

/// How large the pieces of a page are by default, in bytes.
pub(crate) const CHUNK_SIZE: usize = 64 * 1024;

/// How much is set aside for a page before it is known how long it gets, in bytes.
///
/// PERF: `encode/text_page` in `benches/LEDGER.md`. A page in one piece grows by half from here, through 30.6 MB: glibc
/// hands a block of up to 32 MiB out again with its memory, and gives larger ones back to the system, after which each
/// 4 KiB of a page cost a page fault. Doubling would go there from 16 MiB on.
const FIRST_CAPACITY: usize = 4096;

/// By how much a piece may grow past its size before it is cut, in bytes.
const PAST_THE_END: usize = 1024;

/// Pieces are cut between characters, so each has to hold one.
const LONGEST_CHARACTER: usize = 4;

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
    /// Takes the next piece; more follows. Pieces are cut between any two characters, in the middle of a line too.
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

/// The output of a page in one piece, which is never given away.
#[derive(Debug)]
pub(crate) struct Nowhere;

impl Output for Nowhere {
    fn chunk(&mut self, _: Vec<u8>) -> Result<(), Stopped> {
        Ok(())
    }
}

/// The piece of a page that is being filled.
///
/// It is made of `str`s, so that a page in one piece is a `String` that nobody has to look through.
pub(crate) struct ChunkBuffer<O> {
    output: O,
    /// The piece, and what was written beyond it: full pieces go out when there is no more room.
    text: String,
    size: usize,
    /// The output wants no more.
    stopped: bool,
}

impl<O: Output> ChunkBuffer<O> {
    pub(crate) fn new(output: O, size: usize) -> ChunkBuffer<O> {
        ChunkBuffer { output, text: String::new(), size: size.max(LONGEST_CHARACTER), stopped: false }
    }

    /// Sets room aside for so many bytes.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.text.reserve_exact(bytes);
    }

    /// Refuses where the output has stopped.
    pub(crate) fn check(&self) -> Result<(), Stopped> {
        if self.stopped { Err(Stopped) } else { Ok(()) }
    }

    /// Gives the text to append to, with room for `bytes` bytes, which save it from growing.
    #[inline]
    pub(crate) fn room(&mut self, bytes: usize) -> Result<&mut String, Stopped> {
        if self.text.capacity() - self.text.len() < bytes {
            self.make_room(bytes)?;
        }
        Ok(&mut self.text)
    }

    #[cold]
    #[inline(never)]
    fn make_room(&mut self, bytes: usize) -> Result<(), Stopped> {
        self.send_full()?;
        let enough = self.enough();
        let capacity = self.text.capacity();
        let grown = (capacity + capacity / 2).clamp(FIRST_CAPACITY.min(enough), enough);
        self.text.reserve_exact(grown.saturating_sub(self.text.len()).max(bytes));
        Ok(())
    }

    /// How much room a piece needs. It is written past its end before it is cut; room for that saves the last line of each
    /// from growing it.
    fn enough(&self) -> usize {
        self.size.saturating_add(PAST_THE_END.min(self.size))
    }

    /// Gives the output all full pieces but the last, so that what stays is not empty.
    fn send_full(&mut self) -> Result<(), Stopped> {
        self.check()?;
        let mut sent = 0;
        while self.text.len() - sent > self.size {
            let end = self.text.floor_char_boundary(sent + self.size);
            let is_one = sent == 0 && self.text.len() - end <= self.size;
            let piece = if is_one && self.text.capacity() <= self.enough() {
                // One piece, as always but for long lines: it is given away as it is. A line that has made the room grow
                // would have all pieces wait with as much, so those are copied.
                let mut rest = String::with_capacity(self.text.capacity());
                rest.push_str(&self.text[end..]);
                self.text.truncate(end);
                mem::replace(&mut self.text, rest).into_bytes()
            } else {
                let piece = self.text.as_bytes()[sent..end].to_vec();
                sent = end;
                piece
            };
            self.output.chunk(piece).inspect_err(|_| self.stopped = true)?;
        }
        self.text.drain(..sent);
        Ok(())
    }

    /// What was not given away.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    pub(crate) fn finish(mut self) -> Result<(), Stopped> {
        self.send_full()?;
        self.output.last(self.text.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_full_but_for_the_last_and_cut_between_characters() {
        let pieces = |size: usize| {
            let mut pieces = Vec::new();
            let mut buffer = ChunkBuffer::new(
                |piece: Vec<u8>| {
                    pieces.push(String::from_utf8(piece).unwrap());
                    Ok(())
                },
                size,
            );
            for text in ["ab", "", "cd", "efghijklmé", "漢n"] {
                buffer.room(text.len()).unwrap().push_str(text);
            }
            buffer.finish().unwrap();
            pieces
        };
        assert_eq!(pieces(4), ["abcd", "efgh", "ijkl", "mé", "漢n"]);
        assert_eq!(pieces(4), pieces(0));
        assert_eq!(pieces(5), ["abcde", "fghij", "klmé", "漢n"]);
        assert_eq!(pieces(8), ["abcdefgh", "ijklmé", "漢n"]);
        assert_eq!(pieces(18), ["abcdefghijklmé漢", "n"]);
        assert_eq!(pieces(19), ["abcdefghijklmé漢n"]);
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
        buffer.room(4).unwrap().push_str("abcd");
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
            let _ = buffer.room(3).map(|text| text.push_str("abc"));
        }
        assert_eq!(buffer.check(), Err(Stopped));
        assert!(buffer.finish().is_err());
        assert_eq!(calls, 1);
    }
}
