//! What an attribute of a resource can be.

use prost::encoding::{bool, double, int64};

use crate::field::{any_value, array_value, key_value};
use crate::wire;

/// The value of an attribute.
///
/// # Examples
///
/// ```
/// use nilometer_otel::AttributeValue;
///
/// assert_eq!(AttributeValue::from("eu").as_str(), Some("eu"));
/// assert_eq!(AttributeValue::from(4_i64), AttributeValue::I64(4));
/// assert_eq!(AttributeValue::from(vec![true, false]), AttributeValue::Bools(vec![true, false]));
/// ```
///
/// # Specification
///
/// OpenTelemetry specification, "Common", "Attribute": the primitive types, and arrays of one of them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum AttributeValue {
    /// A text.
    String(String),
    /// A truth value.
    Bool(bool),
    /// A whole number.
    I64(i64),
    /// A floating-point number.
    F64(f64),
    /// Texts.
    Strings(Vec<String>),
    /// Truth values.
    Bools(Vec<bool>),
    /// Whole numbers.
    I64s(Vec<i64>),
    /// Floating-point numbers.
    F64s(Vec<f64>),
}

impl AttributeValue {
    /// The text, where it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            AttributeValue::String(text) => Some(text),
            _ => None,
        }
    }

    /// Writes the body of the `AnyValue` message.
    fn encode(&self, buffer: &mut Vec<u8>) {
        match self {
            AttributeValue::String(text) => wire::string(any_value::STRING, text, buffer),
            AttributeValue::Bool(value) => bool::encode(any_value::BOOL, value, buffer),
            AttributeValue::I64(value) => int64::encode(any_value::INT, value, buffer),
            AttributeValue::F64(value) => double::encode(any_value::DOUBLE, value, buffer),
            AttributeValue::Strings(values) => encode_array(values, buffer),
            AttributeValue::Bools(values) => encode_array(values, buffer),
            AttributeValue::I64s(values) => encode_array(values, buffer),
            AttributeValue::F64s(values) => encode_array(values, buffer),
        }
    }

    /// Writes a `KeyValue` with this value.
    pub(crate) fn encode_pair(&self, tag: u32, key: &str, buffer: &mut Vec<u8>) {
        let pair = wire::start(tag, 1, buffer);
        wire::string(key_value::KEY, key, buffer);
        let value = wire::start(key_value::VALUE, 1, buffer);
        self.encode(buffer);
        wire::end(value, buffer);
        wire::end(pair, buffer);
    }
}

fn encode_array<T: Clone + Into<AttributeValue>>(values: &[T], buffer: &mut Vec<u8>) {
    let array = wire::start(any_value::ARRAY, 1, buffer);
    for value in values {
        let one = wire::start(array_value::VALUES, 1, buffer);
        value.clone().into().encode(buffer);
        wire::end(one, buffer);
    }
    wire::end(array, buffer);
}

macro_rules! values {
    ($($given:ty => $kind:ident),*) => {$(
        impl From<$given> for AttributeValue {
            fn from(value: $given) -> Self {
                AttributeValue::$kind(value)
            }
        }
    )*};
}
values!(String => String, bool => Bool, i64 => I64, f64 => F64);
values!(Vec<String> => Strings, Vec<bool> => Bools, Vec<i64> => I64s, Vec<f64> => F64s);

impl From<&str> for AttributeValue {
    fn from(text: &str) -> Self {
        AttributeValue::String(text.to_owned())
    }
}
