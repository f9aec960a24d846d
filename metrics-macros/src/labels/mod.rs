//! `#[derive(TypedLabels)]` and `#[derive(LabelValue)]`.
//!
//! - `attr`: the attribute `label`.
//! - `typed`: a struct whose fields are labels.
//! - `value`: an enum whose variants are the values of a label.
//! - `fallback`: the code beside a mistake, so that it is the only error.

mod attr;
mod fallback;
mod typed;
mod value;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::error::Errors;

/// The code of `#[derive(TypedLabels)]`.
pub(crate) fn derive_typed(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let container = attr::Container::read(input, true, &mut errors);
    let labels = typed::Labels::read(input, &container, &mut errors);
    match errors.into_result() {
        Ok(()) => labels.expand(),
        Err(error) => fallback::typed(input, &container, &error),
    }
}

/// The code of `#[derive(LabelValue)]`.
pub(crate) fn derive_value(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let container = attr::Container::read(input, false, &mut errors);
    let values = value::Values::read(input, &container, &mut errors);
    match errors.into_result() {
        Ok(()) => values.expand(),
        Err(error) => fallback::value(input, &container, &error),
    }
}
