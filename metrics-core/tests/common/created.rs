//! When series began, as a collection shows it.

use std::time::{Duration, SystemTime};

use nilometer_core::collect::{Collector, Descriptor, Point, SeriesLabels, Stopped, Visitor};

#[derive(Default)]
struct Beginnings {
    family: String,
    seen: Vec<(String, Option<SystemTime>)>,
}

impl Visitor for Beginnings {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        descriptor.name().clone_into(&mut self.family);
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        let created = match point {
            Point::Counter(point) => point.created(),
            Point::UpDownCounter(point) => point.created(),
            Point::Histogram(point) | Point::GaugeHistogram(point) => point.created(),
            _ => None,
        };
        let labels: Vec<&str> = labels.iter().map(|(_, value)| value).collect();
        self.seen.push((format!("{} {}", self.family, labels.join(",")).trim_end().to_owned(), created));
        Ok(())
    }
}

/// Each series, by its family's name and its labels' values, and when it began.
pub(crate) fn beginnings(collector: &impl Collector) -> Vec<(String, Option<SystemTime>)> {
    let mut beginnings = Beginnings::default();
    assert!(collector.collect(&mut beginnings).is_ok());
    beginnings.seen
}

/// Where tests' clocks begin: a whole second.
pub(crate) fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}
