//! Derive macros of nilometer.
mod attr;
mod case;
mod check;
mod error;
mod generics;
mod labels;
mod metrics;
mod path;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Declares the metrics of a struct.
#[proc_macro_derive(Metrics, attributes(metrics, metric))]
pub fn derive_metrics(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    metrics::derive(&input).into()
}

/// Makes a struct a set of labels.
#[proc_macro_derive(TypedLabels, attributes(label))]
pub fn derive_typed_labels(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    labels::derive_typed(&input).into()
}

/// Makes an enum the values of a label.
#[proc_macro_derive(LabelValue, attributes(label))]
pub fn derive_label_value(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    labels::derive_value(&input).into()
}
