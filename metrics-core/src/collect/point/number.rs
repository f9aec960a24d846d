//! A value in the type in which it was recorded.

/// A value in the type in which it was recorded, so that no exporter loses a digit that it could have kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A whole number that is not negative.
    U64(u64),
    /// A whole number.
    I64(i64),
    /// A floating-point number, NaN and the infinities included.
    F64(f64),
}

impl Number {
    /// The value as the nearest `f64`, exact up to 2^53.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "the docs say that the value is the nearest one")]
    pub fn as_f64(self) -> f64 {
        match self {
            Number::U64(value) => value as f64,
            Number::I64(value) => value as f64,
            Number::F64(value) => value,
        }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Number::U64(value)
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Number::I64(value)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Number::F64(value)
    }
}
