//! What cannot be done.

use crate::unsupported;

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

impl unsupported::Reason for Reason {
    const NAME: &'static str = "nilometer_otel_unsupported_total";
    const HELP: &'static str =
        "Calls of the OpenTelemetry metrics API that were not done, or not as they were asked for.";
    const LABEL: &'static str = "instrument";
    const ALL: &'static [(Reason, &'static str, &'static str)] = &[
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

    fn number(self) -> usize {
        self as usize
    }
}

/// The counts.
pub(super) type Unsupported = unsupported::Unsupported<Reason>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_docs_have_every_reason_and_no_other() {
        unsupported::check::<Reason>(include_str!("mod.rs"));
    }
}
