//! What can be wrong with a runtime's name.

use nilometer_core::label::LabelError;
use thiserror::Error;

/// Says why a collector does not take a runtime.
///
/// # Examples
///
/// ```
/// use nilometer::runtime::{RuntimeCollector, RuntimeError};
///
/// let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// let refused = RuntimeCollector::named("", runtime.handle());
/// assert!(matches!(refused, Err(RuntimeError::NoName)));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// The name cannot be a label value.
    #[error("`{name}` cannot name a runtime")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        #[source]
        source: LabelError,
    },
    /// The name is empty, which would be no label.
    #[error("the name `` cannot name a runtime")]
    NoName,
    /// The collector has a runtime of that name.
    #[error("there is a runtime `{name}` already")]
    NameTaken {
        /// The name.
        name: String,
    },
}
