//! A page in any format, read back and compared with what was shown: the one judge of the encoders, for the property
//! tests and the fuzz targets.
//!
//! - `kept`: what a collector has shown. `expected`: what is to be on a page of it, by the rules of each format.
//! - `found`: what the parsers find there. `escape`: the escaping schemes, written down again.

mod escape;
mod expected;
mod found;
mod kept;

use std::collections::BTreeMap;

use nilometer_core::collect::{Collector, Descriptor, Point, SeriesLabels, Stopped, Visitor};
use nilometer_prometheus::{Exposition, PageEncoder};

pub use self::expected::expected;
pub use self::found::found;
pub use self::kept::{Kept, KeptFamily};
use crate::samples::{Labels, Samples};

/// A sample or a series: its name and its labels.
pub type Key = (String, Labels);

/// Labels, the bits of the value and the nanoseconds since 1970 of an exemplar.
pub type ExemplarFacts = (Labels, u64, u64);

/// Schema, the bits of the zero threshold, the count at zero, and the buckets above and below it by their index.
pub type Native = (i32, u64, u64, BTreeMap<i32, u64>, BTreeMap<i32, u64>);

/// All that a page says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Read {
    /// The families in their order.
    pub heads: Vec<Head>,
    /// The samples, created timestamps aside.
    pub samples: Samples,
    /// The exemplars by their samples; those of an exponential histogram by a name with a number.
    pub exemplars: BTreeMap<Key, ExemplarFacts>,
    /// When series began, in nanoseconds since 1970.
    pub created: BTreeMap<Key, u64>,
    /// The exponential histograms.
    pub native: BTreeMap<Key, Native>,
}

/// What a page says of a family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its name, as the format has it.
    pub name: String,
    /// Its type, in the format's word.
    pub word: String,
    /// Its unit.
    pub unit: Option<String>,
    /// Its help.
    pub help: String,
}

fn canonical(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

/// Shows two visitors the same.
struct Both<'a, E>(&'a mut Kept, &'a mut E);

impl<E: Visitor> Visitor for Both<'_, E> {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        self.0.family(descriptor)?;
        self.1.family(descriptor)
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        self.0.point(labels, point)?;
        self.1.point(labels, point)
    }
}

/// Collects once, writes the page in pieces of so many bytes, and reads it back: it has to be what was shown, no more
/// and no less. Returns what was shown.
///
/// # Panics
///
/// When the collection fails, the page breaks a rule of its format, or says anything else.
#[expect(clippy::expect_used, reason = "a page that is not written fails whoever asked for it")]
pub fn judge(collector: &(impl Collector + ?Sized), exposition: Exposition, piece: usize) -> Kept {
    let mut page = Vec::new();
    let mut kept = Kept::default();
    let output = |bytes: Vec<u8>| {
        page.extend(bytes);
        Ok(())
    };
    let mut encoder = PageEncoder::with_chunk_size(exposition, output, piece);
    collector.collect(&mut Both(&mut kept, &mut encoder)).expect("a collection");
    let left_out = encoder.skipped();
    encoder.finish().expect("a page that nobody stops");
    let (expected, skipped) = expected(&kept, exposition);
    let found = found(&page, exposition, &kept);
    assert_eq!(found, expected, "{exposition:?} {:?}", String::from_utf8_lossy(&page));
    assert_eq!(left_out, skipped, "{exposition:?}");
    kept
}
