//! What was recorded is what an independent decoder reads back.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod expected;
mod property;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, GaugePoint, HistogramPoint, LabelSet, MetricType,
    Number, Point, SeriesLabels, UpDownCounterPoint, Visitor,
};
use nilometer_core::{CounterFamily, GaugeFamily, HistogramFamily, MetricsRegistry, RegistryConfig, Unit};
use nilometer_otel::{EncodeError, ExportRequest, OtlpEncoder, Resource, ResourceError};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use prost::Message;

use expected::{attributes, histogram, histogram_point, metric, number, request, sum};

const START: u64 = 1_700_000_000_123_456_789;
const NOW: u64 = START + 15_000_000_001;

fn at(nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanos)
}

fn encoder() -> OtlpEncoder {
    OtlpEncoder::new(Resource::new("test"), at(START))
}

fn encode(collector: &dyn Collector) -> ExportRequest {
    encoder().encode(collector, at(NOW)).unwrap()
}

/// Decodes, and checks on the way that the body has no field which the decoder does not know, and none twice.
fn decode(request: &ExportRequest) -> ExportMetricsServiceRequest {
    let decoded = ExportMetricsServiceRequest::decode(request.body()).unwrap();
    assert_eq!(decoded.encoded_len(), request.body().len());
    decoded
}

fn metrics_of(collector: &dyn Collector) -> Vec<otlp::Metric> {
    let mut decoded = decode(&encode(collector));
    decoded.resource_metrics.pop().map_or(Vec::new(), |mut resource| {
        assert!(decoded.resource_metrics.is_empty());
        assert_eq!(resource.scope_metrics.len(), 1);
        resource.scope_metrics.remove(0).metrics
    })
}

/// Shows families of its own, each with points without labels; nothing checks what it shows.
struct Shown(Vec<(Descriptor, Vec<Point<'static>>)>);

impl Shown {
    fn one(name: &str, kind: MetricType, points: Vec<Point<'static>>) -> Shown {
        Shown(vec![(Descriptor::try_new(name, "", kind).unwrap(), points)])
    }
}

impl Collector for Shown {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        for (descriptor, points) in &self.0 {
            visitor.family(descriptor)?;
            for &point in points {
                visitor.point(SeriesLabels::of(&LabelSet::empty()), point)?;
            }
        }
        Ok(())
    }
}

fn counter(total: impl Into<Number>) -> Point<'static> {
    CounterPoint::new(total).into()
}

fn gauge(value: impl Into<Number>) -> Point<'static> {
    GaugePoint::new(value).into()
}

fn only_number(collector: &dyn Collector) -> Value {
    match metrics_of(collector).remove(0).data {
        Some(Data::Gauge(gauge)) => gauge.data_points[0].value.unwrap(),
        Some(Data::Sum(sum)) => sum.data_points[0].value.unwrap(),
        data => panic!("{data:?} has no numbers"),
    }
}

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
    let checkout = OtlpEncoder::new(resource.with_attribute("empty", "").unwrap(), at(START));
    let encoded = checkout.encode(&registry, at(NOW)).unwrap();

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
    let expected = request(
        attributes(&[("service.name", "checkout"), ("service.version", "1.4.2"), ("empty", "")]),
        vec![
            metric("shop_load_ratio", "How busy.\n\"Very\".", "1", Data::Gauge(load)),
            metric("shop_orders_total", "Orders.", "", sum(orders)),
            metric("shop_wait_seconds", "", "s", histogram(vec![wait])),
        ],
    );
    assert_eq!(decode(&encoded), expected);
    assert_eq!((encoded.points(), encoded.left_out()), (4, 0));
}

