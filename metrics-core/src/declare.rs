//! What `#[derive(Metrics)]` generates against: structs whose fields are metrics.
//!
//! A struct declares its families, the registry makes them all or none, and the struct is built from their handles, in
//! the order in which they were declared. No code of the user's runs while the registry is locked.

use std::mem;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::counter::Counter;
use crate::descriptor::{Descriptor, MetricType};
use crate::error::Result;
use crate::exponential::ExponentialConfig;
use crate::extreme::{MaxGauge, MinGauge};
use crate::family::{
    ClosedLabels, DynamicLabels, ErasedFamily, Family, FamilyCore, Lifetime, Normalizers, check_name_as_label,
};
use crate::float_counter::FloatCounter;
use crate::gauge::Gauge;
use crate::gauge_histogram::GaugeHistogram;
use crate::histogram::Histogram;
use crate::info::Info;
use crate::int_gauge::IntGauge;
use crate::label::{ClosedLabelValue, LabelError, LabelLimits, TypedLabels, forms};
use crate::metric::Metric;
use crate::name::{check_metric_name, check_utf8_metric_name, has_suffix};
use crate::registry::{MetricsRegistry, RegisterError, RegistryConfig};
use crate::setup::Options;
use crate::state_set::StateSet;
pub use crate::summary::config::{check_quantiles, is_number_of_age_buckets, is_relative_error};
use crate::summary::{Summary, SummaryConfig};
use crate::unit::Unit;
use crate::updown::UpDownCounter;

/// A struct whose fields are metrics; made by `#[derive(Metrics)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a set of metrics",
    note = "a struct is one with `#[derive(Metrics)]`; `flatten` takes such structs and `Option` of them"
)]
pub trait Metrics: Sized {
    /// Adds the declarations of all fields to `scope`.
    fn declare(scope: &mut Scope);

    /// Takes the handles of all fields, in the order of their declarations.
    fn build(handles: &mut Handles) -> Self;

    /// Registers every family of the struct, or none.
    ///
    /// # Errors
    ///
    /// [`MetricsError::Register`](crate::MetricsError::Register) for the first family that cannot be had. Nothing has
    /// changed then.
    fn register(registry: &MetricsRegistry) -> Result<Self> {
        Self::register_with(registry, &[])
    }

    /// Registers every family of the struct, or none, with `labels` on all of its series: for several instances of
    /// one struct, which differ in the labels' values.
    ///
    /// # Errors
    ///
    /// As [`register`](Metrics::register).
    fn register_with(registry: &MetricsRegistry, labels: &[(&str, &str)]) -> Result<Self> {
        let mut scope = Scope::default();
        Self::declare(&mut scope);
        let mut handles = registry.register_all(scope.declarations, labels)?;
        Ok(Self::build(&mut handles))
    }

    /// These metrics without a registry, for code that runs without metrics: they record where nobody looks.
    ///
    /// It cannot fail. Every family is as [`Family::noop`] has it, and a field that is an `Option` is `None`, as if its
    /// family were disabled.
    fn noop() -> Self {
        let mut scope = Scope::default();
        Self::declare(&mut scope);
        let slots = scope.declarations.into_iter().map(Declaration::into_noop).collect();
        Self::build(&mut Handles::new(slots))
    }

    /// The descriptors of every family of the struct, in the order of its fields, without a namespace.
    fn descriptors() -> Vec<Descriptor> {
        let mut scope = Scope::default();
        Self::declare(&mut scope);
        scope.declarations.into_iter().map(Declaration::into_descriptor).collect()
    }
}

#[diagnostic::do_not_recommend]
impl<T: Metrics> Metrics for Option<T> {
    fn declare(scope: &mut Scope) {
        T::declare(scope);
    }

    /// `None` when every family of the struct is disabled.
    fn build(handles: &mut Handles) -> Self {
        let before = handles.enabled;
        let metrics = T::build(handles);
        (handles.enabled > before).then_some(metrics)
    }
}

