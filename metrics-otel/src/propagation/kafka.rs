//! Headers of Kafka's messages.

use opentelemetry::Context;
use rdkafka::message::{Header, Headers, OwnedHeaders};

use super::Propagator;
use super::fields::Fields;

impl Propagator {
    /// The context that the headers of a message hold, borrowed or owned; otherwise as
    /// [`extract_pairs`](Self::extract_pairs). A header without a value is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_otel::propagation::Propagator;
    /// use opentelemetry::baggage::BaggageExt;
    /// use rdkafka::message::{Header, OwnedHeaders};
    ///
    /// // Those of a message are `message.headers()`.
    /// let headers = OwnedHeaders::new().insert(Header { key: "baggage", value: Some("tenant=blue") });
    /// let context = Propagator::new().extract_kafka(headers.as_borrowed());
    /// assert_eq!(context.baggage().get("tenant").unwrap().as_str(), "blue");
    /// ```
    #[must_use]
    pub fn extract_kafka(&self, headers: &impl Headers) -> Context {
        let headers = headers.iter();
        self.extract_pairs(headers.filter_map(|header| header.value.map(|value| (header.key, value))))
    }

    /// These headers and the context; otherwise as [`inject_pairs`](Self::inject_pairs).
    #[must_use]
    pub fn inject_kafka(&self, context: &Context, headers: OwnedHeaders) -> OwnedHeaders {
        let written = self.write(context);
        let stale = |header: &Header<'_, &[u8]>| {
            Fields::name(header.key.as_bytes()).is_some_and(|name| written.replaces(name))
        };
        // Headers can be added alone: where some have to go, the others move.
        let kept = if headers.as_borrowed().iter().any(|header| stale(&header)) {
            let known = headers.as_borrowed().iter().filter(|header| !stale(header));
            known.fold(OwnedHeaders::new(), |kept, header| {
                kept.insert(Header { key: header.key, value: header.value })
            })
        } else {
            headers
        };
        written
            .fields()
            .fold(kept, |kept, (name, value)| kept.insert(Header { key: name, value: Some(value) }))
    }
}
