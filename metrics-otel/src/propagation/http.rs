//! Headers of HTTP.

use ::http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;

use super::Propagator;
use super::fields::{Fields, NAMES};

impl Propagator {
    /// The context that the headers of a request hold; otherwise as [`extract_pairs`](Self::extract_pairs).
    ///
    /// # Examples
    ///
    /// ```
    /// use http::HeaderMap;
    /// use nilometer_otel::propagation::Propagator;
    /// use opentelemetry::baggage::BaggageExt;
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert("baggage", "tenant=blue".parse().unwrap());
    /// let context = Propagator::new().extract_http(&headers);
    /// assert_eq!(context.baggage().get("tenant").unwrap().as_str(), "blue");
    /// ```
    #[must_use]
    pub fn extract_http(&self, headers: &HeaderMap) -> Context {
        let mut fields = Fields::default();
        for name in NAMES {
            for value in headers.get_all(name) {
                fields.add(name.as_bytes(), value.as_bytes(), self.counters());
            }
        }
        self.read(&fields, &Context::new())
    }

    /// Adds the context to the headers of a request; otherwise as [`inject_pairs`](Self::inject_pairs).
    pub fn inject_http(&self, context: &Context, headers: &mut HeaderMap) {
        let written = self.write(context);
        for name in NAMES.into_iter().filter(|name| written.replaces(name)) {
            headers.remove(name);
        }
        for (name, value) in written.fields() {
            // All that is written is visible ASCII.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}
