//! Several registries on one page.

mod common;

use std::time::{Duration, SystemTime};

use common::page;
use nilometer_core::collect::{
    CollectError, Collector, Descriptor, EscapingScheme, GaugePoint, LabelSet, MetricType, Point,
    SeriesLabels, Stopped, Visitor,
};
use nilometer_core::{ManualClock, MetricsRegistry, Registries, RegistryConfig};

fn labelled(labels: &[(&str, &str)]) -> MetricsRegistry {
    MetricsRegistry::with_config(RegistryConfig::new().with_constant_labels(labels))
}

/// What was left out, a line each.
fn conflicts(registries: &Registries) -> Vec<String> {
    let line = |conflict: &nilometer_core::MergeConflict| {
        format!("{} {} {}", conflict.family(), conflict.reason(), conflict.count())
    };
    registries.conflicts().iter().map(line).collect()
}

#[test]
fn families_of_one_name_and_identity_stand_under_one_header() {
    let (one, other) = (labelled(&[("tenant", "1")]), labelled(&[("tenant", "2")]));
    for (registry, name) in [(&one, "only_one"), (&other, "a_only_other")] {
        registry.register_gauge(name, "G.").unwrap().default().set(1.0);
        registry.register_counter("jobs_total", "Jobs.").unwrap().get_or_create(&[("kind", "x")]).inc();
        registry.register_gauge_histogram("queued", "Q.", &[1.0]).unwrap().default().add(2.0);
        registry.register_histogram("wait", "Wait.", &[1.0]).unwrap().default().observe(0.5);
    }
    // A registry that stands twice, as a clone or a scope, counts once.
    let both = Registries::new([one.clone(), other.clone(), one.scope("x", &[]), other]);
    let expected = [
        "a_only_other gauge",
        "  {tenant=\"2\"} 1",
        "jobs_total counter",
        "  {kind=\"x\",tenant=\"1\"} 1",
        "  {kind=\"x\",tenant=\"2\"} 1",
        "only_one gauge",
        "  {tenant=\"1\"} 1",
        "queued gaugehistogram",
        "  {tenant=\"1\"} 2 in [0, 1]",
        "  {tenant=\"2\"} 2 in [0, 1]",
        "wait histogram",
        "  {tenant=\"1\"} 0.5 in [1, 0]",
        "  {tenant=\"2\"} 0.5 in [1, 0]",
    ];
    assert_eq!(page(&both), expected);
    assert!(conflicts(&both).is_empty());
    assert!(page(&Registries::new([])).is_empty());
    assert_eq!(page(&Registries::new([one.clone()])), page(&one));
}

#[test]
fn a_family_whose_name_an_earlier_registry_has_for_something_else_is_left_out_and_counted() {
    let registries = [(); 4].map(|()| MetricsRegistry::new());
    let [first, second, third, fourth] = &registries;
    first.register_counter("jobs_total", "Jobs.").unwrap().default().inc();
    first.register_histogram("wait", "Wait.", &[1.0]).unwrap();
    second.register_counter("jobs_total", "Other jobs.").unwrap().default().inc();
    second.register_gauge("wait_count", "Taken by the histogram.").unwrap();
    second.register_histogram("size", "Size.", &[1.0]).unwrap();
    third.register_gauge("jobs", "OpenMetrics has the counter under this name.").unwrap();
    third.register_histogram("wait", "Wait.", &[2.0]).unwrap();
    third.register_histogram("size", "Size.", &[1.0]).unwrap().get_or_create(&[("a", "1")]).observe(3.0);
    fourth.register_gauge("size_sum", "Taken by what the second has.").unwrap();
    let all = Registries::new(registries.clone());
    for scrape in 1..=2 {
        let mut expected: Vec<String> =
            ["jobs_total counter", "  {} 1", "size histogram", "  {a=\"1\"} 3 in [0, 1]", "wait histogram"]
                .map(str::to_owned)
                .into();
        expected.push("nilometer_merge_conflicts_total counter".to_owned());
        let left_out = [
            ("jobs", "name_taken"),
            ("jobs_total", "identity"),
            ("size_sum", "name_taken"),
            ("wait", "identity"),
            ("wait_count", "name_taken"),
        ];
        let lines =
            left_out.map(|(family, reason)| format!("  {{family={family:?},reason={reason:?}}} {scrape}"));
        expected.extend(lines);
        assert_eq!(page(&all), expected);
        let counted = left_out.map(|(family, reason)| format!("{family} {reason} {scrape}"));
        assert_eq!(conflicts(&all), counted);
    }
}

