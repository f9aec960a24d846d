//! Derive macros of nilometer: metrics declared as a struct, labels as Rust types.
//!
//! | derive | on | makes it |
//! |---|---|---|
//! | [`Metrics`] | a struct whose fields are metrics | something that registers itself as a whole |
//! | [`TypedLabels`] | a struct whose fields are labels | the labels of a `Family<L, M>` |
//! | [`LabelValue`] | an enum without fields | a label's value, of which all values are known |
//!
//! The generated code names `::nilometer`, which re-exports these derives. A library that depends on `nilometer-core`
//! and this crate alone says `crate = "nilometer_core"`, as the examples here do.
//!
//! # Mistakes
//!
//! A wrong name, wrong bounds, missing help, an attribute that does not exist or does not fit: each is one compile
//! error, at the place that is wrong, and the rest of the program is checked as if it were right. Names and bounds are
//! checked by the `const fn`s of `nilometer-core` that the registry calls as well, so both refuse the same ones.
//!
//! Where a type has type parameters, whether it takes `buckets` or `labels` is known, and checked, when the struct is
//! used with types in their place.
//!
//! # What this crate does not do
//!
//! - It never changes a name: `unit` adds no suffix, a counter gets no `_total`.
//! - It sees one struct at a time. Whether a name is taken by another struct, or by one that is taken in with
//!   `flatten`, shows when the struct is registered, as an error.
//! - It does not read help from a macro's call in `#[doc = ..]`, which a derive sees before it is expanded.
//! - It has no attribute for help per label, and none for constant labels: `register_with` gives these, the registry
//!   those that are everywhere.
//! - It makes no `Default`, `Clone` or `Debug`: the standard derives do.

#![forbid(unsafe_code)]

