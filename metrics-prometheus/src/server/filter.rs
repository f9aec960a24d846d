//! Which families a request asks for.

use std::sync::Arc;

use nilometer_core::collect::{
    CollectError, Collector, Descriptor, MetricType, Point, SeriesLabels, Stopped, Visitor,
};
use thiserror::Error;

/// How many names a request may give.
const NAMES: usize = 256;

/// The families that `name[]` and `exclude[]` in a request's query ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Filter(Arc<Names>);

#[derive(Debug, Default, PartialEq, Eq, Hash)]
struct Names {
    /// All, where it is empty.
    wanted: Vec<String>,
    excluded: Vec<String>,
}

/// Says why a query is no filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum FilterError {
    #[error("invalid percent-encoding or UTF-8 in the query\n")]
    Encoding,
    #[error("`name[]` and `exclude[]` need a name; a `*` may stand at its end alone\n")]
    Name,
    #[error("more than {NAMES} names\n")]
    TooMany,
}

impl Filter {
    /// Reads a query; parameters of other names are left alone.
    pub(crate) fn parse(query: &str) -> Result<Filter, FilterError> {
        let mut names = Names::default();
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let list = match &*decoded(key)? {
                "name[]" => &mut names.wanted,
                "exclude[]" => &mut names.excluded,
                _ => continue,
            };
            let value = decoded(value)?;
            let stem = value.strip_suffix('*').unwrap_or(&value);
            if value.is_empty() || stem.contains('*') || stem.contains(char::is_control) {
                return Err(FilterError::Name);
            }
            list.push(value);
        }
        if names.wanted.len() + names.excluded.len() > NAMES {
            return Err(FilterError::TooMany);
        }
        Ok(Filter(Arc::new(names)))
    }

    /// Shows `visitor` what of `collector` is asked for.
    pub(crate) fn collect(
        &self,
        collector: &(impl Collector + ?Sized),
        visitor: &mut dyn Visitor,
    ) -> Result<(), CollectError> {
        if self.0.wanted.is_empty() && self.0.excluded.is_empty() {
            return collector.collect(visitor);
        }
        collector.collect(&mut Sieve { filter: self, visitor, passes: true })
    }

    fn passes(&self, descriptor: &Descriptor) -> bool {
        let named = |names: &[String]| names.iter().any(|name| is_of(name, descriptor));
        (self.0.wanted.is_empty() || named(&self.0.wanted)) && !named(&self.0.excluded)
    }
}

/// Whether a name is that of a family, as a page of any format has it, or of one of its samples.
fn is_of(name: &str, descriptor: &Descriptor) -> bool {
    let family = descriptor.name();
    if let Some(stem) = name.strip_suffix('*') {
        return family.starts_with(stem);
    }
    if name == family {
        return true;
    }
    let suffixes: &[&str] = match descriptor.metric_type() {
        MetricType::Counter => return family.strip_suffix("_total") == Some(name),
        MetricType::Info => return family.strip_suffix("_info") == Some(name),
        MetricType::Histogram => &["_bucket", "_sum", "_count"],
        MetricType::GaugeHistogram => &["_bucket", "_sum", "_count", "_gsum", "_gcount"],
        MetricType::Summary => &["_sum", "_count"],
        _ => &[],
    };
    name.strip_prefix(family).is_some_and(|suffix| suffixes.contains(&suffix))
}

/// SPEC: WHATWG URL, section 5.1, except that what is no UTF-8 or no percent-encoding is an error.
fn decoded(text: &str) -> Result<String, FilterError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
                    return Err(FilterError::Encoding);
                };
                u8::try_from(high * 16 + low).map_err(|_| FilterError::Encoding)?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| FilterError::Encoding)
}

/// Lets the families through that are asked for.
struct Sieve<'a> {
    filter: &'a Filter,
    visitor: &'a mut dyn Visitor,
    passes: bool,
}

impl Visitor for Sieve<'_> {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        self.passes = self.filter.passes(descriptor);
        if self.passes { self.visitor.family(descriptor) } else { Ok(()) }
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        if self.passes { self.visitor.point(labels, point) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(query: &str) -> Vec<&'static str> {
        let filter = Filter::parse(query).unwrap();
        let families = [
            ("http_requests_total", MetricType::Counter),
            ("http_wait_seconds", MetricType::Histogram),
            ("up", MetricType::Gauge),
            ("build_info", MetricType::Info),
        ];
        let passes = |(name, kind): &(&str, MetricType)| {
            filter.passes(&Descriptor::try_new(*name, "Help.", *kind).unwrap())
        };
        families.iter().filter(|family| passes(family)).map(|(name, _)| *name).collect()
    }

    #[test]
    fn families_are_shown_that_are_asked_for_and_not_excluded() {
        let all = ["http_requests_total", "http_wait_seconds", "up", "build_info"];
        for (query, expected) in [
            ("", &all[..]),
            ("other=1&name=up", &all),
            ("name[]=up", &["up"]),
            ("name%5B%5D=up", &["up"]),
            ("name[]=u%70&name[]=nothing", &["up"]),
            ("name[]=http_*", &["http_requests_total", "http_wait_seconds"]),
            ("name[]=http_requests&name[]=build", &["http_requests_total", "build_info"]),
            ("name[]=http_wait_seconds_bucket", &["http_wait_seconds"]),
            ("name[]=up_bucket", &[]),
            ("exclude[]=http_*", &["up", "build_info"]),
            ("name[]=http_*&exclude[]=http_wait_seconds", &["http_requests_total"]),
            ("exclude[]=*", &[]),
        ] {
            assert_eq!(shown(query), expected, "{query}");
        }
    }

    #[test]
    fn what_is_no_filter_is_an_error() {
        let many = "name[]=a&".repeat(NAMES + 1);
        for (query, error) in [
            ("name[]=%", FilterError::Encoding),
            ("name[]=%4", FilterError::Encoding),
            ("name[]=%zz", FilterError::Encoding),
            ("name[]=%ff", FilterError::Encoding),
            ("%f", FilterError::Encoding),
            ("name[]", FilterError::Name),
            ("name[]=", FilterError::Name),
            ("exclude[]=", FilterError::Name),
            ("name[]=a*b", FilterError::Name),
            ("name[]=%00", FilterError::Name),
            (&many, FilterError::TooMany),
        ] {
            assert_eq!(Filter::parse(query), Err(error), "{query}");
        }
    }
}
