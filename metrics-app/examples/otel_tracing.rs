//! A shop takes orders in one task and bills them in another: spans and metrics over OTLP, joined across the headers of
//! messages, and a page of metrics whose exemplars lead to those spans.
//!
//! ```sh
//! cargo run -p nilometer --features otel --example otel_tracing
//! ```
//!
//! It takes a second or two, prints the page in OpenMetrics, and says what became of its spans and of its metrics: without
//! a collector they are lost, which nothing else is. With one, such as an OpenTelemetry Collector, look there for a
//! `trace_id` of the page; Jaeger takes spans alone, which `OTEL_METRICS_EXPORTER=none` accounts for:
//!
//! ```sh
//! docker run -d -p 4318:4318 -p 16686:16686 jaegertracing/jaeger
//! export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 OTEL_METRICS_EXPORTER=none
//! cargo run -p nilometer --features otel --example otel_tracing
//! ```
//!
//! All that `OtelConfig::from_env` and `OtlpExporterConfig::from_env` know can be set, such as `OTEL_EXPORTER_OTLP_PROTOCOL=grpc`, or
//! `OTEL_TRACES_SAMPLER=traceidratio` with `OTEL_TRACES_SAMPLER_ARG=0.5`: only sampled spans are sent, and led to.

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use nilometer::otel::export::{OtlpExporter, OtlpExporterConfig};
use nilometer::otel::propagation::Propagator;
use nilometer::otel::trace::{OtelFlushError, SpanWork, start_batch_span};
use nilometer::otel::{CurrentSpan, OtelConfig, OtelProvider, WorkMetrics};
use nilometer::prometheus::{Exposition, Format, RenderError};
use nilometer::{Histogram, Metrics, MetricsRegistry, PrometheusRenderer, RegistryConfig, UpDownCounter};
use opentelemetry::trace::{Span, SpanKind, Tracer};
use opentelemetry::{Context, KeyValue};
use thiserror::Error;
use tokio::sync::mpsc;

/// How many orders there are.
const ORDERS: u32 = 40;

/// How many bills are settled at once.
const BATCH: usize = 10;

/// How long the last spans and the last metrics are waited for.
const DEADLINE: Duration = Duration::from_secs(3);

/// Says why an order came to nothing.
#[derive(Debug, Error)]
enum ShopError {
    #[error("the card of order {0} was declined")]
    Declined(u32),
    #[error("nobody bills order {0}")]
    Closed(u32),
}

/// What the shop measures. The prices lead to spans by the registry's source, the work by itself.
#[derive(Debug, Clone, Metrics)]
#[metrics(prefix = "shop")]
struct ShopMetrics {
    /// What an order comes to.
    #[metric(buckets = [10.0, 100.0, 1000.0])]
    order_euros: Histogram,
    /// Orders that wait to be billed.
    waiting: UpDownCounter,
    #[metric(flatten, prefix = "take")]
    take: WorkMetrics,
    #[metric(flatten, prefix = "bill")]
    bill: WorkMetrics,
}

/// An order on its way, with the headers that a broker would carry.
struct Message {
    headers: Vec<(String, Vec<u8>)>,
    order: u32,
}

/// What both tasks have.
#[derive(Clone)]
struct Shop<T> {
    metrics: ShopMetrics,
    tracer: T,
    propagator: Propagator,
}

