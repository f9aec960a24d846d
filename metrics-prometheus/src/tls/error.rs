//! What can be wrong with certificates.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::pem;

/// Says why the configured certificates cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file is missing or cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not PEM.
    #[error("`{}` is no PEM file", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// A file holds no certificate.
    #[error("`{}` holds no certificate", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A file holds no private key.
    #[error("`{}` holds no private key", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The certificate cannot be parsed, or the key is of a kind that is not known or not the certificate's.
    #[error("the certificate in `{}` and the key in `{}` cannot be used", certificates.display(), key.display())]
    Pair {
        /// The file of the certificates.
        certificates: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong with them.
        source: rustls::Error,
    },
    /// Clients cannot be checked against the certificates in a file.
    #[error("the certificates in `{}` cannot be used to check clients", path.display())]
    ClientCa {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Servers cannot be checked against the certificates in a file.
    #[error("the certificates in `{}` cannot be used to check servers", path.display())]
    Roots {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        source: rustls::Error,
    },
    /// The system has no root certificates that can be used to check servers.
    #[error("the system has no root certificates")]
    NoSystemRoots {
        /// What kept the first of them from being read, where there was something.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// There is no version of TLS that can be spoken.
    #[error("TLS cannot be set up")]
    Setup {
        /// What is wrong.
        source: rustls::Error,
    },
    /// The runtime ended before the files were read.
    #[error("the runtime ended before the certificates were read")]
    Ended {
        /// What it said.
        source: io::Error,
    },
}
