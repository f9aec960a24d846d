//! The code for a struct without mistakes.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Expr, Generics, parse_quote};

use super::ast::{Field, Metrics};
use super::summary::summary;
use crate::attr::text;
use crate::check::{self, Alphabet, Place};

/// What a configuration of exponential buckets that fails its check is told.
const NO_EXPONENTIAL: &str = "there are no such exponential buckets: scales are -4 to 8, buckets 8 to 216, a zero \
                              threshold is 0 or above and finite, and a fallback has 1 to 64 bounds";

/// The trait's implementation, the functions around it, and the checks that the compiler makes.
pub(super) fn expand(metrics: &Metrics<'_>) -> TokenStream {
    let krate = &metrics.container.krate;
    let generics = bounded(metrics);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let ident = &metrics.input.ident;
    let scope = Ident::new("__scope", Span::mixed_site());
    let handles = Ident::new("__handles", Span::mixed_site());

    let checks = metrics.fields.iter().map(|field| checks(metrics, field));
    let prefix_check = metrics.container.prefix.as_ref().map(|prefix| {
        let value = prefix.value();
        metrics.container.alphabet.metric_name(krate, &value, &value, Place::of(prefix))
    });
    let import = metrics
        .fields
        .iter()
        .any(|field| !field.is_flat())
        .then(|| quote!(use #krate::declare::Field as __NilometerField;));
    let declared = metrics.fields.iter().map(|field| declare(metrics, field, &scope));
    let built = metrics.fields.iter().map(|field| {
        let Field { ident, ty, .. } = field;
        let role = role(metrics, field);
        quote!(#ident: <#ty as #role>::build(#handles))
    });
    let inherent = inherent(metrics, &generics);
    let declared = match metrics.container.alphabet {
        Alphabet::Classic => quote!(#(#declared)*),
        Alphabet::Utf8 => {
            quote!(#krate::declare::Scope::with_utf8_names(#scope, |#scope| { #(#declared)* });)
        }
    };

    quote! {
        #prefix_check
        #(#checks)*

        #[automatically_derived]
        #[allow(deprecated, unused_qualifications, reason = "the code holds wherever the derive stands")]
        impl #impl_generics #krate::declare::Metrics for #ident #type_generics #where_clause {
            fn declare(#scope: &mut #krate::declare::Scope) {
                #import
                #declared
            }

            fn build(#handles: &mut #krate::declare::Handles) -> Self {
                Self { #(#built),* }
            }
        }

        #inherent
    }
}

/// `register` and its kin.
pub(super) fn inherent(metrics: &Metrics<'_>, generics: &Generics) -> TokenStream {
    let krate = &metrics.container.krate;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let (ident, vis) = (&metrics.input.ident, &metrics.input.vis);
    let new = metrics.container.new.then(|| {
        quote! {
            /// Registers these metrics and returns their handles; the same as `register`.
            ///
            /// # Errors
            ///
            /// As for `register`.
            #vis fn new(registry: &#krate::MetricsRegistry) -> #krate::Result<Self> {
                <Self as #krate::declare::Metrics>::register(registry)
            }
        }
    });
    quote! {
        #[automatically_derived]
        #[allow(dead_code, unused_qualifications, reason = "which of these functions a program calls is up to it")]
        impl #impl_generics #ident #type_generics #where_clause {
            #new

            /// Registers these metrics and returns their handles.
            ///
            /// Registering them again gives the same handles.
            ///
            /// # Errors
            ///
            /// Where one of the names is taken by something else; nothing is registered then.
            #vis fn register(registry: &#krate::MetricsRegistry) -> #krate::Result<Self> {
                <Self as #krate::declare::Metrics>::register(registry)
            }

            /// Registers these metrics as one instance of several, known by `labels`, and returns its handles.
            ///
            /// # Errors
            ///
            /// Where one of the names is taken by something else, or `labels` are no labels; nothing is registered
            /// then.
            #vis fn register_with(
                registry: &#krate::MetricsRegistry,
                labels: &[(&str, &str)],
            ) -> #krate::Result<Self> {
                <Self as #krate::declare::Metrics>::register_with(registry, labels)
            }

            /// These metrics without a registry, for code that runs without metrics: they record where nobody looks.
            #[must_use]
            #vis fn noop() -> Self {
                <Self as #krate::declare::Metrics>::noop()
            }

            /// Describes these metrics, in the order of their declaration.
            #[must_use]
            #vis fn descriptors() -> ::std::vec::Vec<#krate::Descriptor> {
                <Self as #krate::declare::Metrics>::descriptors()
            }
        }
    }
}

