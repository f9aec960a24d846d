//! Requests of all manner, answered by the tower service: the status is the documented one, nobody is let in who may not
//! be, and the page is what its headers say and holds what the filter permits.
#![no_main]

use std::sync::OnceLock;

use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, AUTHORIZATION, HeaderName, HeaderValue, WWW_AUTHENTICATE,
};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use http::{Method, Request, Uri, Version};
use http_body_util::BodyExt as _;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use nilometer_core::collect::Collector as _;
use nilometer_fuzz::accept::{Coding, Range, lines};
use nilometer_fuzz::page::decoded;
use nilometer_fuzz::request::{Credentials, PASSWORD, Query, TOKEN, USER, may_see, version};
use nilometer_fuzz::served::{FAMILIES, Page};
use nilometer_prometheus::{AuthConfig, Exposition, Format, MetricsService, ServerConfig};
use nilometer_tests::read_back::{Kept, expected, found};
use tokio::runtime::{Builder, Runtime};
use tower_service::Service as _;

#[derive(Arbitrary, Debug)]
struct Input {
    method: u8,
    path: Path,
    query: Option<Query>,
    version: u8,
    accept: Lines<Range>,
    accept_encoding: Lines<Coding>,
    credentials: Credentials,
    has_credentials: bool,
    is_long: u8,
    /// How many pieces of the body are read.
    pieces: u8,
}

#[derive(Arbitrary, Debug)]
enum Path {
    Page,
    Health,
    Other(Vec<u8>),
}

#[derive(Arbitrary, Debug)]
enum Lines<T> {
    Formed(Vec<Vec<T>>),
    Raw(Vec<Vec<u8>>),
}

impl<T: Copy> Lines<T> {
    fn values(&self, text: fn(T) -> String) -> Vec<HeaderValue> {
        let lines = match self {
            Lines::Formed(lists) => lines(lists, text).into_iter().map(String::into_bytes).collect(),
            Lines::Raw(lines) => lines.clone(),
        };
        lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok()).collect()
    }
}

/// What is asked, one after the other.
struct Services {
    runtime: Runtime,
    open: [MetricsService<Page>; 2],
    guarded: [MetricsService<Page>; 2],
}

fn services() -> &'static Services {
    static SERVICES: OnceLock<Services> = OnceLock::new();
    SERVICES.get_or_init(|| {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        // A scrape that nobody reads ends a moment later than its reader.
        let config = ServerConfig::new()
            .with_own_metrics(false)
            .with_shared_page_limit(64 * 1024)
            .with_scrape_limit(1000);
        let hash = bcrypt::hash(PASSWORD, 4).expect("a hash");
        let auth = AuthConfig::new().with_user(USER, hash).with_bearer_token(TOKEN);
        let made = |config: &ServerConfig| {
            [Page::SHORT, Page::LONG].map(|page| MetricsService::try_new(page, config).expect("a service"))
        };
        Services { runtime, open: made(&config), guarded: made(&config.with_auth(auth)) }
    })
}

const METHODS: [Method; 8] = [
    Method::GET,
    Method::GET,
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::OPTIONS,
    Method::CONNECT,
    Method::TRACE,
];

impl Input {
    fn uri(&self) -> Option<(Uri, Option<bool>)> {
        let mut target = match &self.path {
            Path::Page => b"/metrics".to_vec(),
            Path::Health => b"/health".to_vec(),
            Path::Other(bytes) => bytes.clone(),
        };
        let mut is_filter = None;
        match self.query.as_ref().map(|query| query.written(FAMILIES)) {
            None if !target.contains(&b'?') => is_filter = Some(true),
            None => {}
            Some((query, wanted)) => {
                target.push(b'?');
                target.extend(query);
                is_filter = wanted.map(|wanted| wanted.is_filter());
            }
        }
        Some((Uri::try_from(target).ok()?, is_filter))
    }
}

/// The lines of a header.
fn add(headers: &mut HeaderMap, name: &HeaderName, values: Vec<HeaderValue>) {
    for value in values {
        headers.append(name, value);
    }
}

