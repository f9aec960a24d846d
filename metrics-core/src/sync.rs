//! What lock-free code is made of: the standard primitives, or loom's while a model runs.
//!
//! A model is a unit test that is compiled with `--cfg nilometer_loom`: loom runs it under every order of its threads'
//! steps, and under every value that the memory model lets a load return. A model that cannot fail proves nothing, so
//! every ordering and every lock that a model is about has a mutant, named after the model: `ordering!(Release,
//! "MODEL/WHAT")` is `Release`, and `Relaxed` where the environment variable `NILOMETER_MUTANT` names it; a
//! [`Lock`] of that name does not lock. `.ci/models` runs each model once as it is and once for each of its mutants,
//! and expects every mutant to fail.

#[cfg(all(test, nilometer_loom))]
mod model {
    pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, fence};

    /// Whether this mutant is the one to run.
    pub(crate) fn is_mutant(name: &str) -> bool {
        static MUTANT: std::sync::LazyLock<Option<String>> =
            std::sync::LazyLock::new(|| std::env::var("NILOMETER_MUTANT").ok());
        MUTANT.as_deref() == Some(name)
    }

    /// `fence(SeqCst)`; the name is that of the mutant without it.
    pub(crate) fn full_fence(mutant: &'static str) {
        if !is_mutant(mutant) {
            fence(loom::sync::atomic::Ordering::SeqCst);
        }
    }

    /// Lets others go on, for one of whom the caller waits.
    pub(crate) fn wait() {
        loom::thread::yield_now();
    }

    /// A value behind a lock.
    #[derive(Debug)]
    pub(crate) struct Lock<T> {
        name: &'static str,
        mutex: loom::sync::Mutex<()>,
        value: loom::cell::UnsafeCell<T>,
    }

    // SAFETY: the value is reached under the mutex, and loom stops a mutant that reaches it from two threads at once.
    unsafe impl<T: Send> Send for Lock<T> {}
    // SAFETY: as above.
    unsafe impl<T: Send> Sync for Lock<T> {}

    impl<T> Lock<T> {
        pub(crate) fn new(name: &'static str, value: T) -> Lock<T> {
            Lock { name, mutex: loom::sync::Mutex::new(()), value: loom::cell::UnsafeCell::new(value) }
        }

        pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
            let _guard = (!is_mutant(self.name)).then(|| self.mutex.lock());
            // SAFETY: the mutex is held, or loom is there to find that it is not.
            self.value.with_mut(|value| f(unsafe { &mut *value }))
        }
    }

    /// A value that one thread at a time may look at, which loom checks.
    pub(crate) type Exclusive<T> = loom::cell::UnsafeCell<T>;

    /// Loads an atomic that nobody else writes; loom checks that nobody does.
    ///
    /// To loom it is no step of its own: a load right before a store would hide from it that the store's place among
    /// other threads' loads matters, since it looks at the last access alone.
    #[inline]
    pub(crate) fn load_own(cell: &AtomicU64) -> u64 {
        // SAFETY: loom stops the model where another thread writes.
        unsafe { cell.unsync_load() }
    }

    /// Stands for the plain memory that something is made in: loom checks that whoever looks at it comes after its
    /// making. Loom's own atomics have their first value without being published.
    #[derive(Debug)]
    pub(crate) struct Birth(loom::cell::UnsafeCell<()>);

    // SAFETY: it is looked at alone, after it was made, which is what loom checks.
    unsafe impl Sync for Birth {}

    impl Birth {
        pub(crate) fn new() -> Birth {
            let birth = Birth(loom::cell::UnsafeCell::new(()));
            birth.0.with_mut(|_| ());
            birth
        }

        pub(crate) fn check(&self) {
            self.0.with(|_| ());
        }
    }
}

#[cfg(not(all(test, nilometer_loom)))]
mod real {
    pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};

    /// `fence(SeqCst)`; the name is that of the mutant without it.
    #[cfg(not(nilometer_tsan))]
    #[inline]
    pub(crate) fn full_fence(_: &'static str) {
        std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
    }

    /// What the thread sanitizer understands in place of a fence: read-modify-writes of one atomic, of which the later
    /// one sees all that came before the earlier one.
    #[cfg(nilometer_tsan)]
    pub(crate) fn full_fence(_: &'static str) {
        static TURN: AtomicU64 = AtomicU64::new(0);
        // ORDERING: AcqRel, pairs with itself.
        TURN.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
    }

    /// Lets others go on, for one of whom the caller waits.
    pub(crate) fn wait() {
        // It may be one that the scheduler has stopped.
        std::thread::yield_now();
    }

    /// A value behind a lock.
    ///
    /// The standard library's mutex, because it allocates nothing: a recording inside the program's allocator may have
    /// to take it. Its code is not compiled anew for the thread sanitizer, which needs one whose code is.
    #[derive(Debug)]
    pub(crate) struct Lock<T> {
        #[cfg(not(nilometer_tsan))]
        mutex: std::sync::Mutex<T>,
        #[cfg(nilometer_tsan)]
        mutex: parking_lot::Mutex<T>,
    }

    impl<T> Lock<T> {
        /// The name is that of the mutant that does not lock.
        pub(crate) const fn new(_: &'static str, value: T) -> Lock<T> {
            #[cfg(not(nilometer_tsan))]
            return Lock { mutex: std::sync::Mutex::new(value) };
            #[cfg(nilometer_tsan)]
            return Lock { mutex: parking_lot::Mutex::new(value) };
        }

        pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
            // A panic under the lock leaves the value as a panic elsewhere would: nothing here is half done between
            // two statements that can panic.
            #[cfg(not(nilometer_tsan))]
            return f(&mut self.mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
            #[cfg(nilometer_tsan)]
            return f(&mut self.mutex.lock());
        }
    }

    /// Loads an atomic that nobody else writes.
    #[inline]
    pub(crate) fn load_own(cell: &AtomicU64) -> u64 {
        // ORDERING: Relaxed, it is the calling thread's own last store, or one that it knows to have happened before.
        cell.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// A value that one thread at a time may look at.
    #[derive(Debug)]
    pub(crate) struct Exclusive<T>(std::cell::UnsafeCell<T>);

    impl<T> Exclusive<T> {
        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

pub(crate) use std::sync::atomic::Ordering;

#[cfg(all(test, nilometer_loom))]
pub(crate) use model::*;
#[cfg(not(all(test, nilometer_loom)))]
pub(crate) use real::*;

/// An ordering, and the name of the mutant in which it is `Relaxed`.
#[cfg(all(test, nilometer_loom))]
macro_rules! ordering {
    ($ordering:ident, $mutant:literal) => {
        if $crate::sync::is_mutant($mutant) {
            $crate::sync::Ordering::Relaxed
        } else {
            $crate::sync::Ordering::$ordering
        }
    };
}

/// An ordering, and the name of the mutant in which it is `Relaxed`.
#[cfg(not(all(test, nilometer_loom)))]
macro_rules! ordering {
    ($ordering:ident, $mutant:literal) => {
        $crate::sync::Ordering::$ordering
    };
}
pub(crate) use ordering;
