//! What an exporter logs, and where.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nilometer_core::GaugeFamily;
use nilometer_core::collect::{CollectError, Collector, Visitor};
use nilometer_otel::export::{ExportMetrics, OtlpExporter, OtlpExporterConfig};
use nilometer_otel::{Protocol, Resource};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::receiver::{Receiver, TAKEN};

const DEADLINE: Duration = Duration::from_secs(30);

/// Keeps the messages of those who log at least what is worth knowing.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn count(&self, message: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|heard| *heard == message).count()
    }
}

impl Visit for Heard {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0.lock().unwrap().push(format!("{value:?}"));
        }
    }
}

impl Subscriber for Heard {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn config(endpoint: &str) -> OtlpExporterConfig {
    OtlpExporterConfig::new(Resource::new("checkout"))
        .with_protocol(Protocol::Http)
        .with_endpoint(endpoint)
        .unwrap()
        .with_interval(Duration::MAX)
        .unwrap()
}

#[test]
fn a_receiver_that_is_away_is_one_piece_of_news_beside_one_that_is_well() {
    let heard = Heard::default();
    let (receiver, exports) = (Receiver::start(&[TAKEN]), ExportMetrics::new());
    let depth = Arc::new(GaugeFamily::new("queue_depth", "Jobs that wait."));
    tracing::subscriber::with_default(heard.clone(), || {
        let start = |endpoint: &str| {
            let config = config(endpoint).with_metrics(exports.clone());
            OtlpExporter::start(Arc::clone(&depth), config).unwrap()
        };
        let (well, away) = (start(&receiver.endpoint), start(&crate::life::nobody()));
        for _ in 0..3 {
            away.flush_blocking(Duration::from_millis(600)).unwrap_err();
            well.flush_blocking(DEADLINE).unwrap();
        }
        away.shutdown_blocking(Duration::from_millis(1)).unwrap_err();
    });
    let counts = ["an export failed", "exports succeed again"].map(|message| heard.count(message));
    assert_eq!(counts, [1, 0], "{:?}", heard.0);
}

/// Logs that it is collected.
struct Logs;

impl Collector for Logs {
    fn collect(&self, _: &mut dyn Visitor) -> Result<(), CollectError> {
        tracing::warn!("collected");
        Ok(())
    }
}

#[test]
fn what_collections_log_goes_where_the_logs_of_the_caller_go() {
    let (heard, receiver) = (Heard::default(), Receiver::start(&[TAKEN]));
    tracing::subscriber::with_default(heard.clone(), || {
        let exporter = OtlpExporter::start(Logs, config(&receiver.endpoint)).unwrap();
        exporter.shutdown_blocking(DEADLINE).unwrap();
    });
    assert!(heard.count("collected") > 0, "{:?}", heard.0);
}