impl<T> Shop<T>
where
    T: Tracer + Sync,
    T::Span: Send + Sync + 'static,
{
    /// Takes all orders, and sends each with the context of its span.
    async fn take_orders(self, messages: mpsc::Sender<Message>) -> Result<(), ShopError> {
        for order in 1..=ORDERS {
            let work = self.metrics.take.span(&self.tracer, "take order");
            let attributes = [KeyValue::new("order", i64::from(order))];
            work.with_kind(SpanKind::Producer)
                .with_attributes(attributes)
                .run_async(self.take(order, &messages))
                .await?;
        }
        Ok(())
    }

    async fn take(&self, order: u32, messages: &mpsc::Sender<Message>) -> Result<(), ShopError> {
        // The catalogue is slower for some than for others.
        tokio::time::sleep(Duration::from_millis(u64::from(order % 4 * 3))).await;
        self.metrics.order_euros.observe(f64::from(order * order));
        let mut headers = Vec::new();
        self.propagator.inject_pairs(&Context::current(), &mut headers);
        // Before it is sent: it may be billed before this task goes on.
        self.metrics.waiting.inc();
        messages.send(Message { headers, order }).await.map_err(|_| ShopError::Closed(order))
    }

    /// Bills what comes, each order in the trace that it came from, and settles the bills in batches.
    async fn bill_orders(self, mut messages: mpsc::Receiver<Message>) {
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(Message { headers, order }) = messages.recv().await {
            self.metrics.waiting.dec();
            let parent = self.propagator.extract_pairs(headers);
            let work = self.metrics.bill.span(&self.tracer, "bill order").with_kind(SpanKind::Consumer);
            // What is wrong is in the span and in the counter.
            let _ = work.with_parent(parent.clone()).run_async(self.bill(order)).await;
            batch.push(parent);
            if batch.len() == BATCH {
                start_batch_span(&self.tracer, "settle bills", &batch).end();
                batch.clear();
            }
        }
    }

    async fn bill(&self, order: u32) -> Result<(), ShopError> {
        // A span that nothing is measured of.
        SpanWork::new(&self.tracer, "charge card")
            .with_kind(SpanKind::Client)
            .run_async(async {
                tokio::time::sleep(Duration::from_millis(u64::from(1 + order % 5 * 7))).await;
                if order.is_multiple_of(7) { Err(ShopError::Declined(order)) } else { Ok(()) }
            })
            .await
    }
}

/// A registry whose observations lead to the spans that they are made in.
fn registry() -> MetricsRegistry {
    let config = RegistryConfig::new().with_exemplar_source(CurrentSpan).with_self_metrics(false);
    MetricsRegistry::with_config(config)
}

/// Runs the shop until all orders are billed, and returns its page.
async fn run(provider: &OtelProvider, registry: &MetricsRegistry) -> Result<String, Box<dyn Error>> {
    let shop = Shop {
        metrics: ShopMetrics::register(registry)?,
        tracer: provider.tracer("shop"),
        propagator: Propagator::new(),
    };
    let (sender, receiver) = mpsc::channel(8);
    let billing = tokio::spawn(shop.clone().bill_orders(receiver));
    tokio::spawn(shop.take_orders(sender)).await??;
    billing.await?;
    Ok(page(registry)?)
}