fuzz_target!(|input: Input| {
    let Some((uri, is_filter)) = input.uri() else { return };
    let credentials: Vec<Vec<u8>> = input
        .credentials
        .headers()
        .into_iter()
        .filter(|bytes| HeaderValue::from_bytes(bytes).is_ok())
        .collect();
    let mut request = Request::new(());
    *request.method_mut() = METHODS[usize::from(input.method) % METHODS.len()].clone();
    *request.version_mut() = version(input.version);
    *request.uri_mut() = uri.clone();
    let (accept, codings) = (input.accept.values(Range::text), input.accept_encoding.values(Coding::text));
    add(request.headers_mut(), &ACCEPT, accept.clone());
    add(request.headers_mut(), &ACCEPT_ENCODING, codings);
    let values = credentials.iter().filter_map(|bytes| HeaderValue::from_bytes(bytes).ok()).collect();
    add(request.headers_mut(), &AUTHORIZATION, values);

    let services = services();
    let is_long = input.is_long % 64 == 33;
    let service = if input.has_credentials { &services.guarded } else { &services.open };
    let (method, is_framed) = (request.method().clone(), request.version() > Version::HTTP_10);
    let is_whole = input.pieces >= 16;
    let (head, body) = services.runtime.block_on(async {
        let response = service[usize::from(is_long)].clone().call(request).await.expect("an answer");
        let (head, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        let mut pieces = input.pieces;
        while is_whole || pieces > 0 {
            pieces = pieces.wrapping_sub(1);
            let Some(frame) = body.frame().await else { break };
            bytes.extend(frame.expect("a page that does not break off").into_data().expect("data"));
        }
        (head, bytes)
    });

    let (status, headers) = (head.status.as_u16(), head.headers);
    let is_read = matches!(method, Method::GET | Method::HEAD);
    let allowed = match uri.path() {
        "/health" if is_read => &[200][..],
        "/health" => &[405],
        _ if input.has_credentials && !may_see(&credentials) => &[401],
        "/metrics" if !is_read => &[405],
        "/metrics" => match is_filter {
            Some(true) => &[200][..],
            Some(false) => &[400],
            None => &[200, 400],
        },
        _ => &[404],
    };
    assert!(allowed.contains(&status), "{status} instead of {allowed:?}");
    assert_eq!(headers.contains_key(WWW_AUTHENTICATE), status == 401);
    assert_eq!(headers.contains_key(ALLOW), status == 405);
    if method == Method::HEAD || !is_whole {
        assert!(method != Method::HEAD || body.is_empty(), "a body for HEAD");
        return;
    }
    match headers.get(CONTENT_LENGTH) {
        Some(length) => assert_eq!(length, &body.len().to_string()),
        None => assert!(status == 200 && is_long, "nobody knows how long it is"),
    }
    if status != 200 || uri.path() != "/metrics" {
        assert_eq!(headers[CONTENT_TYPE], "text/plain; charset=utf-8");
        return;
    }

    let asked = Exposition::negotiate(accept.iter().map(HeaderValue::as_bytes));
    let exposition =
        if asked.format() == Format::Protobuf && !is_framed { Exposition::default() } else { asked };
    assert_eq!(headers[CONTENT_TYPE], exposition.content_type());
    let coding = headers.get(CONTENT_ENCODING).map(|coding| coding.to_str().expect("a word"));
    let page = decoded(coding, body);
    let mut kept = Kept::default();
    let shown = if is_long { Page::LONG } else { Page::SHORT };
    shown.collect(&mut kept).expect("points");
    let read = found(&page, exposition, &kept);
    match input.query.as_ref().map(|query| query.written(FAMILIES).1) {
        None if is_filter.is_some() => {}
        Some(Some(wanted)) => kept.0.retain(|family| {
            let is_its = |names: &&&[&str]| names[0] == family.descriptor.name();
            wanted.permits(FAMILIES.iter().find(is_its).expect("a family of the page"))
        }),
        // What other bytes ask for is not known here: some of the families, then.
        _ => {
            let all = expected(&kept, exposition).0.heads;
            assert!(read.heads.iter().all(|head| all.contains(head)));
            return;
        }
    }
    assert_eq!(read, expected(&kept, exposition).0);
});
