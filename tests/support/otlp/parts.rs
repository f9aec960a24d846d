//! The parts of points that are the same for all kinds.

use nilometer_core::collect::Number;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1 as otlp;

use super::STALE;
use crate::shown::Example;

pub(super) fn number_value(value: Number) -> Option<otlp::number_data_point::Value> {
    use otlp::number_data_point::Value;
    match value {
        Number::F64(value) => (value.to_bits() != STALE).then_some(Value::AsDouble(value)),
        Number::I64(value) => Some(Value::AsInt(value)),
        Number::U64(whole) => {
            Some(i64::try_from(whole).map_or(Value::AsDouble(value.as_f64()), Value::AsInt))
        }
    }
}

pub(super) fn attribute(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

pub(super) fn attributes(labels: &[(String, String)]) -> Vec<KeyValue> {
    labels.iter().map(|(name, value)| attribute(name, value)).collect()
}

pub(super) fn exemplars(shown: &[Example], since: u64) -> Vec<otlp::Exemplar> {
    // 0 is no time.
    let shown = shown.iter().filter(|example| example.nanoseconds > since);
    let exemplar = |example: &Example| {
        let mut exemplar = otlp::Exemplar {
            time_unix_nano: example.nanoseconds,
            value: Some(otlp::exemplar::Value::AsDouble(example.value)),
            ..Default::default()
        };
        for (name, value) in &example.labels {
            match (name.as_str(), id(value)) {
                ("trace_id", Some(id)) if id.len() == 16 => exemplar.trace_id = id,
                ("span_id", Some(id)) if id.len() == 8 => exemplar.span_id = id,
                _ => exemplar.filtered_attributes.push(attribute(name, value)),
            }
        }
        exemplar
    };
    shown.map(exemplar).collect()
}

/// Bytes in hexadecimal digits that are not all zero.
pub(super) fn id(text: &str) -> Option<Vec<u8>> {
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) || text.len() % 2 == 1 {
        return None;
    }
    let bytes = (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok());
    bytes.collect::<Option<Vec<u8>>>().filter(|bytes| bytes.iter().any(|&byte| byte > 0))
}
