//! What a family is called and what it means.

use std::borrow::Cow;
use std::panic::Location;
use std::sync::{Arc, OnceLock};

use crate::name::{EscapingScheme, NameError, check_metric_name, check_utf8_metric_name, has_suffix};
use crate::unit::Unit;

/// The kinds of metric.
///
/// # Examples
///
/// ```
/// assert_eq!(nilometer_core::MetricType::Histogram.as_str(), "histogram");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetricType {
    /// A total that only goes up, until its process ends.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// A whole number that changes by what is added and subtracted; Prometheus knows it as a gauge.
    UpDownCounter,
    /// A distribution over buckets with explicit upper bounds.
    Histogram,
    /// A distribution over buckets whose counts go up and down: of what is there now.
    GaugeHistogram,
    /// Quantiles computed by the program.
    Summary,
    /// Labels that tell something about the program, and nothing that is measured.
    Info,
    /// Which of a fixed number of states something is in.
    StateSet,
}

impl MetricType {
    /// The word that OpenMetrics has for this kind: `gauge` for an up-down counter too, for which there is no word of its
    /// own.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            MetricType::Counter => "counter",
            MetricType::Gauge | MetricType::UpDownCounter => "gauge",
            MetricType::Histogram => "histogram",
            MetricType::GaugeHistogram => "gaugehistogram",
            MetricType::Summary => "summary",
            MetricType::Info => "info",
            MetricType::StateSet => "stateset",
        }
    }
}

/// A family's name, help, kind, unit, declared label names, and where in the source it was defined.
///
/// Exporters get it once per family and scrape. Where the name [is valid](Descriptor::has_valid_name), it can be written
/// as it is. A registry shows no others, but for [UTF-8 names](Descriptor::has_utf8_name) where they were asked for:
/// those are quoted, or [escaped](Descriptor::escaped_name). The help can hold any characters, and each format escapes it
/// in its own way.
///
/// # Examples
///
/// ```
/// use nilometer_core::{Descriptor, MetricType, Unit};
///
/// let descriptor = Descriptor::try_new("queue_wait_seconds", "Time spent waiting.", MetricType::Histogram)?
///     .with_unit(Unit::SECONDS);
/// assert_eq!(descriptor.name(), "queue_wait_seconds");
/// # Ok::<(), nilometer_core::name::NameError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Descriptor {
    name: Box<str>,
    help: Box<str>,
    metric_type: MetricType,
    unit: Option<Unit>,
    /// What a family without help or unit got later. The instances of a family share it, as they have one identity.
    late: OnceLock<Arc<Late>>,
    label_names: Option<Box<[Box<str>]>>,
    location: &'static Location<'static>,
    /// Whether a name that is not classic was asked for.
    utf8: bool,
    /// Whether another family has what the name becomes by the other schemes.
    by_values: bool,
}

/// What was said of a family after it was made, each once.
#[derive(Debug, Default)]
struct Late {
    help: OnceLock<Box<str>>,
    unit: OnceLock<Unit>,
}

impl Descriptor {
    /// Describes a family.
    ///
    /// # Errors
    ///
    /// [`NameError`] where the name is not a metric name.
    #[track_caller]
    pub fn try_new(
        name: impl Into<String>,
        help: impl Into<String>,
        metric_type: MetricType,
    ) -> Result<Descriptor, NameError> {
        let descriptor = Descriptor::unchecked(name, help, metric_type, Location::caller());
        check_metric_name(&descriptor.name)?;
        Ok(descriptor)
    }

    /// Describes a family whose name may hold any characters: what a collector of one's own asks for. A registry asks for
    /// it by its configuration.
    ///
    /// # Errors
    ///
    /// [`NameError`] where the name is empty, holds a NUL character, or is longer than
    /// [`MAX_NAME_LENGTH`](crate::name::MAX_NAME_LENGTH).
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{Descriptor, MetricType};
    ///
    /// let descriptor = Descriptor::try_new_utf8("http.requests", "Requests.", MetricType::Counter)?;
    /// assert!(descriptor.has_utf8_name() && !descriptor.has_valid_name());
    /// # Ok::<(), nilometer_core::name::NameError>(())
    /// ```
    #[track_caller]
    pub fn try_new_utf8(
        name: impl Into<String>,
        help: impl Into<String>,
        metric_type: MetricType,
    ) -> Result<Descriptor, NameError> {
        let descriptor = Descriptor::unchecked(name, help, metric_type, Location::caller());
        check_utf8_metric_name(&descriptor.name)?;
        Ok(descriptor.with_utf8_name())
    }

    /// Describes a family whose name may be wrong; whoever calls this keeps it off every page until it is checked.
    pub(crate) fn unchecked(
        name: impl Into<String>,
        help: impl Into<String>,
        metric_type: MetricType,
        location: &'static Location<'static>,
    ) -> Descriptor {
        Descriptor {
            name: name.into().into_boxed_str(),
            help: help.into().into_boxed_str(),
            metric_type,
            unit: None,
            late: OnceLock::new(),
            label_names: None,
            location,
            utf8: false,
            by_values: false,
        }
    }

    /// Says that a name that is not classic was asked for.
    pub(crate) fn with_utf8_name(mut self) -> Descriptor {
        self.utf8 = true;
        self
    }

