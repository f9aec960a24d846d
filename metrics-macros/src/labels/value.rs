//! An enum whose variants are the values of a label.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields, Ident};

use super::attr::{Container, Spelled};
use crate::error::Errors;

/// The enum, with as much of its variants as could be read, in their order.
pub(super) struct Values<'a> {
    input: &'a DeriveInput,
    container: &'a Container,
    variants: Vec<(&'a Ident, Spelled)>,
}

impl<'a> Values<'a> {
    pub(super) fn read(input: &'a DeriveInput, container: &'a Container, errors: &mut Errors) -> Values<'a> {
        let mut variants = Vec::new();
        match &input.data {
            Data::Enum(data) => {
                if data.variants.is_empty() {
                    errors.at(&input.ident, "an enum without variants has no values");
                }
                for variant in &data.variants {
                    if !matches!(variant.fields, Fields::Unit) {
                        let message =
                            "a variant with fields is not one value: `LabelValue` needs variants without";
                        errors.at(&variant.fields, message);
                    }
                    let value = Spelled::read("rename", &variant.ident, &variant.attrs, container, errors);
                    variants.push((&variant.ident, value));
                }
            }
            Data::Struct(data) => {
                let message = "`LabelValue` needs an enum whose variants are the values: for a struct there is `TypedLabels`";
                errors.at(data.struct_token, message);
            }
            Data::Union(data) => {
                errors.at(
                    data.union_token,
                    "`LabelValue` needs an enum whose variants are the values, not a union",
                );
            }
        }
        check(&variants, errors);
        Values { input, container, variants }
    }

    pub(super) fn expand(&self) -> TokenStream {
        let krate = &self.container.krate;
        let ident = &self.input.ident;
        let (impl_generics, type_generics, where_clause) = self.input.generics.split_for_impl();
        let variants: Vec<&Ident> = self.variants.iter().map(|(variant, _)| *variant).collect();
        let values: Vec<&str> = self.variants.iter().map(|(_, value)| value.text.as_str()).collect();
        let indexes = 0..values.len();
        quote! {
            #[automatically_derived]
            #[allow(deprecated, unused_qualifications, reason = "the code holds wherever the derive stands")]
            impl #impl_generics #krate::label::LabelValue for #ident #type_generics #where_clause {
                #[inline]
                fn as_value<'__a>(&'__a self, _: &'__a mut #krate::label::ValueBuffer) -> &'__a str {
                    match self {
                        #(Self::#variants => #values,)*
                    }
                }
            }

            #[automatically_derived]
            #[allow(deprecated, unused_qualifications, reason = "the code holds wherever the derive stands")]
            impl #impl_generics #krate::label::ClosedLabelValue for #ident #type_generics #where_clause {
                const VALUES: &'static [&'static str] = &[#(#values),*];

                #[inline]
                fn index(&self) -> usize {
                    match self {
                        #(Self::#variants => #indexes,)*
                    }
                }
            }
        }
    }
}

/// Reports values that no page can hold and values that stand twice.
fn check(variants: &[(&Ident, Spelled)], errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for (_, value) in variants.iter().filter(|(_, value)| value.understood) {
        let text = &value.text;
        if text.is_empty() {
            value.refuse("an empty value is the same as no label: name the value".to_owned(), errors);
        } else if text.contains('\0') {
            value.refuse(
                "the value holds a NUL character, at which Prometheus stops reading".to_owned(),
                errors,
            );
        } else if !seen.insert(text) {
            value.refuse(format!("the value `{}` belongs to a variant before", text.escape_debug()), errors);
        }
    }
}
