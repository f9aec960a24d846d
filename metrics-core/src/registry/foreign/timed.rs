//! Collectors on threads of their own, so that who collects waits for none of them longer than a limit.
//!
//! A [`Worker`] is a collector's thread: it is started when the collector is first asked under a limit, sleeps between
//! the collections, and ends with the collector. It does one [`Run`] after the other, so that a collector is never asked
//! by two threads at once:
//!
//! 1. Who collects [begins](begin) a run of each collector, and only then [waits](finished) for the first of them. So
//!    they all run side by side, and many slow ones cost the time of one.
//! 2. A run begins after it was asked for, and shows what is so by then. Collections that ask meanwhile share the next
//!    one, unless what they are within differs: then one of them could be a cycle where another one is none.
//! 3. A run may take as long as the limit, from when it could have begun. Past that, nobody waits for it or for what
//!    comes after it, nor asks the collector, until it has ended; then its result is thrown away.
//!
//! So a collection waits for a collector for the limit, and for less than twice that where another one has just asked.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::buffer::BufferedFamily;
use super::{Foreign, ask};
use crate::asking::{Addresses, Asking};
use crate::caught::caught;

/// What a limit means that no clock reaches.
const FAR: Duration = Duration::from_secs(1 << 30);

/// A collector's thread.
#[derive(Default)]
pub(super) struct Worker(Arc<Shared>);

/// What the worker's thread has of it. It does not know the collector, which goes when it is taken off its registry.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Told when a run is to begin, when one has ended, and when the thread is to end.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    has_thread: bool,
    is_over: bool,
    /// When the run is late that goes on or is about to begin.
    deadline: Option<Instant>,
    /// The runs that have not begun; those whose readers have all gone are skipped.
    waiting: VecDeque<Weak<Run>>,
}

/// One time that a collector is asked.
pub(super) struct Run {
    foreign: Arc<Foreign>,
    /// What the reader is within.
    within: Addresses,
    buffer: usize,
    limit: Duration,
    families: OnceLock<Vec<BufferedFamily>>,
}

/// How a collector was asked.
pub(super) enum Begun {
    /// Its thread does it.
    There(Arc<Run>),
    /// Not at all: an earlier run is late and has not ended.
    Late,
    /// Not yet, as there is no thread to be had.
    NoThread,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.state.lock().is_over = true;
        self.0.changed.notify_all();
    }
}

/// Has the collector asked on its thread.
pub(super) fn begin(foreign: &Arc<Foreign>, buffer: usize, limit: Duration) -> Begun {
    let builder = thread::Builder::new().name("nilometer-collect".to_owned());
    begin_on(builder, foreign, buffer, limit)
}

fn begin_on(builder: thread::Builder, foreign: &Arc<Foreign>, buffer: usize, limit: Duration) -> Begun {
    let shared = &foreign.worker.0;
    let within = Asking::within();
    let mut state = shared.state.lock();
    if !state.has_thread {
        let own = Arc::clone(shared);
        if builder.spawn(move || work(&own)).is_err() {
            return Begun::NoThread;
        }
        state.has_thread = true;
    }
    let now = Instant::now();
    // Nor may it wait: one that never ends would gather what waits for it.
    if state.deadline.is_some_and(|deadline| deadline <= now) {
        return Begun::Late;
    }
    state.deadline.get_or_insert_with(|| end_of(now, limit));
    let mut waiting = state.waiting.iter().filter_map(Weak::upgrade);
    if let Some(run) = waiting.find(|run| run.within == within) {
        return Begun::There(run);
    }
    let run = Run { foreign: Arc::clone(foreign), within, buffer, limit, families: OnceLock::new() };
    let run = Arc::new(run);
    state.waiting.push_back(Arc::downgrade(&run));
    drop(state);
    shared.changed.notify_all();
    Begun::There(run)
}

fn end_of(begin: Instant, limit: Duration) -> Instant {
    begin.checked_add(limit).unwrap_or(begin + FAR)
}

/// Waits for the run; `None` when it is late, or the one before it.
pub(super) fn finished(run: &Run) -> Option<Vec<BufferedFamily>> {
    let shared = &run.foreign.worker.0;
    let mut state = shared.state.lock();
    while run.families.get().is_none() {
        // A worker that has a run to do has a deadline.
        let deadline = state.deadline?;
        if deadline <= Instant::now() {
            return None;
        }
        shared.changed.wait_until(&mut state, deadline);
    }
    drop(state);
    // Points are shared, as readers share runs.
    run.families.get().cloned()
}

