//! The meter provider: what libraries that are instrumented with OpenTelemetry record is on the registry's pages and in
//! its pushes.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::thread;
use std::time::{Duration, SystemTime};

use nilometer::otel::{OtlpEncoder, RegistryMeterProvider, Resource};
use nilometer::{ExemplarSource, LabelSet, MetricsRegistry, PrometheusRenderer, RegistryConfig};
use nilometer_prometheus::{EscapingScheme, Exposition, Format};
use nilometer_tests::openmetrics;
use nilometer_tests::page::Page;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::{Array, KeyValue, StringValue, Value, global};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, number_data_point};
use prost::Message;

fn registry() -> (MetricsRegistry, RegistryMeterProvider) {
    let registry = MetricsRegistry::new();
    let provider = RegistryMeterProvider::try_new(&registry).unwrap();
    (registry, provider)
}

fn utf8_registry() -> MetricsRegistry {
    MetricsRegistry::with_config(RegistryConfig::new().with_utf8_names(true))
}

/// A page, which an independent parser finds to keep every rule.
fn page(registry: &MetricsRegistry) -> (String, Page) {
    let text = PrometheusRenderer::render_all(registry);
    let page = Page::parse(&text).unwrap();
    (text, page)
}

fn of_scope(scope: &str) -> [(&str, &str); 1] {
    [("otel_scope_name", scope)]
}

/// Every instrument that there is, once.
fn record_with_every_instrument(meter: &Meter) {
    let attributes = [KeyValue::new("http.method", "GET"), KeyValue::new("n", 1)];
    let read = [KeyValue::new("op", "read")];
    let write = [KeyValue::new("op", "write")];
    meter
        .u64_counter("a.requests")
        .with_description("Requests.")
        .with_unit("{request}")
        .build()
        .add(3, &attributes);
    meter.f64_counter("b.cpu.time").with_description("Time.").with_unit("s").build().add(0.5, &attributes);
    let open = meter.i64_up_down_counter("c.open").with_description("Open.").build();
    open.add(5, &attributes);
    open.add(-7, &attributes);
    let level = meter.f64_up_down_counter("d.level").with_description("Level.").with_unit("m").build();
    level.add(1.5, &attributes);
    level.add(-2.0, &attributes);
    meter.u64_gauge("e.queued").with_description("Queued.").with_unit("By").build().record(7, &attributes);
    meter.i64_gauge("f.offset").with_description("Offset.").build().record(-7, &attributes);
    meter.f64_gauge("g.used").with_description("Used.").with_unit("1").build().record(0.25, &attributes);
    let duration = meter.f64_histogram("h.duration").with_description("Duration.").with_unit("s");
    let duration = duration.with_boundaries(vec![0.1, 1.0]).build();
    for value in [0.1, 0.5, 7.0] {
        duration.record(value, &attributes);
    }
    let size = meter.u64_histogram("i.size").with_description("Size.").with_unit("By").build();
    size.record(5, &[]);
    size.record(10_001, &[]);
    let sizes = meter.u64_histogram("j.sizes").with_description("Sizes.").with_boundaries(vec![]).build();
    sizes.record(3, &[]);

    let observed = meter.u64_observable_counter("k.hits").with_description("Hits.");
    let reads = read.clone();
    observed
        .with_callback(move |observer| observer.observe(u64::MAX, &reads))
        .with_callback(move |observer| observer.observe(4, &write))
        .build();
    let observed = meter.f64_observable_counter("l.busy").with_description("Busy.").with_unit("ms");
    observed.with_callback(|observer| observer.observe(0.5, &[])).build();
    let observed = meter.i64_observable_up_down_counter("m.threads").with_description("Threads.");
    observed.with_callback(|observer| observer.observe(-4, &[])).build();
    let observed = meter.f64_observable_up_down_counter("n.balance").with_description("Balance.");
    observed.with_callback(|observer| observer.observe(-0.5, &[])).build();
    let observed = meter.u64_observable_gauge("o.memory").with_description("Memory.").with_unit("MiBy");
    observed.with_callback(|observer| observer.observe(u64::MAX, &[])).build();
    let observed = meter.i64_observable_gauge("p.lag").with_description("Lag.").with_unit("By/s");
    observed.with_callback(move |observer| observer.observe(-1, &read)).build();
    let observed = meter.f64_observable_gauge("q.load").with_description("Load.");
    observed.with_callback(|observer| observer.observe(f64::NAN, &[])).build();
}

