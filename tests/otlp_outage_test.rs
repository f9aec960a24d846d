//! What exporters hold in memory while their receiver is away, and what it has when it is back.
//!
//! A case has a process to itself, whose heap is measured: this program, run again with the case in a variable of its
//! environment. Cases run side by side.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]
#![expect(clippy::print_stdout, reason = "how near it came to its limit is worth reading")]

use std::env;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nilometer_core::collect::{CollectError, Collector, Visitor};
use nilometer_core::{Counter, MetricsRegistry, RegistryConfig};
use nilometer_otel::export::{OtlpExporter, OtlpExporterConfig};
use nilometer_otel::{Protocol, Resource, TemporalityPreference};
use nilometer_tests::exports::{LONG, attempts, value};
use nilometer_tests::heap::{CountingAllocator, Measured};
use nilometer_tests::otlp_server::{Answer, OtlpServer};
use nilometer_tests::prometheus::wait_for;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Names the case: protocol, receiver, temporality.
const CASE: &str = "NILOMETER_OUTAGE_CASE";

/// How long it lasts, and how often is collected meanwhile, in milliseconds.
const LASTS: &str = "NILOMETER_OUTAGE_MILLISECONDS";
const EVERY: &str = "NILOMETER_OUTAGE_INTERVAL";

/// What a case says that has come to its end.
const MEASURED: &str = "bytes at most";

const SERIES: usize = 20_000;

/// How much more there may be in memory than before, in bytes.
const MORE: usize = 16 << 20;

/// How many series a thread records into before it lets others have the processor.
const BURST: usize = 2000;

#[test]
#[ignore = "takes more than a minute; .ci/run runs it"]
fn every_kind_of_outage_of_a_minute_costs_bounded_memory_and_nothing_that_was_recorded() {
    let cases = ["grpc", "http"].into_iter().flat_map(|protocol| {
        ["refuses", "hangs"].into_iter().flat_map(move |receiver| {
            ["cumulative", "delta"].map(|temporality| format!("{protocol} {receiver} {temporality}"))
        })
    });
    let start = |case: String| {
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "an_outage_costs_bounded_memory_and_nothing_that_was_recorded", "--nocapture"])
            .envs([(CASE, &*case), (LASTS, &*env::var(LASTS).unwrap_or_else(|_| "60000".to_owned()))])
            .env(EVERY, "1000")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        (case, child.unwrap())
    };
    let children: Vec<_> = cases.map(start).collect();
    // All of them end, whatever becomes of one.
    let ended: Vec<_> =
        children.into_iter().map(|(case, child)| (case, child.wait_with_output().unwrap())).collect();
    for (case, output) in &ended {
        let [said, errors] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        assert!(output.status.success() && said.contains("1 passed"), "{case}: {said}{errors}");
        said.lines().filter(|line| line.contains(MEASURED)).for_each(|line| println!("{line}"));
    }
}

#[test]
fn an_outage_costs_bounded_memory_and_nothing_that_was_recorded() {
    // Where it is run by itself, one short case, which nobody else is measured with.
    let case = env::var(CASE).unwrap_or_else(|_| "http refuses cumulative".to_owned());
    let milliseconds = |name, otherwise| {
        Duration::from_millis(env::var(name).map_or(otherwise, |value| value.parse().unwrap()))
    };
    let (lasts, every) = (milliseconds(LASTS, 4000), milliseconds(EVERY, 200));
    let words: Vec<_> = case.split(' ').collect();
    let [protocol, receiver, temporality] = words[..] else { panic!("no case: {case}") };
    let protocol = if protocol == "grpc" { Protocol::Grpc } else { Protocol::Http };
    let temporality: TemporalityPreference = temporality.parse().unwrap();
    outage(protocol, receiver == "hangs", temporality, (lasts, every));
}

/// A registry whose collections can be held up.
struct Gated {
    registry: MetricsRegistry,
    is_closed: Mutex<bool>,
    opened: Condvar,
    waits: AtomicBool,
}

