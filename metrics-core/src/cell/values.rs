//! What a collection has read and not yet shown.

use super::local::STORE;
use super::{distribution, total, updown};

/// The values of some series of one family, copied out before any of them is shown.
#[derive(Debug, Default)]
pub struct Values {
    slots: Vec<u32>,
    /// One number for each series, or one for each bucket of each.
    numbers: Vec<u64>,
    /// The sum of each, for kinds that have one.
    sums: Vec<f64>,
}

impl Values {
    /// Reads the totals in these slots.
    pub(crate) fn read_totals(&mut self, slots: impl Iterator<Item = u32>) {
        self.slots.clear();
        self.slots.extend(slots);
        total::read(&STORE, &self.slots, &mut self.numbers);
    }

    /// Reads the numbers in these slots that go up and down.
    pub(crate) fn read_up_downs(&mut self, slots: impl Iterator<Item = u32>) {
        self.slots.clear();
        self.slots.extend(slots);
        self.numbers.resize(self.slots.len(), 0);
        updown::read(&STORE, &self.slots, &mut self.numbers);
    }

    /// Reads the distributions in these slots, of so many buckets each.
    pub(crate) fn read_distributions(&mut self, slots: impl Iterator<Item = u32>, buckets: usize) {
        self.slots.clear();
        self.slots.extend(slots);
        self.numbers.resize(self.slots.len() * buckets, 0);
        self.sums.resize(self.slots.len(), 0.0);
        distribution::read(&STORE, &self.slots, buckets, &mut self.numbers, &mut self.sums);
    }

    /// Takes the numbers as they are.
    pub(crate) fn take_numbers(&mut self, numbers: impl Iterator<Item = u64>) {
        self.numbers.clear();
        self.numbers.extend(numbers);
    }

    /// The number of the series `at`.
    pub(crate) fn number(&self, at: usize) -> u64 {
        self.numbers[at]
    }

    /// The buckets and the sum of the series `at`.
    pub(crate) fn distribution(&self, at: usize, buckets: usize) -> (&[u64], f64) {
        (&self.numbers[at * buckets..][..buckets], self.sums[at])
    }
}
