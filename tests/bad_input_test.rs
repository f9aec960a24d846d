//! Bad input: each has its typed error or its counted, visible effect; nothing that was recorded is lost, and a
//! registration that fails changes nothing.

use nilometer_core::buckets::{BucketError, MAX_BOUNDS};
use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, GaugePoint, LabelSet, MetricType, SeriesLabels,
    Visitor,
};
use nilometer_core::label::{LabelError, LabelLimits};
use nilometer_core::name::NameError;
use nilometer_core::{
    CounterFamily, GaugeFamily, HistogramFamily, MetricsRegistry, RegisterError, RegistryConfig, SeriesError,
};
use nilometer_prometheus::{MetricsServer, PrometheusRenderer, ServerConfig, ServerError};
use nilometer_tests::scrape;

const OVERFLOW: [(&str, &str); 1] = [("nilometer_overflow", "true")];

/// A registry in which something has been recorded already.
#[expect(clippy::unwrap_used, reason = "a helper of tests, outside of what clippy takes for one")]
fn registry() -> MetricsRegistry {
    let registry = MetricsRegistry::new();
    registry.register_counter("kept_total", "Kept.").unwrap().get_or_create(&[("a", "1")]).inc_by(7);
    registry
}

/// How often lookups of `family` went to its overflow series, for `reason`.
fn overflows(registry: &MetricsRegistry, family: &str, reason: &str) -> Option<u64> {
    scrape(registry).count("nilometer_overflow_total", &[("family", family), ("reason", reason)])
}

#[test]
fn an_invalid_metric_name_is_refused_for_every_kind() {
    let names = [
        ("", NameError::Empty),
        ("9a", NameError::Character { index: 0 }),
        ("a-b", NameError::Character { index: 1 }),
        ("a b", NameError::Character { index: 1 }),
        ("a\n", NameError::Character { index: 1 }),
        ("é", NameError::Character { index: 0 }),
    ];
    let registry = registry();
    let before = PrometheusRenderer::render_all(&registry);
    for (bad, reason) in names {
        let errors = [
            registry.register_counter(bad, "Bad.").unwrap_err(),
            registry.register_gauge(bad, "Bad.").unwrap_err(),
            registry.register_histogram(bad, "Bad.", &[1.0]).unwrap_err(),
            registry.register(&CounterFamily::new(bad, "Bad.")).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error, RegisterError::InvalidName { name: bad.to_owned(), source: reason });
        }
    }
    assert_eq!(PrometheusRenderer::render_all(&registry), before);
}

#[test]
fn a_namespace_is_checked_with_the_name() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_namespace("my-app"));
    let error = registry.register_counter("requests_total", "Requests.").unwrap_err();
    let name = "my-app_requests_total".to_owned();
    assert_eq!(error, RegisterError::InvalidName { name, source: NameError::Character { index: 2 } });
}

#[test]
fn one_name_as_two_kinds_is_refused_and_the_first_goes_on_counting() {
    let registry = registry();
    let before = PrometheusRenderer::render_all(&registry);
    let errors = [
        registry.register_gauge("kept_total", "Kept.").map(drop),
        registry.register_histogram("kept_total", "Kept.", &[1.0]).map(drop),
        registry.register(&GaugeFamily::new("kept_total", "Kept.")),
    ];
    for error in errors {
        let error = error.unwrap_err();
        assert!(matches!(error, RegisterError::Conflict { what: "type", .. }), "{error:?}");
        assert!(error.to_string().contains("counter"), "the message names both sides: {error}");
    }
    assert_eq!(PrometheusRenderer::render_all(&registry), before);
    registry.register_counter("kept_total", "Kept.").unwrap().get_or_create(&[("a", "1")]).inc();
    assert_eq!(scrape(&registry).count("kept_total", &[("a", "1")]), Some(8));
}

#[test]
fn other_bounds_or_another_help_for_a_registered_name_are_refused() {
    let registry = registry();
    registry.register_histogram("h", "H.", &[1.0, 2.0]).unwrap().default().observe(1.5);
    let before = PrometheusRenderer::render_all(&registry);
    let bounds = registry.register_histogram("h", "H.", &[1.0]).unwrap_err();
    assert!(matches!(bounds, RegisterError::Conflict { what: "bounds", .. }), "{bounds:?}");
    let help = registry.register_histogram("h", "Other.", &[1.0, 2.0]).unwrap_err();
    assert!(matches!(help, RegisterError::Conflict { what: "help", .. }), "{help:?}");
    assert_eq!(PrometheusRenderer::render_all(&registry), before);
}

