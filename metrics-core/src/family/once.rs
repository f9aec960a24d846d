//! A value that is set once and read ever after.

use std::fmt;
use std::marker::PhantomData;
use std::ptr;

use crate::sync::{AtomicPtr, Ordering, ordering};

/// A value that lookups read without a lock.
///
/// Not the standard library's, whose code is not compiled anew for the thread sanitizer, and which a lookup would ask in
/// two steps.
pub(super) struct Once<T> {
    /// Null, or from a box.
    value: AtomicPtr<T>,
    owned: PhantomData<Box<T>>,
}

impl<T> Once<T> {
    pub(super) fn new(value: Option<T>) -> Once<T> {
        let value = value.map_or(ptr::null_mut(), |value| Box::into_raw(Box::new(value)));
        Once { value: AtomicPtr::new(value), owned: PhantomData }
    }

    #[inline]
    pub(super) fn get(&self) -> Option<&T> {
        // ORDERING: Acquire, pairs with the Release in `set`: who finds the value finds what is in it.
        let value = self.value.load(ordering!(Acquire, "family_once/get"));
        // SAFETY: it is freed with `self`.
        unsafe { value.as_ref() }
    }

    /// Sets the value, unless there is one.
    pub(super) fn set(&self, value: T) {
        let value = Box::into_raw(Box::new(value));
        // ORDERING: Release, pairs with the Acquire in `get`. Relaxed on failure, what is there is not looked at.
        let release = ordering!(Release, "family_once/set");
        if self.value.compare_exchange(ptr::null_mut(), value, release, Ordering::Relaxed).is_err() {
            // SAFETY: it came from a box just now, and nobody else knows it.
            drop(unsafe { Box::from_raw(value) });
        }
    }
}

impl<T> Drop for Once<T> {
    fn drop(&mut self) {
        // ORDERING: Relaxed, nobody else has a reference.
        let value = self.value.load(Ordering::Relaxed);
        if !value.is_null() {
            // SAFETY: it came from a box, and nobody has a reference.
            drop(unsafe { Box::from_raw(value) });
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Once<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Once").field(&self.get()).finish()
    }
}
