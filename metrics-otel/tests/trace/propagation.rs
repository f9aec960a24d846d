//! What is taken out of carriers, and what is ignored and counted.

use nilometer_otel::propagation::{PropagationStats, Propagator};
use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};

pub(super) const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What these headers hold, and what was ignored.
fn extract(headers: &[(&str, &[u8])]) -> (Context, PropagationStats) {
    let propagator = Propagator::new();
    let context = propagator.extract_pairs(headers.iter().copied());
    (context, propagator.stats())
}

fn span_context(trace_state: &str) -> SpanContext {
    let (trace, span) = (TraceId::from(0x4bf9), SpanId::from(0x00f0));
    SpanContext::new(trace, span, TraceFlags::SAMPLED, true, trace_state.parse::<TraceState>().unwrap())
}

#[test]
fn a_trace_parent_is_read_as_the_specification_has_it() {
    let ids = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
    for (text, sampled) in [
        (format!("00-{ids}-01"), true),
        (format!("00-{ids}-00"), false),
        (format!(" 00-{ids}-01\t"), true),
        // Flags that nobody knows yet.
        (format!("00-{ids}-ff"), true),
        // Later versions, which may add fields.
        (format!("01-{ids}-01"), true),
        (format!("cc-{ids}-01-what-comes"), true),
        (format!("cc-{ids}-01-"), true),
    ] {
        let (context, stats) = extract(&[("TraceParent", text.as_bytes())]);
        let span = context.span().span_context().clone();
        assert_eq!(format!("{}-{}", span.trace_id(), span.span_id()), ids, "{text}");
        assert_eq!((span.is_sampled(), span.is_remote()), (sampled, true), "{text}");
        assert_eq!(stats.total(), 0, "{text}");
    }
}

#[test]
fn a_malformed_trace_parent_is_ignored_and_counted() {
    for text in [
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e47360-0f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01,00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b\u{e9}-01",
    ] {
        let (context, stats) = extract(&[("traceparent", text.as_bytes()), ("tracestate", b"a=b")]);
        assert!(!context.span().span_context().is_valid(), "{text}");
        assert_eq!((stats.malformed_trace_parents(), stats.total()), (1, 1), "{text}");
    }
    let (context, stats) = extract(&[("traceparent", PARENT.as_bytes()), ("traceparent", PARENT.as_bytes())]);
    assert!(!context.span().span_context().is_valid());
    assert_eq!(stats.malformed_trace_parents(), 1);
}

#[test]
fn what_is_not_there_is_not_counted() {
    let (context, stats) = extract(&[("other", b"\xff")]);
    assert!(!context.has_active_span() && context.baggage().is_empty());
    assert_eq!(stats.total(), 0);
}

#[test]
fn invalid_utf8_is_ignored_and_counted() {
    for name in ["traceparent", "tracestate", "baggage"] {
        let (context, stats) = extract(&[(name, b"a=\xff")]);
        assert!(!context.has_active_span() && context.baggage().is_empty());
        assert_eq!((stats.invalid_utf8(), stats.total()), (1, 1));
    }
}

#[test]
fn a_malformed_trace_state_leaves_the_trace_parent() {
    let large = format!("a={}", "b".repeat(9000));
    let many = (0..33).map(|index| format!("a{index}=b")).collect::<Vec<_>>().join(",");
    for (text, header) in
        [("a=b, c=d ,,", Some("a=b,c=d")), ("a", None), ("A=b", None), (&large, None), (&many, None)]
    {
        let (context, stats) =
            extract(&[("traceparent", PARENT.as_bytes()), ("tracestate", text.as_bytes())]);
        let span = context.span().span_context().clone();
        assert!(span.is_valid());
        assert_eq!(span.trace_state().header(), header.unwrap_or_default());
        assert_eq!(stats.malformed_trace_states(), u64::from(header.is_none()), "{text}");
    }
    let two: [(&str, &[u8]); 3] =
        [("tracestate", b"a=b"), ("traceparent", PARENT.as_bytes()), ("tracestate", b"c=d")];
    assert_eq!(extract(&two).0.span().span_context().trace_state().header(), "a=b,c=d");
}

