//! What a provider records, and how it ends.

use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use nilometer_otel::propagation::Propagator;
use nilometer_otel::trace::{OtelFlushError, OtelInitError, Protocol, Sampling};
use nilometer_otel::{OtelConfig, OtelProvider};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData, SpanExporter};

use super::{DEADLINE, Kept};

/// A parent from elsewhere.
fn parent(sampled: bool) -> Context {
    let flags = TraceFlags::default().with_sampled(sampled);
    let (trace, span) = (TraceId::from(0xabc), SpanId::from(0xdef));
    Context::new().with_remote_span_context(SpanContext::new(trace, span, flags, true, TraceState::default()))
}

#[test]
fn sampling_decides_which_spans_are_kept() {
    // Without a parent, with one that is sampled, with one that is not.
    let half = Sampling::try_ratio(0.0).unwrap();
    for (sampling, kept) in [
        (Sampling::AlwaysOn, [true, true, true]),
        (Sampling::AlwaysOff, [false, false, false]),
        (Sampling::try_ratio(1.0).unwrap(), [true, true, true]),
        (half.clone(), [false, false, false]),
        (Sampling::AlwaysOn.parent_based(), [true, true, false]),
        (Sampling::AlwaysOff.parent_based(), [false, true, false]),
        (half.parent_based(), [false, true, false]),
    ] {
        for (context, kept) in [Context::new(), parent(true), parent(false)].into_iter().zip(kept) {
            let test = Kept::with(&OtelConfig::new("test").with_sampling(sampling.clone()));
            drop(test.provider.tracer("test").start_with_context("work", &context));
            assert_eq!(test.spans().len(), usize::from(kept), "{sampling:?}");
        }
    }
}

#[test]
fn a_ratio_keeps_about_that_part_of_the_traces() {
    let test = Kept::with(&OtelConfig::new("test").with_sampling(Sampling::try_ratio(0.25).unwrap()));
    let tracer = test.provider.tracer("test");
    for _ in 0..2000 {
        drop(tracer.start_with_context("work", &Context::new()));
    }
    // Six standard deviations of the binomial distribution are 116.
    assert!((384..=616).contains(&test.spans().len()), "{}", test.spans().len());
}

#[test]
fn a_disabled_provider_records_nothing_and_connects_to_nothing() {
    let provider = OtelProvider::init(OtelConfig::new("test").with_disabled(true)).unwrap();
    provider.tracer("test").in_span("work", |context| {
        assert!(!context.span().is_recording());
    });
    provider.flush_blocking(DEADLINE).unwrap();
    provider.shutdown_blocking(DEADLINE).unwrap();
    assert_eq!(provider.export_stats().sent(), 0);
}

#[test]
fn a_disabled_provider_lets_context_through_and_begins_none() {
    let config = OtelConfig::new("test").with_disabled(true);
    let exporter = InMemorySpanExporter::default();
    let providers =
        [OtelProvider::init(config.clone()).unwrap(), OtelProvider::with_exporter(&config, exporter.clone())];
    for provider in &providers {
        let (tracer, propagator) = (provider.tracer("test"), Propagator::new());
        // What a service behind this one is told by a span in a span.
        let told = |arrived: Option<&str>| {
            let context = propagator.extract_pairs(arrived.map(|arrived| ("traceparent", arrived)));
            let outer = context.with_span(tracer.start_with_context("outer", &context));
            let inner = outer.with_span(tracer.start_with_context("inner", &outer));
            let mut headers = Vec::<(String, Vec<u8>)>::new();
            propagator.inject_pairs(&inner, &mut headers);
            let told = headers.into_iter().find(|(name, _)| name == "traceparent");
            told.map(|(_, value)| String::from_utf8(value).unwrap())
        };
        for flags in ["00", "01"] {
            let trace = "0af7651916cd43dd8448eb211c80319c";
            let told = told(Some(&format!("00-{trace}-b7ad6b7169203331-{flags}"))).unwrap();
            assert!(
                told.starts_with(&format!("00-{trace}-")) && told.ends_with(&format!("-{flags}")),
                "{told}"
            );
        }
        assert_eq!(told(None), None);
        provider.flush_blocking(DEADLINE).unwrap();
    }
    assert_eq!(exporter.get_finished_spans().unwrap(), []);
}

