//! What goes with what.
//!
//! Checked here is what the tokens tell. Names and bounds are checked by core, and types by the compiler, in the code
//! that `expand` makes.

use std::collections::BTreeSet;

use syn::LitStr;

use super::ast::{Field, Metrics};
use crate::attr::text;
use crate::error::Errors;

/// Reports every mistake of the struct.
pub(super) fn check(metrics: &Metrics<'_>, errors: &mut Errors) {
    let mut names = BTreeSet::new();
    prefix(metrics.container.prefix.as_ref(), errors);
    for field in metrics.fields.iter().filter(|field| field.attributes.understood) {
        if field.is_flat() {
            flat(field, errors);
        } else {
            metric(field, &mut names, errors);
        }
    }
}

fn flat(field: &Field<'_>, errors: &mut Errors) {
    for key in field.attributes.of_a_metric() {
        errors.at(
            key,
            format!("`{}` describes one metric, and `flatten` takes in a struct of them", text(key)),
        );
    }
    prefix(field.prefix(), errors);
}

/// Checks what core cannot see in the names that a prefix makes.
fn prefix(prefix: Option<&LitStr>, errors: &mut Errors) {
    let Some(prefix) = prefix else { return };
    let value = prefix.value();
    if value.is_empty() {
        errors.at(prefix, "a prefix has at least one character: leave `prefix` out for none");
    } else if value.ends_with('_') {
        errors.at(prefix, "write the prefix without the `_` at its end: one is put before the name");
    }
}

fn metric(field: &Field<'_>, names: &mut BTreeSet<String>, errors: &mut Errors) {
    let attributes = &field.attributes;
    if let Some(prefix) = &attributes.prefix {
        errors.at(&prefix.key, "on a field, `prefix` goes with `flatten`: `name` names a single metric");
    }
    if let Some(help) = attributes.help.as_ref().filter(|help| help.value.value().trim().is_empty()) {
        errors.at(&help.value, "the help is empty: say what the metric means");
    } else if field.help().is_empty() {
        let ident = field.ident;
        errors.at(
            ident,
            format!("`{ident}` has no help: say what it means in a doc comment or in `help = \"..\"`"),
        );
    }
    if let Some(unit) = attributes.unit.as_ref().filter(|unit| unit.value.value().is_empty()) {
        errors.at(&unit.value, "a unit has at least one character: leave `unit` out for none");
    }
    let name = field.name();
    match &attributes.name {
        Some(literal) if name.is_empty() => errors.at(&literal.value, "a name has at least one character"),
        literal if !names.insert(name.clone()) => {
            let message = format!("a metric named `{name}` is already in this struct");
            match literal {
                Some(literal) => errors.at(&literal.value, message),
                None => errors.at(field.ident, message),
            }
        }
        _ => {}
    }
    let mut labels = BTreeSet::new();
    for label in field.labels().unwrap_or_default() {
        if !labels.insert(label.value()) {
            errors.at(label, format!("label `{}` is declared twice", label.value().escape_debug()));
        }
    }
}
