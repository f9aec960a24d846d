//! A page that is streamed to a reader who takes his time: what it allocates, and whom it holds up.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, Exemplar, ExponentialBuckets, ExponentialRange,
    GaugePoint, HistogramPoint, LabelSet, MetricType, Point, SeriesLabels, StateSetPoint, Stopped,
    SummaryPoint, UpDownCounterPoint, Visitor,
};
use nilometer_core::{CounterFamily, HistogramFamily, MetricsRegistry, RegistryConfig};
use nilometer_prometheus::{
    Exposition, Format, MetricsServer, PageEncoder, PrometheusRenderer, ServerConfig,
};
use nilometer_tests::heap::{CountingAllocator, Measured};
use tokio::runtime::{Builder, Runtime};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// What a test allocates is its own as long as the others wait.
fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A registry, and how far the scrape of it has come.
struct Watched {
    registry: MetricsRegistry,
    points: AtomicUsize,
    ended: AtomicBool,
}

impl Collector for Watched {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let result = self.registry.collect(&mut Counting { visitor, points: &self.points });
        self.ended.store(true, Ordering::SeqCst);
        result
    }
}

struct Counting<'a> {
    visitor: &'a mut dyn Visitor,
    points: &'a AtomicUsize,
}

impl Visitor for Counting<'_> {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        self.visitor.family(descriptor)
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        self.points.fetch_add(1, Ordering::SeqCst);
        self.visitor.point(labels, point)
    }
}

/// What every line of the page holds, so that few series make a page that no socket buffers.
const PADDING: &str = "a-label-value-that-makes-each-line-of-the-page-as-long-as-the-lines-of-real-pages-are";

/// A registry of one family with so many series.
fn store(series: usize) -> (Arc<Watched>, CounterFamily) {
    let config = RegistryConfig::new().with_series_limit(series + 10);
    let registry = MetricsRegistry::with_config(config);
    let family = registry.register_counter("rows_total", "Rows.").unwrap();
    for row in 0..series {
        family.get_or_create(&[("padding", PADDING), ("row", &format!("{row:06}"))]).inc();
    }
    (watch(registry), family)
}

fn watch(registry: MetricsRegistry) -> Arc<Watched> {
    Arc::new(Watched { registry, points: AtomicUsize::new(0), ended: AtomicBool::new(false) })
}

/// How long a line of the page of a [`store`] is, at least.
const LINE: usize = PADDING.len() + 38;

/// The chunks of a page that can be on their way without a reader, those in the kernel aside.
const ON_THE_WAY: usize = 6 * 64 * 1024;

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn serve(runtime: &Runtime, collector: &Arc<Watched>) -> SocketAddr {
    let config = ServerConfig::new().with_host("127.0.0.1").with_port(0);
    let config = config.with_stall_timeout(Duration::from_mins(5));
    let server = runtime.block_on(MetricsServer::new(Arc::clone(collector), config).bind()).unwrap();
    let address = server.local_addr();
    runtime.spawn(server.serve());
    address
}

/// Asks for the page, with more `headers`, and reads nothing yet.
fn ask(address: SocketAddr, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n").unwrap();
    stream
}

/// Waits until the scrape has made as much of the page as can wait for its reader.
fn until_it_waits(watched: &Watched) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while watched.points.load(Ordering::SeqCst) < ON_THE_WAY / LINE {
        assert!(Instant::now() < deadline, "the scrape does not begin");
        thread::yield_now();
    }
}

/// Reads to the end, a little at a time, and returns how much there was and its last bytes.
fn read_slowly(mut stream: TcpStream) -> (usize, [u8; 5]) {
    let (mut total, mut last, mut buffer) = (0, [0; 5], [0; 4096]);
    loop {
        let read = stream.read(&mut buffer).unwrap();
        if read == 0 {
            return (total, last);
        }
        total += read;
        for &byte in &buffer[read.saturating_sub(last.len())..read] {
            last.rotate_left(1);
            last[4] = byte;
        }
        thread::yield_now();
    }
}

/// What a reader of each format sends.
const FORMATS: [&str; 3] = [
    "",
    "Accept: application/openmetrics-text;version=1.0.0\r\n",
    "Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited\r\n",
];

/// Scrapes a store of so many series; returns the bytes that took beside the store, the allocations, and the length
/// of the answer.
fn scrape_slowly(series: usize, headers: &str) -> (usize, usize, usize) {
    let (watched, _family) = store(series);
    let runtime = runtime();
    let address = serve(&runtime, &watched);
    let measured = Measured::start();
    let stream = ask(address, headers);
    until_it_waits(&watched);
    let (length, last) = read_slowly(stream);
    assert_eq!(&last, b"0\r\n\r\n", "the chunk that ends the page");
    assert!(length > series * PADDING.len());
    (measured.peak(), measured.allocations(), length)
}

