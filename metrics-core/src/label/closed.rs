//! What `#[derive(TypedLabels)]` asks of a field's type: whether all of its values are known.
//!
//! Generated code alone uses this, and it can change with any version.
//!
//! The derive sees a type's name, not what it implements. So it asks [`Of<T>`] for an item that stands twice: on the
//! type itself where `T` is closed, and in the trait [`Open`] for any `T`. A type's own items come first, where they
//! hold.

use std::marker::PhantomData;

use super::typed::ClosedLabelValue;

/// A field's type.
#[derive(Debug)]
pub struct Of<T: ?Sized>(PhantomData<T>);

impl<T: ClosedLabelValue> Of<T> {
    /// How many values there are.
    pub const CARDINALITY: Option<usize> = Some(T::VALUES.len());

    /// The values.
    pub const VALUES: Option<&'static [&'static str]> = Some(T::VALUES);

    /// Which of them this is.
    #[inline]
    #[must_use]
    pub fn index(value: &T) -> Option<usize> {
        let index = value.index();
        // The trait can be implemented by hand.
        if index < T::VALUES.len() { Some(index) } else { None }
    }
}

/// What holds for a type of which not all values are known.
pub trait Open<T: ?Sized> {
    /// How many values there are: nobody knows.
    const CARDINALITY: Option<usize> = None;

    /// The values: nobody knows.
    const VALUES: Option<&'static [&'static str]> = None;

    /// Which of them this is.
    #[inline]
    #[must_use]
    fn index(_: &T) -> Option<usize> {
        None
    }
}

impl<T: ?Sized> Open<T> for Of<T> {}

/// How many combinations there are of fields with these many values.
#[must_use]
pub const fn combinations(fields: &[Option<usize>]) -> Option<usize> {
    let mut combinations = Some(1_usize);
    let mut field = 0;
    while field < fields.len() {
        combinations = match (combinations, fields[field]) {
            (Some(before), Some(values)) => before.checked_mul(values),
            _ => None,
        };
        field += 1;
    }
    combinations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_are_the_product_where_all_is_known() {
        assert_eq!(combinations(&[]), Some(1));
        assert_eq!(combinations(&[Some(3), Some(2)]), Some(6));
        assert_eq!(combinations(&[Some(3), Some(0)]), Some(0));
        assert_eq!(combinations(&[Some(3), None, Some(0)]), None);
        assert_eq!(combinations(&[Some(usize::MAX), Some(2)]), None);
    }
}