#[test]
fn a_provider_that_is_dropped_has_sent_all() {
    /// Outlives the exporter's shutdown, which empties the one in memory.
    #[derive(Debug, Clone, Default)]
    struct Names(std::sync::Arc<Mutex<Vec<String>>>);

    impl SpanExporter for Names {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().extend(batch.into_iter().map(|span| span.name.into_owned()));
            Ok(())
        }
    }

    let names = Names::default();
    let provider = OtelProvider::with_exporter(&OtelConfig::new("test"), names.clone());
    let tracer = provider.tracer("test");
    tracer.in_span("before", |_| ());
    drop(provider);
    tracer.in_span("after", |_| ());
    assert_eq!(*names.0.lock().unwrap(), ["before"]);
}

#[test]
fn spans_that_are_not_taken_are_counted_and_told() {
    #[derive(Debug)]
    struct Refusing;

    impl SpanExporter for Refusing {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            Err(OTelSdkError::InternalFailure("full".to_owned()))
        }
    }

    let provider = OtelProvider::with_exporter(&OtelConfig::new("test"), Refusing);
    let work = || provider.tracer("test").in_span("work", |_| ());
    work();
    work();
    let error = provider.flush_blocking(DEADLINE).unwrap_err();
    assert!(
        matches!(&error, OtelFlushError::Failed { spans: 2, reason } if reason.contains("full")),
        "{error}"
    );
    provider.flush_blocking(DEADLINE).unwrap();
    work();
    assert!(matches!(provider.shutdown_blocking(DEADLINE), Err(OtelFlushError::Failed { spans: 1, .. })));
    assert_eq!(provider.export_stats().failed(), 3);
}

#[test]
fn an_exporter_that_hangs_holds_nobody_beyond_the_deadline() {
    #[derive(Debug)]
    struct Hanging;

    impl SpanExporter for Hanging {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            std::future::pending().await
        }
    }

    let provider = OtelProvider::with_exporter(&OtelConfig::new("test"), Hanging);
    provider.tracer("test").in_span("work", |_| ());
    let (start, deadline) = (Instant::now(), Duration::from_millis(200));
    assert_eq!(provider.flush_blocking(deadline), Err(OtelFlushError::DeadlineExceeded { deadline }));
    assert_eq!(provider.shutdown_blocking(deadline), Err(OtelFlushError::DeadlineExceeded { deadline }));
    assert!(start.elapsed() < Duration::from_secs(10));
}

/// Takes spans once it is told to.
#[derive(Debug)]
struct Held(Mutex<mpsc::Receiver<()>>);

impl SpanExporter for Held {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        let told = self.0.lock().unwrap().recv_timeout(DEADLINE);
        told.map_err(|error| OTelSdkError::InternalFailure(error.to_string()))
    }
}

#[test]
fn who_waits_in_a_task_leaves_the_thread_to_others() {
    let (tell, told) = mpsc::channel();
    let provider = OtelProvider::with_exporter(&OtelConfig::new("test"), Held(told.into()));
    provider.tracer("test").in_span("work", |_| ());
    let waiting = async {
        provider.flush(DEADLINE).await.unwrap();
        provider.shutdown(DEADLINE).await.unwrap();
        assert_eq!(provider.flush(DEADLINE).await, Err(OtelFlushError::AlreadyShutDown));
    };
    // The first is polled first, and cannot end before the second has had its turn.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { tokio::join!(waiting, async { tell.send(()).unwrap() }) });
}

#[test]
fn a_second_shutdown_says_so() {
    let provider = OtelProvider::with_exporter(&OtelConfig::new("test"), InMemorySpanExporter::default());
    provider.shutdown_blocking(DEADLINE).unwrap();
    assert_eq!(provider.shutdown_blocking(DEADLINE), Err(OtelFlushError::AlreadyShutDown));
    assert_eq!(provider.flush_blocking(DEADLINE), Err(OtelFlushError::AlreadyShutDown));
}

