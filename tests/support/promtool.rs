//! What `promtool` says of a page, and when it says that an alert fires.

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

/// At which minutes of an hour the alert `expression` fires, by `promtool test rules`, where `series` has these values, one a
/// minute, in promtool's notation.
///
/// # Panics
///
/// When promtool is missing, or when it cannot read the rule.
#[must_use]
#[expect(clippy::panic, reason = "a test fails where its tool is missing, it does not skip")]
pub fn fires_at(expression: &str, series: &str, values: &str, minutes: &[u32]) -> Vec<u32> {
    let fires = |minute: u32| {
        let folder = tempfile::tempdir()?;
        let rules = format!("groups: [{{name: g, rules: [{{alert: A, expr: '{expression}'}}]}}]\n");
        std::fs::write(folder.path().join("rules.yml"), rules)?;
        // It is said that nothing fires: promtool leaves with 1, and says what does, where that is wrong.
        let tests = format!(
            "rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series: [{{series: '{series}', \
             values: '{values}'}}]\n  alert_rule_test: [{{eval_time: {minute}m, alertname: A, exp_alerts: []}}]\n"
        );
        let path = folder.path().join("tests.yml");
        std::fs::write(&path, tests)?;
        Command::new("promtool").args(["test", "rules"]).arg(path).output()
    };
    let fires = |&minute: &u32| {
        let output =
            fires(minute).unwrap_or_else(|error| panic!("promtool ({error}): .ci/peers installs it"));
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let does = said.contains("alertname=\"A\"");
        assert!(does || output.status.success(), "promtool could not read the rule: {said}");
        does
    };
    minutes.iter().copied().filter(fires).collect()
}
