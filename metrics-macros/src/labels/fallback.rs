//! The code beside a mistake: what the rest of the program counts on, so that nothing else is reported.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use super::attr::Container;
use super::typed::{outliving, schema};

pub(super) fn typed(input: &DeriveInput, container: &Container, error: &syn::Error) -> TokenStream {
    let krate = &container.krate;
    let ident = &input.ident;
    let generics = outliving(&input.generics);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let schema = schema(ident, &input.generics);
    let error = error.to_compile_error();
    quote! {
        #error

        #[automatically_derived]
        #[allow(deprecated, unused_qualifications, reason = "the code holds wherever the derive stands")]
        impl #impl_generics #krate::label::TypedLabels for #ident #type_generics #where_clause {
            type Schema = #schema;
            const NAMES: &'static [&'static str] = &[];

            fn with_pairs<__R>(&self, __f: impl ::core::ops::FnOnce(&[(&str, &str)]) -> __R) -> __R {
                __f(&[])
            }
        }
    }
}

pub(super) fn value(input: &DeriveInput, container: &Container, error: &syn::Error) -> TokenStream {
    let krate = &container.krate;
    let ident = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    let error = error.to_compile_error();
    quote! {
        #error

        #[automatically_derived]
        #[allow(deprecated, unused_qualifications, reason = "the code holds wherever the derive stands")]
        impl #impl_generics #krate::label::LabelValue for #ident #type_generics #where_clause {
            fn as_value<'__a>(&'__a self, _: &'__a mut #krate::label::ValueBuffer) -> &'__a str {
                ""
            }
        }

        #[automatically_derived]
        #[allow(deprecated, unused_qualifications, reason = "the code holds wherever the derive stands")]
        impl #impl_generics #krate::label::ClosedLabelValue for #ident #type_generics #where_clause {
            const VALUES: &'static [&'static str] = &[];

            fn index(&self) -> usize {
                0
            }
        }
    }
}
