//! How much memory threads take: one test, since the process has one budget.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::sync::{Arc, Barrier};
use std::{fs, thread};

use nilometer_core::{Counter, MetricsRegistry, RegistryConfig};

const MIB: usize = 1 << 20;

/// How many threads are more than the budget has pages for.
const THREADS: usize = 200;

/// The memory that the process has in use, in bytes.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}

/// So many counters of one family: each page of 512 cells has as many of them.
fn counters(count: usize) -> Arc<Vec<Counter>> {
    let config = RegistryConfig::new().with_series_limit(count);
    let registry = MetricsRegistry::with_config(config);
    let family = registry.register_counter("many_total", "Many.").unwrap();
    Arc::new((0..count).map(|index| family.get_or_create(&[("index", &index.to_string())])).collect())
}

/// Lets threads run all at once, each of which counts each `step`-th counter, and counts again when all have their
/// cells; joins them all.
fn count(handles: &Arc<Vec<Counter>>, threads: usize, step: usize) {
    let all_there = Arc::new(Barrier::new(threads));
    let threads: Vec<_> = (0..threads)
        .map(|_| {
            let (handles, all_there) = (Arc::clone(handles), Arc::clone(&all_there));
            thread::spawn(move || {
                handles.iter().step_by(step).for_each(Counter::inc);
                all_there.wait();
                handles.iter().step_by(step).for_each(Counter::inc);
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn threads_that_come_and_go_take_no_more_memory_and_all_together_no_more_than_the_budget() {
    // Thousands of threads, few of them at once: each adopts the cells of one that has ended.
    let few = counters(5 * 512);
    for _ in 0..20 {
        count(&few, 16, 512);
    }
    let before = resident();
    for _ in 0..200 {
        count(&few, 16, 512);
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < MIB, "{grown} bytes more after 3,200 threads");
    for handle in few.iter().step_by(512) {
        assert_eq!(handle.get(), 220 * 16 * 2);
    }

    // More threads at once than 64 MiB of pages have room for: the others share cells, and all count.
    let many = counters(200 * 512);
    let before = resident();
    count(&many, THREADS, 101);
    let grown = resident().saturating_sub(before);
    // Stacks and thread-local memory of the threads are on top of the cells, owned and shared.
    assert!(grown < 64 * MIB + THREADS * 64 * 1024 + 8 * MIB, "{} MiB more", grown / MIB);
    assert!(grown > 40 * MIB, "{} MiB are no test of the budget", grown / MIB);
    for (index, handle) in many.iter().enumerate() {
        assert_eq!(handle.get(), if index % 101 == 0 { 2 * THREADS as u64 } else { 0 });
    }
}
