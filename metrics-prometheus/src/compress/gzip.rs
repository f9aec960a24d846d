//! Gzip, by a deflate in Rust.

use std::io;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Coding, Stream};

/// `x-gzip` is the same.
///
/// SPEC: RFC 9110, section 8.4.1.3.
pub(crate) const GZIP: Coding = Coding { names: &["gzip", "x-gzip"], start };

/// Gzip by other names.
#[cfg(test)]
pub(crate) const fn gzip_as(names: &'static [&'static str]) -> Coding {
    Coding { names, start }
}

/// At the fastest level: pages repeat themselves so much that the others take several times as long for little.
#[expect(clippy::unnecessary_wraps, reason = "other codings can fail to start")]
fn start() -> io::Result<Box<dyn Stream>> {
    Ok(Box::new(GzEncoder::new(Vec::new(), Compression::fast())))
}

impl Stream for GzEncoder<Vec<u8>> {
    fn ready(&mut self) -> &mut Vec<u8> {
        self.get_mut()
    }

    fn finish(self: Box<Self>) -> io::Result<Vec<u8>> {
        GzEncoder::finish(*self)
    }
}
