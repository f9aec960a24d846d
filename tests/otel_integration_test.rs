//! End to end: what a real OpenTelemetry collector has of what is traced.
//!
//! `.ci/peers` fetches what these tests need, and `.ci/run` runs them. Where it is missing they fail.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nilometer_otel::propagation::Propagator;
use nilometer_otel::trace::{Compression, OtelFlushError, Protocol, Sampling, SpanWork, start_batch_span};
use nilometer_otel::{OtelConfig, OtelProvider};
use nilometer_tests::rotel::{ReceivedSpan, Rotel};
use nilometer_tests::{example, openmetrics};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{Span, SpanKind, Tracer};
use opentelemetry::{Context, KeyValue};

const DEADLINE: Duration = Duration::from_secs(30);

/// The headers of a message, as Kafka has them.
type Headers = Vec<(String, Vec<u8>)>;

fn config(service: &str, rotel: &Rotel, protocol: Protocol) -> OtelConfig {
    let address: SocketAddr = if protocol == Protocol::Grpc { rotel.grpc() } else { rotel.http() };
    let config = OtelConfig::new(service).with_protocol(protocol);
    config.with_endpoint(&format!("http://{address}")).unwrap()
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

#[test]
#[ignore = "needs a real rotel; .ci/run runs it"]
fn spans_arrive_as_they_were_by_either_protocol_and_compressed() {
    for protocol in [Protocol::Grpc, Protocol::Http] {
        for compression in [None, Some(Compression::Gzip)] {
            let rotel = Rotel::start();
            let mut config = config("checkout", &rotel, protocol).with_service_version("1.4.2");
            config = config.with_attribute("zone", "a, b").unwrap().with_header("tenant", "blue").unwrap();
            if let Some(compression) = compression {
                config = config.with_compression(compression);
            }
            let provider = OtelProvider::init(config).unwrap();
            let (tracer, inner) = (provider.tracer("orders"), provider.tracer("stock"));
            SpanWork::new(&tracer, "place")
                .with_kind(SpanKind::Server)
                .with_attributes([KeyValue::new("order", "a:b"), KeyValue::new("items", 7)])
                .run(|| {
                    SpanWork::new(&inner, "reserve").run(|| Err::<(), _>("no stock")).unwrap_err();
                    Ok::<_, String>(())
                })
                .unwrap();
            provider.shutdown_blocking(DEADLINE).unwrap();
            assert_eq!((provider.export_stats().sent(), provider.export_stats().failed()), (2, 0));

            let spans = rotel.spans(2);
            let (place, reserve) =
                (ReceivedSpan::named(&spans, "place"), ReceivedSpan::named(&spans, "reserve"));
            for (span, scope) in [(place, "orders"), (reserve, "stock")] {
                assert_eq!(span.scope, scope);
                assert_eq!(span.resource["service.name"], "Str(checkout)");
                assert_eq!(span.resource["service.version"], "Str(1.4.2)");
                assert_eq!(span.resource["zone"], "Str(a, b)");
                assert_eq!(span.resource["telemetry.sdk.language"], "Str(rust)");
                assert_eq!((span.trace_id.len(), span.id.len()), (32, 16));
            }
            assert_eq!(
                (&*place.parent_id, &*place.kind, &*place.status),
                ("", "SPAN_KIND_SERVER", "STATUS_CODE_UNSET")
            );
            assert_eq!(place.attributes, pairs([("order", "Str(a:b)"), ("items", "Int(7)")]));
            assert_eq!((&reserve.trace_id, &reserve.parent_id), (&place.trace_id, &place.id));
            assert_eq!((&*reserve.status, &*reserve.status_message), ("STATUS_CODE_ERROR", "no stock"));
            let exception = pairs([("exception.type", "Str(&str)"), ("exception.message", "Str(no stock)")]);
            assert_eq!(reserve.events, [("exception".to_owned(), exception)]);
        }
    }
}

/// Rotel knows gzip alone. It says so over gRPC, and over HTTP takes what is compressed with zstd for protobuf.
#[test]
#[ignore = "needs a real rotel; .ci/run runs it"]
fn spans_that_are_compressed_in_a_way_that_the_receiver_does_not_know_are_lost_and_counted() {
    for (protocol, answer) in [
        (Protocol::Grpc, "TonicTracesClient export failed with gRPC code: Unimplemented"),
        (Protocol::Http, "HTTP export failed with status code: 400"),
    ] {
        let rotel = Rotel::start();
        let lost = config("lost", &rotel, protocol).with_compression(Compression::Zstd);
        let reason = format!("Operation failed: `{}`: {answer}", lost.endpoint());
        let lost = OtelProvider::init(lost).unwrap();
        lost.tracer("orders").in_span("lost", |_| ());
        assert_eq!(lost.flush_blocking(DEADLINE), Err(OtelFlushError::Failed { spans: 1, reason }));
        let stats = lost.export_stats();
        assert_eq!((stats.sent(), stats.failed()), (0, 1), "{protocol}");
        // Nothing of it is left to be sent.
        lost.shutdown_blocking(DEADLINE).unwrap();

        let taken = OtelProvider::init(config("taken", &rotel, protocol)).unwrap();
        taken.tracer("orders").in_span("taken", |_| ());
        taken.shutdown_blocking(DEADLINE).unwrap();
        let spans = rotel.spans(1);
        assert_eq!((spans.len(), &*spans[0].name), (1, "taken"), "{spans:#?}");
    }
}

#[test]
#[ignore = "needs a real rotel; .ci/run runs it"]
fn producers_and_consumers_are_joined_across_the_headers_of_messages() {
    let rotel = Rotel::start();
    let (sender, messages) = mpsc::channel::<Headers>();

    // Two processes in the place of two threads: each has a provider and a protocol of its own.
    let consumer = OtelProvider::init(config("billing", &rotel, Protocol::Http)).unwrap();
    let consuming = thread::spawn(move || {
        let (propagator, tracer) = (Propagator::new(), consumer.tracer("billing"));
        let contexts = messages.iter().map(|headers| propagator.extract_pairs(headers)).collect::<Vec<_>>();
        for context in &contexts {
            let order = context.baggage().get("order").unwrap().as_str().to_owned();
            SpanWork::new(&tracer, format!("bill {order}"))
                .with_kind(SpanKind::Consumer)
                .with_parent(context.clone())
                .run(|| Ok::<_, String>(()))
                .unwrap();
        }
        start_batch_span(&tracer, "bill all", &contexts).end();
        consumer.shutdown_blocking(DEADLINE).unwrap();
        propagator.stats()
    });

    let producer = OtelProvider::init(config("checkout", &rotel, Protocol::Grpc)).unwrap();
    let (propagator, tracer) = (Propagator::new(), producer.tracer("checkout"));
    for order in ["1", "2"] {
        SpanWork::new(&tracer, format!("send {order}"))
            .with_kind(SpanKind::Producer)
            .run(|| {
                let mut headers: Headers = vec![("id".to_owned(), vec![0xff, 0])];
                let context = Context::current().with_baggage([KeyValue::new("order", order)]);
                propagator.inject_pairs(&context, &mut headers);
                sender.send(headers)
            })
            .unwrap();
    }
    drop(sender);
    assert_eq!(consuming.join().unwrap().total(), 0);
    producer.shutdown_blocking(DEADLINE).unwrap();

    let spans = rotel.spans(5);
    let batch = ReceivedSpan::named(&spans, "bill all");
    assert_eq!((&*batch.kind, &*batch.parent_id), ("SPAN_KIND_CONSUMER", ""));
    let mut links = Vec::new();
    for order in ["1", "2"] {
        let (send, bill) = (
            ReceivedSpan::named(&spans, &format!("send {order}")),
            ReceivedSpan::named(&spans, &format!("bill {order}")),
        );
        assert_eq!((&*send.kind, &*send.parent_id), ("SPAN_KIND_PRODUCER", ""));
        assert_eq!((&bill.trace_id, &bill.parent_id), (&send.trace_id, &send.id));
        assert_eq!(send.resource["service.name"], "Str(checkout)");
        assert_eq!(bill.resource["service.name"], "Str(billing)");
        links.push((send.trace_id.clone(), send.id.clone()));
    }
    assert_eq!(batch.links, links);
}

#[test]
#[ignore = "needs a real rotel; .ci/run runs it"]
fn a_provider_that_is_dropped_inside_of_a_runtime_has_sent_all() {
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let rotel = Rotel::start();
        for mut builder in
            [tokio::runtime::Builder::new_current_thread(), tokio::runtime::Builder::new_multi_thread()]
        {
            builder.build().unwrap().block_on(async {
                let provider = OtelProvider::init(config("checkout", &rotel, protocol)).unwrap();
                // More than a batch.
                for _ in 0..1000 {
                    provider.tracer("orders").in_span("place", |_| ());
                }
                drop(provider);
            });
        }
        assert_eq!(rotel.spans(2000).len(), 2000, "{protocol}");
    }
}

