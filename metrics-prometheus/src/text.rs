//! The text format 0.0.4.

use std::fmt;

use nilometer_core::collect::{
    Descriptor, HistogramPoint, LabelSet, MetricType, Number, Point, SeriesLabels, Stopped, Visitor,
};

use crate::bounds::BoundLabels;
use crate::chunk::{CHUNK_SIZE, ChunkBuffer, Output};
use crate::number::NumberBuffer;

/// The content type of the text format.
pub const TEXT_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes what a collector shows it as a page of the text format, in pieces of bounded size.
///
/// It holds one piece, 64 KiB unless [`with_chunk_size`](Self::with_chunk_size) says otherwise, and the text of the
/// family and the series at hand: a page of any size is written in little memory, and no series and no sample
/// allocates.
///
/// A family is written from its first series on; one without series is not on the page. A point before any family, of
/// a family whose name cannot be written, or of another kind than its family has, is left out and counted in
/// [`skipped`](Self::skipped).
///
/// # Examples
///
/// ```
/// use nilometer_core::collect::{
///     CounterPoint, Descriptor, LabelSet, MetricType, SeriesLabels, Visitor,
/// };
/// use nilometer_prometheus::TextEncoder;
///
/// let mut page = Vec::new();
/// let mut encoder = TextEncoder::new(|chunk: Vec<u8>| {
///     page.extend(chunk);
///     Ok(())
/// });
/// let descriptor = Descriptor::try_new("requests_total", "Requests.", MetricType::Counter)?;
/// let labels = LabelSet::from_pairs(&[("method", "GET")]);
/// encoder.family(&descriptor)?;
/// encoder.point(SeriesLabels::of(&labels), CounterPoint::new(3_u64).into())?;
/// encoder.finish()?;
/// assert_eq!(
///     String::from_utf8(page)?,
///     "# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total{method=\"GET\"} 3\n"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Specification
///
/// Prometheus, "Exposition formats", text-based format, version 0.0.4. Upper bounds have the one spelling that
/// OpenMetrics 1.0.0 and Prometheus 3 take for canonical (`1.0`, `1e+06`), so that a series keeps its identity
/// whichever format it is scraped in. Control characters are written as they are: Prometheus 2.42 and 3.5 store them,
/// NUL and carriage return included, without harm to what follows.
pub struct TextEncoder<O> {
    page: ChunkBuffer<O>,
    /// The kind of the family at hand.
    kind: Option<MetricType>,
    name: Vec<u8>,
    /// The HELP and TYPE lines of the family at hand, until its first point.
    header: Vec<u8>,
    /// What all bucket lines of the series at hand start with.
    bucket: Vec<u8>,
    bounds: BoundLabels,
    skipped: u64,
}

impl<O: Output> TextEncoder<O> {
    /// An encoder that gives its pieces to `output`.
    #[must_use]
    pub fn new(output: O) -> TextEncoder<O> {
        TextEncoder::with_chunk_size(output, CHUNK_SIZE)
    }

    /// An encoder whose pieces have `bytes` bytes, the last one aside; 0 is taken for 1.
    #[must_use]
    pub fn with_chunk_size(output: O, bytes: usize) -> TextEncoder<O> {
        TextEncoder {
            page: ChunkBuffer::new(output, bytes),
            kind: None,
            name: Vec::new(),
            header: Vec::new(),
            bucket: Vec::new(),
            bounds: BoundLabels::default(),
            skipped: 0,
        }
    }

    /// How many points were left out, because their family was of another kind or missing.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Gives the output the end of the page.
    ///
    /// Leave it out where the collection failed: the output then knows that the page is not complete.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the output stops now or has stopped before.
    pub fn finish(self) -> Result<(), Stopped> {
        self.page.finish()
    }

    /// Writes a line: the name and its suffix, the labels, the value.
    fn sample(&mut self, suffix: &[u8], labels: SeriesLabels<'_>, value: Number) -> Result<(), Stopped> {
        self.page.put(&self.name)?;
        self.page.put(suffix)?;
        let mut before: &[u8] = b"{";
        for set in labels.sets() {
            self.page.put(before)?;
            self.page.put(inner(set))?;
            before = b",";
        }
        self.page.put(if before == b"," { b"} " } else { b" " })?;
        self.page.put(NumberBuffer::new().sample(value).as_bytes())?;
        self.page.put(b"\n")
    }

    fn histogram(&mut self, labels: SeriesLabels<'_>, point: &HistogramPoint<'_>) -> Result<(), Stopped> {
        self.bucket.clear();
        self.bucket.extend_from_slice(&self.name);
        self.bucket.extend_from_slice(b"_bucket{");
        for set in labels.sets() {
            self.bucket.extend_from_slice(inner(set));
            self.bucket.push(b',');
        }
        let mut count = 0;
        for (label, (_, cumulative)) in self.bounds.of(point.bounds()).zip(point.cumulative()) {
            self.page.put(&self.bucket)?;
            self.page.put(label)?;
            self.page.put(itoa::Buffer::new().format(cumulative).as_bytes())?;
            self.page.put(b"\n")?;
            count = cumulative;
        }
        self.sample(b"_sum", labels, Number::F64(point.sum()))?;
        // The last bucket is that of `+Inf`: the count is the same number, read once.
        self.sample(b"_count", labels, Number::U64(count))
    }
}

impl<O: Output> Visitor for TextEncoder<O> {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        self.page.check()?;
        self.kind = descriptor.has_valid_name().then(|| descriptor.metric_type());
        self.name.clear();
        self.name.extend_from_slice(descriptor.name().as_bytes());
        self.header.clear();
        self.header.extend_from_slice(b"# HELP ");
        self.header.extend_from_slice(&self.name);
        self.header.push(b' ');
        escape_help(descriptor.help(), &mut self.header);
        self.header.extend_from_slice(b"\n# TYPE ");
        self.header.extend_from_slice(&self.name);
        self.header.push(b' ');
        self.header.extend_from_slice(descriptor.metric_type().as_str().as_bytes());
        self.header.push(b'\n');
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        self.page.check()?;
        if self.kind != Some(point.metric_type()) {
            self.skipped += 1;
            return Ok(());
        }
        if !self.header.is_empty() {
            self.page.put(&self.header)?;
            self.header.clear();
        }
        match point {
            Point::Counter(point) => self.sample(b"", labels, point.total()),
            Point::Gauge(point) => self.sample(b"", labels, point.value()),
            Point::Histogram(point) => self.histogram(labels, &point),
        }
    }
}

impl<O> fmt::Debug for TextEncoder<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextEncoder")
            .field("family", &String::from_utf8_lossy(&self.name))
            .field("skipped", &self.skipped)
            .finish_non_exhaustive()
    }
}

/// The labels of a set that is not empty, without the braces.
fn inner(set: &LabelSet) -> &[u8] {
    let text = set.as_prometheus().as_bytes();
    &text[1..text.len() - 1]
}

/// SPEC: Prometheus, "Exposition formats", comments, help text, and type information: backslash and line feed.
fn escape_help(help: &str, out: &mut Vec<u8>) {
    for &byte in help.as_bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            other => out.push(other),
        }
    }
}
