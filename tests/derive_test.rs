//! What the derives generate, used the way a program uses it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use nilometer_core::collect::{Collector, Point, SeriesLabels, Stopped, Visitor};
use nilometer_core::label::{ClosedLabelValue, LabelValue as _, TypedLabels as _, ValueBuffer};
use nilometer_core::{
    Counter, CounterFamily, Descriptor, Family, FloatCounter, Gauge, GaugeFamily, GaugeHistogram, Histogram,
    HistogramFamily, Info, IntGauge, LongTaskTimer, ManualClock, MaxGauge, Metric, MetricType, MetricsError,
    MetricsRegistry, MinGauge, RegisterError, RegistryConfig, StateSet, Summary, SummaryConfig, Unit,
    UpDownCounter, UpDownCounterFamily, buckets,
};
use nilometer_macros::{LabelValue, Metrics, TypedLabels};

/// A line per series: its name, its labels, and its value (a histogram's count).
#[derive(Default)]
struct Lines {
    family: String,
    lines: Vec<String>,
}

impl Visitor for Lines {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        descriptor.name().clone_into(&mut self.family);
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        let labels: BTreeMap<&str, &str> = labels.iter().collect();
        let value = match point {
            Point::Counter(counter) => counter.total().as_f64().to_string(),
            Point::Gauge(gauge) => gauge.value().as_f64().to_string(),
            Point::UpDownCounter(counter) => counter.value().as_f64().to_string(),
            Point::Histogram(histogram) | Point::GaugeHistogram(histogram) => {
                format!("count {}", histogram.count())
            }
            other => format!("{other:?}"),
        };
        self.lines.push(format!("{} {labels:?} {value}", self.family));
        Ok(())
    }
}

fn lines(registry: &MetricsRegistry) -> Vec<String> {
    let mut lines = Lines::default();
    registry.collect(&mut lines).expect("the visitor stops nothing");
    lines.lines
}

fn names<T: nilometer_core::declare::Metrics>() -> Vec<String> {
    T::descriptors().iter().map(|descriptor| descriptor.name().to_owned()).collect()
}

/// Metrics of a server.
#[derive(Debug, Clone, Metrics)]
#[metrics(prefix = "server", crate = "nilometer_core")]
struct ServerMetrics {
    /// Requests that were
    /// answered, by method.
    ///
    /// The second paragraph is for readers of the source.
    #[metric(labels = ["status", "method"])]
    requests_total: CounterFamily,
    /// Connections that are open.
    connections: Gauge,
    #[metric(help = "Time to answer.", unit = "seconds", buckets = buckets::LATENCY_SECONDS)]
    answer_seconds: Histogram,
    /** Time that the
     * processor was busy.
     *
     * Not for the page. */
    #[metric(name = "cpu_seconds_total", unit = "seconds")]
    busy: Counter,
    /// A kind of thing.
    r#type: GaugeFamily,
}

#[test]
fn every_field_is_a_metric_under_the_prefix() {
    let registry = MetricsRegistry::new();
    let metrics = ServerMetrics::register(&registry).unwrap();
    metrics.requests_total.get_or_create(&[("method", "GET"), ("status", "200")]).inc();
    metrics.connections.set(3.0);
    metrics.answer_seconds.observe(0.2);
    metrics.busy.inc_by(7);
    metrics.r#type.get_or_create(&[("kind", "a")]).set(1.5);
    let expected = [
        r"server_answer_seconds {} count 1",
        r"server_connections {} 3",
        r"server_cpu_seconds_total {} 7",
        r#"server_requests_total {"method": "GET", "status": "200"} 1"#,
        r#"server_type {"kind": "a"} 1.5"#,
    ];
    assert_eq!(lines(&registry), expected);
}

