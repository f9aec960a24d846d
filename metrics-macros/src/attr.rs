//! What the attributes of all derives have in common.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Expr, Lit, LitStr, Meta, Path, Token};

use crate::error::Errors;
use crate::path::CratePath;

/// A value with the key before it, for mistakes that concern the pair.
pub(crate) struct Keyed<T> {
    pub(crate) key: Path,
    pub(crate) value: T,
}

/// Puts `value` in its place, or reports that the place is taken.
pub(crate) fn set<T>(place: &mut Option<Keyed<T>>, key: &Path, value: T, errors: &mut Errors) {
    if place.is_some() {
        errors.at(key, format!("duplicate attribute `{}`", text(key)));
    } else {
        *place = Some(Keyed { key: key.clone(), value });
    }
}

/// Parses the string in `key = ".."`.
pub(crate) fn string(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    meta.value()?.parse()
}

/// Parses `crate = ".."`.
pub(crate) fn crate_path(meta: &ParseNestedMeta<'_>) -> syn::Result<CratePath> {
    let literal = string(meta)?;
    let path = literal.parse_with(Path::parse_mod_style).map_err(|_| {
        syn::Error::new_spanned(&literal, "`crate` is a path in quotes, such as \"nilometer_core\"")
    })?;
    Ok(CratePath::new(&path))
}

/// Reports a key that does not exist and steps over its value, so that the keys after it are read as well.
pub(crate) fn unknown(meta: &ParseNestedMeta<'_>, known: &str, errors: &mut Errors) -> syn::Result<()> {
    errors.at(&meta.path, format!("unknown attribute `{}`: {known}", text(&meta.path)));
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    } else if !meta.input.is_empty() && !meta.input.peek(Token![,]) {
        meta.input.parse::<proc_macro2::Group>()?;
    }
    Ok(())
}

/// Reads each `#[name(..)]` of `attributes`, key by key; a mistake in the syntax ends its attribute alone.
pub(crate) fn read(
    attributes: &[Attribute],
    name: &str,
    errors: &mut Errors,
    mut key: impl FnMut(&ParseNestedMeta<'_>, &mut Errors) -> syn::Result<()>,
) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(name)) {
        if let Err(error) = attribute.parse_nested_meta(|meta| key(&meta, errors)) {
            errors.push(error);
        }
    }
}

/// Reports each `#[name(..)]`, which belongs elsewhere.
pub(crate) fn misplaced(attributes: &[Attribute], name: &str, message: &str, errors: &mut Errors) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(name)) {
        errors.at(attribute.path(), message);
    }
}

/// The first paragraph of a doc comment in one line, empty where there is none.
pub(crate) fn first_paragraph(attributes: &[Attribute]) -> String {
    let mut words = Vec::new();
    for text in attributes.iter().filter_map(doc_text) {
        for line in text.split('\n') {
            let line = line.trim();
            // A block comment has its decoration in the text.
            let line = if text.contains('\n') { line.trim_start_matches('*').trim_start() } else { line };
            if line.is_empty() && !words.is_empty() {
                return words.join(" ");
            }
            if !line.is_empty() {
                words.push(line.to_owned());
            }
        }
    }
    words.join(" ")
}

/// The text of `#[doc = ".."]`, which is what a doc comment is to a macro.
fn doc_text(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    let mut value = &pair.value;
    // What another macro put in is in a group that nobody sees.
    while let Expr::Group(group) = value {
        value = &group.expr;
    }
    match value {
        Expr::Lit(literal) if pair.path.is_ident("doc") => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// A path as it was written, without the spaces of a token stream.
pub(crate) fn text(tokens: &impl ToTokens) -> String {
    let tokens: TokenStream = tokens.to_token_stream();
    tokens.to_string().replace(' ', "")
}