#[test]
fn bounds_that_are_none_are_refused_and_named() {
    let many: Vec<f64> = (0..=MAX_BOUNDS).map(|index| f64::from(u16::try_from(index).unwrap())).collect();
    let table: [(&[f64], BucketError); 6] = [
        (&[], BucketError::Empty),
        (&[1.0, 3.0, 2.0], BucketError::NotIncreasing { index: 2, previous: 3.0, value: 2.0 }),
        (&[1.0, 1.0], BucketError::NotIncreasing { index: 1, previous: 1.0, value: 1.0 }),
        (&[1.0, f64::INFINITY], BucketError::NotFinite { index: 1, value: f64::INFINITY }),
        (&[f64::NEG_INFINITY], BucketError::NotFinite { index: 0, value: f64::NEG_INFINITY }),
        (&many, BucketError::TooMany { count: MAX_BOUNDS + 1 }),
    ];
    let registry = registry();
    let before = PrometheusRenderer::render_all(&registry);
    for (bounds, source) in table {
        let expected = RegisterError::Bounds { name: "h".to_owned(), source };
        assert_eq!(registry.register_histogram("h", "H.", bounds).unwrap_err(), expected);
        assert_eq!(registry.register(&HistogramFamily::new("h", "H.", bounds)).unwrap_err(), expected);
    }
    let nan = registry.register_histogram("h", "H.", &[0.0, f64::NAN]).unwrap_err();
    assert!(
        matches!(nan, RegisterError::Bounds { source: BucketError::NotFinite { index: 1, .. }, .. }),
        "{nan:?}"
    );
    assert_eq!(PrometheusRenderer::render_all(&registry), before);
}

#[test]
fn a_family_that_could_not_be_shown_still_records_without_a_panic() {
    let wrong_bounds = HistogramFamily::new("h", "H.", &[f64::NAN]).default();
    wrong_bounds.observe(1.0);
    assert_eq!(wrong_bounds.snapshot().count(), 1);
    let wrong_name = CounterFamily::new("not a name", "C.");
    wrong_name.default().inc();
    assert_eq!(wrong_name.default().get(), 1);
    assert_eq!(PrometheusRenderer::render_all(&wrong_name), "");
}

/// Labels that break a rule, with the reason that `nilometer_overflow_total` gives.
fn wrong_labels() -> Vec<(Vec<(String, String)>, &'static str)> {
    let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
    let many = |count: usize| (0..count).map(|index| (format!("l{index}"), "v".to_owned())).collect();
    vec![
        (pairs(&[("", "v")]), "invalid_name"),
        (pairs(&[("9a", "v")]), "invalid_name"),
        (pairs(&[("a-b", "v")]), "invalid_name"),
        (pairs(&[("a:b", "v")]), "invalid_name"),
        (pairs(&[("a\"", "v")]), "invalid_name"),
        (pairs(&[("le", "v")]), "invalid_name"),
        (pairs(&[("quantile", "v")]), "invalid_name"),
        (pairs(&[("__name__", "v")]), "invalid_name"),
        (pairs(&[("__anything", "v")]), "invalid_name"),
        (pairs(&[("nilometer_overflow", "v")]), "invalid_name"),
        (pairs(&[("a", "1"), ("a", "2")]), "duplicate_name"),
        (pairs(&[("a", "1"), ("b", "2"), ("a", "1")]), "duplicate_name"),
        (pairs(&[("a", &"x".repeat(1_025))]), "value_too_long"),
        (many(33), "too_many_labels"),
        (many(1_000), "too_many_labels"),
    ]
}

#[test]
fn wrong_labels_are_an_error_where_asked_for_and_else_the_counted_overflow_series() {
    for (labels, reason) in wrong_labels() {
        let labels: Vec<(&str, &str)> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let registry = registry();
        let family = registry.register_counter("kept_total", "Kept.").unwrap();
        let error = family.try_get_or_create(&labels).unwrap_err();
        assert!(matches!(&error, SeriesError::Labels { family, .. } if family == "kept_total"), "{error:?}");
        assert_eq!((family.len(), overflows(&registry, "kept_total", reason)), (1, None), "{reason}");

        assert!(family.get(&labels).is_none() && !family.remove(&labels));
        family.get_or_create(&labels).inc_by(2);
        family.with(&labels, |counter| counter.inc_by(3));
        let page = scrape(&registry);
        assert_eq!(page.count("kept_total", &OVERFLOW), Some(5), "{reason}: {labels:?}");
        assert_eq!(page.count("kept_total", &[("a", "1")]), Some(7));
        assert_eq!(overflows(&registry, "kept_total", reason), Some(2), "{labels:?}");
    }
}

