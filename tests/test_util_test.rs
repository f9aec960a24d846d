//! What `nilometer::test_util` finds and says; `lint_test` has the linter.

#![expect(clippy::unwrap_used, reason = "a test helper that fails fails its test")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use nilometer::collect::{
    CollectError, Collector, EscapingScheme, HistogramPoint, Point, SeriesLabels, StateSetPoint,
    SummaryPoint, Visitor,
};
use nilometer::prometheus::{Exposition, Format};
use nilometer::test_util::{Change, Fault, ParsedFamily, Snapshot, diff, parse_page};
use nilometer::{
    Descriptor, Histogram, LabelSet, MetricType, MetricsRegistry, PrometheusRenderer, RegistryConfig,
    assert_metric, assert_no_metric, buckets,
};

/// A collector that is a closure.
struct Source<F>(F);

impl<F: Fn(&mut dyn Visitor) -> Result<(), CollectError> + Send + Sync> Collector for Source<F> {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        self.0(visitor)
    }
}

fn shop() -> MetricsRegistry {
    let registry = MetricsRegistry::new();
    let orders = registry.register_counter("orders_total", "Orders.").unwrap();
    orders.get_or_create(&[("region", "eu"), ("kind", "new")]).inc_by(3);
    orders.get_or_create(&[("region", "us"), ("kind", "new")]).inc_by(4);
    orders.get_or_create(&[("region", "us"), ("kind", "old")]).inc_by(5);
    let wait = registry.register_histogram("wait_seconds", "Wait.", &[0.5, 1.0]).unwrap().default();
    for value in [0.25, 0.75, 0.75, 7.0] {
        wait.observe(value);
    }
    registry.register_gauge("load", "Load, \"as\\is\"\nand more.").unwrap().default().set(-0.5);
    registry.register_up_down_counter("open", "Open.").unwrap().default().sub(2);
    registry
}

/// An assertion, and what it says when it fails.
type Failing<'a> = (Box<dyn FnOnce() + 'a>, &'a str);

