//! What comes out of a connection, judged.

use std::collections::BTreeSet;

use nilometer_prometheus::test_util::parse_page;
use nilometer_tests::{openmetrics, protobuf};

use crate::page::decoded;

/// Those that the server says it answers with, and what it says of a head that is too long.
const STATUSES: [u16; 8] = [200, 400, 401, 404, 405, 431, 500, 503];

/// Whether a connection speaks HTTP/2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, or 1.0.
    One,
    /// HTTP/2.
    Two,
}

/// Reads all answers of a connection, the last of which may be cut short; returns how many there are.
///
/// # Panics
///
/// When they are no HTTP, or not of this server.
#[must_use]
pub fn judge(protocol: Protocol, mut answers: &[u8]) -> usize {
    if protocol == Protocol::Two {
        return frames(answers);
    }
    let mut count = 0;
    while let Some(rest) = one(answers) {
        answers = rest;
        count += 1;
    }
    count
}

/// Reads an answer; `None` where it is cut short, or there is none.
fn one(answers: &[u8]) -> Option<&[u8]> {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut head = httparse::Response::new(&mut headers);
    let length = match head.parse(answers).expect("a head") {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return None,
    };
    let status = head.code.expect("a status");
    assert!(STATUSES.contains(&status), "nobody documents {status}");
    let header = |name: &str| {
        let mut all = head.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        let value = all.next().map(|header| str::from_utf8(header.value).expect("a text"));
        assert!(all.next().is_none(), "{name} is there twice");
        value
    };
    let rest = &answers[length..];
    let (length, transfer) = (header("content-length"), header("transfer-encoding"));
    // What a page or a short text begins with, this is not: the answer to a HEAD request has no body.
    if rest.starts_with(b"HTTP/1.") {
        return Some(rest);
    }
    let (body, rest) = match (length, transfer) {
        (Some(length), None) => rest.split_at_checked(length.parse().expect("a length"))?,
        (None, Some("chunked")) => {
            let (body, rest) = chunks(rest)?;
            page(status, header("content-type"), header("content-encoding"), body);
            return Some(rest);
        }
        // It ends with the connection, if not before.
        (None, None) => return None,
        other => panic!("{other:?}"),
    };
    page(status, header("content-type"), header("content-encoding"), body.to_vec());
    Some(rest)
}

/// SPEC: RFC 9112, section 7.1, without extensions and trailers.
fn chunks(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let size = str::from_utf8(&rest[..end]).expect("a size");
        let size = usize::from_str_radix(size, 16).expect("a size");
        let (chunk, more) = rest[end + 2..].split_at_checked(size)?;
        let (line_end, more) = more.split_at_checked(2)?;
        assert_eq!(line_end, b"\r\n");
        if size == 0 {
            return Some((body, more));
        }
        body.extend(chunk);
        rest = more;
    }
}

fn page(status: u16, kind: Option<&str>, coding: Option<&str>, body: Vec<u8>) {
    if status != 200 || body.is_empty() {
        return;
    }
    let page = decoded(coding, body);
    let text = || str::from_utf8(&page).expect("a text");
    match kind.expect("a type") {
        "text/plain; charset=utf-8" => assert_eq!(page, b"OK"),
        kind if kind.starts_with("application/openmetrics-text") => {
            openmetrics::parse(text()).expect("a page");
        }
        kind if kind.starts_with("text/plain") => {
            parse_page(text()).expect("a page");
        }
        kind if kind.starts_with("application/vnd.google.protobuf") => {
            protobuf::parse(&page).expect("a page");
        }
        other => panic!("nobody knows the type {other}"),
    }
}

/// Reads the frames of HTTP/2; returns how many answers are complete.
///
/// SPEC: RFC 9113, sections 3.4, 4.1 and 6.
fn frames(mut answers: &[u8]) -> usize {
    let (mut open, mut begun, mut ended) = (BTreeSet::new(), BTreeSet::new(), 0);
    let mut is_first = true;
    while let Some((head, rest)) = answers.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (kind, flags) = (head[3], head[4]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        assert!(length <= 16_384, "a frame of {length} bytes");
        let Some((payload, rest)) = rest.split_at_checked(length) else { return ended };
        assert!(!is_first || kind == 4 && flags & 1 == 0, "settings come first, and not {head:?}");
        is_first = false;
        match kind {
            0 | 1 => {
                assert!(stream % 2 == 1, "a stream that the client cannot open");
                if kind == 1 {
                    assert!(begun.insert(stream), "a second head");
                    open.insert(stream);
                    assert_eq!(flags & 4, 4, "a head in one frame");
                    assert!(!payload.is_empty());
                }
                assert!(open.contains(&stream), "data without a head");
                if flags & 1 == 1 {
                    open.remove(&stream);
                    ended += 1;
                }
            }
            3 => {
                assert_eq!(length, 4);
                open.remove(&stream);
            }
            4 => assert_eq!((stream, length % 6), (0, 0)),
            6 => assert_eq!((stream, length), (0, 8)),
            7 => assert!(stream == 0 && length >= 8),
            8 => assert_eq!(length, 4),
            other => panic!("a frame of the type {other}"),
        }
        answers = rest;
    }
    ended
}
