//! Where a value was said.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where a value of an [`ObservabilityConfig`](super::ObservabilityConfig) comes from.
///
/// # Examples
///
/// ```
/// use nilometer::{ConfigOrigin, ObservabilityConfig};
///
/// let config = ObservabilityConfig::from_toml_str("[prometheus]\nport = 9464")?;
/// let origin = config.origin("prometheus.port").unwrap();
/// assert!(matches!(origin, ConfigOrigin::File { line: 2, .. }));
/// assert_eq!(origin.to_string(), "line 2");
/// # Ok::<(), nilometer::ObservabilityConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigOrigin {
    /// A file, or a text that stands for one.
    File {
        /// Its path, as it was given; none of a text.
        path: Option<PathBuf>,
        /// The line, from 1 on.
        line: usize,
    },
    /// An environment variable.
    Variable {
        /// Its name.
        name: String,
    },
    /// The program: a method of the configuration, a default, or serde, which does not tell where from.
    Program,
}

impl ConfigOrigin {
    pub(crate) fn file(path: Option<&Path>, line: usize) -> ConfigOrigin {
        ConfigOrigin::File { path: path.map(Path::to_owned), line }
    }

    pub(crate) fn variable(name: &str) -> ConfigOrigin {
        ConfigOrigin::Variable { name: name.to_owned() }
    }
}

impl fmt::Display for ConfigOrigin {
    /// What stands before the colon of an error: `observability.toml:7`, `line 7`, the variable's name, or `the program`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigOrigin::File { path: Some(path), line } => write!(f, "{}:{line}", path.display()),
            ConfigOrigin::File { path: None, line } => write!(f, "line {line}"),
            ConfigOrigin::Variable { name } => f.write_str(name),
            ConfigOrigin::Program => f.write_str("the program"),
        }
    }
}

/// Where each value comes from, by its path.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins(BTreeMap<String, ConfigOrigin>);

impl Origins {
    pub(crate) fn set(&mut self, path: &str, origin: ConfigOrigin) {
        self.0.insert(path.to_owned(), origin);
    }

    /// Nobody says it any more.
    pub(crate) fn remove(&mut self, path: &str) {
        self.0.remove(path);
    }

    /// Where this was said, or what holds it, or the first of what it holds.
    pub(crate) fn get(&self, path: &str) -> Option<&ConfigOrigin> {
        let mut shorter = path;
        loop {
            if let Some(origin) = self.0.get(shorter) {
                return Some(origin);
            }
            let Some((holder, _)) = shorter.rsplit_once('.') else { break };
            shorter = holder;
        }
        let inside = |other: &str| other.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
        self.0.iter().find(|(other, _)| inside(other)).map(|(_, origin)| origin)
    }

    pub(crate) fn lay(&mut self, over: Origins) {
        self.0.extend(over.0);
    }
}