    /// Says that another family has what the name becomes by the schemes that can make one of two.
    pub(crate) fn escaped_by_values(mut self) -> Descriptor {
        self.by_values = true;
        self
    }

    /// Describes what records where nobody looks.
    pub(crate) fn noop(metric_type: MetricType, location: &'static Location<'static>) -> Descriptor {
        Descriptor::unchecked("noop", "Recorded where nobody looks.", metric_type, location)
    }

    /// States the unit.
    #[must_use]
    pub fn with_unit(mut self, unit: Unit) -> Descriptor {
        self.unit = Some(unit);
        self
    }

    /// Declares the label names, which are kept sorted.
    #[must_use]
    pub fn with_label_names(mut self, names: &[&str]) -> Descriptor {
        let mut names: Vec<Box<str>> = names.iter().map(|&name| name.into()).collect();
        names.sort_unstable();
        self.label_names = Some(names.into_boxed_slice());
        self
    }

    /// Whether the name is a classic metric name, and can be written as it is in every format.
    ///
    /// It is in all that a registry shows, unless UTF-8 names were asked for. The descriptor of a handle that was made
    /// outside of any registry can have any name: an exporter leaves out a family whose name is neither valid nor a
    /// [UTF-8 name](Descriptor::has_utf8_name).
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{Counter, Labels};
    ///
    /// let counter = Counter::new("no name", "Counts.", Labels::empty());
    /// assert!(!counter.metadata().has_valid_name());
    /// ```
    #[must_use]
    pub fn has_valid_name(&self) -> bool {
        check_metric_name(&self.name).is_ok()
    }

    /// Whether the name is not classic, and was asked for: it is quoted by formats that take UTF-8 names, and
    /// [escaped](Descriptor::escaped_name) for readers that do not.
    #[must_use]
    pub fn has_utf8_name(&self) -> bool {
        self.utf8 && !self.has_valid_name() && check_utf8_metric_name(&self.name).is_ok()
    }

    /// The name by `scheme`, which the suffixes of a format follow.
    ///
    /// A name that would become that of another family is written by [`EscapingScheme::Values`] in place of
    /// `Underscores` and `Dots`: so may be those that foreign collectors show, while a registry refuses to register two
    /// families of its own that would.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{Descriptor, MetricType, name::EscapingScheme};
    ///
    /// let descriptor = Descriptor::try_new_utf8("http.requests", "Requests.", MetricType::Counter)?;
    /// assert_eq!(descriptor.escaped_name(EscapingScheme::Underscores), "http_requests");
    /// assert_eq!(descriptor.escaped_name(EscapingScheme::AllowUtf8), "http.requests");
    /// # Ok::<(), nilometer_core::name::NameError>(())
    /// ```
    #[must_use]
    pub fn escaped_name(&self, scheme: EscapingScheme) -> Cow<'_, str> {
        match scheme {
            EscapingScheme::Underscores | EscapingScheme::Dots if self.by_values => {
                EscapingScheme::Values.metric_name(&self.name)
            }
            scheme => scheme.metric_name(&self.name),
        }
    }

    /// Whether name and unit can be written in every format that takes such a name.
    pub(crate) fn is_fit_for_a_page(&self) -> bool {
        (self.has_valid_name() || self.has_utf8_name()) && self.unit.is_none_or(|unit| self.ends_with(unit))
    }

    /// Whether the name ends with `unit`, a counter's `_total` aside.
    pub(crate) fn ends_with(&self, unit: Unit) -> bool {
        has_suffix(self.name.strip_suffix("_total").unwrap_or(&self.name), unit.as_str())
    }

    /// The name as it stands on a page of the text format, if it is classic.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the metric means, unescaped.
    #[must_use]
    pub fn help(&self) -> &str {
        if !self.help.is_empty() {
            return &self.help;
        }
        self.late.get().and_then(|late| late.help.get()).map_or("", |help| help)
    }

    /// Gives help to what was made without, once; returns whether this is the help now.
    pub(crate) fn describe(&self, help: &str) -> bool {
        if self.help.is_empty() && !help.is_empty() {
            self.late.get_or_init(Arc::default).help.get_or_init(|| help.into());
        }
        self.help() == help
    }

    /// The kind.
    #[must_use]
    pub fn metric_type(&self) -> MetricType {
        self.metric_type
    }

    /// The unit, where one was declared.
    #[must_use]
    pub fn unit(&self) -> Option<Unit> {
        self.unit.or_else(|| self.late.get()?.unit.get().copied())
    }

    /// Gives a unit, which the name ends with, to what was made without, once; returns whether this is the unit now.
    pub(crate) fn declare_unit(&self, unit: Unit) -> bool {
        if self.unit.is_none() && self.ends_with(unit) {
            self.late.get_or_init(Arc::default).unit.get_or_init(|| unit);
        }
        self.unit() == Some(unit)
    }

    /// Makes this that of another instance of the family of `first`: what is said of one later is said of both. Where it
    /// has something late already, which is what `first` has, it stays by itself.
    pub(crate) fn join(&self, first: &Descriptor) {
        self.late.get_or_init(|| Arc::clone(first.late.get_or_init(Arc::default)));
    }

    /// The label names in sorted order, where they were declared.
    #[must_use]
    pub fn label_names(&self) -> Option<&[Box<str>]> {
        self.label_names.as_deref()
    }

    /// Where in the program's source the family was defined.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}
