//! What a receiver has by what it was sent, and what was wrong with that.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::{Duration, SystemTime};

use nilometer_core::collect::Collector;
use nilometer_otel::{OtlpEncoder, Resource};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message as _;

use super::received::metrics;
use super::series::{Key, Single, Total, each, points};

/// How many complaints are kept.
const COMPLAINTS: usize = 10;

/// Adds up differences, holds the last of what is cumulative, and looks at every point.
///
/// A point does not end before it begins. Of a cumulative series the start does not move back, and as long as it stays,
/// the times do not move back, and what only grows does not fall. A difference begins exactly where the one before ended.
#[derive(Debug, Clone, Default)]
pub struct Model {
    series: BTreeMap<Key, Held>,
    complaints: Vec<String>,
    points: u64,
    requests: u64,
}

#[derive(Debug, Clone)]
struct Held {
    start: u64,
    time: u64,
    is_delta: bool,
    total: Total,
}

impl Model {
    /// What a collector shows now, as it is if it arrives.
    ///
    /// # Panics
    ///
    /// When it cannot be encoded.
    #[must_use]
    #[expect(clippy::panic, reason = "a test whose collector fails has failed")]
    pub fn of(collector: &(impl Collector + ?Sized)) -> Model {
        let start = SystemTime::now() - Duration::from_secs(1);
        let requests = OtlpEncoder::new(Resource::new("model"), start).encode(collector, SystemTime::now());
        let mut model = Model::default();
        for request in requests.unwrap_or_else(|error| panic!("{error}")) {
            let request = ExportMetricsServiceRequest::decode(request.body().clone());
            model.take(&request.unwrap_or_else(|error| panic!("{error}")), 0);
        }
        model
    }

    /// Takes all points of a request but the last, so many of them.
    pub fn take(&mut self, request: &ExportMetricsServiceRequest, rejected: u64) {
        self.requests += 1;
        let all: u64 = metrics(request).map(|metric| points(metric) as u64).sum();
        let mut left = all.saturating_sub(rejected);
        self.points += left;
        for metric in metrics(request) {
            each(metric, |single| {
                if left > 0 {
                    left -= 1;
                    self.take_point(single);
                }
            });
        }
    }

    fn take_point(&mut self, single: Single) {
        let Single { key, start, time, is_delta, is_monotonic, total } = single;
        let mut complaint = (start > time).then(|| format!("it ends at {time} and begins at {start}"));
        match self.series.entry(key) {
            Entry::Vacant(place) => {
                if let Some(complaint) = complaint {
                    complain(&mut self.complaints, place.key(), &complaint);
                }
                place.insert(Held { start, time, is_delta, total });
            }
            Entry::Occupied(mut place) => {
                let held = place.get_mut();
                if held.is_delta != is_delta {
                    complaint = Some("it has another temporality".to_owned());
                } else if is_delta {
                    if start != held.time {
                        complaint = Some(format!("it begins at {start}, the last ended at {}", held.time));
                    }
                } else if start < held.start {
                    complaint = Some(format!("it begins at {start}, the last began at {}", held.start));
                } else if start == held.start {
                    if time < held.time {
                        complaint = Some(format!("it ends at {time}, the last ended at {}", held.time));
                    } else if is_monotonic && total.count() < held.total.count() {
                        complaint = Some(format!("it fell from {:?} to {total:?}", held.total));
                    }
                }
                if is_delta {
                    if !held.total.add(&total) {
                        complaint = Some(format!("it cannot be added to the last: {total:?}"));
                    }
                    (held.start, held.time) = (start, time);
                } else {
                    *held = Held { start, time, is_delta, total };
                }
                if let Some(complaint) = complaint {
                    complain(&mut self.complaints, place.key(), &complaint);
                }
            }
        }
    }

    /// What was wrong; no more than the first few.
    #[must_use]
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// How many points there were, and how many requests that had them.
    #[must_use]
    pub fn taken(&self) -> (u64, u64) {
        (self.points, self.requests)
    }

    /// What a series has: its number, or how many observations.
    #[must_use]
    pub fn count(&self, name: &str, attributes: &[(&str, &str)]) -> Option<f64> {
        let mut attributes: Vec<_> =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        attributes.sort();
        self.series.get(&Key { name: name.to_owned(), attributes }).map(|held| held.total.count())
    }

    /// All series and what they have, nilometer's own aside.
    pub fn totals(&self) -> impl Iterator<Item = (&Key, &Total)> {
        let all = self.series.iter().map(|(key, held)| (key, &held.total));
        all.filter(|(key, _)| !key.name.starts_with("nilometer_"))
    }

    /// Whether it has exactly the series and totals that `other` has, nilometer's own aside.
    #[must_use]
    pub fn has_what(&self, other: &Model) -> bool {
        self.totals().count() == other.totals().count()
            && self
                .totals()
                .zip(other.totals())
                .all(|((key, total), (expected, value))| key == expected && total.is_same(value))
    }

    /// Compares what it has with what a collector shows now, nilometer's own aside, and wants nothing to have been wrong.
    ///
    /// # Panics
    ///
    /// Where they differ, or there were complaints.
    pub fn assert_shows(&self, collector: &(impl Collector + ?Sized)) {
        assert!(self.complaints.is_empty(), "{:#?}", self.complaints);
        let expected = Model::of(collector);
        let differing = self
            .totals()
            .zip(expected.totals())
            .find(|(held, shown)| held.0 != shown.0 || !held.1.is_same(shown.1));
        assert!(differing.is_none(), "held and shown: {differing:#?}");
        assert_eq!(self.totals().count(), expected.totals().count(), "series");
    }
}

fn complain(complaints: &mut Vec<String>, key: &Key, complaint: &str) {
    if complaints.len() < COMPLAINTS {
        complaints.push(format!("{} {:?}: {complaint}", key.name, key.attributes));
    }
}
