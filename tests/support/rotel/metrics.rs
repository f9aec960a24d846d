//! What the collector prints of the metrics that it receives.
//!
//! It does not print flags, the metadata of a metric, how many attributes were dropped, nor the zero threshold of an
//! exponential histogram. Of whole numbers and of floating-point numbers that are whole it prints the same. Of a zero
//! count of 0 and of sides without buckets it prints nothing. The scale and the indexes of exponential buckets follow
//! from their bounds, which it prints.

use super::lines::{joined, pair, within};

/// Names and values, as `Str(checkout)`, in their order.
pub type Attributes = Vec<(String, String)>;

/// A metric as the collector prints it; numbers that may be floating-point ones are its text, the shortest that is
/// read back as the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReceivedMetric {
    /// Of whom it is.
    pub resource: Attributes,
    /// The schema of these attributes, empty where none is named.
    pub schema: String,
    /// The name of its instrumentation scope and that one's version.
    pub scope: String,
    /// The schema of the scope, empty where none is named.
    pub scope_schema: String,
    /// Its own name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Its unit.
    pub unit: String,
    /// `Sum`, `Gauge`, `Histogram`, `ExponentialHistogram` or `Summary`.
    pub kind: String,
    /// `true` or `false`; empty where that has no meaning.
    pub is_monotonic: String,
    /// `AGGREGATION_TEMPORALITY_DELTA` ...; empty where that has no meaning.
    pub temporality: String,
    /// Its points.
    pub points: Vec<ReceivedPoint>,
    /// Lines that are not understood.
    pub others: Vec<String>,
}

/// A point; what its kind does not have is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReceivedPoint {
    /// Its attributes.
    pub attributes: Attributes,
    /// Since when it counts, in nanoseconds since the epoch; 0 where nothing is said.
    pub start: u64,
    /// When it was so, in the same.
    pub time: u64,
    /// A number's value; empty where none was recorded.
    pub value: String,
    /// How many observations there were.
    pub count: Option<u64>,
    /// Their sum; empty where it is not known.
    pub sum: String,
    /// Upper bounds.
    pub bounds: Vec<String>,
    /// How many observations are in each bucket between them.
    pub counts: Vec<u64>,
    /// Exponential buckets.
    pub exponential: ReceivedBuckets,
    /// Quantiles and their values.
    pub quantiles: Vec<(String, String)>,
    /// Examples of what was recorded.
    pub exemplars: Vec<ReceivedExemplar>,
}

/// Exponential buckets by their index: one holds what is above `2^(index / 2^scale)`, up to `2^((index + 1) / 2^scale)`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReceivedBuckets {
    /// Their scale; none where there are no buckets.
    pub scale: Option<i32>,
    /// How many observations are near zero.
    pub zero: u64,
    /// Buckets of positive observations, empty ones in between included.
    pub positive: Vec<(i32, u64)>,
    /// Buckets of negative ones, by their absolute values.
    pub negative: Vec<(i32, u64)>,
}

/// An exemplar; ids are lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReceivedExemplar {
    /// The id of its trace, empty where there is none.
    pub trace_id: String,
    /// The id of its span, empty where there is none.
    pub span_id: String,
    /// When it was made, in nanoseconds since the epoch.
    pub time: u64,
    /// What was recorded.
    pub value: String,
    /// Attributes that the point does not have.
    pub attributes: Attributes,
}

/// What begins the lines that can follow one with an arrow; any other continues its value, which has line breaks.
const BEGINNINGS: [&str; 11] = [
    "     -> ",
    "          -> ",
    "ResourceMetrics #",
    "ScopeMetrics #",
    "Metric #",
    "NumberDataPoints #",
    "HistogramDataPoints #",
    "ExponentialHistogramDataPoints #",
    "SummaryDataPoints #",
    "StartTimestamp: ",
    "Exemplar #",
];

/// Which list a line that begins with an arrow belongs to.
#[derive(Debug, Clone, Copy, Default)]
enum List {
    #[default]
    Resource,
    Scope,
    Descriptor,
    Point,
    Exemplar,
    Filtered,
}

#[derive(Debug, Default)]
struct Reader {
    /// What the metrics that follow have in common.
    of: ReceivedMetric,
    list: List,
    metrics: Vec<ReceivedMetric>,
}

/// Reads the metrics out of what was printed.
pub(super) fn metrics(output: &str) -> Vec<ReceivedMetric> {
    let mut reader = Reader::default();
    for line in joined(within(output, "ResourceMetrics #"), &BEGINNINGS) {
        if reader.read(&line).is_none() {
            reader.metrics.last_mut().unwrap_or(&mut reader.of).others.push(line);
        }
    }
    reader.metrics
}

