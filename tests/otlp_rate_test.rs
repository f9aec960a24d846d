//! What recording loses to an exporter whose receiver is away. One test: what others do would be measured with it.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]
#![expect(clippy::print_stdout, reason = "how near it came to its limit is worth reading")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nilometer_core::{Counter, MetricsRegistry, RegistryConfig};
use nilometer_otel::Protocol;
use nilometer_otel::export::OtlpExporter;
use nilometer_tests::exports::{PROTOCOLS, attempts, config};
use nilometer_tests::otlp_server::OtlpServer;
use nilometer_tests::prometheus::wait_for;

const SERIES: usize = 20_000;

/// How much of its rate recording keeps.
const KEPT: f64 = 0.9;

/// Of the rounds, the median counts.
const ROUNDS: usize = 9;

/// A machine that does other things, too, is asked again so often.
const TRIES: usize = 3;

/// How long each half of a round is measured.
const WINDOW: Duration = Duration::from_millis(1500);

#[test]
#[ignore = "measures rates, which means something where it is optimized; .ci/run runs it"]
fn recording_keeps_nine_tenths_of_its_rate_while_the_receiver_is_away() {
    let config = RegistryConfig::new().with_series_limit(SERIES + 1).with_self_metrics(false);
    let registry = MetricsRegistry::with_config(config);
    let pages = registry.register_counter("pages_total", "Pages.").unwrap();
    let handles: Vec<Counter> = (0..SERIES)
        .map(|page| pages.get_or_create(&[("path", &format!("/api/v1/resource/{page:030}"))]))
        .collect();
    let (is_over, recorded) = (AtomicBool::new(false), [AtomicU64::new(0), AtomicU64::new(0)]);
    let medians = thread::scope(|scope| {
        for recorded in &recorded {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    handles.iter().for_each(Counter::inc);
                    recorded.fetch_add(SERIES as u64, Ordering::Relaxed);
                }
            });
        }
        let rate = || {
            let count = || recorded.iter().map(|count| count.load(Ordering::Relaxed)).sum::<u64>();
            let (start, before) = (Instant::now(), count());
            thread::sleep(WINDOW);
            #[expect(clippy::cast_precision_loss, reason = "a rate is not exact")]
            let recorded = (count() - before) as f64;
            recorded / start.elapsed().as_secs_f64()
        };
        let medians = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            PROTOCOLS.map(|protocol| {
                let mut kept = 0.0_f64;
                for _ in 0..TRIES {
                    kept = kept.max(median(protocol, &registry, rate));
                    if kept >= KEPT {
                        break;
                    }
                }
                kept
            })
        }));
        is_over.store(true, Ordering::Relaxed);
        medians.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    for (protocol, kept) in PROTOCOLS.into_iter().zip(medians) {
        println!("{protocol}: {kept:.3} of the rate without an exporter");
        assert!(kept >= KEPT, "{protocol}: {kept:.3} of the rate without an exporter");
    }
}

/// The rate with an exporter over that without one, the median of the rounds; which comes first alternates.
fn median(protocol: Protocol, registry: &MetricsRegistry, rate: impl Fn() -> f64) -> f64 {
    let with = || {
        let server = OtlpServer::stopped(protocol);
        let config = config(&server).with_interval(Duration::from_secs(1)).and_then(|config| {
            // The delays are the defaults.
            config.with_retry_delays(Duration::from_millis(500), Duration::from_secs(5))
        });
        let exporter = OtlpExporter::start(registry.clone(), config.unwrap()).unwrap();
        wait_for("a failure", || (attempts(&exporter, "unreachable") > 0.0).then_some(()));
        let rate = rate();
        // There is nobody to export to.
        let _ = exporter.shutdown_blocking(Duration::ZERO);
        rate
    };
    let mut ratios: Vec<f64> = (0..ROUNDS)
        .map(|round| {
            if round % 2 == 0 {
                let without = rate();
                with() / without
            } else {
                let with = with();
                with / rate()
            }
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ROUNDS / 2]
}
