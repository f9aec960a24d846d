//! Values that may be secrets, as serde sees them: its errors show what they refuse, and these do not.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::setting::{Pairs, Setting, Text, Texts};

/// What is read without being told where it is wrong.
pub(super) trait Untold: Sized {
    /// What it is, behind "not".
    const EXPECTED: &'static str;

    fn read_text(_: &str) -> Option<Self> {
        None
    }

    fn read_map<'de, A: MapAccess<'de>>(_: A) -> Result<Self, A::Error> {
        Err(refused::<Self, _>())
    }

    fn read_seq<'de, A: SeqAccess<'de>>(_: A) -> Result<Self, A::Error> {
        Err(refused::<Self, _>())
    }
}

fn refused<T: Untold, E: Error>() -> E {
    E::custom(format_args!("this is not {}", T::EXPECTED))
}

struct Untelling<T>(PhantomData<T>);

impl<'de, T: Untold> Visitor<'de> for Untelling<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<T, E> {
        Err(refused::<T, E>())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<T, E> {
        Err(refused::<T, E>())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<T, E> {
        Err(refused::<T, E>())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<T, E> {
        Err(refused::<T, E>())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::read_text(text).ok_or_else(refused::<T, E>)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::read_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        T::read_seq(seq)
    }
}

fn read<'de, T: Untold, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Untelling(PhantomData))
}

/// A text in a table or a list.
struct Inner(String);

impl Untold for Inner {
    const EXPECTED: &'static str = "a text";

    fn read_text(text: &str) -> Option<Inner> {
        Some(Inner(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Inner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Inner, D::Error> {
        read(deserializer)
    }
}

impl Untold for Pairs {
    const EXPECTED: &'static str = Pairs::EXPECTED;

    fn read_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = BTreeMap::new();
        while let Some((name, Inner(value))) = map.next_entry::<String, Inner>()? {
            pairs.insert(name, value);
        }
        Some(Pairs(pairs)).filter(Pairs::is_acceptable).ok_or_else(|| A::Error::custom("a name is empty"))
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        read(deserializer)
    }
}

impl Untold for Text {
    const EXPECTED: &'static str = <Text as Setting>::EXPECTED;

    fn read_text(text: &str) -> Option<Text> {
        (!text.is_empty()).then(|| Text(text.to_owned()))
    }
}

/// One of several texts.
struct Item(Text);

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Item, D::Error> {
        read(deserializer).map(Item)
    }
}

impl Untold for Texts {
    const EXPECTED: &'static str = Texts::EXPECTED;

    fn read_seq<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<Texts, A::Error> {
        let mut texts = Vec::new();
        while let Some(Item(text)) = seq.next_element()? {
            texts.push(text);
        }
        Ok(Texts(texts))
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Texts, D::Error> {
        read(deserializer)
    }
}