#[test]
fn the_limits_on_labels_are_the_configured_ones_and_inclusive() {
    let limits = LabelLimits::default().with_max_labels(2).with_max_value_length(3);
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_label_limits(limits));
    let family = registry.register_counter("c_total", "C.").unwrap();
    assert!(family.try_get_or_create(&[("a", "123"), ("b", "éx")]).is_ok());
    let long = family.try_get_or_create(&[("a", "1234")]).unwrap_err();
    let source = LabelError::ValueTooLong { name: "a".to_owned(), length: 4, max: 3 };
    assert_eq!(long, SeriesError::Labels { family: "c_total".to_owned(), source });
    let many = family.try_get_or_create(&[("a", "1"), ("b", "1"), ("c", "1")]).unwrap_err();
    let source = LabelError::TooMany { count: 3, max: 2 };
    assert_eq!(many, SeriesError::Labels { family: "c_total".to_owned(), source });
}

#[test]
fn a_series_past_the_familys_limit_is_counted_and_what_it_records_is_kept() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_series_limit(2));
    let family = registry.register_counter("c_total", "C.").unwrap();
    for index in 0..5 {
        family.get_or_create(&[("index", &index.to_string())]).inc();
    }
    let error = family.try_get_or_create(&[("index", "9")]).unwrap_err();
    assert_eq!(error, SeriesError::FamilyLimit { family: "c_total".to_owned(), max: 2 });
    let page = scrape(&registry);
    assert_eq!(page.count("c_total", &[("index", "0")]), Some(1));
    assert_eq!(page.count("c_total", &[("index", "1")]), Some(1));
    assert_eq!(page.count("c_total", &OVERFLOW), Some(3));
    assert_eq!(overflows(&registry, "c_total", "series_limit"), Some(3));
    assert!(family.remove(&[("index", "0")]));
    assert!(family.try_get_or_create(&[("index", "9")]).is_ok());
}

#[test]
fn a_series_past_the_registrys_limit_is_counted_in_the_family_that_asked() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_registry_limit(3));
    let first = registry.register_counter("first_total", "First.").unwrap();
    let second = registry.register_gauge("second", "Second.").unwrap();
    for index in 0..2 {
        first.get_or_create(&[("index", &index.to_string())]).inc();
        second.get_or_create(&[("index", &index.to_string())]).inc();
    }
    let error = first.try_get_or_create(&[("index", "9")]).unwrap_err();
    assert_eq!(error, SeriesError::RegistryLimit { family: "first_total".to_owned(), max: 3 });
    let page = scrape(&registry);
    assert_eq!(page.family("first_total").unwrap().series.len(), 2);
    assert_eq!(page.value("second", &OVERFLOW).map(f64::to_bits), Some(1_f64.to_bits()));
    assert_eq!(overflows(&registry, "second", "registry_limit"), Some(1));
    first.clear();
    assert!(second.try_get_or_create(&[("index", "1")]).is_ok());
}

#[test]
fn a_histogram_past_its_limit_observes_into_its_overflow_series() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_series_limit(1));
    let family = registry.register_histogram("h", "H.", &[1.0]).unwrap();
    for index in 0..3 {
        family.get_or_create(&[("index", &index.to_string())]).observe(0.5);
    }
    let page = scrape(&registry);
    assert_eq!((page.count("h", &[("index", "0")]), page.count("h", &OVERFLOW)), (Some(1), Some(2)));
}

#[test]
fn wrong_constant_labels_are_an_error_of_each_registration() {
    for labels in [&[("le", "1")][..], &[("a-b", "1")], &[("a", "1"), ("a", "2")]] {
        let registry = MetricsRegistry::with_config(RegistryConfig::new().with_constant_labels(labels));
        let error = registry.register_counter("c_total", "C.").unwrap_err();
        assert!(matches!(error, RegisterError::ConstantLabels(_)), "{error:?}");
        assert_eq!(PrometheusRenderer::render_all(&registry), "");
    }
}

#[test]
fn a_label_that_is_constant_already_goes_to_the_overflow_series() {
    let config = RegistryConfig::new().with_constant_labels(&[("region", "eu")]);
    let registry = MetricsRegistry::with_config(config);
    let family = registry.register_counter("c_total", "C.").unwrap();
    family.get_or_create(&[("region", "us")]).inc();
    let page = scrape(&registry);
    assert_eq!(page.count("c_total", &[("nilometer_overflow", "true"), ("region", "eu")]), Some(1));
    let own = CounterFamily::new("own_total", "Own.");
    own.get_or_create(&[("region", "us")]).inc();
    assert!(matches!(registry.register(&own), Err(RegisterError::Labels { .. })));
    assert_eq!(scrape(&own).count("own_total", &[("region", "us")]), Some(1));
}

