//! Times as OTLP has them: nanoseconds since 1970.

use std::time::{SystemTime, UNIX_EPOCH};

/// A time in nanoseconds, where it is one that OTLP can express.
///
/// SPEC: opentelemetry-proto 1.10.0, `NumberDataPoint`: times are nanoseconds since 1970 in 64 bits, and 0 is no time.
pub(crate) fn unix_nanos(time: SystemTime) -> Option<u64> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok().filter(|&nanos| nanos > 0)
}

/// The time of a point whose series began at `start`: `now`, or as soon afterwards as can be where the series is as new
/// as the collection itself.
///
/// SPEC: OpenTelemetry specification, "Metrics Data Model", "Cumulative streams: handling unknown start time": a point
/// whose time is its start says that its value was there before.
pub(crate) fn point_time(start: u64, now: u64) -> u64 {
    now.max(start.saturating_add(1))
}