impl Collector for Gated {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let is_closed = self.is_closed.lock().unwrap();
        self.waits.store(*is_closed, Ordering::SeqCst);
        drop(self.opened.wait_while(is_closed, |is_closed| *is_closed).unwrap());
        self.waits.store(false, Ordering::SeqCst);
        self.registry.collect(visitor)
    }
}

impl Gated {
    /// Runs `work` while nothing is encoded, sent or received.
    fn at_rest<T>(&self, exporter: &OtlpExporter, work: impl FnOnce() -> T) -> T {
        *self.is_closed.lock().unwrap() = true;
        wait_for("the exporter to be at rest", || {
            let is_empty = value(exporter, "queued_bytes", &[]) < 1.0;
            (self.waits.load(Ordering::SeqCst) && is_empty).then_some(())
        });
        let done = work();
        *self.is_closed.lock().unwrap() = false;
        self.opened.notify_all();
        done
    }
}

/// Exports at this interval to a receiver that is away for this long.
fn outage(
    protocol: Protocol,
    hangs: bool,
    temporality: TemporalityPreference,
    (lasts, every): (Duration, Duration),
) {
    let config = RegistryConfig::new().with_series_limit(SERIES + 1).with_self_metrics(false);
    let registry = MetricsRegistry::with_config(config);
    let pages =
        registry.family::<Counter>("pages_total", "Pages.").with_labels(&["path"]).register().unwrap();
    let handles: Vec<Counter> = (0..SERIES)
        .map(|page| pages.get_or_create(&[("path", &*format!("/api/v1/resource/{page:030}"))]))
        .collect();
    handles.iter().for_each(Counter::inc);

    let mut server = OtlpServer::start(protocol);
    server.keep(0);
    // The limits are the defaults.
    let config = OtlpExporterConfig::new(Resource::new("checkout"))
        .with_protocol(protocol)
        .with_endpoint(&server.endpoint())
        .unwrap()
        .with_interval(every)
        .unwrap()
        .with_temporality(temporality);
    let (is_closed, opened, waits) = (Mutex::new(false), Condvar::new(), AtomicBool::new(false));
    let gated = Arc::new(Gated { registry: registry.clone(), is_closed, opened, waits });
    let exporter = OtlpExporter::start(Arc::clone(&gated), config).unwrap();
    let is_over = AtomicBool::new(false);
    let peak = thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    for burst in handles.chunks(BURST) {
                        burst.iter().for_each(Counter::inc);
                        thread::sleep(Duration::from_millis(1));
                    }
                }
            });
        }
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            // What is there for good is there by now: the connection, the differences' baseline, the threads' cells.
            server.wait_for_model("exports", |model| (model.taken().1 > 3).then_some(()));
            let measured = gated.at_rest(&exporter, || {
                if hangs {
                    server.otherwise(Answer::Hang);
                } else {
                    server.stop();
                }
                Measured::start()
            });
            thread::sleep(lasts);
            measured.peak()
        }));
        is_over.store(true, Ordering::Relaxed);
        panicked.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    let failures = attempts(&exporter, "unreachable") + attempts(&exporter, "timed_out");
    let queued = value(&exporter, "queued_bytes", &[]);

    server.otherwise(Answer::Accept);
    server.release();
    server.start_again();
    let start = Instant::now();
    exporter.shutdown_blocking(2 * LONG).unwrap();
    server.model().assert_shows(&registry);
    let case = format!("{protocol}, {}, {temporality:?}", if hangs { "hangs" } else { "refuses" });
    let after = start.elapsed();
    println!(
        "{case}: {peak} {MEASURED}, {queued} waiting, {failures} failures, all delivered after {after:?}"
    );
    assert!(peak <= MORE, "{peak} bytes more than before");
    // Of differences nothing waits at the moment in which one is given up.
    if temporality == TemporalityPreference::Cumulative {
        #[expect(clippy::cast_precision_loss, reason = "a figure of megabytes")]
        let peak = peak as f64;
        assert!(queued > 1e6 && queued < peak, "{queued} bytes wait, {peak} bytes more than before");
    }
}
