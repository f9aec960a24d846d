//! The service's answers to those who ask for other formats, and for compression.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::Read as _;

use common::http::{bare, serving};
use common::{Closure, Rows, endless, told};
use flate2::read::GzDecoder;
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::BodyExt as _;
use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, LabelSet, MetricType, SeriesLabels, Visitor,
};
use nilometer_prometheus::{
    EscapingScheme, Exposition, Format, MetricsBody, MetricsService, PrometheusRenderer, TruncatedPage,
};
use tower::ServiceExt as _;

type Headers<'a> = &'a [(&'a str, &'a [u8])];

async fn ask_as<C: Collector + 'static>(
    service: &MetricsService<C>,
    (method, version): (Method, Version),
    headers: Headers<'_>,
) -> Response<MetricsBody> {
    let mut request = Request::builder().method(method).version(version).uri("/metrics");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    service.clone().oneshot(request.body(()).unwrap()).await.unwrap()
}

async fn ask<C: Collector + 'static>(
    service: &MetricsService<C>,
    headers: Headers<'_>,
) -> Response<MetricsBody> {
    ask_as(service, (Method::GET, Version::HTTP_11), headers).await
}

async fn bytes(response: Response<MetricsBody>) -> Vec<u8> {
    response.into_body().collect().await.unwrap().to_bytes().to_vec()
}

fn header<'a>(response: &'a Response<MetricsBody>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

fn unzip(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut decoder = GzDecoder::new(bytes);
    decoder.read_to_end(&mut text).unwrap();
    assert!(decoder.into_inner().is_empty(), "something follows the end");
    text
}

fn rows(series: u64) -> Rows<fn() -> Result<(), CollectError>> {
    Rows { series, end: || Ok(()) }
}

/// What Prometheus 3.5 sends when protobuf comes first.
const PROTOBUF_FIRST: &[u8] = b"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";

#[tokio::test]
async fn the_page_is_in_the_format_that_is_asked_for_and_says_so() {
    let service = serving(rows(3));
    for (accept, format, content_type) in [
        (&b""[..], Format::Text, "text/plain; version=0.0.4; charset=utf-8"),
        (b"*/*", Format::Text, "text/plain; version=0.0.4; charset=utf-8"),
        (b"\xff\xfe;;,q", Format::Text, "text/plain; version=0.0.4; charset=utf-8"),
        (
            b"text/plain;version=1.0.0;escaping=dots",
            Format::Text1,
            "text/plain; version=1.0.0; charset=utf-8; escaping=dots",
        ),
        (
            b"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            Format::OpenMetrics,
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
        (
            PROTOBUF_FIRST,
            Format::Protobuf,
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=allow-utf-8",
        ),
    ] {
        let response = ask(&service, &[("accept", accept)]).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "content-type"), Some(content_type));
        assert_eq!(header(&response, "vary"), Some("accept, accept-encoding"));
        assert_eq!(header(&response, "content-encoding"), None);
        // This scheme changes classic names, too.
        let scheme = if content_type.ends_with("dots") { EscapingScheme::Dots } else { EscapingScheme::Underscores };
        let exposition = Exposition::new(format).with_escaping(scheme);
        let expected = PrometheusRenderer::render_as(&rows(3), exposition).unwrap();
        assert_eq!(bytes(response).await, expected, "{content_type}");
    }
}

#[tokio::test]
async fn pages_of_any_size_and_format_are_compressed_for_those_who_accept_it() {
    for (series, limit) in [(0, 384 * 1024), (3, 384 * 1024), (20_000, 384 * 1024), (3, 0), (20_000, 0)] {
        let config = bare().with_shared_page_limit(limit);
        let service = MetricsService::try_new(rows(series), &config).unwrap();
        for (accept, format) in [(&b"*/*"[..], Format::Text), (PROTOBUF_FIRST, Format::Protobuf)] {
            let headers: Headers<'_> = &[("accept", accept), ("accept-encoding", b"br;q=1, gzip;q=0.8")];
            let response = ask(&service, headers).await;
            assert_eq!(header(&response, "content-encoding"), Some("gzip"));
            assert_eq!(header(&response, "vary"), Some("accept, accept-encoding"));
            let length: Option<usize> =
                header(&response, "content-length").map(|length| length.parse().unwrap());
            let page = bytes(response).await;
            assert!(length.is_none_or(|length| length == page.len()));
            assert_eq!(length.is_some(), page.len() <= limit.max(32 * 1024), "{} bytes", page.len());
            let expected = PrometheusRenderer::render_as(&rows(series), Exposition::new(format)).unwrap();
            assert!(series < 10 || page.len() < expected.len() / 5);
            assert!(unzip(&page) == expected);

            let head = ask_as(&service, (Method::HEAD, Version::HTTP_11), headers).await;
            assert_eq!(header(&head, "content-encoding"), Some("gzip"));
            assert_eq!(header(&head, "content-length").map(|length| length.parse().unwrap()), length);
            assert!(bytes(head).await.is_empty());
        }
    }
}