#[test]
fn a_protocol_that_is_not_built_is_an_error_at_the_start() {
    for (protocol, built) in
        [(Protocol::Grpc, cfg!(feature = "trace-grpc")), (Protocol::Http, cfg!(feature = "trace-http"))]
    {
        let started = OtelProvider::init(OtelConfig::new("test").with_protocol(protocol));
        match started {
            Ok(_) => assert!(built, "{protocol}"),
            Err(error) => {
                assert!(!built && matches!(error, OtelInitError::ProtocolNotBuilt { .. }), "{error}");
            }
        }
    }
}

#[test]
#[cfg(not(feature = "tls"))]
fn an_https_endpoint_without_tls_is_an_error_at_the_start() {
    for (protocol, built) in
        [(Protocol::Grpc, cfg!(feature = "trace-grpc")), (Protocol::Http, cfg!(feature = "trace-http"))]
    {
        let config = OtelConfig::new("test").with_endpoint("https://127.0.0.1:1").unwrap();
        let error = OtelProvider::init(config.with_protocol(protocol)).unwrap_err();
        assert_eq!(matches!(error, OtelInitError::TlsNotBuilt { .. }), built, "{error}");
    }
}

#[test]
fn an_installed_provider_is_the_one_of_the_process() {
    use opentelemetry::global;

    let test = Kept::new();
    test.provider.install_global(Propagator::new());
    let mut headers = std::collections::HashMap::new();
    global::tracer("global").in_span("work", |context| {
        global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut headers));
    });
    let span = test.spans().pop().unwrap();
    assert_eq!(span.instrumentation_scope.name(), "global");
    let (trace, id) = (span.span_context.trace_id(), span.span_context.span_id());
    assert_eq!(headers["traceparent"], format!("00-{trace}-{id}-01"));
}

#[test]
fn spans_beyond_the_queue_are_dropped_and_can_be_told() {
    /// Waits until it is let go, so that the queue fills up.
    #[derive(Debug)]
    struct Waiting(Mutex<mpsc::Receiver<()>>);

    impl SpanExporter for Waiting {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            // Once the sender is gone, this returns at once.
            let _ = self.0.lock().unwrap().recv();
            Ok(())
        }
    }

    let (go, waiting) = mpsc::channel();
    let config = OtelConfig::new("test").with_queue_size(10).unwrap().with_batch_size(10).unwrap();
    let provider = OtelProvider::with_exporter(&config, Waiting(Mutex::new(waiting)));
    let tracer = provider.tracer("test");
    for _ in 0..100 {
        tracer.in_span("work", |_| ());
    }
    drop(go);
    provider.flush_blocking(DEADLINE).unwrap();
    let stats = provider.export_stats();
    assert_eq!((stats.ended(), stats.failed()), (100, 0));
    // One batch on its way, or about to be, and one queue.
    assert!((10..=20).contains(&stats.sent()), "{stats:?}");
}

#[test]
fn flushes_without_number_while_the_exporter_is_stuck_do_not_say_that_all_is_sent() {
    #[derive(Debug)]
    struct Stuck;

    impl SpanExporter for Stuck {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            std::future::pending().await
        }
    }

    let provider = OtelProvider::with_exporter(&OtelConfig::new("test"), Stuck);
    provider.tracer("test").in_span("work", |_| ());
    let deadline = Duration::from_millis(10);
    for flush in 0..100 {
        let error = provider.flush_blocking(deadline).unwrap_err();
        assert!(matches!(error, OtelFlushError::DeadlineExceeded { .. }), "{flush}: {error}");
    }
    provider.shutdown_blocking(deadline).unwrap_err();
}

#[test]
fn a_flush_after_the_sdk_was_shut_down_says_so() {
    let test = Kept::new();
    test.provider.tracer_provider().shutdown().unwrap();
    assert_eq!(test.provider.flush_blocking(DEADLINE), Err(OtelFlushError::AlreadyShutDown));
}
