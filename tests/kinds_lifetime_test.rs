//! What the kinds that few programs need have like all others: created timestamps, expiry, series that are there from the
//! beginning, families that are disabled, UTF-8 names, and names that no other family can have.

use std::time::{Duration, SystemTime};

use nilometer_core::label::LabelError;
use nilometer_core::{
    CallbackGuard, Family, FloatCounter, GaugeHistogram, HistogramReading, Info, IntGauge, LongTaskTimer,
    ManualClock, MaxGauge, Metric, MetricsRegistry, MinGauge, RegisterError, RegistryConfig, SeriesError,
    StateSet, Summary, SummaryConfig,
};
use nilometer_macros::{LabelValue, Metrics, TypedLabels};
use nilometer_prometheus::PrometheusRenderer;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, LabelValue)]
#[label(crate = "nilometer_core", rename_all = "snake_case")]
enum Phase {
    Starting,
    Running,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, TypedLabels)]
#[label(crate = "nilometer_core")]
struct Closed {
    phase: Phase,
}

/// The lines of samples.
fn lines(registry: &MetricsRegistry) -> Vec<String> {
    let page = PrometheusRenderer::render_all(registry);
    page.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

fn clocked(configure: impl FnOnce(RegistryConfig) -> RegistryConfig) -> (ManualClock, MetricsRegistry) {
    let clock = ManualClock::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    let config = configure(RegistryConfig::new().with_clock(&clock));
    (clock, MetricsRegistry::with_config(config))
}

#[test]
fn every_kind_that_is_recorded_expires_by_its_values_and_an_info_and_a_timer_of_tasks_do_not() {
    const PERIOD: Duration = Duration::from_mins(1);
    let (clock, registry) = clocked(|config| config.with_expire_after(PERIOD));
    let totals = registry.register_float_counter("a_total", "A.").unwrap();
    let gauges = registry.register_int_gauge("b", "B.").unwrap();
    // Their windows are long, so that it is the value that changes and not the time that it is shown.
    let window = Duration::from_hours(1);
    let max = registry.family::<MaxGauge>("c_max", "C.").with_window(window).register().unwrap();
    let min = registry.family::<MinGauge>("d_min", "D.").with_window(window).register().unwrap();
    let states = registry.register_state_set::<Phase>("e", "E.").unwrap();
    let present = registry.register_gauge_histogram("e_present", "E.", &[1.0]).unwrap();
    let config = SummaryConfig::new().with_quantiles(&[0.0]).with_max_age(window);
    let summaries = registry.family::<Summary>("h", "H.").with_summary(config).register().unwrap();
    drop(registry.register_info("f_info", "F.", &[("version", "1")]).unwrap());
    drop(registry.register_long_task_timer("g", "G.", &[]).unwrap());
    for step in 0..12_i32 {
        let labels = [("v", if step == 0 { "idle" } else { "busy" })];
        totals.with(&labels, |total| total.inc_by(0.5));
        gauges.with(&labels, |gauge| gauge.set(i64::from(step)));
        max.with(&labels, |gauge| gauge.observe(f64::from(step)));
        min.with(&labels, |gauge| gauge.observe(-f64::from(step)));
        summaries.with(&labels, |summary| summary.observe(0.0));
        states
            .with(&labels, |states| states.set(if step % 2 == 0 { Phase::Starting } else { Phase::Running }));
        present.with(&labels, |present| present.add(2.0));
        lines(&registry);
        clock.advance(PERIOD / 3);
    }
    assert_eq!(
        lines(&registry),
        [
            "a_total{v=\"busy\"} 5.5",
            "b{v=\"busy\"} 11",
            "c_max{v=\"busy\"} 11",
            "d_min{v=\"busy\"} -11",
            "e{v=\"busy\",e=\"starting\"} 0",
            "e{v=\"busy\",e=\"running\"} 1",
            "e_present_bucket{v=\"busy\",le=\"1.0\"} 0",
            "e_present_bucket{v=\"busy\",le=\"+Inf\"} 11",
            "e_present_sum{v=\"busy\"} 22",
            "e_present_count{v=\"busy\"} 11",
            "f_info{version=\"1\"} 1",
            "g_active 0",
            "g_active_seconds 0",
            "g_oldest_seconds 0",
            "h{v=\"busy\",quantile=\"0.0\"} 0",
            "h_sum{v=\"busy\"} 0",
            "h_count{v=\"busy\"} 11",
        ]
    );
}

#[test]
fn a_gauge_that_has_nothing_to_show_expires_as_well() {
    let (clock, registry) = clocked(|config| config.with_expire_after(Duration::from_mins(10)));
    let family = registry.register_max_gauge("a_max", "A.").unwrap();
    family.with(&[("v", "1")], |gauge| gauge.observe(1.0));
    for minute in 0..20 {
        let shown = lines(&registry);
        assert_eq!(shown.is_empty(), minute >= 2, "{minute}: {shown:?}");
        clock.advance(Duration::from_mins(1));
    }
    assert!(family.is_empty());
}

#[test]
fn a_callback_s_series_stays_as_long_as_its_guard_and_longer_where_that_keeps_it() {
    let (clock, registry) = clocked(|config| config.with_expire_after(Duration::from_mins(1)));
    let guard = registry.register_gauge_callback("a", "A.", &[], || 1.0).unwrap();
    registry.register_counter_callback("b_total", "B.", &[], || 2).unwrap().keep();
    for _ in 0..10 {
        assert_eq!(lines(&registry), ["a 1", "b_total 2"]);
        clock.advance(Duration::from_mins(1));
    }
    drop(guard);
    assert_eq!(lines(&registry), ["b_total 2"]);
}

#[test]
fn series_of_closed_labels_are_there_from_the_beginning_in_families_of_every_kind() {
    fn init<M: Metric>(registry: &MetricsRegistry, name: &str) -> Family<Closed, M> {
        registry.family::<M>(name, "H.").typed::<Closed>().with_init_all().register().unwrap()
    }
    let registry = MetricsRegistry::new();
    init::<FloatCounter>(&registry, "a_total");
    init::<IntGauge>(&registry, "b");
    let max = init::<MaxGauge>(&registry, "c_max");
    assert_eq!((max.len(), init::<MinGauge>(&registry, "d_min").len()), (2, 2));
    init::<StateSet<bool>>(&registry, "e");
    init::<Info>(&registry, "f_info");
    init::<Summary>(&registry, "h");
    assert_eq!(
        lines(&registry),
        [
            "a_total{phase=\"starting\"} 0",
            "a_total{phase=\"running\"} 0",
            "b{phase=\"starting\"} 0",
            "b{phase=\"running\"} 0",
            "e{phase=\"starting\",e=\"false\"} 0",
            "e{phase=\"starting\",e=\"true\"} 0",
            "e{phase=\"running\",e=\"false\"} 0",
            "e{phase=\"running\",e=\"true\"} 0",
            "f_info{phase=\"starting\"} 1",
            "f_info{phase=\"running\"} 1",
            "h{phase=\"starting\",quantile=\"0.5\"} NaN",
            "h{phase=\"starting\",quantile=\"0.9\"} NaN",
            "h{phase=\"starting\",quantile=\"0.99\"} NaN",
            "h_sum{phase=\"starting\"} 0",
            "h_count{phase=\"starting\"} 0",
            "h{phase=\"running\",quantile=\"0.5\"} NaN",
            "h{phase=\"running\",quantile=\"0.9\"} NaN",
            "h{phase=\"running\",quantile=\"0.99\"} NaN",
            "h_sum{phase=\"running\"} 0",
            "h_count{phase=\"running\"} 0",
        ],
        "gauges of windows have nothing to show yet"
    );
}

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Job {
    /// Time.
    #[metric(name = "busy_seconds_total")]
    busy: Option<FloatCounter>,
    /// The offset.
    offset: Option<IntGauge>,
    /// The longest batch.
    batch_max: Option<MaxGauge>,
    /// What is queued.
    #[metric(buckets = [1.0])]
    queued: Option<GaugeHistogram>,
    /// What is done.
    phase: Option<StateSet<Phase>>,
    /// The steps.
    #[metric(init)]
    steps: Option<Family<Closed, IntGauge>>,
    /// What is running.
    build_info: Option<Info>,
    /// Imports.
    imports: Option<LongTaskTimer>,
}

#[test]
fn every_kind_can_be_a_field_that_is_disabled() {
    let all = ["busy_seconds_total", "offset", "batch_max", "queued", "phase", "steps", "build_info"];
    let parts = ["imports_active", "imports_active_seconds", "imports_oldest_seconds"];
    let config = RegistryConfig::new().with_disabled(all.into_iter().chain(parts));
    let registry = MetricsRegistry::with_config(config);
    let job = Job::register(&registry).unwrap();
    assert!(job.busy.is_none() && job.offset.is_none() && job.batch_max.is_none() && job.phase.is_none());
    assert!(job.steps.is_none() && job.build_info.is_none() && job.imports.is_none());
    assert!(job.queued.is_none());
    assert_eq!(lines(&registry), [""; 0]);

    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_disabled(parts[1..].to_vec()));
    let job = Job::register(&registry).unwrap();
    let _import = job.imports.unwrap().start();
    job.busy.unwrap().inc_by(0.5);
    let expected = [
        "build_info 1",
        "busy_seconds_total 0.5",
        "imports_active 1",
        "offset 0",
        "phase{phase=\"starting\"} 0",
        "phase{phase=\"running\"} 0",
        "queued_bucket{le=\"1.0\"} 0",
        "queued_bucket{le=\"+Inf\"} 0",
        "queued_sum 0",
        "queued_count 0",
        "steps{phase=\"starting\"} 0",
        "steps{phase=\"running\"} 0",
    ];
    assert_eq!(lines(&registry), expected, "one gauge of a timer is served, the others are not");
}