#[test]
fn descriptors_say_what_the_attributes_say_in_the_order_of_the_fields() {
    let described: Vec<_> = ServerMetrics::descriptors()
        .iter()
        .map(|descriptor| {
            let labels = descriptor.label_names().map(<[_]>::to_vec);
            let name = descriptor.name().to_owned();
            (name, descriptor.help().to_owned(), descriptor.metric_type(), descriptor.unit(), labels)
        })
        .collect();
    let row = |name: &str, help: &str, metric_type, unit, labels: Option<&[&str]>| {
        let labels = labels.map(|labels| labels.iter().map(|&label| label.into()).collect());
        (name.to_owned(), help.to_owned(), metric_type, unit, labels)
    };
    let seconds = Some(Unit::SECONDS);
    let expected = [
        row(
            "server_requests_total",
            "Requests that were answered, by method.",
            MetricType::Counter,
            None,
            Some(&["method", "status"]),
        ),
        row("server_connections", "Connections that are open.", MetricType::Gauge, None, Some(&[])),
        row("server_answer_seconds", "Time to answer.", MetricType::Histogram, seconds, Some(&[])),
        row(
            "server_cpu_seconds_total",
            "Time that the processor was busy.",
            MetricType::Counter,
            seconds,
            Some(&[]),
        ),
        row("server_type", "A kind of thing.", MetricType::Gauge, None, None),
    ];
    assert_eq!(described, expected);
}

#[test]
fn a_descriptor_is_located_at_its_field() {
    #[rustfmt::skip]
    let (line, location) = {
        #[derive(Metrics)]
        #[metrics(crate = "nilometer_core")]
        struct Located {
            /// Help.
            #[metric(labels = ["a"])]
            field: CounterFamily,
        }
        let _ = |located: &Located| located.field.len();
        (line!() - 3, Located::descriptors()[0].location())
    };
    assert!(location.file().ends_with("derive_test.rs"), "{location}");
    assert_eq!((location.line(), location.column()), (line, 13));
}

#[test]
fn registering_twice_gives_the_same_handles_and_new_is_the_same_as_register() {
    let registry = MetricsRegistry::new();
    let first = ServerMetrics::register(&registry).unwrap();
    let second = ServerMetrics::new(&registry).unwrap();
    first.busy.inc();
    second.busy.inc();
    assert_eq!(first.busy.get(), 2);
}

#[test]
fn instances_are_told_apart_by_their_labels() {
    let registry = MetricsRegistry::new();
    let left = ServerMetrics::register_with(&registry, &[("side", "left")]).unwrap();
    let right = ServerMetrics::register_with(&registry, &[("side", "right")]).unwrap();
    left.busy.inc();
    right.busy.inc_by(2);
    right.requests_total.get_or_create(&[("method", "GET"), ("status", "200")]).inc_by(3);
    let lines = lines(&registry);
    for line in [
        r#"server_cpu_seconds_total {"side": "left"} 1"#,
        r#"server_cpu_seconds_total {"side": "right"} 2"#,
        r#"server_requests_total {"method": "GET", "side": "right", "status": "200"} 3"#,
    ] {
        assert!(lines.iter().any(|seen| seen == line), "no {line} in {lines:#?}");
    }
}

#[test]
fn a_failed_registration_registers_nothing() {
    let registry = MetricsRegistry::new();
    let other = registry.register_gauge("server_type", "Something else.").unwrap();
    let error = ServerMetrics::register(&registry).unwrap_err();
    assert!(
        matches!(&error, MetricsError::Register(RegisterError::Conflict { name, .. }) if name == "server_type"),
        "{error}"
    );
    other.default().set(1.0);
    assert_eq!(lines(&registry), ["server_type {} 1"]);
    assert!(registry.register_counter("server_connections", "Free.").is_ok());
}

#[derive(Debug, Metrics)]
#[metrics(prefix = "cache", crate = "nilometer_core")]
struct CacheMetrics {
    /// Lookups that found something.
    hits_total: Counter,
    /// What is in there.
    entries: Option<Gauge>,
}

#[derive(Debug, Metrics)]
#[metrics(prefix = "app", crate = "nilometer_core")]
struct AppMetrics {
    /// Whether it runs.
    up: Gauge,
    #[metric(flatten)]
    plain: CacheMetrics,
    #[metric(flatten, prefix = "page")]
    pages: CacheMetrics,
    #[metric(flatten, prefix = "user")]
    users: Option<CacheMetrics>,
}

#[derive(Debug, Metrics)]
#[metrics(crate = "nilometer_core")]
struct WithoutPrefix {
    #[metric(flatten)]
    plain: CacheMetrics,
    #[metric(flatten, prefix = "page")]
    pages: CacheMetrics,
}

