//! Code of the user's own that is asked for values, and may come to ask for itself.

use std::cell::RefCell;

thread_local! {
    /// What this thread is asking, by address: a registry that is registered with itself, straight or through another
    /// one, would be asked without end, and so would a callback that collects its own registry.
    static ASKED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// What a thread is asking, for another thread that goes on with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Addresses(Vec<usize>);

/// Keeps something from being asked again from within itself.
#[derive(Debug)]
pub(crate) struct Asking(());

impl Asking {
    /// Begins to ask what stands at an address, unless this thread is asking it already.
    pub(crate) fn begin<T: ?Sized>(asked: *const T) -> Option<Asking> {
        let this = asked.cast::<()>().addr();
        let is_new = ASKED.try_with(|asked| {
            let mut asked = asked.borrow_mut();
            let is_new = !asked.contains(&this);
            if is_new {
                asked.push(this);
            }
            is_new
        });
        // A thread whose locals are gone asks unguarded. The guard is made only where it is one: what its drop takes off is
        // another's otherwise.
        is_new.unwrap_or(true).then(|| Asking(()))
    }

    /// Whether this thread is asking what stands at an address.
    pub(crate) fn is_asked<T: ?Sized>(asked: *const T) -> bool {
        let this = asked.cast::<()>().addr();
        ASKED.try_with(|asked| asked.borrow().contains(&this)).unwrap_or(false)
    }

    /// All that this thread is asking.
    pub(crate) fn within() -> Addresses {
        Addresses(ASKED.try_with(|asked| asked.borrow().clone()).unwrap_or_default())
    }

    /// Calls `f` as if from within all that another thread was asking.
    pub(crate) fn inherit<R>(within: &Addresses, f: impl FnOnce() -> R) -> R {
        let own = ASKED.try_with(|asked| asked.replace(within.0.clone()));
        let _own = own.map(Inherited);
        f()
    }
}

/// Gives a thread back what it was asking by itself.
struct Inherited(Vec<usize>);

impl Drop for Inherited {
    fn drop(&mut self) {
        let _ = ASKED.try_with(|asked| asked.replace(std::mem::take(&mut self.0)));
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        // What is asked from within something is done before that is.
        let _ = ASKED.try_with(|asked| asked.borrow_mut().pop());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_asked_is_not_asked_again_however_often_that_is_tried() {
        let places = [0_u8; 2];
        let [one, other] = [&raw const places[0], &raw const places[1]];
        let asking = Asking::begin(one);
        assert!(asking.is_some());
        for _ in 0..3 {
            assert!(Asking::begin(one).is_none());
            assert!(Asking::begin(other).is_some());
        }
        drop(asking);
        assert!(Asking::begin(one).is_some());
    }

    #[test]
    fn a_thread_that_goes_on_for_another_is_within_what_that_one_is_and_for_so_long() {
        let places = [0_u8; 2];
        let [one, other] = places.each_ref().map(std::ptr::from_ref);
        let asking = Asking::begin(one);
        let within = Asking::within();
        drop(asking);
        let own = Asking::begin(other);
        Asking::inherit(&within, || {
            assert!(Asking::is_asked(one) && Asking::begin(one).is_none());
            assert!(!Asking::is_asked(other) && Asking::begin(other).is_some());
        });
        assert!(!Asking::is_asked(one) && Asking::is_asked(other));
        drop(own);
    }
}
