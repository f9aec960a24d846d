//! What a bridge from another API cannot do is counted: by what was asked for, and by why it was not done.

use std::marker::PhantomData;

use nilometer_core::{Counter, CounterFamily, MetricsRegistry, RegisterError};

/// Why a bridge did not do something, or not as it was asked for.
pub(crate) trait Reason: Copy + 'static {
    /// The family that tells of it, whatever the registry's namespace.
    const NAME: &'static str;
    const HELP: &'static str;
    /// The label that names what was asked for.
    const LABEL: &'static str;
    /// Every reason, in the order of its number, with its spelling and what it means.
    const ALL: &'static [(Self, &'static str, &'static str)];

    fn number(self) -> usize;
}

/// The counts.
#[derive(Debug)]
pub(crate) struct Unsupported<R> {
    family: CounterFamily,
    reasons: PhantomData<fn(R)>,
}

impl<R> Clone for Unsupported<R> {
    fn clone(&self) -> Self {
        Unsupported { family: self.family.clone(), reasons: PhantomData }
    }
}

impl<R: Reason> Unsupported<R> {
    /// The family.
    pub(crate) const NAME: &'static str = R::NAME;

    /// Counts on this registry.
    ///
    /// # Errors
    ///
    /// [`RegisterError`]: it has another bridge's counts, or refuses these.
    pub(crate) fn register(registry: &MetricsRegistry) -> Result<Unsupported<R>, RegisterError> {
        let family = CounterFamily::new(Self::NAME, R::HELP);
        registry.register(&family)?;
        Ok(Unsupported { family, reasons: PhantomData })
    }

    /// The count of one name and reason.
    pub(crate) fn counter(&self, name: &str, reason: R) -> Counter {
        // A label without a value is none.
        let name = if name.is_empty() { "(empty)" } else { name };
        self.family.get_or_create(&[(R::LABEL, name), ("reason", R::ALL[reason.number()].1)])
    }

    #[cold]
    pub(crate) fn count(&self, name: &str, reason: R) {
        self.counter(name, reason).inc();
    }
}

/// Holds the table of reasons to their numbers, and to the table in the docs of the bridge.
#[cfg(test)]
pub(crate) fn check<R: Reason>(docs: &str) {
    for (index, (reason, ..)) in R::ALL.iter().enumerate() {
        assert_eq!(reason.number(), index);
    }
    let (_, table) = docs.split_once("//! | reason | what has happened |\n//! |---|---|\n").unwrap();
    let rows: Vec<&str> = table.lines().take_while(|line| line.starts_with("//! |")).collect();
    let expected: Vec<String> =
        R::ALL.iter().map(|(_, reason, meaning)| format!("//! | `{reason}` | {meaning} |")).collect();
    assert_eq!(rows, expected);
}
