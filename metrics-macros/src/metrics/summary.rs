//! What the attributes of a summary say.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Expr;

use super::ast::{Field, Metrics};
use super::expand::{is_reference, value};
use crate::check::{self, Place};

/// What a summary is like, where the field says anything of it.
pub(super) fn summary(metrics: &Metrics<'_>, field: &Field<'_>) -> Option<TokenStream> {
    let krate = &metrics.container.krate;
    field.attributes.of_a_summary().next()?;
    let quantiles = field.attributes.quantiles.as_ref().map(|keyed| {
        let quantiles = quantiles(metrics, &keyed.value);
        quote!(.with_quantiles(#quantiles))
    });
    let max_age = field.attributes.max_age.as_ref().map(|keyed| {
        let check = quote!(!__NILOMETER_VALUE.is_zero());
        let message = "a summary is of some time: more than zero";
        let max_age = value(&keyed.value, &quote!(::core::time::Duration), &check, message);
        quote!(.with_max_age(#max_age))
    });
    let age_buckets = field.attributes.age_buckets.as_ref().map(|keyed| {
        let check = quote!(#krate::declare::is_number_of_age_buckets(__NILOMETER_VALUE));
        let age_buckets = value(&keyed.value, &quote!(u32), &check, "a window is cut into 1 to 60 parts");
        quote!(.with_age_buckets(#age_buckets))
    });
    let relative_error = field.attributes.relative_error.as_ref().map(|keyed| {
        let check = quote!(#krate::declare::is_relative_error(__NILOMETER_VALUE));
        let message = "a relative error is from 0.001 to 0.25";
        let relative_error = value(&keyed.value, &quote!(f64), &check, message);
        quote!(.with_relative_error(#relative_error))
    });
    Some(quote! {
        .with_summary(#krate::SummaryConfig::new() #quantiles #max_age #age_buckets #relative_error)
    })
}

/// A block with quantiles, which are checked there.
fn quantiles(metrics: &Metrics<'_>, quantiles: &Expr) -> TokenStream {
    let krate = &metrics.container.krate;
    let place = Place::of(quantiles);
    // With the position of the expression, which is where the compiler then finds a wrong type.
    let borrow = (!is_reference(quantiles)).then(|| quote_spanned!(place.first()=> &));
    let check = check::item(&check::assertion(
        place,
        &quote!(#krate::declare::check_quantiles(__NILOMETER_QUANTILES).is_ok()),
        "these are no quantiles: each from 0 to 1, increasing",
    ));
    quote! {{
        const __NILOMETER_QUANTILES: &[f64] = #borrow #quantiles;
        #check
        __NILOMETER_QUANTILES
    }}
}