const EVERY_INSTRUMENT: &str = r#"# HELP a_requests_total Requests.
# TYPE a_requests_total counter
a_requests_total{http_method="GET",n="1",otel_scope_name="lib"} 3
# HELP b_cpu_time_seconds_total Time.
# TYPE b_cpu_time_seconds_total counter
b_cpu_time_seconds_total{http_method="GET",n="1",otel_scope_name="lib"} 0.5
# HELP c_open Open.
# TYPE c_open gauge
c_open{http_method="GET",n="1",otel_scope_name="lib"} -2
# HELP d_level_meters Level.
# TYPE d_level_meters gauge
d_level_meters{http_method="GET",n="1",otel_scope_name="lib"} -0.5
# HELP e_queued_bytes Queued.
# TYPE e_queued_bytes gauge
e_queued_bytes{http_method="GET",n="1",otel_scope_name="lib"} 7
# HELP f_offset Offset.
# TYPE f_offset gauge
f_offset{http_method="GET",n="1",otel_scope_name="lib"} -7
# HELP g_used_ratio Used.
# TYPE g_used_ratio gauge
g_used_ratio{http_method="GET",n="1",otel_scope_name="lib"} 0.25
# HELP h_duration_seconds Duration.
# TYPE h_duration_seconds histogram
h_duration_seconds_bucket{http_method="GET",n="1",otel_scope_name="lib",le="0.1"} 1
h_duration_seconds_bucket{http_method="GET",n="1",otel_scope_name="lib",le="1.0"} 2
h_duration_seconds_bucket{http_method="GET",n="1",otel_scope_name="lib",le="+Inf"} 3
h_duration_seconds_sum{http_method="GET",n="1",otel_scope_name="lib"} 7.6
h_duration_seconds_count{http_method="GET",n="1",otel_scope_name="lib"} 3
# HELP i_size_bytes Size.
# TYPE i_size_bytes histogram
i_size_bytes_bucket{otel_scope_name="lib",le="0.0"} 0
i_size_bytes_bucket{otel_scope_name="lib",le="5.0"} 1
i_size_bytes_bucket{otel_scope_name="lib",le="10.0"} 1
i_size_bytes_bucket{otel_scope_name="lib",le="25.0"} 1
i_size_bytes_bucket{otel_scope_name="lib",le="50.0"} 1
i_size_bytes_bucket{otel_scope_name="lib",le="75.0"} 1
i_size_bytes_bucket{otel_scope_name="lib",le="100.0"} 1
i_size_bytes_bucket{otel_scope_name="lib",le="250.0"} 1
i_size_bytes_bucket{otel_scope_name="lib",le="500.0"} 1
i_size_bytes_bucket{otel_scope_name="lib",le="750.0"} 1
i_size_bytes_bucket{otel_scope_name="lib",le="1000.0"} 1
i_size_bytes_bucket{otel_scope_name="lib",le="2500.0"} 1
i_size_bytes_bucket{otel_scope_name="lib",le="5000.0"} 1
i_size_bytes_bucket{otel_scope_name="lib",le="7500.0"} 1
i_size_bytes_bucket{otel_scope_name="lib",le="10000.0"} 1
i_size_bytes_bucket{otel_scope_name="lib",le="+Inf"} 2
i_size_bytes_sum{otel_scope_name="lib"} 10006
i_size_bytes_count{otel_scope_name="lib"} 2
# HELP j_sizes Sizes.
# TYPE j_sizes histogram
j_sizes_bucket{otel_scope_name="lib",le="1.7976931348623157e+308"} 1
j_sizes_bucket{otel_scope_name="lib",le="+Inf"} 1
j_sizes_sum{otel_scope_name="lib"} 3
j_sizes_count{otel_scope_name="lib"} 1
# HELP k_hits_total Hits.
# TYPE k_hits_total counter
k_hits_total{op="read",otel_scope_name="lib"} 18446744073709551615
k_hits_total{op="write",otel_scope_name="lib"} 4
# HELP l_busy_milliseconds_total Busy.
# TYPE l_busy_milliseconds_total counter
l_busy_milliseconds_total{otel_scope_name="lib"} 0.5
# HELP m_threads Threads.
# TYPE m_threads gauge
m_threads{otel_scope_name="lib"} -4
# HELP n_balance Balance.
# TYPE n_balance gauge
n_balance{otel_scope_name="lib"} -0.5
# HELP o_memory_mebibytes Memory.
# TYPE o_memory_mebibytes gauge
o_memory_mebibytes{otel_scope_name="lib"} 18446744073709551615
# HELP p_lag_bytes_per_second Lag.
# TYPE p_lag_bytes_per_second gauge
p_lag_bytes_per_second{op="read",otel_scope_name="lib"} -1
# HELP q_load Load.
# TYPE q_load gauge
q_load{otel_scope_name="lib"} NaN
"#;

