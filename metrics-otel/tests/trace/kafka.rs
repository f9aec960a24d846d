//! Context through a broker: librdkafka's own, in this process, which speaks Kafka's protocol over sockets.

use std::time::{Duration, Instant};

use nilometer_otel::propagation::Propagator;
use nilometer_otel::trace::{SpanWork, start_batch_span};
use opentelemetry::Context;
use opentelemetry::trace::{Span, SpanKind};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::{DEADLINE, Kept};

const TOPIC: &str = "orders";
const MESSAGES: usize = 3;

#[test]
fn a_consumer_in_another_thread_continues_the_traces_of_the_producer() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(TOPIC, 1, 1).unwrap();
    let servers = cluster.bootstrap_servers();
    let test = Kept::new();
    let (propagator, tracer) = (Propagator::new(), test.provider.tracer("test"));

    std::thread::scope(|scope| {
        let (propagator, tracer, servers) = (&propagator, &tracer, &servers);
        scope.spawn(move || {
            let mut config = ClientConfig::new();
            config.set("bootstrap.servers", servers).set("group.id", "billing");
            let consumer: BaseConsumer = config.set("auto.offset.reset", "earliest").create().unwrap();
            consumer.subscribe(&[TOPIC]).unwrap();
            let (mut contexts, start) = (Vec::new(), Instant::now());
            while contexts.len() < MESSAGES {
                assert!(start.elapsed() < DEADLINE, "only {} messages came", contexts.len());
                let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
                let message = message.unwrap();
                // Borrowed as it came, and owned as it is kept.
                let context = propagator.extract_kafka(message.headers().unwrap());
                let kept = propagator.extract_kafka(message.detach().headers().unwrap().as_borrowed());
                assert_eq!(span_id(&kept), span_id(&context));
                SpanWork::new(tracer, "consume")
                    .with_kind(SpanKind::Consumer)
                    .with_parent(context.clone())
                    .run(|| Ok::<_, String>(()))
                    .unwrap();
                contexts.push(context);
            }
            start_batch_span(tracer, "batch", &contexts).end();
        });

        let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", servers).create().unwrap();
        for _ in 0..MESSAGES {
            SpanWork::new(tracer, "produce")
                .with_kind(SpanKind::Producer)
                .run(|| {
                    let known = OwnedHeaders::new().insert(Header { key: "id", value: Some(&b"\xff"[..]) });
                    let headers = propagator.inject_kafka(&Context::current(), known);
                    let record = BaseRecord::<str, str>::to(TOPIC).key("key").payload("order");
                    producer.send(record.headers(headers)).map_err(|(error, _)| error)
                })
                .unwrap();
        }
        producer.flush(DEADLINE).unwrap();
    });

    let spans = test.spans();
    let of = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let (produced, consumed) = (of("produce"), of("consume"));
    assert_eq!((produced.len(), consumed.len()), (MESSAGES, MESSAGES));
    for (produced, consumed) in produced.iter().zip(&consumed) {
        assert_eq!(consumed.span_context.trace_id(), produced.span_context.trace_id());
        assert_eq!(consumed.parent_span_id, produced.span_context.span_id());
        assert!(consumed.parent_span_is_remote);
    }
    let links = of("batch")[0].links.iter().map(|link| link.span_context.span_id()).collect::<Vec<_>>();
    assert_eq!(links, produced.iter().map(|span| span.span_context.span_id()).collect::<Vec<_>>());
    assert_eq!(propagator.stats().total(), 0);
}

fn span_id(context: &Context) -> String {
    use opentelemetry::trace::TraceContextExt;

    context.span().span_context().span_id().to_string()
}
