//! Labels as Rust types.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::sync::Arc;

/// A struct whose fields are labels; made by `#[derive(TypedLabels)]`.
///
/// A family that is typed by it, `Family<L, M>`, takes no other labels: names cannot be misspelled, forgotten or
/// doubled, because there are none to write.
pub trait TypedLabels {
    /// The same labels with every lifetime `'static`: it names the family, so that a lookup can pass labels that
    /// borrow.
    type Schema: 'static;

    /// The label names, sorted.
    const NAMES: &'static [&'static str];

    /// How many different labels there are, where that is known: the number of combinations of the fields' values,
    /// where each field is a [`ClosedLabelValue`]. A family of up to 4,096 of them finds a series by its index.
    ///
    /// `None`, the default, is right for any type.
    const CARDINALITY: Option<usize> = None;

    /// All values of each of [`NAMES`](TypedLabels::NAMES), where they are known: what
    /// [`Family::init_all`](crate::Family::init_all) makes series of.
    ///
    /// Empty, the default, is right for any type.
    const VALUES: &'static [Option<&'static [&'static str]>] = &[];

    /// Calls `f` with the names and values, sorted by name.
    fn with_pairs<R>(&self, f: impl FnOnce(&[(&str, &str)]) -> R) -> R;

    /// Which of the [`CARDINALITY`](TypedLabels::CARDINALITY) different labels these are, counted from 0.
    ///
    /// It stands for the labels: two values of one schema have the same index only if they have the same labels, even
    /// if their types differ in lifetimes. `None`, the default, is right for any type.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::label::TypedLabels;
    ///
    /// /// What `#[derive(TypedLabels)]` makes of a struct with a field `cached: bool`.
    /// struct Lookup {
    ///     cached: bool,
    /// }
    ///
    /// impl TypedLabels for Lookup {
    ///     type Schema = Lookup;
    ///     const NAMES: &'static [&'static str] = &["cached"];
    ///     const CARDINALITY: Option<usize> = Some(2);
    ///
    ///     fn with_pairs<R>(&self, f: impl FnOnce(&[(&str, &str)]) -> R) -> R {
    ///         f(&[("cached", if self.cached { "true" } else { "false" })])
    ///     }
    ///
    ///     fn closed_index(&self) -> Option<usize> {
    ///         Some(usize::from(self.cached))
    ///     }
    /// }
    ///
    /// assert_eq!(Lookup { cached: true }.closed_index(), Some(1));
    /// assert_eq!(<() as TypedLabels>::CARDINALITY, Some(1));
    /// ```
    #[inline]
    fn closed_index(&self) -> Option<usize> {
        None
    }
}

impl TypedLabels for () {
    type Schema = ();
    const NAMES: &'static [&'static str] = &[];
    const CARDINALITY: Option<usize> = Some(1);

    fn with_pairs<R>(&self, f: impl FnOnce(&[(&str, &str)]) -> R) -> R {
        f(&[])
    }

    #[inline]
    fn closed_index(&self) -> Option<usize> {
        Some(0)
    }
}

/// Something that can stand as a label's value: strings, integers, booleans, and enums with `#[derive(LabelValue)]`.
///
/// `None` is the empty value, which is the same as no label.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a label value",
    note = "strings, integers, `bool` and `Option` of them can; an enum can with `#[derive(LabelValue)]`"
)]
pub trait LabelValue {
    /// The value as a string, which may be written into `buffer`.
    fn as_value<'a>(&'a self, buffer: &'a mut ValueBuffer) -> &'a str;
}

/// A type of which all label values are known: `bool`, an enum without fields and with `#[derive(LabelValue)]`, or a
/// reference to either.
///
/// # Examples
///
/// ```
/// use nilometer_core::label::ClosedLabelValue as _;
///
/// assert_eq!(bool::VALUES[true.index()], "true");
/// ```
#[diagnostic::on_unimplemented(
    message = "not all label values of `{Self}` are known",
    note = "they are of `bool`, and of an enum without fields and with `#[derive(LabelValue)]`"
)]
pub trait ClosedLabelValue: LabelValue {
    /// Every value, in the order of the variants.
    const VALUES: &'static [&'static str];

    /// Which of [`VALUES`](ClosedLabelValue::VALUES) this is.
    fn index(&self) -> usize;
}

