//! The lines that the collector prints of what it receives.

/// What begins what the collector prints of a request.
const SECTIONS: [&str; 3] = ["ResourceMetrics #", "ResourceSpans #", "ResourceLogs #"];

/// The lines of the sections that begin so.
pub(super) fn within<'a>(output: &'a str, section: &str) -> impl Iterator<Item = &'a str> {
    let mut is_inside = false;
    output.lines().filter(|line| !is_of_log(line)).filter(move |line| {
        if let Some(begins) = SECTIONS.iter().find(|section| line.starts_with(**section)) {
            is_inside = *begins == section;
        }
        is_inside
    })
}

/// The same where those lines that continue a value after an arrow, and thus have none of these beginnings, are joined
/// to it.
pub(super) fn joined<'a>(lines: impl Iterator<Item = &'a str>, beginnings: &[&str]) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for line in lines {
        let continues = !beginnings.iter().any(|beginning| line.starts_with(beginning));
        match entries.last_mut() {
            Some(value) if continues && pair(value).is_some() => {
                value.push('\n');
                value.push_str(line);
            }
            _ => entries.push(line.to_owned()),
        }
    }
    entries
}

/// Whether it is a line of the collector's own log, such as `2026-11-27T01:25:09.905412Z  INFO Starting Rotel.`
fn is_of_log(line: &str) -> bool {
    let at = |index| line.as_bytes().get(index).copied();
    (at(4), at(10), at(26)) == (Some(b'-'), Some(b'T'), Some(b'Z'))
}

/// The name and the value of a line that begins with an arrow.
pub(super) fn pair(line: &str) -> Option<(String, String)> {
    let (name, value) = line.trim_start().strip_prefix("-> ")?.split_once(": ")?;
    Some((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_line_breaks_are_one_entry_and_the_log_is_none() {
        let output = "2026-11-27T01:25:09.905412Z  INFO Starting Rotel.\nResourceSpans #0\nSpan #0\n\
            ResourceMetrics #0\n     -> a: Str(b\n\nc)\n2026-11-27T01:25:10.000771Z ERROR no\nValue: 7\nResourceLogs #0\n";
        assert_eq!(
            joined(within(output, "ResourceMetrics #"), &["     -> ", "Value: "]),
            ["ResourceMetrics #0", "     -> a: Str(b\n\nc)", "Value: 7"]
        );
        assert_eq!(pair("     -> a: Str(b\n\nc)"), Some(("a".to_owned(), "Str(b\n\nc)".to_owned())));
    }
}
