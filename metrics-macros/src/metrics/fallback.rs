//! The code beside a mistake.

use proc_macro2::TokenStream;
use quote::quote;

use super::ast::Metrics;
use super::expand::inherent;

/// The mistake, and what the rest of the program counts on, so that nothing else is reported.
pub(super) fn expand(metrics: &Metrics<'_>, error: &syn::Error) -> TokenStream {
    let krate = &metrics.container.krate;
    let (impl_generics, type_generics, where_clause) = metrics.input.generics.split_for_impl();
    let ident = &metrics.input.ident;
    let error = error.to_compile_error();
    let inherent = inherent(metrics, &metrics.input.generics);
    quote! {
        #error

        #[automatically_derived]
        #[allow(deprecated, unused_qualifications, reason = "the code holds wherever the derive stands")]
        impl #impl_generics #krate::declare::Metrics for #ident #type_generics #where_clause {
            fn declare(_: &mut #krate::declare::Scope) {}

            fn build(_: &mut #krate::declare::Handles) -> Self {
                ::core::unreachable!()
            }
        }

        #inherent
    }
}
