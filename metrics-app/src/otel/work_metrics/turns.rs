//! How often exemplars are given.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long it is from one exemplar of a place to the next, at least.
///
/// As often as core asks a source, unless it is told otherwise.
const INTERVAL: Duration = Duration::from_secs(1);

/// Which of many are named as examples: in each place, one in each [`INTERVAL`].
///
/// An exemplar takes an allocation, a clock, and a lock that is the family's: one for each observation would be dropped
/// often, where many threads record, and be replaced before anybody has seen it.
#[derive(Debug)]
pub(super) struct Turns {
    start: Instant,
    /// From when on each place has a turn, in nanoseconds after the start.
    next: Box<[AtomicU64]>,
}

impl Turns {
    /// Turns for so many places, each of which has one at once.
    pub(super) fn new(places: usize) -> Turns {
        Turns { start: Instant::now(), next: (0..places).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Whether it is the turn of `place`; the turn is taken then. A place that there is not has none.
    pub(super) fn take(&self, place: usize, now: Instant) -> bool {
        let Some(next) = self.next.get(place) else { return false };
        let now = nanos(now.saturating_duration_since(self.start));
        // ORDERING: Relaxed. It decides which thread has the turn, and tells nothing of other memory.
        let due = next.load(Ordering::Relaxed);
        now >= due
            && next
                .compare_exchange(
                    due,
                    now.saturating_add(nanos(INTERVAL)),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok()
    }
}

/// For six hundred years.
fn nanos(duration: Duration) -> u64 {
    duration.as_nanos().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn a_place_has_a_turn_at_once_and_after_each_interval() {
        let turns = Turns::new(2);
        let at = |millis| turns.start + Duration::from_millis(millis);
        assert!(turns.take(0, at(0)));
        assert!(!turns.take(0, at(999)));
        assert!(turns.take(1, at(999)));
        assert!(turns.take(0, at(1000)));
        assert!(!turns.take(0, at(1999)));
        assert!(turns.take(0, at(60_000)));
        assert!(!turns.take(0, at(60_999)));
        assert!(!turns.take(2, at(60_999)));
    }

    #[test]
    fn one_thread_of_many_has_the_turn() {
        let (turns, barrier) = (Turns::new(1), Barrier::new(8));
        let taken = thread::scope(|scope| {
            let threads = [(); 8].map(|()| {
                scope.spawn(|| {
                    barrier.wait();
                    (0..1000).filter(|_| turns.take(0, turns.start)).count()
                })
            });
            threads.map(|thread| thread.join().unwrap()).iter().sum::<usize>()
        });
        assert_eq!(taken, 1);
    }
}
