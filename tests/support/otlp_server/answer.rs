//! What the receiver does with a request.

use std::time::{Duration, SystemTime};

use nilometer_otel::Protocol;
use tonic::Code;

/// What the receiver does when a request comes in.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Takes it and says so.
    Accept,
    /// Takes it and says so after this time; where the other side has gone by then, it has not taken it.
    Slow(Duration),
    /// Reads it and says nothing until it is released; then it is not there for anybody. It has not taken it.
    Hang,
    /// Resets the connection before it has read the body: over HTTP a new one at its first byte, otherwise at the head of
    /// the request. It has not taken it.
    ResetUnread,
    /// Resets the connection when it has a part of the body. It has not taken it.
    ResetInBody,
    /// Takes it and resets the connection without an answer: the other side cannot know.
    ResetUnanswered,
    /// Does not take it, and answers with this status of HTTP, over gRPC too, where that is what a proxy does.
    Http(u16, Option<RetryAfter>),
    /// Does not take it, and answers with this code of gRPC, and a `RetryInfo` where there is a time.
    Grpc(Code, Option<Duration>),
    /// Does not take it, and answers with this code of gRPC, and details that are not written as they should be: at once, or
    /// behind a message.
    Undecodable(Code, bool),
    /// Takes all but the last points, so many of them, and says so with this message. Of no points, it is a warning.
    Partial(u64, String),
    /// Takes it and answers with what is no message, as a success.
    Garbage,
    /// Takes it and answers, as a success, with a body that does not end.
    Endless,
    /// Does not take it, and answers with this status of HTTP and a body that does not end.
    EndlessFailure(u16),
}

impl Answer {
    /// Does not take it, in a way that passes.
    #[must_use]
    pub fn unavailable(protocol: Protocol) -> Answer {
        match protocol {
            Protocol::Http => Answer::Http(503, None),
            _ => Answer::Grpc(Code::Unavailable, None),
        }
    }

    /// Does not take it, in a way that does not pass.
    #[must_use]
    pub fn refused(protocol: Protocol) -> Answer {
        match protocol {
            Protocol::Http => Answer::Http(400, None),
            _ => Answer::Grpc(Code::InvalidArgument, None),
        }
    }

    /// Does not take it, and wants to be left alone for a time, of whole seconds.
    #[must_use]
    pub fn throttled(protocol: Protocol, time: Duration) -> Answer {
        match protocol {
            Protocol::Http => Answer::Http(429, Some(RetryAfter::Seconds(time.as_secs()))),
            _ => Answer::Grpc(Code::ResourceExhausted, Some(time)),
        }
    }
}

/// How `Retry-After` says when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// After so many seconds.
    Seconds(u64),
    /// At the date that is so many whole seconds after the answer; a date has no parts of them.
    Date(u64),
}

impl RetryAfter {
    /// The header's value, if it is sent now.
    pub(super) fn value(self) -> String {
        match self {
            RetryAfter::Seconds(seconds) => seconds.to_string(),
            RetryAfter::Date(seconds) => {
                httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(seconds))
            }
        }
    }
}
