//! Checks that the compiler makes when it evaluates constants.
//!
//! Names and bounds are checked by core's `const fn`s, called from the generated code: the derive refuses what the
//! registry would refuse, because it is the same code.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};

use crate::path::CratePath;

/// The place in the user's source that an error is to cover.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    first: Span,
    last: Span,
}

impl Place {
    /// All of `tokens`. (Joining spans is not stable, so the ends are kept apart.)
    pub(crate) fn of(tokens: &impl ToTokens) -> Place {
        let mut tokens = tokens.to_token_stream().into_iter();
        let first = tokens.next().map_or_else(Span::call_site, |token| token.span());
        let last = tokens.last().map_or(first, |token| token.span());
        Place { first, last }
    }

    /// Where it begins.
    pub(crate) fn first(self) -> Span {
        self.first
    }
}

/// `assert!(condition, message)`, which covers `place` when it fails.
pub(crate) fn assertion(place: Place, condition: &TokenStream, message: &str) -> TokenStream {
    // The message is a format string.
    let message = message.replace('{', "{{").replace('}', "}}");
    let mut arguments = Group::new(Delimiter::Parenthesis, quote!(#condition, #message));
    arguments.set_span(place.last);
    let arguments = TokenTree::Group(arguments);
    quote_spanned!(place.first=> ::core::assert! #arguments)
}

/// The assertion as an item, for conditions without generic parameters.
pub(crate) fn item(assertion: &TokenStream) -> TokenStream {
    quote!(const _: () = #assertion;)
}

/// Checks a metric's name, or the part of one that `name` is.
pub(crate) fn metric_name(krate: &CratePath, shown: &str, name: &str, place: Place) -> TokenStream {
    let message = format!(
        "`{}` is not a metric name: letters, digits, `_` and `:`, not starting with a digit",
        shown.escape_debug()
    );
    item(&assertion(place, &quote!(#krate::name::check_metric_name(#name).is_ok()), &message))
}

/// Checks a label's name.
pub(crate) fn label_name(krate: &CratePath, name: &str, place: Place) -> TokenStream {
    let message = format!(
        "`{}` is not a label name: letters, digits and `_`, not starting with a digit, nor with `__`, \
         and none of the reserved `le`, `quantile` and `nilometer_overflow`",
        name.escape_debug()
    );
    item(&assertion(place, &quote!(#krate::name::check_label_name(#name).is_ok()), &message))
}

/// Checks how many labels there are.
pub(crate) fn label_count(krate: &CratePath, count: usize, place: Place) -> TokenStream {
    let message = format!("{count} labels are more than a series can have");
    item(&assertion(place, &quote!(#count <= #krate::label::MAX_LABELS), &message))
}
