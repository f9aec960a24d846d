//! What cannot be done.

use crate::unsupported;

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

impl unsupported::Reason for Reason {
    const NAME: &'static str = "nilometer_facade_unsupported_total";
    const HELP: &'static str =
        "Calls of the facade metrics that were not done, or not as they were asked for.";
    const LABEL: &'static str = "metric";
    const ALL: &'static [(Reason, &'static str, &'static str)] = &[
        (Reason::Name, "name", "the registry does not take the name; the metric does nothing"),
        (
            Reason::Conflict,
            "conflict",
            "the name belongs to a metric of another kind or of another spelling, or to a family of the program's that \
             differs; the metric does nothing",
        ),
        (
            Reason::Refused,
            "refused",
            "the registry has refused the family otherwise; the metric does nothing",
        ),
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