mod attr;
mod case;
mod check;
mod error;
mod generics;
mod labels;
mod metrics;
mod path;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct whose fields are metrics register itself as a whole.
///
/// Each field is a metric: `Counter`, `FloatCounter`, `UpDownCounter`, `Gauge`, `IntGauge`, `MaxGauge`, `MinGauge`,
/// `Histogram`, `GaugeHistogram`, `Summary`, `StateSet<S>`, `Info`, a family of them, `LongTaskTimer`, an `Option` of any
/// of these, or whatever else implements `declare::MetricField`. Its help is the first paragraph of its doc comment in one line, its name the
/// field's name; a `LongTaskTimer` makes three gauges, whose names and help begin with these. Registering is all or
/// nothing, and twice gives the same handles.
///
/// # What is generated
///
/// `declare::Metrics` is implemented, and the struct gets these functions, as visible as itself:
///
/// | function | does |
/// |---|---|
/// | `register(&MetricsRegistry) -> Result<Self>` | registers the metrics and returns their handles |
/// | `register_with(&MetricsRegistry, &[(&str, &str)]) -> Result<Self>` | the same for one instance of several, known by labels |
/// | `new(&MetricsRegistry) -> Result<Self>` | the same as `register` |
/// | `noop() -> Self` | records where nobody looks: for code that runs without metrics |
/// | `descriptors() -> Vec<Descriptor>` | describes the metrics without a registry |
///
/// # Attributes of the struct
///
/// | `#[metrics(..)]` | means |
/// |---|---|
/// | `prefix = "app"` | every name, flattened ones too, begins with `app_`; none by default |
/// | `crate = "path"` | where the generated code finds nilometer; `::nilometer` by default |
/// | `new = false` | no `new`, for a struct that has one of its own |
/// | `utf8` | the names of metrics and labels, flattened ones too, may hold any characters, whatever the registry says: `nilometer_core::name` tells what readers make of them |
///
/// # Attributes of a field
///
/// | `#[metric(..)]` | means |
/// |---|---|
/// | `name = ".."` | the name after the prefix, instead of the field's |
/// | `help = ".."` | the help, instead of the doc comment's |
/// | `unit = "seconds"` | the unit; the name must end in `_seconds`, or `_seconds_total` |
/// | `buckets = EXPR` | the upper bounds of a histogram or a gauge histogram: a constant `[f64; N]` or `&[f64]`, written with its `&` if it is a reference to an array |
/// | `exponential`, `exponential = EXPR` | exponential buckets for a histogram, in place of `buckets` or beside them: the defaults, or a constant `ExponentialConfig` |
/// | `labels = ["a", "b"]` | the label names of a family with dynamic labels, which then takes no others |
/// | `expire_after = EXPR` | how long a family's series stay that nothing changes, a `Duration`: `FamilyBuilder::with_expire_after` |
/// | `init` | the series of all labels that there can be are there from the beginning, in a family of typed labels that are all [`LabelValue`] enums or `bool` |
/// | `window = EXPR` | how long the windows of a `MaxGauge` or `MinGauge` are: a constant `Duration`; a minute by default |
/// | `quantiles = EXPR` | the quantiles of a `Summary`: a constant `[f64; N]` or `&[f64]`, as bounds are written; 0.5, 0.9 and 0.99 by default |
/// | `max_age = EXPR` | how long a `Summary` looks back: a constant `Duration`; 10 minutes by default |
/// | `age_buckets = EXPR` | in how many steps it moves on: a constant `u32` from 1 to 60; 5 by default |
/// | `relative_error = EXPR` | how far its quantiles may be from the true ones: a constant `f64` from 0.001 to 0.25; 0.01 by default |
/// | `flatten` | the field is a struct with this derive, or an `Option` of one, whose metrics are taken in |
/// | `flatten, prefix = ".."` | the same, their names beginning with that, after the struct's prefix and before theirs |
///
/// # Generics
///
/// Type parameters need no bounds: the implementation holds where each field's type is a metric. Fields behind a `cfg`
/// that is off do not exist.
///
/// # Examples
///
/// ```
/// use nilometer_core::{Counter, CounterFamily, Histogram, MetricsRegistry, buckets};
/// use nilometer_macros::Metrics;
///
/// /// Metrics of the importer.
/// #[derive(Metrics)]
/// #[metrics(prefix = "importer", crate = "nilometer_core")]
/// struct ImporterMetrics {
///     /// Files that were opened.
///     files_total: Counter,
///     /// Rows that were read, by outcome.
///     #[metric(labels = ["outcome"])]
///     rows_total: CounterFamily,
///     /// Time to read one file.
///     #[metric(unit = "seconds", buckets = buckets::LATENCY_SECONDS)]
///     duration_seconds: Histogram,
/// }
///
/// let registry = MetricsRegistry::new();
/// let metrics = ImporterMetrics::register(&registry)?;
/// metrics.files_total.inc();
/// metrics.rows_total.get_or_create(&[("outcome", "ok")]).inc_by(12);
/// metrics.duration_seconds.observe(0.25);
///
/// let descriptors = ImporterMetrics::descriptors();
/// assert_eq!(descriptors[1].name(), "importer_rows_total");
/// assert_eq!(descriptors[1].help(), "Rows that were read, by outcome.");
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
///
/// Names as OpenTelemetry has them:
///
/// ```
/// use nilometer_core::{CounterFamily, MetricsRegistry};
/// use nilometer_macros::Metrics;
///
/// #[derive(Metrics)]
/// #[metrics(utf8, crate = "nilometer_core")]
/// struct HttpMetrics {
///     /// Requests that are answered.
///     #[metric(name = "http.server.requests", labels = ["http.request.method"])]
///     requests: CounterFamily,
/// }
///
/// let metrics = HttpMetrics::register(&MetricsRegistry::new())?;
/// metrics.requests.get_or_create(&[("http.request.method", "GET")]).inc();
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
///
/// Several instances of one struct, each with its label:
///
/// ```
/// use nilometer_core::{Counter, MetricsRegistry};
/// use nilometer_macros::Metrics;
///
/// #[derive(Metrics)]
/// #[metrics(prefix = "cache", crate = "nilometer_core")]
/// struct CacheMetrics {
///     /// Lookups that found something.
///     hits_total: Counter,
/// }
///
/// let registry = MetricsRegistry::new();
/// let users = CacheMetrics::register_with(&registry, &[("cache", "users")])?;
/// let pages = CacheMetrics::register_with(&registry, &[("cache", "pages")])?;
/// users.hits_total.inc();
/// assert_eq!((users.hits_total.get(), pages.hits_total.get()), (1, 0));
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[proc_macro_derive(Metrics, attributes(metrics, metric))]
pub fn derive_metrics(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    metrics::derive(&input).into()
}

