//! A library that records through the facade `metrics`, on one page with the program's own metrics.
//!
//! ```sh
//! cargo run -p nilometer --example metrics_facade --features metrics
//! ```

use std::error::Error;
use std::io::{self, Write};
use std::thread;

use nilometer::facade::{FacadeRecorder, InstallError};
use nilometer::{Counter, Metrics, MetricsRegistry, PrometheusRenderer};

/// What a library does: it knows the crate `metrics`, and nothing of where the numbers go.
mod pool {
    use std::time::Duration;

    pub(crate) fn check_out(pool: &'static str, waited: Duration) {
        metrics::counter!("pool.checkouts", "pool" => pool).increment(1);
        metrics::gauge!("pool.in_use", "pool" => pool).increment(1.0);
        metrics::histogram!("pool.wait_seconds", "pool" => pool).record(waited);
    }

    pub(crate) fn give_back(pool: &'static str) {
        metrics::gauge!("pool.in_use", "pool" => pool).decrement(1.0);
    }

    /// Many libraries describe what they have when they are set up, which may be late.
    pub(crate) fn describe() {
        metrics::describe_counter!("pool.checkouts", "Connections taken from the pool.");
        metrics::describe_gauge!("pool.in_use", "Connections that are in use.");
        metrics::describe_histogram!("pool.wait_seconds", metrics::Unit::Seconds, "Time waited for one.");
    }
}

/// The program's own metrics, declared and checked when they are compiled.
#[derive(Debug, Metrics)]
#[metrics(prefix = "shop")]
struct ShopMetrics {
    /// Orders taken.
    orders_total: Counter,
}

fn main() -> Result<(), Box<dyn Error>> {
    let registry = MetricsRegistry::new();
    let metrics = ShopMetrics::register(&registry)?;
    let recorder = FacadeRecorder::builder(&registry)
        .with_buckets_for("pool_wait_seconds", &[0.001, 0.01, 0.1])
        .build()?;
    recorder.install()?;

    let workers = (0..4).map(|worker| {
        let orders = metrics.orders_total.clone();
        thread::spawn(move || {
            let pool = if worker % 2 == 0 { "read" } else { "write" };
            for order in 0..250 {
                pool::check_out(pool, std::time::Duration::from_micros(order * 10));
                orders.inc();
                pool::give_back(pool);
            }
        })
    });
    let workers: Vec<_> = workers.collect();
    for worker in workers {
        worker.join().map_err(|_| "a worker has panicked")?;
    }
    pool::describe();

    let mut out = io::stdout().lock();
    // There is one recorder for the life of a process; a second one is told so.
    if let Err(error @ InstallError::AlreadyInstalled) = recorder.install() {
        writeln!(out, "# {error}\n")?;
    }
    // The same name in another spelling is refused, and the page says which.
    metrics::counter!("pool_checkouts").increment(1);
    out.write_all(PrometheusRenderer::render_all(&registry).as_bytes())?;
    Ok(())
}