#[test]
fn every_instrument_is_on_the_page() {
    let (registry, provider) = registry();
    record_with_every_instrument(&provider.meter("lib"));
    for _ in 0..2 {
        assert_eq!(page(&registry).0, EVERY_INSTRUMENT);
    }
    assert_eq!(page(&registry).1.family("nilometer_otel_unsupported_total"), None);
}

/// The metrics of a push, as an independent decoder reads them.
fn encoded(registry: &MetricsRegistry) -> Vec<Metric> {
    let start = SystemTime::now();
    let mut encoder = OtlpEncoder::new(Resource::new("test"), start);
    let mut read = Vec::new();
    for request in encoder.encode(registry, start + Duration::from_secs(1)).unwrap() {
        let decoded = ExportMetricsServiceRequest::decode(&request.body()[..]).unwrap();
        let scopes = decoded.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        read.extend(scopes.flat_map(|scope| scope.metrics));
    }
    read
}

/// What sort of data it is, and its first value.
fn kind(metric: &Metric) -> (&'static str, Option<f64>) {
    #[expect(clippy::cast_precision_loss, reason = "small numbers, but for one")]
    let value = |points: &[NumberDataPoint]| {
        points.first().and_then(|point| point.value).map(|value| match value {
            number_data_point::Value::AsInt(value) => value as f64,
            number_data_point::Value::AsDouble(value) => value,
        })
    };
    match metric.data.as_ref().unwrap() {
        Data::Sum(sum) if sum.is_monotonic => ("monotonic", value(&sum.data_points)),
        Data::Sum(sum) => ("sum", value(&sum.data_points)),
        Data::Gauge(gauge) => ("gauge", value(&gauge.data_points)),
        Data::Histogram(histogram) => {
            ("histogram", histogram.data_points.first().and_then(|point| point.sum))
        }
        _ => ("other", None),
    }
}

