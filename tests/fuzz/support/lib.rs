//! What the fuzz targets share: inputs that are made of bytes, and what becomes of them.
//!
//! - [`text`]: names, texts and numbers. [`program`]: what an application registers and records. [`foreign`]: what
//!   collectors of one's own show.
//! - [`accept`]: headers. [`page`]: a page that a server is asked for.
//! - [`request`]: whole requests. [`served`]: what the server has that is sent them. [`wire`]: its answers, as they come out
//!   of a connection. [`frames`]: what is sent into one of HTTP/2.
//! - [`fuzz_page`]: a program's page in a format, read back.

pub mod accept;
pub mod foreign;
pub mod frames;
pub mod page;
pub mod program;
pub mod request;
pub mod served;
pub mod text;
pub mod wire;

use arbitrary::Arbitrary;
use nilometer_prometheus::{EscapingScheme, Exposition, Format};
use nilometer_tests::read_back::judge;

use crate::program::Program;

/// How a page is written.
#[derive(Arbitrary, Debug, Clone, Copy)]
pub struct Shape {
    scheme: u8,
    has_created: bool,
    /// Bytes in a piece; 0 for the whole page in one.
    piece: u16,
}

impl Shape {
    /// The exposition in this format.
    #[must_use]
    pub fn exposition(self, format: Format) -> Exposition {
        Exposition::new(format).with_escaping(self.scheme()).with_created(self.has_created)
    }

    /// How names are escaped.
    #[must_use]
    pub fn scheme(self) -> EscapingScheme {
        EscapingScheme::ALL[usize::from(self.scheme) % EscapingScheme::ALL.len()]
    }

    /// How many bytes a piece of the page has.
    #[must_use]
    pub fn piece(self) -> usize {
        if self.piece == 0 { usize::MAX } else { usize::from(self.piece) }
    }
}

/// Runs a program, writes its page, and reads it back: what was recorded is what was collected, and what was collected is
/// what is read.
pub fn fuzz_page(format: Format, shape: Shape, program: &Program) {
    if let Some(ran) = program.run() {
        ran.compare(&judge(&ran.registry, shape.exposition(format), shape.piece()));
    }
}
