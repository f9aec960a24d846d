//! `traceparent` and `tracestate`.

use std::str::FromStr;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use super::fields::{Fields, TRACE_STATE_BYTES};
use super::stats::Counters;

/// Version, trace id, parent id and flags, with dashes between them.
const LENGTH: usize = 2 + 1 + 32 + 1 + 16 + 1 + 2;

/// SPEC: W3C Trace Context, 3.3.1.1.
const MEMBERS: usize = 32;

/// The span that the fields tell of; `None` where there is none, or a malformed one, which is counted.
pub(super) fn read(fields: &Fields, counters: &Counters) -> Option<SpanContext> {
    let trace_parent = fields.trace_parent.as_deref()?;
    let Some((trace_id, span_id, flags)) = parse(trace_parent.trim_matches([' ', '\t'])) else {
        counters.malformed_trace_parents.inc();
        return None;
    };
    let trace_state = fields.trace_state.as_deref().and_then(|text| {
        let state = state(text);
        if state.is_none() {
            counters.malformed_trace_states.inc();
        }
        state
    });
    Some(SpanContext::new(trace_id, span_id, flags, true, trace_state.unwrap_or_default()))
}

/// Reads a `traceparent`.
///
/// SPEC: W3C Trace Context, 3.2.2 and 4.3: lower-case hexadecimal digits alone, no version `ff`, no ids of zeros; a later
/// version may add fields, version 00 may not.
fn parse(text: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let (known, rest) = text.split_at_checked(LENGTH)?;
    let parts: Vec<&str> = known.split('-').collect();
    let &[version, trace_id, span_id, flags] = parts.as_slice() else { return None };
    let hex = |part: &str, length| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let well_formed = hex(version, 2) && hex(trace_id, 32) && hex(span_id, 16) && hex(flags, 2);
    let later = version != "00" && rest.starts_with('-');
    if !well_formed || version == "ff" || !(rest.is_empty() || later) {
        return None;
    }
    let (trace_id, span_id) = (TraceId::from_hex(trace_id).ok()?, SpanId::from_hex(span_id).ok()?);
    // SPEC: 3.2.2.5.2: flags that are not known are not passed on.
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    (trace_id != TraceId::INVALID && span_id != SpanId::INVALID).then_some((trace_id, span_id, flags))
}

/// Reads a `tracestate`.
///
/// SPEC: W3C Trace Context, 3.3.1: members with commas between them, blanks around them, some of them empty.
fn state(text: &str) -> Option<TraceState> {
    if text.len() > TRACE_STATE_BYTES {
        return None;
    }
    let members: Vec<&str> = text
        .split(',')
        .map(|member| member.trim_matches([' ', '\t']))
        .filter(|member| !member.is_empty())
        .collect();
    if members.len() > MEMBERS {
        return None;
    }
    TraceState::from_str(&members.join(",")).ok()
}

/// The `traceparent` of a span, and its `tracestate` if it has one.
pub(super) fn write(span: &SpanContext) -> (String, Option<String>) {
    let flags = span.trace_flags() & TraceFlags::SAMPLED;
    let trace_parent = format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), flags);
    (trace_parent, Some(span.trace_state().header()).filter(|state| !state.is_empty()))
}
