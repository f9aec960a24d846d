//! The mistakes found in one derive, collected so that each is reported and none twice.

use std::fmt::Display;

use quote::ToTokens;

/// The mistakes so far.
#[derive(Default)]
pub(crate) struct Errors {
    all: Option<syn::Error>,
    count: usize,
}

impl Errors {
    /// Adds a mistake.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.count += 1;
        match &mut self.all {
            Some(all) => all.combine(error),
            none => *none = Some(error),
        }
    }

    /// Adds a mistake that covers `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The mistakes as one error, or nothing when there were none.
    pub(crate) fn into_result(self) -> syn::Result<()> {
        self.all.map_or(Ok(()), Err)
    }
}
