//! End to end: a producer and a consumer whose spans a real OpenTelemetry collector has in one trace, since the context
//! went through a broker. That one is librdkafka's own, in this process, which speaks Kafka's protocol over sockets.
//!
//! `.ci/peers` fetches what these tests need, and `.ci/run` runs them. Where it is missing they fail.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::net::SocketAddr;
use std::time::Duration;

use nilometer_otel::propagation::{PropagationStats, Propagator};
use nilometer_otel::trace::{Protocol, SpanWork, start_batch_span};
use nilometer_otel::{OtelConfig, OtelProvider};
use nilometer_tests::rotel::{ReceivedSpan, Rotel};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{Span, SpanKind, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use rdkafka::ClientConfig;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{FutureProducer, FutureRecord};

const DEADLINE: Duration = Duration::from_secs(30);
const TOPIC: &str = "orders";

/// Orders; the last one comes from a producer that knows nothing of tracing.
const ORDERS: [&str; 4] = ["0", "1", "2", "untraced"];

fn provider(service: &str, protocol: Protocol, address: SocketAddr) -> OtelProvider {
    let config = OtelConfig::new(service).with_protocol(protocol);
    OtelProvider::init(config.with_endpoint(&format!("http://{address}")).unwrap()).unwrap()
}

/// Sends all orders; each one is a message with a key, and headers of its own besides those of the context.
async fn produce(servers: String, provider: OtelProvider) -> PropagationStats {
    let producer: FutureProducer = ClientConfig::new().set("bootstrap.servers", servers).create().unwrap();
    let (propagator, tracer) = (Propagator::new(), provider.tracer("checkout"));
    for order in ORDERS {
        let known = OwnedHeaders::new().insert(Header { key: "id", value: Some(&b"\xff\0"[..]) });
        let known = known.insert(Header { key: "none", value: None::<&[u8]> });
        let send = async |headers| {
            let record = FutureRecord::to(TOPIC).key(order).payload("order").headers(headers);
            producer.send(record, DEADLINE).await.map_err(|(error, _)| error)
        };
        if order == "untraced" {
            // Somebody else's idea of such headers.
            let garbage = known.insert(Header { key: "traceparent", value: Some(&b"00-\xff"[..]) });
            send(garbage).await.unwrap();
            continue;
        }
        let work = SpanWork::new(&tracer, format!("send {order}")).with_kind(SpanKind::Producer);
        work.run_async(async {
            let baggage = [KeyValue::new("order", order), KeyValue::new("gift", "süß, \"yes\"; 100 %")];
            let context = Context::current().with_baggage(baggage);
            send(propagator.inject_kafka(&context, known)).await
        })
        .await
        .unwrap();
    }
    provider.shutdown_blocking(DEADLINE).unwrap();
    propagator.stats()
}

/// Works on all orders, each in a span that continues the trace of its message, and on all of them as a batch.
async fn consume(servers: String, provider: OtelProvider) -> PropagationStats {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("group.id", "billing").set("auto.offset.reset", "earliest");
    let consumer: StreamConsumer = config.create().unwrap();
    consumer.subscribe(&[TOPIC]).unwrap();
    let (propagator, tracer) = (Propagator::new(), provider.tracer("billing"));
    let mut contexts = Vec::new();
    for _ in ORDERS {
        let message = tokio::time::timeout(DEADLINE, consumer.recv()).await.unwrap().unwrap();
        let order = std::str::from_utf8(message.key().unwrap()).unwrap();
        let context = propagator.extract_kafka(message.headers().unwrap());
        let work = SpanWork::new(&tracer, format!("bill {order}")).with_kind(SpanKind::Consumer);
        work.with_parent(context.clone())
            .run_async(async {
                // On another thread, perhaps.
                tokio::task::yield_now().await;
                let context = Context::current();
                for (name, (value, _)) in context.baggage() {
                    context.span().set_attribute(KeyValue::new(name.to_string(), value.to_string()));
                }
                Ok::<_, String>(())
            })
            .await
            .unwrap();
        contexts.push(context);
    }
    start_batch_span(&tracer, "bill all", &contexts).end();
    provider.shutdown_blocking(DEADLINE).unwrap();
    propagator.stats()
}

#[test]
#[ignore = "needs a real rotel; .ci/run runs it"]
fn spans_are_joined_across_the_headers_of_kafka() {
    let (rotel, cluster) = (Rotel::start(), MockCluster::new(1).unwrap());
    cluster.create_topic(TOPIC, 1, 1).unwrap();
    // Two processes in the place of two tasks: each has a provider, a protocol and connections of its own.
    let checkout = provider("checkout", Protocol::Grpc, rotel.grpc());
    let billing = provider("billing", Protocol::Http, rotel.http());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let consuming = runtime.spawn(consume(cluster.bootstrap_servers(), billing));
    let producing = runtime.spawn(produce(cluster.bootstrap_servers(), checkout));
    let (produced, consumed) =
        runtime.block_on(async { (producing.await.unwrap(), consuming.await.unwrap()) });
    assert_eq!(produced.total(), 0);
    assert_eq!((consumed.invalid_utf8(), consumed.total()), (1, 1));

    let spans = rotel.spans(2 * ORDERS.len());
    assert_eq!(spans.len(), 2 * ORDERS.len(), "{spans:#?}");
    let mut links = Vec::new();
    for order in ORDERS {
        let bill = ReceivedSpan::named(&spans, &format!("bill {order}"));
        assert_eq!((&*bill.resource["service.name"], &*bill.scope), ("Str(billing)", "billing"));
        assert_eq!((&*bill.kind, &*bill.status), ("SPAN_KIND_CONSUMER", "STATUS_CODE_UNSET"));
        if order == "untraced" {
            assert_eq!((&*bill.parent_id, bill.attributes.len()), ("", 0));
            continue;
        }
        let send = ReceivedSpan::named(&spans, &format!("send {order}"));
        assert_eq!((&*send.resource["service.name"], &*send.scope), ("Str(checkout)", "checkout"));
        assert_eq!((&*send.kind, &*send.parent_id), ("SPAN_KIND_PRODUCER", ""));
        assert_eq!((&bill.trace_id, &bill.parent_id), (&send.trace_id, &send.id));
        let baggage = [("order", format!("Str({order})")), ("gift", "Str(süß, \"yes\"; 100 %)".to_owned())];
        assert_eq!(bill.attributes, baggage.map(|(name, value)| (name.to_owned(), value)).into());
        links.push((send.trace_id.clone(), send.id.clone()));
    }
    let batch = ReceivedSpan::named(&spans, "bill all");
    assert_eq!((&*batch.kind, &*batch.parent_id), ("SPAN_KIND_CONSUMER", ""));
    assert_eq!(batch.links, links);
    // Each in a trace of its own.
    let traces = spans.iter().map(|span| &span.trace_id).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(traces.len(), ORDERS.len() + 1);
}