/// Makes a struct the labels of a family, one per field.
///
/// A field's type is anything that is a label value: strings, borrowed ones too, integers, `bool`, an `Option` of
/// these, or an enum with [`LabelValue`]. An empty value is the same as no label. A struct without fields is no labels.
/// Looking up a series allocates nothing.
///
/// # Attributes
///
/// | `#[label(..)]` | on | means |
/// |---|---|---|
/// | `name = ".."` | a field | the label's name, instead of the field's |
/// | `rename_all = "camelCase"` | the struct | the case of the names that come from fields; the cases are those of [`LabelValue`] |
/// | `utf8` | the struct | names may hold any characters, in families of a registry or a struct with UTF-8 names |
/// | `crate = "path"` | the struct | where the generated code finds nilometer; `::nilometer` by default |
///
/// # Generics
///
/// Lifetimes and types can be parameters. A type parameter has to be `'static`, and a bound that names a lifetime of
/// the struct has to hold for `'static` too.
///
/// Where all fields are enums with [`LabelValue`], `bool`s, or references to them, the number of different labels is
/// known: it is `TypedLabels::CARDINALITY`, and a family finds a series by its index among them. A type parameter counts
/// as unknown, unless the struct bounds it by `ClosedLabelValue`.
///
/// A family of labels that borrow is a `Family<Request<'static>, Counter>`; a lookup in it takes a `Request` of any
/// lifetime, so no `String` is needed to find a series.
///
/// # Examples
///
/// ```
/// use nilometer_core::label::TypedLabels as _;
/// use nilometer_macros::TypedLabels;
///
/// #[derive(TypedLabels)]
/// #[label(crate = "nilometer_core")]
/// struct Request<'a> {
///     route: &'a str,
///     #[label(name = "code")]
///     status: u16,
/// }
///
/// assert_eq!(Request::NAMES, ["code", "route"]);
/// let request = Request { route: "/", status: 200 };
/// request.with_pairs(|pairs| assert_eq!(pairs, [("code", "200"), ("route", "/")]));
///
/// let registry = nilometer_core::MetricsRegistry::new();
/// let builder = registry.family::<nilometer_core::Counter>("requests_total", "Requests.");
/// let family = builder.typed::<Request<'static>>().register()?;
/// let route = String::from("/orders");
/// family.get_or_create(&Request { route: &route, status: 404 }).inc();
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[proc_macro_derive(TypedLabels, attributes(label))]
pub fn derive_typed_labels(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    labels::derive_typed(&input).into()
}

/// Makes an enum without fields a label's value, of which all values are known.
///
/// A variant's value is its name as it is written. `LabelValue` is implemented, and `ClosedLabelValue`, which
/// lists all values and tells the index of each.
///
/// # Attributes
///
/// | `#[label(..)]` | on | means |
/// |---|---|---|
/// | `rename = ".."` | a variant | its value |
/// | `rename_all = ".."` | the enum | the case of the other values: `lowercase`, `UPPERCASE`, `snake_case`, `SCREAMING_SNAKE_CASE`, `kebab-case`, `camelCase` or `PascalCase` |
/// | `crate = "path"` | the enum | where the generated code finds nilometer; `::nilometer` by default |
///
/// A new word begins at `_` and at a capital; a run of capitals is one word, so `HTTPServer` is `http_server`.
///
/// # Examples
///
/// ```
/// use nilometer_core::label::ClosedLabelValue as _;
/// use nilometer_macros::LabelValue;
///
/// #[derive(LabelValue)]
/// #[label(crate = "nilometer_core", rename_all = "snake_case")]
/// enum Outcome {
///     Ok,
///     NotFound,
///     #[label(rename = "5xx")]
///     ServerError,
/// }
///
/// assert_eq!(Outcome::VALUES, ["ok", "not_found", "5xx"]);
/// assert_eq!(Outcome::NotFound.index(), 1);
/// ```
#[proc_macro_derive(LabelValue, attributes(label))]
pub fn derive_label_value(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    labels::derive_value(&input).into()
}

/// The README's program, compiled and run with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
