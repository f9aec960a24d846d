//! Properties: the meter provider's pages keep every rule, and no measurement is lost, whatever is asked of it.

use nilometer::otel::RegistryMeterProvider;
use nilometer::{MetricsRegistry, PrometheusRenderer, RegistryConfig};
use nilometer_prometheus::{EscapingScheme, Exposition, Format};
use nilometer_tests::openmetrics;
use nilometer_tests::page::{Page, Series};
use opentelemetry::metrics::{AsyncInstrument, MeterProvider};
use opentelemetry::{Array, KeyValue, Value};
use proptest::collection::vec;
use proptest::prelude::*;

/// What may be asked of a meter, right or wrong.
#[derive(Debug, Clone)]
struct Anything {
    meter: &'static str,
    name: String,
    unit: Option<String>,
    description: Option<String>,
    kind: u8,
    boundaries: Option<Vec<f64>>,
    value: f64,
    attributes: Vec<KeyValue>,
}

fn any_attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let key = prop_oneof![
        Just(String::new()),
        "[a-c_.9]{1,4}",
        "(le|quantile|__x|otel[._]scope[._]name|nilometer.overflow)",
        any::<String>(),
    ];
    let array = vec(any::<f64>(), 0..3).prop_map(|values| Value::Array(Array::F64(values)));
    let value = prop_oneof![
        any::<String>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        array
    ];
    vec((key, value).prop_map(|(key, value)| KeyValue::new(key, value)), 0..40)
}

