//! UTF-8 names: who may have them, which collide, and what foreign collectors' names become.

mod common;

use common::page;
use nilometer_core::collect::{
    CollectError, Collector, Descriptor, EscapingScheme, GaugePoint, LabelSet, MetricType, Point,
    SeriesLabels, Stopped, Visitor,
};
use nilometer_core::label::LabelError;
use nilometer_core::{
    Counter, CounterFamily, Gauge, Histogram, MetricsRegistry, RegisterError, RegistryConfig, SeriesError,
    Unit,
};

/// Names that try to leave their place on a page.
const HOSTILE: [&str; 10] =
    ["\u{1}", "\n#", "\"} 1\n", "\\\"", "{a=\"b\"}", "\u{202e}x", " ", "=\"", ",", "\u{feff}b\r\tb"];

fn utf8() -> RegistryConfig {
    RegistryConfig::new().with_utf8_names(true)
}

fn registry() -> MetricsRegistry {
    MetricsRegistry::with_config(utf8())
}

#[test]
fn names_outside_the_classic_alphabet_are_errors_unless_asked_for() {
    let registry = MetricsRegistry::new();
    assert!(!registry.config().utf8_names());
    let error = registry.register_counter("http.requests", "R.").unwrap_err();
    assert!(matches!(error, RegisterError::InvalidName { .. }), "{error}");
    let builder = registry.family::<Counter>("requests", "R.").with_labels(&["http.method"]);
    let error = builder.register().unwrap_err();
    assert!(matches!(error, RegisterError::Labels { source: LabelError::InvalidName { .. }, .. }), "{error}");
    let family = registry.register_counter("requests", "R.").unwrap();
    let error = family.try_get_or_create(&[("http.method", "GET")]).unwrap_err();
    assert!(matches!(error, SeriesError::Labels { source: LabelError::InvalidName { .. }, .. }), "{error}");
    let config = RegistryConfig::new().with_constant_labels(&[("cloud.region", "eu")]);
    let error = MetricsRegistry::with_config(config).register_counter("c", "C.").unwrap_err();
    assert!(matches!(error, RegisterError::ConstantLabels(LabelError::InvalidName { .. })), "{error}");
}

#[test]
fn a_registry_that_asks_for_them_shows_any_names_as_they_are() {
    let config = utf8().with_namespace("my.shop").with_constant_labels(&[("cloud.region", "eu")]);
    let registry = MetricsRegistry::with_config(config);
    let family = registry
        .family::<Gauge>("öfen_seconds", "Ö.")
        .with_unit(Unit::SECONDS)
        .with_labels(&["raum.nr", "b"])
        .register()
        .unwrap();
    family.get_or_create(&[("raum.nr", "1"), ("b", "2")]).set(1.0);
    family.get_or_create(&[("b", "2"), ("raum.nr", "1")]).inc();
    for (index, name) in HOSTILE.iter().enumerate() {
        registry.register_counter(format!("hostile{name}{index}"), "H.").unwrap();
    }
    let page = page(&registry);
    let expected = ["my.shop_öfen_seconds gauge", "  {b=\"2\",cloud.region=\"eu\",raum.nr=\"1\"} 2"];
    assert_eq!(page[HOSTILE.len()..], expected);
    for (index, name) in HOSTILE.iter().enumerate() {
        assert!(page.contains(&format!("my.shop_hostile{name}{index} counter")), "{name:?}");
    }
}

#[test]
fn families_that_become_one_by_a_scheme_are_refused_and_both_are_named() {
    let table: [(&str, MetricType, &str, MetricType, &str); 7] = [
        ("a.b", MetricType::Gauge, "a_b", MetricType::Gauge, "a_b"),
        ("a_b", MetricType::Gauge, "a.b", MetricType::Gauge, "a_b"),
        ("a b", MetricType::Gauge, "a.b", MetricType::Gauge, "a_b"),
        ("a.b", MetricType::Histogram, "a_b_sum", MetricType::Gauge, "a_b_sum"),
        ("a.b_total", MetricType::Counter, "a_b", MetricType::Gauge, "a_b"),
        ("a.b", MetricType::Gauge, "U__a_2e_b", MetricType::Gauge, "U__a_2e_b"),
        ("nilometer.overflow_total", MetricType::Counter, "x", MetricType::Gauge, ""),
    ];
    for (first, first_type, second, second_type, shared) in table {
        let registry = registry();
        let register = |name: &str, metric_type| match metric_type {
            MetricType::Counter => registry.register_counter(name, "").map(drop),
            MetricType::Histogram => registry.register_histogram(name, "", &[1.0]).map(drop),
            _ => registry.register_gauge(name, "").map(drop),
        };
        let first_error = register(first, first_type).err();
        let error = register(second, second_type).err().or(first_error);
        let Some(RegisterError::Collision { name, taken, owner }) = error else {
            panic!("{first}: {error:?}")
        };
        if shared.is_empty() {
            assert_eq!((&*name, &*owner), (first, "nilometer_overflow_total"));
            continue;
        }
        assert_eq!((&*name, &*taken, &*owner), (second, shared, first));
        assert!(registry.unregister(first));
        register(second, second_type).unwrap();
    }
}

