//! The types of values: what each may be, in a file and in a variable.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// What a value is written as.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scalar<'a> {
    Text(&'a str),
    Whole(i64),
    Number(f64),
    Flag(bool),
}

/// A value that is no list and no table.
pub(crate) trait Setting: Sized {
    /// What it is, behind "not".
    const EXPECTED: &'static str;

    /// What a file says.
    fn read(value: Scalar<'_>) -> Option<Self>;

    /// What a variable says. It has no types: a number is a text there.
    fn from_text(text: &str) -> Option<Self> {
        Self::read(Scalar::Text(text))
    }

    /// As a variable would say it.
    fn text(&self) -> String;
}

/// Gives a setting its place in serde's model: text is written, numbers and flags as what they are.
macro_rules! serde_as {
    ($type:ident, $value:ident => $written:expr) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $value = self;
                $written.serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Scalars(PhantomData))
            }
        }
    };
}

struct Scalars<T>(PhantomData<T>);

impl<T: Setting> Scalars<T> {
    fn take<E: serde::de::Error>(value: Scalar<'_>) -> Result<T, E> {
        T::read(value).ok_or_else(|| {
            let found = match value {
                Scalar::Text(text) => serde::de::Unexpected::Str(text),
                Scalar::Whole(number) => serde::de::Unexpected::Signed(number),
                Scalar::Number(number) => serde::de::Unexpected::Float(number),
                Scalar::Flag(flag) => serde::de::Unexpected::Bool(flag),
            };
            E::invalid_value(found, &T::EXPECTED)
        })
    }
}