#[test]
fn baggage_is_read_as_the_specification_has_it() {
    let field = " key1 = value1 ;property1; property2=1,key2=a=b%2Cc%20, key3=,\u{20}";
    let (context, stats) = extract(&[("baggage", field.as_bytes()), ("Baggage", b"key4=4")]);
    let baggage = context.baggage();
    let get = |name: &str| {
        let (value, properties) = baggage.get_with_metadata(name).unwrap();
        (value.as_str().to_owned(), properties.as_str().to_owned())
    };
    assert_eq!(get("key1"), ("value1".to_owned(), "property1; property2=1".to_owned()));
    assert_eq!(get("key2"), ("a=b,c ".to_owned(), String::new()));
    assert_eq!(get("key3"), (String::new(), String::new()));
    assert_eq!(get("key4"), ("4".to_owned(), String::new()));
    assert_eq!((baggage.len(), stats.total()), (4, 0));
}

#[test]
fn malformed_members_of_baggage_are_ignored_and_counted() {
    for member in
        ["a", "=b", "a b=c", "a=b c", "a=\"b\"", "a=\\", "a=\u{e9}", "a=%ff", "a=b;\u{e9}", "a\u{7f}=b"]
    {
        let (context, stats) = extract(&[("baggage", format!("good=1,{member},better=2").as_bytes())]);
        assert_eq!(context.baggage().len(), 2, "{member}");
        assert_eq!((stats.malformed_baggage(), stats.total()), (1, 1), "{member}");
    }
}

#[test]
fn oversized_baggage_is_ignored_and_counted() {
    let members = |count: usize| (0..count).map(|index| format!("k{index}=v")).collect::<Vec<_>>().join(",");
    let bytes = |length: usize| format!("k={}", "v".repeat(length - 2));
    for (field, kept) in [(members(64), 64), (members(65), 0), (bytes(8192), 1), (bytes(8193), 0)] {
        let (context, stats) = extract(&[("traceparent", PARENT.as_bytes()), ("baggage", field.as_bytes())]);
        assert_eq!(context.baggage().len(), kept);
        assert_eq!((stats.oversized_baggage(), stats.total()), (u64::from(kept == 0), u64::from(kept == 0)));
        assert!(context.span().span_context().is_valid());
    }
    // In pieces it is no smaller.
    let (half, propagator) = (bytes(5000), Propagator::new());
    let context = propagator.extract_pairs(vec![("baggage", &half); 100_000]);
    assert!(context.baggage().is_empty());
    assert_eq!(propagator.stats().oversized_baggage(), 1);
}

#[test]
fn baggage_of_ones_own_that_does_not_fit_is_left_out_and_counted() {
    // 4096 bytes that become three times as many.
    let mut baggage = Baggage::new();
    let _ = baggage.insert("large", "\u{e9}".repeat(2048));
    let _ = baggage.insert("small", "1");
    let propagator = Propagator::new();
    let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
    propagator.inject_pairs(&Context::new().with_baggage(baggage), &mut headers);
    assert_eq!(headers, [("baggage".to_owned(), b"small=1".to_vec())]);
    assert_eq!(propagator.stats().oversized_baggage(), 1);
}

#[test]
fn metadata_cannot_forge_a_member() {
    let mut baggage = Baggage::new();
    let _ = baggage.insert_with_metadata("tenant", "blue", "p=1,admin=true");
    let _ = baggage.insert_with_metadata("color", "a,b=c;d", "fine");
    let propagator = Propagator::new();
    let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
    propagator.inject_pairs(&Context::new().with_baggage(baggage), &mut headers);
    let context = propagator.extract_pairs(headers);
    assert_eq!(context.baggage().len(), 2);
    assert_eq!(context.baggage().get("tenant").unwrap().as_str(), "blue");
    assert_eq!(context.baggage().get("color").unwrap().as_str(), "a,b=c;d");
    assert_eq!(propagator.stats().malformed_baggage(), 1);
}

