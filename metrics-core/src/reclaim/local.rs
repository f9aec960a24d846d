//! Which record is the calling thread's.

use std::cell::Cell;

use super::domain::{Domain, Guard, Record};

/// All threads of the process.
#[cfg(not(all(test, nilometer_loom)))]
static DOMAIN: Domain = Domain::new();

/// Models make a domain each.
#[cfg(all(test, nilometer_loom))]
static DOMAIN: std::sync::LazyLock<Domain> = std::sync::LazyLock::new(Domain::new);

/// The domain that all lookups of the process are in.
pub(crate) fn domain() -> &'static Domain {
    &DOMAIN
}

thread_local! {
    /// Constant and without a destructor: reading it is one instruction, and it can be read while the thread ends.
    static RECORD: Cell<Option<&'static Record>> = const { Cell::new(None) };

    /// Whether the thread is being given a record.
    static REGISTERING: Cell<bool> = const { Cell::new(false) };

    /// Its destructor releases the record. Set up where a thread looks something up for the first time.
    static OWNER: Owner = const { Owner };
}

struct Owner;

impl Drop for Owner {
    fn drop(&mut self) {
        // First of all: from here on, this thread's lookups do without a record.
        if let Some(record) = RECORD.take() {
            domain().release(record);
        }
    }
}

/// Begins a lookup; `None` where the calling thread cannot have a record, so that the lookup has to take a lock: while
/// it ends, and inside an allocation that giving it a record makes.
#[inline]
pub(crate) fn enter() -> Option<Guard<'static>> {
    let record = match RECORD.get() {
        Some(record) => record,
        None => register()?,
    };
    Some(record.enter())
}

#[cold]
fn register() -> Option<&'static Record> {
    if REGISTERING.replace(true) {
        return None;
    }
    // Before there is a record to release. It fails where the thread has run the destructor.
    let can_release = OWNER.try_with(|_| ()).is_ok();
    let record = can_release.then(|| domain().adopt());
    RECORD.set(record);
    REGISTERING.set(false);
    record
}

/// Takes the calling thread's record away, as while it ends, until this is dropped.
#[cfg(all(test, not(nilometer_loom)))]
#[derive(Debug)]
pub(crate) struct WithoutRecord(Option<&'static Record>);

#[cfg(all(test, not(nilometer_loom)))]
pub(crate) fn without_record() -> WithoutRecord {
    REGISTERING.set(true);
    WithoutRecord(RECORD.take())
}

#[cfg(all(test, not(nilometer_loom)))]
impl Drop for WithoutRecord {
    fn drop(&mut self) {
        RECORD.set(self.0);
        REGISTERING.set(false);
    }
}