impl<T: Setting> Visitor<'_> for Scalars<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<T, E> {
        Self::take(Scalar::Flag(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<T, E> {
        Self::take(Scalar::Whole(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<T, E> {
        let unexpected = serde::de::Unexpected::Unsigned(value);
        let number = i64::try_from(value).map_err(|_| E::invalid_value(unexpected, &T::EXPECTED))?;
        self.visit_i64(number)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<T, E> {
        Self::take(Scalar::Number(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<T, E> {
        Self::take(Scalar::Text(value))
    }
}

/// Something written, of one line at least.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Text(pub(crate) String);

impl Setting for Text {
    const EXPECTED: &'static str = "a text that says something";

    fn read(value: Scalar<'_>) -> Option<Text> {
        match value {
            Scalar::Text(text) if !text.is_empty() => Some(Text(text.to_owned())),
            _ => None,
        }
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

serde_as!(Text, text => text.0);

/// The path of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FilePath(pub(crate) PathBuf);

impl Setting for FilePath {
    const EXPECTED: &'static str = "the path of a file";

    fn read(value: Scalar<'_>) -> Option<FilePath> {
        Text::read(value).map(|text| FilePath(text.0.into()))
    }

    fn text(&self) -> String {
        self.0.to_string_lossy().into_owned()
    }
}

serde_as!(FilePath, path => path.0);

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Flag(pub(crate) bool);

impl Setting for Flag {
    const EXPECTED: &'static str = "`true` or `false`";

    fn read(value: Scalar<'_>) -> Option<Flag> {
        match value {
            Scalar::Flag(flag) => Some(Flag(flag)),
            _ => None,
        }
    }

    fn from_text(text: &str) -> Option<Flag> {
        text.to_ascii_lowercase().parse().ok().map(Flag)
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

serde_as!(Flag, flag => flag.0);

/// A port of TCP; 0 is one that the system chooses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Port(pub(crate) u16);

impl Setting for Port {
    const EXPECTED: &'static str = "a port from 0 to 65535";

    fn read(value: Scalar<'_>) -> Option<Port> {
        match value {
            Scalar::Whole(number) => u16::try_from(number).ok().map(Port),
            _ => None,
        }
    }

    fn from_text(text: &str) -> Option<Port> {
        text.parse().ok().map(Port)
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

serde_as!(Port, port => port.0);

/// How many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Count(pub(crate) u32);

impl Setting for Count {
    const EXPECTED: &'static str = "a whole number from 1 to 4294967295";

    fn read(value: Scalar<'_>) -> Option<Count> {
        match value {
            Scalar::Whole(number) => u32::try_from(number).ok().filter(|&count| count > 0).map(Count),
            _ => None,
        }
    }

    fn from_text(text: &str) -> Option<Count> {
        text.parse().ok().and_then(|number| Count::read(Scalar::Whole(number)))
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

serde_as!(Count, count => count.0);

impl Count {
    pub(crate) fn get(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// A part of a whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ratio(pub(crate) f64);

impl Setting for Ratio {
    const EXPECTED: &'static str = "a number from 0 to 1";

    fn read(value: Scalar<'_>) -> Option<Ratio> {
        let ratio = match value {
            Scalar::Number(ratio) => ratio,
            Scalar::Whole(0) => 0.0,
            Scalar::Whole(1) => 1.0,
            _ => return None,
        };
        (0.0..=1.0).contains(&ratio).then_some(Ratio(ratio))
    }

    fn from_text(text: &str) -> Option<Ratio> {
        text.parse().ok().and_then(|ratio| Ratio::read(Scalar::Number(ratio)))
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

serde_as!(Ratio, ratio => ratio.0);

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Time(pub(crate) Duration);

/// What is longer is a mistake.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// The units, in milliseconds.
const UNITS: [(&str, f64); 5] =
    [("ms", 1.0), ("s", 1_000.0), ("m", 60_000.0), ("h", 3_600_000.0), ("d", 86_400_000.0)];

impl Time {
    /// Whole milliseconds, one at least: OpenTelemetry's variables count in them.
    pub(crate) fn of(time: Duration) -> Option<Time> {
        let is_whole = time.subsec_nanos().is_multiple_of(1_000_000);
        (is_whole && !time.is_zero() && time <= LONGEST).then_some(Time(time))
    }

    fn of_milliseconds(milliseconds: f64) -> Option<Time> {
        // Further from a whole number than any calculation leaves it.
        if (milliseconds - milliseconds.round()).abs() > 0.001 {
            return None;
        }
        let rounded = Duration::try_from_secs_f64(milliseconds.round() / 1_000.0).ok()?;
        // A division leaves a nanosecond here or there.
        let milliseconds = rounded.as_nanos().checked_add(500_000)? / 1_000_000;
        Time::of(Duration::from_millis(milliseconds.try_into().ok()?))
    }

    /// Numbers with units, such as `1m30s`, or a number of seconds.
    fn parse(text: &str) -> Option<Time> {
        let text = text.trim();
        if let Ok(seconds) = text.parse::<f64>() {
            return Time::of_milliseconds(seconds * 1_000.0);
        }
        let (mut rest, mut sum) = (text, 0.0);
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let (number, behind) = rest.split_at(end);
            let number: f64 = number.parse().ok()?;
            let behind = behind.trim_start();
            let end = behind.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(behind.len());
            let (name, behind) = behind.split_at(end);
            let (_, unit) = UNITS.iter().find(|(unit, _)| *unit == name)?;
            sum += number * unit;
            rest = behind.trim_start();
        }
        Time::of_milliseconds(sum)
    }
}

impl Setting for Time {
    const EXPECTED: &'static str =
        "a time from 1ms to 366d, such as `500ms`, `10s` or `1m30s`, or a number of seconds";

    fn read(value: Scalar<'_>) -> Option<Time> {
        match value {
            Scalar::Text(text) => Time::parse(text),
            Scalar::Whole(seconds) => Time::of(Duration::from_secs(seconds.try_into().ok()?)),
            Scalar::Number(seconds) => Time::of_milliseconds(seconds * 1_000.0),
            Scalar::Flag(_) => None,
        }
    }

    fn text(&self) -> String {
        let milliseconds = self.0.as_millis();
        if milliseconds.is_multiple_of(1_000) {
            format!("{}s", milliseconds / 1_000)
        } else {
            format!("{milliseconds}ms")
        }
    }
}

serde_as!(Time, time => time.text());

/// One of a few words.
macro_rules! word {
    ($(#[$about:meta])* $name:ident: $expected:literal, $($word:literal),+) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub(crate) struct $name(pub(crate) &'static str);

        impl Setting for $name {
            const EXPECTED: &'static str = $expected;

            /// In upper or lower case, as OpenTelemetry's variables have it.
            fn read(value: Scalar<'_>) -> Option<$name> {
                let Scalar::Text(text) = value else { return None };
                [$($word),+].into_iter().find(|word| word.eq_ignore_ascii_case(text)).map($name)
            }

            fn text(&self) -> String {
                self.0.to_owned()
            }
        }

        serde_as!($name, word => word.0);
    };
}

word!(
    /// How requests are sent.
    Protocol: "`grpc` or `http/protobuf`", "grpc", "http/protobuf"
);
word!(
    /// How they are compressed.
    Compression: "`gzip`, `zstd` or `none`", "gzip", "zstd", "none"
);
word!(
    /// What is sent as differences.
    Temporality: "`cumulative`, `delta` or `lowmemory`", "cumulative", "delta", "lowmemory"
);
word!(
    /// Which buckets are sent of a histogram that has both kinds.
    Aggregation: "`explicit_bucket_histogram` or `base2_exponential_bucket_histogram`",
    "explicit_bucket_histogram", "base2_exponential_bucket_histogram"
);
word!(
    /// Which spans are recorded.
    Sampler: "`always_on`, `always_off`, `traceidratio`, or one of them behind `parentbased_`",
    "always_on", "always_off", "traceidratio",
    "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"
);

/// Names with values.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
#[serde(transparent)]
pub(crate) struct Pairs(pub(crate) BTreeMap<String, String>);

impl Pairs {
    pub(crate) const EXPECTED: &'static str = "names with texts, in a variable `name=text,name=text`";

    pub(super) fn is_acceptable(&self) -> bool {
        self.0.keys().all(|name| !name.is_empty())
    }

    /// Of a variable. A text holds no comma there; an empty place between two commas is none.
    pub(crate) fn from_text(text: &str) -> Option<Pairs> {
        let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
        let read = |pair: &str| {
            let (name, value) = pair.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        };
        pairs.map(read).collect::<Option<_>>().map(Pairs).filter(Pairs::is_acceptable)
    }
}

/// Headers of HTTP. Their names are the same in upper and in lower case, and are kept in the latter.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
#[serde(transparent)]
pub(crate) struct Headers(pub(crate) Pairs);

impl Headers {
    pub(crate) fn of(pairs: Pairs) -> Headers {
        let pairs = pairs.0.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
        Headers(Pairs(pairs.collect()))
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Headers, D::Error> {
        Pairs::deserialize(deserializer).map(Headers::of)
    }
}

/// Several texts.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(transparent)]
pub(crate) struct Texts(pub(crate) Vec<Text>);

impl Texts {
    pub(crate) const EXPECTED: &'static str = "a list of texts, in a variable `text,text`";

    pub(crate) fn from_text(text: &str) -> Texts {
        let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
        Texts(texts.map(|text| Text(text.to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_with_units_or_seconds() {
        for (text, milliseconds) in [
            ("10s", 10_000),
            ("1m30s", 90_000),
            ("1m 30s", 90_000),
            ("1 m 30 s", 90_000),
            ("500ms", 500),
            ("1.5s", 1_500),
            ("0.001", 1),
            ("1.1s", 1_100),
            ("365d23h59m59.999s", 366 * 86_400_000 - 1),
            ("0.1", 100),
            ("10", 10_000),
            ("2h", 7_200_000),
            ("366d", 366 * 86_400_000),
        ] {
            let time = Time::from_text(text).unwrap();
            assert_eq!(time.0, Duration::from_millis(milliseconds), "{text}");
            assert_eq!(Time::from_text(&time.text()), Some(time), "{text}");
        }
        for text in [
            "",
            "0",
            "0s",
            "-1",
            "s",
            "10 parsecs",
            "1us",
            "0.4ms",
            "0.6ms",
            "1.5ms",
            "10.0004s",
            "1m0.0001s",
            "367d",
            "1e300",
            "NaN",
            "inf",
            "10S",
            "1..5s",
        ] {
            assert_eq!(Time::from_text(text), None, "{text}");
        }
        assert_eq!(Time::read(Scalar::Whole(5)), Some(Time(Duration::from_secs(5))));
        assert_eq!(Time::read(Scalar::Number(0.25)), Some(Time(Duration::from_millis(250))));
        assert_eq!(Time::read(Scalar::Whole(-5)), None);
        assert_eq!(Time::read(Scalar::Flag(true)), None);
    }

    #[test]
    fn pairs_of_a_variable_are_separated_by_commas() {
        let pairs = Pairs::from_text("team=billing, stage = prod,,").unwrap();
        assert_eq!(Vec::from_iter(&pairs.0).len(), 2);
        assert_eq!(pairs.0["stage"], "prod");
        assert_eq!(Pairs::from_text("team"), None);
        assert_eq!(Pairs::from_text("=x"), None);
    }
}
