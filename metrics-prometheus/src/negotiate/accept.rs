//! The format that an `Accept` header asks for.

use super::header::{Member, members};
use nilometer_core::collect::EscapingScheme;

use crate::format::{Exposition, Format};

impl Exposition {
    /// Chooses by the lines of a request's `Accept` header: what has the highest quality, and of several the first.
    ///
    /// The formats other than 0.0.4 are given to those alone who name them; a wildcard, a header that makes no sense, and
    /// none at all get the text format 0.0.4, with which everybody can do something. Whatever the lines hold, there is an
    /// answer.
    ///
    /// `escaping` counts where it stands. As Prometheus 3.5 has it at its text formats only, protobuf without it is
    /// escaped as the text formats in the same header would be.
    ///
    /// # Specification
    ///
    /// RFC 9110, section 12.5.1, and Prometheus, "Content negotiation".
    #[must_use]
    pub fn negotiate<'a>(accept: impl IntoIterator<Item = &'a [u8]>) -> Exposition {
        let mut best: Option<(u16, Format, Option<EscapingScheme>)> = None;
        let mut elsewhere = None;
        for member in members(accept) {
            let escaping =
                member.parameter("escaping").and_then(|scheme| scheme.parse::<EscapingScheme>().ok());
            elsewhere = elsewhere.or(escaping);
            let Some(format) = format(&member) else { continue };
            if member.quality > best.map_or(0, |(quality, ..)| quality) {
                best = Some((member.quality, format, escaping));
            }
        }
        let Some((_, format, escaping)) = best else { return Exposition::default() };
        let escaping = if format == Format::Protobuf { escaping.or(elsewhere) } else { escaping };
        Exposition::new(format).with_escaping(escaping.unwrap_or_default())
    }
}