#[test]
fn an_empty_registry_is_an_empty_request() {
    let registry = MetricsRegistry::new();
    registry.register_counter("never_total", "No series.").unwrap();
    let request = encode(&registry);
    assert!(request.is_empty());
    assert_eq!(decode(&request), ExportMetricsServiceRequest::default());
    assert!(request.into_body().is_empty());
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
fn whole_numbers_past_i64_are_doubles_and_never_zero() {
    let table: [(Number, Value); 7] = [
        (0_u64.into(), Value::AsInt(0)),
        (9_007_199_254_740_993_u64.into(), Value::AsInt(9_007_199_254_740_993)),
        ((i64::MAX as u64).into(), Value::AsInt(i64::MAX)),
        ((i64::MAX as u64 + 1).into(), Value::AsDouble(9_223_372_036_854_775_808.0)),
        (u64::MAX.into(), Value::AsDouble(18_446_744_073_709_551_616.0)),
        (i64::MAX.into(), Value::AsInt(i64::MAX)),
        (2.5.into(), Value::AsDouble(2.5)),
    ];
    for (recorded, expected) in table {
        let total = Shown::one("total", MetricType::Counter, vec![counter(recorded)]);
        assert_eq!(only_number(&total), expected, "{recorded:?}");
        let value = Shown::one("value", MetricType::Gauge, vec![gauge(recorded)]);
        assert_eq!(only_number(&value), expected, "{recorded:?}");
    }
    let lowest = Shown::one("value", MetricType::Gauge, vec![gauge(i64::MIN)]);
    assert_eq!(only_number(&lowest), Value::AsInt(i64::MIN));

    let family = CounterFamily::new("big_total", "Big.");
    family.default().inc_by(u64::MAX);
    assert_eq!(only_number(&family), Value::AsDouble(18_446_744_073_709_551_616.0));
}

#[test]
fn a_gauge_keeps_nan_the_infinities_and_minus_zero_bit_by_bit() {
    let family = GaugeFamily::new("odd", "Odd.");
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE / 2.0] {
        family.default().set(value);
        let Value::AsDouble(read) = only_number(&family) else { panic!("not a double") };
        assert_eq!(read.to_bits(), value.to_bits());
    }
}

#[test]
fn an_up_down_counter_is_a_cumulative_sum_that_is_not_monotonic() {
    let registry = MetricsRegistry::new();
    let jobs = registry.register_up_down_counter("queue_jobs", "Jobs that wait.").unwrap();
    jobs.get_or_create(&[("queue", "mail")]).add(i64::MAX);
    jobs.default().sub(3);
    let points = vec![
        number(attributes(&[("queue", "mail")]), START, Value::AsInt(i64::MAX)),
        number(Vec::new(), START, Value::AsInt(-3)),
    ];
    let expected = otlp::Sum { data_points: points, aggregation_temporality: 2, is_monotonic: false };
    assert_eq!(metrics_of(&registry), [metric("queue_jobs", "Jobs that wait.", "", Data::Sum(expected))]);

    for (recorded, expected) in
        [(i64::MIN.into(), Value::AsInt(i64::MIN)), ((-0.5).into(), Value::AsDouble(-0.5))]
    {
        let recorded: Number = recorded;
        let shown =
            Shown::one("level", MetricType::UpDownCounter, vec![UpDownCounterPoint::new(recorded).into()]);
        assert_eq!(only_number(&shown), expected);
    }
    let mixed = Shown::one("level", MetricType::UpDownCounter, vec![gauge(1.0), counter(1_u64)]);
    assert_eq!(encode(&mixed).left_out(), 2, "neither is a point of an up-down counter");
}

#[test]
fn an_infinite_observation_is_in_the_last_bucket_and_not_in_the_sum() {
    let family = HistogramFamily::new("size_bytes", "Sizes.", &[1.0, 2.0]);
    for value in [1.5, f64::INFINITY, f64::NAN] {
        family.default().observe(value);
    }
    let expected = histogram_point(Vec::new(), &[1.0, 2.0], &[0, 1, 1], Some(1.5));
    assert_eq!(metrics_of(&family), [metric("size_bytes", "Sizes.", "By", histogram(vec![expected]))]);
}

#[test]
fn a_histogram_without_observations_is_complete() {
    let family = HistogramFamily::new("idle", "Idle.", &[0.0, 1.0]);
    drop(family.default());
    let expected = histogram_point(Vec::new(), &[0.0, 1.0], &[0, 0, 0], Some(0.0));
    assert_eq!(metrics_of(&family), [metric("idle", "Idle.", "", histogram(vec![expected]))]);
}

#[test]
fn a_histogram_of_negative_values_has_no_sum() {
    let below = HistogramPoint::try_new(&[-1.0, 1.0], &[0, 1, 0], 0.5).unwrap();
    let stray = HistogramPoint::try_new(&[1.0], &[2, 0], -3.0).unwrap();
    for point in [below, stray] {
        let shown = Shown::one("delay", MetricType::Histogram, vec![point.into()]);
        let expected = histogram_point(Vec::new(), point.bounds(), point.counts(), None);
        assert_eq!(metrics_of(&shown), [metric("delay", "", "", histogram(vec![expected]))]);
    }
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
    let request = encode(&shown);
    assert_eq!((request.points(), request.left_out()), (1, 6));
    assert_eq!(
        metrics_of(&shown),
        [metric("mixed_total", "", "", sum(vec![number(Vec::new(), START, Value::AsInt(3))]))]
    );
}