#[test]
fn a_push_over_otlp_has_every_instrument_with_its_unit_again() {
    let registry = utf8_registry();
    let provider = RegistryMeterProvider::try_new(&registry).unwrap();
    record_with_every_instrument(&provider.meter("lib"));
    let read = encoded(&registry);
    let found: Vec<_> = read
        .iter()
        .filter(|metric| kind(metric).1.is_none_or(|value| !value.is_nan()))
        .map(|metric| (&*metric.name, &*metric.unit, kind(metric).0, kind(metric).1))
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "the nearest number is what is sent")]
    let most = u64::MAX as f64;
    let expected = [
        ("a.requests_total", "", "monotonic", Some(3.0)),
        ("b.cpu.time_seconds_total", "s", "monotonic", Some(0.5)),
        ("c.open", "", "sum", Some(-2.0)),
        ("d.level_meters", "m", "gauge", Some(-0.5)),
        ("e.queued_bytes", "By", "gauge", Some(7.0)),
        ("f.offset", "", "gauge", Some(-7.0)),
        ("g.used_ratio", "1", "gauge", Some(0.25)),
        ("h.duration_seconds", "s", "histogram", Some(7.6)),
        ("i.size_bytes", "By", "histogram", Some(10_006.0)),
        ("j.sizes", "", "histogram", Some(3.0)),
        ("k.hits_total", "", "monotonic", Some(most)),
        ("l.busy_milliseconds_total", "ms", "monotonic", Some(0.5)),
        ("m.threads", "", "sum", Some(-4.0)),
        ("n.balance", "", "sum", Some(-0.5)),
        ("o.memory_mebibytes", "MiBy", "gauge", Some(most)),
        ("p.lag_bytes_per_second", "By/s", "gauge", Some(-1.0)),
    ];
    assert_eq!(found, expected);
    let Some(Data::Sum(sum)) = &read[0].data else { unreachable!("{:?}", read[0]) };
    let attributes = sum.data_points[0].attributes.iter().map(|attribute| {
        let value = attribute.value.clone().and_then(|value| value.value);
        (attribute.key.as_str(), value)
    });
    let text = |text: &str| Some(any_value::Value::StringValue(text.to_owned()));
    let expected = [("http.method", text("GET")), ("n", text("1")), ("otel_scope_name", text("lib"))];
    assert_eq!(attributes.collect::<Vec<_>>(), expected);
}

#[test]
fn names_are_the_instrument_s_own_where_that_is_asked_for() {
    let registry = utf8_registry();
    let provider = RegistryMeterProvider::builder(&registry).with_suffixes(false).with_scope_labels(false);
    let meter = provider.build().unwrap().meter("lib");
    meter
        .u64_counter("http.client.sent")
        .with_unit("By")
        .build()
        .add(1, &[KeyValue::new("http.method", "GET")]);
    let exposition = Exposition::new(Format::Text1).with_escaping(EscapingScheme::AllowUtf8);
    let page = String::from_utf8(PrometheusRenderer::render_as(&registry, exposition).unwrap()).unwrap();
    let expected = "# HELP \"http.client.sent\" \n# TYPE \"http.client.sent\" counter\n\
                    {\"http.client.sent\",\"http.method\"=\"GET\"} 1\n";
    assert_eq!(page, expected);
    Page::parse_utf8(&page).unwrap();
    assert_eq!(encoded(&registry)[0].name, "http.client.sent");
}

#[test]
fn the_same_attributes_are_the_same_series_in_any_order_and_of_any_sort() {
    let (registry, provider) = registry();
    let counter = provider.meter("lib").u64_counter("hits").build();
    let array = || Value::Array(Array::String(vec![StringValue::from("a\"b"), StringValue::from("c")]));
    for _ in 0..2 {
        counter.add(1, &[KeyValue::new("a.b", 1), KeyValue::new("list", array()), KeyValue::new("x", 0.5)]);
        counter
            .add(1, &[KeyValue::new("x", "0.5"), KeyValue::new("a_b", "1"), KeyValue::new("list", array())]);
    }
    counter.add(7, &[KeyValue::new("x", "old"), KeyValue::new("x", "new"), KeyValue::new("empty", "")]);
    let list = [("a_b", "1"), ("list", "[\"a\\\"b\",\"c\"]"), ("otel_scope_name", "lib"), ("x", "0.5")];
    let (_, page) = page(&registry);
    assert_eq!(page.count("hits_total", &list), Some(4));
    assert_eq!(page.count("hits_total", &[("otel_scope_name", "lib"), ("x", "new")]), Some(7));
    assert_eq!(page.family("hits_total").unwrap().series.len(), 2);
}

