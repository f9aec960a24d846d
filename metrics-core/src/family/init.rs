//! Series of labels of which all values are known, made before anything is recorded into them.

use super::SeriesError;
use super::core::FamilyCore;
use crate::label::TypedLabels;
use crate::metric::Metric;

/// All values of labels that are closed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClosedLabels {
    names: &'static [&'static str],
    values: &'static [Option<&'static [&'static str]>],
}

impl ClosedLabels {
    /// Those of `L`, if all are known.
    pub(crate) const fn of<L: TypedLabels>() -> Option<ClosedLabels> {
        let (names, values) = (L::NAMES, L::VALUES);
        if names.len() != values.len() {
            return None;
        }
        let mut at = 0;
        while at < values.len() {
            if values[at].is_none() {
                return None;
            }
            at += 1;
        }
        Some(ClosedLabels { names, values })
    }

    /// Those of `L`, all of which are known.
    ///
    /// # Panics
    ///
    /// Where they are not: when the program is compiled, as this is called in constants alone.
    pub(crate) const fn of_closed<L: TypedLabels>() -> ClosedLabels {
        let labels = ClosedLabels::of::<L>();
        assert!(
            labels.is_some(),
            "all values of the labels have to be known: fields are enums with `LabelValue`, or `bool`"
        );
        match labels {
            Some(labels) => labels,
            None => unreachable!(),
        }
    }

    fn values(self) -> impl DoubleEndedIterator<Item = &'static [&'static str]> + ExactSizeIterator {
        self.values.iter().map(|values| values.unwrap_or_default())
    }

    /// How many combinations there are.
    fn len(self) -> usize {
        self.values().fold(1, |len, values| usize::saturating_mul(len, values.len()))
    }

    /// The combination of this number, the value of the last name counting fastest.
    fn pairs(self, mut number: usize) -> Vec<(&'static str, &'static str)> {
        let pairs = self.names.iter().copied().zip(self.values()).rev().map(|(name, values)| {
            let value = values[number % values.len()];
            number /= values.len();
            (name, value)
        });
        pairs.collect()
    }
}

impl<M: Metric> FamilyCore<M> {
    /// Makes the series of all these labels that are not there.
    pub(super) fn init_all(&self, labels: ClosedLabels) -> Result<(), SeriesError> {
        self.check_room(labels.len())?;
        (0..labels.len()).try_for_each(|number| self.try_get_or_create(&labels.pairs(number)).map(drop))
    }
}