/// The type of a field of a struct that derives `Metrics`: a handle, or a family.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a metric",
    note = "fields are `Counter`, `UpDownCounter`, `Gauge`, `Histogram`, another kind of metric, families of them, or \
            `Option` of those; a struct of metrics needs `#[metric(flatten)]`"
)]
pub trait MetricField: Sized {
    /// The kind.
    const TYPE: MetricType;
    /// Whether the field needs bucket bounds.
    const TAKES_BUCKETS: bool;
    /// Whether the field can declare label names.
    const TAKES_LABELS: bool;
    /// Whether the field is a family, whose series come and go.
    const IS_FAMILY: bool = false;
    /// Whether the field is a family of which all series are known.
    const IS_CLOSED: bool = false;
    /// Whether the field can say how long windows are.
    const TAKES_WINDOW: bool = false;
    /// Whether the field can have exponential buckets, and needs no bounds then.
    const TAKES_EXPONENTIAL: bool = false;
    /// Whether the field can say what a summary is like.
    const TAKES_QUANTILES: bool = matches!(Self::TYPE, MetricType::Summary);

    /// Adds the field's declaration to `scope`.
    fn declare(scope: &mut Scope, field: Field);

    /// Takes the field's handle.
    fn build(handles: &mut Handles) -> Self;
}

macro_rules! unlabelled_field {
    ($($kind:ident $(<$parameter:ident: $bound:path>)?),*) => {$(
        impl $(<$parameter: $bound + 'static>)? MetricField for $kind $(<$parameter>)? {
            const TYPE: MetricType = <Self as Metric>::TYPE;
            const TAKES_BUCKETS: bool = <Family<(), Self> as MetricField>::TAKES_BUCKETS;
            const TAKES_LABELS: bool = false;
            const TAKES_WINDOW: bool = <Family<(), Self> as MetricField>::TAKES_WINDOW;
            const TAKES_EXPONENTIAL: bool = <Family<(), Self> as MetricField>::TAKES_EXPONENTIAL;

            fn declare(scope: &mut Scope, field: Field) {
                <Family<(), Self> as MetricField>::declare(scope, field);
            }

            fn build(handles: &mut Handles) -> Self {
                handles.family::<(), Self>().get_or_create(&())
            }
        }
    )*};
}
unlabelled_field!(Counter, UpDownCounter, Gauge, Histogram);
unlabelled_field!(GaugeHistogram, Summary);
unlabelled_field!(FloatCounter, IntGauge, MaxGauge, MinGauge, Info, StateSet<S: ClosedLabelValue>);

impl<M: Metric> MetricField for Family<DynamicLabels, M> {
    const TYPE: MetricType = M::TYPE;
    const TAKES_BUCKETS: bool = matches!(M::TYPE, MetricType::Histogram | MetricType::GaugeHistogram);
    const TAKES_LABELS: bool = true;
    const IS_FAMILY: bool = true;
    const TAKES_WINDOW: bool = M::TAKES_WINDOW;
    const TAKES_EXPONENTIAL: bool = M::TAKES_EXPONENTIAL;

    fn declare(scope: &mut Scope, field: Field) {
        let labels = field.labels;
        scope.declare::<M>(&field, labels, None);
    }

    fn build(handles: &mut Handles) -> Self {
        handles.family()
    }
}

impl<L: TypedLabels, M: Metric> MetricField for Family<L, M> {
    const TYPE: MetricType = M::TYPE;
    const TAKES_BUCKETS: bool = matches!(M::TYPE, MetricType::Histogram | MetricType::GaugeHistogram);
    const TAKES_LABELS: bool = false;
    const IS_FAMILY: bool = true;
    const IS_CLOSED: bool = ClosedLabels::of::<L>().is_some();
    const TAKES_WINDOW: bool = M::TAKES_WINDOW;
    const TAKES_EXPONENTIAL: bool = M::TAKES_EXPONENTIAL;

    fn declare(scope: &mut Scope, field: Field) {
        scope.declare::<M>(&field, Some(L::NAMES), ClosedLabels::of::<L>());
    }

    fn build(handles: &mut Handles) -> Self {
        handles.family()
    }
}

impl<F: MetricField> MetricField for Option<F> {
    const TYPE: MetricType = F::TYPE;
    const TAKES_BUCKETS: bool = F::TAKES_BUCKETS;
    const TAKES_LABELS: bool = F::TAKES_LABELS;
    const IS_FAMILY: bool = F::IS_FAMILY;
    const IS_CLOSED: bool = F::IS_CLOSED;
    const TAKES_WINDOW: bool = F::TAKES_WINDOW;
    const TAKES_EXPONENTIAL: bool = F::TAKES_EXPONENTIAL;

