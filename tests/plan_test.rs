//! The plan's own unit tests, verbatim but where a note says otherwise, and all of its names that exist so far.
//!
//! Notes that hold throughout: `use super::*` has become the imports of each module. A handle's clones share its value,
//! as the plan's own `test_counter_family` asks; the plan's `Clone` copied it.

/// The plan's `counter.rs`.
#[rustfmt::skip] // Verbatim, line breaks included.
mod counter {
    #![expect(clippy::clone_on_ref_ptr, reason = "the plan's own text")]

    use std::sync::Arc;

    use nilometer::{Counter, CounterFamily, Labels};

    #[test]
    fn test_counter_increment() {
        let counter = Counter::new(
            "test".to_string(),
            "Test counter".to_string(),
            Arc::new(Labels::empty()),
        );

        assert_eq!(counter.get(), 0);

        counter.inc();
        assert_eq!(counter.get(), 1);

        counter.inc_by(5);
        assert_eq!(counter.get(), 6);
    }

    #[test]
    fn test_counter_concurrent() {
        use std::sync::Arc;
        use std::thread;

        let counter = Arc::new(Counter::new(
            "test".to_string(),
            "Test".to_string(),
            Arc::new(Labels::empty()),
        ));

        let threads = 8;
        let increments = 10000;

        let handles: Vec<_> = (0..threads)
            .map(|_| {
                let c = counter.clone();
                thread::spawn(move || {
                    for _ in 0..increments {
                        c.inc();
                    }
                })
            })
            .collect();

        for h in handles {
            h.join().unwrap();
        }

        assert_eq!(counter.get(), threads * increments);
    }

    #[test]
    fn test_counter_family() {
        let family = CounterFamily::new("requests_total".to_string(), "Total requests".to_string());

        let counter1 = family.get_or_create(&[("method", "GET")]);
        let counter2 = family.get_or_create(&[("method", "POST")]);
        let counter3 = family.get_or_create(&[("method", "GET")]);

        counter1.inc();
        counter2.inc_by(2);

        // Same labels should return same counter
        assert_eq!(counter1.get(), counter3.get());
        assert_eq!(counter1.get(), 1);
        assert_eq!(counter2.get(), 2);
    }
}

/// The plan's `gauge.rs`.
#[rustfmt::skip] // Verbatim, line breaks included.
mod gauge {
    #![expect(clippy::float_cmp, reason = "the plan's own text; every value in it is exact in binary")]

    use std::sync::Arc;

    use nilometer::{Gauge, Labels};

    #[test]
    fn test_gauge_operations() {
        let gauge = Gauge::new(
            "test".to_string(),
            "Test gauge".to_string(),
            Arc::new(Labels::empty()),
        );

        gauge.set(10.0);
        assert_eq!(gauge.get(), 10.0);

        gauge.inc();
        assert_eq!(gauge.get(), 11.0);

        gauge.dec();
        assert_eq!(gauge.get(), 10.0);

        gauge.add(5.5);
        assert_eq!(gauge.get(), 15.5);

        gauge.sub(3.5);
        assert_eq!(gauge.get(), 12.0);
    }

    #[test]
    fn test_gauge_negative() {
        let gauge = Gauge::new(
            "test".to_string(),
            "Test".to_string(),
            Arc::new(Labels::empty()),
        );

        gauge.set(-10.5);
        assert_eq!(gauge.get(), -10.5);

        gauge.inc();
        assert_eq!(gauge.get(), -9.5);
    }
}

/// The plan's `labels.rs`.
#[rustfmt::skip] // Verbatim, line breaks included.
mod labels {
    use nilometer::LabelSet;

    #[test]
    fn test_label_set_creation() {
        let labels = LabelSet::from_pairs(&[
            ("method", "GET"),
            ("status", "200"),
        ]);

        assert_eq!(labels.len(), 2);
        assert!(!labels.is_empty());
    }

    #[test]
    fn test_label_set_ordering() {
        let labels1 = LabelSet::from_pairs(&[("a", "1"), ("b", "2")]);
        let labels2 = LabelSet::from_pairs(&[("b", "2"), ("a", "1")]);

        // Should be equal regardless of input order
        assert_eq!(labels1, labels2);
        assert_eq!(labels1.as_prometheus(), labels2.as_prometheus());
    }

