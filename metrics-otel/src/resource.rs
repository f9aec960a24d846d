//! Who the metrics are of.

use thiserror::Error;

use crate::attribute::AttributeValue;
use crate::field;

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
///     .with_attribute("process.pid", 4711_i64)?;
/// assert_eq!(resource.get("service.name"), Some(&"checkout".into()));
/// assert_eq!(resource.iter().count(), 3);
/// # Ok::<(), nilometer_otel::ResourceError>(())
/// ```
///
/// # Specification
///
/// OpenTelemetry specification, "Resource SDK"; opentelemetry-proto 1.10.0, `Resource`: keys are unique.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    attributes: Vec<(String, AttributeValue)>,
    schema_url: String,
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
        Resource { attributes: vec![(SERVICE_NAME.to_owned(), name.into())], schema_url: String::new() }
    }

    /// Says by which version of which schema the attributes are named; by default, by none.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_otel::Resource;
    ///
    /// let resource = Resource::new("checkout").with_schema_url("https://opentelemetry.io/schemas/1.37.0");
    /// assert_eq!(resource.schema_url(), "https://opentelemetry.io/schemas/1.37.0");
    /// ```
    #[must_use]
    pub fn with_schema_url(mut self, url: impl Into<String>) -> Resource {
        self.schema_url = url.into();
        self
    }

    /// The URL of the schema; empty where there is none.
    #[must_use]
    pub fn schema_url(&self) -> &str {
        &self.schema_url
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
        value: impl Into<AttributeValue>,
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
    pub fn get(&self, key: &str) -> Option<&AttributeValue> {
        self.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// All attributes, `service.name` first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.attributes.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Writes the body of the `Resource` message.
    pub(crate) fn encode(&self, buffer: &mut Vec<u8>) {
        for (key, value) in self.iter() {
            value.encode_pair(field::resource::ATTRIBUTES, key, buffer);
        }
    }
}

/// Says why a resource refused an attribute.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// The key is empty.
    #[error("the attribute with the value `{value:?}` has an empty key")]
    EmptyKey {
        /// The value that was given with it.
        value: AttributeValue,
    },
}
