//! The label that says how work ended.

use nilometer_core::label::TypedLabels;
use nilometer_otel::trace::SpanOutcome;

/// How work ended, as the label `outcome`.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutcomeLabels(pub(super) SpanOutcome);

impl TypedLabels for OutcomeLabels {
    type Schema = OutcomeLabels;

    const NAMES: &'static [&'static str] = &["outcome"];
    const CARDINALITY: Option<usize> = Some(SpanOutcome::ALL.len());
    const VALUES: &'static [Option<&'static [&'static str]>] = &[Some(&WORDS)];

    fn with_pairs<R>(&self, f: impl FnOnce(&[(&str, &str)]) -> R) -> R {
        f(&[("outcome", self.0.as_str())])
    }

    fn closed_index(&self) -> Option<usize> {
        Some(self.0.index())
    }
}

/// The words of all outcomes.
const WORDS: [&str; SpanOutcome::ALL.len()] = {
    let mut words = [""; SpanOutcome::ALL.len()];
    let mut at = 0;
    while at < words.len() {
        words[at] = SpanOutcome::ALL[at].as_str();
        at += 1;
    }
    words
};