impl Reader {
    /// Reads a line; `None` where it is not understood.
    fn read(&mut self, line: &str) -> Option<()> {
        let (metrics, list) = (&mut self.metrics, &mut self.list);
        if let Some((name, value)) = pair(line) {
            match list {
                List::Resource => self.of.resource.push((name, value)),
                List::Scope => return None,
                List::Descriptor => metrics.last_mut()?.describe(&name, value)?,
                List::Point => metrics.last_mut()?.points.last_mut()?.attributes.push((name, value)),
                List::Exemplar => metrics.last_mut()?.exemplar()?.read(&name, value)?,
                List::Filtered => metrics.last_mut()?.exemplar()?.attributes.push((name, value)),
            }
            return Some(());
        }
        match line {
            "Descriptor:" => *list = List::Descriptor,
            "Data point attributes:" => *list = List::Point,
            "     -> FilteredAttributes:" => *list = List::Filtered,
            "InstrumentationScope attributes:" => *list = List::Scope,
            "Resource attributes:" | "Exemplars:" => {}
            _ if line.starts_with("ScopeMetrics #") => {}
            _ if line.starts_with("ResourceMetrics #") => {
                (self.of, *list) = (ReceivedMetric::default(), List::Resource);
            }
            _ if line.starts_with("Metric #") => metrics.push(self.of.clone()),
            _ if line.starts_with("Exemplar #") => {
                *list = List::Exemplar;
                metrics.last_mut()?.points.last_mut()?.exemplars.push(ReceivedExemplar::default());
            }
            _ if line.contains("DataPoints #") => {
                metrics.last_mut()?.points.push(ReceivedPoint::default());
            }
            _ => {
                if let Some(schema) = line.strip_prefix("Resource SchemaURL: ") {
                    schema.clone_into(&mut self.of.schema);
                } else if let Some(schema) = line.strip_prefix("ScopeMetrics SchemaURL: ") {
                    schema.clone_into(&mut self.of.scope_schema);
                } else if let Some(scope) = line.strip_prefix("InstrumentationScope ") {
                    scope.clone_into(&mut self.of.scope);
                } else {
                    return metrics.last_mut()?.points.last_mut()?.read(line);
                }
            }
        }
        Some(())
    }
}

impl ReceivedMetric {
    fn describe(&mut self, name: &str, value: String) -> Option<()> {
        match name {
            "Name" => self.name = value,
            "Description" => self.description = value,
            "Unit" => self.unit = value,
            "DataType" => self.kind = value,
            "IsMonotonic" => self.is_monotonic = value,
            "AggregationTemporality" => self.temporality = value,
            _ => return None,
        }
        Some(())
    }

    fn exemplar(&mut self) -> Option<&mut ReceivedExemplar> {
        self.points.last_mut()?.exemplars.last_mut()
    }
}

impl ReceivedPoint {
    /// Reads a line without an arrow; `None` where it is not understood.
    fn read(&mut self, line: &str) -> Option<()> {
        let (name, value) = line.split_once(": ")?;
        match name {
            "StartTimestamp" => self.start = value.parse().ok()?,
            "Timestamp" => self.time = value.parse().ok()?,
            "Value" => value.clone_into(&mut self.value),
            "Count" => self.count = Some(value.parse().ok()?),
            "Sum" => value.clone_into(&mut self.sum),
            name if name.starts_with("ExplicitBounds #") => self.bounds.push(value.to_owned()),
            name if name.starts_with("Buckets #") => self.counts.push(value.parse().ok()?),
            name if name.starts_with("QuantileValue #") => {
                let (quantile, value) = value.strip_prefix("Quantile ")?.split_once(", Value ")?;
                self.quantiles.push((quantile.to_owned(), value.to_owned()));
            }
            "Bucket [0, 0], Count" => self.exponential.zero = value.parse().ok()?,
            name => {
                let bounds = name.strip_prefix("Bucket ")?.strip_suffix(", Count")?;
                self.exponential.read(bounds, value.parse().ok()?)?;
            }
        }
        Some(())
    }
}

impl ReceivedExemplar {
    fn read(&mut self, name: &str, value: String) -> Option<()> {
        match name {
            "Trace ID" => self.trace_id = value,
            "Span ID" => self.span_id = value,
            "Timestamp" => self.time = value.parse().ok()?,
            "Value" => self.value = value,
            _ => return None,
        }
        Some(())
    }
}

impl ReceivedBuckets {
    /// Reads the bounds of a bucket, as `(1, 2]` or, of a negative one, `[-2, -1)`.
    ///
    /// # Panics
    ///
    /// Where they belong to no scale, or to another one than those before.
    #[expect(clippy::cast_possible_truncation, reason = "rounded before")]
    fn read(&mut self, bounds: &str, count: u64) -> Option<()> {
        let is_negative = bounds.starts_with('[');
        let (first, second) = bounds.get(1..bounds.len().checked_sub(1)?)?.split_once(", ")?;
        let [first, second] = [first, second].map(|bound| bound.parse::<f64>().map(f64::abs));
        let (lower, upper) =
            if is_negative { (second.ok()?, first.ok()?) } else { (first.ok()?, second.ok()?) };
        // Of a bucket's width, in powers of two.
        let scale = -(upper / lower).log2().log2();
        let index = lower.log2() * scale.round().exp2();
        for exact in [scale, index] {
            assert!((exact - exact.round()).abs() < 1e-3, "`{bounds}` are no bounds of exponential buckets");
        }
        let (scale, index) = (scale.round() as i32, index.round() as i32);
        assert_eq!(*self.scale.get_or_insert(scale), scale, "`{bounds}` have another scale");
        let side = if is_negative { &mut self.negative } else { &mut self.positive };
        // Negative buckets come from the lowest on.
        let place = if is_negative { 0 } else { side.len() };
        side.insert(place, (index, count));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_back_as_scales_and_indexes() {
        for scale in [-10, -4, 0, 3, 8, 20] {
            for index in [-3, 0, 5, 400].map(|index| if scale < 0 { index % 3 } else { index }) {
                // As the collector computes them.
                let factor = 2_f64.ln() * f64::from(-scale).exp2();
                let [lower, upper] = [index, index + 1].map(|index| (f64::from(index) * factor).exp());
                if lower > 0.0 && upper.is_finite() {
                    let mut buckets = ReceivedBuckets::default();
                    buckets.read(&format!("({lower}, {upper}]"), 7).unwrap();
                    buckets.read(&format!("[{}, {})", -upper, -lower), 8).unwrap();
                    let sides = (buckets.positive, buckets.negative);
                    assert_eq!((buckets.scale, sides), (Some(scale), (vec![(index, 7)], vec![(index, 8)])));
                }
            }
        }
    }
}
