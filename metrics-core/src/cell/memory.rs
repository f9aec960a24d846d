//! Memory straight from the system's allocator: the program's own may be what is recording.

#[cfg(not(all(test, nilometer_loom)))]
use std::alloc::{GlobalAlloc, Layout, System, handle_alloc_error};

/// Memory of all zeros that is never given back, or `None` when the system has none left.
///
/// # Safety
///
/// All zeros are a value of `T`, and its size is not zero.
#[cfg(not(all(test, nilometer_loom)))]
pub(super) unsafe fn zeroed<T>() -> Option<&'static T> {
    const { assert!(size_of::<T>() > 0) };
    // SAFETY: the layout's size is not zero.
    let memory = unsafe { System.alloc_zeroed(Layout::new::<T>()) };
    // SAFETY: the memory is null, or of the size and alignment of `T`, never freed, and zeros are a value of it.
    unsafe { memory.cast::<T>().as_ref() }
}

/// Gives memory back that [`zeroed`] gave, where it was not needed after all.
///
/// # Safety
///
/// The memory came from [`zeroed`], and nobody uses it from now on.
#[cfg(not(all(test, nilometer_loom)))]
pub(super) unsafe fn discard<T>(memory: &'static T) {
    let memory = std::ptr::from_ref(memory).cast_mut();
    // SAFETY: the caller keeps the contract, and the layout is the same.
    unsafe { System.dealloc(memory.cast(), Layout::new::<T>()) };
}

#[cfg(all(test, nilometer_loom))]
pub(super) unsafe fn discard<T>(_: &'static T) {}

/// Gives up for want of memory, as the standard library's collections do.
#[cold]
pub(super) fn exhausted() -> ! {
    #[cfg(not(all(test, nilometer_loom)))]
    handle_alloc_error(Layout::new::<super::page::Page>());
    #[cfg(all(test, nilometer_loom))]
    unreachable!("a model has all the memory it wants")
}

/// A growing array in the system's memory, which is given back when it grows and never else.
#[derive(Debug)]
pub(super) struct Array<T> {
    first: *mut T,
    len: usize,
    capacity: usize,
}

// SAFETY: the array owns its items, as a `Vec` does.
unsafe impl<T: Send> Send for Array<T> {}

impl<T: Copy> Array<T> {
    pub(super) const fn new() -> Array<T> {
        Array { first: std::ptr::null_mut(), len: 0, capacity: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Where the items are, until the array grows.
    pub(super) fn as_ptr(&self) -> *const T {
        self.first
    }

    /// Puts an item at the end; `false` when the system has no memory left.
    #[must_use]
    pub(super) fn push(&mut self, item: T) -> bool {
        if self.len == self.capacity && !self.grow() {
            return false;
        }
        // SAFETY: there is room behind the last item.
        let end = unsafe { self.first.add(self.len) };
        // SAFETY: as above, and nobody else has the memory.
        unsafe { end.write(item) };
        self.len += 1;
        true
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        // SAFETY: the place was inside the array until now.
        let end = unsafe { self.first.add(self.len) };
        // SAFETY: it was written by `push`.
        Some(unsafe { end.read() })
    }

    /// Puts an item in the place of another; `false` when there is no such place.
    #[must_use]
    pub(super) fn set(&mut self, at: usize, item: T) -> bool {
        if at >= self.len {
            return false;
        }
        // SAFETY: the place is inside the array.
        let place = unsafe { self.first.add(at) };
        // SAFETY: as above, and nobody else has the memory.
        unsafe { place.write(item) };
        true
    }

    #[cold]
    fn grow(&mut self) -> bool {
        let capacity = (self.capacity * 2).max(8);
        let Some(first) = allocate::<T>(capacity) else { return false };
        if self.capacity > 0 {
            // SAFETY: both are of at least `len` items, and two allocations.
            unsafe { self.first.copy_to_nonoverlapping(first, self.len) };
            // SAFETY: it was allocated with this very capacity, and is replaced now.
            unsafe { free(self.first, self.capacity) };
        }
        self.first = first;
        self.capacity = capacity;
        true
    }
}

#[cfg(not(all(test, nilometer_loom)))]
fn allocate<T>(capacity: usize) -> Option<*mut T> {
    const { assert!(size_of::<T>() > 0) };
    // SAFETY: neither the capacity nor the item's size is zero.
    let memory = unsafe { System.alloc(Layout::array::<T>(capacity).ok()?) };
    (!memory.is_null()).then(|| memory.cast())
}

/// # Safety
///
/// `first` came from [`allocate`] with the same capacity, and is not used again.
#[cfg(not(all(test, nilometer_loom)))]
unsafe fn free<T>(first: *mut T, capacity: usize) {
    if let Ok(layout) = Layout::array::<T>(capacity) {
        // SAFETY: the caller keeps the contract, and the layout is the same.
        unsafe { System.dealloc(first.cast(), layout) };
    }
}

#[cfg(all(test, nilometer_loom))]
#[expect(clippy::unnecessary_wraps, reason = "the other one can fail")]
fn allocate<T>(capacity: usize) -> Option<*mut T> {
    Some(Box::leak(Box::<[T]>::new_uninit_slice(capacity)).as_mut_ptr().cast())
}

#[cfg(all(test, nilometer_loom))]
unsafe fn free<T>(_: *mut T, _: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_keeps_its_items_while_it_grows() {
        let mut array = Array::new();
        for item in 0..1000_u32 {
            assert!(array.push(item));
        }
        assert!(array.set(500, 7));
        assert!(!array.set(1000, 7));
        for item in (0..1000).rev() {
            assert_eq!(array.pop(), Some(if item == 500 { 7 } else { item }));
        }
        assert_eq!((array.pop(), array.len()), (None, 0));
    }
}