#[test]
fn prefixes_of_flattened_structs_follow_each_other() {
    let expected = [
        "app_up",
        "app_cache_hits_total",
        "app_cache_entries",
        "app_page_cache_hits_total",
        "app_page_cache_entries",
        "app_user_cache_hits_total",
        "app_user_cache_entries",
    ];
    assert_eq!(names::<AppMetrics>(), expected);
    let expected = ["cache_hits_total", "cache_entries", "page_cache_hits_total", "page_cache_entries"];
    assert_eq!(names::<WithoutPrefix>(), expected);

    let registry = MetricsRegistry::new();
    let metrics = WithoutPrefix::register(&registry).unwrap();
    metrics.plain.hits_total.inc();
    metrics.pages.hits_total.inc_by(2);
    assert!(lines(&registry).contains(&"page_cache_hits_total {} 2".to_owned()));
}

#[test]
fn optional_fields_are_there_unless_they_are_disabled() {
    let metrics = AppMetrics::register(&MetricsRegistry::new()).unwrap();
    assert!(metrics.plain.entries.is_some());
    assert!(metrics.users.is_some());

    let disabled = ["app_cache_entries", "app_user_cache_hits_total", "app_user_cache_entries"];
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_disabled(disabled));
    let metrics = AppMetrics::register(&registry).unwrap();
    assert!(metrics.plain.entries.is_none());
    assert!(metrics.users.is_none());
    metrics.up.set(1.0);
    metrics.plain.hits_total.inc();
    metrics.pages.entries.unwrap().set(4.0);
    let expected = [
        "app_cache_hits_total {} 1",
        "app_page_cache_entries {} 4",
        "app_page_cache_hits_total {} 0",
        "app_up {} 1",
    ];
    assert_eq!(lines(&registry), expected);
}

#[derive(Debug, Metrics)]
#[metrics(prefix = "pair", crate = "nilometer_core")]
struct Pair<A, B, const N: usize>
where
    A: Metric,
{
    /// The first.
    first: A,
    /// The second, perhaps.
    second: Option<B>,
    /// A family of the first kind, by slot.
    by_slot: Family<Slot<N>, A>,
}

#[derive(Debug, TypedLabels)]
#[label(crate = "nilometer_core")]
struct Slot<const N: usize> {
    number: usize,
}