#[test]
fn a_scrape_of_any_size_takes_at_most_a_mebibyte() {
    let _alone = alone();
    for (series, headers) in
        [(10_000, FORMATS[0]), (100_000, FORMATS[0]), (100_000, FORMATS[1]), (100_000, FORMATS[2])]
    {
        let (peak, _, _) = scrape_slowly(series, headers);
        assert!(peak <= 1024 * 1024, "{series} series, {headers}: {peak} bytes at once");
    }
}

#[test]
fn a_compressed_scrape_of_any_size_takes_at_most_a_mebibyte() {
    let _alone = alone();
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_series_limit(70_000));
    let family = registry.register_counter("rows_total", "Rows.").unwrap();
    // Digits that do not repeat, so that the page stays long and its reader is waited for.
    let mut random = 1_u64;
    for _ in 0..60_000 {
        let mut digits = String::new();
        for _ in 0..8 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            write!(digits, "{:08x}", random >> 32).unwrap();
        }
        family.get_or_create(&[("row", &digits)]).inc();
    }
    let (points, ended) = (AtomicUsize::new(0), AtomicBool::new(false));
    let watched = Arc::new(Watched { registry, points, ended });
    let runtime = runtime();
    let address = serve(&runtime, &watched);
    for headers in FORMATS {
        let measured = Measured::start();
        let stream = ask(address, &format!("{headers}Accept-Encoding: gzip\r\n"));
        let (length, last) = read_slowly(stream);
        assert_eq!(&last, b"0\r\n\r\n", "the chunk that ends the page");
        assert!(length > 1_500_000, "{length} bytes wait for nobody");
        assert!(measured.peak() <= 1024 * 1024, "{headers}: {} bytes at once", measured.peak());
    }
}

#[test]
fn series_of_many_long_lines_take_little_more() {
    let _alone = alone();
    // The most buckets that a histogram can have, and series enough to read them many at a time. A few have the most
    // and longest labels by default, each byte of which is escaped: one line of theirs is as long as a piece of the page.
    let bounds: Vec<f64> = (0..256_u32).map(f64::from).collect();
    let registry = MetricsRegistry::new();
    let family = registry.register_histogram("deep_seconds", "Deep.", &bounds).unwrap();
    let names: Vec<String> = (0..31).map(|number| format!("n{number}")).collect();
    let value = "\"".repeat(1024);
    for row in 0..100 {
        let row = row.to_string();
        let mut labels = vec![("row", row.as_str())];
        if row.ends_with("50") {
            labels.extend(names.iter().map(|name| (name.as_str(), value.as_str())));
        }
        family.get_or_create(&labels).observe(1.0);
    }
    let watched = watch(registry);
    let runtime = runtime();
    let address = serve(&runtime, &watched);
    for headers in FORMATS {
        for coding in ["", "Accept-Encoding: gzip\r\n"] {
            let measured = Measured::start();
            let (length, last) = read_slowly(ask(address, &format!("{headers}{coding}")));
            // In protobuf, and compressed, what a family's lines have in common is there once.
            if coding.is_empty() && !headers.contains("protobuf") {
                assert_eq!(&last, b"0\r\n\r\n", "the chunk that ends the page");
                assert!(length > 257 * 31 * 2048, "{length} bytes");
            }
            // A line of 64 KiB more or less in each of the places that a page passes through, as its reader and its
            // writer happen to meet.
            assert!(measured.peak() <= 1280 * 1024, "{headers}{coding}: {} bytes at once", measured.peak());
        }
    }
}

#[test]
fn a_scrape_allocates_by_the_piece_and_not_by_the_series() {
    let _alone = alone();
    for headers in FORMATS {
        let (_, few, short) = scrape_slowly(10_000, headers);
        let (_, many, long) = scrape_slowly(50_000, headers);
        let pieces = (long - short) / (64 * 1024);
        let more = many.saturating_sub(few);
        assert!(more <= 4 * pieces, "{headers}: {more} allocations for {pieces} pieces");
    }
}

#[test]
fn a_page_in_memory_allocates_when_it_grows_and_not_by_the_series() {
    let _alone = alone();
    for format in [Format::Text, Format::OpenMetrics, Format::Protobuf] {
        let allocations = |series| {
            let (watched, _family) = store(series);
            let measured = Measured::start();
            let page = PrometheusRenderer::render_as(&*watched, Exposition::new(format)).unwrap();
            assert!(page.len() > series * PADDING.len());
            measured.allocations()
        };
        let (few, many) = (allocations(1_000), allocations(100_000));
        assert!(many <= few + 25, "{format:?}: {few} allocations for 1,000 series, {many} for 100,000");
    }
}

/// Shows one point `times` times, made beforehand, and whatever else there is to make.
fn show(visitor: &mut dyn Visitor, kind: MetricType, point: Point<'_>, times: usize) {
    let labels = LabelSet::from_pairs(&[("path", "/a\"b"), ("method", "GET")]);
    visitor.family(&Descriptor::try_new("a", "A.", kind).unwrap()).unwrap();
    for _ in 0..times {
        visitor.point(SeriesLabels::of(&labels), point).unwrap();
    }
}

