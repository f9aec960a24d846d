//! The series that a receiver knows of.

use nilometer_core::collect::MetricType;
use prost::encoding::decode_varint;

use super::batch::{Batch, Part, Place, Symbol, range};
use super::kept::{Kept, fit, next_round};
use crate::protobuf::wire::number;

/// The series of the last collection, by all of their labels: a hash alone would take one for another some day, and could
/// not say which one has ended.
///
/// Each text is kept once, so that a series is the numbers of its texts: about 25 bytes for one of 7 labels, its name
/// included, and 28 bytes besides.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// That of the collection at hand.
    round: u32,
    texts: Kept,
    /// Each a kind, and the numbers of its name, its help and its unit.
    families: Kept,
    /// By the numbers of the families.
    kinds: Vec<MetricType>,
    /// Each the numbers of its label names and values in turn.
    series: Kept,
    /// By the numbers of the series.
    about: Vec<About>,
    /// By the symbols of the batch at hand.
    texts_of_batch: Vec<Option<u32>>,
    scratch: Vec<u8>,
}

/// What a series has besides its labels.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    pub(super) family: u32,
    pub(super) place: Place,
    /// Whether it is the first one of its point.
    pub(super) is_first: bool,
}

impl Known {
    /// A collection begins: nothing has been seen.
    pub(super) fn begin(&mut self) {
        self.round = next_round(self.round);
        self.next_batch();
    }

    /// A batch begins: its symbols are others.
    pub(super) fn next_batch(&mut self) {
        self.texts_of_batch.clear();
    }

    /// The number of a family.
    pub(super) fn family(&mut self, kind: MetricType, texts: [&str; 3]) -> Option<u32> {
        self.scratch.clear();
        self.scratch.push(kind as u8);
        for text in texts {
            number(self.texts.see(text.as_bytes(), self.round)?.into(), &mut self.scratch);
        }
        let family = self.families.see(&self.scratch, self.round)?;
        set(&mut self.kinds, family, kind);
        Some(family)
    }

    /// A series of the batch at hand with these labels was seen. What there is no room for is not kept, and no series
    /// that is known to have ended.
    pub(super) fn see(&mut self, batch: &Batch, labels: &Part, about: About) {
        self.scratch.clear();
        for &symbol in &batch.labels[range(labels)] {
            let Some(text) = self.text_of(batch, symbol) else { return };
            number(text.into(), &mut self.scratch);
        }
        if let Some(series) = self.series.see(&self.scratch, self.round) {
            set(&mut self.about, series, about);
        }
    }

    fn text_of(&mut self, batch: &Batch, symbol: Symbol) -> Option<u32> {
        let place = symbol as usize;
        if let Some(Some(text)) = self.texts_of_batch.get(place) {
            return Some(*text);
        }
        let text = self.texts.see(batch.text(symbol).as_bytes(), self.round)?;
        if self.texts_of_batch.len() <= place {
            self.texts_of_batch.resize(batch.symbols.len(), None);
        }
        self.texts_of_batch[place] = Some(text);
        Some(text)
    }

    /// All series that are known and were not seen.
    pub(super) fn unseen(&self) -> impl Iterator<Item = (About, &[u8])> {
        let about = |series| (self.about[series as usize], self.series.get(series));
        self.series.unseen(self.round).map(about)
    }

    /// The kind of a family, its name, its help and its unit.
    pub(super) fn about_family(&self, family: u32) -> (MetricType, [&str; 3]) {
        let numbers = self.families.get(family).get(1..).unwrap_or_default();
        let mut texts = self.texts(numbers);
        let texts = [(); 3].map(|()| texts.next().unwrap_or_default());
        (self.kinds[family as usize], texts)
    }

    /// The texts of these numbers.
    pub(super) fn texts<'a>(&'a self, mut numbers: &'a [u8]) -> impl Iterator<Item = &'a str> {
        std::iter::from_fn(move || {
            let number = if numbers.is_empty() { None } else { decode_varint(&mut numbers).ok() };
            let text = self.texts.get(u32::try_from(number?).ok()?);
            str::from_utf8(text).ok()
        })
    }

    /// Forgets all that was not seen: the collection is complete, so that it has ended.
    pub(super) fn forget_unseen(&mut self) {
        for kept in [&mut self.series, &mut self.families, &mut self.texts] {
            kept.forget_unseen(self.round);
        }
        fit(&mut self.about);
    }
}

/// Sets what is said of a number, the next one at most.
fn set<T>(list: &mut Vec<T>, number: u32, value: T) {
    match list.get_mut(number as usize) {
        Some(known) => *known = value,
        None => list.push(value),
    }
}