#[test]
fn what_is_removed_and_comes_back_starts_anew() {
    let registry = MetricsRegistry::new();
    let totals = registry.register_float_counter("a_total", "A.").unwrap();
    let states = registry.register_state_set::<Phase>("b", "B.").unwrap();
    let (total, state) = (totals.default(), states.default());
    total.inc_by(2.5);
    state.set(Phase::Running);
    assert!(totals.remove(&[]) && states.remove(&[]));
    total.inc();
    assert_eq!(totals.default().get().to_bits(), 0);
    assert!(!states.default().is_enabled(Phase::Running));
    assert!(lines(&registry).contains(&"nilometer_detached_series_total{family=\"a_total\"} 1".to_owned()));
}

/// What a registration of any kind takes beside its own name, in any format.
#[test]
fn names_that_collide_after_a_suffix_are_refused_whichever_kind_comes_first() {
    type Register = fn(&MetricsRegistry) -> Result<(), RegisterError>;
    let cases: [(&str, Register, Register); 9] = [
        (
            "a float counter takes its name without `_total`",
            |registry| registry.register_float_counter("a_total", "A.").map(drop),
            |registry| registry.register_int_gauge("a", "A.").map(drop),
        ),
        (
            "and its created line",
            |registry| registry.register_float_counter("a_total", "A.").map(drop),
            |registry| registry.register_max_gauge("a_created", "A.").map(drop),
        ),
        (
            "a histogram's callback takes its buckets",
            |registry| {
                registry
                    .register_histogram_callback("a", "A.", &[], &[1.0], || {
                        HistogramReading::new([0, 0], 0.0)
                    })
                    .map(CallbackGuard::keep)
            },
            |registry| registry.register_float_counter("a_bucket", "A.").map(drop),
        ),
        (
            "a gauge histogram takes its sum, as OpenMetrics has it",
            |registry| registry.register_gauge_histogram("a", "A.", &[1.0]).map(drop),
            |registry| registry.register_gauge("a_gsum", "A.").map(drop),
        ),
        (
            "a counter's callback takes its name without `_total`",
            |registry| {
                registry.register_counter_callback("a_total", "A.", &[], || 0).map(CallbackGuard::keep)
            },
            |registry| registry.register_state_set::<Phase>("a", "A.").map(drop),
        ),
        (
            "an info takes its name without `_info`",
            |registry| registry.register_info("a_info", "A.", &[]).map(drop),
            |registry| registry.register_min_gauge("a", "A.").map(drop),
        ),
        (
            "an info without the suffix takes the one with it",
            |registry| registry.register_info("a", "A.", &[]).map(drop),
            |registry| registry.register_int_gauge("a_info", "A.").map(drop),
        ),
        (
            "a summary takes its count",
            |registry| registry.register_summary("a", "A.").map(drop),
            |registry| registry.register_int_gauge("a_count", "A.").map(drop),
        ),
        (
            "a float counter without `_total` takes the one with it",
            |registry| registry.register_float_counter("a", "A.").map(drop),
            |registry| {
                registry.register_gauge_callback("a_total", "A.", &[], || 0.0).map(CallbackGuard::keep)
            },
        ),
    ];
    for (what, one, other) in cases {
        for (first, second) in [(one, other), (other, one)] {
            let registry = MetricsRegistry::new();
            first(&registry).unwrap();
            let before = lines(&registry);
            let error = second(&registry).unwrap_err();
            assert!(matches!(error, RegisterError::Collision { .. }), "{what}: {error}");
            assert_eq!(lines(&registry), before, "{what}");
        }
    }
}

