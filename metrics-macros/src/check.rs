//! Checks that the compiler makes when it evaluates constants.
//!
//! Names and bounds are checked by core's `const fn`s, called from the generated code: the derive refuses what the
//! registry would refuse, because it is the same code.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
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

/// Which names a struct takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alphabet {
    /// Those that every version of Prometheus takes.
    Classic,
    /// Any characters: the struct says `utf8`.
    Utf8,
}

impl Alphabet {
    pub(crate) fn new(utf8: bool) -> Alphabet {
        if utf8 { Alphabet::Utf8 } else { Alphabet::Classic }
    }

    /// Checks a metric's name, or the part of one that `name` is.
    pub(crate) fn metric_name(self, krate: &CratePath, shown: &str, name: &str, place: Place) -> TokenStream {
        let (check, rule) = match self {
            Alphabet::Classic => {
                ("check_metric_name", "letters, digits, `_` and `:`, not starting with a digit")
            }
            Alphabet::Utf8 => ("check_utf8_metric_name", "from 1 to 65,536 bytes, none of them NUL"),
        };
        Alphabet::name(
            krate,
            check,
            name,
            place,
            &format!("`{}` is not a metric name: {rule}", shorten(shown)),
        )
    }

    /// Checks a label's name.
    pub(crate) fn label_name(self, krate: &CratePath, name: &str, place: Place) -> TokenStream {
        let (check, rule) = match self {
            Alphabet::Classic => (
                "check_label_name",
                "letters, digits and `_`, not starting with a digit, nor with `__`, and none of the reserved `le`, \
                 `quantile` and `nilometer_overflow`",
            ),
            Alphabet::Utf8 => (
                "check_utf8_label_name",
                "from 1 to 65,536 bytes, none of them NUL, not starting with `__`, and none of the reserved `le`, `quantile`, \
                 `nilometer_overflow` and what is escaped to that",
            ),
        };
        Alphabet::name(krate, check, name, place, &format!("`{}` is not a label name: {rule}", shorten(name)))
    }

    fn name(krate: &CratePath, check: &str, name: &str, place: Place, message: &str) -> TokenStream {
        let check = Ident::new(check, Span::call_site());
        item(&assertion(place, &quote!(#krate::name::#check(#name).is_ok()), message))
    }

    /// Checks that no two of the labels of one series become one where names are escaped: the last of `names` is the one
    /// to blame.
    pub(crate) fn distinct_labels(
        self,
        krate: &CratePath,
        names: &[String],
        place: Place,
    ) -> Option<TokenStream> {
        let name = names.last().filter(|_| self == Alphabet::Utf8)?;
        let message = format!("label `{}` is the same as another one where names are escaped", shorten(name));
        Some(item(&assertion(place, &quote!(#krate::name::are_distinct_labels(&[#(#names),*])), &message)))
    }
}

/// A name as a message shows it: what is too long for that is cut.
fn shorten(name: &str) -> String {
    match name.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", name[..end].escape_debug()),
        None => name.escape_debug().to_string(),
    }
}

/// Checks how many labels there are.
pub(crate) fn label_count(krate: &CratePath, count: usize, place: Place) -> TokenStream {
    let message = format!("{count} labels are more than a series can have");
    item(&assertion(place, &quote!(#count <= #krate::label::MAX_LABELS), &message))
}