#[test]
fn a_series_that_an_earlier_registry_has_is_left_out_and_counted() {
    let (one, other) = (labelled(&[("zone", "a")]), MetricsRegistry::new());
    let of_one = one.register_gauge("load", "Load.").unwrap();
    of_one.default().set(1.0);
    of_one.get_or_create(&[("cpu", "0")]).set(2.0);
    let of_other = other.register_gauge("load", "Load.").unwrap();
    // Labels are compared as they stand on the page, wherever they come from.
    of_other.get_or_create(&[("zone", "a")]).set(3.0);
    of_other.get_or_create(&[("cpu", "0"), ("zone", "a")]).set(4.0);
    of_other.get_or_create(&[("cpu", "0"), ("zone", "b")]).set(5.0);
    let both = Registries::new([one, other]);
    let expected = [
        "load gauge",
        "  {zone=\"a\"} 1",
        "  {cpu=\"0\",zone=\"a\"} 2",
        "  {cpu=\"0\",zone=\"b\"} 5",
        "nilometer_merge_conflicts_total counter",
        "  {family=\"load\",reason=\"duplicate_series\"} 2",
    ];
    assert_eq!(page(&both), expected);
}

#[test]
fn what_cannot_be_compared_within_the_bound_is_left_out_and_counted() {
    let registries = [(); 3].map(|()| MetricsRegistry::new());
    for (at, registry) in registries.iter().enumerate() {
        let family = registry.register_gauge("load", "Load.").unwrap();
        for cpu in 0..2 {
            family.get_or_create(&[("cpu", &format!("{at}{cpu}"))]).inc();
        }
    }
    let all = |bound| Registries::new(registries.clone()).with_series_bound(bound);
    let series =
        |registries: &Registries| page(registries).iter().filter(|line| line.contains("cpu")).count();
    let table: [(usize, usize, &[&str]); 4] = [
        (4, 6, &[]),
        (3, 4, &["load too_many_series 2"]),
        (2, 4, &["load too_many_series 2"]),
        (1, 2, &["load too_many_series 4"]),
    ];
    for (bound, shown, left_out) in table {
        let registries = all(bound);
        assert_eq!((bound, series(&registries)), (bound, shown));
        assert_eq!(conflicts(&registries), left_out);
    }
    // Where a constant label tells registries apart, there is nothing to compare.
    let tenants = ["1", "2", "3"].map(|tenant| labelled(&[("tenant", tenant)]));
    for registry in &tenants {
        registry.register_gauge("load", "Load.").unwrap().get_or_create(&[("cpu", "0")]).inc();
    }
    let apart = Registries::new(tenants).with_series_bound(0);
    assert_eq!((series(&apart), conflicts(&apart).len()), (3, 0));
}

/// A collector of one family.
struct Source(&'static str, &'static str, &'static [(&'static str, &'static str)]);

impl Collector for Source {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        visitor.family(&Descriptor::try_new(self.0, self.1, MetricType::Gauge)?)?;
        visitor.point(SeriesLabels::of(&LabelSet::from_pairs(self.2)), GaugePoint::new(1.0).into())?;
        Ok(())
    }
}

#[test]
fn foreign_collectors_of_several_registries_are_merged_and_checked() {
    let (one, other) = (labelled(&[("tenant", "1")]), MetricsRegistry::new());
    other.register_gauge("own", "Own.").unwrap().default().set(2.0);
    one.register_collector("own", Source("own", "Own.", &[])).unwrap();
    one.register_collector("pool", Source("pool", "Pool.", &[])).unwrap();
    other.register_collector("pool", Source("pool", "Pool.", &[("tenant", "2")])).unwrap();
    other.register_collector("again", Source("pool", "Pool.", &[("tenant", "3")])).unwrap();
    let third = MetricsRegistry::new();
    third.register_collector("same", Source("pool", "Pool.", &[("tenant", "2")])).unwrap();
    third.register_collector("help", Source("pool", "Another.", &[("tenant", "4")])).unwrap();
    let expected = [
        "own gauge",
        "  {} 2",
        "pool gauge",
        "  {tenant=\"1\"} 1",
        "  {tenant=\"2\"} 1",
        "nilometer_collector_failures_total counter",
        "  {collector=\"own\",reason=\"name_taken\",tenant=\"1\"} 1",
        "  {collector=\"again\",reason=\"name_taken\"} 1",
        "  {collector=\"same\",reason=\"duplicate_series\"} 1",
        "  {collector=\"help\",reason=\"name_taken\"} 1",
    ];
    assert_eq!(page(&Registries::new([one, other, third])), expected);
}

#[test]
fn what_registries_tell_about_themselves_is_one_family_with_equal_series_added_up() {
    let config = || RegistryConfig::new().with_series_limit(0);
    let tenant = config().with_constant_labels(&[("tenant", "1")]);
    let silent = config().with_self_metrics(false);
    let registries = [config(), config(), tenant, silent].map(MetricsRegistry::with_config);
    for (at, registry) in registries.iter().enumerate() {
        // Each has one of its own, and the first two one of the same name.
        for name in ["shared", &format!("own_{at}")] {
            if at < 2 || name != "shared" {
                let _ = registry.register_gauge(name, "G.").unwrap().default();
            }
        }
    }
    let page = page(&Registries::new(registries));
    let at = page.iter().position(|line| line == "nilometer_overflow_total counter").unwrap();
    let expected = [
        "  {family=\"own_0\",reason=\"series_limit\"} 1",
        "  {family=\"shared\",reason=\"series_limit\"} 2",
        "  {family=\"own_1\",reason=\"series_limit\"} 1",
        "  {family=\"own_2\",reason=\"series_limit\",tenant=\"1\"} 1",
    ];
    assert_eq!(page[at + 1..], expected);
}

