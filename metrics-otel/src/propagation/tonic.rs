//! Metadata of gRPC.

use ::tonic::metadata::{MetadataMap, MetadataValue};
use opentelemetry::Context;

use super::Propagator;
use super::fields::{Fields, NAMES};

impl Propagator {
    /// The context that the metadata of a call holds; otherwise as [`extract_pairs`](Self::extract_pairs).
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_otel::propagation::Propagator;
    /// use opentelemetry::baggage::BaggageExt;
    /// use tonic::metadata::MetadataMap;
    ///
    /// let mut metadata = MetadataMap::new();
    /// metadata.insert("baggage", "tenant=blue".parse().unwrap());
    /// let context = Propagator::new().extract_tonic(&metadata);
    /// assert_eq!(context.baggage().get("tenant").unwrap().as_str(), "blue");
    /// ```
    #[must_use]
    pub fn extract_tonic(&self, metadata: &MetadataMap) -> Context {
        let mut fields = Fields::default();
        for name in NAMES {
            for value in metadata.get_all(name) {
                fields.add(name.as_bytes(), value.as_bytes(), self.counters());
            }
        }
        self.read(&fields, &Context::new())
    }

    /// Adds the context to the metadata of a call; otherwise as [`inject_pairs`](Self::inject_pairs).
    pub fn inject_tonic(&self, context: &Context, metadata: &mut MetadataMap) {
        let written = self.write(context);
        for name in NAMES.into_iter().filter(|name| written.replaces(name)) {
            metadata.remove(name);
        }
        for (name, value) in written.fields() {
            // All that is written is visible ASCII.
            if let Ok(value) = MetadataValue::try_from(value) {
                metadata.insert(name, value);
            }
        }
    }
}
