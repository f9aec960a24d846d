//! Answers for servers that are no tower services.

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use nilometer_core::collect::{Collector, Stopped};

use super::answer::{describe, method_not_allowed, plain};
use super::filter::Filter;
use crate::chunk::Output;
use crate::compress::{CODINGS, Compressed};
use crate::format::Exposition;
use crate::negotiate::negotiate_coding;
use crate::page::PageEncoder;

/// Answers a request for a page, for servers that are no tower services, blocking ones among them: whole and in memory.
///
/// Format, compression and the filters `name[]` and `exclude[]` are those that the request asks for, as with
/// [`MetricsService`](crate::MetricsService). Neither the path nor credentials are looked at, nor are there limits: which
/// requests come here, and how many at a time, is for the server to say. The page has nothing but what the collector shows. The answer is 200, 400 for a filter that cannot be read, 405 for
/// other methods than GET and HEAD, or 500 when the collector fails; the caller's thread collects. For pages of
/// megabytes, use [`PageEncoder`](crate::PageEncoder), which streams.
///
/// # Panics
///
/// When the collector does.
///
/// # Examples
///
/// ```
/// # use nilometer_core::collect::*;
/// # struct Uptime;
/// # impl Collector for Uptime {
/// #     fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
/// #         visitor.family(&Descriptor::try_new("uptime_seconds", "Time since start.", MetricType::Gauge)?)?;
/// #         Ok(visitor.point(SeriesLabels::of(&LabelSet::empty()), GaugePoint::new(2.5).into())?)
/// #     }
/// # }
/// let request = http::Request::get("/metrics?name[]=uptime_seconds").body(())?;
/// let response = nilometer_prometheus::respond(&Uptime, &request);
/// assert_eq!(response.status(), 200);
/// assert!(response.body().ends_with(b"\nuptime_seconds 2.5\n"));
/// # Ok::<(), http::Error>(())
/// ```
#[must_use]
pub fn respond<C: Collector + ?Sized, B>(collector: &C, request: &Request<B>) -> Response<Vec<u8>> {
    let head = request.method() == Method::HEAD;
    if !head && request.method() != Method::GET {
        return method_not_allowed().map(Vec::from);
    }
    let filter = match Filter::parse(request.uri().query().unwrap_or_default()) {
        Ok(filter) => filter,
        Err(error) => return plain(StatusCode::BAD_REQUEST, error.to_string(), head).map(Vec::from),
    };
    let lines = |name| request.headers().get_all(name).into_iter().map(HeaderValue::as_bytes);
    let exposition = Exposition::negotiate(lines(ACCEPT));
    let coding = negotiate_coding(lines(ACCEPT_ENCODING), CODINGS.as_slice());
    let mut page = Vec::new();
    let keep = |piece: Vec<u8>| {
        page.extend(piece);
        Ok(())
    };
    let written = match coding {
        Some(coding) => write(collector, &filter, exposition, Compressed::new(coding, keep)),
        None => write(collector, &filter, exposition, keep),
    };
    if !written {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, "the collector failed\n", head).map(Vec::from);
    }
    let length = page.len();
    let mut response = Response::new(if head { Vec::new() } else { page });
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    describe(response.headers_mut(), exposition, coding, true);
    response
}

/// Writes a page; tells whether it is whole.
fn write<C: Collector + ?Sized>(
    collector: &C,
    filter: &Filter,
    exposition: Exposition,
    output: impl Output,
) -> bool {
    let mut encoder = PageEncoder::new(exposition, output);
    let written: Result<(), Stopped> = match filter.collect(collector, &mut encoder) {
        Ok(()) => encoder.finish(),
        Err(_) => Err(Stopped),
    };
    written.is_ok()
}
