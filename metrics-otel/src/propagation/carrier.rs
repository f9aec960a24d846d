//! Lists of byte pairs, and the carriers of the crate `opentelemetry`.

use std::sync::OnceLock;

use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};

use super::Propagator;
use super::fields::{Fields, NAMES};

impl Propagator {
    /// The context that a list of byte pairs holds, such as the headers of a Kafka message. Names are compared without
    /// regard to case. Without anything of use in it, it is an empty context.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_otel::propagation::Propagator;
    /// use opentelemetry::trace::TraceContextExt;
    ///
    /// let headers = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    /// let context = Propagator::new().extract_pairs(headers);
    /// assert!(context.span().span_context().is_remote());
    /// assert_eq!(context.span().span_context().span_id().to_string(), "00f067aa0ba902b7");
    /// ```
    pub fn extract_pairs<K, V>(&self, pairs: impl IntoIterator<Item = (K, V)>) -> Context
    where
        K: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let mut fields = Fields::default();
        for (name, value) in pairs {
            fields.add(name.as_ref(), value.as_ref(), self.counters());
        }
        self.read(&fields, &Context::new())
    }

    /// Adds the context to a list of byte pairs, in place of what is there of it.
    ///
    /// A context without a span leaves `traceparent` and `tracestate` alone, and one without baggage leaves `baggage`
    /// alone: a message that is only passed on keeps what it has.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_otel::propagation::Propagator;
    /// use opentelemetry::Context;
    /// use opentelemetry::baggage::BaggageExt;
    /// use opentelemetry::KeyValue;
    ///
    /// let context = Context::new().with_baggage([KeyValue::new("tenant", "blue")]);
    /// let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
    /// Propagator::new().inject_pairs(&context, &mut headers);
    /// assert_eq!(headers, [("baggage".to_owned(), b"tenant=blue".to_vec())]);
    /// ```
    pub fn inject_pairs<K, V>(&self, context: &Context, pairs: &mut Vec<(K, V)>)
    where
        K: AsRef<[u8]> + From<&'static str>,
        V: From<Vec<u8>>,
    {
        let written = self.write(context);
        pairs.retain(|(name, _)| Fields::name(name.as_ref()).is_none_or(|name| !written.replaces(name)));
        pairs.extend(
            written.fields().map(|(name, value)| (name.into(), value.to_owned().into_bytes().into())),
        );
    }
}

/// As the global propagator, for libraries that ask for that one.
impl TextMapPropagator for Propagator {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        for (name, value) in self.write(context).fields() {
            injector.set(name, value.to_owned());
        }
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let mut fields = Fields::default();
        for name in NAMES {
            for value in extractor.get_all(name).unwrap_or_default() {
                fields.add(name.as_bytes(), value.as_bytes(), self.counters());
            }
        }
        self.read(&fields, context)
    }

    fn fields(&self) -> FieldIter<'_> {
        static FIELDS: OnceLock<[String; 3]> = OnceLock::new();
        FieldIter::new(FIELDS.get_or_init(|| NAMES.map(str::to_owned)))
    }
}
