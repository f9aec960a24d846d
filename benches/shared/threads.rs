//! The same operation on several threads at once.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use criterion::Criterion;

/// How many threads run an operation at once.
const THREADS: [usize; 2] = [1, 2];

/// Benchmarks `operation`, on one thread and on two that share what `operation` borrows.
///
/// The ids are `id/1T` and `id/2T`; a time is that of one operation on each thread. `operation` is given the number
/// of its turn, so that it can take another input each time.
pub fn bench<R>(criterion: &mut Criterion, id: &str, operation: impl Fn(u64) -> R + Sync) {
    for threads in THREADS {
        criterion.bench_function(&format!("{id}/{threads}T"), |bencher| {
            bencher.iter_custom(|turns| time(threads, turns, &operation));
        });
    }
}

/// The longest time that any of `threads` threads takes for `turns` turns, all of them having started together.
fn time<R>(threads: usize, turns: u64, operation: &(impl Fn(u64) -> R + Sync)) -> Duration {
    let start_line = Barrier::new(threads);
    let run = || {
        // Once before the clock runs: first touches and caches are not what is measured.
        black_box(operation(0));
        start_line.wait();
        let start = Instant::now();
        for turn in 0..turns {
            black_box(operation(black_box(turn)));
        }
        start.elapsed()
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let own = run();
        others.into_iter().fold(own, |longest, other| longest.max(other.join().unwrap_or(Duration::MAX)))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn every_thread_takes_every_turn_and_one_to_warm_up() {
        let turns = AtomicU64::new(0);
        assert!(time(2, 10, &|_| turns.fetch_add(1, Ordering::Relaxed)) < Duration::MAX);
        assert_eq!(turns.into_inner(), 22);
    }
}
