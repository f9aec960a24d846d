//! Errors that are reported twice.

use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

use rdkafka::error::KafkaError;

/// Tells an error from its second report.
///
/// A producer of `rdkafka` 0.39 calls `ClientContext::error` twice for each error: in `Client::poll_event`, and then in
/// `BaseProducer::poll`, on the same thread, with nothing between the two. A consumer calls it once.
#[derive(Debug, Default)]
pub(super) struct Repeated {
    /// The first reports whose second is to come, at most one of each thread that polls.
    first: Mutex<Vec<(ThreadId, KafkaError, String)>>,
}

impl Repeated {
    /// Whether this is the second report of an error.
    pub(super) fn is_second(&self, error: &KafkaError, reason: &str) -> bool {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let here = thread::current().id();
        let before = first.iter().position(|(thread, ..)| *thread == here).map(|at| first.swap_remove(at));
        if before.is_some_and(|(_, before, why)| before == *error && why == reason) {
            return true;
        }
        first.push((here, error.clone(), reason.to_owned()));
        false
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::RDKafkaErrorCode;

    use super::*;

    #[test]
    fn every_other_report_of_the_same_error_is_its_second() {
        let (repeated, down) =
            (Repeated::default(), KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure));
        let seconds: Vec<bool> = (0..4).map(|_| repeated.is_second(&down, "down")).collect();
        assert_eq!(seconds, [false, true, false, true]);
    }

    #[test]
    fn another_error_another_reason_and_another_thread_are_no_second() {
        let (repeated, down) = (Repeated::default(), KafkaError::Global(RDKafkaErrorCode::Fail));
        assert!(!repeated.is_second(&down, "a"));
        assert!(!repeated.is_second(&down, "b"));
        thread::scope(|scope| {
            scope.spawn(|| assert!(!repeated.is_second(&down, "b")));
        });
        assert!(!repeated.is_second(&KafkaError::Canceled, "b"));
        assert!(repeated.is_second(&KafkaError::Canceled, "b"));
    }
}
