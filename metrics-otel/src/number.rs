//! Points of one number.

use nilometer_core::collect::Number;
use prost::encoding::{double, fixed64, sfixed64, uint32};

use crate::field::{number_point, point};

/// Since when, and of when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// 0 for none.
    pub(crate) start: u64,
    pub(crate) time: u64,
}

impl Times {
    pub(crate) fn write(self, buffer: &mut Vec<u8>) {
        if self.start > 0 {
            fixed64::encode(point::START_TIME, &self.start, buffer);
        }
        fixed64::encode(point::TIME, &self.time, buffer);
    }
}

/// SPEC: opentelemetry-proto 1.10.0, `NumberDataPoint`: whole numbers are signed, so that a larger one is sent as the
/// nearest double.
pub(crate) fn write_number(value: Number, buffer: &mut Vec<u8>) {
    let whole = match value {
        Number::U64(value) => i64::try_from(value).ok(),
        Number::I64(value) => Some(value),
        Number::F64(value) if is_stale(value) => return write_no_value(number_point::FLAGS, buffer),
        Number::F64(_) => None,
    };
    match whole {
        Some(whole) => sfixed64::encode(number_point::AS_INT, &whole, buffer),
        None => double::encode(number_point::AS_DOUBLE, &value.as_f64(), buffer),
    }
}

/// Says that there is no value.
pub(crate) fn write_no_value(flags: u32, buffer: &mut Vec<u8>) {
    uint32::encode(flags, &point::NO_RECORDED_VALUE, buffer);
}

/// Whether this is the NaN by which Prometheus says that a series has ended: what a collector shows that passes on what
/// it has from there.
///
/// SPEC: OpenTelemetry specification, "Metrics Data Model", "No recorded value": Prometheus' stale marker becomes the
/// flag. Prometheus, `model/value/value.go`, `StaleNaN`.
pub(crate) fn is_stale(value: f64) -> bool {
    value.to_bits() == 0x7ff0_0000_0000_0002
}

/// Whether a monotonic sum that began at zero can have this value.
///
/// SPEC: OpenTelemetry specification, "Metrics Data Model", "Sums": what a monotonic sum adds is not negative.
pub(crate) fn is_total(total: Number) -> bool {
    match total {
        Number::U64(_) => true,
        Number::I64(total) => total >= 0,
        Number::F64(total) => total >= 0.0 || is_stale(total),
    }
}
