//! No spans: the feature `otel` is off.

#![expect(clippy::unused_self, reason = "the functions are those of `spans`")]

use nilometer::Observability;
use rdkafka::message::{OwnedHeaders, OwnedMessage};

/// Makes no spans.
#[derive(Debug, Clone)]
pub(crate) struct Spans;

impl Spans {
    pub(crate) fn of(_: &Observability) -> Spans {
        Spans
    }

    /// Sends messages.
    pub(crate) fn sending<R>(&self, send: impl FnOnce(&OwnedHeaders) -> R) -> R {
        send(&OwnedHeaders::new())
    }

    /// Nothing.
    pub(crate) fn batch(&self, _: &[OwnedMessage]) -> BatchSpan {
        BatchSpan
    }
}

/// Nothing.
#[derive(Debug)]
pub(crate) struct BatchSpan;

impl BatchSpan {
    /// Does a part of the work on the batch.
    pub(crate) fn inside<R>(&self, work: impl FnOnce() -> R) -> R {
        work()
    }
}
