//! Who the metrics are of.

use prost::bytes::BufMut;
use thiserror::Error;

use crate::field;
use crate::wire;

const SERVICE_NAME: &str = "service.name";

/// What a service without a name is called.
///
/// SPEC: OpenTelemetry semantic conventions, "Resource", "Service": `service.name` falls back to `unknown_service`.
const UNKNOWN_SERVICE: &str = "unknown_service";

/// The entity that the metrics describe: a service, its version, its instance, its host.
///
/// It always has a `service.name`. Its attributes keep the order in which they were first given.
///
/// # Examples
///
/// ```
/// use nilometer_otel::Resource;
///
/// let resource = Resource::new("checkout")
///     .with_attribute("service.version", "1.4.2")?
///     .with_attribute("service.instance.id", "b3c0")?;
/// assert_eq!(resource.get("service.name"), Some("checkout"));
/// assert_eq!(resource.iter().count(), 3);
/// # Ok::<(), nilometer_otel::ResourceError>(())
/// ```
///
/// # Specification
///
/// OpenTelemetry specification, "Resource SDK"; opentelemetry-proto 1.10.0, `Resource`: keys are unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    attributes: Vec<(String, String)>,
}

impl Default for Resource {
    /// The service without a name: `unknown_service`.
    fn default() -> Self {
        Resource::new("")
    }
}

impl Resource {
    /// The service of this name; without one, `unknown_service`.
    #[must_use]
    pub fn new(service_name: impl Into<String>) -> Resource {
        let mut name = service_name.into();
        if name.is_empty() {
            UNKNOWN_SERVICE.clone_into(&mut name);
        }
        Resource { attributes: vec![(SERVICE_NAME.to_owned(), name)] }
    }

    /// Adds an attribute, or gives one that is there already a new value.
    ///
    /// # Errors
    ///
    /// [`ResourceError::EmptyKey`] when the key is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_otel::Resource;
    ///
    /// let resource = Resource::default().with_attribute("service.name", "billing")?;
    /// assert_eq!(resource, Resource::new("billing"));
    /// # Ok::<(), nilometer_otel::ResourceError>(())
    /// ```
    pub fn with_attribute(
        mut self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Resource, ResourceError> {
        let (key, value) = (key.into(), value.into());
        // SPEC: OpenTelemetry specification, "Common", "Attribute": a key is a string that is not empty.
        if key.is_empty() {
            return Err(ResourceError::EmptyKey { value });
        }
        match self.attributes.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = value,
            None => self.attributes.push((key, value)),
        }
        Ok(self)
    }

    /// The value of an attribute.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// All attributes, `service.name` first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Writes the body of the `Resource` message.
    pub(crate) fn encode(&self, buffer: &mut impl BufMut) {
        for (key, value) in self.iter() {
            wire::attribute(field::resource::ATTRIBUTES, key, value, buffer);
        }
    }
}

/// Says why a resource refused an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// The key is empty.
    #[error("the attribute with the value `{value}` has an empty key")]
    EmptyKey {
        /// The value that was given with it.
        value: String,
    },
}
