//! Points that borrow nothing.

use std::time::SystemTime;

use crate::collect::{
    CounterPoint, Exemplar, GaugePoint, HistogramPoint, OwnedExponential, Point, StateSetPoint, SummaryPoint,
    UpDownCounterPoint,
};
use crate::label::LabelSet;

/// A [`Point`] that borrows nothing.
pub(super) enum OwnedPoint {
    Counter { point: CounterPoint<'static>, exemplar: Option<OwnedExemplar> },
    Gauge(GaugePoint),
    UpDownCounter(UpDownCounterPoint),
    Histogram(Box<OwnedHistogram>),
    GaugeHistogram(Box<OwnedHistogram>),
    Summary { quantiles: Box<[(f64, f64)]>, count: u64, sum: f64, created: Option<SystemTime> },
    Info,
    StateSet(Box<[(Box<str>, bool)]>),
}

pub(super) struct OwnedExemplar {
    labels: LabelSet,
    value: f64,
    time: SystemTime,
}

pub(super) struct OwnedHistogram {
    bounds: Box<[f64]>,
    counts: Box<[u64]>,
    sum: f64,
    exponential: Option<OwnedExponential>,
    is_exponential_only: bool,
    created: Option<SystemTime>,
    exemplars: Box<[OwnedExemplar]>,
}

/// About how many bytes a point takes when it is owned, beside its labels.
pub(super) fn bytes(point: &Point<'_>) -> usize {
    match point {
        Point::Counter(point) => point.exemplar().as_ref().map_or(0, exemplar_bytes),
        Point::Gauge(_) | Point::UpDownCounter(_) | Point::Info => 0,
        Point::Histogram(point) | Point::GaugeHistogram(point) => {
            let exponential = point.exponential().map_or(0, |exponential| {
                8 * (exponential.positive().counts().len() + exponential.negative().counts().len())
            });
            let exemplars = point.exemplars().iter().map(exemplar_bytes).sum::<usize>();
            16 * point.counts().len() + exponential + exemplars
        }
        Point::Summary(point) => 16 * point.quantiles().len(),
        Point::StateSet(point) => point.states().iter().map(|(name, _)| 24 + name.len()).sum(),
    }
}

fn exemplar_bytes(exemplar: &Exemplar<'_>) -> usize {
    64 + exemplar.labels().as_prometheus().len()
}

impl OwnedPoint {
    /// Calls `f` with the point.
    pub(super) fn show<R>(&self, f: impl FnOnce(Point<'_>) -> R) -> R {
        match self {
            OwnedPoint::Counter { point, exemplar } => {
                let exemplar = exemplar.as_ref().map(OwnedExemplar::borrowed);
                let counter = CounterPoint::new(point.total()).with_created(point.created());
                f(counter.with_exemplar(exemplar).into())
            }
            OwnedPoint::Gauge(point) => f(Point::Gauge(*point)),
            OwnedPoint::UpDownCounter(point) => f(Point::UpDownCounter(*point)),
            OwnedPoint::Histogram(histogram) => histogram.show(|point| f(Point::Histogram(point))),
            OwnedPoint::GaugeHistogram(histogram) => histogram.show(|point| f(Point::GaugeHistogram(point))),
            OwnedPoint::Summary { quantiles, count, sum, created } => {
                f(SummaryPoint::trusted(quantiles, *count, *sum).with_created(*created).into())
            }
            OwnedPoint::Info => f(Point::Info),
            OwnedPoint::StateSet(states) => {
                let states: Vec<(&str, bool)> =
                    states.iter().map(|(name, is_on)| (&**name, *is_on)).collect();
                f(StateSetPoint::new(&states).into())
            }
        }
    }
}

impl From<Point<'_>> for OwnedPoint {
    fn from(point: Point<'_>) -> Self {
        match point {
            Point::Counter(point) => OwnedPoint::Counter {
                point: CounterPoint::new(point.total()).with_created(point.created()),
                exemplar: point.exemplar().map(OwnedExemplar::from),
            },
            Point::Gauge(point) => OwnedPoint::Gauge(point),
            Point::UpDownCounter(point) => OwnedPoint::UpDownCounter(point),
            Point::Histogram(point) => OwnedPoint::Histogram(Box::new(point.into())),
            Point::GaugeHistogram(point) => OwnedPoint::GaugeHistogram(Box::new(point.into())),
            Point::Summary(point) => OwnedPoint::Summary {
                quantiles: point.quantiles().into(),
                count: point.count(),
                sum: point.sum(),
                created: point.created(),
            },
            Point::Info => OwnedPoint::Info,
            Point::StateSet(point) => OwnedPoint::StateSet(
                point.states().iter().map(|&(name, is_on)| (name.into(), is_on)).collect(),
            ),
        }
    }
}

impl OwnedExemplar {
    fn borrowed(&self) -> Exemplar<'_> {
        Exemplar::new(&self.labels, self.value, self.time)
    }
}

impl From<Exemplar<'_>> for OwnedExemplar {
    fn from(exemplar: Exemplar<'_>) -> Self {
        OwnedExemplar { labels: exemplar.labels().clone(), value: exemplar.value(), time: exemplar.time() }
    }
}

impl OwnedHistogram {
    fn show<R>(&self, f: impl FnOnce(HistogramPoint<'_>) -> R) -> R {
        let exemplars: Vec<Exemplar<'_>> = self.exemplars.iter().map(OwnedExemplar::borrowed).collect();
        let mut point = HistogramPoint::trusted(&self.bounds, &self.counts, self.sum)
            .with_created(self.created)
            .with_exemplars(&exemplars);
        if let Some(exponential) = &self.exponential {
            point = point.trusted_with_exponential(exponential.borrowed());
        }
        f(if self.is_exponential_only { point.exponential_only() } else { point })
    }
}

impl From<HistogramPoint<'_>> for OwnedHistogram {
    fn from(point: HistogramPoint<'_>) -> Self {
        OwnedHistogram {
            bounds: point.bounds().into(),
            counts: point.counts().into(),
            sum: point.sum(),
            exponential: point.exponential().map(OwnedExponential::from),
            is_exponential_only: point.is_exponential_only(),
            created: point.created(),
            exemplars: point.exemplars().iter().map(|exemplar| (*exemplar).into()).collect(),
        }
    }
}
