//! A page as a collector.

use std::collections::BTreeMap;

use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, GaugePoint, HistogramPoint, LabelSet, MetricType,
    Number, SeriesLabels, SummaryPoint, Visitor, labels_of_page,
};

use super::page::{Labels, ParsedFamily, ParsedPage, ParsedSample};

impl Collector for ParsedPage {
    /// Shows the families of the page; what has no type is shown as a gauge.
    ///
    /// # Errors
    ///
    /// [`CollectError::Failed`] where the samples of a histogram or a summary do not make one.
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        self.families.iter().try_for_each(|family| show(family, visitor))
    }
}

fn show(family: &ParsedFamily, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
    let kind = family.metric_type.unwrap_or(MetricType::Gauge);
    let help = family.help.as_deref().unwrap_or_default();
    visitor.family(&Descriptor::try_new_utf8(&*family.name, help, kind)?)?;
    match kind {
        MetricType::Histogram => distributions(family, "le")?.iter().try_for_each(|distribution| {
            let labels = distribution.labels()?;
            let (bounds, counts) = distribution.buckets(&family.name)?;
            let point = HistogramPoint::try_new(&bounds, &counts, distribution.sum)?;
            Ok(visitor.point(SeriesLabels::of(&labels), point.into())?)
        }),
        MetricType::Summary => distributions(family, "quantile")?.iter().try_for_each(|distribution| {
            let labels = distribution.labels()?;
            let quantiles: Vec<(f64, f64)> =
                distribution.inner.iter().map(|&(quantile, value)| (quantile, value.as_f64())).collect();
            let count = whole(&family.name, distribution.count)?;
            let point = SummaryPoint::try_new(&quantiles, count, distribution.sum)?;
            Ok(visitor.point(SeriesLabels::of(&labels), point.into())?)
        }),
        _ => family.samples.iter().try_for_each(|sample| {
            let labels = label_set(&sample.labels)?;
            let point = match kind {
                MetricType::Counter => CounterPoint::new(sample.value).into(),
                _ => GaugePoint::new(sample.value).into(),
            };
            Ok(visitor.point(SeriesLabels::of(&labels), point)?)
        }),
    }
}

/// The samples of one histogram's or summary's series.
#[derive(Default)]
struct Distribution {
    labels: Labels,
    /// Each bound or quantile with its value, in their order.
    inner: Vec<(f64, Number)>,
    sum: f64,
    count: Option<Number>,
}

impl Distribution {
    fn labels(&self) -> Result<LabelSet, CollectError> {
        label_set(&self.labels)
    }

    /// The finite bounds, and what is in each bucket.
    fn buckets(&self, family: &str) -> Result<(Vec<f64>, Vec<u64>), CollectError> {
        let bounds =
            self.inner.iter().map(|&(bound, _)| bound).filter(|&bound| bound < f64::INFINITY).collect();
        let mut below = 0;
        let mut counts = Vec::with_capacity(self.inner.len());
        for &(_, cumulated) in &self.inner {
            let cumulated = whole(family, Some(cumulated))?;
            let count = cumulated.checked_sub(below);
            counts.push(count.ok_or_else(|| broken(family, "its buckets go down"))?);
            below = cumulated;
        }
        if whole(family, self.count)? == below {
            Ok((bounds, counts))
        } else {
            Err(broken(family, "its count is not that of all buckets"))
        }
    }
}

/// The samples of a family by their labels, in the order of the page.
fn distributions(family: &ParsedFamily, inner: &str) -> Result<Vec<Distribution>, CollectError> {
    let mut places: BTreeMap<Labels, usize> = BTreeMap::new();
    let mut distributions: Vec<Distribution> = Vec::new();
    for ParsedSample { name, labels, value } in &family.samples {
        let own: Labels = labels.iter().filter(|(name, _)| name != inner).cloned().collect();
        let place = *places.entry(own.clone()).or_insert(distributions.len());
        if place == distributions.len() {
            distributions.push(Distribution { labels: own, ..Distribution::default() });
        }
        let distribution = &mut distributions[place];
        match &name[family.name.len()..] {
            "_sum" => distribution.sum = value.as_f64(),
            "_count" => distribution.count = Some(*value),
            _ => {
                let label = labels.iter().find(|(name, _)| name == inner);
                let number = label.and_then(|(_, value)| value.parse::<f64>().ok());
                let number =
                    number.ok_or_else(|| broken(&family.name, "a sample has no number in its own label"))?;
                distribution.inner.push((number, *value));
            }
        }
    }
    Ok(distributions)
}

fn whole(family: &str, number: Option<Number>) -> Result<u64, CollectError> {
    match number {
        Some(Number::U64(value)) => Ok(value),
        _ => Err(broken(family, "a count is missing, or no whole number")),
    }
}

fn broken(family: &str, what: &str) -> CollectError {
    CollectError::failed(format!("`{family}` is not what its type says: {what}"))
}

fn label_set(labels: &[(String, String)]) -> Result<LabelSet, CollectError> {
    let pairs: Vec<(&str, &str)> =
        labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Ok(labels_of_page(&pairs)?)
}