    fn declare(scope: &mut Scope, field: Field) {
        F::declare(scope, field);
    }

    /// `None` when the family is disabled.
    fn build(handles: &mut Handles) -> Self {
        let before = handles.enabled;
        let field = F::build(handles);
        (handles.enabled > before).then_some(field)
    }
}

/// One field of a struct that derives `Metrics`, as its attributes describe it.
#[derive(Debug, Clone)]
#[must_use = "a field does nothing until it is declared"]
pub struct Field {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    buckets: &'static [f64],
    labels: Option<&'static [&'static str]>,
    expire_after: Option<Duration>,
    init: bool,
    window: Option<Duration>,
    exponential: Option<ExponentialConfig>,
    summary: Option<SummaryConfig>,
    location: &'static Location<'static>,
}

impl Field {
    /// A field with its name, without prefixes, and its help.
    #[track_caller]
    pub fn new(name: &'static str, help: &'static str) -> Field {
        Field {
            name,
            help,
            unit: None,
            buckets: &[],
            labels: None,
            expire_after: None,
            init: false,
            window: None,
            exponential: None,
            summary: None,
            location: Location::caller(),
        }
    }

    /// States the unit.
    pub fn with_unit(mut self, unit: Unit) -> Field {
        self.unit = Some(unit);
        self
    }

    /// States a histogram's upper bounds.
    pub fn with_buckets(mut self, bounds: &'static [f64]) -> Field {
        self.buckets = bounds;
        self
    }

    /// States how long the windows of a max or min gauge are.
    pub fn with_window(mut self, length: Duration) -> Field {
        self.window = Some(length);
        self
    }

    /// States the exponential buckets of a histogram.
    pub fn with_exponential(mut self, config: ExponentialConfig) -> Field {
        self.exponential = Some(config);
        self
    }

    /// States what a summary is like.
    pub fn with_summary(mut self, config: SummaryConfig) -> Field {
        self.summary = Some(config);
        self
    }

    /// Declares the label names of a family with dynamic labels.
    pub fn with_labels(mut self, names: &'static [&'static str]) -> Field {
        self.labels = Some(names);
        self
    }

    /// States how long a family's series stay that nothing changes.
    pub fn with_expire_after(mut self, period: Duration) -> Field {
        self.expire_after = Some(period);
        self
    }

    /// Makes the series of all labels that there can be, for a family with closed labels.
    pub fn with_init_all(mut self) -> Field {
        self.init = true;
        self
    }
}

/// Where declarations are put together, under the prefixes of the structs that they are in.
#[derive(Debug, Default)]
pub struct Scope {
    prefixes: Vec<&'static str>,
    utf8_names: bool,
    declarations: Vec<Declaration>,
}

impl Scope {
    /// Calls `f` with `prefix` and `_` before every name that is declared in it.
    pub fn nested(&mut self, prefix: Option<&'static str>, f: impl FnOnce(&mut Scope)) {
        self.prefixes.extend(prefix);
        f(self);
        self.prefixes.truncate(self.prefixes.len() - usize::from(prefix.is_some()));
    }

    /// Calls `f`, in which names may hold any characters.
    pub fn with_utf8_names(&mut self, f: impl FnOnce(&mut Scope)) {
        let before = mem::replace(&mut self.utf8_names, true);
        f(self);
        self.utf8_names = before;
    }

    /// The name of a field, after all prefixes.
    fn full_name(&self, field: &Field) -> String {
        let parts: Vec<&str> = self.prefixes.iter().copied().chain([field.name]).collect();
        parts.join("_")
    }

    /// Adds what `make` declares with the field's name, help and location.
    pub(crate) fn declare_several<const N: usize>(
        &mut self,
        field: &Field,
        make: fn(&str, &str, &'static Location<'static>) -> [Declaration; N],
    ) {
        let mut declarations = make(&self.full_name(field), field.help, field.location);
        for declaration in &mut declarations {
            declaration.utf8_names = self.utf8_names;
        }
        self.declarations.extend(declarations);
    }

