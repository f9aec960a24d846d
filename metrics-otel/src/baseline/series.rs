//! One series that is sent as differences.

use nilometer_core::collect::{ExponentialBuckets, LabelSet, Number, SeriesLabels};

use super::exponential::{self, Exponential};
use crate::distribution::Explicit;
use crate::time::point_time;

/// The series is in no request of the last collection.
const NO_REQUEST: u32 = u32::MAX;

/// A series: since when it has sent nothing, and the values of then and of the last collection.
#[derive(Debug)]
pub(crate) struct Series {
    hash: u64,
    constant: Option<LabelSet>,
    own: LabelSet,
    /// Up to when everything was acknowledged, in nanoseconds since 1970: where the next difference begins.
    since: u64,
    /// When the series was made, where that is known; else 0.
    created: u64,
    /// The request of the last collection that has the series.
    request: u32,
    /// In how many collections in a row it was missing.
    missed: u32,
    values: Values,
}

/// The values that were acknowledged last, and those that were shown last, which are never less.
#[derive(Debug)]
enum Values {
    None,
    Whole { acknowledged: u64, shown: u64 },
    Float { acknowledged: f64, shown: f64 },
    Explicit(Box<Buckets>),
    Exponential(Box<Exponential>),
}

/// Explicit buckets.
#[derive(Debug)]
struct Buckets {
    /// That of the bounds.
    hash: u64,
    /// The sums that were acknowledged and shown.
    sums: [f64; 2],
    /// The counts that were acknowledged, and then as many that were shown.
    counts: Box<[u64]>,
}

