//! The compressions.

use std::fmt;

use super::OtelConfigError;

/// How requests are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// With gzip.
    Gzip,
    /// With zstd, with that feature.
    Zstd,
}

impl Compression {
    /// Reads a name; `none` is none.
    ///
    /// SPEC: OpenTelemetry specification, "Environment variables", "Enum": in upper or lower case.
    pub(super) fn from_name(name: &str) -> Result<Option<Compression>, OtelConfigError> {
        match name.to_ascii_lowercase().as_str() {
            "none" => Ok(None),
            "gzip" => Ok(Some(Compression::Gzip)),
            "zstd" => Ok(Some(Compression::Zstd)),
            _ => Err(OtelConfigError::UnknownCompression { name: name.to_owned() }),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        })
    }
}
