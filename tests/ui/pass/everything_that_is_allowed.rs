//! What the derives take, in a crate that denies what lints could say about the code they make.

#![deny(warnings, missing_docs, unused_qualifications, unreachable_pub, rust_2018_idioms)]

use std::sync::Arc;
use std::time::Duration;

use nilometer_core::label::TypedLabels as Labelled;
use nilometer_core::{ExponentialConfig, Counter, CounterFamily, Family, Gauge, Histogram, HistogramFamily, MetricsRegistry};
use nilometer_core::{
    FloatCounter, GaugeHistogram, GaugeHistogramFamily, Info, IntGauge, LongTaskTimer, MaxGauge, Metric, MinGaugeFamily, StateSet, buckets, Summary, SummaryFamily,
};
use nilometer_macros::{LabelValue, Metrics, TypedLabels};

const BOUNDS: &[f64] = &[0.5, 1.0];
const FIXED: &[f64; 2] = &[0.5, 1.0];

/// Public, generic, and private inside.
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "nilometer_core", prefix = "pool")]
pub struct PoolMetrics<M, const N: usize>
where
    M: Metric,
{
    /// A metric of the caller's choice.
    pub(crate) of_choice: M,
    /// A family of them.
    families: Option<Family<Slot<'static, N>, M>>,
    #[metric(flatten)]
    sizes: Sizes,
    #[metric(flatten)]
    private: Private<M>,
    /// A deprecated field.
    #[deprecated]
    old: Gauge,
}

/// Private, in the bounds of what is public.
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "nilometer_core", prefix = "private")]
struct Private<M> {
    /// A metric.
    metric: M,
}

/// Kinds that few programs need.
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "nilometer_core", prefix = "rare")]
struct Rare {
    /// Fractions.
    seconds_total: FloatCounter,
    /// Whole numbers.
    offset: IntGauge,
    /// In a window.
    #[metric(window = Duration::from_secs(30))]
    peak: MaxGauge,
    /// In another one.
    #[metric(window = WINDOW, labels = ["a"])]
    trough: Option<MinGaugeFamily>,
    /// In a minute.
    any: MaxGauge,
    /// What is there.
    #[metric(buckets = [1.0])]
    there: GaugeHistogram,
    /// What is there, by name.
    #[metric(buckets = BOUNDS, labels = ["a"])]
    by_name: Option<GaugeHistogramFamily>,
    /// States.
    state: StateSet<Kind>,
    /// States with labels.
    states: Family<Slot<'static, 1>, StateSet<Kind>>,
    /// Labels alone.
    info: Info,
    /// Tasks.
    tasks: LongTaskTimer,
    /// Quantiles.
    quantiles: Summary,
    /// Others.
    #[metric(quantiles = [0.25, 0.5], max_age = WINDOW, age_buckets = 3, relative_error = 0.05, labels = ["a"])]
    more_quantiles: Option<SummaryFamily>,
    /// One of them.
    #[metric(quantiles = &[0.5])]
    median: Family<Slot<'static, 1>, Summary>,
    /// Tasks, if any.
    more_tasks: Option<LongTaskTimer>,
}

const COARSE: ExponentialConfig = ExponentialConfig::new().with_scale(-4).with_bucket_limit(8);

const WINDOW: Duration = Duration::from_secs(90);

/** Bounds, in every way to write them. */
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "::nilometer_core", new = false)]
#[rustfmt::skip]
struct Sizes {
    /** In a block comment. */
    #[metric(buckets = [1.0, 2.0,])]
    array: Histogram,
    #[metric(help = "No bounds.", exponential)]
    powers: Histogram,
    #[metric(help = "Both.", buckets = [1.0], exponential = ExponentialConfig::new().with_scale(8))]
    both: HistogramFamily,
    #[metric(help = "A constant.", exponential = COARSE)]
    coarse: Family<Of<u8>, Histogram>,
    #[metric(help = "A slice.", buckets = BOUNDS)]
    slice: Histogram,
    #[metric(help = "A reference.", buckets = &[1.0])]
    reference: Histogram,
    #[metric(help = "A reborrow.", buckets = &*FIXED)]
    reborrow: Histogram,
    #[metric(help = "A call.", buckets = buckets::exponential::<4>(1.0, 2.0), labels = ["b", "a",])]
    call: HistogramFamily,
    #[metric(help = "A block.", name = "a_block_bytes", unit = "bytes")]
    #[metric(buckets = { let width = 4.0; buckets::linear::<3>(width, width) })]
    block: Histogram,
}

