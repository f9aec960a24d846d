//! A struct of metrics and its fields.

use std::collections::BTreeSet;

use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Expr, Fields, Ident, LitStr, Type};

use super::attr::{Container, FieldAttributes};
use crate::attr;
use crate::check::Place;
use crate::error::Errors;
use crate::generics::mentions;

/// The struct, with as much of its fields as could be read.
pub(super) struct Metrics<'a> {
    pub(super) input: &'a DeriveInput,
    pub(super) container: &'a Container,
    pub(super) fields: Vec<Field<'a>>,
}

/// A field with its attributes.
pub(super) struct Field<'a> {
    pub(super) ident: &'a Ident,
    pub(super) ty: &'a Type,
    /// The doc comment's first paragraph, empty where there is none.
    pub(super) doc: String,
    pub(super) attributes: FieldAttributes,
    /// Whether the type has a type parameter of the struct in it.
    pub(super) has_type_parameter: bool,
    /// Whether the type has a type or constant parameter of the struct in it: no item can name it then.
    pub(super) is_generic: bool,
}

impl<'a> Metrics<'a> {
    pub(super) fn read(input: &'a DeriveInput, container: &'a Container, errors: &mut Errors) -> Metrics<'a> {
        let named = match &input.data {
            Data::Struct(data) => match &data.fields {
                Fields::Named(fields) => Some(&fields.named),
                Fields::Unnamed(fields) => {
                    errors.at(fields, "metrics are named by their fields: a tuple struct has no names");
                    None
                }
                Fields::Unit => {
                    errors.at(&input.ident, "`Metrics` needs a struct whose fields are the metrics");
                    None
                }
            },
            Data::Enum(data) => {
                errors.at(
                    data.enum_token,
                    "`Metrics` needs a struct whose fields are the metrics, not an enum",
                );
                None
            }
            Data::Union(data) => {
                let message = "`Metrics` needs a struct whose fields are the metrics, not a union";
                errors.at(data.union_token, message);
                None
            }
        };
        if let Some(lifetime) = input.generics.lifetimes().next() {
            errors.at(&lifetime.lifetime, "metrics own what they are made of: a lifetime has no use here, labels that borrow stand in a field as `Labels<'static>`");
        }
        let types: BTreeSet<&Ident> =
            input.generics.type_params().map(|parameter| &parameter.ident).collect();
        let constants: BTreeSet<&Ident> =
            input.generics.const_params().map(|parameter| &parameter.ident).collect();
        let fields = named.into_iter().flatten().filter_map(|field| {
            let ident = field.ident.as_ref()?;
            let has_type_parameter = mentions(&field.ty, &types);
            Some(Field {
                ident,
                ty: &field.ty,
                doc: attr::first_paragraph(&field.attrs),
                attributes: FieldAttributes::read(field, errors),
                has_type_parameter,
                is_generic: has_type_parameter || mentions(&field.ty, &constants),
            })
        });
        Metrics { input, container, fields: fields.collect() }
    }

    /// `name` after the struct's prefix.
    pub(super) fn full_name(&self, name: &str) -> String {
        match &self.container.prefix {
            Some(prefix) => format!("{}_{name}", prefix.value()),
            None => name.to_owned(),
        }
    }
}

impl Field<'_> {
    /// The metric's name before any prefix.
    pub(super) fn name(&self) -> String {
        match &self.attributes.name {
            Some(name) => name.value.value(),
            None => self.ident.unraw().to_string(),
        }
    }

    /// Where the name comes from.
    pub(super) fn name_place(&self) -> Place {
        match &self.attributes.name {
            Some(name) => Place::of(&name.value),
            None => Place::of(self.ident),
        }
    }

    pub(super) fn help(&self) -> String {
        self.attributes.help.as_ref().map_or_else(|| self.doc.clone(), |help| help.value.value())
    }

    pub(super) fn is_flat(&self) -> bool {
        self.attributes.flatten.is_some()
    }

    pub(super) fn prefix(&self) -> Option<&LitStr> {
        self.attributes.prefix.as_ref().map(|prefix| &prefix.value)
    }

    pub(super) fn buckets(&self) -> Option<&Expr> {
        self.attributes.buckets.as_ref().map(|buckets| &buckets.value)
    }

    pub(super) fn window(&self) -> Option<&Expr> {
        self.attributes.window.as_ref().map(|window| &window.value)
    }

    pub(super) fn labels(&self) -> Option<&[LitStr]> {
        self.attributes.labels.as_ref().map(|labels| labels.value.as_slice())
    }
}