/// What the worker's thread does: one run after the other, until the collector is gone.
fn work(shared: &Shared) {
    let mut state = shared.state.lock();
    loop {
        let run = loop {
            let Some(run) = state.waiting.pop_front() else { break None };
            // Whose readers have all gone is not done.
            if let Some(run) = run.upgrade() {
                break Some(run);
            }
        };
        if let Some(run) = run {
            state.deadline.get_or_insert_with(|| end_of(Instant::now(), run.limit));
            drop(state);
            let is_wanted = || Arc::strong_count(&run) > 1;
            let families = Asking::inherit(&run.within, || ask(&run.foreign, run.buffer, &is_wanted));
            let _ = run.families.set(families);
            // Before anybody is told: who takes the collector off its registry after a collection is the one that drops
            // it. Where this is the last to have it, the collector's destructor runs here, without the lock.
            let _ = caught(|| drop(run));
            state = shared.state.lock();
            state.deadline = None;
            shared.changed.notify_all();
        } else if state.is_over {
            return;
        } else {
            state.deadline = None;
            shared.changed.wait(&mut state);
        }
    }
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use std::sync::atomic::Ordering;
    use std::sync::mpsc::{self, Receiver};

    use super::*;
    use crate::collect::{CollectError, Collector, Visitor};
    use crate::label::LabelSet;
    use crate::registry::foreign::Failure;

    const LIMIT: Duration = Duration::from_secs(20);

    /// Ends once for each message, with an error, so that its runs are counted.
    struct Steps(Mutex<Receiver<()>>);

    impl Collector for Steps {
        fn collect(&self, _: &mut dyn Visitor) -> Result<(), CollectError> {
            let _ = self.0.lock().recv();
            Err(CollectError::failed("as a sign that it ran"))
        }
    }

    fn steps() -> (Arc<Foreign>, mpsc::Sender<()>) {
        let (step, steps) = mpsc::channel();
        let collector = Box::new(Steps(Mutex::new(steps)));
        (Arc::new(Foreign::new("c".to_owned(), collector, LabelSet::empty())), step)
    }

    fn there(begun: Begun) -> Arc<Run> {
        let Begun::There(run) = begun else { unreachable!("a thread can be had, and nothing is late") };
        run
    }

    /// Waits until no run waits to begin.
    fn begun(foreign: &Foreign) {
        while !foreign.worker.0.state.lock().waiting.is_empty() {
            thread::yield_now();
        }
    }

    #[test]
    fn readers_that_come_during_a_run_share_the_next_one_where_they_are_within_the_same() {
        let (foreign, step) = steps();
        let first = there(begin(&foreign, 0, LIMIT));
        begun(&foreign);
        let second = there(begin(&foreign, 0, LIMIT));
        let third = there(begin(&foreign, 0, LIMIT));
        let within = Asking::begin(&raw const step);
        let other = there(begin(&foreign, 0, LIMIT));
        drop(within);
        assert!(!Arc::ptr_eq(&first, &second) && Arc::ptr_eq(&second, &third));
        assert!(!Arc::ptr_eq(&second, &other));
        for run in [first, second, third, other] {
            let _ = step.send(());
            assert!(finished(&run).is_some());
        }
        assert_eq!(foreign.failures[Failure::Error as usize].load(Ordering::Relaxed), 3);
    }

    #[test]
    fn a_run_whose_readers_have_gone_does_not_begin() {
        let (foreign, step) = steps();
        let first = there(begin(&foreign, 0, LIMIT));
        begun(&foreign);
        drop(there(begin(&foreign, 0, LIMIT)));
        let last = there(begin(&foreign, 0, LIMIT));
        for run in [first, last] {
            let _ = step.send(());
            assert!(finished(&run).is_some());
        }
        assert_eq!(foreign.failures[Failure::Error as usize].load(Ordering::Relaxed), 2);
    }

    #[test]
    fn each_run_has_the_whole_limit() {
        let (foreign, step) = steps();
        let deadline = || foreign.worker.0.state.lock().deadline;
        let first = there(begin(&foreign, 0, LIMIT));
        begun(&foreign);
        let second = there(begin(&foreign, 0, LIMIT));
        let limit_of_first = deadline();
        let _ = step.send(());
        assert!(finished(&first).is_some());
        begun(&foreign);
        assert!(deadline() > limit_of_first);
        let _ = step.send(());
        assert!(finished(&second).is_some());
    }

    #[test]
    fn nothing_waits_for_a_late_one_and_what_it_has_shown_since_is_served() {
        let (foreign, step) = steps();
        let late = there(begin(&foreign, 0, Duration::ZERO));
        begun(&foreign);
        assert!(finished(&late).is_none());
        assert!(matches!(begin(&foreign, 0, LIMIT), Begun::Late));
        assert!(foreign.worker.0.state.lock().waiting.is_empty());
        let _ = step.send(());
        while late.families.get().is_none() {
            thread::yield_now();
        }
        assert!(finished(&late).is_some(), "to a reader that was elsewhere meanwhile");
        while foreign.worker.0.state.lock().deadline.is_some() {
            thread::yield_now();
        }
        let _ = step.send(());
        assert!(finished(&there(begin(&foreign, 0, LIMIT))).is_some());
    }

    #[test]
    fn where_no_thread_can_be_had_nothing_is_begun_and_the_next_time_may_do() {
        let (foreign, step) = steps();
        let too_large = thread::Builder::new().stack_size(usize::MAX / 4);
        assert!(matches!(begin_on(too_large, &foreign, 0, LIMIT), Begun::NoThread));
        let _ = step.send(());
        assert!(finished(&there(begin(&foreign, 0, LIMIT))).is_some());
    }

    #[test]
    fn a_limit_past_all_clocks_is_none() {
        let (foreign, step) = steps();
        let _ = step.send(());
        assert!(finished(&there(begin(&foreign, 0, Duration::MAX))).is_some());
    }
}