#[test]
fn label_names_that_become_one_by_a_scheme_are_refused_wherever_they_meet() {
    let registry = MetricsRegistry::with_config(utf8().with_constant_labels(&[("cloud.region", "eu")]));
    // In one series.
    let family = registry.register_counter("a", "A.").unwrap();
    let collision = |error: SeriesError| match error {
        SeriesError::Labels { source: LabelError::Collision { name, other }, .. } => (name, other),
        error => panic!("{error}"),
    };
    let refused = |pairs: &[(&str, &str)]| collision(family.try_get_or_create(pairs).unwrap_err());
    assert_eq!(refused(&[("x.y", "1"), ("x_y", "1")]), ("x_y".to_owned(), "x.y".to_owned()));
    // In two series of a family, the names of which are not declared.
    family.get_or_create(&[("x.y", "1")]).inc();
    assert_eq!(refused(&[("x_y", "1")]), ("x_y".to_owned(), "x.y".to_owned()));
    // With a constant label.
    assert_eq!(refused(&[("cloud_region", "1")]), ("cloud_region".to_owned(), "cloud.region".to_owned()));
    let builder = registry.family::<Counter>("b", "B.").with_labels(&["cloud region"]);
    let error = builder.register().unwrap_err();
    assert!(matches!(error, RegisterError::Labels { source: LabelError::Collision { .. }, .. }), "{error}");
    // Among those that a family declares.
    let builder = registry.family::<Counter>("c", "C.").with_labels(&["x y", "z", "x.y"]);
    let error = builder.register().unwrap_err();
    assert!(matches!(error, RegisterError::Labels { source: LabelError::Collision { .. }, .. }), "{error}");
    // A family that was made elsewhere, with series that are there already.
    let made = CounterFamily::new("d", "D.");
    made.get_or_create(&[("cloud_region", "x")]).inc();
    let error = registry.register(&made).unwrap_err();
    assert!(matches!(error, RegisterError::Labels { source: LabelError::Collision { .. }, .. }), "{error}");
    // What no name can hold.
    for name in ["", "a\0", "__x.y", "le"] {
        assert!(family.try_get_or_create(&[(name, "1")]).is_err(), "{name:?}");
    }
    // The reserved one.
    let error = family.try_get_or_create(&[("nilometer.overflow", "true")]).unwrap_err();
    assert!(matches!(error, SeriesError::Labels { source: LabelError::InvalidName { .. }, .. }), "{error}");

    family.get_or_create(&[("x_y", "2")]).inc();
    let expected = [
        "a counter",
        "  {cloud.region=\"eu\",x.y=\"1\"} 1",
        "  {cloud.region=\"eu\",nilometer_overflow=\"true\"} 1",
        "nilometer_overflow_total counter",
        "  {cloud.region=\"eu\",family=\"a\",reason=\"name_collision\"} 1",
    ];
    assert_eq!(page(&registry), expected);
}

#[test]
fn names_that_went_with_their_series_are_forgotten_in_time() {
    let family = registry().register_gauge("g", "G.").unwrap();
    family.get_or_create(&[("kept.one", "1")]).set(1.0);
    for number in 0..300 {
        let name = format!("n.{number}");
        family.get_or_create(&[(&name, "1")]).set(1.0);
        assert!(family.remove(&[(&name, "1")]));
    }
    assert!(family.try_get_or_create(&[("n_0", "1")]).is_ok());
    assert!(family.try_get_or_create(&[("kept_one", "1")]).is_err());
    family.clear();
    let error = family.try_get_or_create(&[("n 0", "1")]).unwrap_err();
    assert!(matches!(error, SeriesError::Labels { source: LabelError::Collision { .. }, .. }), "{error}");
}

#[test]
fn series_with_utf8_names_are_found_in_any_order_and_by_every_way_of_looking() {
    let registry = registry();
    let dynamic = registry.register_counter("dynamic", "D.").unwrap();
    let builder = registry.family::<Counter>("declared", "D.").with_labels(&["c.d", "\"\\\n", "a"]);
    let declared = builder.register().unwrap();
    let pairs = [("\"\\\n", "\"1\""), ("a", "\\"), ("c.d", "3")];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for family in [&dynamic, &declared] {
        for order in orders {
            let pairs = order.map(|index| pairs[index]);
            family.get_or_create(&pairs).inc();
            family.with(&pairs, Counter::inc);
            assert!(family.get(&pairs).is_some());
        }
        assert_eq!((family.len(), family.get_or_create(&pairs).get()), (1, 12));
        let other = [("\"\\\n", "\"1\""), ("a", "\\"), ("c.d", "4")];
        assert!(family.get(&other).is_none());
        family.get_or_create(&other).inc();
        // Classic names beside them, as many of them.
        assert!(family.remove(&other) && !family.remove(&other));
    }
    dynamic.get_or_create(&[("x", "\"1\""), ("y", "\\"), ("z", "3")]).inc();
    assert_eq!((dynamic.len(), dynamic.get_or_create(&pairs).get()), (2, 12));
    for (number, name) in HOSTILE.iter().enumerate() {
        let name = format!("{name}{number}");
        for (index, value) in HOSTILE.iter().enumerate() {
            let pairs = [(&*name, *value), ("index", "x")];
            let family = registry.register_counter(format!("of {name}"), "H.").unwrap();
            family.get_or_create(&pairs).inc();
            assert_eq!(family.get_or_create(&[pairs[1], pairs[0]]).get(), 1);
            assert_eq!(family.len(), index + 1);
        }
    }
}

