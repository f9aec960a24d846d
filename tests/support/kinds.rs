//! One series of every kind, with all that a kind can have besides its value.

use std::time::{Duration, SystemTime};

use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, Exemplar, ExponentialBuckets, ExponentialRange,
    GaugePoint, HistogramPoint, LabelSet, MetricType, Point, SeriesLabels, StateSetPoint, Stopped,
    SummaryPoint, Unit, UpDownCounterPoint, Visitor,
};

/// Shows them; the number is added to what a counter has.
#[derive(Debug, Clone, Copy)]
pub struct EveryKind {
    /// Since when there are the series.
    pub created: SystemTime,
    /// When the exemplars were made.
    pub seen: SystemTime,
    /// What the counter has.
    pub total: u64,
}

impl EveryKind {
    /// Series that are a minute old, with exemplars of ten seconds ago.
    #[must_use]
    pub fn now() -> EveryKind {
        let before = |seconds| SystemTime::now().checked_sub(Duration::from_secs(seconds));
        let [created, seen] = [60, 10].map(|seconds| before(seconds).unwrap_or(SystemTime::UNIX_EPOCH));
        EveryKind { created, seen, total: 7 }
    }
}

impl Collector for EveryKind {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let trace = LabelSet::try_from_pairs(&[("trace_id", "4bf92f3577b34da6")])?;
        let exemplar = |value| Exemplar::new(&trace, value, self.seen);
        let created = self.created;

        start(visitor, "kinds_requests_total", MetricType::Counter, None)?;
        let counter = CounterPoint::new(self.total).with_created(created).with_exemplar(exemplar(1.0));
        show(visitor, &[("path", "/a\"b\\c\nd"), ("Zone", "é")], counter.into())?;

        start(visitor, "kinds_size_bytes", MetricType::Gauge, Some(Unit::BYTES))?;
        show(visitor, &[], GaugePoint::new(-2.5).into())?;

        start(visitor, "kinds_in_flight", MetricType::UpDownCounter, None)?;
        show(visitor, &[], UpDownCounterPoint::new(-3_i64).with_created(created).into())?;

        let exemplars = [exemplar(0.05), exemplar(0.7)];
        start(visitor, "kinds_wait_seconds", MetricType::Histogram, Some(Unit::SECONDS))?;
        let explicit = HistogramPoint::try_new(&[0.1, 1.0], &[3, 1, 2], 11.5)?;
        show(visitor, &[], explicit.with_created(created).with_exemplars(&exemplars).into())?;

        // At scale 0: one above 1 and up to 2, three up to 4, none for five buckets, four up to 256.
        let (positive, negative) = ([1, 3, 0, 0, 0, 0, 0, 4], [2]);
        let buckets = ExponentialBuckets::try_new(
            0,
            ExponentialRange::new(0, &positive),
            ExponentialRange::new(1, &negative),
        )?
        .try_with_zero(0.001, 5)?;
        let wide = [exemplar(1.5), exemplar(3.0)];
        let exponential = HistogramPoint::try_new(&[1.0, 4.0], &[7, 4, 4], 700.25)?
            .try_with_exponential(buckets)?
            .with_created(created)
            .with_exemplars(&wide);
        start(visitor, "kinds_native_bytes", MetricType::Histogram, None)?;
        show(visitor, &[], exponential.exponential_only().into())?;
        start(visitor, "kinds_both_bytes", MetricType::Histogram, None)?;
        show(visitor, &[], exponential.into())?;

        start(visitor, "kinds_ages", MetricType::GaugeHistogram, None)?;
        show(visitor, &[], Point::GaugeHistogram(HistogramPoint::try_new(&[2.0], &[1, 1], 5.0)?))?;

        start(visitor, "kinds_delay_seconds", MetricType::Summary, None)?;
        let summary = SummaryPoint::try_new(&[(0.5, 0.25), (0.99, f64::NAN)], 10, 3.5)?;
        show(visitor, &[], summary.with_created(created).into())?;

        start(visitor, "kinds_build_info", MetricType::Info, None)?;
        show(visitor, &[("version", "1.2")], Point::Info)?;

        start(visitor, "kinds_state", MetricType::StateSet, None)?;
        show(visitor, &[], StateSetPoint::new(&[("starting", false), ("running", true)]).into())
    }
}

fn start(
    visitor: &mut dyn Visitor,
    name: &str,
    kind: MetricType,
    unit: Option<Unit>,
) -> Result<(), CollectError> {
    let descriptor = Descriptor::try_new(name, format!("What {name} is."), kind)?;
    Ok(visitor.family(&unit.map_or_else(|| descriptor.clone(), |unit| descriptor.clone().with_unit(unit)))?)
}

fn show(visitor: &mut dyn Visitor, labels: &[(&str, &str)], point: Point<'_>) -> Result<(), CollectError> {
    let labels = LabelSet::try_from_pairs(labels)?;
    visitor.point(SeriesLabels::of(&labels), point).map_err(|stopped: Stopped| stopped.into())
}
