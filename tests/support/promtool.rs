//! What `promtool check metrics` remarks on a page.

use std::io::Write;
use std::process::{Command, Stdio};

/// Gives `page` to `promtool check metrics` and returns its remarks, one a line.
///
/// # Panics
///
/// When promtool is missing, or when it cannot read the page at all.
#[must_use]
#[expect(clippy::panic, reason = "a test fails where its tool is missing, it does not skip")]
pub fn check_metrics(page: &str) -> Vec<String> {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run `promtool` ({error}): .ci/peers installs it"));
    // The page is written whole before the answer is read: promtool reads all of it before it says a word.
    let written = child.stdin.take().map(|mut stdin| stdin.write_all(page.as_bytes()));
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("promtool: {error}"));
    let remarks = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    // promtool leaves with 3 when it has remarks, and with 1 when it could not read the page.
    let read = matches!(output.status.code(), Some(0 | 3)) && matches!(written, Some(Ok(())));
    assert!(read, "promtool could not read the page: {remarks}\n{page}");
    remarks.lines().map(str::to_owned).collect()
}
