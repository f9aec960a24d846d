//! The linter of `nilometer::test_util`, and what it says of nilometer's own metrics.

use nilometer::application::{ProcessorMetrics, StateMetrics, WindowMetrics};
use nilometer::collect::MetricType::{
    self, Counter, Gauge, GaugeHistogram, Histogram, Info, Summary, UpDownCounter,
};
use nilometer::collect::{
    CollectError, Collector, CounterPoint, GaugePoint, Number, Point, SeriesLabels, Stopped, Visitor,
};
use nilometer::test_util::{Problem, Rule, Snapshot, lint, lint_descriptors, parse_page};
use nilometer::{Descriptor, LabelSet, MetricsRegistry, Registries, RegistryConfig, StaticCounter, global};

/// A collector that is a closure.
struct Source<F>(F);

impl<F: Fn(&mut dyn Visitor) -> Result<(), CollectError> + Send + Sync> Collector for Source<F> {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        self.0(visitor)
    }
}

/// The names of families.
struct Names(Vec<String>);
impl Visitor for Names {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        self.0.push(descriptor.name().to_owned());
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, _: Point<'_>) -> Result<(), Stopped> {
        Ok(())
    }
}

/// What is declared, and what is remarked of it.
type Remarks<'a> = (Vec<Descriptor>, &'a [(Rule, &'a str)]);

#[test]
fn the_linter_has_a_remark_for_each_rule() {
    let name = |name: &str, kind: MetricType| vec![Descriptor::try_new(name, "X.", kind).unwrap()];
    let labels = |label: &str| vec![name("a", Gauge).remove(0).with_label_names(&[label])];
    let table: [Remarks<'_>; 27] = [
        (name("a_total", Counter), &[]),
        (name("start_timestamp_seconds", Gauge), &[]),
        (name("a_bucket", GaugeHistogram), &[]),
        (name("a_count", Summary), &[]),
        (name("build_info", Info), &[]),
        (name("s_bytes", UpDownCounter), &[]),
        (vec![Descriptor::try_new("a", " ", Gauge).unwrap()], &[(Rule::Help, "a: there is no help")]),
        (name("a", Counter), &[(Rule::Total, "a: a counter's name ends with `_total`")]),
        (name("a_total", Gauge), &[(Rule::Total, "a_total: only a counter's name ends with `_total`")]),
        (
            name("a_minutes_total", Counter),
            &[(Rule::BaseUnit, "a_minutes_total: `minutes` is no base unit, which is `seconds`")],
        ),
        (
            name("milliseconds_waited", Gauge),
            &[(Rule::BaseUnit, "milliseconds_waited: `milliseconds` is no base unit, which is `seconds`")],
        ),
        (
            name("a_kibibits", Gauge),
            &[(Rule::BaseUnit, "a_kibibits: `kibibits` is no base unit, which is `bytes`")],
        ),
        (name("a_Ms_b", Gauge), &[(Rule::UnitAbbreviation, "a_Ms_b: the unit `ms` is abbreviated")]),
        (
            name("a_timestamp_seconds", Summary),
            &[(Rule::Timestamp, "a_timestamp_seconds: only a gauge's name ends with `_timestamp_seconds`")],
        ),
        (
            name("a_bucket", Summary),
            &[(Rule::Reserved, "a_bucket: only a histogram's name ends with `_bucket`")],
        ),
        (
            name("a_count", Gauge),
            &[(Rule::Reserved, "a_count: only a histogram's or a summary's name ends with `_count`")],
        ),
        (
            name("a_sum", Info),
            &[(Rule::Reserved, "a_sum: only a histogram's or a summary's name ends with `_sum`")],
        ),
        (
            name("a_histogram_x", Histogram),
            &[(Rule::TypeInName, "a_histogram_x: the name has the type `histogram` in it")],
        ),
        (name("a_Gauge", Gauge), &[(Rule::TypeInName, "a_Gauge: the name has the type `gauge` in it")]),
        (name("gauge_a", Gauge), &[]),
        (name("a:b", Gauge), &[(Rule::Colon, "a:b: a colon belongs to the names of recording rules")]),
        (name("aB", Gauge), &[(Rule::CamelCase, "aB: the name is not in `snake_case`")]),
        (name("A_X", Gauge), &[]),
        (labels("aB"), &[(Rule::CamelCase, "a: the label `aB` is not in `snake_case`")]),
        (labels("le"), &[(Rule::Reserved, "a: only a histogram has the label `le`")]),
        (labels("quantile"), &[(Rule::Reserved, "a: only a summary has the label `quantile`")]),
        ([name("a", Gauge), name("a", Gauge)].concat(), &[(Rule::Duplicate, "a: the family is there twice")]),
    ];
    for (descriptors, expected) in table {
        let problems = lint_descriptors(&descriptors);
        let said: Vec<(Rule, String)> =
            problems.iter().map(|problem| (problem.rule(), problem.to_string())).collect();
        let expected: Vec<(Rule, String)> =
            expected.iter().map(|&(rule, text)| (rule, text.to_owned())).collect();
        assert_eq!(said, expected);
    }
}

#[test]
fn the_linter_looks_at_series_and_says_each_thing_once() {
    let twice = Source(|visitor: &mut dyn Visitor| {
        visitor.family(&Descriptor::try_new("a", "A.", Gauge)?)?;
        for _ in 0..3 {
            let labels = LabelSet::from_pairs(&[("someLabel", "1")]);
            visitor.point(SeriesLabels::of(&labels), GaugePoint::new(1.0).into())?;
        }
        visitor.point(SeriesLabels::of(&LabelSet::empty()), CounterPoint::new(1_u64).into())?;
        Ok(())
    });
    let said: Vec<String> = lint(&twice).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        ["a: the label `someLabel` is not in `snake_case`", "a: the series {someLabel=\"1\"} is there twice"]
    );
    let page = parse_page("# TYPE a counter\na{le=\"1\"} 1\n").unwrap();
    let rules: Vec<Rule> = lint(&page).unwrap().iter().map(Problem::rule).collect();
    assert_eq!(rules, [Rule::Help, Rule::Total, Rule::Reserved]);
}

#[test]
fn our_own_metric_sets_have_the_one_remark_that_is_known() {
    let sets =
        [ProcessorMetrics::descriptors(), WindowMetrics::descriptors(), StateMetrics::descriptors()].concat();
    let remarks: Vec<String> = lint_descriptors(&sets).iter().map(ToString::to_string).collect();
    // The name is that of the plan.
    assert_eq!(remarks, ["stream_processor_processing_duration_ms: the unit `ms` is abbreviated"]);
}

#[test]
fn what_registries_tell_about_themselves_has_no_remark() {
    static REFUSED: StaticCounter = StaticCounter::new("refused_total", "Refused.");
    let registry =
        MetricsRegistry::with_config(RegistryConfig::new().with_series_limit(1).with_series_metrics(true));
    registry.register_histogram("wait_seconds", "Wait.", &[1.0]).unwrap().default().observe(f64::NAN);
    registry
        .register_collector("bad", Source(|_: &mut dyn Visitor| Err(CollectError::failed("bad"))))
        .unwrap();
    let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap();
    let job = jobs.get_or_create(&[("job", "1")]);
    job.inc_with_exemplar(&[("a", "1"), ("a", "2")]);
    let _over = jobs.get_or_create(&[("job", "2")]);
    jobs.remove(&[("job", "1")]);
    global().register_gauge("refused_total", "Taken.").unwrap();
    REFUSED.global().inc();
    global().unregister("refused_total");
    global().register_gauge("wait_seconds", "Another.").unwrap();
    let _overflow = LabelSet::from_pairs(&[("le", "1")]);
    let all = Registries::new([registry, global().clone()]);

    let mut names = Names(Vec::new());
    all.collect(&mut names).unwrap();
    names.0.retain(|name| name.starts_with("nilometer_"));
    let expected = [
        "nilometer_collector_failures_total",
        "nilometer_detached_series_live",
        "nilometer_detached_series_total",
        "nilometer_exemplars_dropped_total",
        "nilometer_merge_conflicts_total",
        "nilometer_odd_observations_total",
        "nilometer_overflow_total",
        "nilometer_refused_statics_total",
        "nilometer_rejected_label_sets_total",
        "nilometer_series",
        "nilometer_series_limit",
    ];
    assert_eq!(names.0, expected);
    assert_eq!(lint(&all).unwrap(), []);
    assert_eq!(
        Snapshot::of(&all)
            .unwrap()
            .value("nilometer_merge_conflicts_total", &[("family", "wait_seconds"), ("reason", "identity")])
            .map(Number::as_f64),
        Some(3.0)
    );
}
