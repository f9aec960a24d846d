//! Calling code that may panic.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Says that what was called has panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Panicked;

/// Calls `f`, which may leave whatever it captured in the middle of something when it panics.
///
/// Nothing escapes: not even a panic in the destructor of the panic's own payload.
pub(crate) fn caught<R>(f: impl FnOnce() -> R) -> Result<R, Panicked> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        discard(payload);
        Panicked
    })
}

fn discard(payload: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // There could be one in this one's destructor, too, and so on.
        mem::forget(another);
    }
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use std::panic::panic_any;

    use super::*;

    struct Bomb(u32);

    #[expect(clippy::panic, reason = "that it panics is what is tested")]
    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.0 > 0 {
                panic_any(Bomb(self.0 - 1));
            }
        }
    }

    #[test]
    fn nothing_that_a_panic_carries_escapes() {
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(caught(|| panic_any("plain")), Err::<(), _>(Panicked));
        for bombs in 0..4 {
            assert_eq!(caught(|| panic_any(Bomb(bombs))), Err::<(), _>(Panicked));
        }
    }
}
