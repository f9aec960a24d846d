//! Threads that record as fast as they can.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

use crate::contestant::Contestant;
use crate::page::SERIES;

/// How many threads record.
const THREADS: usize = 2;

/// What they did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Recorded {
    /// How often each series was counted on.
    pub(crate) passes: u64,
    /// From before the first thread began until after the last one had ended.
    pub(crate) elapsed: Duration,
    /// The processors' time that all threads got together.
    pub(crate) processor: Duration,
}

impl Recorded {
    /// Increments per second.
    pub(crate) fn rate(&self) -> f64 {
        self.increments() / self.elapsed.as_secs_f64()
    }

    /// Increments per second of a processor.
    pub(crate) fn pace(&self) -> f64 {
        self.increments() / self.processor.as_secs_f64()
    }

    fn increments(&self) -> f64 {
        (self.passes * SERIES as u64) as f64
    }
}

/// The threads, until they are stopped.
#[derive(Debug)]
pub(crate) struct Recording {
    start: Instant,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<(u64, Duration)>>,
}

impl Recording {
    /// Lets threads record into what the contestant shows.
    pub(crate) fn start(contestant: &Contestant) -> Recording {
        let stop = Arc::new(AtomicBool::new(false));
        let start = Instant::now();
        let threads = (0..THREADS).map(|index| {
            let (pass, stop) = (Arc::clone(&contestant.pass), Arc::clone(&stop));
            thread::spawn(move || {
                // Elsewhere each, so that two do not walk in step.
                let first = index * SERIES / THREADS;
                let mut passes = 0;
                // ORDERING: what is recorded is read after the threads are joined.
                while !stop.load(Ordering::Relaxed) {
                    pass(first);
                    passes += 1;
                }
                (passes, processor_time())
            })
        });
        let threads = threads.collect();
        Recording { start, stop, threads }
    }

    /// Stops them.
    pub(crate) fn stop(self) -> Recorded {
        self.stop.store(true, Ordering::Relaxed);
        let mut recorded = Recorded::default();
        for thread in self.threads {
            let (passes, processor) = thread.join().expect("recording does not panic");
            recorded.passes += passes;
            recorded.processor += processor;
        }
        recorded.elapsed = self.start.elapsed();
        recorded
    }
}

/// What the calling thread got of the processors so far.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .map(Duration::from)
        .expect("a thread can be asked for its time")
}
