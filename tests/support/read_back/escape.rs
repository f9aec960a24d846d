//! The escaping schemes, written down again.
//!
//! SPEC: Prometheus, "UTF-8 escaping schemes", and `EscapeName` of `prometheus/common`.

use nilometer_core::collect::EscapingScheme;

/// A metric's name by a scheme.
pub(super) fn metric(name: &str, scheme: EscapingScheme) -> String {
    escape(name, scheme, true)
}

/// A label's name by a scheme: one that would become a reserved one is escaped by values.
pub(super) fn label(name: &str, scheme: EscapingScheme) -> String {
    let escaped = escape(name, scheme, false);
    if is_reserved(&escaped) && !is_reserved(name) {
        return escape(name, EscapingScheme::Values, false);
    }
    escaped
}

/// The label whose values are the states of a state set: OpenMetrics has it named like the family, and no label has a
/// colon.
pub(super) fn state_label(family: &str, scheme: EscapingScheme) -> String {
    label(&family.replace(':', "_"), scheme)
}

fn is_reserved(name: &str) -> bool {
    name.starts_with("__") || ["le", "quantile", "nilometer_overflow"].contains(&name)
}

fn escape(name: &str, scheme: EscapingScheme, colon: bool) -> String {
    let is_classic = |(index, character): (usize, char)| {
        character.is_ascii_alphabetic()
            || character == '_'
            || (colon && character == ':')
            || (index > 0 && character.is_ascii_digit())
    };
    let is_classic_name = name.chars().enumerate().all(is_classic);
    let each = |write: fn(char) -> String| -> String {
        let written = |(index, character)| match (scheme, character) {
            (EscapingScheme::Dots | EscapingScheme::Values, '_') => "__".to_owned(),
            _ if is_classic((index, character)) => character.to_string(),
            _ => write(character),
        };
        name.chars().enumerate().map(written).collect()
    };
    match scheme {
        EscapingScheme::AllowUtf8 => name.to_owned(),
        EscapingScheme::Underscores | EscapingScheme::Values if is_classic_name => name.to_owned(),
        EscapingScheme::Underscores => each(|_| "_".to_owned()),
        EscapingScheme::Dots => each(|character| if character == '.' { "_dot_" } else { "__" }.to_owned()),
        EscapingScheme::Values => format!("U__{}", each(|character| format!("_{:x}_", u32::from(character)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `TestEscapeName` in `prometheus/common`, `model/metric_test.go`.
    #[test]
    fn names_become_what_prometheus_makes_of_them() {
        let table = [
            ["no:escaping_required", "no:escaping_required", "no:escaping__required", "no:escaping_required"],
            ["http.status:sum", "http_status:sum", "http_dot_status:sum", "U__http_2e_status:sum"],
            ["label with 😱", "label_with__", "label__with____", "U__label_20_with_20__1f631_"],
            ["1a_b", "_a_b", "__a__b", "U___31_a__b"],
        ];
        for [name, underscores, dots, values] in table {
            assert_eq!(metric(name, EscapingScheme::AllowUtf8), name);
            assert_eq!(metric(name, EscapingScheme::Underscores), underscores);
            assert_eq!(metric(name, EscapingScheme::Dots), dots);
            assert_eq!(metric(name, EscapingScheme::Values), values);
        }
        assert_eq!(label("花火", EscapingScheme::Underscores), "U___82b1__706b_");
        assert_eq!(state_label("a:b.c", EscapingScheme::Dots), "a__b_dot_c");
    }
}
