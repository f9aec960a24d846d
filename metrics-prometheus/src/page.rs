//! A page in any format.

use std::fmt;

use nilometer_core::collect::{Descriptor, Point, SeriesLabels, Stopped, Visitor};

use crate::chunk::{CHUNK_SIZE, Nowhere, Output};
use crate::format::{Exposition, Format};
use crate::protobuf::ProtobufEncoder;
use crate::text::TextEncoder;

/// Writes what a collector shows it as a page in any [`Format`], in pieces of bounded size.
///
/// It holds one piece, 64 KiB unless [`with_chunk_size`](Self::with_chunk_size) says otherwise, and the family and the
/// series at hand, of protobuf some 8 KiB of a family's series besides: a page of any size is written in little
/// memory, and no series and no sample allocates.
///
/// | kind | text 0.0.4 and 1.0.0 | OpenMetrics | protobuf |
/// |---|---|---|---|
/// | counter | `counter` | `counter`; `unknown` where the name does not end with `_total` | `COUNTER` |
/// | gauge, up-down counter | `gauge` | `gauge` | `GAUGE` |
/// | histogram | `histogram` | `histogram` | `HISTOGRAM`, with exponential buckets where it has them |
/// | gauge histogram | `histogram` | `gaugehistogram` | `GAUGE_HISTOGRAM` |
/// | summary | `summary` | `summary` | `SUMMARY` |
/// | info | `gauge` of 1 | `info`; `gauge` where the name does not end with `_info` | `GAUGE` of 1 |
/// | state set | `gauge`, a series for each state | `stateset` | `GAUGE`, a series for each state |
/// | exemplars | - | of counters and of buckets | of counters, buckets and exponential histograms |
/// | created timestamps | - | [if asked for](Exposition::with_created) | yes |
/// | units | - | yes | yes |
///
/// A series is called the same in each of them, but for the `_gcount` and `_gsum` of an OpenMetrics gauge histogram. (A
/// Prometheus 2.42 that asks for protobuf, to have native histograms, forgets all suffixes of a gauge histogram.) An
/// exemplar whose labels have more than 128 code points is left out. OpenMetrics text has no `_sum` where it might
/// fall, because a bound is negative, or an exponential bucket below zero holds something, or the sum itself is negative, of histograms then no `_count` either, and no quantile with a
/// negative value.
///
/// A family is written from its first series on; one without series is not on the page. What is left out and counted is
/// as in [`TextEncoder`].
///
/// # Examples
///
/// ```
/// use nilometer_core::collect::{
///     CounterPoint, Descriptor, LabelSet, MetricType, SeriesLabels, Visitor,
/// };
/// use nilometer_prometheus::{Exposition, Format, PageEncoder};
///
/// let mut page = Vec::new();
/// let output = |chunk: Vec<u8>| {
///     page.extend(chunk);
///     Ok(())
/// };
/// let mut encoder = PageEncoder::new(Exposition::new(Format::OpenMetrics), output);
/// let descriptor = Descriptor::try_new("requests_total", "Requests.", MetricType::Counter)?;
/// let labels = LabelSet::from_pairs(&[("method", "GET")]);
/// encoder.family(&descriptor)?;
/// encoder.point(SeriesLabels::of(&labels), CounterPoint::new(3_u64).into())?;
/// encoder.finish()?;
/// assert_eq!(
///     String::from_utf8(page)?,
///     "# HELP requests Requests.\n# TYPE requests counter\nrequests_total{method=\"GET\"} 3\n# EOF\n"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PageEncoder<O>(Encoder<O>);

enum Encoder<O> {
    Text(Box<TextEncoder<O>>),
    Protobuf(Box<ProtobufEncoder<O>>),
}

impl PageEncoder<Nowhere> {
    /// An encoder that keeps the page in one piece.
    pub(crate) fn whole(exposition: Exposition) -> PageEncoder<Nowhere> {
        PageEncoder::with_chunk_size(exposition, Nowhere, usize::MAX)
    }

    /// The page of an encoder that keeps it, with its end.
    pub(crate) fn into_page(self) -> Vec<u8> {
        match self.0 {
            Encoder::Text(encoder) => encoder.into_whole_page().into_bytes(),
            Encoder::Protobuf(encoder) => encoder.into_whole_page(),
        }
    }
}

impl<O: Output> PageEncoder<O> {
    /// An encoder that gives its pieces to `output`.
    #[must_use]
    pub fn new(exposition: Exposition, output: O) -> PageEncoder<O> {
        PageEncoder::with_chunk_size(exposition, output, CHUNK_SIZE)
    }

    /// An encoder whose pieces have `bytes` bytes, the last one aside, or up to three less where a character would be
    /// cut; less than 4 is taken for 4.
    #[must_use]
    pub fn with_chunk_size(exposition: Exposition, output: O, bytes: usize) -> PageEncoder<O> {
        PageEncoder(match exposition.format() {
            Format::Text | Format::Text1 | Format::OpenMetrics => {
                Encoder::Text(Box::new(TextEncoder::of(exposition, output, bytes)))
            }
            Format::Protobuf => Encoder::Protobuf(Box::new(ProtobufEncoder::of(exposition, output, bytes))),
        })
    }

    /// How many points were left out.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        match &self.0 {
            Encoder::Text(encoder) => encoder.skipped(),
            Encoder::Protobuf(encoder) => encoder.skipped(),
        }
    }

    /// Gives the output the end of the page.
    ///
    /// Leave it out where the collection failed: the output then knows that the page is not complete.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the output stops now or has stopped before.
    pub fn finish(self) -> Result<(), Stopped> {
        match self.0 {
            Encoder::Text(encoder) => encoder.finish(),
            Encoder::Protobuf(encoder) => encoder.finish(),
        }
    }
}

impl<O: Output> Visitor for PageEncoder<O> {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        match &mut self.0 {
            Encoder::Text(encoder) => encoder.family(descriptor),
            Encoder::Protobuf(encoder) => encoder.family(descriptor),
        }
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        match &mut self.0 {
            Encoder::Text(encoder) => encoder.point(labels, point),
            Encoder::Protobuf(encoder) => encoder.point(labels, point),
        }
    }
}

impl<O> fmt::Debug for Encoder<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Encoder::Text(encoder) => encoder.fmt(f),
            Encoder::Protobuf(encoder) => encoder.fmt(f),
        }
    }
}
