//! What stands for authentication where the feature is off: types without values.

use http::{HeaderMap, HeaderValue};

use super::ServerError;
use super::decision::Checked;

/// No configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AuthConfig {}

/// Nothing that checks credentials.
pub(super) enum Gate {}

impl Gate {
    pub(super) fn try_new(config: &AuthConfig) -> Result<Gate, ServerError> {
        match *config {}
    }

    pub(super) fn check(&self, _: &HeaderMap) -> Checked {
        match *self {}
    }

    pub(super) fn challenges(&self) -> &[HeaderValue] {
        match *self {}
    }
}
