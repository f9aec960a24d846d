//! A progress bar on standard error, and lines that do not tear it.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

const BAR: &str = "{bar:32} {percent:>3}%  {elapsed} elapsed, {eta} left  {msg}";
const SPINNER: &str = "{spinner} {elapsed}  {msg}";

/// Shows how far the input has been read, on a terminal; clones are the same bar.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Whether lines are written.
    tells: bool,
}

impl Progress {
    /// A bar over `length` bytes, or a spinner when the length is not known.
    pub(crate) fn new(length: Option<u64>) -> Progress {
        if !io::stderr().is_terminal() {
            return Progress { bar: ProgressBar::hidden(), tells: true };
        }
        let (bar, template) = match length {
            Some(length) => (ProgressBar::new(length), BAR),
            None => (ProgressBar::new_spinner(), SPINNER),
        };
        // The templates are constants and fit; if they did not, the bar's own style would do.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Progress { bar, tells: true }
    }

    /// Shows nothing and tells nothing.
    #[cfg(test)]
    pub(crate) fn silent() -> Progress {
        Progress { bar: ProgressBar::hidden(), tells: false }
    }

    /// Moves the bar to `bytes`, with `received` events beside it.
    pub(crate) fn advance(&self, bytes: u64, received: u64) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_position(bytes);
        // A message is a string of its own each time; some thirty a second are enough to see it move.
        if received.is_multiple_of(16) {
            self.bar.set_message(format!("{received} events"));
        }
    }

    /// Writes a line above the bar, to standard error.
    pub(crate) fn note(&self, line: impl Display) {
        if !self.tells {
            return;
        }
        self.bar.suspend(|| {
            // Standard error may be closed; there is nobody left to tell.
            let _ = writeln!(io::stderr(), "{line}");
        });
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
