//! An answer from another thread, which a future or a blocked thread waits for.

use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::sync::oneshot;

/// Locks what no panic leaves half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes an answer to give, and the same answer to wait for.
pub(super) fn pair<T>() -> (Answer<T>, Reply<T>) {
    let slot = Arc::new(Slot { state: Mutex::new(State::Open(None)), given: Condvar::new() });
    let (watched, watch) = oneshot::channel();
    (Answer { slot: Arc::clone(&slot), watched: Some(watched) }, Reply { slot, _watch: watch })
}

struct Slot<T> {
    state: Mutex<State<T>>,
    given: Condvar,
}

enum State<T> {
    /// Nothing was given yet; who is to be woken when it is.
    Open(Option<Waker>),
    /// The answer, or nothing where there will be none.
    Given(Option<T>),
}

impl<T> Slot<T> {
    /// Gives the answer, unless one was given before.
    fn give(&self, answer: Option<T>) {
        let mut state = lock(&self.state);
        if let State::Open(waker) = &mut *state {
            let waker = waker.take();
            *state = State::Given(answer);
            drop(state);
            self.given.notify_all();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

/// Gives an answer: the first one counts. Where it is dropped without one, whoever waits is told.
pub(super) struct Answer<T> {
    slot: Arc<Slot<T>>,
    watched: Option<oneshot::Sender<()>>,
}

impl<T> Answer<T> {
    pub(super) fn give(&self, answer: T) {
        self.slot.give(Some(answer));
    }

    /// Waits until nobody waits for the answer any more.
    pub(super) async fn unwanted(&mut self) {
        if let Some(watched) = &mut self.watched {
            watched.closed().await;
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        self.slot.give(None);
    }
}

/// Waits for an answer; `None` where there will be none.
///
/// It is woken by whoever gives the answer, so it needs no runtime, and is no part of tokio's cooperative budget, of which
/// a thread that blocks inside a task might have nothing left.
pub(super) struct Reply<T> {
    slot: Arc<Slot<T>>,
    _watch: oneshot::Receiver<()>,
}

impl<T> Reply<T> {
    /// Blocks until there is an answer, or until then.
    pub(super) fn wait(self, until: Option<Instant>) -> Waited<T> {
        let mut state = lock(&self.slot.state);
        loop {
            if let State::Given(answer) = &mut *state {
                return answer.take().map_or(Waited::Never, Waited::Given);
            }
            let left = match until {
                None => None,
                Some(until) => match until.checked_duration_since(Instant::now()) {
                    Some(left) if !left.is_zero() => Some(left),
                    _ => return Waited::NotYet,
                },
            };
            state = match left {
                None => self.slot.given.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    self.slot.given.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

/// What came of waiting.
pub(super) enum Waited<T> {
    Given(T),
    NotYet,
    Never,
}

impl<T> Future for Reply<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        match &mut *lock(&self.slot.state) {
            State::Given(answer) => Poll::Ready(answer.take()),
            State::Open(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
