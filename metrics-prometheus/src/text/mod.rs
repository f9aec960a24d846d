//! The text formats: 0.0.4, 1.0.0 and OpenMetrics.
//!
//! Their lines are the same but for what `family` says: how a family and its samples are called, and which lines have
//! exemplars. `labels` writes a series' labels, `escape` what could end a text, `exemplar` exemplars and times.

mod escape;
mod exemplar;
mod family;
mod labels;

use std::fmt;
use std::mem;
use std::time::SystemTime;

use nilometer_core::collect::{
    CounterPoint, Descriptor, EscapingScheme, HistogramPoint, Number, Point, SeriesLabels, StateSetPoint,
    Stopped, SummaryPoint, Visitor,
};

use self::escape::escape_quoted;
use self::exemplar::{push_exemplar, push_time_line};
use self::family::FamilyText;
use self::labels::LabelTexts;
use crate::bounds::BoundLabels;
use crate::check::Places;
use crate::chunk::{CHUNK_SIZE, ChunkBuffer, Nowhere, Output};
use crate::escaping::{are_as_they_stand, push_labels};
use crate::exemplar::{BucketExemplars, fits};
use crate::expected;
use crate::format::{Exposition, Format};
use crate::fragment::Fragment;
use crate::number::{NUMBER_ROOM, push_number_line, push_whole_line};

/// What ends a page of OpenMetrics text, and tells its reader that it has all of it.
const END: &str = "# EOF\n";

/// Writes what a collector shows it as a page of the text format 0.0.4, in pieces of bounded size.
///
/// [`PageEncoder`](crate::PageEncoder) does the same for every format.
///
/// It holds one piece, 64 KiB unless [`with_chunk_size`](Self::with_chunk_size) says otherwise, and the text of the
/// family and the series at hand: a page of any size is written in little memory, and no series and no sample
/// allocates.
///
/// A family is written from its first series on; one without series is not on the page. A point before any family, of
/// a family whose name cannot be written, or of another kind than its family has, is left out and counted in
/// [`skipped`](Self::skipped), and so is a state set without states, one with a label that is named like the family, and
/// one whose family is called `__name__`.
///
/// The format has four types. An info is a gauge of 1; a state set is a gauge for each state, which is 1 or 0, with the
/// state in a label that is named like the family; a gauge histogram is a histogram. A histogram that was recorded into
/// exponential buckets alone shows the explicit ones that it has for such formats.
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
    page: ChunkBuffer<String, O>,
    exposition: Exposition,
    places: Places,
    family: FamilyText,
    /// What all lines start with that a series has with one more label.
    start: String,
    /// The labels of the series at hand, where they are not written as they stand in their sets.
    labels: String,
    bounds: BoundLabels,
    quantiles: QuantileLabels,
}

/// The labels of a summary's quantiles.
struct QuantileLabels {
    labels: BoundLabels,
    /// The quantiles of the summary at hand.
    quantiles: Vec<f64>,
}

impl TextEncoder<Nowhere> {
    /// An encoder that keeps the page in one piece.
    pub(crate) fn whole() -> TextEncoder<Nowhere> {
        let mut encoder = TextEncoder::with_chunk_size(Nowhere, usize::MAX);
        encoder.page.reserve(expected::room());
        encoder
    }

    /// The page of an encoder that keeps it, as far as it was written.
    pub(crate) fn into_page(self) -> String {
        expected::remember(self.page.into_page())
    }

    /// The page of an encoder that keeps it, with its end, which nobody stops.
    pub(crate) fn into_whole_page(mut self) -> String {
        let _ = self.end();
        self.page.into_page()
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
        TextEncoder::of(Exposition::new(Format::Text), output, bytes)
    }

    /// An encoder of one of the text formats.
    pub(crate) fn of(exposition: Exposition, output: O, bytes: usize) -> TextEncoder<O> {
        TextEncoder {
            page: ChunkBuffer::new(output, bytes),
            exposition,
            places: Places::default(),
            family: FamilyText::default(),
            start: String::new(),
            labels: String::new(),
            bounds: BoundLabels::new("le"),
            quantiles: QuantileLabels { labels: BoundLabels::new("quantile"), quantiles: Vec::new() },
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
        let format = if scheme == EscapingScheme::AllowUtf8 { Format::Text1 } else { Format::Text };
        self.exposition = Exposition::new(format).with_escaping(scheme);
        self
    }

    /// How many points were left out, because their family was of another kind or missing.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.places.skipped()
    }

    /// Gives the output the end of the page.
    ///
    /// Leave it out where the collection failed: the output then knows that the page is not complete.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the output stops now or has stopped before.
    pub fn finish(mut self) -> Result<(), Stopped> {
        self.end()?;
        self.page.finish()
    }