/// Keeps each family's name by underscores and by values.
#[derive(Default)]
struct Escaped(Vec<[String; 3]>);

impl Visitor for Escaped {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        let schemes = [EscapingScheme::Underscores, EscapingScheme::Dots, EscapingScheme::Values];
        self.0.push(schemes.map(|scheme| descriptor.escaped_name(scheme).into_owned()));
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, _: Point<'_>) -> Result<(), Stopped> {
        Ok(())
    }
}

/// A collector that shows a gauge for each of its names and sets of labels.
struct Foreign(&'static [(&'static str, &'static [(&'static str, &'static str)])]);

impl Collector for Foreign {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        for (name, labels) in self.0 {
            visitor.family(&Descriptor::try_new_utf8(*name, "G.", MetricType::Gauge)?)?;
            let labels = LabelSet::try_from_utf8_pairs(labels)?;
            visitor.point(SeriesLabels::of(&labels), GaugePoint::new(1.0).into())?;
        }
        Ok(())
    }
}

#[test]
fn a_foreign_name_whose_escaped_form_is_taken_is_served_by_values_and_counted() {
    // Registries that take no UTF-8 names of their own show those of others.
    let registry = MetricsRegistry::new();
    let own = registry.register_gauge("own_gauge", "O.").unwrap();
    own.default().set(7.0);
    let foreign = Foreign(&[
        ("own.gauge", &[]),
        ("free.gauge", &[]),
        ("free gauge", &[]),
        ("free_gauge", &[]),
        ("U__free_20_gauge", &[]),
        ("own_gauge", &[]),
    ]);
    registry.register_collector("c", foreign).unwrap();
    let expected = [
        "own_gauge gauge",
        "  {} 7",
        "own.gauge gauge",
        "  {} 1",
        "free.gauge gauge",
        "  {} 1",
        "free gauge gauge",
        "  {} 1",
        "nilometer_collector_failures_total counter",
        "  {collector=\"c\",reason=\"name_taken\"} 3",
        "  {collector=\"c\",reason=\"escaped_name_taken\"} 2",
    ];
    assert_eq!(page(&registry), expected);

    let mut escaped = Escaped::default();
    registry.collect(&mut escaped).unwrap();
    let expected = [
        ["own_gauge", "own__gauge", "own_gauge"],
        ["U__own_2e_gauge", "U__own_2e_gauge", "U__own_2e_gauge"],
        ["free_gauge", "free_dot_gauge", "U__free_2e_gauge"],
        ["U__free_20_gauge", "U__free_20_gauge", "U__free_20_gauge"],
    ];
    assert_eq!(escaped.0[..4], expected.map(|names| names.map(str::to_owned)));
}

#[test]
fn foreign_series_whose_label_names_become_those_of_others_are_left_out_and_counted() {
    let registry = MetricsRegistry::with_config(utf8().with_constant_labels(&[("cloud.region", "eu")]));
    let foreign = Foreign(&[
        ("g", &[("a.b", "1")]),
        ("g", &[("a_b", "1")]),
        ("g", &[("a.b", "2"), ("c", "3")]),
        ("g", &[("cloud_region", "us")]),
        ("h", &[("a_b", "1")]),
    ]);
    registry.register_collector("c", foreign).unwrap();
    let expected = [
        "g gauge",
        "  {a.b=\"1\",cloud.region=\"eu\"} 1",
        "  {a.b=\"2\",c=\"3\",cloud.region=\"eu\"} 1",
        "h gauge",
        "  {a_b=\"1\",cloud.region=\"eu\"} 1",
        "nilometer_collector_failures_total counter",
        "  {cloud.region=\"eu\",collector=\"c\",reason=\"label_names\"} 2",
    ];
    assert_eq!(page(&registry), expected);
}

#[test]
fn handles_made_outside_of_a_registry_have_classic_names_or_none() {
    let family = CounterFamily::new("http.requests", "R.");
    assert!(!family.metadata().has_valid_name() && !family.metadata().has_utf8_name());
    let error = registry().register(&family).unwrap_err();
    assert!(matches!(error, RegisterError::InvalidName { .. }), "{error}");
}

#[test]
fn a_unit_ends_a_utf8_name_behind_an_underscore() {
    let registry = registry();
    let register = |name: &str| {
        let builder = registry.family::<Histogram>(name, "H.").with_unit(Unit::SECONDS);
        builder.with_buckets(&[1.0]).register().map(drop)
    };
    register("http.duration_seconds").unwrap();
    let error = register("http.duration.seconds").unwrap_err();
    assert!(matches!(error, RegisterError::Unit { .. }), "{error}");
}
