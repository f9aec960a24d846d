//! Names, texts and numbers in which what has a meaning to a format is common.

use arbitrary::Arbitrary;

/// A piece of a name or a text.
#[derive(Arbitrary, Debug, Clone)]
enum Piece {
    /// One of [`PIECES`].
    Known(u8),
    /// A letter or a digit.
    Letter(u8),
    /// Any character.
    Any(char),
}

/// What names, suffixes, escapes, line ends and the syntax of pages are made of.
const PIECES: [&str; 40] = [
    "a",
    "b",
    "_",
    ".",
    ":",
    "1",
    "__",
    "_dot_",
    "U__",
    "_2e_",
    "_total",
    "_info",
    "_bucket",
    "_count",
    "_sum",
    "_gcount",
    "_gsum",
    "_created",
    "_seconds",
    "total",
    "seconds",
    "_bytes",
    "le",
    "quantile",
    "__name__",
    "nilometer_overflow",
    "\"",
    "\\",
    "\n",
    "\r",
    "{",
    "}",
    ",",
    "=",
    "#",
    " ",
    "# EOF\n",
    "\0",
    "漢",
    "\u{202e}",
];

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCXYZ_0129";

impl Piece {
    fn push_to(&self, text: &mut String) {
        match self {
            Piece::Known(index) => text.push_str(PIECES[usize::from(*index) % PIECES.len()]),
            Piece::Letter(byte) => {
                text.push(char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
            }
            Piece::Any(character) => text.push(*character),
        }
    }
}

/// A text of a few pieces.
#[derive(Arbitrary, Debug, Clone, Default)]
pub struct Text(Vec<Piece>);

impl Text {
    /// The text itself.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.0.iter().take(8).for_each(|piece| piece.push_to(&mut text));
        text
    }
}

/// Labels, and what they are worth.
pub type Pairs = Vec<(Text, Text)>;

/// The pairs as texts, a few of them.
#[must_use]
pub fn owned(pairs: &Pairs) -> Vec<(String, String)> {
    pairs.iter().take(4).map(|(name, value)| (name.text(), value.text())).collect()
}

/// A number, the odd ones among them.
#[derive(Arbitrary, Debug, Clone, Copy)]
pub enum Float {
    /// A whole one.
    Small(i8),
    /// One of those at which something ends.
    Odd(u8),
    /// Any bits.
    Any(f64),
}

impl Float {
    /// The number itself.
    #[must_use]
    pub fn number(self) -> f64 {
        const ODD: [f64; 12] = [
            0.0,
            -0.0,
            0.1,
            1e-5,
            1e6,
            1e21,
            f64::MAX,
            f64::MIN,
            f64::MIN_POSITIVE,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
        ];
        match self {
            Float::Small(number) => f64::from(number),
            Float::Odd(index) => ODD[usize::from(index) % ODD.len()],
            Float::Any(number) => number,
        }
    }
}

/// Increasing finite bounds, one at least.
#[must_use]
pub fn bounds(numbers: &[Float]) -> Vec<f64> {
    let numbers = numbers.iter().take(8).map(|number| number.number()).filter(|number| number.is_finite());
    // Zero has two signs, and is one bound.
    let mut bounds: Vec<f64> = numbers.map(|number| number + 0.0).collect();
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    if bounds.is_empty() { vec![1.0] } else { bounds }
}

/// A unit, of which there are few in a program.
#[derive(Arbitrary, Debug, Clone, Copy)]
pub struct UnitName(u8);

impl UnitName {
    /// The unit itself.
    #[must_use]
    pub fn unit(self) -> nilometer_core::Unit {
        const UNITS: [&str; 8] = ["seconds", "bytes", "total", "a", "info", "b\n", "漢", ""];
        nilometer_core::Unit::new(UNITS[usize::from(self.0) % UNITS.len()])
    }
}