    /// Writes what shows that the page is complete, where the format has that.
    fn end(&mut self) -> Result<(), Stopped> {
        if self.exposition.format() == Format::OpenMetrics {
            self.page.room(END.len())?.push_str(END);
        }
        Ok(())
    }

    #[inline]
    fn begin_family(&mut self) -> Result<(), Stopped> {
        if self.family.header.is_empty() { Ok(()) } else { self.write_header() }
    }

    #[cold]
    fn write_header(&mut self) -> Result<(), Stopped> {
        self.page.room(self.family.header.len())?.push_str(&self.family.header);
        self.family.header.clear();
        Ok(())
    }

    /// Writes what stands behind a value, which only OpenMetrics has, and only of counters.
    #[inline]
    fn after_value(&mut self, texts: LabelTexts<'_>, point: &Point<'_>) -> Result<(), Stopped> {
        match point {
            Point::Counter(point) if point.exemplar().is_some() || self.family.has_created => {
                self.after_counter(texts, point)
            }
            _ => Ok(()),
        }
    }

    #[inline(never)]
    fn after_counter(&mut self, texts: LabelTexts<'_>, point: &CounterPoint<'_>) -> Result<(), Stopped> {
        let scheme = self.exposition.escaping();
        if let Some(exemplar) = point.exemplar().filter(|exemplar| fits(exemplar, scheme)) {
            push_exemplar(&exemplar, scheme, self.page.room(EXEMPLAR_ROOM)?);
        }
        self.created(texts, point.created())
    }

    fn created(&mut self, texts: LabelTexts<'_>, created: Option<SystemTime>) -> Result<(), Stopped> {
        let Some(created) = created.filter(|_| self.family.has_created) else { return Ok(()) };
        let name = &self.family.created;
        let page = self.page.room(name.room() + texts.room() + 2 + NUMBER_ROOM)?;
        name.append_to(page);
        texts.append_to(page);
        page.push(' ');
        push_time_line(created, page);
        Ok(())
    }

    fn histogram(
        &mut self,
        texts: LabelTexts<'_>,
        point: &HistogramPoint<'_>,
        is_gauge: bool,
    ) -> Result<(), Stopped> {
        texts.start_of_lines(&self.family.bucket, &mut self.start);
        let exemplars = if self.family.has_exemplars { point.exemplars() } else { &[] };
        let mut by_bucket = BucketExemplars::new(exemplars, self.exposition.escaping());
        let mut cumulative = 0_u64;
        for (index, (label, count)) in self.bounds.of(point.bounds()).iter().zip(point.counts()).enumerate() {
            cumulative = cumulative.wrapping_add(*count);
            let page = self.page.room(self.start.len() + label.room() + NUMBER_ROOM)?;
            page.push_str(&self.start);
            label.append_to(page);
            push_whole_line(cumulative, page);
            if !exemplars.is_empty() {
                let bound = point.bounds().get(index).copied().unwrap_or(f64::INFINITY);
                if let Some(exemplar) = by_bucket.up_to(bound) {
                    push_exemplar(exemplar, self.exposition.escaping(), self.page.room(EXEMPLAR_ROOM)?);
                }
            }
        }
        if !self.family.has_strict_signs || has_sum(point, is_gauge) {
            sample(&mut self.page, &self.family.sum, texts, Number::F64(point.sum()))?;
            // The last bucket is that of `+Inf`: the count is the same number, read once.
            sample(&mut self.page, &self.family.count, texts, Number::U64(cumulative))?;
        }
        self.created(texts, point.created())
    }

    fn summary(&mut self, texts: LabelTexts<'_>, point: &SummaryPoint<'_>) -> Result<(), Stopped> {
        texts.start_of_lines(&self.family.name, &mut self.start);
        let QuantileLabels { labels, quantiles } = &mut self.quantiles;
        quantiles.clear();
        quantiles.extend(point.quantiles().iter().map(|(quantile, _)| quantile));
        for (label, (_, value)) in labels.of(quantiles).iter().zip(point.quantiles()) {
            // SPEC: OpenMetrics 1.0.0, "Summary": a quantile's value may be NaN, and is not negative.
            if self.family.has_strict_signs && *value < 0.0 {
                continue;
            }
            let page = self.page.room(self.start.len() + label.room() + NUMBER_ROOM)?;
            page.push_str(&self.start);
            label.append_to(page);
            push_number_line(Number::F64(*value), page);
        }
        // SPEC: OpenMetrics 1.0.0, "Summary": the sum is neither negative nor NaN.
        if !self.family.has_strict_signs || point.sum() >= 0.0 {
            sample(&mut self.page, &self.family.sum, texts, Number::F64(point.sum()))?;
        }
        sample(&mut self.page, &self.family.count, texts, Number::U64(point.count()))?;
        self.created(texts, point.created())
    }

