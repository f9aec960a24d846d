//! What the integration tests of this crate share.

use nilometer_core::collect::{Collector, Descriptor, Number, Point, SeriesLabels, Stopped, Visitor};

/// Writes what it is shown as lines: `name type` for a family, `  {labels} value` for a series.
#[derive(Default)]
struct Page(Vec<String>);

impl Visitor for Page {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        self.0.push(format!("{} {}", descriptor.name(), descriptor.metric_type().as_str()));
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        let value = match point {
            Point::Counter(point) => number(point.total()),
            Point::Gauge(point) => number(point.value()),
            Point::UpDownCounter(point) => number(point.value()),
            Point::Histogram(point) | Point::GaugeHistogram(point) => {
                format!("{} in {:?}", point.sum(), point.counts())
            }
            Point::Summary(point) => {
                format!("{} of {}: {:?}", point.sum(), point.count(), point.quantiles())
            }
            Point::Info => "info".to_owned(),
            Point::StateSet(point) => {
                let states = point.states().iter();
                let states: Vec<_> =
                    states.map(|(name, is_on)| format!("{name}={}", u8::from(*is_on))).collect();
                states.join(",")
            }
        };
        self.0.push(format!("  {{{}}} {value}", labels.join(",")));
        Ok(())
    }
}

fn number(number: Number) -> String {
    match number {
        Number::U64(value) => value.to_string(),
        Number::I64(value) => value.to_string(),
        Number::F64(value) => value.to_string(),
    }
}

/// Everything that `collector` shows, line by line; an error is a line as well.
pub(crate) fn page(collector: &impl Collector) -> Vec<String> {
    let mut page = Page::default();
    if let Err(error) = collector.collect(&mut page) {
        page.0.push(format!("error: {error}"));
    }
    page.0
}