    fn declare<M: Metric>(
        &mut self,
        field: &Field,
        labels: Option<&'static [&'static str]>,
        closed: Option<ClosedLabels>,
    ) {
        let mut declaration = Declaration::new::<M>(self.full_name(field), field.help, field.location);
        declaration.unit = field.unit;
        declaration.utf8_names = self.utf8_names;
        declaration.options.bounds = field.buckets.to_vec();
        declaration.options.window = field.window;
        declaration.options.exponential.clone_from(&field.exponential);
        declaration.options.summary.clone_from(&field.summary);
        declaration.label_names = labels.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        declaration.expire_after = field.expire_after;
        declaration.init = closed.filter(|_| field.init);
        self.declarations.push(declaration);
    }
}

/// The handles of what was declared, in the order of the declarations.
#[derive(Debug)]
pub struct Handles {
    slots: std::vec::IntoIter<Slot>,
    /// How many of those taken so far are enabled.
    enabled: usize,
}

/// A family that was asked for, and whether it is served.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) family: Arc<dyn ErasedFamily>,
    pub(crate) enabled: bool,
    /// The labels whose series are there from the beginning.
    pub(crate) init: Option<ClosedLabels>,
}

impl Slot {
    /// Makes the series that are there from the beginning.
    pub(crate) fn init(&self) -> Result<(), RegisterError> {
        let Some(labels) = self.init else { return Ok(()) };
        let name = || self.family.info().descriptor.name().to_owned();
        self.family.init_all(labels).map_err(|source| RegisterError::Series { name: name(), source })
    }
}

impl Handles {
    pub(crate) fn new(slots: Vec<Slot>) -> Handles {
        Handles { slots: slots.into_iter(), enabled: 0 }
    }

    /// Takes the next family.
    ///
    /// # Panics
    ///
    /// When more is taken than was declared, or another kind: a hand-written [`Metrics`] whose `build` does not follow
    /// its `declare`.
    #[expect(clippy::expect_used, reason = "a mistake in the caller's code that no value can stand for")]
    pub(crate) fn family<L, M: Metric>(&mut self) -> Family<L, M> {
        let slot = self.slots.next().expect("`build` takes no more handles than `declare` declared");
        self.enabled += usize::from(slot.enabled);
        let core = slot.family.into_any().downcast::<FamilyCore<M>>();
        Family::from_core(core.expect("`build` takes handles in the order and kind of `declare`"))
    }
}

/// A family that was asked for, or why it cannot be had.
type Made = Result<Arc<dyn ErasedFamily>, RegisterError>;

/// Everything that makes a family, before it is checked.
#[derive(Debug)]
pub(crate) struct Declaration {
    kind: MetricType,
    /// Makes the family, once the rest is checked.
    make: fn(Declaration, &RegistryConfig) -> Made,
    /// Makes a family that nobody looks at.
    make_noop: fn(Declaration) -> Arc<dyn ErasedFamily>,
    name: String,
    help: String,
    location: &'static Location<'static>,
    pub(crate) unit: Option<Unit>,
    pub(crate) label_names: Option<Vec<String>>,
    pub(crate) options: Options,
    /// Whether the bounds are those of cells that are there already, which no configuration can replace.
    pub(crate) has_fixed_bounds: bool,
    pub(crate) series_limit: Option<usize>,
    /// Whether names may hold any characters, whatever the registry says.
    utf8_names: bool,
    /// How long series stay that nothing changes, where that is not left to the registry; [`Duration::MAX`] is for ever.
    pub(crate) expire_after: Option<Duration>,
    pub(crate) normalizers: Normalizers,
    /// The labels whose series are there from the beginning.
    pub(crate) init: Option<ClosedLabels>,
}

impl Declaration {
    pub(crate) fn new<M: Metric>(
        name: impl Into<String>,
        help: impl Into<String>,
        location: &'static Location<'static>,
    ) -> Declaration {
        Declaration {
            kind: M::TYPE,
            make: Declaration::make::<M>,
            make_noop: Declaration::make_noop::<M>,
            name: name.into(),
            help: help.into(),
            location,
            unit: None,
            label_names: None,
            options: Options::default(),
            has_fixed_bounds: false,
            series_limit: None,
            utf8_names: false,
            expire_after: None,
            normalizers: Normalizers::default(),
            init: None,
        }
    }