#[test]
fn a_timer_of_tasks_is_refused_whole_where_one_of_its_names_is_taken() {
    let registry = MetricsRegistry::new();
    registry.register_counter("imports_oldest_seconds_total", "I.").unwrap();
    let error = registry.register_long_task_timer("imports", "I.", &[]).unwrap_err();
    assert!(
        matches!(&error, RegisterError::Collision { owner, .. } if owner == "imports_oldest_seconds_total")
    );
    registry.register_int_gauge("imports_active", "Free again.").unwrap();
}

#[test]
fn a_state_set_s_label_is_nobody_else_s_in_any_escaping() {
    let utf8 = || RegistryConfig::new().with_utf8_names(true);
    let registry = MetricsRegistry::with_config(utf8());
    for (name, label) in [("boot.phase", "boot_phase"), ("boot_phase", "boot.phase"), ("s.t", "s.t")] {
        let registry = MetricsRegistry::with_config(utf8());
        let family = registry.register_state_set::<Phase>(name, "P.").unwrap();
        let error = family.try_get_or_create(&[(label, "x")]).unwrap_err();
        let SeriesError::Labels { source, .. } = error else { unreachable!("{error}") };
        assert!(
            matches!(source, LabelError::Collision { .. } | LabelError::DuplicateName { .. }),
            "{source}"
        );
        let declared = MetricsRegistry::with_config(utf8());
        let error =
            declared.family::<StateSet<Phase>>(name, "P.").with_labels(&[label]).register().unwrap_err();
        assert!(matches!(error, RegisterError::Labels { .. }), "{error}");
        let constant = MetricsRegistry::with_config(utf8().with_constant_labels(&[(label, "x")]));
        let error = constant.register_state_set::<Phase>(name, "P.").unwrap_err();
        assert!(matches!(error, RegisterError::Labels { .. }), "{error}");
    }
    let error = registry.register_state_set::<Phase>("shop:phase", "A colon.").unwrap_err();
    assert!(matches!(error, RegisterError::Labels { .. }), "{error}");
    let error = registry.register_state_set::<Phase>("le", "Another label.").unwrap_err();
    assert!(matches!(error, RegisterError::Labels { .. }), "{error}");
}
