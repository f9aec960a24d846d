//! The attribute `label`, of the type and of its fields or variants.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{Attribute, DeriveInput, LitStr};

use crate::attr;
use crate::case::Case;
use crate::check::{Alphabet, Place};
use crate::error::Errors;
use crate::path::CratePath;

/// What `#[label(..)]` says on the type.
pub(super) struct Container {
    pub(super) krate: CratePath,
    case: Option<Case>,
    /// Which names it takes.
    pub(super) alphabet: Alphabet,
    /// Whether all of the attribute was understood.
    understood: bool,
}

impl Container {
    /// Reads it on a type whose keys are `crate` and `rename_all`, and `utf8` where it has names.
    pub(super) fn read(input: &DeriveInput, has_names: bool, errors: &mut Errors) -> Container {
        let before = errors.count();
        let (mut krate, mut case, mut utf8) = (None, None, None);
        let known = if has_names {
            "the type takes `crate`, `rename_all` and `utf8`"
        } else {
            "the type takes `crate` and `rename_all`"
        };
        attr::read(&input.attrs, "label", errors, |meta, errors| {
            let key = &meta.path;
            if key.is_ident("crate") {
                attr::set(&mut krate, key, attr::crate_path(meta)?, errors);
            } else if key.is_ident("rename_all") {
                let spelling = attr::string(meta)?;
                let found = Case::of_spelling(&spelling.value());
                if found.is_none() {
                    errors.at(&spelling, format!("not a case: there are {}", Case::spellings()));
                }
                attr::set(&mut case, key, found, errors);
            } else if has_names && key.is_ident("utf8") {
                attr::set(&mut utf8, key, (), errors);
            } else {
                attr::unknown(meta, known, errors)?;
            }
            Ok(())
        });
        Container {
            krate: krate.map(|keyed| keyed.value).unwrap_or_default(),
            case: case.and_then(|keyed| keyed.value),
            alphabet: Alphabet::new(utf8.is_some()),
            understood: errors.count() == before,
        }
    }
}

/// The name or value that a field or a variant stands for, and where it comes from.
pub(super) struct Spelled {
    pub(super) text: String,
    pub(super) literal: Option<LitStr>,
    ident: Ident,
    /// Whether the attributes that it depends on were understood: where not, it says nothing.
    pub(super) understood: bool,
}

impl Spelled {
    /// Reads `#[label(key = "..")]`, without which it is the identifier in the container's case.
    pub(super) fn read(
        key: &str,
        ident: &Ident,
        attributes: &[Attribute],
        container: &Container,
        errors: &mut Errors,
    ) -> Spelled {
        let before = errors.count();
        let mut literal = None;
        attr::read(attributes, "label", errors, |meta, errors| {
            if meta.path.is_ident(key) {
                attr::set(&mut literal, &meta.path, attr::string(meta)?, errors);
                Ok(())
            } else {
                attr::unknown(meta, &format!("here it takes `{key}`"), errors)
            }
        });
        let literal = literal.map(|keyed| keyed.value);
        let text = literal.as_ref().map_or_else(
            || {
                let name = ident.unraw().to_string();
                container.case.map_or_else(|| name.clone(), |case| case.apply(&name))
            },
            LitStr::value,
        );
        let understood = container.understood && errors.count() == before;
        Spelled { text, literal, ident: ident.clone(), understood }
    }

    /// Reports a mistake about it.
    pub(super) fn refuse(&self, message: String, errors: &mut Errors) {
        match &self.literal {
            Some(literal) => errors.at(literal, message),
            None => errors.at(&self.ident, message),
        }
    }

    /// Where it stands.
    pub(super) fn place(&self) -> Place {
        self.literal.as_ref().map_or_else(|| Place::of(&self.ident), Place::of)
    }
}