#[test]
fn constant_labels_named_like_those_of_the_self_metrics_make_no_series_twice() {
    for name in ["reason", "family", "collector"] {
        let config = RegistryConfig::new().with_constant_labels(&[(name, "x")]).with_series_limit(1);
        let registry = MetricsRegistry::with_config(config);
        for family in ["a_total", "b_total"] {
            let family = registry.register_counter(family, "C.").unwrap();
            for labels in [&[("le", "1")][..], &[("q", "1")], &[("q", "2")], &[("q", "1"), ("q", "2")]] {
                family.get_or_create(labels).inc();
            }
        }
        let page = scrape(&registry);
        assert!(page.family("nilometer_overflow_total").is_some(), "{name}");
    }
}

#[test]
fn a_family_belongs_to_one_registry() {
    let family = CounterFamily::new("c_total", "C.");
    let (first, second) = (MetricsRegistry::new(), MetricsRegistry::new());
    first.register(&family).unwrap();
    first.register(&family).unwrap();
    assert_eq!(second.register(&family), Err(RegisterError::Attached { name: "c_total".to_owned() }));
    assert_eq!(PrometheusRenderer::render_all(&second), "");
}

/// Shows what a collector should not: each way of it, by its number.
struct Rogue(usize);

impl Collector for Rogue {
    #[expect(clippy::panic, reason = "one of the ways is to panic")]
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let none = LabelSet::empty();
        let gauge = |name: &str| Descriptor::try_new(name, "Rogue.", MetricType::Gauge);
        let one = || GaugePoint::new(1.0).into();
        visitor.family(&gauge("fine")?)?;
        visitor.point(SeriesLabels::of(&none), one())?;
        match self.0 {
            0 => {
                visitor.family(&gauge("kept_total")?)?;
                visitor.point(SeriesLabels::of(&none), one())?;
            }
            1 => {
                visitor.family(&gauge("fine")?)?;
                visitor.point(SeriesLabels::of(&LabelSet::from_pairs(&[("a", "1")])), one())?;
            }
            2 => visitor.point(SeriesLabels::of(&none), one())?,
            3 => visitor.point(SeriesLabels::of(&none), CounterPoint::new(1_u64).into())?,
            4 => panic!("a collector that panics"),
            5 => return Err(CollectError::failed("a source that cannot be read")),
            _ => {
                visitor.family(&gauge("nilometer_overflow_total")?)?;
                visitor.point(SeriesLabels::of(&none), one())?;
            }
        }
        Ok(())
    }
}

#[test]
fn a_collector_that_breaks_the_rules_loses_what_it_broke_and_nothing_else() {
    let reasons = [
        (0, Some("name_taken")),
        // A family that is shown in two pieces is one family.
        (1, None),
        (2, Some("duplicate_series")),
        (3, Some("wrong_type")),
        (4, Some("panic")),
        (5, Some("error")),
        (6, Some("name_taken")),
    ];
    for (way, reason) in reasons {
        let registry = registry();
        let _registration = registry.register_collector("rogue", Rogue(way)).unwrap();
        let page = scrape(&registry);
        assert_eq!(page.count("kept_total", &[("a", "1")]), Some(7), "way {way}");
        assert_eq!(page.value("fine", &[]).map(f64::to_bits), Some(1_f64.to_bits()), "way {way}");
        let failures = page.family("nilometer_collector_failures_total");
        let series = failures.map(|family| family.series.keys().cloned().collect::<Vec<_>>());
        let expected = reason.map(|reason| {
            let labels = [("collector", "rogue"), ("reason", reason)];
            vec![labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()]
        });
        assert_eq!(series, expected, "way {way}");
    }
}

#[test]
fn a_collectors_name_is_taken_once_and_cannot_break_the_page() {
    let registry = registry();
    for name in ["rogue", "new\nline \"quoted\"", "nul\0", ""] {
        let registration = registry.register_collector(name, Rogue(4));
        if registration.is_ok() {
            let again = registry.register_collector(name, Rogue(4)).unwrap_err();
            assert_eq!(again, RegisterError::CollectorExists { name: name.to_owned() });
        }
        assert_eq!(scrape(&registry).count("kept_total", &[("a", "1")]), Some(7), "{name:?}");
    }
}

#[test]
fn a_port_in_use_and_a_path_that_is_none_are_errors_that_say_so() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let config = ServerConfig::default().with_host("127.0.0.1").with_port(address.port());
    let error = runtime.block_on(MetricsServer::new(registry(), config.clone()).bind()).unwrap_err();
    assert!(
        matches!(&error, ServerError::Bind { address: named, .. } if *named == address.to_string()),
        "{error}"
    );
    drop(taken);
    for path in ["", "metrics", "/a b", "/a?b", "/health"] {
        let config = config.clone().with_port(0).with_path(path);
        let error = runtime.block_on(MetricsServer::new(registry(), config).bind()).unwrap_err();
        assert!(matches!(&error, ServerError::InvalidPath { path: named } if named == path), "{error}");
    }
}
