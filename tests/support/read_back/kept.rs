//! What a collector has shown, kept.

use std::time::SystemTime;

use nilometer_core::collect::{
    Descriptor, Exemplar, ExponentialRange, HistogramPoint, Point, SeriesLabels, Stopped, Visitor,
};

use crate::shown::{Example, Exponential, Histogram, Series, Value};

/// Families as a visitor was shown them, in their order.
#[derive(Debug, Clone, Default)]
pub struct Kept(pub Vec<KeptFamily>);

/// A family as a visitor was shown it.
#[derive(Debug, Clone)]
pub struct KeptFamily {
    /// Its descriptor.
    pub descriptor: Descriptor,
    /// Its series, constant labels among their own.
    pub series: Vec<Series>,
}

impl Visitor for Kept {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        self.0.push(KeptFamily { descriptor: descriptor.clone(), series: Vec::new() });
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        // A point before any family is for the encoders to refuse.
        if let Some(family) = self.0.last_mut() {
            family.series.push(series(labels, point));
        }
        Ok(())
    }
}

fn pairs<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A time as nanoseconds since 1970, which no test shows one before.
fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn example(exemplar: &Exemplar<'_>) -> Example {
    Example {
        labels: pairs(exemplar.labels().iter()),
        value: exemplar.value(),
        nanoseconds: nanoseconds(exemplar.time()),
    }
}

fn series(labels: SeriesLabels<'_>, point: Point<'_>) -> Series {
    let labels = pairs(labels.iter());
    let mut exemplars = Vec::new();
    let (value, created) = match point {
        Point::Counter(point) => {
            exemplars.extend(point.exemplar().iter().map(example));
            (Value::Number(point.total()), point.created())
        }
        Point::Gauge(point) => (Value::Number(point.value()), None),
        Point::UpDownCounter(point) => (Value::Number(point.value()), point.created()),
        Point::Histogram(point) | Point::GaugeHistogram(point) => {
            exemplars.extend(point.exemplars().iter().map(example));
            (Value::Histogram(histogram(&point)), point.created())
        }
        Point::Summary(point) => {
            (Value::Summary(point.quantiles().to_vec(), point.count(), point.sum()), point.created())
        }
        Point::Info => (Value::Info, None),
        Point::StateSet(point) => {
            let states = point.states().iter().map(|&(name, is_on)| (name.to_owned(), is_on));
            (Value::StateSet(states.collect()), None)
        }
    };
    Series { labels, value, created: created.map(nanoseconds), exemplars }
}

fn histogram(point: &HistogramPoint<'_>) -> Histogram {
    let side = |range: ExponentialRange<'_>| (range.offset(), range.counts().to_vec());
    let exponential = point.exponential().map(|buckets| Exponential {
        scale: buckets.scale(),
        zero: (buckets.zero_threshold(), buckets.zero_count()),
        positive: side(buckets.positive()),
        negative: side(buckets.negative()),
    });
    Histogram {
        bounds: point.bounds().to_vec(),
        counts: point.counts().to_vec(),
        sum: point.sum(),
        exponential,
        is_exponential_only: point.is_exponential_only(),
    }
}