/// What a failed assertion says.
fn message(assertion: impl FnOnce()) -> String {
    let cause = catch_unwind(AssertUnwindSafe(assertion)).unwrap_err();
    cause.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn an_assertion_that_holds_says_nothing() {
    let registry = shop();
    let name = String::from("orders_total");
    assert_metric!(registry, &name, { kind = "new", region = "eu" } == 3);
    assert_metric!(&registry, "orders_total", { region = "eu", "kind" = "new", } == 3.0,);
    assert_metric!(registry, "load" == -0.5);
    assert_metric!(registry, "open" == -2_i64);
    assert_metric!(registry, "wait_seconds_count" == 4_usize);
    assert_metric!(registry, "wait_seconds_sum" == 8.75);
    assert_metric!(registry, "wait_seconds_bucket", { le = "1" } == 3);
    assert_metric!(registry, "wait_seconds_bucket", { le = "+Inf" } == 4);
    assert_no_metric!(registry, "orders");
    assert_no_metric!(registry, "orders_total", { region = "eu" });
    // Whole numbers are compared to the last digit.
    let counter = registry.register_counter("large_total", "L.").unwrap().default();
    counter.inc_by(u64::MAX);
    assert_metric!(registry, "large_total" == u64::MAX);
    assert!(Snapshot::of(&registry).unwrap().check("large_total", &[], u64::MAX - 1).is_err());
    registry.register_gauge("nan", "N.").unwrap().default().set(f64::NAN);
    assert_metric!(registry, "nan" == f64::NAN);
}

#[test]
fn an_assertion_that_fails_shows_what_could_have_been_meant() {
    let registry = shop();
    let table: [Failing<'_>; 6] = [
        (
            Box::new(|| assert_metric!(registry, "orders_total", { region = "us", kind = "old" } == 6)),
            "`orders_total{kind=\"old\",region=\"us\"} 5` was expected to be 6\n\
             other samples of `orders_total`:\n    orders_total{kind=\"new\",region=\"us\"} 4\n    \
             orders_total{kind=\"new\",region=\"eu\"} 3",
        ),
        (
            Box::new(|| assert_metric!(registry, "orders_total", { region = "eu" } == 3)),
            "there is no `orders_total{region=\"eu\"}`, which was expected to be 3\n\
             other samples of `orders_total`:\n    orders_total{kind=\"new\",region=\"eu\"} 3\n    \
             orders_total{kind=\"new\",region=\"us\"} 4\n    orders_total{kind=\"old\",region=\"us\"} 5",
        ),
        (
            Box::new(|| assert_metric!(registry, "wait_second_sum" == 1)),
            "there is no `wait_second_sum`, which was expected to be 1\nsamples of names like it:\n    \
             wait_seconds_sum 8.75\n    wait_seconds_bucket{le=\"+Inf\"} 4\n    wait_seconds_bucket{le=\"0.5\"} 1\n    \
             wait_seconds_bucket{le=\"1.0\"} 3\n    wait_seconds_count 4",
        ),
        (
            Box::new(|| assert_metric!(registry, "load" == 1)),
            "`load -0.5` was expected to be 1\nother samples of `load`: none",
        ),
        (
            Box::new(|| assert_metric!(registry, "zzz", { a = "1" } == 1)),
            "there is no `zzz{a=\"1\"}`, which was expected to be 1\nsamples of names like it: none",
        ),
        (Box::new(|| assert_no_metric!(registry, "open")), "`open -2` was expected not to be there"),
    ];
    for (assertion, expected) in table {
        assert_eq!(message(assertion), expected);
    }
    let many = registry.register_gauge("many", "Many.").unwrap();
    for number in 0..20 {
        many.get_or_create(&[("number", &number.to_string())]).inc();
    }
    let message = message(|| assert_metric!(registry, "many", { number = "20" } == 1));
    assert!(message.ends_with("\n    and 12 more"), "{message}");
    assert_eq!(message.lines().count(), 11);
}

#[test]
fn snapshots_are_compared_sample_by_sample() {
    let registry = shop();
    let before = Snapshot::of(&registry).unwrap();
    assert!(before.diff(&Snapshot::of(&registry).unwrap()).is_empty());
    let orders = registry.register_counter("orders_total", "Orders.").unwrap();
    orders.get_or_create(&[("region", "eu"), ("kind", "new")]).inc();
    orders.get_or_create(&[("region", "asia")]).inc();
    registry.unregister("load");
    let diff = before.diff(&Snapshot::of(&registry).unwrap());
    let expected = "- load -0.5\n- orders_total{kind=\"new\",region=\"eu\"} 3\n\
                    + orders_total{kind=\"new\",region=\"eu\"} 4\n+ orders_total{region=\"asia\"} 1\n";
    assert_eq!(diff.to_string(), expected);
    let deltas: Vec<f64> = diff.changes().iter().map(Change::delta).collect();
    assert_eq!(deltas, [0.5, 1.0, 1.0]);
    assert!(diff.changes()[0].after().is_none() && diff.changes()[2].before().is_none());
}

#[test]
fn every_kind_has_its_samples() {
    let every = Source(|visitor: &mut dyn Visitor| {
        let labels = LabelSet::from_pairs(&[("a", "1")]);
        let mut show = |name: &str, point: Point<'_>| -> Result<(), CollectError> {
            visitor.family(&Descriptor::try_new(name, "X.", point.metric_type())?)?;
            Ok(visitor.point(SeriesLabels::of(&labels), point)?)
        };
        show("h", HistogramPoint::try_new(&[2.0], &[1, 2], 9.0)?.into())?;
        show("g", Point::GaugeHistogram(HistogramPoint::try_new(&[2.0], &[1, 0], 1.0)?))?;
        show("s", SummaryPoint::try_new(&[(0.5, 3.0), (1.0, 4.0)], 7, 8.0)?.into())?;
        show("build_info", Point::Info)?;
        show("state", StateSetPoint::new(&[("on", true), ("off", false)]).into())
    });
    let samples: Vec<String> = Snapshot::of(&every).unwrap().samples().map(ToString::to_string).collect();
    let expected = [
        "build_info{a=\"1\"} 1",
        "g_bucket{a=\"1\",le=\"+Inf\"} 1",
        "g_bucket{a=\"1\",le=\"2.0\"} 1",
        "g_count{a=\"1\"} 1",
        "g_sum{a=\"1\"} 1",
        "h_bucket{a=\"1\",le=\"+Inf\"} 3",
        "h_bucket{a=\"1\",le=\"2.0\"} 1",
        "h_count{a=\"1\"} 3",
        "h_sum{a=\"1\"} 9",
        "s{a=\"1\",quantile=\"0.5\"} 3",
        "s{a=\"1\",quantile=\"1.0\"} 4",
        "s_count{a=\"1\"} 7",
        "s_sum{a=\"1\"} 8",
        "state{a=\"1\",state=\"off\"} 0",
        "state{a=\"1\",state=\"on\"} 1",
    ];
    assert_eq!(samples, expected);
    let broken = Source(|_: &mut dyn Visitor| Err(CollectError::failed("no source")));
    assert!(Snapshot::of(&broken).is_err());
    assert_eq!(message(|| assert_metric!(broken, "a" == 1)), "the collector failed");
}

