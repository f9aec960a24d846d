//! What a page can be written as.

use nilometer_core::collect::EscapingScheme;

macro_rules! content_type {
    ($type:literal, $escaping:expr) => {
        match $escaping {
            EscapingScheme::Underscores => concat!($type, "; escaping=underscores"),
            EscapingScheme::Dots => concat!($type, "; escaping=dots"),
            EscapingScheme::Values => concat!($type, "; escaping=values"),
            EscapingScheme::AllowUtf8 => concat!($type, "; escaping=allow-utf-8"),
        }
    };
}

/// The exposition formats.
///
/// # Examples
///
/// ```
/// use nilometer_prometheus::{Exposition, Format};
///
/// assert_eq!(
///     Exposition::new(Format::OpenMetrics).content_type(),
///     "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Format {
    /// The Prometheus text format, version 0.0.4, which every reader understands.
    #[default]
    Text,
    /// The Prometheus text format, version 1.0.0: the same lines, and a reader who says which names it takes.
    Text1,
    /// OpenMetrics text, version 1.0.0: units, info and state sets of their own, exemplars, and an end that shows.
    OpenMetrics,
    /// Delimited `io.prometheus.client.MetricFamily` messages: exponential histograms as they are, exemplars, created
    /// timestamps.
    Protobuf,
}

/// How a page is written: its format, and what the format leaves open.
///
/// # Examples
///
/// What a reader asks for in its `Accept` header:
///
/// ```
/// use nilometer_prometheus::{EscapingScheme, Exposition, Format};
///
/// let accept = b"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3";
/// let exposition = Exposition::negotiate([accept.as_slice()]);
/// assert_eq!(exposition, Exposition::new(Format::OpenMetrics).with_escaping(EscapingScheme::AllowUtf8));
///
/// assert_eq!(Exposition::negotiate([b"text/html, */*;q=0.8".as_slice()]), Exposition::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Exposition {
    format: Format,
    escaping: EscapingScheme,
    created: bool,
}

impl Exposition {
    /// A page in this format, whose names are escaped with underscores, without `_created` lines.
    #[must_use]
    pub const fn new(format: Format) -> Exposition {
        Exposition { format, escaping: EscapingScheme::Underscores, created: false }
    }

    /// Sets how names are escaped. The text format 0.0.4 has no quotes around names: there,
    /// [`AllowUtf8`](EscapingScheme::AllowUtf8) is taken for [`Underscores`](EscapingScheme::Underscores).
    #[must_use]
    pub const fn with_escaping(mut self, escaping: EscapingScheme) -> Exposition {
        self.escaping = match (self.format, escaping) {
            (Format::Text, EscapingScheme::AllowUtf8) => EscapingScheme::Underscores,
            (_, escaping) => escaping,
        };
        self
    }

    /// Sets whether OpenMetrics text has a `_created` line for each series whose beginning is known.
    ///
    /// Off by default: Prometheus 2 stores those lines as series of their own, and so does Prometheus 3 unless it is
    /// told to take them for what they are. In protobuf, created timestamps are always there; the other text formats
    /// have none.
    #[must_use]
    pub const fn with_created(mut self, created: bool) -> Exposition {
        self.created = created;
        self
    }

    /// The format.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// How names are escaped.
    #[must_use]
    pub const fn escaping(&self) -> EscapingScheme {
        self.escaping
    }

    /// Whether OpenMetrics text has `_created` lines.
    #[must_use]
    pub const fn created(&self) -> bool {
        self.created
    }

    /// The content type of the page, with the escaping scheme, which 0.0.4 has only where it is not underscores: it knew of
    /// no schemes once.
    #[must_use]
    pub const fn content_type(&self) -> &'static str {
        match self.format {
            Format::Text if matches!(self.escaping, EscapingScheme::Underscores) => TEXT_CONTENT_TYPE,
            Format::Text => content_type!("text/plain; version=0.0.4; charset=utf-8", self.escaping),
            Format::Text1 => content_type!("text/plain; version=1.0.0; charset=utf-8", self.escaping),
            Format::OpenMetrics => {
                content_type!("application/openmetrics-text; version=1.0.0; charset=utf-8", self.escaping)
            }
            Format::Protobuf => content_type!(
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
                self.escaping
            ),
        }
    }
}

/// The content type of the text format 0.0.4.
pub const TEXT_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_names_the_scheme_that_is_used() {
        let schemes = ["underscores", "dots", "values", "allow-utf-8"];
        for name in schemes {
            let scheme = name.to_uppercase().parse::<EscapingScheme>().unwrap();
            assert_eq!(scheme.as_str(), name);
            for format in [Format::Text1, Format::OpenMetrics, Format::Protobuf] {
                let content_type = Exposition::new(format).with_escaping(scheme).content_type();
                assert_eq!(content_type.split("; ").last(), Some(&*format!("escaping={name}")));
            }
        }
        assert!("none".parse::<EscapingScheme>().is_err());
    }

    #[test]
    fn names_are_never_quoted_in_0_0_4() {
        let text = Exposition::default().with_escaping(EscapingScheme::AllowUtf8);
        assert_eq!(text, Exposition::default());
        assert_eq!(text.content_type(), TEXT_CONTENT_TYPE);
        let values = text.with_escaping(EscapingScheme::Values);
        assert_eq!(values.content_type(), format!("{TEXT_CONTENT_TYPE}; escaping=values"));
    }
}
