//! Where generated code finds nilometer.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Path;

/// The path that generated code names items of nilometer through: the one in `crate = ".."`, with the position of that
/// literal, where a crate that is not there is then reported once.
pub(crate) struct CratePath(TokenStream);

impl CratePath {
    pub(crate) fn new(path: &Path) -> CratePath {
        CratePath(path.to_token_stream())
    }
}

impl Default for CratePath {
    fn default() -> Self {
        CratePath(quote!(::nilometer))
    }
}

impl ToTokens for CratePath {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.0.to_tokens(tokens);
    }
}
