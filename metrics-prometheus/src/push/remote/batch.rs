//! What goes into one request, in a form that both versions are written from.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use nilometer_core::collect::MetricType;

/// A value that says that a series has ended.
///
/// SPEC: Prometheus, `model/value`, `StaleNaN`: a NaN of exactly these bits.
pub(super) const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// The place of a text in [`Batch::symbols`].
pub(super) type Symbol = u32;

/// The series of one request, all as of one time.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Each text once. The first is empty.
    pub(super) symbols: Vec<Arc<str>>,
    /// Names and values of labels, in turn.
    pub(super) labels: Vec<Symbol>,
    pub(super) families: Vec<Family>,
    pub(super) series: Vec<Series>,
    pub(super) exemplars: Vec<Exemplar>,
    /// The fields of `Histogram` messages, without their times.
    pub(super) histograms: Vec<u8>,
    /// In milliseconds since 1970.
    pub(super) time: i64,
    /// How many points the series are made of.
    pub(super) points: u64,
}

/// A part of one of a batch's lists.
pub(super) type Part = Range<u32>;

#[derive(Debug)]
pub(super) struct Family {
    pub(super) kind: MetricType,
    pub(super) name: Symbol,
    pub(super) help: Symbol,
    pub(super) unit: Symbol,
}

#[derive(Debug)]
pub(super) struct Series {
    /// Its place in [`Batch::families`].
    pub(super) family: u32,
    /// In [`Batch::labels`], sorted by their names.
    pub(super) labels: Part,
    pub(super) value: Value,
    /// When it began, in milliseconds since 1970; 0 where that is not known.
    pub(super) created: i64,
    /// In [`Batch::exemplars`].
    pub(super) exemplars: Part,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) enum Value {
    Sample(f64),
    /// In [`Batch::histograms`].
    Histogram(Part),
}

/// Which requests a series is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Everywhere,
    /// Where native histograms are taken.
    WithNative,
    /// Where they are not: explicit buckets of a histogram that has exponential ones.
    WithoutNative,
}

#[derive(Debug)]
pub(super) struct Exemplar {
    pub(super) labels: Part,
    pub(super) value: f64,
    /// In milliseconds since 1970.
    pub(super) time: i64,
}

impl Batch {
    /// The text of a symbol.
    pub(super) fn text(&self, symbol: Symbol) -> &str {
        self.symbols.get(symbol as usize).map_or("", |text| text)
    }

    /// Gives back what its lists have grown too large: it may wait for long.
    pub(super) fn shrink(&mut self) {
        self.symbols.shrink_to_fit();
        self.labels.shrink_to_fit();
        self.families.shrink_to_fit();
        self.series.shrink_to_fit();
        self.exemplars.shrink_to_fit();
        self.histograms.shrink_to_fit();
    }

    /// About how much memory it takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        // A text has two counts before it, and its place among the symbols.
        const PER_SYMBOL: usize = 4 * size_of::<usize>();
        let texts: usize = self.symbols.iter().map(|text| text.len() + PER_SYMBOL).sum();
        texts
            + self.labels.len() * size_of::<Symbol>()
            + self.families.len() * size_of::<Family>()
            + self.series.len() * size_of::<Series>()
            + self.exemplars.len() * size_of::<Exemplar>()
            + self.histograms.len()
            + size_of::<Batch>()
    }
}

/// A part of a list, as a range of its places.
pub(super) fn range(part: &Part) -> Range<usize> {
    part.start as usize..part.end as usize
}

/// Gives each text a symbol.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    known: HashMap<Arc<str>, Symbol>,
    bytes: usize,
}

impl Symbols {
    pub(super) fn intern(&mut self, text: &str, all: &mut Vec<Arc<str>>) -> Symbol {
        if all.is_empty() {
            // SPEC: Remote-Write 2.0, "Protobuf Message": the first symbol is the empty string.
            all.push(Arc::from(""));
        }
        if text.is_empty() {
            return 0;
        }
        if let Some(&symbol) = self.known.get(text) {
            return symbol;
        }
        let symbol = place(all.len());
        let text: Arc<str> = Arc::from(text);
        self.bytes += text.len();
        all.push(Arc::clone(&text));
        self.known.insert(text, symbol);
        symbol
    }

    /// How long all texts are, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.bytes = 0;
    }
}

/// A place in a list of a batch, which is cut long before it has 2^32.
pub(super) fn place(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