#[test]
fn a_page_that_is_read_back_has_what_the_registry_has() {
    let registry = shop();
    let family = registry.family::<Histogram>("odd_bytes", "Odd.").with_buckets(&buckets::SIZE_BYTES);
    let odd = family.with_series_limit(1).register().unwrap();
    for value in ["plain", "quo\"te", "back\\slash", "line\nfeed", "ünï,}={"] {
        odd.get_or_create(&[("value", value)]).observe(300.0);
        registry
            .register_gauge("values", "V.")
            .unwrap()
            .get_or_create(&[("value", value)])
            .set(f64::INFINITY);
    }
    let text = PrometheusRenderer::render_all(&registry);
    let page = parse_page(&text).unwrap();
    let diff = diff(&registry, &page).unwrap();
    assert!(diff.is_empty(), "{diff}");
    assert_metric!(page, "odd_bytes_count", { nilometer_overflow = "true" } == 4);
    assert_eq!(page.family("load").unwrap().help(), Some("Load, \"as\\is\"\nand more."));
    assert_eq!(page.family("orders_total").unwrap().metric_type(), Some(MetricType::Counter));
    assert_eq!(page.value("wait_seconds_bucket", &[("le", "0.5")]), Some(1.0));
    assert_eq!(page.value("orders_total", &[("kind", "new")]), None);
    assert_eq!(PrometheusRenderer::render_all(&page).lines().count(), text.lines().count());
}

#[test]
fn what_stands_loosely_on_a_page_is_read() {
    let text = "\n# a comment\n#TYPE s summary\ns{quantile=\"0.5\",} NaN\ns_sum\t1\ns_count 2 1700000000000\n\
                 \t b { x = \"1\" , y=\"\" }  0x 5\n";
    assert_eq!(parse_page(text).unwrap_err().fault(), &Fault::Value("0x".to_owned()));
    let page = parse_page(&text.replace("0x", "-Inf")).unwrap();
    assert_eq!(page.families().iter().map(ParsedFamily::name).collect::<Vec<_>>(), ["s", "b"]);
    assert_eq!(page.value("b", &[("x", "1")]), Some(f64::NEG_INFINITY));
    assert_eq!(page.family("b").unwrap().metric_type(), None);
    assert_metric!(page, "s", { quantile = "0.5" } == f64::NAN);
    assert!(parse_page("").unwrap().families().is_empty());
}