    /// The family, checked, under `prefix` and the limits of `config`.
    pub(crate) fn into_family(mut self, config: &RegistryConfig, prefix: Option<&str>) -> Made {
        if let Some(prefix) = prefix {
            self.name = format!("{prefix}_{}", self.name);
        }
        self.utf8_names |= config.utf8_names();
        self.check()?;
        (self.make)(self, config)
    }

    /// A family that nobody looks at, unchecked.
    fn into_noop(self) -> Slot {
        Slot { family: (self.make_noop)(self), enabled: false, init: None }
    }

    fn check(&self) -> Result<(), RegisterError> {
        let name = || self.name.clone();
        let check = if self.utf8_names { check_utf8_metric_name } else { check_metric_name };
        check(&self.name).map_err(|source| RegisterError::InvalidName { name: name(), source })?;
        if let Some(unit) = self.unit
            && !has_suffix(self.name.strip_suffix("_total").unwrap_or(&self.name), unit.as_str())
        {
            return Err(RegisterError::Unit { name: name(), unit });
        }
        self.check_labels().map_err(|source| RegisterError::Labels { name: name(), source })
    }

    fn check_labels(&self) -> Result<(), LabelError> {
        let limits = LabelLimits::default().with_utf8_names(self.utf8_names);
        let labels = self.label_names.as_deref().unwrap_or_default();
        for (index, label) in labels.iter().enumerate() {
            limits.check_name(label)?;
            if labels[..index].contains(label) {
                return Err(LabelError::DuplicateName { name: label.clone() });
            }
        }
        forms::check(labels.iter().map(String::as_str))?;
        self.check_normalizers(limits)
    }

    /// Checks that the labels whose values are made alike are labels that the family can have.
    fn check_normalizers(&self, limits: LabelLimits) -> Result<(), LabelError> {
        for name in self.normalizers.names() {
            limits.check_name(name)?;
            if let Some(declared) =
                self.label_names.as_ref().filter(|names| !names.iter().any(|one| one == name))
            {
                let (given, declared) = (vec![name.to_owned()], declared.clone());
                return Err(LabelError::UndeclaredNames { given, declared });
            }
        }
        Ok(())
    }

    fn make<M: Metric>(mut self, config: &RegistryConfig) -> Made {
        check_name_as_label::<M>(&self.name, self.utf8_names)?;
        self.options.clock = config.clock().clone();
        let lifetime = Lifetime {
            clock: config.clock().clone(),
            expire_after: self
                .expire_after
                // An info never changes: it is not idle because of that.
                .or(config.expire_after().filter(|_| !matches!(M::TYPE, MetricType::Info)))
                .filter(|period| *period < Duration::MAX),
            normalizers: mem::take(&mut self.normalizers),
        };
        // What declares no explicit buckets gets none.
        let replaces = !self.has_fixed_bounds && !self.options.bounds.is_empty();
        let bounds = replaces.then(|| config.buckets_for(&self.name)).flatten();
        if let Some(bounds) = bounds {
            self.options.bounds = bounds.to_vec();
        }
        let mut setup = M::setup(&self.options).map_err(|error| match error.of_family(&self.name) {
            RegisterError::Bounds { name, source } if bounds.is_some() => {
                RegisterError::BucketOverride { name, source }
            }
            error => error,
        })?;
        if M::TAKES_EXEMPLARS && !self.options.without_exemplars {
            setup.sampling = config.sampling();
        }
        let mut limits = config.limits();
        limits.series = self.series_limit.unwrap_or(limits.series);
        limits.labels = limits.labels.with_utf8_names(self.utf8_names);
        let family = FamilyCore::<M>::new(self.into_descriptor(), setup, limits);
        Ok(Arc::new(family.with_lifetime(lifetime)))
    }

    fn make_noop<M: Metric>(self) -> Arc<dyn ErasedFamily> {
        let options = self.options.clone();
        Arc::new(FamilyCore::<M>::noop(self.into_descriptor(), &options))
    }

    fn into_descriptor(self) -> Descriptor {
        let mut descriptor = Descriptor::unchecked(self.name, self.help, self.kind, self.location);
        if self.utf8_names {
            descriptor = descriptor.with_utf8_name();
        }
        if let Some(unit) = self.unit {
            descriptor = descriptor.with_unit(unit);
        }
        if let Some(names) = self.label_names {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            descriptor = descriptor.with_label_names(&names);
        }
        descriptor
    }
}
