//! The three fields, as they lie in a carrier.

use super::baggage;
use super::stats::Counters;

pub(super) const TRACE_PARENT: &str = "traceparent";
pub(super) const TRACE_STATE: &str = "tracestate";
pub(super) const BAGGAGE: &str = "baggage";
pub(super) const NAMES: [&str; 3] = [TRACE_PARENT, TRACE_STATE, BAGGAGE];

/// More bytes than any trace parent of a later version has, which may add fields.
const TRACE_PARENT_BYTES: usize = 512;

/// More bytes than any trace state that is to be kept.
///
/// SPEC: W3C Trace Context, 3.3.1.5: at least 512 characters should be propagated; those of 32 members of the greatest
/// length are no use to anybody.
pub(super) const TRACE_STATE_BYTES: usize = 8192;

/// What stands in the fields of a carrier. A field that is there several times is one, joined with commas.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) trace_parent: Option<String>,
    pub(super) trace_state: Option<String>,
    pub(super) baggage: Option<String>,
}

impl Fields {
    /// Whether a header is one of the three, in whatever case.
    pub(super) fn name(header: &[u8]) -> Option<&'static str> {
        NAMES.into_iter().find(|name| header.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// Takes a header in, if it is one of the three.
    pub(super) fn add(&mut self, header: &[u8], value: &[u8], counters: &Counters) {
        let Some(name) = Fields::name(header) else { return };
        let Ok(value) = std::str::from_utf8(value) else {
            counters.invalid_utf8.inc();
            return;
        };
        let (field, limit) = match name {
            // SPEC: W3C Trace Context, 3.2: there is one. A second makes it malformed, with the comma between them.
            TRACE_PARENT => (&mut self.trace_parent, TRACE_PARENT_BYTES),
            TRACE_STATE => (&mut self.trace_state, TRACE_STATE_BYTES),
            _ => (&mut self.baggage, baggage::BYTES),
        };
        match field {
            None => *field = Some(bounded(value, limit).to_owned()),
            // A carrier may hold a field a million times: what is too long already grows no further.
            Some(known) if known.len() <= limit => {
                known.push(',');
                known.push_str(bounded(value, limit));
            }
            Some(_) => {}
        }
    }
}

/// So much of a value that it is seen to be too long.
fn bounded(value: &str, limit: usize) -> &str {
    if value.len() <= limit {
        return value;
    }
    let end = (limit + 1..=value.len()).find(|&end| value.is_char_boundary(end));
    value.get(..end.unwrap_or(value.len())).unwrap_or(value)
}