impl Series {
    pub(super) fn new(hash: u64, labels: SeriesLabels<'_>, since: u64) -> Series {
        let mut sets = labels.sets().cloned();
        let (first, second) = (sets.next(), sets.next());
        let (constant, own) = if second.is_some() { (first, second) } else { (None, first) };
        let own = own.unwrap_or_else(LabelSet::empty);
        let values = Values::None;
        Series { hash, constant, own, since, created: 0, request: NO_REQUEST, missed: 0, values }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    /// Whether these are its labels, however they are divided into constant ones and others.
    pub(super) fn is_of(&self, hash: u64, labels: SeriesLabels<'_>) -> bool {
        if self.hash != hash {
            return false;
        }
        let sets = self.constant.iter().chain([&self.own]).filter(|set| !set.is_empty());
        if labels.sets().eq(sets.clone()) {
            return true;
        }
        // No name is in both sets.
        sets.clone().map(LabelSet::len).sum::<usize>() == labels.len()
            && labels.iter().all(|(name, value)| sets.clone().any(|set| set.get(name) == Some(value)))
    }

    /// Takes in which requests of the last collection, which was at `now`, were acknowledged.
    pub(super) fn settle(&mut self, acknowledged: &[bool], now: u64) {
        let request = std::mem::replace(&mut self.request, NO_REQUEST);
        if acknowledged.get(request as usize) == Some(&true) {
            self.since = point_time(self.since, now);
            self.values.settle();
        }
    }

    /// Whether it may still come again; asked once for each collection that has shown everything.
    pub(super) fn is_awaited(&mut self, patience: u32) -> bool {
        // The first time is after the collection that showed it.
        self.missed += 1;
        self.missed <= patience.max(1)
    }

    /// Up to when everything was acknowledged, in nanoseconds since 1970.
    pub(crate) fn since(&self) -> u64 {
        self.since
    }

    /// Says which request has what was shown.
    pub(crate) fn is_sent_in(&mut self, request: u32) {
        self.request = request;
    }

    /// Begins anew where these values do not follow on the last: others were dropped, with the series that had them.
    fn follow(
        &mut self,
        created: Option<u64>,
        follows: impl FnOnce(&Values) -> bool,
        zero: impl FnOnce() -> Values,
    ) {
        self.missed = 0;
        let created = created.unwrap_or(0);
        let is_another = created > 0 && self.created > 0 && created != self.created;
        if is_another || !follows(&self.values) {
            self.values = zero();
            self.since = self.since.max(created);
        }
        self.created = created;
    }

    /// What a total has more than was acknowledged; one that is not negative.
    pub(crate) fn number(&mut self, total: Number, created: Option<u64>) -> Number {
        match total {
            Number::U64(total) => Number::U64(self.whole(total, created)),
            Number::I64(total) => Number::U64(self.whole(total.unsigned_abs(), created)),
            Number::F64(total) => Number::F64(self.float(total, created)),
        }
    }

    fn whole(&mut self, total: u64, created: Option<u64>) -> u64 {
        let follows = |values: &Values| matches!(values, Values::Whole { shown, .. } if total >= *shown);
        self.follow(created, follows, || Values::Whole { acknowledged: 0, shown: 0 });
        match &mut self.values {
            Values::Whole { acknowledged, shown } => {
                *shown = total;
                total - *acknowledged
            }
            _ => total,
        }
    }

    /// Rounded to the nearest.
    fn float(&mut self, total: f64, created: Option<u64>) -> f64 {
        let follows = |values: &Values| matches!(values, Values::Float { shown, .. } if total >= *shown);
        self.follow(created, follows, || Values::Float { acknowledged: 0.0, shown: 0.0 });
        match &mut self.values {
            Values::Float { acknowledged, shown } => {
                *shown = total;
                // What is infinite stays so, and nothing is added to it.
                if total > *acknowledged { total - *acknowledged } else { 0.0 }
            }
            _ => total,
        }
    }

    /// What a histogram has more, with the counts in `room`. Without a sum where that has become less.
    pub(crate) fn explicit<'a>(
        &mut self,
        total: Explicit<'a>,
        bounds: u64,
        created: Option<u64>,
        room: &'a mut Vec<u64>,
    ) -> Explicit<'a> {
        let len = total.counts.len();
        let follows = |values: &Values| match values {
            Values::Explicit(last) if last.hash == bounds && last.counts.len() == 2 * len => {
                last.counts[len..].iter().zip(total.counts).all(|(shown, count)| shown <= count)
            }
            _ => false,
        };
        self.follow(created, follows, || {
            let counts = vec![0; 2 * len].into_boxed_slice();
            Values::Explicit(Box::new(Buckets { hash: bounds, sums: [0.0; 2], counts }))
        });
        let Values::Explicit(last) = &mut self.values else { return total };
        let (acknowledged, shown) = last.counts.split_at_mut(len);
        shown.copy_from_slice(total.counts);
        room.clear();
        room.extend(total.counts.iter().zip(acknowledged).map(|(count, before)| count - *before));
        last.sums[1] = total.sum.unwrap_or(0.0);
        let sum = difference(total.sum, last.sums[0]);
        Explicit { counts: room, sum, ..total }
    }

    /// What exponential buckets have more, in `room`.
    pub(crate) fn exponential<'a>(
        &mut self,
        total: &ExponentialBuckets<'_>,
        sum: Option<f64>,
        created: Option<u64>,
        room: &'a mut exponential::Buckets,
    ) -> (&'a exponential::Buckets, Option<f64>) {
        let follows =
            |values: &Values| matches!(values, Values::Exponential(last) if last.is_before(total, room));
        self.follow(created, follows, || Values::Exponential(Box::default()));
        match &mut self.values {
            Values::Exponential(last) => {
                let before = last.follow(total, sum.unwrap_or(0.0), room);
                (room, difference(sum, before))
            }
            _ => (room, sum),
        }
    }
}

/// What a sum has more, where it does have more.
fn difference(sum: Option<f64>, before: f64) -> Option<f64> {
    let difference = sum? - before;
    (difference >= 0.0 || difference.is_nan()).then_some(difference)
}

impl Values {
    /// What was shown was acknowledged.
    fn settle(&mut self) {
        match self {
            Values::None => {}
            Values::Whole { acknowledged, shown } => *acknowledged = *shown,
            Values::Float { acknowledged, shown } => *acknowledged = *shown,
            Values::Explicit(values) => {
                let len = values.counts.len() / 2;
                values.counts.copy_within(len.., 0);
                values.sums[0] = values.sums[1];
            }
            Values::Exponential(values) => values.settle(),
        }
    }
}