#[test]
fn a_gauge_histogram_is_left_out_and_counted() {
    let registry = MetricsRegistry::new();
    let queued = registry.register_gauge_histogram("queued_bytes", "Q.", &[1.0]).unwrap();
    queued.get_or_create(&[("queue", "a")]).add(0.5);
    let _empty = queued.get_or_create(&[("queue", "b")]);
    registry.register_counter("sent_total", "S.").unwrap().default().inc();
    let request = encode(&registry);
    assert_eq!((request.points(), request.left_out()), (1, 2));
    assert_eq!(metrics_of(&registry).iter().map(|one| &*one.name).collect::<Vec<_>>(), ["sent_total"]);
}

#[test]
fn a_point_before_any_family_is_left_out_and_counted() {
    struct Headless;
    impl Collector for Headless {
        fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
            Ok(visitor.point(SeriesLabels::of(&LabelSet::empty()), gauge(1.0))?)
        }
    }
    let request = encode(&Headless);
    assert_eq!((request.points(), request.left_out(), request.body().len()), (0, 1, 0));
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
    assert_eq!(Resource::default().get("service.name"), Some("unknown_service"));
    let resource = Resource::new("a").with_attribute("k", "1").unwrap().with_attribute("k", "2").unwrap();
    assert_eq!(resource.iter().collect::<Vec<_>>(), [("service.name", "a"), ("k", "2")]);
    let error = resource.with_attribute("", "v").unwrap_err();
    assert_eq!(error, ResourceError::EmptyKey { value: "v".to_owned() });
}

#[test]
fn the_limit_is_exact() {
    let family = CounterFamily::new("hits_total", "Hits.");
    for zone in 0..100 {
        family.get_or_create(&[("zone", &zone.to_string())]).inc();
    }
    let length = encode(&family).into_body().len();
    assert_eq!(encoder().with_max_body(length).encode(&family, at(NOW)).unwrap().points(), 100);
    for limit in [0, 1, length / 2, length - 1] {
        let error = encoder().with_max_body(limit).encode(&family, at(NOW)).unwrap_err();
        assert!(matches!(error, EncodeError::TooLarge { limit: l } if l == limit), "{error:?}");
    }
}

#[test]
fn the_limit_stops_the_collection() {
    #[derive(Default)]
    struct Endless(AtomicUsize);
    impl Collector for Endless {
        fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
            visitor.family(&Descriptor::try_new("endless", "", MetricType::Gauge)?)?;
            loop {
                self.0.fetch_add(1, Ordering::Relaxed);
                visitor.point(SeriesLabels::of(&LabelSet::empty()), gauge(1.0))?;
            }
        }
    }
    let endless = Endless::default();
    let error = encoder().with_max_body(1000).encode(&endless, at(NOW)).unwrap_err();
    assert!(matches!(error, EncodeError::TooLarge { limit: 1000 }), "{error:?}");
    assert!(endless.0.into_inner() <= 1000 / size_of::<(u64, f64)>());
}

#[test]
fn a_collector_that_goes_on_after_the_limit_gets_no_request() {
    struct Deaf;
    impl Collector for Deaf {
        fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
            let descriptor = Descriptor::try_new("deaf", "", MetricType::Gauge)?;
            for _ in 0..2 {
                visitor.family(&descriptor).ok();
                visitor.point(SeriesLabels::of(&LabelSet::empty()), gauge(1.0)).ok();
            }
            Ok(())
        }
    }
    let error = encoder().with_max_body(10).encode(&Deaf, at(NOW)).unwrap_err();
    assert!(matches!(error, EncodeError::TooLarge { limit: 10 }), "{error:?}");
}

#[test]
fn a_failure_of_the_collector_is_the_error_source() {
    struct Broken;
    impl Collector for Broken {
        fn collect(&self, _: &mut dyn Visitor) -> Result<(), CollectError> {
            Err(CollectError::failed("the disk is gone"))
        }
    }
    let error = encoder().encode(&Broken, at(NOW)).unwrap_err();
    assert!(matches!(&error, EncodeError::Collect(CollectError::Failed(cause))
        if cause.to_string() == "the disk is gone"));
}

#[test]
fn times_that_cannot_be_sent_are_errors() {
    let registry = MetricsRegistry::new();
    for time in [UNIX_EPOCH, UNIX_EPOCH - Duration::from_secs(1), UNIX_EPOCH + Duration::from_secs(1 << 35)] {
        let error = encoder().encode(&registry, time).unwrap_err();
        assert!(matches!(error, EncodeError::Time { time: t } if t == time), "{error:?}");
        let error = OtlpEncoder::new(Resource::default(), time).encode(&registry, at(NOW)).unwrap_err();
        assert!(matches!(error, EncodeError::Time { time: t } if t == time), "{error:?}");
    }
    let error = encoder().encode(&registry, at(START - 1)).unwrap_err();
    assert!(matches!(error, EncodeError::BeforeStart { .. }), "{error:?}");
    assert!(encoder().encode(&registry, at(START)).is_ok());
}