#[test]
fn type_parameters_need_no_bounds_of_their_own() {
    let registry = MetricsRegistry::new();
    let pair = Pair::<Counter, GaugeFamily, 3>::register(&registry).unwrap();
    pair.first.inc();
    pair.second.unwrap().get_or_create(&[("a", "b")]).set(2.0);
    pair.by_slot.get_or_create(&Slot::<3> { number: 1 }).inc();
    let expected = [r#"pair_by_slot {"number": "1"} 1"#, r"pair_first {} 1", r#"pair_second {"a": "b"} 2"#];
    assert_eq!(lines(&registry), expected);
}

#[test]
fn a_field_behind_a_cfg_that_is_off_does_not_exist() {
    #[derive(Metrics)]
    #[metrics(crate = "nilometer_core")]
    struct Gated {
        #[cfg(not(test))]
        absent: NoSuchType,
        /// Present.
        #[cfg(test)]
        present: Counter,
        #[cfg(not(test))]
        #[metric(name = "renamed")]
        /// Absent as well, under the name that the next one has.
        hidden: Counter,
        #[cfg_attr(test, metric(name = "renamed"))]
        /// Named by a conditional attribute.
        field: Counter,
    }
    assert_eq!(names::<Gated>(), ["present", "renamed"]);
    let gated = Gated::register(&MetricsRegistry::new()).unwrap();
    gated.present.inc();
    assert_eq!((gated.present.get(), gated.field.get()), (1, 0));
}

#[test]
fn up_down_counters_are_fields_like_any_other_kind() {
    #[derive(Metrics)]
    #[metrics(crate = "nilometer_core")]
    struct Load {
        /// Connections that are open.
        connections: UpDownCounter,
        /// Jobs that wait.
        #[metric(labels = ["queue"])]
        jobs: UpDownCounterFamily,
        /// Bytes in use, by method.
        #[metric(unit = "bytes")]
        used_bytes: Option<Family<ByMethod, UpDownCounter>>,
    }
    #[derive(TypedLabels)]
    #[label(crate = "nilometer_core")]
    struct ByMethod {
        method: Method,
    }
    let registry = MetricsRegistry::new();
    let load = Load::register(&registry).unwrap();
    load.connections.sub(2);
    load.jobs.get_or_create(&[("queue", "mail")]).add(5);
    load.used_bytes.unwrap().get_or_create(&ByMethod { method: Method::Get }).add(4096);
    let expected =
        [r"connections {} -2", r#"jobs {"queue": "mail"} 5"#, r#"used_bytes {"method": "GET"} 4096"#];
    assert_eq!(lines(&registry), expected);
    assert!(Load::descriptors().iter().all(|one| one.metric_type() == MetricType::UpDownCounter));
    let error = registry.register_gauge("connections", "Connections that are open.").unwrap_err();
    assert!(matches!(error, RegisterError::Conflict { what: "type", .. }), "{error}");
}

#[test]
fn the_kinds_that_few_programs_need_are_fields_like_any_other() {
    #[derive(Metrics)]
    #[metrics(crate = "nilometer_core", prefix = "job")]
    struct Job {
        /// Time on a processor.
        #[metric(unit = "seconds")]
        cpu_seconds_total: FloatCounter,
        /// The offset that was read last.
        offset: IntGauge,
        /// The largest batch.
        #[metric(window = Duration::from_secs(30))]
        batch_max: MaxGauge,
        /// The smallest batch, by method.
        batch_min: Family<ByMethod, MinGauge>,
        /// What waits.
        #[metric(unit = "bytes", buckets = [1.0, 2.0])]
        queued_bytes: GaugeHistogram,
        /// What waits, by method.
        #[metric(buckets = [1.0])]
        held: Family<ByMethod, GaugeHistogram>,
        /// Time that it waits.
        #[metric(quantiles = [0.25, 0.75], max_age = Duration::from_mins(1), age_buckets = 3, relative_error = 0.05)]
        wait_ms: Summary,
        /// Time that others wait, by method.
        #[metric(relative_error = 0.02)]
        waits_ms: Option<Family<ByMethod, Summary>>,
        /// What it does.
        state: StateSet<Method>,
        /// What runs.
        build_info: Info,
        /// Imports.
        imports: LongTaskTimer,
        /// Exports.
        exports: Option<LongTaskTimer>,
    }
    #[derive(TypedLabels)]
    #[label(crate = "nilometer_core")]
    struct ByMethod {
        method: Method,
    }
    let config = RegistryConfig::new().with_disabled(["job_exports_active", "job_exports_active_seconds"]);
    let registry = MetricsRegistry::with_config(config.with_disabled(["job_exports_oldest_seconds"]));
    let job = Job::register(&registry).unwrap();
    job.cpu_seconds_total.inc_by(0.25);
    job.offset.set(-3);
    job.batch_max.observe(7.0);
    job.batch_min.get_or_create(&ByMethod { method: Method::Get }).observe(2.0);
    job.queued_bytes.add(1.5);
    job.held.get_or_create(&ByMethod { method: Method::Get }).add(3.0);
    job.wait_ms.observe_duration(Duration::from_secs(2));
    job.waits_ms.unwrap().get_or_create(&ByMethod { method: Method::Get }).observe(-1.0);
    job.state.set(Method::Get);
    assert_eq!(job.build_info.metadata().metric_type(), MetricType::Info);
    assert!(job.exports.is_none());
    // The same again is the same timer.
    let import = Job::register(&registry).unwrap().imports.start();
    assert_eq!(job.imports.active(), 1);
    drop(import);
    let expected = [
        "job_batch_max {} 7",
        r#"job_batch_min {"method": "GET"} 2"#,
        "job_build_info {} Info",
        "job_cpu_seconds_total {} 0.25",
        r#"job_held {"method": "GET"} count 1"#,
        "job_imports_active {} 0",
        "job_imports_active_seconds {} 0",
        "job_imports_oldest_seconds {} 0",
        "job_offset {} -3",
        "job_queued_bytes {} count 1",
    ];
    let lines = lines(&registry);
    assert_eq!(lines[..10], expected);
    assert!(lines[10].starts_with("job_state {} StateSet") && lines.len() == 13, "{lines:?}");
    assert!(lines[11].starts_with("job_wait_ms {} "), "{}", lines[11]);
    assert!(lines[12].starts_with(r#"job_waits_ms {"method": "GET"} "#), "{}", lines[12]);
    let config = SummaryConfig::new().with_quantiles(&[0.25, 0.75]).with_max_age(Duration::from_mins(1));
    let config = config.with_age_buckets(3).with_relative_error(0.05);
    let same = registry.family::<Summary>("job_wait_ms", "Time that it waits.").with_labels(&[]);
    let same = same.with_summary(config).register().unwrap().default();
    assert_eq!((same.snapshot().count(), same.snapshot().sum()), (1, 2000.0));
    let descriptors = Job::descriptors();
    assert_eq!(descriptors.len(), 16);
    assert_eq!(job.queued_bytes.bucket_bounds(), [1.0, 2.0]);
    assert_eq!(
        (descriptors[4].unit(), descriptors[5].metric_type()),
        (Some(Unit::BYTES), MetricType::GaugeHistogram)
    );
    assert_eq!(descriptors[11].help(), "Imports. How long those that are running have been, together.");
    assert_eq!(descriptors[11].unit(), Some(Unit::SECONDS));
    let other = registry.family::<MaxGauge>("job_batch_max", "The largest batch.").with_labels(&[]);
    let other = other.register().unwrap_err();
    assert!(matches!(other, RegisterError::Conflict { what: "window", .. }), "{other}");
}

#[test]
fn a_name_may_start_with_a_digit_after_a_prefix() {
    #[derive(Metrics)]
    #[metrics(prefix = "http", crate = "nilometer_core")]
    struct Responses {
        /// Errors.
        #[metric(name = "5xx_total")]
        errors: Counter,
    }
    assert_eq!(names::<Responses>(), ["http_5xx_total"]);
    Responses::register(&MetricsRegistry::new()).unwrap().errors.inc();
}

#[test]
fn bounds_are_any_constant_expression() {
    const BOUNDS: &[f64] = &[0.5, 1.0];
    #[derive(Metrics)]
    #[metrics(crate = "nilometer_core")]
    struct Sizes {
        /// A literal.
        #[metric(buckets = [1.0, 2.0])]
        literal: Histogram,
        /// A constant slice.
        #[metric(buckets = BOUNDS)]
        slice: HistogramFamily,
        /// A reference.
        #[metric(buckets = &buckets::SIZE_BYTES)]
        reference: Option<Histogram>,
        /// A call.
        #[metric(buckets = buckets::exponential::<3>(1.0, 10.0))]
        call: Family<(), Histogram>,
    }
    let sizes = Sizes::register(&MetricsRegistry::new()).unwrap();
    assert_eq!(sizes.literal.bucket_bounds(), [1.0, 2.0]);
    assert_eq!(sizes.slice.default().bucket_bounds(), BOUNDS);
    assert_eq!(sizes.reference.unwrap().bucket_bounds(), buckets::SIZE_BYTES);
    assert_eq!(sizes.call.get_or_create(&()).bucket_bounds(), [1.0, 10.0, 100.0]);
}

#[derive(Debug, Clone, Copy, PartialEq, LabelValue)]
#[label(crate = "nilometer_core", rename_all = "SCREAMING_SNAKE_CASE")]
enum Method {
    Get,
    PostAll = 7,
    #[label(rename = "other")]
    Unknown,
    r#Put,
}

#[derive(Debug, Clone, TypedLabels)]
#[label(crate = "nilometer_core")]
struct Request<'a, T>
where
    T: Copy,
{
    route: Cow<'a, str>,
    method: Method,
    #[label(name = "code")]
    status: T,
    r#async: Option<bool>,
}

#[test]
fn typed_labels_are_pairs_sorted_by_name() {
    assert_eq!(Request::<u16>::NAMES, ["async", "code", "method", "route"]);
    let request =
        Request { route: "/".into(), method: Method::PostAll, status: 200_u16, r#async: Some(true) };
    let expected = [("async", "true"), ("code", "200"), ("method", "POST_ALL"), ("route", "/")];
    request.with_pairs(|pairs| assert_eq!(pairs, expected));
}

#[test]
fn a_lookup_by_typed_labels_may_borrow() {
    #[derive(Metrics)]
    #[metrics(crate = "nilometer_core")]
    struct Typed {
        /// Requests.
        requests_total: Family<Request<'static, u16>, Counter>,
    }
    assert_eq!(Typed::descriptors()[0].label_names().map(<[_]>::len), Some(4));
    let registry = MetricsRegistry::new();
    let typed = Typed::register(&registry).unwrap();
    let route = String::from("/cart");
    for _ in 0..2 {
        let labels = Request { route: (&route).into(), method: Method::Get, status: 404, r#async: None };
        typed.requests_total.get_or_create(&labels).inc();
    }
    let expected = r#"requests_total {"code": "404", "method": "GET", "route": "/cart"} 2"#;
    assert_eq!(lines(&registry), [expected]);
}

#[test]
fn a_struct_without_fields_is_no_labels() {
    #[derive(TypedLabels)]
    #[label(crate = "nilometer_core")]
    struct Nothing;
    #[derive(TypedLabels)]
    #[label(crate = "nilometer_core")]
    struct Empty {}
    assert!(Nothing::NAMES.is_empty());
    Nothing.with_pairs(|pairs| assert!(pairs.is_empty()));
    Empty {}.with_pairs(|pairs| assert!(pairs.is_empty()));
    assert_eq!((Nothing::CARDINALITY, Nothing.closed_index()), (Some(1), Some(0)));
    assert_eq!((Empty::CARDINALITY, Empty {}.closed_index()), (Some(1), Some(0)));
}

#[test]
fn an_enum_knows_its_values_and_their_indexes() {
    assert_eq!(Method::VALUES, ["GET", "POST_ALL", "other", "PUT"]);
    for (index, method) in
        [Method::Get, Method::PostAll, Method::Unknown, Method::Put].into_iter().enumerate()
    {
        assert_eq!(method.index(), index);
        assert_eq!(method.as_value(&mut ValueBuffer::new()), Method::VALUES[index]);
    }
}

/// All of its values are known.
#[derive(Debug, Clone, Copy, TypedLabels)]
#[label(crate = "nilometer_core")]
struct Known<'a> {
    #[label(name = "z_first")]
    method: &'a Method,
    cached: bool,
    other: Method,
}

/// Every value of [`Known`].
fn all_known() -> impl Iterator<Item = Known<'static>> {
    const METHODS: [Method; 4] = [Method::Get, Method::PostAll, Method::Unknown, Method::Put];
    let others = METHODS.iter().flat_map(|other| METHODS.iter().map(move |method| (*other, method)));
    others.flat_map(|(other, method)| [false, true].map(|cached| Known { method, cached, other }))
}

#[test]
fn labels_of_which_all_values_are_known_have_an_index_each() {
    assert_eq!(Known::CARDINALITY, Some(32));
    let mut indexes: Vec<_> = all_known().map(|known| known.closed_index().unwrap()).collect();
    indexes.sort_unstable();
    assert!(indexes.into_iter().eq(0..32));
}

#[test]
fn all_series_of_labels_whose_values_are_known_can_be_there_from_the_beginning() {
    #[derive(Metrics)]
    #[metrics(crate = "nilometer_core")]
    struct Cache {
        /// Lookups.
        #[metric(init)]
        lookups: Family<Known<'static>, Counter>,
        /// Evictions.
        #[metric(init)]
        evictions_total: Option<Family<(), Counter>>,
        /// Writes.
        writes_total: Family<Known<'static>, Counter>,
    }

    let cache = Cache::register(&MetricsRegistry::new()).unwrap();
    assert_eq!((cache.lookups.len(), cache.writes_total.len()), (32, 0));
    assert_eq!(cache.evictions_total.unwrap().len(), 1);
    assert!(all_known().all(|known| cache.lookups.get(&known).is_some_and(|counter| counter.get() == 0)));
    cache.writes_total.init_all().unwrap();
    assert_eq!(cache.writes_total.len(), 32);
    let config = RegistryConfig::new().with_series_limit(31);
    let registry = MetricsRegistry::with_config(config);
    assert!(Cache::register(&registry).is_err());
    assert!(lines(&registry).is_empty());
}

#[test]
fn the_series_of_a_field_can_expire() {
    const PERIOD: Duration = Duration::from_secs(5);

    #[derive(Metrics)]
    #[metrics(crate = "nilometer_core")]
    struct Queue {
        /// Jobs that were done.
        #[metric(expire_after = PERIOD)]
        done_total: CounterFamily,
        /// Jobs that failed.
        #[metric(expire_after = 100 * PERIOD)]
        failed_total: Option<Family<Known<'static>, Counter>>,
        /// Jobs that came.
        jobs: CounterFamily,
    }

    let clock = ManualClock::new(SystemTime::UNIX_EPOCH);
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_clock(&clock));
    let queue = Queue::register(&registry).unwrap();
    let failed = queue.failed_total.unwrap();
    queue.done_total.get_or_create(&[]).inc();
    failed.get_or_create(&all_known().next().unwrap()).inc();
    queue.jobs.get_or_create(&[]).inc();
    for _ in 0..4 {
        lines(&registry);
        clock.advance(PERIOD);
    }
    assert_eq!([queue.done_total.len(), failed.len(), queue.jobs.len()], [0, 1, 1]);
}

#[test]
fn labels_with_a_value_that_is_not_known_have_no_index() {
    #[derive(TypedLabels)]
    #[label(crate = "nilometer_core")]
    struct Generic<T> {
        method: Method,
        value: T,
    }
    #[derive(TypedLabels)]
    #[label(crate = "nilometer_core")]
    struct Optional {
        cached: Option<bool>,
    }
    #[derive(TypedLabels)]
    #[label(crate = "nilometer_core")]
    struct Open<'a> {
        method: Method,
        route: &'a str,
    }
    assert_eq!(Request::<u16>::CARDINALITY, None);
    assert_eq!(Optional::CARDINALITY, None);
    assert_eq!(Optional { cached: None }.closed_index(), None);
    assert_eq!(Open::CARDINALITY, None);
    assert_eq!(Open { method: Method::Get, route: "/" }.closed_index(), None);
    // What a parameter stands for is not looked at, unless the struct says that it is closed.
    assert_eq!(Generic::<bool>::CARDINALITY, None);
    assert_eq!(Generic { method: Method::Get, value: true }.closed_index(), None);
}

#[test]
fn a_parameter_that_is_bounded_to_known_values_is_known() {
    #[derive(TypedLabels)]
    #[label(crate = "nilometer_core")]
    struct Bounded<T: ClosedLabelValue> {
        method: Method,
        value: T,
    }
    assert_eq!(Bounded::<bool>::CARDINALITY, Some(8));
    assert_eq!(Bounded::<Method>::CARDINALITY, Some(16));
    assert_eq!(Bounded { method: Method::PostAll, value: true }.closed_index(), Some(3));
}

#[test]
fn an_index_that_a_value_invents_is_none() {
    struct Liar;
    impl nilometer_core::label::LabelValue for Liar {
        fn as_value<'a>(&'a self, _: &'a mut ValueBuffer) -> &'a str {
            "lie"
        }
    }
    impl ClosedLabelValue for Liar {
        const VALUES: &'static [&'static str] = &["truth"];
        fn index(&self) -> usize {
            1
        }
    }
    #[derive(TypedLabels)]
    #[label(crate = "nilometer_core")]
    struct Lies {
        liar: Liar,
    }
    assert_eq!(Lies::CARDINALITY, Some(1));
    assert_eq!(Lies { liar: Liar }.closed_index(), None);
}

#[test]
fn values_are_spelled_in_the_case_that_is_asked_for() {
    macro_rules! spelled {
        ($case:literal) => {{
            #[derive(LabelValue)]
            #[label(crate = "nilometer_core", rename_all = $case)]
            #[allow(dead_code, reason = "its values are what is tested")]
            enum Outcome {
                NotFound,
                TLSError,
            }
            Outcome::VALUES
        }};
    }
    #[derive(LabelValue)]
    #[label(crate = "nilometer_core")]
    #[allow(dead_code, reason = "its values are what is tested")]
    enum Plain {
        NotFound,
        TLSError,
    }
    let table = [
        (Plain::VALUES, ["NotFound", "TLSError"]),
        (spelled!("lowercase"), ["notfound", "tlserror"]),
        (spelled!("UPPERCASE"), ["NOTFOUND", "TLSERROR"]),
        (spelled!("snake_case"), ["not_found", "tls_error"]),
        (spelled!("SCREAMING_SNAKE_CASE"), ["NOT_FOUND", "TLS_ERROR"]),
        (spelled!("kebab-case"), ["not-found", "tls-error"]),
        (spelled!("camelCase"), ["notFound", "tlsError"]),
        (spelled!("PascalCase"), ["NotFound", "TlsError"]),
    ];
    for (values, expected) in table {
        assert_eq!(values, expected);
    }
}

#[test]
fn a_struct_may_have_a_new_of_its_own() {
    #[derive(Metrics)]
    #[metrics(crate = "nilometer_core", new = false)]
    struct Own {
        /// Things.
        things: Counter,
    }
    impl Own {
        fn new(registry: &MetricsRegistry, things: u64) -> nilometer_core::Result<Own> {
            let own = Own::register(registry)?;
            own.things.inc_by(things);
            Ok(own)
        }
    }
    assert_eq!(Own::new(&MetricsRegistry::new(), 5).unwrap().things.get(), 5);
}
