//! What the collector prints of the spans that it receives.

use std::collections::BTreeMap;

use super::lines::within;

/// A span as the collector prints it; ids are lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReceivedSpan {
    /// The attributes of its resource, as `Str(checkout)`, like all attributes.
    pub resource: BTreeMap<String, String>,
    /// The name of its instrumentation scope.
    pub scope: String,
    /// The id of its trace.
    pub trace_id: String,
    /// Its own id.
    pub id: String,
    /// Empty where there is none.
    pub parent_id: String,
    /// Its name.
    pub name: String,
    /// `SPAN_KIND_CLIENT` ...
    pub kind: String,
    /// `STATUS_CODE_ERROR` ...
    pub status: String,
    /// What is said about the status.
    pub status_message: String,
    /// Its own attributes.
    pub attributes: BTreeMap<String, String>,
    /// The trace id and the span id of each link.
    pub links: Vec<(String, String)>,
    /// The name and the attributes of each event.
    pub events: Vec<(String, BTreeMap<String, String>)>,
}

impl ReceivedSpan {
    /// The one span of this name.
    ///
    /// # Panics
    ///
    /// When there is none, or another one.
    #[must_use]
    pub fn named<'a>(spans: &'a [ReceivedSpan], name: &str) -> &'a ReceivedSpan {
        let found = spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
        assert_eq!(found.len(), 1, "{name}: {spans:#?}");
        found[0]
    }
}

/// Which list a line that begins with an arrow belongs to.
#[derive(Debug, Clone, Copy)]
enum List {
    Resource,
    Attributes,
    Events,
    Links,
}

/// Reads the spans out of what was printed; other lines are skipped.
pub(super) fn spans(output: &str) -> Vec<ReceivedSpan> {
    let mut spans: Vec<ReceivedSpan> = Vec::new();
    let mut of = ReceivedSpan::default();
    let mut list = List::Resource;
    for line in within(output, "ResourceSpans #") {
        if line.starts_with("ResourceSpans #") {
            of = ReceivedSpan::default();
            list = List::Resource;
        } else if let Some(scope) = line.strip_prefix("InstrumentationScope ") {
            scope.trim().clone_into(&mut of.scope);
        } else if line.starts_with("Span #") {
            spans.push(of.clone());
        } else if line == "Attributes:" {
            list = List::Attributes;
        } else if line == "Events:" {
            list = List::Events;
        } else if line == "Links:" {
            list = List::Links;
        } else if let Some((name, value)) =
            line.trim().strip_prefix("-> ").and_then(|pair| pair.split_once(": "))
        {
            let (name, value) = (name.to_owned(), value.to_owned());
            let nested = line.starts_with("          ");
            match (list, spans.last_mut()) {
                (List::Resource, _) => drop(of.resource.insert(name, value)),
                (List::Attributes, Some(span)) => drop(span.attributes.insert(name, value)),
                (List::Events, Some(span)) if !nested && name == "Name" => {
                    span.events.push((value, BTreeMap::new()));
                }
                (List::Events, Some(span)) if nested => {
                    if let Some((_, attributes)) = span.events.last_mut() {
                        attributes.insert(name, value);
                    }
                }
                (List::Links, Some(span)) if name == "Trace ID" => span.links.push((value, String::new())),
                (List::Links, Some(span)) if name == "ID" => {
                    if let Some((_, id)) = span.links.last_mut() {
                        *id = value;
                    }
                }
                _ => {}
            }
        } else if let (Some((name, value)), Some(span)) = (line.split_once(':'), spans.last_mut()) {
            let field = match name.trim() {
                "Trace ID" => &mut span.trace_id,
                "Parent ID" => &mut span.parent_id,
                "ID" => &mut span.id,
                "Name" => &mut span.name,
                "Kind" => &mut span.kind,
                "Status code" => &mut span.status,
                "Status message" => &mut span.status_message,
                _ => continue,
            };
            value.trim().clone_into(field);
        }
    }
    spans
}
