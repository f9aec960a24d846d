//! The visitor that makes batches of what a collector shows, and of what it shows no more.

mod ends;

use std::borrow::Cow;
use std::mem;
use std::time::SystemTime;

use nilometer_core::collect::{
    Descriptor, EscapingScheme, Exemplar as Shown, ExponentialBuckets, HistogramPoint, LabelSet, MetricType,
    Point, SeriesLabels, StateSetPoint, Stopped, SummaryPoint, Visitor,
};

use super::batch::{Batch, Exemplar, Family, Part, Place, Series, Symbol, Symbols, Value, place};
use super::field::{HISTOGRAM_TAGS, RESET_HINT_GAUGE, histogram};
use super::known::{self, Known};
use crate::check::{self, Places};
use crate::exemplar::{BucketExemplars, fits};
use crate::number::push_bound;
use crate::protobuf::native::buckets_by;
use crate::protobuf::wire::{double, varint};

/// What a series has besides its value.
#[derive(Clone, Copy)]
struct About {
    created: i64,
    place: Place,
}

/// How batches are made of points.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) escaping: EscapingScheme,
    /// Labels of all series that do not have them.
    pub(super) labels: LabelSet,
    /// Whether there are series for exponential buckets.
    pub(super) native: bool,
    /// How many series a batch has, a point's last ones aside.
    pub(super) series: usize,
    /// How many bytes of texts, labels and histograms it has, a point's last ones aside.
    pub(super) bytes: usize,
}

/// Takes batches. It may block.
pub(super) trait Sink {
    fn batch(&mut self, batch: Batch) -> Result<(), Stopped>;
}

/// Makes batches of points.
pub(super) struct BatchBuilder<'a, S> {
    shape: Shape,
    sink: S,
    /// The series that were there before and those that are seen now, where somebody keeps them.
    known: Option<&'a mut Known>,
    time: i64,
    /// The time of the collection before.
    before: i64,
    places: Places,
    batch: Batch,
    symbols: Symbols,
    /// The family at hand: its kind, its name by the scheme, its help, its unit.
    kind: MetricType,
    name: String,
    help: String,
    unit: &'static str,
    state_label: String,
    /// Its place in the batch at hand.
    family: Option<u32>,
    /// Its number among what is known, once it has one.
    known_family: Option<u32>,
    /// Where the series of the point at hand begin in the batch.
    first: usize,
    /// The labels of the series at hand but for its name, sorted by their names.
    labels: Vec<(Symbol, Symbol)>,
    /// Where a name is made up, and a number spelled.
    text: String,
    spelled: String,
    scratch: Vec<u8>,
}