/// The struct's generics, and that what its fields are made of with them can stand in a field.
fn bounded(metrics: &Metrics<'_>) -> Generics {
    let mut generics = metrics.input.generics.clone();
    for field in metrics.fields.iter().filter(|field| field.has_type_parameter) {
        let ty = field.ty;
        let role = role(metrics, field);
        generics.make_where_clause().predicates.push(parse_quote!(#ty: #role));
    }
    generics
}

/// The trait that the field's type has to implement.
fn role(metrics: &Metrics<'_>, field: &Field<'_>) -> TokenStream {
    let krate = &metrics.container.krate;
    if field.is_flat() { quote!(#krate::declare::Metrics) } else { quote!(#krate::declare::MetricField) }
}

/// The statement that declares a field.
fn declare(metrics: &Metrics<'_>, field: &Field<'_>, scope: &Ident) -> TokenStream {
    let krate = &metrics.container.krate;
    let (ty, role) = (field.ty, role(metrics, field));
    if field.is_flat() {
        let prefix = match field.prefix() {
            Some(prefix) => Some(metrics.full_name(&prefix.value())),
            None => metrics.container.prefix.as_ref().map(syn::LitStr::value),
        };
        let Some(prefix) = prefix else { return quote!(<#ty as #role>::declare(#scope);) };
        return quote! {
            #krate::declare::Scope::nested(
                #scope,
                ::core::option::Option::Some(#prefix),
                |#scope| <#ty as #role>::declare(#scope),
            );
        };
    }
    let (name, help) = (metrics.full_name(&field.name()), field.help());
    // In the user's own position, unlike the rest: the descriptor's location is that of the call.
    let new = quote_spanned!(field.ident.span()=> __NilometerField::new(#name, #help));
    let unit = field.attributes.unit.as_ref().map(|unit| {
        let unit = &unit.value;
        quote!(.with_unit(#krate::Unit::new(#unit)))
    });
    let labels = field.labels().map(|labels| quote!(.with_labels(&[#(#labels),*])));
    let buckets = field.buckets().map(|buckets| {
        let bounds = bounds(metrics, field, buckets);
        quote!(.with_buckets(#bounds))
    });
    let expire_after = field.attributes.expire_after.as_ref().map(|keyed| {
        let period = &keyed.value;
        quote_spanned!(Place::of(period).first()=> .with_expire_after(#period))
    });
    let init = field.attributes.init.as_ref().map(|_| quote!(.with_init_all()));
    let window = field.window().map(|length| {
        let (check, message) =
            (quote!(!__NILOMETER_VALUE.is_zero()), "a window has a length: more than zero");
        let length = value(length, &quote!(::core::time::Duration), &check, message);
        quote!(.with_window(#length))
    });
    let exponential = field.attributes.exponential.as_ref().map(|keyed| {
        let defaults = || quote!(#krate::ExponentialConfig::new());
        let config = keyed.value.as_ref().map_or_else(defaults, |config| {
            let (ty, check) = (quote!(#krate::ExponentialConfig), quote!(__NILOMETER_VALUE.check().is_ok()));
            value(config, &ty, &check, NO_EXPONENTIAL)
        });
        quote!(.with_exponential(#config))
    });
    let summary = summary(metrics, field);
    let inline = if field.is_generic { type_checks(metrics, field) } else { Vec::new() };
    quote! {
        #(const { #inline };)*
        <#ty as #role>::declare(
            #scope,
            #new #unit #labels #buckets #exponential #expire_after #init #window #summary,
        );
    }
}

/// A block with the bounds, which are checked there.
fn bounds(metrics: &Metrics<'_>, field: &Field<'_>, buckets: &Expr) -> TokenStream {
    let (krate, ty) = (&metrics.container.krate, field.ty);
    let place = Place::of(buckets);
    // With the position of the expression, which is where the compiler then finds a wrong type.
    let borrow = (!is_reference(buckets)).then(|| quote_spanned!(place.first()=> &));
    let check = check::item(&check::assertion(
        place,
        &quote!(#krate::buckets::check_bounds(__NILOMETER_BOUNDS).is_ok()),
        "these are no bounds: from 1 to 256 of them, finite and increasing (`+Inf` comes by itself)",
    ));
    // What is wrong with them as bounds is said above.
    let few = check::assertion(
        place,
        &quote! {
            #krate::buckets::check_bounds(__NILOMETER_BOUNDS).is_err()
                || __NILOMETER_BOUNDS.len()
                    <= #krate::buckets::max_bounds(<#ty as #krate::declare::MetricField>::TYPE)
        },
        "a gauge histogram has at most 254 bounds",
    );
    let few = if field.is_generic { quote!(const { #few };) } else { check::item(&few) };
    quote! {{
        const __NILOMETER_BOUNDS: &[f64] = #borrow #buckets;
        #check
        #few
        __NILOMETER_BOUNDS
    }}
}

/// A block with a constant of this type, which is checked there by the name of `__NILOMETER_VALUE`.
pub(super) fn value(value: &Expr, ty: &TokenStream, check: &TokenStream, message: &str) -> TokenStream {
    let place = Place::of(value);
    let check = check::item(&check::assertion(place, check, message));
    // With the position of the expression, which is where the compiler then finds a wrong type.
    let constant = quote_spanned! {place.first()=>
        const __NILOMETER_VALUE: #ty = #value;
    };
    quote! {{
        #constant
        #check
        __NILOMETER_VALUE
    }}
}

/// Whether `expr` begins with `&`, in parentheses or in what a macro put it in.
pub(super) fn is_reference(expr: &Expr) -> bool {
    match expr {
        Expr::Reference(_) => true,
        Expr::Paren(inner) => is_reference(&inner.expr),
        Expr::Group(inner) => is_reference(&inner.expr),
        _ => false,
    }
}

/// The checks that are items: of names, and of types that items can name.
fn checks(metrics: &Metrics<'_>, field: &Field<'_>) -> TokenStream {
    let (krate, alphabet) = (&metrics.container.krate, metrics.container.alphabet);
    // A prefix is checked by itself; after one, a name may start with a digit.
    let after_prefix = |name: String| match metrics.container.prefix {
        Some(_) => format!("_{name}"),
        None => name,
    };
    if field.is_flat() {
        let check = field.prefix().map(|prefix| {
            let value = prefix.value();
            alphabet.metric_name(krate, &value, &after_prefix(value.clone()), Place::of(prefix))
        });
        return check.unwrap_or_default();
    }
    let name = field.name();
    let mut items = vec![alphabet.metric_name(krate, &name, &after_prefix(name.clone()), field.name_place())];
    if let Some(unit) = &field.attributes.unit {
        let (literal, full) = (&unit.value, metrics.full_name(&name));
        let unit = literal.value();
        let base = full.strip_suffix("_total").unwrap_or(&full);
        let message = format!(
            "`{}` does not end in its unit: `_{unit}`, or `_{unit}_total` for a counter",
            full.escape_debug(),
            unit = unit.escape_debug()
        );
        items.push(check::item(&check::assertion(
            Place::of(literal),
            &quote!(#krate::name::has_suffix(#base, #unit)),
            &message,
        )));
    }
    if let Some(labels) = field.labels() {
        let mut names = Vec::new();
        for label in labels {
            names.push(label.value());
            items.push(alphabet.label_name(krate, &label.value(), Place::of(label)));
            items.extend(alphabet.distinct_labels(krate, &names, Place::of(label)));
        }
        if let Some(first) = labels.first() {
            items.push(check::label_count(krate, labels.len(), Place::of(first)));
        }
    }
    if !field.is_generic {
        items.extend(type_checks(metrics, field).iter().map(check::item));
    }
    items.into_iter().collect()
}

/// Assertions that the field's type takes the attributes it has, and has those that it takes.
fn type_checks(metrics: &Metrics<'_>, field: &Field<'_>) -> Vec<TokenStream> {
    let krate = &metrics.container.krate;
    let ty = field.ty;
    let takes = |constant: &str| {
        let constant = Ident::new(constant, Span::call_site());
        quote!(<#ty as #krate::declare::MetricField>::#constant)
    };
    let takes_buckets = takes("TAKES_BUCKETS");
    let mut assertions = Vec::new();
    match field.buckets() {
        Some(buckets) => {
            let message = "`buckets` are for histograms and gauge histograms alone";
            assertions.push(check::assertion(Place::of(buckets), &takes_buckets, message));
        }
        None if field.attributes.exponential.is_some() => {}
        None => {
            let takes_exponential = takes("TAKES_EXPONENTIAL");
            assertions.push(check::assertion(
                Place::of(ty),
                &quote!(!#takes_buckets || #takes_exponential),
                "a gauge histogram needs its bounds: `#[metric(buckets = ..)]`",
            ));
            assertions.push(check::assertion(
                Place::of(ty),
                &quote!(!#takes_buckets || !#takes_exponential),
                "a histogram needs its bounds: `#[metric(buckets = ..)]`, or `#[metric(exponential)]` for none",
            ));
        }
    }
    if let Some(exponential) = &field.attributes.exponential {
        assertions.push(check::assertion(
            Place::of(&exponential.key),
            &takes("TAKES_EXPONENTIAL"),
            "`exponential` is for histograms alone",
        ));
    }
    if let Some(expire_after) = &field.attributes.expire_after {
        assertions.push(check::assertion(
            Place::of(&expire_after.key),
            &takes("IS_FAMILY"),
            "`expire_after` is for families: the handle of a single metric keeps it",
        ));
    }
    if let Some(init) = &field.attributes.init {
        assertions.push(check::assertion(
            Place::of(&init.key),
            &takes("IS_CLOSED"),
            "`init` is for families with typed labels of which all values are known",
        ));
    }
    if let Some(window) = &field.attributes.window {
        assertions.push(check::assertion(
            Place::of(&window.key),
            &takes("TAKES_WINDOW"),
            "`window` is for max and min gauges alone",
        ));
    }
    for key in field.attributes.of_a_summary() {
        let message = format!("`{}` is for summaries alone", text(key));
        assertions.push(check::assertion(Place::of(key), &takes("TAKES_QUANTILES"), &message));
    }
    if let Some(labels) = &field.attributes.labels {
        assertions.push(check::assertion(
            Place::of(&labels.key),
            &takes("TAKES_LABELS"),
            "`labels` are for families with dynamic labels: a single metric has none, and typed labels name themselves",
        ));
    }
    assertions
}
