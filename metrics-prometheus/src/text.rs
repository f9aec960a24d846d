//! The text format 0.0.4.

use std::fmt;

use nilometer_core::collect::{
    Descriptor, EscapingScheme, HistogramPoint, MetricType, Number, Point, SeriesLabels, Stopped, Visitor,
};

use crate::bounds::BoundLabels;
use crate::chunk::{CHUNK_SIZE, ChunkBuffer, Nowhere, Output};
use crate::escaping::{FamilyName, are_as_they_stand, push_labels};
use crate::expected;
use crate::fragment::Fragment;
use crate::number::{NUMBER_ROOM, push_number_line, push_whole_line};

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
/// [`skipped`](Self::skipped). Names outside the classic alphabet are [escaped](Self::with_escaping).
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
    escaping: EscapingScheme,
    /// The kind of the family at hand.
    kind: Option<MetricType>,
    family: FamilyName,
    name: Fragment,
    /// The name with `_sum`.
    sum: Fragment,
    /// The name with `_count`.
    count: Fragment,
    /// The HELP and TYPE lines of the family at hand, until its first point.
    header: String,
    /// What all bucket lines of the series at hand start with.
    bucket: String,
    /// The labels of the series at hand, where they have to be written anew.
    labels: String,
    bounds: BoundLabels,
    skipped: u64,
}

impl TextEncoder<Nowhere> {
    /// An encoder that keeps the page in one piece.
    pub(crate) fn whole() -> TextEncoder<Nowhere> {
        let mut encoder = TextEncoder::with_chunk_size(Nowhere, usize::MAX);
        encoder.page.reserve(expected::room());
        encoder
    }

    /// The page of an encoder that keeps it.
    pub(crate) fn into_page(self) -> String {
        expected::remember(self.page.into_text())
    }
}

impl<O: Output> TextEncoder<O> {
    /// An encoder that gives its pieces to `output`.
    #[must_use]
    pub fn new(output: O) -> TextEncoder<O> {
        TextEncoder::with_chunk_size(output, CHUNK_SIZE)
    }

    /// An encoder whose pieces have `bytes` bytes, the last one aside, or up to three less where a character would be
    /// cut; less than 4 is taken for 4.
    #[must_use]
    pub fn with_chunk_size(output: O, bytes: usize) -> TextEncoder<O> {
        TextEncoder {
            page: ChunkBuffer::new(output, bytes),
            escaping: EscapingScheme::Underscores,
            kind: None,
            family: FamilyName::default(),
            name: Fragment::default(),
            sum: Fragment::default(),
            count: Fragment::default(),
            header: String::new(),
            bucket: String::new(),
            labels: String::new(),
            bounds: BoundLabels::default(),
            skipped: 0,
        }
    }

    /// Sets how names outside the classic alphabet are written: by [`EscapingScheme::Underscores`] unless it is set.
    ///
    /// With [`EscapingScheme::AllowUtf8`] they are quoted, and the page is one of version 1.0.0 of the text format.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{MetricsRegistry, RegistryConfig};
    /// use nilometer_core::collect::Collector;
    /// use nilometer_prometheus::{EscapingScheme, TextEncoder};
    ///
    /// let registry = MetricsRegistry::with_config(RegistryConfig::new().with_utf8_names(true));
    /// registry.register_gauge("queue.length", "Jobs.")?.get_or_create(&[("queue.name", "mail")]).set(3.0);
    ///
    /// let mut page = Vec::new();
    /// let mut encoder = TextEncoder::new(|chunk: Vec<u8>| {
    ///     page.extend(chunk);
    ///     Ok(())
    /// });
    /// encoder = encoder.with_escaping(EscapingScheme::AllowUtf8);
    /// registry.collect(&mut encoder)?;
    /// encoder.finish()?;
    /// assert!(String::from_utf8(page)?.ends_with("{\"queue.length\",\"queue.name\"=\"mail\"} 3\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_escaping(mut self, scheme: EscapingScheme) -> TextEncoder<O> {
        self.escaping = scheme;
        self
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

    fn histogram(&mut self, labels: SeriesLabels<'_>, point: &HistogramPoint<'_>) -> Result<(), Stopped> {
        let texts = texts(labels);
        self.bucket.clear();
        self.bucket.push_str(self.name.as_str());
        self.bucket.push_str("_bucket{");
        for set in [texts.0, texts.1] {
            if let Some(inner) = inner(set) {
                self.bucket.push_str(inner);
                self.bucket.push(',');
            }
        }
        let cumulative = self.buckets(point)?;
        sample(&mut self.page, &self.sum, texts, Number::F64(point.sum()))?;
        // The last bucket is that of `+Inf`: the count is the same number, read once.
        sample(&mut self.page, &self.count, texts, Number::U64(cumulative))
    }

    /// Writes the bucket lines, and returns how many observations there are in all.
    fn buckets(&mut self, point: &HistogramPoint<'_>) -> Result<u64, Stopped> {
        let mut cumulative = 0_u64;
        for (label, count) in self.bounds.of(point.bounds()).iter().zip(point.counts()) {
            cumulative = cumulative.wrapping_add(*count);
            let page = self.page.room(self.bucket.len() + label.room() + NUMBER_ROOM)?;
            page.push_str(&self.bucket);
            label.append_to(page);
            push_whole_line(cumulative, page);
        }
        Ok(cumulative)
    }

