//! Label names by what they become where names are escaped, so that no two become one.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::limit::LabelError;
use crate::name::{EscapingScheme, is_classic_label_name};

/// The schemes by which a name becomes another one.
const SCHEMES: [EscapingScheme; 3] =
    [EscapingScheme::Underscores, EscapingScheme::Dots, EscapingScheme::Values];

/// The label names that a family's series have, with their escaped forms.
///
/// Two series that differ in names alone, `{a.b="1"}` and `{a_b="1"}`, would be one series on a page that takes none but
/// classic names. So the first of such names is the family's, and the others are refused.
#[derive(Debug, Default)]
pub(crate) struct NameForms {
    names: HashSet<Box<str>>,
    /// Who has each form, by the scheme's place.
    owners: HashMap<(usize, Box<str>), Box<str>>,
    /// How many names there were when they were last counted anew.
    counted: usize,
}

/// As many names are kept whether or not series still have them.
const KEPT: usize = 64;

impl NameForms {
    /// Checks that none of `names`, which do not collide with one another, becomes what another name is known for.
    pub(crate) fn check<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<(), LabelError> {
        for name in names.filter(|name| !self.names.contains(*name)) {
            for (scheme, form) in forms(name) {
                if let Some(other) = self.owners.get(&(scheme, form.as_ref().into())) {
                    return Err(LabelError::Collision { name: name.to_owned(), other: other.to_string() });
                }
            }
        }
        Ok(())
    }

    /// Checks names, which may collide with one another, and takes note of them up to the first that does.
    pub(crate) fn take<'a>(&mut self, mut names: impl Iterator<Item = &'a str>) -> Result<(), LabelError> {
        names.try_for_each(|name| {
            self.check([name].into_iter())?;
            self.add([name].into_iter());
            Ok(())
        })
    }

    /// Whether there are so many more names than when they were counted that it is worth counting them again.
    pub(crate) fn has_grown(&self) -> bool {
        self.names.len() > KEPT + 2 * self.counted
    }

    /// Keeps the names that series still have, and no others.
    pub(crate) fn renew<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        *self = NameForms::default();
        self.add(names);
        self.counted = self.names.len();
    }

    /// Takes note of names that were checked.
    pub(crate) fn add<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        for name in names {
            if self.names.contains(name) {
                continue;
            }
            self.names.insert(name.into());
            for (scheme, form) in forms(name) {
                self.owners.insert((scheme, form.into()), name.into());
            }
        }
    }
}

/// Checks that no two of `names` become one, which takes nothing where all are classic.
pub(crate) fn check<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Result<(), LabelError> {
    if names.clone().all(is_classic_label_name) {
        return Ok(());
    }
    NameForms::default().take(names)
}

fn forms(name: &str) -> impl Iterator<Item = (usize, Cow<'_, str>)> {
    SCHEMES.iter().enumerate().map(move |(place, scheme)| (place, scheme.label_name(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_all(names: &[&str]) -> Result<(), LabelError> {
        check(names.iter().copied())
    }

    #[test]
    fn names_that_become_one_by_any_scheme_are_refused_and_both_are_named() {
        let cases = [["a.b", "a_b"], ["a b", "a.b"], ["a:b", "a_b"], ["é", "_"], ["U__a_2e_b", "a.b"]];
        for [one, other] in cases {
            let expected = LabelError::Collision { name: other.to_owned(), other: one.to_owned() };
            assert_eq!(check_all(&[one, "x", other]), Err(expected));
            assert!(matches!(check_all(&[other, one]), Err(LabelError::Collision { .. })));
        }
    }

    #[test]
    fn names_that_stay_apart_by_every_scheme_are_taken() {
        for names in
            [&["имя", "код", "花火"][..], &["a.b", "a..b", "a_dot_b"], &["a", "a."], &["_x", "._x", "x"]]
        {
            assert_eq!(check_all(names), Ok(()), "{names:?}");
        }
    }
}