#[test]
fn registries_that_come_to_collect_themselves_are_not_asked_again() {
    let registry = MetricsRegistry::new();
    registry.register_gauge("g", "G.").unwrap().default().inc();
    let both = Registries::new([registry.clone(), MetricsRegistry::new()]);
    registry.register_collector("itself", both.clone()).unwrap();
    let page = page(&both);
    assert_eq!(page[..2], ["g gauge", "  {} 1"]);
    assert!(page.iter().any(|line| line.contains("reason=\"cycle\"")), "{page:?}");
}

#[test]
fn series_that_are_one_only_where_names_are_escaped_are_left_out_and_counted() {
    let utf8 = || MetricsRegistry::with_config(RegistryConfig::new().with_utf8_names(true));
    let registries = [MetricsRegistry::new(), utf8(), utf8()];
    for (at, (registry, name)) in registries.iter().zip(["cpu_id", "cpu.id", "cpu id"]).enumerate() {
        let load = registry.register_gauge("load", "Load.").unwrap();
        load.get_or_create(&[(name, "0")]).set(0.5);
        // By `underscores`, this is no other series.
        load.get_or_create(&[(name, &format!("of {at}"))]).set(1.0);
        load.get_or_create(&[("zone", &format!("of {at}"))]).set(2.0);
    }
    let all = Registries::new(registries);
    let expected = [
        "load gauge",
        "  {cpu_id=\"0\"} 0.5",
        "  {cpu_id=\"of 0\"} 1",
        "  {zone=\"of 0\"} 2",
        "  {cpu.id=\"of 1\"} 1",
        "  {zone=\"of 1\"} 2",
        "  {cpu id=\"of 2\"} 1",
        "  {zone=\"of 2\"} 2",
        "nilometer_merge_conflicts_total counter",
        "  {family=\"load\",reason=\"label_names\"} 2",
    ];
    assert_eq!(page(&all), expected);
}

/// The names of families by the scheme that clients who know no other get.
struct Escaped(Vec<String>);

impl Visitor for Escaped {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        self.0.push(descriptor.escaped_name(EscapingScheme::Underscores).into_owned());
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, _: Point<'_>) -> Result<(), Stopped> {
        Ok(())
    }
}

#[test]
fn a_family_whose_escaped_name_an_earlier_registry_has_is_escaped_by_values_and_counted() {
    let utf8 = || MetricsRegistry::with_config(RegistryConfig::new().with_utf8_names(true));
    let (one, other, third, fourth) = (MetricsRegistry::new(), utf8(), utf8(), utf8());
    one.register_gauge("pool_size", "Size.").unwrap().default().set(1.0);
    other.register_gauge("pool.size", "Size.").unwrap().default().set(2.0);
    third.register_gauge("pool.size", "Size.").unwrap().get_or_create(&[("a", "1")]).set(3.0);
    fourth.register_gauge("pool size", "Size.").unwrap().default().set(4.0);
    third.register_collector("pool", Source("pool_size", "Size.", &[])).unwrap();
    let all = Registries::new([one, other, third, fourth]);
    let mut escaped = Escaped(Vec::new());
    all.collect(&mut escaped).unwrap();
    let names = [
        "U__pool_20_size",
        "U__pool_2e_size",
        "pool_size",
        "nilometer_collector_failures_total",
        "nilometer_merge_conflicts_total",
    ];
    assert_eq!(escaped.0, names);
    let expected = ["pool size gauge", "  {} 4", "pool.size gauge", "  {} 2", "  {a=\"1\"} 3"];
    assert_eq!(page(&all)[..5], expected);
    assert_eq!(conflicts(&all), ["pool size escaped_name_taken 2", "pool.size escaped_name_taken 2"]);
}

/// What series have beside their values: when they began, and whose exemplar.
struct Beginnings(Vec<(Option<SystemTime>, Option<String>)>);

impl Visitor for Beginnings {
    fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        let Point::Counter(point) = point else { return Ok(()) };
        let exemplar = point.exemplar().map(|exemplar| exemplar.labels().as_prometheus().to_owned());
        self.0.push((point.created(), exemplar));
        Ok(())
    }
}

#[test]
fn series_keep_their_beginnings_and_their_exemplars() {
    let begin = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
    let registries = [0, 5].map(|seconds| {
        let clock = ManualClock::new(begin + Duration::from_secs(seconds));
        MetricsRegistry::with_config(RegistryConfig::new().with_clock(&clock))
    });
    for (at, registry) in registries.iter().enumerate() {
        let name = format!("{at}");
        let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap();
        jobs.get_or_create(&[("of", &name)]).inc_with_exemplar(&[("trace_id", &name)]);
    }
    let mut seen = Beginnings(Vec::new());
    Registries::new(registries).collect(&mut seen).unwrap();
    let expected = [(0, "0"), (5, "1")].map(|(seconds, trace)| {
        (Some(begin + Duration::from_secs(seconds)), Some(format!("{{trace_id=\"{trace}\"}}")))
    });
    assert_eq!(seen.0, expected);
}
