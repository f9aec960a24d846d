//! What cannot be done is counted.

use nilometer_core::{Counter, CounterFamily, MetricsRegistry, RegisterError};

/// The family that tells of it, whatever the registry's namespace.
const NAME: &str = "nilometer_facade_unsupported_total";

const HELP: &str = "Calls of the facade metrics that were not done, or not as they were asked for.";

/// Why something was not done, or not as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Name,
    Conflict,
    Refused,
    NameLimit,
    Dropped,
    Description,
    Unit,
    Change,
}

/// Every reason, in the order of its number, with its spelling and what it means.
const REASONS: [(Reason, &str, &str); 8] = [
    (Reason::Name, "name", "the registry does not take the name; the metric does nothing"),
    (
        Reason::Conflict,
        "conflict",
        "the name belongs to a metric of another kind or of another spelling, or to a family of the program's that \
         differs; the metric does nothing",
    ),
    (Reason::Refused, "refused", "the registry has refused the family otherwise; the metric does nothing"),
    (
        Reason::NameLimit,
        "name_limit",
        "there are as many names as there may be; the metric does nothing, or has no description",
    ),
    (Reason::Dropped, "dropped", "an operation of a metric that does nothing"),
    (Reason::Description, "description", "a description differs from the one that is shown"),
    (Reason::Unit, "unit", "a unit that names are to end with came after the first use, or units differ"),
    (
        Reason::Change,
        "change",
        "a gauge was incremented or decremented by what is no finite number, and stays as it was",
    ),
];

/// The counts.
#[derive(Debug, Clone)]
pub(super) struct Unsupported(CounterFamily);

impl Unsupported {
    /// Counts on this registry.
    ///
    /// # Errors
    ///
    /// [`RegisterError`]: it has another recorder's counts, or refuses these.
    pub(super) fn register(registry: &MetricsRegistry) -> Result<Unsupported, RegisterError> {
        let family = CounterFamily::new(NAME, HELP);
        registry.register(&family)?;
        Ok(Unsupported(family))
    }

    /// Takes the counts off again.
    pub(super) fn unregister(registry: &MetricsRegistry) {
        registry.unregister(NAME);
    }

    /// The count of one metric and reason.
    pub(super) fn counter(&self, metric: &str, reason: Reason) -> Counter {
        // A label without a value is none.
        let metric = if metric.is_empty() { "(empty)" } else { metric };
        self.0.get_or_create(&[("metric", metric), ("reason", REASONS[reason as usize].1)])
    }

    #[cold]
    pub(super) fn count(&self, metric: &str, reason: Reason) {
        self.counter(metric, reason).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_stands_at_its_own_number() {
        for (index, (reason, ..)) in REASONS.iter().enumerate() {
            assert_eq!(*reason as usize, index);
        }
    }

    #[test]
    fn the_table_of_the_docs_has_the_reasons_and_no_others() {
        let docs = include_str!("mod.rs");
        let (_, table) = docs.split_once("//! | reason | what has happened |\n//! |---|---|\n").unwrap();
        let rows: Vec<&str> = table.lines().take_while(|line| line.starts_with("//! |")).collect();
        let expected = REASONS.map(|(_, reason, meaning)| format!("//! | `{reason}` | {meaning} |"));
        assert_eq!(rows, expected);
    }
}
