//! Characters that would end the text they stand in.

/// SPEC: Prometheus, "Exposition formats", comments, help text, and type information: backslash and line feed.
pub(super) fn escape_help(help: &str, out: &mut String) {
    for character in help.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
}

/// SPEC: OpenMetrics 1.0.0, "Escaping", which has the quote escaped in help as in the values of labels; and Prometheus,
/// "Exposition formats", text format details, for the latter.
pub(super) fn escape_quoted(text: &str, out: &mut String) {
    for (index, part) in text.split('"').enumerate() {
        if index > 0 {
            out.push_str("\\\"");
        }
        escape_help(part, out);
    }
}
