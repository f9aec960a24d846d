//! What the receiver knows, whether it runs or not.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nilometer_otel::Protocol;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use tokio::sync::Notify;

use super::connection::Cut;
use super::received::Head;
use super::{Answer, Model, Received};
use crate::prometheus::DEADLINE;

/// Shared by the receiver, its connections, and those who wait.
#[derive(Debug)]
pub(super) struct State {
    pub(super) protocol: Protocol,
    inner: Mutex<Inner>,
    changed: Condvar,
    /// Who hangs waits for it.
    pub(super) released: Notify,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) script: VecDeque<Answer>,
    pub(super) otherwise: Answer,
    pub(super) received: VecDeque<Received>,
    /// How many of them stay.
    pub(super) kept: usize,
    /// How many came in whole.
    pub(super) whole: usize,
    /// How many there were, whole or not, connections included that were reset at once.
    pub(super) attempts: usize,
    pub(super) connections: usize,
    pub(super) hanging: usize,
    pub(super) model: Model,
}

impl State {
    pub(super) fn new(protocol: Protocol) -> State {
        let inner = Inner {
            script: VecDeque::new(),
            otherwise: Answer::Accept,
            received: VecDeque::new(),
            kept: usize::MAX,
            whole: 0,
            attempts: 0,
            connections: 0,
            hanging: 0,
            model: Model::default(),
        };
        State { protocol, inner: Mutex::new(inner), changed: Condvar::new(), released: Notify::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something that somebody may wait for.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.notify_all();
        changed
    }

    /// Waits until `question` has an answer; `what` says what was waited for.
    pub(super) fn wait_for<T>(&self, what: &str, mut question: impl FnMut(&Inner) -> Option<T>) -> T {
        let mut inner = self.lock();
        let start = std::time::Instant::now();
        loop {
            if let Some(answer) = question(&inner) {
                return answer;
            }
            assert!(
                start.elapsed() < DEADLINE,
                "waited {DEADLINE:?} in vain for {what}: {} whole of {} requests, {} answers left",
                inner.whole,
                inner.attempts,
                inner.script.len()
            );
            let waited = self.changed.wait_timeout(inner, Duration::from_millis(100));
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What to do with the request that has begun.
    pub(super) fn next_answer(&self) -> Answer {
        self.change(|inner| {
            inner.attempts += 1;
            inner.script.pop_front().unwrap_or_else(|| inner.otherwise.clone())
        })
    }

    /// Whether the connection that has begun is to be reset at once; that is the answer then.
    pub(super) fn is_reset_at_once(&self) -> bool {
        self.change(|inner| {
            let next = inner.script.front().unwrap_or(&inner.otherwise);
            let is_reset = *next == Answer::ResetUnread;
            if is_reset {
                inner.script.pop_front();
                inner.attempts += 1;
            }
            is_reset
        })
    }

    /// Keeps a request that came in whole, and does what is to be done before there is an answer.
    pub(super) async fn take(&self, head: Head, request: ExportMetricsServiceRequest, cut: &Cut) {
        let answer = head.answer.clone();
        let (is_taken, rejected) = match answer {
            Answer::Accept | Answer::ResetUnanswered | Answer::Garbage | Answer::Endless => (true, 0),
            Answer::Partial(rejected, _) => (true, rejected),
            // Not yet.
            _ => (false, 0),
        };
        // Both at once: who sees the request sees what became of it.
        let again = self.change(|inner| {
            let again = matches!(answer, Answer::Slow(_)).then(|| request.clone());
            if is_taken {
                inner.model.take(&request, rejected);
            }
            let Head { path, headers, at, answer } = head;
            let number = inner.whole;
            inner.whole += 1;
            inner.received.push_back(Received { number, path, headers, at, answer, request });
            while inner.received.len() > inner.kept {
                inner.received.pop_front();
            }
            again
        });
        match (answer, again) {
            (Answer::ResetUnanswered, _) => cut.now().await,
            (Answer::Slow(time), Some(request)) => {
                tokio::time::sleep(time).await;
                self.change(|inner| inner.model.take(&request, 0));
            }
            _ => {}
        }
    }
}
