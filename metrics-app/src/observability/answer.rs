//! Waiting without a runtime: for a thread, and for two things at once.

use std::future::Future;
#[cfg(feature = "otel")]
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// What a thread will say, for whoever waits in a runtime, or in none.
pub(super) struct Answer<T>(Arc<Mutex<State<T>>>);

struct State<T> {
    said: Option<T>,
    is_over: bool,
    waiting: Option<Waker>,
}

/// What it is said by. Where it is dropped, as by a thread that panics, nothing will be said.
pub(super) struct Speaker<T>(Arc<Mutex<State<T>>>);

pub(super) fn answer<T>() -> (Speaker<T>, Answer<T>) {
    let state = Arc::new(Mutex::new(State { said: None, is_over: false, waiting: None }));
    (Speaker(Arc::clone(&state)), Answer(state))
}

impl<T> Speaker<T> {
    pub(super) fn say(self, said: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).said = Some(said);
    }
}

impl<T> Drop for Speaker<T> {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.is_over = true;
            state.waiting.take()
        };
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

impl<T> Future for Answer<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_over {
            return Poll::Ready(state.said.take());
        }
        state.waiting = Some(context.waker().clone());
        Poll::Pending
    }
}

/// Waits for both, which go on side by side.
#[cfg(feature = "otel")]
pub(super) async fn both<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(|context| {
        if first.is_none()
            && let Poll::Ready(ready) = one.as_mut().poll(context)
        {
            first = Some(ready);
        }
        if second.is_none()
            && let Poll::Ready(ready) = other.as_mut().poll(context)
        {
            second = Some(ready);
        }
        match (first.take(), second.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (first, second) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}

/// Blocks this thread until the future is ready. It must need no runtime, and not this thread.
pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(all(test, feature = "otel"))]
mod tests {
    use super::*;

    #[test]
    fn answers_that_come_from_threads_are_waited_for_side_by_side() {
        let ((early, first), (late, second)) = (answer(), answer());
        early.say(1);
        let thread = thread::spawn(move || late.say(2));
        assert_eq!(wait(both(first, second)), (Some(1), Some(2)));
        thread.join().unwrap();
    }

    #[test]
    fn nobody_waits_for_a_thread_that_panicked() {
        let (speaker, answer) = answer::<i32>();
        let thread = thread::spawn(move || {
            let _speaker = speaker;
            std::panic::resume_unwind(Box::new("no hook is called"));
        });
        assert_eq!(wait(answer), None);
        thread.join().unwrap_err();
    }
}
