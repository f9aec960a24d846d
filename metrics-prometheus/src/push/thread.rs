//! Threads that push.
//!
//! Pushes run on threads of their own, each with a runtime of one thread: it does not matter then whether there is a
//! runtime where a push is asked for, which one, and whether that is blocked.

use std::io;
use std::sync::mpsc;
use std::thread;

use tokio::runtime::{Builder, Runtime};
use tracing::dispatcher;

use super::PushError;
use super::reply::{self, Reply};

/// Starts a thread that does `work`, with the subscriber that the caller logs to.
pub(super) fn start<W, F>(work: W) -> io::Result<()>
where
    W: FnOnce() -> F + Send + 'static,
    F: Future<Output = ()>,
{
    let dispatch = dispatcher::get_default(Clone::clone);
    let (started, has_started) = mpsc::sync_channel(1);
    let run = move || match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            // Who started the thread waits for this.
            let _ = started.send(Ok(()));
            dispatcher::with_default(&dispatch, || runtime.block_on(work()));
            leave(runtime);
        }
        Err(error) => {
            let _ = started.send(Err(error));
        }
    };
    thread::Builder::new().name("nilometer-push".to_owned()).spawn(run)?;
    has_started.recv().unwrap_or_else(|_| Err(io::Error::other("the thread ended")))
}

/// A collector that hangs is left to itself.
fn leave(runtime: Runtime) {
    runtime.shutdown_background();
}

/// Does `work` on a thread, until it is done or nobody waits for it any more.
pub(super) fn once<W, F, T>(work: W) -> Reply<Result<T, PushError>>
where
    W: FnOnce() -> F + Send + 'static,
    F: Future<Output = Result<T, PushError>>,
    T: Send + 'static,
{
    let (mut answer, reply) = reply::pair();
    let (failed, failure) = reply::pair();
    let started = start(move || async move {
        let result = tokio::select! {
            result = work() => Some(result),
            () = answer.unwanted() => None,
        };
        if let Some(result) = result {
            answer.give(result);
        }
    });
    match started {
        Ok(()) => reply,
        Err(error) => {
            failed.give(Err(PushError::Thread(error)));
            failure
        }
    }
}
