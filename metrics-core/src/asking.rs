//! Code of the user's own that is asked for values, and may come to ask for itself.

use std::cell::RefCell;

thread_local! {
    /// What this thread is asking, by address: a registry that is registered with itself, straight or through another
    /// one, would be asked without end, and so would a callback that collects its own registry.
    static ASKED: RefCell<Vec<*const ()>> = const { RefCell::new(Vec::new()) };
}

/// Keeps something from being asked again from within itself.
#[derive(Debug)]
pub(crate) struct Asking(());

impl Asking {
    /// Begins to ask what stands at an address, unless this thread is asking it already.
    pub(crate) fn begin<T: ?Sized>(asked: *const T) -> Option<Asking> {
        let this: *const () = asked.cast();
        let is_new = ASKED.try_with(|asked| {
            let mut asked = asked.borrow_mut();
            let is_new = !asked.contains(&this);
            if is_new {
                asked.push(this);
            }
            is_new
        });
        // A thread whose locals are gone asks unguarded.
        is_new.unwrap_or(true).then_some(Asking(()))
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        // What is asked from within something is done before that is.
        let _ = ASKED.try_with(|asked| asked.borrow_mut().pop());
    }
}
