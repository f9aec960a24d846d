//! Compression of a page on its way out.
//!
//! A coding is a value of [`Coding`], so that all there is to say of one is in its own file: `gzip`, and behind a feature
//! `zstd`.

mod gzip;
#[cfg(feature = "zstd")]
mod zstd;

use std::fmt;
use std::io;
use std::mem;

use nilometer_core::collect::Stopped;

use crate::chunk::Output;
pub(crate) use gzip::GZIP;
#[cfg(test)]
pub(crate) use gzip::gzip_as;

/// The codings that this build has, the best one first.
#[cfg(feature = "zstd")]
pub(crate) static CODINGS: [Coding; 2] = [zstd::ZSTD, GZIP];

/// The codings that this build has.
#[cfg(not(feature = "zstd"))]
pub(crate) static CODINGS: [Coding; 1] = [GZIP];

/// From which size on compressed bytes go out, in bytes: half of what a page's pieces have, which leaves room for what
/// the compression needs itself.
const PIECE_SIZE: usize = 32 * 1024;

/// A way to compress.
pub(crate) struct Coding {
    /// What it is called in `Accept-Encoding`; the first name is the one in `Content-Encoding`.
    pub(crate) names: &'static [&'static str],
    start: fn() -> io::Result<Box<dyn Stream>>,
}

impl Coding {
    /// The name in `Content-Encoding`.
    pub(crate) fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }
}

impl PartialEq for Coding {
    fn eq(&self, other: &Coding) -> bool {
        self.name() == other.name()
    }
}

impl fmt::Debug for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Coding").field(&self.name()).finish()
    }
}

/// What is being compressed.
trait Stream: io::Write {
    /// What came out and was not taken.
    fn ready(&mut self) -> &mut Vec<u8>;

    /// Ends it, and gives the rest.
    fn finish(self: Box<Self>) -> io::Result<Vec<u8>>;
}

/// An output that hands what it is given to another one, compressed.
///
/// A page that is not complete has no end here either, so that a reader sees that it broke off.
pub(crate) struct Compressed<O> {
    output: O,
    stream: Option<Box<dyn Stream>>,
}

impl<O: Output> Compressed<O> {
    pub(crate) fn new(coding: &Coding, output: O) -> Compressed<O> {
        // Without a stream, the first piece stops the page.
        Compressed { output, stream: (coding.start)().ok() }
    }
}

impl<O: Output> Output for Compressed<O> {
    fn chunk(&mut self, chunk: Vec<u8>) -> Result<(), Stopped> {
        let stream = self.stream.as_mut().ok_or(Stopped)?;
        stream.write_all(&chunk).map_err(|_| Stopped)?;
        let ready = stream.ready();
        if ready.len() < PIECE_SIZE {
            return Ok(());
        }
        self.output.chunk(mem::take(ready))
    }

    fn last(&mut self, rest: Vec<u8>) -> Result<(), Stopped> {
        let mut stream = self.stream.take().ok_or(Stopped)?;
        stream.write_all(&rest).map_err(|_| Stopped)?;
        drop(rest);
        let rest = stream.finish().map_err(|_| Stopped)?;
        self.output.last(rest)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    /// Text that compresses to about half of its length.
    fn text(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let bytes = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'a' + (state >> 28) as u8
        });
        bytes.take(length).collect()
    }

    fn compress(coding: &Coding, chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut pieces = Vec::new();
        let mut output = Compressed::new(coding, |piece: Vec<u8>| {
            pieces.push(piece);
            Ok(())
        });
        let (last, chunks) = chunks.split_last().unwrap();
        for chunk in chunks {
            output.chunk(chunk.to_vec()).unwrap();
        }
        output.last(last.to_vec()).unwrap();
        pieces
    }

    #[test]
    fn what_is_compressed_is_what_comes_back() {
        let text = text(1_000_000);
        for chunk_size in [1000, 64 * 1024, 1_000_000] {
            let chunks: Vec<&[u8]> = text.chunks(chunk_size).collect();
            let pieces = compress(&GZIP, &chunks);
            assert!(pieces.iter().all(|piece| piece.len() < PIECE_SIZE + chunk_size));
            let mut read = Vec::new();
            flate2::read::GzDecoder::new(&*pieces.concat()).read_to_end(&mut read).unwrap();
            assert!(read == text);
        }
    }

    #[test]
    fn an_empty_page_has_a_head_and_an_end() {
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(&*compress(&GZIP, &[b""]).concat()).read_to_end(&mut read).unwrap();
        assert!(read.is_empty());
    }

    #[test]
    fn without_its_end_a_page_is_not_complete() {
        let mut pieces = Vec::new();
        let mut output = Compressed::new(&GZIP, |piece: Vec<u8>| {
            pieces.extend(piece);
            Ok(())
        });
        output.chunk(text(1_000_000)).unwrap();
        drop(output);
        assert!(!pieces.is_empty());
        let error = flate2::read::GzDecoder::new(&*pieces).read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn an_output_that_stops_is_passed_on() {
        let mut output = Compressed::new(&GZIP, |_: Vec<u8>| Err(Stopped));
        assert_eq!(output.chunk(text(1_000_000)), Err(Stopped));
    }
}