/// Room for a label value that has to be formatted, on the stack.
#[derive(Debug)]
pub struct ValueBuffer {
    /// Enough for any integer of 128 bits with its sign, and for any address.
    bytes: [u8; 64],
    len: usize,
}

impl ValueBuffer {
    /// An empty buffer.
    #[must_use]
    #[inline]
    pub const fn new() -> ValueBuffer {
        ValueBuffer { bytes: [0; 64], len: 0 }
    }

    /// Formats `value` into the buffer, over what is there.
    ///
    /// # Errors
    ///
    /// [`fmt::Error`] when the text is longer than 64 bytes, or formatting fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::label::{LabelValue, ValueBuffer};
    ///
    /// struct Address(std::net::IpAddr);
    ///
    /// impl LabelValue for Address {
    ///     fn as_value<'a>(&'a self, buffer: &'a mut ValueBuffer) -> &'a str {
    ///         buffer.format(self.0).unwrap_or("too long")
    ///     }
    /// }
    ///
    /// let address = Address([127, 0, 0, 1].into());
    /// assert_eq!(address.as_value(&mut ValueBuffer::new()), "127.0.0.1");
    /// ```
    pub fn format(&mut self, value: impl fmt::Display) -> Result<&str, fmt::Error> {
        self.len = 0;
        write!(Room(self), "{value}")?;
        std::str::from_utf8(&self.bytes[..self.len]).map_err(|_| fmt::Error)
    }
}

impl Default for ValueBuffer {
    fn default() -> Self {
        ValueBuffer::new()
    }
}

/// The room that is left in a buffer; whole strings are put in, so what is in it is always UTF-8.
struct Room<'a>(&'a mut ValueBuffer);

impl Write for Room<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.0.len + text.len();
        self.0.bytes.get_mut(self.0.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.0.len = end;
        Ok(())
    }
}

macro_rules! string_values {
    ($($type:ty),*) => {$(
        impl LabelValue for $type {
            #[inline]
            fn as_value<'a>(&'a self, _: &'a mut ValueBuffer) -> &'a str {
                self
            }
        }
    )*};
}
string_values!(str, String, Box<str>, Arc<str>, Cow<'_, str>);

macro_rules! integer_values {
    ($($type:ty),*) => {$(
        impl LabelValue for $type {
            fn as_value<'a>(&'a self, buffer: &'a mut ValueBuffer) -> &'a str {
                // Every integer fits.
                buffer.format(self).unwrap_or_default()
            }
        }
    )*};
}
integer_values!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

impl LabelValue for bool {
    #[inline]
    fn as_value<'a>(&'a self, _: &'a mut ValueBuffer) -> &'a str {
        if *self { "true" } else { "false" }
    }
}

impl ClosedLabelValue for bool {
    const VALUES: &'static [&'static str] = &["false", "true"];

    #[inline]
    fn index(&self) -> usize {
        usize::from(*self)
    }
}

impl<T: ClosedLabelValue + ?Sized> ClosedLabelValue for &T {
    const VALUES: &'static [&'static str] = T::VALUES;

    #[inline]
    fn index(&self) -> usize {
        (**self).index()
    }
}

impl<T: LabelValue + ?Sized> LabelValue for &T {
    #[inline]
    fn as_value<'a>(&'a self, buffer: &'a mut ValueBuffer) -> &'a str {
        (**self).as_value(buffer)
    }
}

impl<T: LabelValue> LabelValue for Option<T> {
    #[inline]
    fn as_value<'a>(&'a self, buffer: &'a mut ValueBuffer) -> &'a str {
        self.as_ref().map_or("", |value| value.as_value(buffer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_their_display() {
        let mut buffer = ValueBuffer::new();
        assert_eq!(i128::MIN.as_value(&mut buffer), i128::MIN.to_string());
        assert_eq!(7_u8.as_value(&mut buffer), "7");
        assert_eq!(true.as_value(&mut buffer), "true");
        assert_eq!(Some("x").as_value(&mut buffer), "x");
        assert_eq!(None::<u16>.as_value(&mut buffer), "");
    }
}
