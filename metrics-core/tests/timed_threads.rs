//! The threads of foreign collectors, counted: alone in its process, as other tests' threads would count.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test helper that fails fails its test")]

use std::fs;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nilometer_core::collect::{CollectError, Collector, Descriptor, SeriesLabels, Stopped, Visitor};
use nilometer_core::{MetricsRegistry, RegistryConfig};

/// Hangs until the other end is dropped.
struct Hangs(Mutex<Receiver<()>>);

impl Collector for Hangs {
    fn collect(&self, _: &mut dyn Visitor) -> Result<(), CollectError> {
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).recv();
        Ok(())
    }
}

struct Quick;

impl Collector for Quick {
    fn collect(&self, _: &mut dyn Visitor) -> Result<(), CollectError> {
        Ok(())
    }
}

struct Nobody;

impl Visitor for Nobody {
    fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, _: nilometer_core::collect::Point<'_>) -> Result<(), Stopped> {
        Ok(())
    }
}

/// How many threads of this process are collectors'. The system cuts names at 15 bytes.
fn threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // A thread may end between the listing and the reading.
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.trim_end() == "nilometer-colle").count()
}

fn becomes(number: usize) {
    let begin = Instant::now();
    while threads() != number {
        assert!(begin.elapsed() < Duration::from_secs(20), "{} threads, not {number}", threads());
        thread::yield_now();
    }
}

#[test]
fn a_collector_has_one_thread_from_its_first_scrape_to_its_end() {
    let limit = Duration::from_millis(50);
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_collector_time_limit(limit));
    registry.collect(&mut Nobody).unwrap();
    assert_eq!(threads(), 0, "no collectors, no threads");
    let mut quick = Vec::new();
    for number in 0..4 {
        quick.push(registry.register_collector(format!("quick_{number}"), Quick).unwrap());
    }
    let (open, gate) = mpsc::channel();
    registry.register_collector("hangs", Hangs(Mutex::new(gate))).unwrap();
    assert_eq!(threads(), 0, "not before a scrape");
    for _ in 0..10 {
        registry.collect(&mut Nobody).unwrap();
        becomes(5);
    }
    quick.pop().unwrap().unregister();
    becomes(4);
    let begin = Instant::now();
    drop(registry);
    assert!(begin.elapsed() < Duration::from_secs(5), "nothing is waited for");
    becomes(1);
    drop(open);
    becomes(0);

    let config = RegistryConfig::new().with_collector_time_limit(None);
    let registry = MetricsRegistry::with_config(config);
    registry.register_collector("quick", Quick).unwrap();
    registry.collect(&mut Nobody).unwrap();
    assert_eq!(threads(), 0, "without a limit");
}
