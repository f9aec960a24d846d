//! Whole requests.

use nilometer_core::collect::{
    CollectError, Collector, Descriptor, LabelSet, MetricType, SeriesLabels, Unit, Visitor,
};
use nilometer_core::{MetricsRegistry, RegistryConfig};
use nilometer_otel::{AttributeValue, OtlpEncoder, Resource, ResourceError};
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;

use crate::expected::{attributes, forget_created, histogram, histogram_point, metric, number, request, sum};
use crate::{NOW, START, Shown, at, counter, decode, encode, gauge, metrics_of};

#[test]
fn a_whole_request_is_what_was_recorded() {
    let config = RegistryConfig::new().with_namespace("shop").with_constant_labels(&[("method", "any")]);
    let registry = MetricsRegistry::with_config(config);
    let orders = registry.register_counter("orders_total", "Orders.").unwrap();
    orders.get_or_create(&[("zone", "eu"), ("kind", "gift")]).inc_by(7);
    drop(orders.default());
    let load = registry.register_gauge("load_ratio", "How busy.\n\"Very\".").unwrap();
    load.default().set(0.25);
    let wait = registry.register_histogram("wait_seconds", "", &[0.5, 1.0]).unwrap();
    for value in [0.25, 0.5, 1.0, 8.0] {
        wait.get_or_create(&[("queue", "größte")]).observe(value);
    }

    let resource = Resource::new("checkout").with_attribute("service.version", "1.4.2").unwrap();
    let resource = resource.with_attribute("empty", "").unwrap().with_schema_url("https://schema.test/1");
    let mut checkout = OtlpEncoder::new(resource, at(START));
    let requests = checkout.encode(&registry, at(NOW)).unwrap();

    let constant = attributes(&[("method", "any")]);
    let orders = vec![
        number(attributes(&[("kind", "gift"), ("method", "any"), ("zone", "eu")]), START, Value::AsInt(7)),
        number(constant.clone(), START, Value::AsInt(0)),
    ];
    let load = otlp::Gauge { data_points: vec![number(constant, 0, Value::AsDouble(0.25))] };
    let wait = histogram_point(
        attributes(&[("method", "any"), ("queue", "größte")]),
        &[0.5, 1.0],
        &[2, 1, 1],
        Some(9.75),
    );
    let mut expected = request(
        attributes(&[("service.name", "checkout"), ("service.version", "1.4.2"), ("empty", "")]),
        vec![
            metric("shop_load_ratio", "How busy.\n\"Very\".", "1", Data::Gauge(load)),
            metric("shop_orders_total", "Orders.", "", sum(orders)),
            metric("shop_wait_seconds", "", "s", histogram(vec![wait])),
        ],
    );
    expected.resource_metrics[0].schema_url = "https://schema.test/1".to_owned();
    let [encoded] = &requests[..] else { panic!("{} requests", requests.len()) };
    let mut decoded = decode(encoded);
    decoded.resource_metrics[0].scope_metrics[0].metrics.iter_mut().for_each(forget_created);
    assert_eq!(decoded, expected);
    assert_eq!(encoded.points(), 4);
}

#[test]
fn an_empty_registry_is_no_request() {
    let registry = MetricsRegistry::new();
    registry.register_counter("never_total", "No series.").unwrap();
    assert!(encode(&registry).1.is_none());
}

#[test]
fn a_family_without_series_is_not_sent() {
    let registry = MetricsRegistry::new();
    registry.register_counter("a_total", "No series.").unwrap();
    registry.register_counter("b_total", "One series.").unwrap().default().inc();
    registry.register_gauge("c", "No series.").unwrap();
    let names: Vec<String> = metrics_of(&registry).into_iter().map(|metric| metric.name).collect();
    assert_eq!(names, ["b_total"]);
}

