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
    /// Takes the next piece; more follows. Text is cut between any two characters, in the middle of a
    /// line too, and protobuf between any two bytes.
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

/// What a page is collected in: text, which is cut between characters, or bytes.
pub(crate) trait Page: Default {
    fn with_capacity(bytes: usize) -> Self;
    fn as_bytes(&self) -> &[u8];
    fn into_bytes(self) -> Vec<u8>;
    fn capacity(&self) -> usize;
    fn reserve_exact(&mut self, bytes: usize);
    fn truncate(&mut self, bytes: usize);
    /// Where the page can be cut, at or before this place.
    fn cut_before(&self, at: usize) -> usize;
    /// Appends what `other` has from there on.
    fn append_tail(&mut self, other: &Self, from: usize);
    fn remove_front(&mut self, bytes: usize);
}

impl Page for String {
    fn with_capacity(bytes: usize) -> Self {
        String::with_capacity(bytes)
    }
    fn as_bytes(&self) -> &[u8] {
        self.as_bytes()
    }
    fn into_bytes(self) -> Vec<u8> {
        self.into_bytes()
    }
    #[inline]
    fn capacity(&self) -> usize {
        self.capacity()
    }
    fn reserve_exact(&mut self, bytes: usize) {
        self.reserve_exact(bytes);
    }
    fn truncate(&mut self, bytes: usize) {
        self.truncate(bytes);
    }
    fn cut_before(&self, at: usize) -> usize {
        self.floor_char_boundary(at)
    }
    fn append_tail(&mut self, other: &Self, from: usize) {
        self.push_str(&other[from..]);
    }
    fn remove_front(&mut self, bytes: usize) {
        self.drain(..bytes);
    }
}

impl Page for Vec<u8> {
    fn with_capacity(bytes: usize) -> Self {
        Vec::with_capacity(bytes)
    }
    fn as_bytes(&self) -> &[u8] {
        self
    }
    fn into_bytes(self) -> Vec<u8> {
        self
    }
    fn capacity(&self) -> usize {
        self.capacity()
    }
    fn reserve_exact(&mut self, bytes: usize) {
        self.reserve_exact(bytes);
    }
    fn truncate(&mut self, bytes: usize) {
        self.truncate(bytes);
    }
    fn cut_before(&self, at: usize) -> usize {
        at
    }
    fn append_tail(&mut self, other: &Self, from: usize) {
        self.extend_from_slice(&other[from..]);
    }
    fn remove_front(&mut self, bytes: usize) {
        self.drain(..bytes);
    }
}

/// The piece of a page that is being filled.
///
/// A page of text is made of `str`s, so that one in a single piece is a `String` that nobody has to look through.
pub(crate) struct ChunkBuffer<P, O> {
    output: O,
    /// The piece, and what was written beyond it: full pieces go out when there is no more room.
    page: P,
    size: usize,
    /// The output wants no more.
    stopped: bool,
}

impl<P: Page, O: Output> ChunkBuffer<P, O> {
    pub(crate) fn new(output: O, size: usize) -> ChunkBuffer<P, O> {
        ChunkBuffer { output, page: P::default(), size: size.max(LONGEST_CHARACTER), stopped: false }
    }

    /// Sets room aside for so many bytes.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.page.reserve_exact(bytes);
    }

    /// Refuses where the output has stopped.
    pub(crate) fn check(&self) -> Result<(), Stopped> {
        if self.stopped { Err(Stopped) } else { Ok(()) }
    }

    /// Gives the page to append to, with room for `bytes` bytes, which save it from growing.
    #[inline]
    pub(crate) fn room(&mut self, bytes: usize) -> Result<&mut P, Stopped> {
        if self.page.capacity() - self.page.as_bytes().len() < bytes {
            self.make_room(bytes)?;
        }
        Ok(&mut self.page)
    }

    #[cold]
    #[inline(never)]
    fn make_room(&mut self, bytes: usize) -> Result<(), Stopped> {
        self.send_full()?;
        let enough = self.enough();
        let capacity = self.page.capacity();
        let grown = (capacity + capacity / 2).clamp(FIRST_CAPACITY.min(enough), enough);
        self.page.reserve_exact(grown.saturating_sub(self.page.as_bytes().len()).max(bytes));
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
        let length = self.page.as_bytes().len();
        while length - sent > self.size {
            let end = self.page.cut_before(sent + self.size);
            let is_one = sent == 0 && length - end <= self.size;
            if is_one && self.page.capacity() <= self.enough() {
                // One piece, as always but for long lines: it is given away as it is. A line that has made the room grow
                // would have all pieces wait with as much, so those are copied.
                let mut rest = P::with_capacity(self.page.capacity());
                rest.append_tail(&self.page, end);
                self.page.truncate(end);
                return self.send(|page| mem::replace(page, rest).into_bytes());
            }
            self.send(|page| page.as_bytes()[sent..end].to_vec())?;
            sent = end;
        }
        self.page.remove_front(sent);
        Ok(())
    }

    fn send(&mut self, piece: impl FnOnce(&mut P) -> Vec<u8>) -> Result<(), Stopped> {
        let piece = piece(&mut self.page);
        self.output.chunk(piece).inspect_err(|_| self.stopped = true)
    }

    /// What was not given away.
    pub(crate) fn into_page(self) -> P {
        self.page
    }

    pub(crate) fn finish(mut self) -> Result<(), Stopped> {
        self.send_full()?;
        self.output.last(self.page.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_full_but_for_the_last_and_cut_between_characters() {
        let pieces = |size: usize| {
            let mut pieces = Vec::new();
            let mut buffer = ChunkBuffer::<String, _>::new(
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
        let mut buffer = ChunkBuffer::<String, _>::new(
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
        let mut buffer = ChunkBuffer::<String, _>::new(
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
