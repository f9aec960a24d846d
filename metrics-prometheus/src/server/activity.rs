//! What a connection waits for, and for how long.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// What a connection does at the moment. Its socket and its requests tell, [`Watchdog`] asks.
pub(super) struct Activity {
    state: Mutex<State>,
    /// The server closes the connection, since it takes too long.
    is_given_up: AtomicBool,
}

struct State {
    /// When each request in flight began. Numbers rise, so the first is the oldest.
    requests: BTreeMap<u64, Instant>,
    next: u64,
    /// Bytes between two requests are no sign of a head that begins.
    multiplexed: bool,
    waiting: Waiting,
}

#[derive(Clone, Copy)]
enum Waiting {
    /// For the rest of a request's head, or of what precedes the first one.
    Head(Instant),
    /// For a request.
    Request(Instant),
}

/// How long a connection may take.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    pub(super) header: Duration,
    pub(super) idle: Duration,
    pub(super) response: Duration,
}

/// A request in flight, until it is dropped.
pub(super) struct InFlight {
    activity: Arc<Activity>,
    number: u64,
}

impl Activity {
    pub(super) fn new() -> Activity {
        let state = State {
            requests: BTreeMap::new(),
            next: 0,
            multiplexed: false,
            waiting: Waiting::Head(Instant::now()),
        };
        Activity { state: Mutex::new(state), is_given_up: AtomicBool::new(false) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server closes the connection now.
    pub(super) fn give_up(&self) {
        // ORDERING: Relaxed, here and where it is read; a page that is dropped a moment before is one that its reader has
        // left.
        self.is_given_up.store(true, Ordering::Relaxed);
    }

    /// Whether the server closes the connection before its requests are answered.
    pub(super) fn is_given_up(&self) -> bool {
        self.is_given_up.load(Ordering::Relaxed)
    }

    /// Bytes have come.
    pub(super) fn received(&self) {
        let mut state = self.state();
        if let (false, true, Waiting::Request(_)) =
            (state.multiplexed, state.requests.is_empty(), state.waiting)
        {
            state.waiting = Waiting::Head(Instant::now());
        }
    }

    /// A request's head is there.
    pub(super) fn begin(self: &Arc<Self>, multiplexed: bool) -> InFlight {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.multiplexed = multiplexed;
        state.requests.insert(number, Instant::now());
        InFlight { activity: Arc::clone(self), number }
    }

    /// Since when the connection has had no request in flight; `None` while it has one.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        let state = self.state();
        let (Waiting::Head(since) | Waiting::Request(since)) = state.waiting;
        state.requests.is_empty().then_some(since)
    }

    fn deadline(&self, patience: Patience) -> Instant {
        let state = self.state();
        match (state.requests.values().next(), state.waiting) {
            (Some(&began), _) => later(began, patience.response),
            (None, Waiting::Head(since)) => later(since, patience.header),
            (None, Waiting::Request(since)) => later(since, patience.idle),
        }
    }
}

/// The time `after` this one, or where there is none that late, one that nobody lives to see.
fn later(instant: Instant, after: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_hours(100 * 365 * 24);
    instant + after.min(CENTURY)
}

impl InFlight {
    /// Whether the server closes the connection before the request is answered.
    pub(super) fn is_given_up(&self) -> bool {
        self.activity.is_given_up()
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.activity.state();
        state.requests.remove(&self.number);
        if state.requests.is_empty() {
            state.waiting = Waiting::Request(Instant::now());
        }
    }
}

/// Is ready when the connection has taken too long over what it does.
///
/// It has to be polled by the connection's own task, after the connection: what changes the deadline wakes that task.
/// Under HTTP/2 the end of a request may not, which then counts from when the timer that ran for the request goes off.
pub(super) struct Watchdog {
    activity: Arc<Activity>,
    patience: Patience,
    timer: Pin<Box<Sleep>>,
}

impl Watchdog {
    pub(super) fn new(activity: Arc<Activity>, patience: Patience) -> Watchdog {
        let timer = Box::pin(sleep_until(activity.deadline(patience)));
        Watchdog { activity, patience, timer }
    }
}

impl Future for Watchdog {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let deadline = self.activity.deadline(self.patience);
            if self.timer.deadline() != deadline {
                self.timer.as_mut().reset(deadline);
            }
            ready!(self.timer.as_mut().poll(context));
            if self.activity.deadline(self.patience) <= Instant::now() {
                return Poll::Ready(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        header: Duration::from_secs(1),
        idle: Duration::from_secs(10),
        response: Duration::from_secs(100),
    };

    /// Seconds until the deadline of what the connection does now.
    fn left(activity: &Activity) -> u64 {
        (activity.deadline(PATIENCE) - Instant::now()).as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn each_thing_that_a_connection_does_has_its_own_deadline() {
        let activity = Arc::new(Activity::new());
        assert_eq!(left(&activity), 1);
        activity.received();
        let first = activity.begin(false);
        assert_eq!((left(&activity), activity.waiting_since()), (100, None));
        tokio::time::advance(Duration::from_secs(50)).await;
        let second = activity.begin(false);
        assert_eq!(left(&activity), 50);
        drop(first);
        assert_eq!(left(&activity), 100);
        drop(second);
        assert_eq!(left(&activity), 10);
        tokio::time::advance(Duration::from_secs(9)).await;
        activity.received();
        assert_eq!(left(&activity), 1);
        tokio::time::advance(Duration::from_millis(900)).await;
        activity.received();
        assert_eq!(left(&activity), 0, "further bytes of a head do not move its deadline");
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_between_the_requests_of_a_multiplexed_connection_are_no_head() {
        let activity = Arc::new(Activity::new());
        drop(activity.begin(true));
        activity.received();
        assert_eq!(left(&activity), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_waits_for_the_deadline_that_holds_at_the_end() {
        let activity = Arc::new(Activity::new());
        let start = Instant::now();
        let watchdog = Watchdog::new(Arc::clone(&activity), PATIENCE);
        let request = activity.begin(false);
        tokio::join!(watchdog, async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            drop(request);
        });
        // Woken by the timer that ran for the request, it counts from the request's end.
        assert_eq!(start.elapsed().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_without_end_is_no_overflow() {
        let activity = Arc::new(Activity::new());
        let patience = Patience { header: Duration::MAX, ..PATIENCE };
        assert!(activity.deadline(patience) > Instant::now());
    }
}
