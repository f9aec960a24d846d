//! Zstandard, by its C library.

use std::io;

use zstd::stream::write::Encoder;

use super::{Coding, Stream};

pub(crate) const ZSTD: Coding = Coding { names: &["zstd"], start };

/// The fastest of the plain levels.
const LEVEL: i32 = 1;

/// How far back a repetition is looked for, as the power of two of so many bytes: 128 KiB, so that a scrape stays within
/// its memory.
const WINDOW_LOG: u32 = 17;

fn start() -> io::Result<Box<dyn Stream>> {
    let mut encoder = Encoder::new(Vec::new(), LEVEL)?;
    encoder.window_log(WINDOW_LOG)?;
    Ok(Box::new(encoder))
}

impl Stream for Encoder<'static, Vec<u8>> {
    fn ready(&mut self) -> &mut Vec<u8> {
        self.get_mut()
    }

    fn finish(self: Box<Self>) -> io::Result<Vec<u8>> {
        Encoder::finish(*self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Compressed, PIECE_SIZE};
    use super::*;
    use crate::chunk::Output;

    #[test]
    fn what_is_compressed_is_what_comes_back() {
        let lines = (0..100_000).map(|index: u32| format!("{}\n", index.wrapping_mul(2_654_435_761)));
        let text: String = lines.collect();
        let mut pieces = Vec::new();
        let mut output = Compressed::new(&ZSTD, |piece: Vec<u8>| {
            pieces.push(piece);
            Ok(())
        });
        for chunk in text.as_bytes().chunks(64 * 1024) {
            output.chunk(chunk.to_vec()).unwrap();
        }
        output.last(Vec::new()).unwrap();
        assert!(pieces.len() > 2 && pieces.iter().all(|piece| piece.len() < PIECE_SIZE + 256 * 1024));
        assert!(zstd::stream::decode_all(&*pieces.concat()).unwrap() == text.as_bytes());
    }
}