#[test]
#[ignore = "needs a real rotel; .ci/run runs it"]
fn what_is_not_sampled_is_not_sent() {
    let rotel = Rotel::start();
    let config = config("checkout", &rotel, Protocol::Grpc).with_sampling(Sampling::AlwaysOff.parent_based());
    let provider = OtelProvider::init(config).unwrap();
    let headers = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    let sampled = Propagator::new().extract_pairs(headers);
    drop(provider.tracer("orders").start_with_context("not sampled", &Context::new()));
    drop(provider.tracer("orders").start_with_context("sampled", &sampled));
    provider.shutdown_blocking(DEADLINE).unwrap();
    let spans = rotel.spans(1);
    assert_eq!(spans.len(), 1, "{spans:#?}");
    let span = ReceivedSpan::named(&spans, "sampled");
    assert_eq!(span.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(span.parent_id, "00f067aa0ba902b7");
}

/// The example `otel_tracing`, as somebody runs it who has a collector.
#[test]
#[ignore = "needs a real rotel; .ci/run runs it"]
fn the_exemplars_of_a_page_lead_to_spans_that_the_collector_has() {
    let rotel = Rotel::start();
    let program = example::build("otel_tracing", "otel");
    let mut received = 0;
    for (protocol, address) in [("http/protobuf", rotel.http()), ("grpc", rotel.grpc())] {
        let output = Command::new(&program)
            .env_clear()
            .env("OTEL_SERVICE_NAME", "shop")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"))
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{told}");
        let (points, told) = told.split_once('\n').unwrap();
        assert!(points.contains(&format!(" points sent to http://{address}")), "{points}");
        // 40 orders: one span to take each, one to bill it, one for its card, and one for each ten of them.
        assert!(told.starts_with(&format!("124 spans: 124 sent to http://{address}")), "{told}");
        assert!(told.ends_with(", 0 lost\n"), "{told}");

        let spans = rotel.spans(received + 124).split_off(received);
        received += spans.len();
        let ids = spans.iter().map(|span| (&*span.trace_id, &*span.id)).collect::<BTreeSet<_>>();
        assert_eq!((spans.len(), ids.len()), (124, 124));
        assert!(spans.iter().all(|span| span.resource["service.name"] == "Str(shop)"));
        let families = openmetrics::parse(str::from_utf8(&output.stdout).unwrap()).unwrap();
        let samples = families.iter().flat_map(|family| &family.samples);
        let led = samples.filter_map(|sample| sample.exemplar.as_ref()).collect::<Vec<_>>();
        assert!(led.iter().all(|led| ids.contains(&(&*led.labels["trace_id"], &*led.labels["span_id"]))));
        // Four buckets of prices, one bucket at least of each duration, and three outcomes.
        assert!(led.len() >= 4 + 2 + 3, "{led:#?}");
    }
}