    #[test]
    fn test_prometheus_encoding() {
        let labels = LabelSet::from_pairs(&[
            ("method", "GET"),
            ("status", "200"),
        ]);

        assert_eq!(labels.as_prometheus(), r#"{method="GET",status="200"}"#);
    }

    #[test]
    fn test_prometheus_encoding_escaping() {
        let labels = LabelSet::from_pairs(&[
            ("key", r#"value with "quotes""#),
        ]);

        assert!(labels.as_prometheus().contains(r#"value with \"quotes\""#));
    }

    #[test]
    fn test_empty_labels() {
        let labels = LabelSet::from_pairs(&[]);
        assert_eq!(labels.as_prometheus(), "");
        assert!(labels.is_empty());
    }
}

/// Every public name of the plan, used as the plan uses it. `ObservabilityConfig`, `OtelProvider` and `OtelConfig`
/// belong to features that do not exist yet.
mod names {
    use std::sync::Arc;

    use nilometer::application::ProcessorMetrics;
    use nilometer::{
        Counter, CounterFamily, Gauge, GaugeFamily, Histogram, HistogramFamily, LabelSet, Labels,
        MetricMetadata, MetricType, MetricsError, MetricsRegistry, MetricsServer, PrometheusRenderer,
        RegistryConfig, Result, ServerConfig, Summary, SummaryFamily, buckets,
    };

    /// A page that has a family of each kind.
    fn registry() -> Result<MetricsRegistry> {
        let registry = MetricsRegistry::with_config(RegistryConfig::default());
        let counters: CounterFamily = registry.register_counter("c_total", "C.")?;
        let gauges: GaugeFamily = registry.register_gauge("g", "G.")?;
        let histograms: HistogramFamily = registry.register_histogram("h_ms", "H.", &buckets::LATENCY_MS)?;
        let summaries: SummaryFamily = registry.register_summary("s_ms", "S.")?;
        let counter: Counter = counters.get_or_create(&[("method", "GET")]);
        let gauge: Gauge = gauges.default();
        let histogram: Histogram = histograms.default();
        counter.inc();
        gauge.set(2.0);
        histogram.observe(3.0);
        let summary: Summary = summaries.default();
        summary.observe(4.0);
        Ok(registry)
    }

    #[test]
    fn families_are_registered_and_looked_at_as_in_the_plan() {
        let registry = registry().unwrap();
        let counters = registry.register_counter("c_total", "C.").unwrap();
        // Different: the plan's `MetricMetadata` had public fields, and its iterators were `counters()`, `gauges()`
        // and `histograms()`, one per kind.
        let metadata: &MetricMetadata = counters.metadata();
        assert_eq!((metadata.name(), metadata.help()), ("c_total", "C."));
        assert_eq!(metadata.metric_type(), MetricType::Counter);
        let types = [MetricType::Counter, MetricType::Gauge, MetricType::Histogram, MetricType::Summary];
        assert_eq!(types.map(|kind| kind.as_str()), ["counter", "gauge", "histogram", "summary"]);
        assert_eq!(counters.series().map(|counter| counter.get()).sum::<u64>(), 1);

        let histogram = registry.register_histogram("h_ms", "H.", &buckets::LATENCY_MS).unwrap().default();
        // Different: a snapshot's `buckets`, `sum` and `count` were fields, and `buckets` had no bounds.
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.count(), 1);
        assert_eq!(snapshot.sum().to_bits(), 3_f64.to_bits());
        assert_eq!(snapshot.buckets().count(), histogram.bucket_bounds().len() + 1);
        assert!(histogram.labels().is_empty());
    }

    #[test]
    fn labels_and_label_sets_turn_into_each_other() {
        let pairs = [("status", "200"), ("method", "GET")];
        let labels: Labels = LabelSet::from_pairs(&pairs).into_labels();
        assert_eq!(labels.get("method"), Some("GET"));
        assert_eq!((labels.len(), labels.is_empty()), (2, false));
        assert_eq!(LabelSet::from_labels(&labels).as_prometheus(), r#"{method="GET",status="200"}"#);
        // Different: the plan's `Labels::from_pairs` kept the order that it was given, and `pairs()` was a slice.
        let labels = Labels::from_pairs(&pairs);
        assert_eq!(labels.pairs().collect::<Vec<_>>(), [("method", "GET"), ("status", "200")]);
    }

    #[test]
    fn families_are_rendered_one_by_one_or_all_together() {
        let registry = registry().unwrap();
        let mut output = String::new();
        // Different: the error was `std::fmt::Error`.
        let counters = registry.register_counter("c_total", "C.").unwrap();
        PrometheusRenderer::render_counter_family(&mut output, &counters).unwrap();
        let gauges = registry.register_gauge("g", "G.").unwrap();
        PrometheusRenderer::render_gauge_family(&mut output, &gauges).unwrap();
        let histograms = registry.register_histogram("h_ms", "H.", &buckets::LATENCY_MS).unwrap();
        PrometheusRenderer::render_histogram_family(&mut output, &histograms).unwrap();
        let summaries = registry.register_summary("s_ms", "S.").unwrap();
        PrometheusRenderer::render_summary_family(&mut output, &summaries).unwrap();
        assert_eq!(PrometheusRenderer::render_all(&registry), output);
    }

    #[test]
    fn the_errors_of_every_operation_are_metrics_errors() {
        fn register(name: &str) -> Result<CounterFamily> {
            Ok(MetricsRegistry::new().register_counter(name, "C.")?)
        }
        assert!(register("c_total").is_ok());
        assert!(matches!(register("not a name"), Err(MetricsError::Register(_))));
    }

    #[test]
    fn processor_metrics_have_the_names_of_the_plan() {
        let registry = MetricsRegistry::new();
        let metrics = ProcessorMetrics::new(&registry).unwrap();
        metrics.events_received_total.inc();
        metrics.events_processed_total.inc();
        metrics.processing_duration_ms.observe(1.5);
        metrics.errors_total.get_or_create(&[("kind", "parse")]).inc();
        let page = nilometer_tests::scrape(&registry);
        for (name, kind) in [
            ("events_received_total", "counter"),
            ("events_processed_total", "counter"),
            ("processing_duration_ms", "histogram"),
            ("errors_total", "counter"),
        ] {
            let family = page.family(&format!("stream_processor_{name}")).expect(name);
            assert_eq!(format!("{:?}", family.metric_type).to_lowercase(), kind);
            assert_eq!(family.series.len(), 1, "{name}");
        }
        let bounds = metrics.processing_duration_ms.bucket_bounds();
        assert_eq!(bounds, buckets::LATENCY_MS);
    }

    #[test]
    fn a_server_is_made_of_a_shared_registry_and_a_configuration() {
        // Different: the configuration's fields were public.
        let config = ServerConfig::default();
        assert_eq!((config.host(), config.port(), config.path()), ("0.0.0.0", 9090, "/metrics"));
        // Different: `router` is behind a feature that does not exist yet; `bind` comes before `serve`, or inside it.
        let server = MetricsServer::new(Arc::new(registry().unwrap()), config.with_host("127.0.0.1"));
        drop(server.serve());
    }
}
