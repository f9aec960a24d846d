//! Attributes' values as text.

use std::fmt::Write as _;

use opentelemetry::{Array, Value};

/// The text of a value that stands as it is in a label.
pub(super) fn text_of(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text.as_str()),
        Value::Bool(true) => Some("true"),
        Value::Bool(false) => Some("false"),
        _ => None,
    }
}

/// Appends the text of a value.
///
/// SPEC: OpenTelemetry, "Common specification concepts", the representation of `AnyValue` for protocols that are not OTLP:
/// strings as they are, numbers as JSON has them, `NaN`, `Infinity` and `-Infinity` by these words, arrays as JSON.
pub(super) fn push_value(value: &Value, out: &mut String) {
    match value {
        Value::I64(value) => push(value, out),
        Value::F64(value) => push_float(*value, out),
        Value::Array(array) => push_array(array, out),
        value => match text_of(value) {
            Some(text) => out.push_str(text),
            // A kind of value that is newer than this crate.
            None => push(value, out),
        },
    }
}

fn push(value: impl std::fmt::Display, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}

fn push_float(value: f64, out: &mut String) {
    match value {
        _ if value.is_nan() => out.push_str("NaN"),
        f64::INFINITY => out.push_str("Infinity"),
        f64::NEG_INFINITY => out.push_str("-Infinity"),
        // The shortest form that reads back as the same number, without an exponent: JSON takes it.
        _ => push(value, out),
    }
}

fn push_array(array: &Array, out: &mut String) {
    match array {
        Array::Bool(values) => push_items(values, out, |value, out| push(value, out)),
        Array::I64(values) => push_items(values, out, |value, out| push(value, out)),
        Array::F64(values) => push_items(values, out, |value, out| {
            if value.is_finite() {
                return push_float(*value, out);
            }
            // JSON has no such numbers: these are strings there.
            out.push('"');
            push_float(*value, out);
            out.push('"');
        }),
        Array::String(values) => push_items(values, out, |value, out| push_quoted(value.as_str(), out)),
        // A kind of array that is newer than this crate.
        _ => push(array, out),
    }
}

fn push_items<T>(values: &[T], out: &mut String, push_item: impl Fn(&T, &mut String)) {
    out.push('[');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_item(value, out);
    }
    out.push(']');
}

/// SPEC: RFC 8259, section 7.
fn push_quoted(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use opentelemetry::StringValue;

    use super::*;

    #[test]
    fn values_are_written_as_the_specification_has_them() {
        let strings: Vec<StringValue> = vec!["a".into(), "\"\\\n\u{1}é".into()];
        let table: [(Value, &str); 15] = [
            ("plain \"text\"".into(), "plain \"text\""),
            (true.into(), "true"),
            (false.into(), "false"),
            ((-3_i64).into(), "-3"),
            (i64::MIN.into(), "-9223372036854775808"),
            (0.25.into(), "0.25"),
            (2.0.into(), "2"),
            (f64::NAN.into(), "NaN"),
            (f64::INFINITY.into(), "Infinity"),
            (f64::NEG_INFINITY.into(), "-Infinity"),
            (Value::Array(vec![true, false].into()), "[true,false]"),
            (Value::Array(vec![1_i64, -2].into()), "[1,-2]"),
            (Value::Array(vec![0.5, f64::NAN, f64::NEG_INFINITY].into()), "[0.5,\"NaN\",\"-Infinity\"]"),
            (Value::Array(strings.into()), "[\"a\",\"\\\"\\\\\\n\\u0001é\"]"),
            (Value::Array(Vec::<i64>::new().into()), "[]"),
        ];
        for (value, expected) in table {
            let mut text = String::new();
            push_value(&value, &mut text);
            assert_eq!(text, expected);
            assert!(text_of(&value).is_none_or(|text| text == expected));
        }
    }
}