/// The page in the format that has exemplars.
fn page(registry: &MetricsRegistry) -> Result<String, RenderError> {
    let page = PrometheusRenderer::render_as(registry, Exposition::new(Format::OpenMetrics))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// Sends the last spans, and tells what became of all of them.
async fn farewell(provider: &OtelProvider, endpoint: &str) -> Result<String, Box<dyn Error>> {
    let ended = provider.shutdown(DEADLINE).await;
    let stats = provider.export_stats();
    let told =
        format!("{} spans: {} sent to {endpoint}, {} lost", stats.ended(), stats.sent(), stats.failed());
    match ended {
        Ok(()) => Ok(told),
        Err(error @ (OtelFlushError::Failed { .. } | OtelFlushError::DeadlineExceeded { .. })) => {
            Ok(format!("{told}: {error}"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Sends the last values, and tells what became of them.
async fn last_export(exporter: OtlpExporter, endpoint: &str) -> String {
    match exporter.shutdown(DEADLINE).await {
        Ok(report) => format!("{} points sent to {endpoint} at the end", report.points()),
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("the last points are lost: {error}{cause}")
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (traces, metrics) = (OtelConfig::from_env(), OtlpExporterConfig::from_env());
    for ignored in traces.ignored_variables().iter().chain(metrics.ignored_variables()) {
        writeln!(io::stderr(), "{} is ignored: {}", ignored.name(), ignored.error())?;
    }
    let (spans_to, points_to) = (traces.endpoint(), metrics.endpoint());
    let (provider, registry) = (OtelProvider::init(traces)?, registry());
    let exporter = OtlpExporter::start(registry.clone(), metrics)?;
    let page = run(&provider, &registry).await?;
    io::stdout().write_all(page.as_bytes())?;
    writeln!(io::stderr(), "{}", last_export(exporter, &points_to).await)?;
    writeln!(io::stderr(), "{}", farewell(&provider, &spans_to).await?)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::net::TcpListener;

    use nilometer::otel::Resource;
    use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};

    use super::*;

    /// The ids of the exemplars of the lines that start like this.
    fn exemplars(page: &str, start: &str) -> Vec<(String, String)> {
        let id = |exemplar: &str, name: &str| {
            let (_, rest) = exemplar.split_once(&format!("{name}=\"")).unwrap();
            rest.split_once('"').unwrap().0.to_owned()
        };
        let lines = page.lines().filter(|line| line.starts_with(start));
        let exemplars = lines.filter_map(|line| line.split_once(" # "));
        exemplars.map(|(_, text)| (id(text, "trace_id"), id(text, "span_id"))).collect()
    }

    #[tokio::test]
    async fn the_page_leads_to_the_spans_and_both_tell_the_same() {
        let exporter = InMemorySpanExporter::default();
        let provider = OtelProvider::with_exporter(&OtelConfig::new("shop"), exporter.clone());
        let page = run(&provider, &registry()).await.unwrap();
        assert!(page.contains("\nshop_waiting 0\n"), "{page}");
        for (kind, outcome, count) in [("take", "ok", 40), ("bill", "ok", 35), ("bill", "error", 5)] {
            assert!(
                page.contains(&format!("\nshop_{kind}_total{{outcome=\"{outcome}\"}} {count} # {{")),
                "{page}"
            );
        }

        provider.flush(Duration::from_secs(30)).await.unwrap();
        let spans = exporter.get_finished_spans().unwrap();
        let ids = |span: &SpanData| {
            (span.span_context.trace_id().to_string(), span.span_context.span_id().to_string())
        };
        let by_ids = spans.iter().map(|span| (ids(span), span)).collect::<HashMap<_, _>>();
        for (start, name) in [
            ("shop_order_euros_bucket", "take order"),
            ("shop_take_duration_seconds_bucket", "take order"),
            ("shop_bill_duration_seconds_bucket", "bill order"),
            ("shop_bill_total{outcome=\"error\"}", "bill order"),
        ] {
            let led = exemplars(&page, start);
            assert!(!led.is_empty(), "{start}: {page}");
            assert!(led.iter().all(|ids| by_ids[ids].name == name), "{start}: {led:?}");
        }
        let bills = spans.iter().filter(|span| span.name == "bill order").collect::<Vec<_>>();
        assert_eq!(bills.len(), ORDERS as usize);
        for bill in bills {
            let parent = (bill.span_context.trace_id().to_string(), bill.parent_span_id.to_string());
            assert_eq!(by_ids[&parent].name, "take order");
        }
        let settled = spans.iter().filter(|span| span.name == "settle bills");
        assert_eq!(settled.map(|span| span.links.len()).sum::<usize>(), ORDERS as usize);
    }

    #[tokio::test]
    async fn without_a_collector_the_end_comes_in_time_and_says_what_was_lost() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        // Nobody listens there now.
        drop(listener);
        let config = OtelConfig::new("shop").with_endpoint(&endpoint).unwrap();
        let provider = OtelProvider::init(config).unwrap();
        provider.tracer("shop").in_span("alone", |_| ());
        let metrics = OtlpExporterConfig::new(Resource::new("shop")).with_endpoint(&endpoint).unwrap();
        let exporter = OtlpExporter::start(registry(), metrics).unwrap();
        let told = last_export(exporter, &endpoint).await;
        assert!(told.starts_with("the last points are lost: not exported within 3s: "), "{told}");
        let told = farewell(&provider, &endpoint).await.unwrap();
        assert!(told.starts_with(&format!("1 spans: 0 sent to {endpoint}, ")), "{told}");
        assert!(
            told.contains(": 1 spans were not taken: ") || told.contains("were not sent within"),
            "{told}"
        );
    }
}