#[test]
fn a_context_takes_the_place_of_the_old_one_and_of_nothing_else() {
    let old = || -> Vec<(String, Vec<u8>)> {
        [("Traceparent", "old"), ("id", "7"), ("tracestate", "old=1"), ("baggage", "old=1")]
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .to_vec()
    };
    let propagator = Propagator::new();

    let mut headers = old();
    propagator.inject_pairs(&Context::new(), &mut headers);
    assert_eq!(headers, old());

    let context = Context::new().with_remote_span_context(span_context(""));
    propagator.inject_pairs(&context, &mut headers);
    let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    assert_eq!(names, ["id", "baggage", "traceparent"]);
    assert_eq!(headers[2].1, b"00-00000000000000000000000000004bf9-00000000000000f0-01");
}

#[test]
#[cfg(feature = "http")]
fn headers_of_http_carry_a_context() {
    let context = Context::new().with_remote_span_context(span_context("a=b"));
    let propagator = Propagator::new();
    let mut headers = http::HeaderMap::new();
    headers.append("tracestate", "old=1".parse().unwrap());
    headers.append("baggage", "x=1".parse().unwrap());
    headers.append("baggage", "y=2".parse().unwrap());
    propagator.inject_http(&context, &mut headers);
    let far = propagator.extract_http(&headers);
    assert_eq!(far.span().span_context(), &span_context("a=b"));
    assert_eq!(far.baggage().len(), 2);
    headers.insert("baggage", http::HeaderValue::from_bytes(b"x=\xff").unwrap());
    assert!(propagator.extract_http(&headers).baggage().is_empty());
    assert_eq!(propagator.stats().invalid_utf8(), 1);
}

#[test]
#[cfg(feature = "tonic")]
fn metadata_of_tonic_carries_a_context() {
    use tonic::metadata::MetadataMap;

    let context = Context::new().with_remote_span_context(span_context("a=b"));
    let propagator = Propagator::new();
    let mut metadata = MetadataMap::new();
    metadata.append("tracestate", "old=1".parse().unwrap());
    metadata.append("baggage", "x=1".parse().unwrap());
    metadata.append("baggage", "y=2".parse().unwrap());
    propagator.inject_tonic(&context, &mut metadata);
    let far = propagator.extract_tonic(&metadata);
    assert_eq!(far.span().span_context(), &span_context("a=b"));
    assert_eq!(far.baggage().len(), 2);
    let mut headers = http::HeaderMap::new();
    headers.insert("traceparent", http::HeaderValue::from_bytes(b"\xff").unwrap());
    assert!(!propagator.extract_tonic(&MetadataMap::from_headers(headers)).has_active_span());
    assert_eq!(propagator.stats().invalid_utf8(), 1);
}

#[test]
#[cfg(feature = "kafka")]
fn headers_of_kafka_carry_a_context() {
    use rdkafka::message::{Header, Headers, OwnedHeaders};

    let context = Context::new().with_remote_span_context(span_context("a=b"));
    let propagator = Propagator::new();
    let old = OwnedHeaders::new()
        .insert(Header { key: "tracestate", value: Some("old=1") })
        .insert(Header { key: "id", value: Some(&b"\xff\x00"[..]) })
        .insert(Header { key: "traceparent", value: None::<&[u8]> })
        .insert(Header { key: "nothing", value: None::<&[u8]> });
    let headers = propagator.inject_kafka(&context, old);
    let shown = headers
        .as_borrowed()
        .iter()
        .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
        .collect::<Vec<_>>();
    let parent = b"00-00000000000000000000000000004bf9-00000000000000f0-01".to_vec();
    let expected = [
        ("id".to_owned(), Some(b"\xff\x00".to_vec())),
        ("nothing".to_owned(), None),
        ("traceparent".to_owned(), Some(parent)),
        ("tracestate".to_owned(), Some(b"a=b".to_vec())),
    ];
    assert_eq!(shown, expected);
    let far = propagator.extract_kafka(headers.as_borrowed());
    assert_eq!(far.span().span_context(), &span_context("a=b"));
    let garbage = OwnedHeaders::new().insert(Header { key: "baggage", value: Some(&b"a=\xff"[..]) });
    assert!(propagator.extract_kafka(garbage.as_borrowed()).baggage().is_empty());
    assert_eq!(propagator.stats().invalid_utf8(), 1);
}
