//! What stands for TLS where the feature is off: types without values.

use std::future::Ready;
use std::io;

use super::{ServerError, ServerStats};

/// No configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TlsConfig {}

/// No certificates.
#[derive(Clone)]
pub(super) enum Certificates {}

impl Certificates {
    pub(super) fn load(config: &TlsConfig) -> Ready<Result<Certificates, ServerError>> {
        match *config {}
    }

    pub(super) fn accept<S>(&self, _: S) -> Ready<io::Result<S>> {
        match *self {}
    }

    pub(super) fn watch(self, _: ServerStats) -> Ready<()> {
        match self {}
    }
}
