//! What answers say besides their page, whoever sends them.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, VARY};
use http::{Response, StatusCode};

use crate::compress::Coding;
use crate::format::Exposition;

/// A short text.
pub(super) fn plain(status: StatusCode, text: impl Into<Bytes>, head: bool) -> Response<Bytes> {
    let text = text.into();
    let length = text.len();
    let mut response = Response::new(if head { Bytes::new() } else { text });
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// The answer to a method that is neither GET nor HEAD.
pub(super) fn method_not_allowed() -> Response<Bytes> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n", false);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// Says what a page is written as; `compressible` is whether another `Accept-Encoding` might have got another one.
pub(super) fn describe(
    headers: &mut HeaderMap,
    exposition: Exposition,
    coding: Option<&Coding>,
    compressible: bool,
) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(exposition.content_type()));
    if let Some(coding) = coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    }
    // SPEC: RFC 9110, section 12.5.5.
    let vary = if compressible { "accept, accept-encoding" } else { "accept" };
    headers.insert(VARY, HeaderValue::from_static(vary));
}