impl<'a, S: Sink> BatchBuilder<'a, S> {
    /// A builder of batches as of this time, in milliseconds since 1970, after a collection of the time `before`.
    pub(super) fn new(
        shape: Shape,
        (before, time): (i64, i64),
        mut known: Option<&'a mut Known>,
        sink: S,
    ) -> BatchBuilder<'a, S> {
        if let Some(known) = &mut known {
            known.begin();
        }
        BatchBuilder {
            shape,
            sink,
            known,
            time,
            before,
            places: Places::default(),
            batch: Batch { time, ..Batch::default() },
            symbols: Symbols::default(),
            kind: MetricType::Gauge,
            name: String::new(),
            help: String::new(),
            unit: "",
            state_label: String::new(),
            family: None,
            known_family: None,
            first: 0,
            labels: Vec::new(),
            text: String::new(),
            spelled: String::new(),
            scratch: Vec::new(),
        }
    }

    /// How many points were left out.
    pub(super) fn skipped(&self) -> u64 {
        self.places.skipped()
    }

    /// Gives the last batch away.
    pub(super) fn finish(mut self) -> Result<(), Stopped> {
        self.cut()
    }

    fn cut(&mut self) -> Result<(), Stopped> {
        if self.batch.series.is_empty() {
            return Ok(());
        }
        let empty = Batch { time: self.time, ..Batch::default() };
        self.symbols.clear();
        self.family = None;
        if let Some(known) = &mut self.known {
            known.next_batch();
        }
        let mut batch = mem::replace(&mut self.batch, empty);
        batch.shrink();
        self.sink.batch(batch)
    }

    fn is_full(&self) -> bool {
        let batch = &self.batch;
        let bytes = self.symbols.bytes() + size_of_val(&*batch.labels) + batch.histograms.len();
        batch.series.len() >= self.shape.series || bytes >= self.shape.bytes
    }

    fn intern(&mut self, text: &str) -> Symbol {
        self.symbols.intern(text, &mut self.batch.symbols)
    }

    /// The place of the family at hand in the batch at hand.
    fn place_family(&mut self) -> u32 {
        if let Some(family) = self.family {
            return family;
        }
        let all = &mut self.batch.symbols;
        let [name, help, unit] =
            [&*self.name, &*self.help, self.unit].map(|text| self.symbols.intern(text, all));
        let family = place(self.batch.families.len());
        self.batch.families.push(Family { kind: self.kind, name, help, unit });
        self.family = Some(family);
        family
    }

    /// Makes these the labels at hand, as the scheme has them.
    fn set_labels(&mut self, series: SeriesLabels<'_>) {
        self.labels.clear();
        let scheme = self.shape.escaping;
        for (name, value) in series.iter() {
            self.push_label(&scheme.label_name(name), value);
        }
        if !self.shape.labels.is_empty() {
            for (name, value) in &self.shape.labels.clone() {
                let name = scheme.label_name(name);
                if !self.labels.iter().any(|(known, _)| self.batch.text(*known) == name) {
                    self.push_label(&name, value);
                }
            }
        }
        let batch = &self.batch;
        self.labels.sort_by(|(left, _), (right, _)| batch.text(*left).cmp(batch.text(*right)));
    }

    fn push_label(&mut self, name: &str, value: &str) {
        let pair = (self.intern(name), self.intern(value));
        self.labels.push(pair);
    }

    /// Writes the labels at hand with the family's name, a suffix behind it, and one more label.
    fn write_labels(&mut self, suffix: &str, more: Option<(&str, &str)>) -> Part {
        let mut name = mem::take(&mut self.text);
        name.clear();
        name.push_str(&self.name);
        name.push_str(suffix);
        let named = (self.intern("__name__"), self.intern(&name));
        self.text = name;
        let other = more.map(|(name, value)| (self.intern(name), self.intern(value)));
        let batch = &mut self.batch;
        let extra = match other {
            Some(other) if batch.text(other.0) < batch.text(named.0) => [Some(other), Some(named)],
            other => [Some(named), other],
        };
        let start = place(batch.labels.len());
        let mut extra = extra.into_iter().flatten().peekable();
        for &(name, value) in &self.labels {
            while let Some(first) = extra.next_if(|(first, _)| batch.text(*first) < batch.text(name)) {
                batch.labels.extend([first.0, first.1]);
            }
            batch.labels.extend([name, value]);
        }
        extra.for_each(|(name, value)| batch.labels.extend([name, value]));
        start..place(batch.labels.len())
    }

    /// Adds a series of the family at hand.
    fn series(
        &mut self,
        name: (&str, Option<(&str, &str)>),
        value: f64,
        about: About,
        exemplars: &[Shown<'_>],
    ) {
        self.add(name, Value::Sample(value), about, exemplars);
    }

    fn add(
        &mut self,
        (suffix, more): (&str, Option<(&str, &str)>),
        value: Value,
        about: About,
        exemplars: &[Shown<'_>],
    ) {
        let family = self.place_family();
        let labels = self.write_labels(suffix, more);
        let start = place(self.batch.exemplars.len());
        // One that is older was sent before. A receiver takes none that is older than the one before in its series.
        let before = self.before;
        for exemplar in exemplars.iter().filter(|exemplar| milliseconds(exemplar.time()) > before) {
            self.exemplar(exemplar);
        }
        let exemplars = start..place(self.batch.exemplars.len());
        // What began when it was collected began before, as far as a receiver knows.
        let created = if about.created < self.time { about.created } else { 0 };
        self.see(&labels, about.place);
        self.batch.series.push(Series { family, labels, value, created, exemplars, place: about.place });
    }

    /// Makes a series known that is about to be added.
    fn see(&mut self, labels: &Part, place: Place) {
        let Some(known) = &mut self.known else { return };
        if self.known_family.is_none() {
            self.known_family = known.family(self.kind, [&self.name, &self.help, self.unit]);
        }
        if let Some(family) = self.known_family {
            let is_first = self.batch.series.len() == self.first;
            known.see(&self.batch, labels, known::About { family, place, is_first });
        }
    }

    fn exemplar(&mut self, exemplar: &Shown<'_>) {
        let scheme = self.shape.escaping;
        let pairs = exemplar.labels().iter();
        let mut pairs: Vec<(Cow<'_, str>, &str)> =
            pairs.map(|(name, value)| (scheme.label_name(name), value)).collect();
        pairs.sort_unstable();
        let start = place(self.batch.labels.len());
        for (name, value) in pairs {
            let pair = [self.intern(&name), self.intern(value)];
            self.batch.labels.extend(pair);
        }
        let labels = start..place(self.batch.labels.len());
        let time = milliseconds(exemplar.time());
        self.batch.exemplars.push(Exemplar { labels, value: exemplar.value(), time });
    }

    fn histogram(&mut self, point: &HistogramPoint<'_>, created: i64, is_gauge: bool) {
        let exponential = point.exponential().filter(|_| self.shape.native);
        if let Some(buckets) = exponential {
            self.native(point, &buckets, created, is_gauge);
        }
        let only = exponential.is_some() && point.is_exponential_only();
        let about = About { created, place: if only { Place::WithoutNative } else { Place::Everywhere } };
        let mut exemplars = BucketExemplars::new(point.exemplars(), self.shape.escaping);
        for (bound, count) in point.cumulative() {
            let found = if point.exemplars().is_empty() { None } else { exemplars.up_to(bound) };
            let mut spelled = mem::take(&mut self.spelled);
            spelled.clear();
            push_bound(bound, &mut spelled);
            self.series(
                ("_bucket", Some(("le", &spelled))),
                whole(count),
                about,
                found.map_or(&[], std::slice::from_ref),
            );
            self.spelled = spelled;
        }
        self.series(("_sum", None), point.sum(), about, &[]);
        self.series(("_count", None), whole(point.count()), about, &[]);
    }

    fn native(
        &mut self,
        point: &HistogramPoint<'_>,
        buckets: &ExponentialBuckets<'_>,
        created: i64,
        is_gauge: bool,
    ) {
        let out = &mut self.batch.histograms;
        let start = place(out.len());
        varint(histogram::COUNT, point.count(), out);
        double(histogram::SUM, point.sum(), out);
        buckets_by(&HISTOGRAM_TAGS, buckets, &mut self.scratch, out);
        if is_gauge {
            varint(histogram::RESET_HINT, RESET_HINT_GAUGE, out);
        }
        let value = Value::Histogram(start..place(out.len()));
        let scheme = self.shape.escaping;
        let mut exemplars: Vec<Shown<'_>> =
            point.exemplars().iter().copied().filter(|exemplar| fits(exemplar, scheme)).collect();
        exemplars.sort_by(|left, right| {
            let time = |exemplar: &Shown<'_>| milliseconds(exemplar.time());
            time(left).cmp(&time(right)).then(left.value().total_cmp(&right.value()))
        });
        self.add(("", None), value, About { created, place: Place::WithNative }, &exemplars);
    }

    fn summary(&mut self, point: &SummaryPoint<'_>) {
        for &(quantile, value) in point.quantiles() {
            let mut spelled = mem::take(&mut self.spelled);
            spelled.clear();
            push_bound(quantile, &mut spelled);
            self.series(("", Some(("quantile", &spelled))), value, NEVER, &[]);
            self.spelled = spelled;
        }
        let about = About { created: point.created().map_or(0, milliseconds), ..NEVER };
        self.series(("_sum", None), point.sum(), about, &[]);
        self.series(("_count", None), whole(point.count()), about, &[]);
    }

    fn state_set(&mut self, series: SeriesLabels<'_>, point: StateSetPoint<'_>) {
        let scheme = self.shape.escaping;
        let label = mem::take(&mut self.state_label);
        if self.places.admits_states(series, point.states(), &label, scheme) {
            let name = scheme.label_name(&label);
            // A label of all series gives way to one of the series, as this one is.
            let batch = &self.batch;
            self.labels.retain(|(known, _)| batch.text(*known) != name);
            for (state, is_on) in point.states() {
                self.series(("", Some((&name, state))), f64::from(u8::from(*is_on)), NEVER, &[]);
            }
        }
        self.state_label = label;
    }
}

/// Of a series that is everywhere and began at no time.
const NEVER: About = About { created: 0, place: Place::Everywhere };

impl<S: Sink> Visitor for BatchBuilder<'_, S> {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        self.places.family(descriptor);
        self.family = None;
        self.known_family = None;
        self.kind = descriptor.metric_type();
        self.name = descriptor.escaped_name(self.shape.escaping).into_owned();
        self.help.clear();
        self.help.push_str(descriptor.help());
        self.unit = check::unit(descriptor).unwrap_or_default();
        self.state_label.clear();
        if self.kind == MetricType::StateSet {
            self.state_label = check::state_label(descriptor.name());
        }
        Ok(())
    }

    fn point(&mut self, series: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        if !self.places.admits(&point) {
            return Ok(());
        }
        if self.is_full() {
            self.cut()?;
        }
        self.set_labels(series);
        self.first = self.batch.series.len();
        match point {
            Point::Counter(point) => {
                let about = About { created: point.created().map_or(0, milliseconds), ..NEVER };
                let exemplar = point.exemplar().filter(|exemplar| fits(exemplar, self.shape.escaping));
                self.series(("", None), point.total().as_f64(), about, exemplar.as_slice());
            }
            Point::Gauge(point) => self.series(("", None), point.value().as_f64(), NEVER, &[]),
            Point::UpDownCounter(point) => self.series(("", None), point.value().as_f64(), NEVER, &[]),
            Point::Histogram(point) => {
                self.histogram(&point, point.created().map_or(0, milliseconds), false);
            }
            // What is there now began at no time.
            Point::GaugeHistogram(point) => self.histogram(&point, 0, true),
            Point::Summary(point) => self.summary(&point),
            Point::Info => self.series(("", None), 1.0, NEVER, &[]),
            Point::StateSet(point) => self.state_set(series, point),
        }
        self.batch.points += u64::from(self.batch.series.len() > self.first);
        Ok(())
    }
}

/// A time in milliseconds since 1970.
pub(super) fn milliseconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |before| -before),
    }
}

/// The nearest float.
#[expect(clippy::cast_precision_loss, reason = "samples are floats, exact up to 2^53")]
fn whole(count: u64) -> f64 {
    count as f64
}
