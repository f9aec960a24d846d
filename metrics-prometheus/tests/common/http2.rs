//! HTTP/2 without TLS, by a client that does as it should, and frame by frame.

use std::net::SocketAddr;

use http::Request;
use http_body_util::Empty;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

pub(crate) type Body = Empty<&'static [u8]>;

/// A client that does as it should.
pub(crate) async fn http2(address: SocketAddr) -> SendRequest<Body> {
    http2_over(TcpStream::connect(address).await.unwrap()).await
}

pub(crate) async fn http2_over(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> SendRequest<Body> {
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(format!("https://localhost{path}")).body(Empty::new()).unwrap()
}

/// What a client sends first: the preface, and settings of which this is the payload.
///
/// SPEC: RFC 9113, section 3.4.
pub(crate) fn preface(settings: &[u8]) -> Vec<u8> {
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &*frame(4, 0, 0, settings)].concat()
}

/// SPEC: RFC 9113, section 4.1.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The head of a request of the page; it is the whole of it where `ends`.
///
/// SPEC: RFC 7541, appendix A: GET, http and the name of the path; section 6.2.2: a value as it is.
pub(crate) fn head(stream: u32, ends: bool) -> Vec<u8> {
    frame(1, if ends { 5 } else { 4 }, stream, b"\x82\x86\x04\x08/metrics")
}

/// The end of a stream before its end.
pub(crate) fn reset(stream: u32) -> Vec<u8> {
    frame(3, 0, stream, &[0, 0, 0, 8])
}
