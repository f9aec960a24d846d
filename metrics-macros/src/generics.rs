//! Which types depend on the parameters of the type around them.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Ident, Type};

/// Whether one of `parameters` stands in `ty`.
///
/// A name that merely looks like a parameter, such as a module's, counts as one: the bound that follows from it holds
/// anyway.
pub(crate) fn mentions(ty: &Type, parameters: &BTreeSet<&Ident>) -> bool {
    any(ty.to_token_stream(), parameters)
}

fn any(tokens: TokenStream, parameters: &BTreeSet<&Ident>) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => parameters.contains(&ident),
        TokenTree::Group(group) => any(group.stream(), parameters),
        _ => false,
    })
}