#[test]
fn points_that_do_not_fit_are_left_out_and_counted() {
    let mut shown = Shown::one(
        "mixed_total",
        MetricType::Counter,
        vec![counter(-1_i64), gauge(2.0), counter(3_u64), counter(f64::NAN), counter(-0.5)],
    );
    let summary = Descriptor::try_new("summary", "", MetricType::Summary).unwrap();
    shown.0.push((summary, vec![gauge(1.0)]));
    let nameless = nilometer_core::Gauge::new("no name", "", nilometer_core::Labels::empty());
    shown.0.push((nameless.metadata().clone(), vec![gauge(1.0)]));
    let (encoded, _) = encode(&shown);
    assert_eq!((encoded.points(), encoded.left_out()), (1, 6));
    assert_eq!(
        metrics_of(&shown),
        [metric("mixed_total", "", "", sum(vec![number(Vec::new(), START, Value::AsInt(3))]))]
    );
}

#[test]
fn a_point_before_any_family_is_left_out_and_counted() {
    struct Headless;
    impl Collector for Headless {
        fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
            Ok(visitor.point(SeriesLabels::of(&LabelSet::empty()), gauge(1.0))?)
        }
    }
    let (encoded, request) = encode(&Headless);
    assert_eq!((encoded.points(), encoded.left_out(), request.is_none()), (0, 1, true));
}

#[test]
fn units_are_written_in_ucum() {
    let table = [
        ("took_seconds", None, "s"),
        ("took_ms", None, "ms"),
        ("read_bytes_total", None, "By"),
        ("hit_ratio", None, "1"),
        ("forms", None, ""),
        ("waiting_requests", Some(Unit::new("requests")), "{requests}"),
        ("odd", Some(Unit::new("a b")), ""),
    ];
    for (name, unit, expected) in table {
        let mut descriptor = Descriptor::try_new(name, "", MetricType::Gauge).unwrap();
        if let Some(unit) = unit {
            descriptor = descriptor.with_unit(unit);
        }
        let shown = Shown(vec![(descriptor, vec![gauge(1.0)])]);
        assert_eq!(metrics_of(&shown)[0].unit, expected, "{name}");
    }
}

#[test]
fn a_resource_has_each_key_once_and_always_a_service_name() {
    assert_eq!(Resource::default().get("service.name"), Some(&"unknown_service".into()));
    let resource = Resource::new("a").with_attribute("k", "1").unwrap().with_attribute("k", "2").unwrap();
    let attributes: Vec<_> = resource.iter().map(|(key, value)| (key, value.as_str().unwrap())).collect();
    assert_eq!(attributes, [("service.name", "a"), ("k", "2")]);
    let error = resource.with_attribute("", "v").unwrap_err();
    assert_eq!(error, ResourceError::EmptyKey { value: "v".into() });
}

#[test]
fn a_resource_has_attributes_of_every_type() {
    use any_value::Value;
    let array = |values: Vec<Value>| {
        let values = values.into_iter().map(|value| AnyValue { value: Some(value) }).collect();
        Value::ArrayValue(ArrayValue { values })
    };
    let long = "x".repeat(300);
    let table: [(AttributeValue, Value); 9] = [
        ("text".into(), Value::StringValue("text".to_owned())),
        (long.clone().into(), Value::StringValue(long.clone())),
        (false.into(), Value::BoolValue(false)),
        ((-4_i64).into(), Value::IntValue(-4)),
        (f64::MIN_POSITIVE.into(), Value::DoubleValue(f64::MIN_POSITIVE)),
        (
            vec![String::new(), long.clone()].into(),
            array(vec![Value::StringValue(String::new()), Value::StringValue(long)]),
        ),
        (vec![true, false].into(), array(vec![Value::BoolValue(true), Value::BoolValue(false)])),
        (vec![0_i64, i64::MIN].into(), array(vec![Value::IntValue(0), Value::IntValue(i64::MIN)])),
        (Vec::<f64>::new().into(), array(Vec::new())),
    ];
    let shown = Shown::one("level", MetricType::Gauge, vec![gauge(1.0)]);
    for (given, expected) in table {
        let resource = Resource::new("a").with_attribute("k", given).unwrap();
        let requests = OtlpEncoder::new(resource, at(START)).encode(&shown, at(NOW)).unwrap();
        let read = decode(&requests[0]).resource_metrics.remove(0).resource.unwrap().attributes.remove(1);
        let value = Some(AnyValue { value: Some(expected) });
        assert_eq!(read, KeyValue { key: "k".to_owned(), value, ..KeyValue::default() });
    }
}
