//! A key's labels as those of a series.

use std::borrow::Cow;

use metrics::Key;

use super::name::Naming;

/// Calls `f` with the labels of a series.
///
/// Keys are equal whatever the order of their labels, so what becomes of several that have one name must not depend on it
/// either: their values are joined with `;` in the order of names, then of values, each once. Labels without a value are
/// left out.
pub(super) fn with_labels<R>(key: &Key, naming: Naming, f: impl FnOnce(&[(&str, &str)]) -> R) -> R {
    let given = key.labels().filter(|label| !label.value().is_empty());
    let mut given: Vec<(&str, &str)> = given.map(|label| (label.key(), label.value())).collect();
    given.sort_unstable();
    given.dedup();
    let mut labels: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::with_capacity(given.len());
    for (name, value) in given {
        let name = naming.label(name);
        match labels.iter_mut().find(|(taken, _)| *taken == name) {
            Some((_, values)) => {
                let values = values.to_mut();
                values.push(';');
                values.push_str(value);
            }
            None => labels.push((name, Cow::Borrowed(value))),
        }
    }
    let pairs: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (&**name, &**value)).collect();
    f(&pairs)
}

#[cfg(test)]
mod tests {
    use metrics::Label;
    use nilometer_core::name::EscapingScheme;

    use super::*;

    fn labels(escaping: EscapingScheme, given: &[(&str, &str)]) -> Vec<(String, String)> {
        let naming = Naming { escaping, has_suffixes: false };
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let each = given.iter().map(owned).map(|(name, value)| Label::new(name, value));
        let key = Key::from_parts("x", each.collect::<Vec<_>>());
        with_labels(&key, naming, |pairs| pairs.iter().map(owned).collect())
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn labels_that_become_one_are_joined_in_an_order_of_their_own() {
        let given = [("a_b", "2"), ("c", "y"), ("a.b", "1"), ("c", "x"), ("c", "x"), ("d", "")];
        let expected = owned(&[("a_b", "1;2"), ("c", "x;y")]);
        assert_eq!(labels(EscapingScheme::Underscores, &given), expected);
        let mut other = given;
        other.reverse();
        assert_eq!(labels(EscapingScheme::Underscores, &other), expected);
    }

    #[test]
    fn names_of_labels_stay_where_any_can_be_had() {
        let given = [("http.method", "GET"), ("http_method", "PUT")];
        assert_eq!(labels(EscapingScheme::AllowUtf8, &given), owned(&given));
    }
}