impl Sizes {
    #[allow(dead_code, reason = "that it can exist is the point")]
    fn new(_: u8) {}
}

/// Borrowed and constant parameters.
#[derive(Debug, TypedLabels)]
#[label(crate = "nilometer_core", rename_all = "camelCase")]
pub struct Slot<'a, const N: usize> {
    pool_name: &'a str,
    kind: Kind,
    number: Option<u16>,
    owner: Arc<str>,
}

/// A parameter in a field.
#[derive(Debug, TypedLabels)]
#[label(crate = "nilometer_core")]
pub struct Of<T: Copy>
where
    T: PartialEq,
{
    value: T,
}

/// All values known, and names that the derive could trip over.
#[derive(Debug, TypedLabels)]
#[label(crate = "nilometer_core")]
pub struct Known<'a> {
    kind: &'a Kind,
    old: Kind,
    r#type: bool,
}

impl Known<'_> {
    /// What the trait calls its own.
    pub const CARDINALITY: u8 = 0;

    /// What the trait calls its own.
    pub fn closed_index(&self) -> u8 {
        0
    }
}

/// No labels.
#[derive(Debug, TypedLabels)]
#[label(crate = "nilometer_core")]
pub struct Nothing;

/// Values.
#[derive(Debug, Clone, Copy, LabelValue)]
#[label(crate = "nilometer_core", rename_all = "kebab-case")]
#[repr(u8)]
pub enum Kind {
    /// One.
    InMemory = 7,
    /// Another.
    #[label(rename = "disk")]
    OnDisk = 3,
    /// Gone.
    #[deprecated]
    Tape,
}

macro_rules! declared {
    ($name:ident, $field:ident: $type:ty, $metric:literal, $doc:expr, $bounds:expr) => {
        #[derive(Metrics)]
        #[metrics(crate = "nilometer_core")]
        struct $name {
            #[doc = $doc]
            #[metric(name = $metric, buckets = $bounds)]
            $field: $type,
        }
    };
}
declared!(Declared, field: Histogram, "declared_by_a_macro", "Help.", &[1.0, 2.0]);

fn main() -> nilometer_core::Result<()> {
    #[derive(Metrics)]
    #[metrics(crate = "nilometer_core")]
    struct Local {
        /// In a function.
        r#type: CounterFamily,
        /// A gauge.
        level: Gauge,
    }

    let registry = MetricsRegistry::new();
    let pool = PoolMetrics::<Counter, 4>::new(&registry)?;
    pool.of_choice.inc();
    let slot = Slot::<4> { pool_name: "a", kind: Kind::OnDisk, number: None, owner: "me".into() };
    if let Some(families) = &pool.families {
        families.get_or_create(&slot).inc();
    }
    let _ = (&pool.sizes.array, &pool.sizes.slice, &pool.sizes.reference, &pool.sizes.reborrow);
    let _ = (&pool.sizes.call, &pool.sizes.block, &pool.private.metric);
    Declared::register(&registry)?.field.observe(1.0);
    let local = Local::register_with(&registry, &[("side", "left")])?;
    local.r#type.get_or_create(&[]).inc();
    local.level.set(1.0);
    let rare = Rare::register(&registry)?;
    rare.seconds_total.inc_by(0.5);
    rare.offset.set(-1);
    rare.peak.observe(1.0);
    rare.any.observe(1.0);
    rare.quantiles.observe(1.0);
    let _ = (&rare.more_quantiles, &rare.median);
    let _ = (&rare.trough, &rare.info, &rare.more_tasks);
    rare.state.set(Kind::OnDisk);
    let slot_of_one = Slot::<1> { pool_name: "a", kind: Kind::OnDisk, number: None, owner: "me".into() };
    rare.states.get_or_create(&slot_of_one).set(Kind::InMemory);
    drop(rare.tasks.start());
    Of { value: 5_u8 }.with_pairs(|pairs| assert_eq!(pairs, [("value", "5")]));
    Nothing.with_pairs(|pairs| assert!(pairs.is_empty()));
    let known = Known { kind: &Kind::OnDisk, old: Kind::InMemory, r#type: true };
    assert_eq!(<Known<'_> as Labelled>::CARDINALITY, Some(18));
    assert_eq!(Labelled::closed_index(&known), Some(7));
    assert_eq!((Known::CARDINALITY, known.closed_index()), (0, 0));
    Ok(())
}