/// The format that a media range stands for.
fn format(range: &Member<'_>) -> Option<Format> {
    let is = |name: &str| range.name.eq_ignore_ascii_case(name);
    let has = |parameter, value: &str| {
        range.parameter(parameter).is_some_and(|found| found.eq_ignore_ascii_case(value))
    };
    if is("*/*") || is("text/*") {
        return Some(Format::Text);
    }
    if is("text/plain") {
        return match range.parameter("version") {
            None | Some("0.0.4") => Some(Format::Text),
            Some("1.0.0") => Some(Format::Text1),
            Some(_) => None,
        };
    }
    if is("application/openmetrics-text") {
        return matches!(range.parameter("version"), None | Some("1.0.0")).then_some(Format::OpenMetrics);
    }
    let is_protobuf = is("application/vnd.google.protobuf")
        && has("proto", "io.prometheus.client.MetricFamily")
        && has("encoding", "delimited");
    is_protobuf.then_some(Format::Protobuf)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiate(lines: &[&str]) -> (Format, EscapingScheme) {
        let exposition = Exposition::negotiate(lines.iter().map(|line| line.as_bytes()));
        (exposition.format(), exposition.escaping())
    }

    use EscapingScheme::{AllowUtf8, Dots, Underscores, Values};
    use Format::{OpenMetrics, Protobuf, Text, Text1};

    #[test]
    fn prometheus_2_and_3_get_what_they_want_most() {
        for (accept, expected) in [
            // 2.42, plain and with `--enable-feature=native-histograms`.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                (OpenMetrics, Underscores),
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                (Protobuf, Underscores),
            ),
            // 2.49 and later.
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                (OpenMetrics, Underscores),
            ),
            // 3.0, which has the scheme everywhere.
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;escaping=allow-utf-8;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.2,*/*;q=0.1",
                (Protobuf, AllowUtf8),
            ),
            // 3.5: plain, protobuf first, `metric_name_escaping_scheme: values`, and single `scrape_protocols`.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                (OpenMetrics, AllowUtf8),
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                (Protobuf, AllowUtf8),
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=values;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4",
                (OpenMetrics, Values),
            ),
            ("text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.5", (Text1, AllowUtf8)),
            ("text/plain;version=0.0.4;q=0.6,*/*;q=0.5", (Text, Underscores)),
            ("application/openmetrics-text;version=0.0.1;q=0.6,*/*;q=0.5", (Text, Underscores)),
        ] {
            assert_eq!(negotiate(&[accept]), expected, "{accept}");
        }
    }

    #[test]
    fn who_names_no_format_gets_0_0_4() {
        for accept in [
            &[] as &[&str],
            &[""],
            &["*/*"],
            &["text/*"],
            &["text/plain"],
            &["application/*"],
            &["application/json"],
            &["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"],
        ] {
            assert_eq!(negotiate(accept), (Text, Underscores), "{accept:?}");
        }
    }

    #[test]
    fn quality_decides_and_then_the_order() {
        let open_metrics = "application/openmetrics-text";
        let text1 = "text/plain;version=1.0.0";
        for (accept, expected) in [
            (format!("{open_metrics};q=0.4,{text1};q=0.5"), Text1),
            (format!("{open_metrics};q=0.50,{text1};q=0.5"), OpenMetrics),
            (format!("{text1},{open_metrics}"), Text1),
            (format!("{open_metrics};q=0,{text1};q=0.001"), Text1),
            (format!("{open_metrics};q=0"), Text),
            (format!("*/*;q=0.9,{open_metrics};q=0.8"), Text),
            (format!("{open_metrics};q=0.8,*/*;q=0.1"), OpenMetrics),
            (format!("{open_metrics};q=x,{text1};q=0.1"), Text1),
        ] {
            assert_eq!(negotiate(&[&accept]).0, expected, "{accept}");
        }
        assert_eq!(negotiate(&["text/plain;q=0.5", open_metrics]).0, OpenMetrics, "on two lines");
    }

    #[test]
    fn every_parameter_of_a_format_has_to_be_there_and_right() {
        let protobuf = "application/vnd.google.protobuf";
        let family = "proto=io.prometheus.client.MetricFamily";
        for (accept, expected) in [
            (format!("{protobuf};{family};encoding=delimited"), Protobuf),
            (format!("{};ENCODING=Delimited ; {family}", protobuf.to_uppercase()), Protobuf),
            (
                format!("{protobuf};proto=\"io.prometheus.client.MetricFamily\";encoding=\"delimited\""),
                Protobuf,
            ),
            (format!("{protobuf};{family};encoding=text"), Text),
            (format!("{protobuf};{family}"), Text),
            (format!("{protobuf};encoding=delimited"), Text),
            (format!("{protobuf};proto=io.prometheus.write.v2.Request;encoding=delimited"), Text),
            ("application/openmetrics-text;version=2.0.0".to_owned(), Text),
            ("text/plain;version=9".to_owned(), Text),
        ] {
            assert_eq!(negotiate(&[&accept]).0, expected, "{accept}");
        }
    }

    #[test]
    fn an_escaping_scheme_that_nobody_knows_is_underscores() {
        for (accept, expected) in [
            ("text/plain;version=1.0.0;escaping=dots", (Text1, Dots)),
            ("text/plain;version=1.0.0;escaping=rot13", (Text1, Underscores)),
            ("text/plain;version=0.0.4;escaping=values", (Text, Values)),
            ("text/plain;version=0.0.4;escaping=allow-utf-8", (Text, Underscores)),
        ] {
            assert_eq!(negotiate(&[accept]), expected, "{accept}");
        }
    }

    #[test]
    fn hostile_headers_get_0_0_4() {
        let long = "a/b;c=\"".repeat(10_000);
        let deep = ";".repeat(100_000);
        for accept in [";;;", "\"", "text/plain;version=\"", ",,,;q=,", "/", "*", "q=1", "\0", &long, &deep] {
            assert_eq!(negotiate(&[accept]), (Text, Underscores));
        }
        assert_eq!(
            Exposition::negotiate([b"\xff\xfe".as_slice(), b"application/\xc3("]),
            Exposition::default()
        );
    }
}
