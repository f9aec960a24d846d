//! `#[derive(Metrics)]`.
//!
//! - `ast`: the struct and its fields, with their names and help.
//! - `attr`: the attributes.
//! - `valid`: what goes with what.
//! - `expand`: the code for a struct without mistakes; `summary`, that of the attributes of summaries.
//! - `fallback`: the code beside a mistake, so that it is the only error.

mod ast;
mod attr;
mod expand;
mod fallback;
mod summary;
mod valid;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::error::Errors;

/// The code of the derive.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let container = attr::Container::read(input, &mut errors);
    let metrics = ast::Metrics::read(input, &container, &mut errors);
    valid::check(&metrics, &mut errors);
    match errors.into_result() {
        Ok(()) => expand::expand(&metrics),
        Err(error) => fallback::expand(&metrics, &error),
    }
}
