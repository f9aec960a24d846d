//! Series that follow what is reported.

use nilometer_core::{Gauge, OwnedSeries};

use super::number::Number;

/// A total of one object of librdkafka's, as it was last reported.
#[derive(Debug, Default)]
pub(super) struct Baseline(u64);

impl Baseline {
    /// By how much the total grew since it was last reported, 0 included; `None` where it is not reported.
    ///
    /// A total that fell is that of an object that began anew: all of it has come since.
    pub(super) fn growth(&mut self, total: Number) -> Option<u64> {
        let total = total.known()?;
        let growth = total.checked_sub(self.0).unwrap_or(total);
        self.0 = total;
        Some(growth)
    }

    /// Whether the object of this total can be that of a total that was reported as `total`.
    pub(super) fn can_become(&self, total: Number) -> bool {
        total.known().is_none_or(|total| total >= self.0)
    }
}

/// What one client adds to a gauge that several clients may share: the gauge is the sum, and is gone with the last.
#[derive(Debug, Default)]
pub(in crate::kafka) struct Level {
    series: Option<OwnedSeries<Gauge>>,
    level: u64,
}

impl Level {
    /// The client adds `level` from now on; with `None`, it has no part in the gauge.
    pub(in crate::kafka) fn set(&mut self, level: Option<u64>, series: impl FnOnce() -> OwnedSeries<Gauge>) {
        let Some(level) = level else {
            self.end();
            return;
        };
        self.series.get_or_insert_with(series).add(exact(level) - exact(self.level));
        self.level = level;
    }

    /// The client has no part in the gauge any more.
    pub(in crate::kafka) fn end(&mut self) {
        if let Some(series) = self.series.take() {
            series.sub(exact(self.level));
        }
        self.level = 0;
    }
}

/// As exact as a gauge is: to 2^53.
#[expect(clippy::cast_precision_loss, reason = "a gauge is an f64")]
fn exact(level: u64) -> f64 {
    level as f64
}

impl Drop for Level {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use nilometer_core::GaugeFamily;

    use super::*;

    fn number(text: &str) -> Number {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_total_that_falls_has_begun_anew() {
        let mut baseline = Baseline::default();
        let totals = ["5", "5", "null", "9", "3", "-1", "4"];
        let growths = totals.map(|total| baseline.growth(number(total)));
        assert_eq!(growths, [Some(5), Some(0), None, Some(4), Some(3), None, Some(1)]);
    }

    #[test]
    fn a_gauge_is_the_sum_and_goes_with_the_last() {
        let family = GaugeFamily::new("lag", "Lag.");
        let labels = &[("topic", "orders")];
        let (mut one, mut other) = (Level::default(), Level::default());
        one.set(Some(3), || family.owned(labels));
        other.set(Some(4), || family.owned(labels));
        one.set(Some(1), || family.owned(labels));
        assert_eq!(family.get(labels).unwrap().get().to_string(), "5");
        one.set(None, || family.owned(labels));
        assert_eq!(family.get(labels).unwrap().get().to_string(), "4");
        drop(other);
        assert!(family.get(labels).is_none());
    }
}
