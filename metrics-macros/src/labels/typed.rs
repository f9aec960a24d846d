//! A struct whose fields are labels.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Data, DeriveInput, Fields, GenericParam, Generics, Ident, Type, parse_quote};

use super::attr::{Container, Spelled};
use crate::check::{self, Place};
use crate::error::Errors;
use crate::generics::mentions;

/// The struct, with as much of its fields as could be read, by the names of the labels.
pub(super) struct Labels<'a> {
    input: &'a DeriveInput,
    container: &'a Container,
    /// Sorted by name: the order in which core wants the pairs.
    fields: BTreeMap<String, Label<'a>>,
}

struct Label<'a> {
    ident: &'a Ident,
    ty: &'a Type,
    name: Spelled,
}

impl<'a> Labels<'a> {
    pub(super) fn read(input: &'a DeriveInput, container: &'a Container, errors: &mut Errors) -> Labels<'a> {
        let mut fields = BTreeMap::new();
        for field in struct_fields(input, errors) {
            let Some(ident) = &field.ident else { continue };
            let name = Spelled::read("name", ident, &field.attrs, container, errors);
            if !name.understood {
                continue;
            }
            if fields.contains_key(&name.text) {
                name.refuse(format!("a label named `{}` is already in this struct", name.text), errors);
            } else {
                fields.insert(name.text.clone(), Label { ident, ty: &field.ty, name });
            }
        }
        Labels { input, container, fields }
    }

    pub(super) fn expand(&self) -> TokenStream {
        let krate = &self.container.krate;
        let ident = &self.input.ident;
        let generics = self.bounded();
        let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
        let schema = schema(ident, &self.input.generics);
        let names = self.fields.keys();
        let alphabet = self.container.alphabet;
        let mut before = Vec::new();
        let checks = self.fields.iter().flat_map(|(name, label)| {
            let place = label.name.place();
            before.push(name.clone());
            let distinct = alphabet.distinct_labels(krate, &before, place);
            [Some(alphabet.label_name(krate, name, place)), distinct].into_iter().flatten()
        });
        let count = check::label_count(krate, self.fields.len(), Place::of(ident));
        let pairs = self.fields.iter().map(|(name, Label { ident, ty, .. })| {
            quote! {(
                #name,
                <#ty as #krate::label::LabelValue>::as_value(
                    &self.#ident,
                    &mut #krate::label::ValueBuffer::new(),
                ),
            )}
        });
        let cardinality = self.cardinality();
        let values = self.values();
        let index = self.index();
        quote! {
            #(#checks)*
            #count

            #[automatically_derived]
            #[allow(
                deprecated,
                unused_imports,
                unused_qualifications,
                reason = "the code holds wherever the derive stands"
            )]
            impl #impl_generics #krate::label::TypedLabels for #ident #type_generics #where_clause {
                type Schema = #schema;
                const NAMES: &'static [&'static str] = &[#(#names),*];
                const CARDINALITY: ::core::option::Option<usize> = #cardinality;
                const VALUES: &'static [::core::option::Option<&'static [&'static str]>] = #values;

                fn with_pairs<__R>(&self, __f: impl ::core::ops::FnOnce(&[(&str, &str)]) -> __R) -> __R {
                    __f(&[#(#pairs),*])
                }

                #[inline]
                fn closed_index(&self) -> ::core::option::Option<usize> #index
            }
        }
    }

    /// How many combinations of values there are, by what core finds out of the fields' types.
    fn cardinality(&self) -> TokenStream {
        let krate = &self.container.krate;
        let types = self.fields.values().map(|label| label.ty);
        quote!({
            use #krate::label::closed::{self as __closed, Open as _};
            __closed::combinations(&[#(<__closed::Of<#types>>::CARDINALITY),*])
        })
    }

    /// The values of each field, by what core finds out of its type.
    fn values(&self) -> TokenStream {
        let krate = &self.container.krate;
        let types = self.fields.values().map(|label| label.ty);
        quote!({
            use #krate::label::closed::{self as __closed, Open as _};
            &[#(<__closed::Of<#types>>::VALUES),*]
        })
    }

    /// Which of the combinations a value is: that of the last name counts fastest.
    fn index(&self) -> TokenStream {
        let krate = &self.container.krate;
        let steps = self.fields.values().map(|Label { ident, ty, .. }| {
            quote! {
                let __index = __index * <__closed::Of<#ty>>::CARDINALITY?
                    + <__closed::Of<#ty>>::index(&self.#ident)?;
            }
        });
        quote!({
            use #krate::label::closed::{self as __closed, Open as _};
            // Where the number of combinations is known, no index overflows.
            <Self as #krate::label::TypedLabels>::CARDINALITY?;
            let __index = 0_usize;
            #(#steps)*
            ::core::option::Option::Some(__index)
        })
    }

    /// The struct's generics, with types that outlive everything and can stand as values where a field has them.
    fn bounded(&self) -> Generics {
        let krate = &self.container.krate;
        let mut generics = outliving(&self.input.generics);
        let parameters: BTreeSet<&Ident> =
            self.input.generics.type_params().map(|parameter| &parameter.ident).collect();
        for Label { ty, .. } in self.fields.values() {
            if mentions(ty, &parameters) {
                let predicate = parse_quote!(#ty: #krate::label::LabelValue);
                generics.make_where_clause().predicates.push(predicate);
            }
        }
        generics
    }
}

/// The fields of a struct that has them by name, or has none.
fn struct_fields<'a>(input: &'a DeriveInput, errors: &mut Errors) -> Vec<&'a syn::Field> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => return fields.named.iter().collect(),
            Fields::Unit => {}
            Fields::Unnamed(fields) => {
                errors.at(fields, "labels are named by their fields: a tuple struct has no names");
            }
        },
        Data::Enum(data) => {
            let message =
                "`TypedLabels` needs a struct whose fields are the labels: for an enum there is `LabelValue`";
            errors.at(data.enum_token, message);
        }
        Data::Union(data) => {
            errors.at(
                data.union_token,
                "`TypedLabels` needs a struct whose fields are the labels, not a union",
            );
        }
    }
    Vec::new()
}

/// The generics with `'static` for every type, which `TypedLabels::Schema` asks for.
pub(super) fn outliving(generics: &Generics) -> Generics {
    let mut outliving = generics.clone();
    for parameter in generics.type_params() {
        let ident = &parameter.ident;
        outliving.make_where_clause().predicates.push(parse_quote!(#ident: 'static));
    }
    outliving
}

/// The type with every lifetime `'static`.
pub(super) fn schema(ident: &Ident, generics: &Generics) -> TokenStream {
    let arguments = generics.params.iter().map(|parameter| match parameter {
        GenericParam::Lifetime(_) => quote!('static),
        GenericParam::Type(parameter) => parameter.ident.to_token_stream(),
        GenericParam::Const(parameter) => parameter.ident.to_token_stream(),
    });
    quote!(#ident<#(#arguments),*>)
}