#[test]
fn a_registry_s_configuration_has_other_bounds_and_turns_families_off() {
    let config = RegistryConfig::new().with_buckets_for_suffix("_seconds", &[0.5]);
    let config = config.with_disabled(["hits_total", "seen"]);
    let registry = MetricsRegistry::with_config(config);
    let meter = RegistryMeterProvider::try_new(&registry).unwrap().meter("lib");
    meter.f64_histogram("wait").with_unit("s").build().record(0.25, &[]);
    // Whatever they state, all have the registry's bounds.
    meter.f64_histogram("wait").with_unit("s").with_boundaries(vec![7.0]).build().record(0.75, &[]);
    meter.u64_counter("hits").build().add(1, &[]);
    meter.u64_observable_gauge("seen").with_callback(|observer| observer.observe(1, &[])).build();
    let expected = "# HELP wait_seconds \n# TYPE wait_seconds histogram\n\
                    wait_seconds_bucket{otel_scope_name=\"lib\",le=\"0.5\"} 1\n\
                    wait_seconds_bucket{otel_scope_name=\"lib\",le=\"+Inf\"} 2\n\
                    wait_seconds_sum{otel_scope_name=\"lib\"} 1\n\
                    wait_seconds_count{otel_scope_name=\"lib\"} 2\n";
    assert_eq!(page(&registry).0, expected);
}

#[test]
fn what_is_recorded_by_many_threads_is_all_there() {
    const THREADS: u64 = 8;
    const ROUNDS: u64 = 2_000;
    let (registry, provider) = registry();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let meter = provider.meter("lib");
            scope.spawn(move || {
                let counter = meter.u64_counter("hits").build();
                let busy = meter.f64_counter("busy").build();
                let open = meter.i64_up_down_counter("open").build();
                let size = meter.u64_histogram("size").build();
                for round in 0..ROUNDS {
                    let attributes =
                        [KeyValue::new("shard.id", i64::try_from((round + thread) % 4).unwrap())];
                    counter.clone().add(1, &attributes);
                    busy.add(0.5, &attributes);
                    open.add(if round % 2 == 0 { 3 } else { -1 }, &attributes);
                    size.record(round % 7, &attributes);
                }
            });
        }
    });
    let (_, page) = page(&registry);
    let shards = ["0", "1", "2", "3"].map(|shard| [("otel_scope_name", "lib"), ("shard_id", shard)]);
    let each = THREADS * ROUNDS / 4;
    for shard in &shards {
        assert_eq!(page.count("hits_total", shard), Some(each));
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let half = each as f64 / 2.0;
        assert_eq!(page.value("busy_total", shard), Some(half));
        assert_eq!(page.count("size", shard), Some(each));
    }
    let open: f64 = shards.iter().map(|shard| page.value("open", shard).unwrap()).sum();
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let expected = (THREADS * ROUNDS) as f64;
    assert!((open - expected).abs() < 0.5, "{open} of {expected}");
}

#[test]
fn a_library_that_asks_for_the_global_meter_is_on_the_page() {
    let (registry, provider) = registry();
    provider.install_global();
    global::meter("some-library").u64_counter("library.calls").build().add(2, &[]);
    assert_eq!(page(&registry).1.count("library_calls_total", &of_scope("some-library")), Some(2));
}

struct OneTrace;

impl ExemplarSource for OneTrace {
    fn exemplar(&self) -> Option<LabelSet> {
        Some(LabelSet::from_pairs(&[("trace_id", "0af7651916cd43dd8448eb211c80319c")]))
    }
}

#[test]
fn what_is_recorded_in_a_span_has_its_exemplar() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_exemplar_source(OneTrace));
    let meter = RegistryMeterProvider::try_new(&registry).unwrap().meter("lib");
    meter.f64_histogram("wait").with_boundaries(vec![1.0]).build().record(0.5, &[]);
    meter.u64_counter("hits").build().add(3, &[]);
    let page = PrometheusRenderer::render_as(&registry, Exposition::new(Format::OpenMetrics)).unwrap();
    let families = openmetrics::parse(&String::from_utf8(page).unwrap()).unwrap();
    let exemplars: Vec<_> = families
        .iter()
        .flat_map(|family| &family.samples)
        .filter_map(|sample| sample.exemplar.as_ref().map(|exemplar| (sample.name.as_str(), exemplar)))
        .collect();
    let found: Vec<_> = exemplars.iter().map(|(name, exemplar)| (*name, exemplar.value)).collect();
    assert_eq!(found, [("hits_total", 3.0), ("wait_bucket", 0.5)]);
}