    fn state_set(&mut self, texts: LabelTexts<'_>, point: StateSetPoint<'_>) -> Result<(), Stopped> {
        texts.start_of_lines(&self.family.name, &mut self.start);
        self.start.push_str(&self.family.state_text);
        self.start.push_str("=\"");
        for (state, is_on) in point.states() {
            let page = self.page.room(self.start.len() + state.len() + NUMBER_ROOM)?;
            page.push_str(&self.start);
            escape_quoted(state, page);
            page.push_str("\"} ");
            push_whole_line(u64::from(*is_on), page);
        }
        Ok(())
    }
}

impl<O: Output> Visitor for TextEncoder<O> {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        self.page.check()?;
        self.places.family(descriptor);
        self.family.set(descriptor, self.exposition);
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        self.page.check()?;
        if !self.places.admits(&point) {
            return Ok(());
        }
        if let Point::StateSet(point) = &point
            && !self.places.admits_states(
                labels,
                point.states(),
                &self.family.state_label,
                self.exposition.escaping(),
            )
        {
            return Ok(());
        }
        self.begin_family()?;
        let is_open = self.family.written.is_quoted();
        if are_as_they_stand(labels, self.exposition.escaping()) {
            return self.write(LabelTexts::of(labels, is_open), &point);
        }
        let mut text = mem::take(&mut self.labels);
        text.clear();
        text.push('{');
        push_labels(labels, self.exposition.escaping(), &mut text);
        text.push('}');
        let written = self.write(LabelTexts::whole(&text, is_open), &point);
        self.labels = text;
        written
    }
}

impl<O: Output> TextEncoder<O> {
    #[inline]
    fn write(&mut self, texts: LabelTexts<'_>, point: &Point<'_>) -> Result<(), Stopped> {
        let value = match point {
            Point::Counter(point) => point.total(),
            Point::Gauge(point) => point.value(),
            Point::UpDownCounter(point) => point.value(),
            Point::Info => Number::U64(1),
            Point::Histogram(_) | Point::GaugeHistogram(_) | Point::Summary(_) | Point::StateSet(_) => {
                return self.write_lines(texts, point);
            }
        };
        sample(&mut self.page, &self.family.name, texts, value)?;
        if self.family.has_exemplars { self.after_value(texts, point) } else { Ok(()) }
    }

    /// Writes a point of several samples.
    #[inline(never)]
    fn write_lines(&mut self, texts: LabelTexts<'_>, point: &Point<'_>) -> Result<(), Stopped> {
        match point {
            Point::Histogram(point) => self.histogram(texts, point, false),
            Point::GaugeHistogram(point) => self.histogram(texts, point, true),
            Point::Summary(point) => self.summary(texts, point),
            Point::StateSet(point) => self.state_set(texts, *point),
            Point::Counter(_) | Point::Gauge(_) | Point::UpDownCounter(_) | Point::Info => Ok(()),
        }
    }
}

impl<O> fmt::Debug for TextEncoder<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextEncoder")
            .field("family", &self.family.name.as_str())
            .field("skipped", &self.places.skipped())
            .finish_non_exhaustive()
    }
}

/// How many bytes an exemplar takes, as a rule.
const EXEMPLAR_ROOM: usize = 192;

/// Whether OpenMetrics has a place for a histogram's sum: it is a counter there, and so neither NaN nor of what may be
/// negative: below a negative bound, or where exponential buckets below zero hold something, which they then do for good.
/// A gauge histogram's may be, below a negative bound. Without a sum there is no count either, which is that of
/// the last bucket.
///
/// SPEC: OpenMetrics 1.0.0, "Histogram" and "Gauge Histogram", in the data model and in the text format.
fn has_sum(point: &HistogramPoint<'_>, is_gauge: bool) -> bool {
    let below_zero = point.exponential().map_or(&[][..], |buckets| buckets.negative().counts());
    match point.bounds() {
        _ if !is_gauge && below_zero.iter().any(|&count| count > 0) => false,
        [first, ..] if *first < 0.0 => is_gauge && !point.sum().is_nan(),
        _ => point.sum() >= 0.0,
    }
}

/// Writes a line: the name, the labels, the value.
#[expect(
    clippy::inline_always,
    reason = "a call costs a tenth of the page: `instructions/encode` in `benches/LEDGER.md`"
)]
#[inline(always)]
fn sample<O: Output>(
    page: &mut ChunkBuffer<String, O>,
    name: &Fragment,
    labels: LabelTexts<'_>,
    value: Number,
) -> Result<(), Stopped> {
    let page = page.room(name.room() + labels.room() + 2 + NUMBER_ROOM)?;
    name.append_to(page);
    labels.append_to(page);
    page.push(' ');
    push_number_line(value, page);
    Ok(())
}
