//! What a collection has read and not yet shown.

use super::exponential::{self, Exponentials, Shape};
use super::local::STORE;
use super::presence::{self, Counted};
use super::{distribution, fraction, total, updown};
use crate::collect::ExponentialBuckets;

/// The values of some series of one family, copied out before any of them is shown.
#[derive(Debug, Default)]
pub struct Values {
    slots: Vec<u32>,
    /// One number for each series, or one for each bucket of each.
    numbers: Vec<u64>,
    /// The sum of each, for kinds that have one.
    sums: Vec<f64>,
    /// The exponential buckets of each, where they have some.
    exponentials: Exponentials,
    /// Whether each has values, for kinds of which some have none.
    has: Vec<bool>,
    /// The states of each, for the kind that has them.
    states: Vec<(&'static str, bool)>,
    /// The quantiles of each, with their values, for the kind that has them.
    quantiles: Vec<(f64, f64)>,
}

impl Values {
    /// Reads the totals in these slots.
    pub(crate) fn read_totals(&mut self, slots: impl Iterator<Item = u32>) {
        self.slots.clear();
        self.slots.extend(slots);
        total::read(&STORE, &self.slots, &mut self.numbers);
    }

    /// Reads the totals of fractions in these slots, as the bits of an `f64`.
    pub(crate) fn read_fractions(&mut self, slots: impl Iterator<Item = u32>) {
        self.slots.clear();
        self.slots.extend(slots);
        self.numbers.resize(self.slots.len(), 0);
        fraction::read(&STORE, &self.slots, &mut self.numbers);
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

    /// Reads the exponential histograms in these slots.
    pub(crate) fn read_exponentials(&mut self, slots: impl Iterator<Item = u32>, shape: &Shape) {
        self.slots.clear();
        self.slots.extend(slots);
        self.numbers.resize(self.slots.len() * shape.bounds().buckets(), 0);
        self.sums.resize(self.slots.len(), 0.0);
        let explicit = (&mut self.numbers[..], &mut self.sums[..]);
        exponential::read(&STORE, &self.slots, shape, explicit, &mut self.exponentials);
    }

    /// Reads the distributions of what is there in these slots, of so many buckets each. What has left is put behind them.
    pub(crate) fn read_presences(&mut self, slots: impl Iterator<Item = u32>, buckets: usize) {
        self.slots.clear();
        self.slots.extend(slots);
        let len = self.slots.len();
        self.numbers.resize(2 * len * buckets, 0);
        self.sums.resize(2 * len, 0.0);
        let (counts, left) = self.numbers.split_at_mut(len * buckets);
        let (sums, left_sums) = self.sums.split_at_mut(len);
        let left = &mut Counted { counts: left, sums: left_sums };
        presence::read(&STORE, &self.slots, &mut Counted { counts, sums }, left);
    }

    /// Takes the numbers as they are.
    pub(crate) fn take_numbers(&mut self, numbers: impl Iterator<Item = u64>) {
        self.numbers.clear();
        self.numbers.extend(numbers);
    }

    /// Takes the states of one series after the other: as many as have names, of which the lowest bits say which are on.
    pub(crate) fn take_states(&mut self, names: &'static [&'static str], series: impl Iterator<Item = u64>) {
        self.states.clear();
        for bits in series {
            let states = names.iter().enumerate().map(|(at, &name)| (name, bits >> at & 1 != 0));
            self.states.extend(states);
        }
    }

    /// Starts to take the values of series one by one.
    pub(crate) fn start(&mut self) {
        self.numbers.clear();
        self.sums.clear();
        self.has.clear();
        self.quantiles.clear();
    }

    /// Takes the number of the next series, if it has one.
    pub(crate) fn push_number(&mut self, number: Option<u64>) {
        self.has.push(number.is_some());
        self.numbers.push(number.unwrap_or_default());
    }

    /// Takes the distribution of the next series, over so many buckets, if it has one.
    pub(crate) fn push_distribution(&mut self, distribution: Option<(&[u64], f64)>, buckets: usize) {
        self.has.push(distribution.is_some());
        let (counts, sum) = distribution.unwrap_or_default();
        let numbers = (0..buckets).map(|bucket| counts.get(bucket).copied().unwrap_or_default());
        self.numbers.extend(numbers);
        self.sums.push(sum);
    }

    /// Takes the summary of the next series.
    pub(crate) fn push_summary(&mut self, count: u64, sum: f64, quantiles: impl Iterator<Item = (f64, f64)>) {
        self.numbers.push(count);
        self.sums.push(sum);
        self.quantiles.extend(quantiles);
    }

    /// Whether the series `at` has values, of those that were taken one by one.
    pub(crate) fn has(&self, at: usize) -> bool {
        self.has[at]
    }

    /// The states of the series `at`, of so many each.
    pub(crate) fn states(&self, at: usize, len: usize) -> &[(&'static str, bool)] {
        &self.states[at * len..][..len]
    }

    /// The count, the sum and the quantiles of the series `at`, of so many quantiles each.
    pub(crate) fn summary(&self, at: usize, quantiles: usize) -> (u64, f64, &[(f64, f64)]) {
        (self.numbers[at], self.sums[at], &self.quantiles[at * quantiles..][..quantiles])
    }

    /// The number of the series `at`.
    pub(crate) fn number(&self, at: usize) -> u64 {
        self.numbers[at]
    }

    /// The buckets and the sum of the series `at`.
    pub(crate) fn distribution(&self, at: usize, buckets: usize) -> (&[u64], f64) {
        (&self.numbers[at * buckets..][..buckets], self.sums[at])
    }

    /// The exponential buckets of the series `at`.
    pub(crate) fn exponential(&self, at: usize, shape: &Shape) -> ExponentialBuckets<'_> {
        self.exponentials.get(at, shape)
    }
}
