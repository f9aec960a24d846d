//! Numbers that may not be there.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A number of a report, or nothing.
///
/// Whatever else stands in its place, another version's idea of the field, is as good as nothing: it costs the one
/// series, not the report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Number(Option<i128>);

impl Number {
    /// The number; none where it is negative, which is how librdkafka says that it does not know (-1, -1001).
    pub(super) fn known(self) -> Option<u64> {
        self.0.and_then(|number| u64::try_from(number).ok())
    }

    /// As it stands.
    pub(super) fn raw(self) -> Option<i128> {
        self.0
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl<'de> Visitor<'de> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything; a whole number counts")
    }

    fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
        Ok(Number(Some(number.into())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
        Ok(Number(Some(number.into())))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Number, E> {
        Ok(Number(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Number, E> {
        Ok(Number(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Number, E> {
        Ok(Number(None))
    }

    fn visit_unit<E>(self) -> Result<Number, E> {
        Ok(Number(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Number, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Number(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Number, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Number(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_number_is_one() {
        let cases = [
            ("7", Some(7)),
            ("-1001", Some(-1001)),
            ("18446744073709551615", Some(u64::MAX.into())),
            ("1e99", None),
            ("0.5", None),
            ("true", None),
            ("null", None),
            ("\"7\"", None),
            ("[1, [2]]", None),
            ("{\"a\": {\"b\": 1}}", None),
        ];
        for (text, expected) in cases {
            assert_eq!(serde_json::from_str::<Number>(text).unwrap(), Number(expected), "{text}");
        }
    }

    #[test]
    fn a_negative_number_is_unknown() {
        assert_eq!((Number(Some(-1)).known(), Number(Some(0)).known()), (None, Some(0)));
    }
}
