//! Names that not every reader takes as they are: quoted where the format has quotes, or escaped.

use nilometer_core::collect::{Descriptor, EscapingScheme, SeriesLabels};

/// A family's name as a page of one scheme has it.
#[derive(Debug, Default)]
pub(crate) struct FamilyName {
    /// The name by the scheme; where it is quoted, what stands between the quotes.
    text: String,
    is_quoted: bool,
}

impl FamilyName {
    /// Makes it the name of this family.
    pub(crate) fn set(&mut self, descriptor: &Descriptor, scheme: EscapingScheme) {
        self.text.clear();
        self.is_quoted = descriptor.has_utf8_name() && scheme == EscapingScheme::AllowUtf8;
        let name = descriptor.escaped_name(scheme);
        if self.is_quoted {
            push_escaped(&name, &mut self.text);
        } else {
            self.text.push_str(&name);
        }
    }

    /// Whether it stands in quotes, and in a sample behind the brace.
    pub(crate) fn is_quoted(&self) -> bool {
        self.is_quoted
    }

    /// The name by the scheme; where it is quoted, what stands between the quotes.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// A name of the family's as it stands in a comment: `"http.requests"` or `http_requests`.
    pub(crate) fn comment(&self, family: &str) -> String {
        let quote = if self.is_quoted { "\"" } else { "" };
        [quote, family, quote].concat()
    }

    /// The name of the samples with this suffix, which belongs to the text `family`, as a line begins with it: where it is
    /// quoted, behind the brace.
    pub(crate) fn sample(&self, family: &str, suffix: &str) -> String {
        let (before, after) = if self.is_quoted { ("{\"", "\"") } else { ("", "") };
        [before, family, suffix, after].concat()
    }
}

/// A label's name as it stands in a text format, in quotes where it needs them.
pub(crate) fn label_text(name: &str, scheme: EscapingScheme) -> String {
    let classic = EscapingScheme::Underscores.label_name(name);
    if scheme != EscapingScheme::AllowUtf8 || classic == name {
        return scheme.label_name(name).into_owned();
    }
    let mut text = String::from("\"");
    push_escaped(name, &mut text);
    text.push('"');
    text
}

/// Whether the sets' own texts hold the labels as a page of this scheme has them.
pub(crate) fn are_as_they_stand(labels: SeriesLabels<'_>, scheme: EscapingScheme) -> bool {
    match scheme {
        EscapingScheme::AllowUtf8 => true,
        EscapingScheme::Underscores | EscapingScheme::Values => !labels.has_utf8_names(),
        // It changes classic names too.
        EscapingScheme::Dots => labels.is_empty(),
    }
}

/// Appends the labels by this scheme, without braces.
pub(crate) fn push_labels(labels: SeriesLabels<'_>, scheme: EscapingScheme, page: &mut String) {
    let start = page.len();
    let separator = |page: &String| if page.len() == start { "" } else { "," };
    if are_as_they_stand(labels, scheme) {
        for set in labels.sets() {
            page.push_str(separator(page));
            let text = set.as_prometheus();
            page.push_str(text.get(1..text.len() - 1).unwrap_or_default());
        }
        return;
    }
    for (name, value) in labels.iter() {
        page.push_str(separator(page));
        page.push_str(&scheme.label_name(name));
        page.push_str("=\"");
        push_escaped(value, page);
        page.push('"');
    }
}

/// Appends what stands between quotes.
///
/// SPEC: Prometheus, "Exposition formats", text format details: backslash, double quote and line feed.
fn push_escaped(text: &str, page: &mut String) {
    for character in text.chars() {
        match character {
            '\\' => page.push_str("\\\\"),
            '"' => page.push_str("\\\""),
            '\n' => page.push_str("\\n"),
            other => page.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use nilometer_core::collect::{LabelSet, MetricType};

    use super::*;

    fn name(name: &str, scheme: EscapingScheme) -> FamilyName {
        let descriptor = Descriptor::try_new_utf8(name, "", MetricType::Counter).unwrap();
        let mut name = FamilyName::default();
        name.set(&descriptor, scheme);
        name
    }

    #[test]
    fn a_name_stands_in_quotes_only_where_it_needs_them() {
        let hostile = name("a\"b\\c\nd{}\t", EscapingScheme::AllowUtf8);
        assert_eq!(hostile.sample(hostile.text(), "_sum"), "{\"a\\\"b\\\\c\\nd{}\t_sum\"");
        assert_eq!(hostile.comment(hostile.text()), "\"a\\\"b\\\\c\\nd{}\t\"");
        for (scheme, expected) in [
            (EscapingScheme::AllowUtf8, "a_total"),
            (EscapingScheme::Underscores, "a_total"),
            (EscapingScheme::Dots, "a__total"),
            (EscapingScheme::Values, "a_total"),
        ] {
            let classic = name("a_total", scheme);
            assert_eq!(classic.sample(classic.text(), "_x"), format!("{expected}_x"));
            assert_eq!(classic.comment(classic.text()), expected);
        }
        assert_eq!(label_text("a.b", EscapingScheme::AllowUtf8), "\"a.b\"");
        assert_eq!(label_text("a_b", EscapingScheme::AllowUtf8), "a_b");
        assert_eq!(label_text("a.b", EscapingScheme::Underscores), "a_b");
    }

    #[test]
    fn labels_are_written_by_every_scheme() {
        let hostile = [("a.b", "\"\\\n"), ("c_d", "2"), ("\n\"", "3"), ("花火", "4")];
        let labels = LabelSet::try_from_utf8_pairs(&hostile).unwrap();
        for (scheme, expected) in [
            (EscapingScheme::AllowUtf8, "\"\\n\\\"\"=\"3\",\"a.b\"=\"\\\"\\\\\\n\",c_d=\"2\",\"花火\"=\"4\""),
            (
                EscapingScheme::Underscores,
                "U___a__22_=\"3\",a_b=\"\\\"\\\\\\n\",c_d=\"2\",U___82b1__706b_=\"4\"",
            ),
            (
                EscapingScheme::Dots,
                "U___a__22_=\"3\",a_dot_b=\"\\\"\\\\\\n\",c__d=\"2\",U___82b1__706b_=\"4\"",
            ),
            (
                EscapingScheme::Values,
                "U___a__22_=\"3\",U__a_2e_b=\"\\\"\\\\\\n\",c_d=\"2\",U___82b1__706b_=\"4\"",
            ),
        ] {
            let mut page = String::new();
            push_labels(SeriesLabels::of(&labels), scheme, &mut page);
            assert_eq!(page, expected, "{scheme}");
        }
    }

    #[test]
    fn labels_stand_as_they_are_where_no_name_changes() {
        let (classic, none) = (LabelSet::from_pairs(&[("a", "1")]), LabelSet::empty());
        for scheme in EscapingScheme::ALL {
            assert_eq!(are_as_they_stand(SeriesLabels::of(&classic), scheme), scheme != EscapingScheme::Dots);
            assert!(are_as_they_stand(SeriesLabels::of(&none), scheme));
            let mut page = String::new();
            push_labels(SeriesLabels::of(&none), scheme, &mut page);
            push_labels(SeriesLabels::of(&classic), scheme, &mut page);
            assert_eq!(page, "a=\"1\"");
        }
    }
}
