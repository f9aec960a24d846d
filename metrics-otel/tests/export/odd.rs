//! Odd settings, and odd answers over HTTP.

use std::time::{Duration, Instant};

use nilometer_core::GaugeFamily;
use nilometer_core::collect::{Collector, Descriptor, Number, Point, SeriesLabels, Stopped, Visitor};
use nilometer_otel::export::{ExportError, ExportMetrics, OtlpExporter, OtlpExporterConfig};
use nilometer_otel::{Protocol, Resource, TemporalityPreference};

use crate::receiver::{Receiver, TAKEN};

const DEADLINE: Duration = Duration::from_secs(30);

fn config(receiver: &Receiver) -> OtlpExporterConfig {
    OtlpExporterConfig::new(Resource::new("checkout"))
        .with_protocol(Protocol::Http)
        .with_endpoint(&receiver.endpoint)
        .unwrap()
        .with_interval(Duration::MAX)
        .unwrap()
}

fn depths(series: u32) -> GaugeFamily {
    let depths = GaugeFamily::new("queue_depth", "Jobs that wait.");
    for queue in 0..series {
        depths.get_or_create(&[("queue", queue.to_string().as_str())]).set(1.0);
    }
    depths
}

#[test]
fn times_may_be_as_long_as_there_are() {
    let receiver = Receiver::start(&[TAKEN]);
    let config = config(&receiver);
    let config = config.with_timeout(Duration::MAX).unwrap().with_export_timeout(Duration::MAX).unwrap();
    let config = config.with_retry_delays(Duration::MAX, Duration::MAX).unwrap();
    let exporter = OtlpExporter::start(depths(1), config).unwrap();
    assert!(exporter.flush_blocking(DEADLINE).unwrap().points() > 0);
    exporter.shutdown_blocking(Duration::MAX).unwrap();
}

#[test]
fn one_that_wants_to_be_left_alone_for_long_is_not_sent_the_rest_at_once() {
    for seconds in ["3600", "18446744073709551615"] {
        let busy = format!("HTTP/1.1 503 Busy\r\nretry-after: {seconds}\r\ncontent-length: 0\r\n\r\n");
        let receiver = Receiver::start(&[&busy]);
        let exports = ExportMetrics::new();
        let config = config(&receiver).with_own_metrics(false).with_max_points(1);
        let config = config.with_metrics(exports.clone());
        let config = config.with_retry_delays(10 * DEADLINE, 10 * DEADLINE).unwrap();
        let exporter = OtlpExporter::start(depths(20), config).unwrap();
        let start = Instant::now();
        // All of the first collection is given up, since it would be too old afterwards.
        while dropped(&exports) < 20 {
            assert!(start.elapsed() < DEADLINE, "{exports:?}");
            std::thread::yield_now();
        }
        let error = exporter.shutdown_blocking(DEADLINE).unwrap_err();
        assert!(matches!(error, ExportError::Status { retry_after: Some(_), .. }), "{error}");
        assert_eq!(receiver.requests.try_iter().count(), 1, "it was left alone");
    }
}

fn dropped(exports: &ExportMetrics) -> u64 {
    let mut sum = Sum(0, false);
    exports.collect(&mut sum).unwrap();
    sum.0
}

/// Adds up the points that were dropped.
struct Sum(u64, bool);

impl Visitor for Sum {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        self.1 = descriptor.name() == "nilometer_otlp_points_dropped_total";
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        if let (true, Point::Counter(counter)) = (self.1, point)
            && let Number::U64(count) = counter.total()
        {
            self.0 += count;
        }
        Ok(())
    }
}

#[test]
fn flushes_that_nobody_waits_for_any_more_keep_nobody_waiting() {
    let receiver = Receiver::start(&["HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"]);
    // Collections of differences begin when it is known what became of the last one: here, after a second.
    let config = config(&receiver).with_temporality(TemporalityPreference::Delta);
    let config = config.with_export_timeout(Duration::from_secs(1)).unwrap();
    let exporter = OtlpExporter::start(depths(1), config).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for _ in 0..100 {
            let flush = exporter.flush(Duration::MAX);
            tokio::time::timeout(Duration::from_millis(1), flush).await.unwrap_err();
        }
        let error = exporter.shutdown(DEADLINE).await.unwrap_err();
        assert!(matches!(error, ExportError::Status { .. }), "{error}");
    });
}

#[test]
fn a_receiver_that_is_away_is_not_asked_at_every_flush() {
    let receiver = Receiver::start(&["HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"]);
    let first = Duration::from_secs(1);
    let config = config(&receiver).with_retry_delays(first, first).unwrap();
    let exporter = OtlpExporter::start(depths(1), config).unwrap();
    let start = Instant::now();
    while start.elapsed() < 2 * first {
        exporter.flush_blocking(Duration::from_millis(5)).unwrap_err();
    }
    // At least half of a delay is between two.
    let (requests, took) = (receiver.requests.try_iter().count(), start.elapsed());
    let most = 1 + usize::try_from(took.as_millis() / 500).unwrap();
    assert!((2..=most).contains(&requests), "{requests} requests in {took:?}");
    exporter.shutdown_blocking(Duration::from_millis(1)).unwrap_err();
}