    /// Writes a series whose name is quoted, or whose labels are not as they stand in their sets.
    fn rewritten(&mut self, labels: SeriesLabels<'_>, point: &Point<'_>) -> Result<(), Stopped> {
        self.labels.clear();
        push_labels(labels, self.escaping, &mut self.labels);
        match point {
            Point::Counter(point) => self.line("", point.total()),
            Point::Gauge(point) => self.line("", point.value()),
            Point::UpDownCounter(point) => self.line("", point.value()),
            Point::Histogram(point) => {
                self.bucket.clear();
                let is_open = self.family.push_series("_bucket", &self.labels, &mut self.bucket);
                self.bucket.push(if is_open { ',' } else { '{' });
                let count = self.buckets(point)?;
                self.line("_sum", Number::F64(point.sum()))?;
                self.line("_count", Number::U64(count))
            }
            Point::GaugeHistogram(_) | Point::Summary(_) | Point::Info | Point::StateSet(_) => {
                self.skipped += 1;
                Ok(())
            }
        }
    }

    fn line(&mut self, suffix: &str, value: Number) -> Result<(), Stopped> {
        let room = self.family.text().len() + suffix.len() + self.labels.len() + 8 + NUMBER_ROOM;
        let page = self.page.room(room)?;
        let is_open = self.family.push_series(suffix, &self.labels, page);
        page.push_str(if is_open { "} " } else { " " });
        push_number_line(value, page);
        Ok(())
    }
}

impl<O: Output> Visitor for TextEncoder<O> {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        self.page.check()?;
        let has_name = self.family.set(descriptor, self.escaping);
        self.kind = has_name.then(|| descriptor.metric_type());
        let name = self.family.text();
        self.name.set(name);
        self.sum.set(&format!("{name}_sum"));
        self.count.set(&format!("{name}_count"));
        self.header.clear();
        self.header.push_str("# HELP ");
        self.family.push_to(&mut self.header);
        self.header.push(' ');
        escape_help(descriptor.help(), &mut self.header);
        self.header.push_str("\n# TYPE ");
        self.family.push_to(&mut self.header);
        for part in [" ", descriptor.metric_type().as_str(), "\n"] {
            self.header.push_str(part);
        }
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        self.page.check()?;
        if self.kind != Some(point.metric_type()) {
            self.skipped += 1;
            return Ok(());
        }
        if !self.header.is_empty() {
            self.page.room(self.header.len())?.push_str(&self.header);
            self.header.clear();
        }
        if self.family.is_quoted() || !are_as_they_stand(labels, self.escaping) {
            return self.rewritten(labels, &point);
        }
        match point {
            Point::Counter(point) => sample(&mut self.page, &self.name, texts(labels), point.total()),
            Point::Gauge(point) => sample(&mut self.page, &self.name, texts(labels), point.value()),
            Point::UpDownCounter(point) => sample(&mut self.page, &self.name, texts(labels), point.value()),
            Point::Histogram(point) => self.histogram(labels, &point),
            Point::GaugeHistogram(_) | Point::Summary(_) | Point::Info | Point::StateSet(_) => {
                self.skipped += 1;
                Ok(())
            }
        }
    }
}

impl<O> fmt::Debug for TextEncoder<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextEncoder")
            .field("family", &self.name.as_str())
            .field("skipped", &self.skipped)
            .finish_non_exhaustive()
    }
}

/// Writes a line: the name, the labels, the value.
#[expect(
    clippy::inline_always,
    reason = "a call costs a tenth of the page: `instructions/encode` in `benches/LEDGER.md`"
)]
#[inline(always)]
fn sample<O: Output>(
    page: &mut ChunkBuffer<O>,
    name: &Fragment,
    (constant, own): (&str, &str),
    value: Number,
) -> Result<(), Stopped> {
    let page = page.room(name.room() + constant.len() + own.len() + 2 + NUMBER_ROOM)?;
    name.append_to(page);
    if constant.is_empty() {
        page.push_str(own);
    } else {
        push_both(constant, own, page);
    }
    page.push(' ');
    push_number_line(value, page);
    Ok(())
}

/// The labels as they stand on a page: the constant ones and the series' own, or all in the second place where only
/// one of the sets has any.
#[inline]
fn texts(labels: SeriesLabels<'_>) -> (&str, &str) {
    let mut sets = labels.sets();
    match (sets.next(), sets.next()) {
        (None, _) => ("", ""),
        (Some(only), None) => ("", only.as_prometheus()),
        (Some(constant), Some(own)) => (constant.as_prometheus(), own.as_prometheus()),
    }
}

/// The labels of a set that is not empty, without the braces.
fn inner(set: &str) -> Option<&str> {
    set.get(1..set.len().checked_sub(1)?)
}

/// Appends both sets in one pair of braces.
fn push_both(constant: &str, own: &str, page: &mut String) {
    page.push_str(&constant[..constant.len() - 1]);
    page.push(',');
    page.push_str(&own[1..]);
}

/// SPEC: Prometheus, "Exposition formats", comments, help text, and type information: backslash and line feed.
fn escape_help(help: &str, out: &mut String) {
    for character in help.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
}
