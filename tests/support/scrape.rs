//! A scrape without a server.

use nilometer_core::collect::Collector;
use nilometer_prometheus::PrometheusRenderer;

use crate::page::Page;

/// Renders what `collector` has as text format 0.0.4 and reads it back with the independent parser.
///
/// # Panics
///
/// When the page breaks a rule of the format; the message holds the page.
#[must_use]
#[expect(clippy::panic, reason = "a test whose page does not parse has failed")]
pub fn scrape(collector: &impl Collector) -> Page {
    let text = PrometheusRenderer::render_all(collector);
    Page::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}