#[test]
fn what_the_format_does_not_allow_is_refused_with_its_line() {
    let s = str::to_owned;
    let table: [(&str, usize, Fault); 20] = [
        ("a 1", 1, Fault::NoFinalLineFeed),
        ("a-b 1\n", 1, Fault::Name(s("a-b"))),
        ("{a=\"1\"} 1\n", 1, Fault::Labels(s("a=\"1\"} 1"))),
        ("{\"a\"b=\"1\"} 1\n", 1, Fault::Labels(s("\"a\"b=\"1\"} 1"))),
        ("{\"\"} 1\n", 1, Fault::Name(s("\"\"} 1"))),
        ("a{b:c=\"1\"} 1\n", 1, Fault::Name(s("b:c"))),
        ("# TYPE 9 gauge\n", 1, Fault::Name(s("9"))),
        ("a{b} 1\n", 1, Fault::Labels(s("b} 1"))),
        ("a{b=1} 1\n", 1, Fault::Labels(s("b=1} 1"))),
        ("a{b=\"1\n", 1, Fault::Labels(s("b=\"1"))),
        ("a{b=\"1\"c=\"2\"} 1\n", 1, Fault::Labels(s("c=\"2\"} 1"))),
        ("a{b=\"1\",b=\"2\"} 1\n", 1, Fault::DuplicateLabel(s("b"))),
        ("a\n", 1, Fault::Value(s(""))),
        ("a 1 x\n", 1, Fault::Timestamp(s("x"))),
        ("a 1 2 3\n", 1, Fault::Rest(s("3"))),
        ("# TYPE a meter\n", 1, Fault::Type(s("meter"))),
        ("# TYPE a gauge\n# TYPE a gauge\n", 2, Fault::Header(s("a"))),
        ("a 1\n# HELP a A.\n", 2, Fault::Header(s("a"))),
        ("# TYPE h histogram\nh_sum 1\nb 1\nh_count 1\n", 4, Fault::Split(s("h"))),
        ("a{b=\"1\"} 1\na{b=\"1\"} 2\n", 2, Fault::DuplicateSample(s("a"))),
    ];
    for (text, line, fault) in table {
        let error = parse_page(text).unwrap_err();
        assert_eq!((error.line(), error.fault()), (line, &fault), "{text:?}");
    }
    for text in [
        "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n",
        "# TYPE h histogram\nh_bucket{le=\"x\"} 1\nh_count 1\n",
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\n",
        "# TYPE h histogram\nh_count 1.5\n",
        "# TYPE s summary\ns{quantile=\"2\"} 1\ns_count 1\n",
        "# TYPE h histogram\nh 1\n",
    ] {
        assert!(Snapshot::of(&parse_page(text).unwrap()).is_err(), "{text}");
    }
}

#[test]
fn a_page_with_utf8_names_is_what_the_registry_has() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_utf8_names(true));
    let requests = registry.register_counter("http.requests_total", "Requests, \"all\\of\" them.\r").unwrap();
    requests.get_or_create(&[("http.route", "/a\"b\\c"), ("method", "GET")]).inc_by(3);
    requests.default().inc();
    let wait = registry.register_histogram("wait \"s\"", "Wait.", &[0.5]).unwrap();
    wait.get_or_create(&[("код", "1\r")]).observe(0.25);
    registry.register_gauge("load", "Load.").unwrap().get_or_create(&[("cpu.id", "0")]).set(0.5);

    let format = Exposition::new(Format::Text1).with_escaping(EscapingScheme::AllowUtf8);
    let text = PrometheusRenderer::render_as(&registry, format).unwrap();
    let page = parse_page(std::str::from_utf8(&text).unwrap()).unwrap();
    assert_eq!(diff(&registry, &page).unwrap().to_string(), "");
    assert_eq!(
        page.value("http.requests_total", &[("http.route", "/a\"b\\c"), ("method", "GET")]),
        Some(3.0)
    );
    assert_eq!(page.family("http.requests_total").unwrap().help(), Some("Requests, \"all\\of\" them.\r"));
    assert_metric!(page, "wait \"s\"_bucket", { "код" = "1\r", le = "0.5" } == 1);
    assert_eq!(
        Snapshot::of(&page).unwrap().samples().next().unwrap().to_string(),
        "{\"http.requests_total\"} 1"
    );
}
