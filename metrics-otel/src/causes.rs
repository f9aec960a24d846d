//! Errors with what is behind them, for logs.

use std::error::Error;
use std::fmt;

/// Shows an error and all its causes.
pub(crate) struct Causes<'a>(pub(crate) &'a (dyn Error + 'a));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}