fn anything() -> impl Strategy<Value = Anything> {
    let name = prop_oneof![4 => "[aA][._]?(b|total|bytes|seconds|sum|bucket)?", 1 => any::<String>()];
    let unit = prop_oneof![
        proptest::sample::select(vec!["s", "By", "1", "{x}", "By/s", "%", ""]).prop_map(str::to_owned),
        any::<String>(),
    ];
    let boundaries = prop_oneof![
        3 => Just(None),
        1 => Just(Some(vec![])),
        1 => Just(Some(vec![1.0, 2.0])),
        1 => vec(any::<f64>(), 0..4).prop_map(Some),
    ];
    let meter = proptest::sample::select(vec!["lib", "other", ""]);
    let rest = (0_u8..15, boundaries, any::<f64>(), any_attributes());
    let texts = (meter, name, proptest::option::of(unit), proptest::option::of(any::<String>()));
    (texts, rest).prop_map(|((meter, name, unit, description), (kind, boundaries, value, attributes))| {
        Anything { meter, name, unit, description, kind, boundaries, value, attributes }
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "any numbers will do")]
fn ask(provider: &RegistryMeterProvider, asked: &Anything) {
    let meter = provider.meter(asked.meter);
    let (name, of, value) = (asked.name.clone(), asked.attributes.clone(), asked.value);
    let unit = asked.unit.clone().unwrap_or_default();
    let help = asked.description.clone().unwrap_or_default();
    match asked.kind {
        0 => meter.u64_counter(name).with_unit(unit).with_description(help).build().add(value as u64, &of),
        1 => meter.f64_counter(name).build().add(value, &of),
        2 => meter.i64_up_down_counter(name).with_unit(unit).build().add(value as i64, &of),
        3 => meter.f64_up_down_counter(name).build().add(value, &of),
        4 => meter.u64_gauge(name).build().record(value as u64, &of),
        5 => meter.i64_gauge(name).build().record(value as i64, &of),
        6 => meter.f64_gauge(name).with_unit(unit).with_description(help).build().record(value, &of),
        7 => {
            let mut builder = meter.f64_histogram(name).with_unit(unit).with_description(help);
            builder.boundaries.clone_from(&asked.boundaries);
            builder.build().record(value, &of);
        }
        8 => meter.u64_histogram(name).build().record(value as u64, &of),
        9 => {
            let counter = meter.u64_observable_counter(name).with_unit(unit);
            counter.with_callback(move |it| it.observe(value as u64, &of)).build();
        }
        10 => {
            meter.f64_observable_counter(name).with_callback(move |it| it.observe(value, &of)).build();
        }
        11 => {
            let change = meter.f64_observable_up_down_counter(name);
            change.with_callback(move |it| it.observe(value, &of)).build();
        }
        12 => {
            let gauge = meter.u64_observable_gauge(name).with_unit(unit).with_description(help);
            gauge.with_callback(move |it| it.observe(value as u64, &of)).build();
        }
        _ => {
            let gauge = meter.f64_observable_gauge(name);
            let callback = move |it: &dyn AsyncInstrument<f64>| (0..2).for_each(|_| it.observe(value, &of));
            gauge.with_callback(callback).build();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pages_keep_every_rule_whatever_is_asked(
        all in vec(anything(), 0..30),
        has_utf8_names in any::<bool>(),
        has_suffixes in any::<bool>(),
        has_scope_labels in any::<bool>(),
    ) {
        let config = RegistryConfig::new().with_utf8_names(has_utf8_names);
        let registry = MetricsRegistry::with_config(config);
        let builder = RegistryMeterProvider::builder(&registry).with_suffixes(has_suffixes);
        let provider = builder.with_scope_labels(has_scope_labels).build().unwrap();
        for asked in &all {
            ask(&provider, asked);
        }
        for _ in 0..2 {
            let text = PrometheusRenderer::render_all(&registry);
            let page = Page::parse(&text);
            prop_assert!(page.is_ok(), "{:?}\n{}", page, text);
            let render = |exposition| String::from_utf8(PrometheusRenderer::render_as(&registry, exposition).unwrap());
            let utf8 = render(Exposition::new(Format::Text1).with_escaping(EscapingScheme::AllowUtf8)).unwrap();
            let page = Page::parse_utf8(&utf8);
            prop_assert!(page.is_ok(), "{:?}\n{}", page, utf8);
            let open = render(Exposition::new(Format::OpenMetrics)).unwrap();
            let page = openmetrics::parse(&open);
            prop_assert!(page.is_ok(), "{:?}\n{}", page, open);
        }
    }
}

/// Makes an instrument that adds up, and records a one with it.
fn add_one(provider: &RegistryMeterProvider, asked: &Anything) {
    let meter = provider.meter(asked.meter);
    let (name, of) = (asked.name.clone(), &asked.attributes);
    let unit = asked.unit.clone().unwrap_or_default();
    match asked.kind % 3 {
        0 => meter.u64_counter(name).with_unit(unit).build().add(1, of),
        1 => meter.i64_up_down_counter(name).with_unit(unit).build().add(1, of),
        _ => {
            let mut builder = meter.u64_histogram(name).with_unit(unit);
            builder.boundaries.clone_from(&asked.boundaries);
            builder.build().record(1, of);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_measurement_is_in_a_series_or_counted_as_dropped(
        all in vec(anything(), 0..40),
        has_utf8_names in any::<bool>(),
        has_scope_labels in any::<bool>(),
    ) {
        let config = RegistryConfig::new().with_utf8_names(has_utf8_names).with_series_limit(5);
        let registry = MetricsRegistry::with_config(config);
        let provider = RegistryMeterProvider::builder(&registry).with_scope_labels(has_scope_labels).build().unwrap();
        for asked in &all {
            add_one(&provider, asked);
        }
        let page = Page::parse(&PrometheusRenderer::render_all(&registry)).unwrap();
        let mut found = 0;
        for family in &page.families {
            for (labels, series) in &family.series {
                let is_own = !family.name.starts_with("nilometer_");
                let is_dropped = family.name == "nilometer_otel_unsupported_total"
                    && labels.get("reason").is_none_or(|reason| reason == "dropped");
                found += match series {
                    Series::Value(value) if is_own || is_dropped => value.as_u64().unwrap(),
                    Series::Histogram { count, .. } => *count,
                    _ => 0,
                };
            }
        }
        prop_assert_eq!(found, all.len() as u64, "{:#?}", page);
    }
}
