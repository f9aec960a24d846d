//! Which values there can be.

use std::collections::HashSet;

use crate::collect::{ExponentialBuckets, HistogramPoint, Number, Point, StateSetPoint};

/// Whether a metric of the point's kind could have its value: what a point is made with is its collector's word, and the
/// points of this crate's own metrics are not looked at.
///
/// SPEC: OpenMetrics 1.0.0, "Counter": a total is neither NaN nor negative. "StateSet": the states of a set differ. To
/// Prometheus a label with an empty value is none, so no state has that name. Prometheus, "Exposition formats": buckets
/// are cumulative, so that all observations together are a number that there is.
pub(super) fn is_possible(point: &Point<'_>) -> bool {
    match point {
        Point::Counter(point) => match point.total() {
            Number::U64(_) => true,
            Number::I64(total) => total >= 0,
            Number::F64(total) => total >= 0.0,
        },
        Point::Histogram(point) | Point::GaugeHistogram(point) => has_count(point),
        Point::StateSet(point) => has_states(point),
        Point::Gauge(_) | Point::UpDownCounter(_) | Point::Summary(_) | Point::Info => true,
    }
}

fn has_count(point: &HistogramPoint<'_>) -> bool {
    let add = |counts: &[u64], sum: u64| counts.iter().try_fold(sum, |sum, &count| sum.checked_add(count));
    let exponential = |buckets: &ExponentialBuckets<'_>| {
        let positive = add(buckets.positive().counts(), buckets.zero_count());
        positive.and_then(|sum| add(buckets.negative().counts(), sum)).is_some()
    };
    add(point.counts(), 0).is_some() && point.exponential().as_ref().is_none_or(exponential)
}

fn has_states(point: &StateSetPoint<'_>) -> bool {
    let mut names = HashSet::new();
    let states = point.states();
    !states.is_empty() && states.iter().all(|&(name, _)| !name.is_empty() && names.insert(name))
}