#[test]
fn no_point_of_any_kind_makes_an_encoder_allocate() {
    let _alone = alone();
    let labels = LabelSet::from_pairs(&[("trace_id", "0af7651916cd43dd8448eb211c80319c")]);
    let exemplars = [0.5, 7.0].map(|value| Exemplar::new(&labels, value, SystemTime::UNIX_EPOCH));
    let created = SystemTime::UNIX_EPOCH;
    let exponential =
        |counts| ExponentialBuckets::try_new(3, ExponentialRange::new(7, counts), ExponentialRange::EMPTY);
    let histogram = HistogramPoint::try_new(&[1.0, 5.0], &[3, 0, 4], 11.5)
        .and_then(|point| point.try_with_exponential(exponential(&[3, 0, 0, 0, 4])?))
        .unwrap()
        .with_created(created)
        .with_exemplars(&exemplars);
    let counter = CounterPoint::new(1.5).with_created(created).with_exemplar(exemplars[0]);
    let summary = SummaryPoint::try_new(&[(0.5, 0.25), (0.9, 1.75)], 10, 12.5).unwrap().with_created(created);
    let states = StateSetPoint::new(&[("on", true), ("off", false)]);
    for (kind, point) in [
        (MetricType::Counter, Point::Counter(counter)),
        (MetricType::Gauge, GaugePoint::new(0.1).into()),
        (MetricType::UpDownCounter, UpDownCounterPoint::new(-5_i64).into()),
        (MetricType::Histogram, Point::Histogram(histogram)),
        (MetricType::Histogram, Point::Histogram(histogram.exponential_only())),
        (MetricType::GaugeHistogram, Point::GaugeHistogram(histogram)),
        (MetricType::Summary, summary.into()),
        (MetricType::Info, Point::Info),
        (MetricType::StateSet, states.into()),
    ] {
        for format in [Format::Text, Format::OpenMetrics, Format::Protobuf] {
            let mut bytes = 0;
            let mut allocations = |times| {
                bytes = 0;
                let output = |piece: Vec<u8>| {
                    bytes += piece.len();
                    Ok(())
                };
                let measured = Measured::start();
                let mut encoder = PageEncoder::new(Exposition::new(format).with_created(true), output);
                show(&mut encoder, kind, point, times);
                encoder.finish().unwrap();
                measured.allocations()
            };
            // The least of some runs: threads of the test before may still be ending.
            let mut least = |times| (0..4).map(|_| allocations(times)).min().unwrap();
            let (few, many) = (least(1_000), least(20_000));
            let pieces = bytes / (64 * 1024) + 1;
            let more = many.saturating_sub(few);
            assert!(more <= 2 * pieces, "{kind:?}, {format:?}: {more} allocations for {pieces} pieces");
        }
    }
}

/// Runs what should not wait for anybody, on a thread that ends with it.
fn at_once(what: &str, run: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let thread = thread::spawn(move || {
        run();
        done.send(()).unwrap();
    });
    assert!(is_done.recv_timeout(Duration::from_secs(20)).is_ok(), "{what} waits for the reader");
    // A thread gives its cells back when it ends.
    let deadline = Instant::now() + Duration::from_secs(20);
    while !thread.is_finished() {
        assert!(Instant::now() < deadline, "the end of a thread waits for the reader");
        thread::yield_now();
    }
    thread.join().unwrap();
}

#[test]
fn a_reader_that_stalls_in_mid_page_holds_up_nobody() {
    let _alone = alone();
    let (watched, family) = store(100_000);
    let runtime = runtime();
    let stream = ask(serve(&runtime, &watched), "");
    until_it_waits(&watched);

    let handle = family.get_or_create(&[("padding", PADDING), ("row", "000000")]);
    let registry = watched.registry.clone();
    at_once("registering a family", move || {
        let other: HistogramFamily = registry.register_histogram("other_seconds", "Others.", &[1.0]).unwrap();
        other.default().observe(0.5);
        assert!(registry.unregister("other_seconds"));
    });
    let rows = family.clone();
    at_once("creating a series", move || rows.get_or_create(&[("row", "new")]).inc());
    let rows = family.clone();
    at_once("removing a series", move || {
        assert!(rows.remove(&[("row", "new")]));
        assert!(rows.remove(&[("padding", PADDING), ("row", "000001")]));
        rows.retain(|series| series.labels().get("row") != Some("000002"));
    });
    at_once("recording", move || (0..1000).for_each(|_| handle.inc()));
    let registry = watched.registry.clone();
    at_once("another scrape", move || assert!(PrometheusRenderer::render_all(&registry).len() > 1_000_000));

    assert!(
        !watched.ended.load(Ordering::SeqCst),
        "the page was in the kernel's buffers, and nothing has waited"
    );
    let (length, last) = read_slowly(stream);
    assert_eq!(&last, b"0\r\n\r\n", "the chunk that ends the page");
    assert!(length > 90_000 * LINE);
    assert!(watched.ended.load(Ordering::SeqCst));
}
