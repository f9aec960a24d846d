//! What cannot be done is counted.

use nilometer_core::{Counter, CounterFamily, MetricsRegistry, RegisterError};

/// The family that tells of it, whatever the registry's namespace.
pub(super) const NAME: &str = "nilometer_otel_unsupported_total";

const HELP: &str =
    "Calls of the OpenTelemetry metrics API that were not done, or not as they were asked for.";

/// Why something was not done, or not as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    InstrumentName,
    InstrumentUnit,
    Conflict,
    Boundaries,
    Refused,
    Shutdown,
    Dropped,
    Description,
    GaugeRange,
    Change,
    ScopeAttribute,
    Attributes,
    SeriesLimit,
    CallbackPanic,
}

/// Every reason, in the order of its number, with its spelling and what it means.
pub(super) const REASONS: [(Reason, &str, &str); 14] = [
    (
        Reason::InstrumentName,
        "instrument_name",
        "the name breaks the API's rules, or the registry's; the instrument does nothing",
    ),
    (
        Reason::InstrumentUnit,
        "instrument_unit",
        "the unit has more than 63 bytes, or others than ASCII; the instrument does nothing",
    ),
    (
        Reason::Conflict,
        "conflict",
        "the name belongs to an instrument of another kind, unit or boundaries, or to a family of the program's; the \
         instrument does nothing",
    ),
    (
        Reason::Boundaries,
        "boundaries",
        "the boundaries are not finite or not increasing, or more than 256; the instrument does nothing",
    ),
    (
        Reason::Refused,
        "refused",
        "the registry has refused the family otherwise; the instrument does nothing",
    ),
    (Reason::Shutdown, "shutdown", "the provider was shut down before; the instrument does nothing"),
    (Reason::Dropped, "dropped", "a measurement of an instrument that does nothing"),
    (
        Reason::Description,
        "description",
        "the description differs from that of an instrument of the same name, whose description is shown",
    ),
    (Reason::GaugeRange, "gauge_range", "a gauge was set above `i64::MAX`, which it shows instead"),
    (
        Reason::Change,
        "change",
        "an up-down counter of `f64` was changed by what is no finite number, and stays as it was",
    ),
    (
        Reason::ScopeAttribute,
        "scope_attribute",
        "a measurement had an attribute that is a label of the scope, which is shown instead",
    ),
    (
        Reason::Attributes,
        "attributes",
        "an observation of a callback whose attributes cannot be labels was left out",
    ),
    (
        Reason::SeriesLimit,
        "series_limit",
        "an observation of a callback past the registry's limit on a family's series was left out",
    ),
    (
        Reason::CallbackPanic,
        "callback_panic",
        "a callback has panicked; what it had observed before is shown",
    ),
];

/// The counts.
#[derive(Debug, Clone)]
pub(super) struct Unsupported(CounterFamily);

impl Unsupported {
    /// Counts on this registry.
    pub(super) fn register(registry: &MetricsRegistry) -> Result<Unsupported, RegisterError> {
        let family = CounterFamily::new(NAME, HELP);
        registry.register(&family)?;
        Ok(Unsupported(family))
    }

    /// The count of one instrument and reason.
    pub(super) fn counter(&self, instrument: &str, reason: Reason) -> Counter {
        self.0.get_or_create(&[("instrument", instrument), ("reason", REASONS[reason as usize].1)])
    }

    #[cold]
    pub(super) fn count(&self, instrument: &str, reason: Reason) {
        self.counter(instrument, reason).inc();
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