#[tokio::test]
async fn compression_is_off_where_it_is_not_wanted() {
    let config = bare().with_compression(false);
    let off = MetricsService::try_new(rows(3), &config).unwrap();
    let on = serving(rows(3));
    let page = PrometheusRenderer::render_all(&rows(3)).into_bytes();
    for (service, accept, vary) in [
        (&off, &b"gzip"[..], "accept"),
        (&on, b"identity", "accept, accept-encoding"),
        (&on, b"gzip;q=0", "accept, accept-encoding"),
        (&on, b"\xffgzip", "accept, accept-encoding"),
    ] {
        let response = ask(service, &[("accept-encoding", accept)]).await;
        assert_eq!(header(&response, "content-encoding"), None);
        assert_eq!(header(&response, "vary"), Some(vary));
        assert_eq!(bytes(response).await, page);
    }
}

#[tokio::test]
async fn created_lines_are_there_if_the_configuration_says_so() {
    let collector = || {
        Closure(|visitor: &mut dyn Visitor| {
            visitor.family(&Descriptor::try_new("a_total", "A.", MetricType::Counter)?)?;
            let point = CounterPoint::new(1_u64).with_created(std::time::SystemTime::UNIX_EPOCH);
            Ok(visitor.point(SeriesLabels::of(&LabelSet::empty()), point.into())?)
        })
    };
    let config = bare().with_created_lines(true);
    let head = "# HELP a A.\n# TYPE a counter\na_total 1\n";
    for (service, expected) in [
        (serving(collector()), format!("{head}# EOF\n")),
        (MetricsService::try_new(collector(), &config).unwrap(), format!("{head}a_created 0\n# EOF\n")),
    ] {
        let response = ask(&service, &[("accept", b"application/openmetrics-text")]).await;
        assert_eq!(String::from_utf8(bytes(response).await).unwrap(), expected);
    }
}

/// How many rows make a page that is longer than the first piece, compressed or not.
const MANY: u64 = 30_000;

#[tokio::test]
async fn a_page_that_breaks_off_never_looks_complete() {
    let failing = || Rows { series: MANY, end: || Err(CollectError::failed("no source")) };
    let config = bare().with_shared_page_limit(0);
    let service = MetricsService::try_new(failing(), &config).unwrap();
    for accept in [&b"*/*"[..], b"application/openmetrics-text", PROTOBUF_FIRST] {
        for coding in [&b"identity"[..], b"gzip"] {
            let headers: Headers<'_> = &[("accept", accept), ("accept-encoding", coding)];
            let response = ask(&service, headers).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(response.into_body().collect().await.unwrap_err(), TruncatedPage);

            // Without frames, it ends with what no reader takes.
            let response = ask_as(&service, (Method::GET, Version::HTTP_10), headers).await;
            assert!(header(&response, "content-type").unwrap().contains("text"), "protobuf has no such end");
            let page = bytes(response).await;
            if coding == b"gzip" {
                assert!(GzDecoder::new(&*page).read_to_end(&mut Vec::new()).is_err());
            } else {
                assert!(page.ends_with(b"\n! the page broke off here\n"));
            }
        }
    }
}

#[tokio::test]
async fn a_page_that_fails_before_it_goes_out_is_an_error_in_any_format() {
    let service = serving(Rows { series: 100, end: || Err(CollectError::failed("no source")) });
    for coding in [&b"identity"[..], b"gzip"] {
        let response = ask(&service, &[("accept", PROTOBUF_FIRST), ("accept-encoding", coding)]).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(header(&response, "content-encoding"), None);
        assert_eq!(bytes(response).await, b"the collector failed\n");
    }
}

#[tokio::test]
async fn a_reader_of_a_compressed_page_that_goes_away_stops_the_collection() {
    let (collector, stopped) = endless();
    let service = serving(collector);
    let response = ask(&service, &[("accept-encoding", b"gzip")]).await;
    let mut body = response.into_body();
    assert!(body.frame().await.unwrap().is_ok());
    drop(body);
    told(stopped).await;
}

#[cfg(feature = "zstd")]
#[tokio::test]
async fn zstd_is_preferred_where_it_is_built() {
    let service = serving(rows(MANY));
    let response = ask(&service, &[("accept-encoding", b"gzip, zstd")]).await;
    assert_eq!(header(&response, "content-encoding"), Some("zstd"));
    let page = zstd::stream::decode_all(&*bytes(response).await).unwrap();
    assert!(page == PrometheusRenderer::render_all(&rows(MANY)).into_bytes());
}
