//! What a page takes that many ask for at a time and none reads. The file has one test: what others allocate would be
//! counted with it.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use nilometer_core::MetricsRegistry;
use nilometer_core::collect::{CollectError, Collector, Visitor};
use nilometer_prometheus::{MetricsServer, ServerConfig};
use nilometer_tests::heap::{CountingAllocator, Measured};
use nilometer_tests::prometheus::wait_for;
use tokio::runtime::Builder;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// A registry whose first collection waits until it is let go.
struct Held {
    registry: MetricsRegistry,
    collections: AtomicUsize,
    open: Arc<(Mutex<bool>, Condvar)>,
}

impl Collector for Held {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        if self.collections.fetch_add(1, Ordering::SeqCst) == 0 {
            let open = self.open.0.lock().unwrap();
            drop(self.open.1.wait_while(open, |open| !*open).unwrap());
        }
        self.registry.collect(visitor)
    }
}

#[test]
fn a_page_that_a_hundred_ask_for_and_do_not_read_is_there_twice_at_most() {
    const READERS: usize = 100;
    let registry = MetricsRegistry::new();
    let family = registry.register_counter("rows_total", "Rows.").unwrap();
    for row in 0..4_000 {
        family.get_or_create(&[("padding", &"a".repeat(60)), ("row", &row.to_string())]).inc();
    }
    let open = Arc::new((Mutex::new(false), Condvar::new()));
    let held = Arc::new(Held { registry, collections: AtomicUsize::new(0), open: Arc::clone(&open) });
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    // One collection at a time, so that nobody goes alone.
    let config =
        ServerConfig::new().with_own_metrics(false).with_host("127.0.0.1").with_port(0).with_scrape_limit(1);
    let config = config
        .with_queue_timeout(Duration::from_mins(5))
        .with_stall_timeout(Duration::from_mins(5))
        .with_response_timeout(Duration::from_mins(5));
    let server = runtime.block_on(MetricsServer::new(Arc::clone(&held), config).bind()).unwrap();
    let (address, stats) = (server.local_addr(), server.stats());
    runtime.spawn(server.serve());
    let ask = || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        stream
    };

    let measured = Measured::start();
    let mut readers = vec![ask()];
    wait_for("the first collection", || (held.collections.load(Ordering::SeqCst) > 0).then_some(()));
    readers.extend((1..READERS).map(|_| ask()));
    wait_for("the others", || (stats.connections() == 100).then_some(()));
    *open.0.lock().unwrap() = true;
    open.1.notify_all();
    wait_for("all answers", || (stats.responses(200) == 100).then_some(()));

    let mut page = String::new();
    let mut lengths = Vec::new();
    for mut reader in readers {
        page.clear();
        reader.read_to_string(&mut page).unwrap();
        // The head says how long it took, in milliseconds.
        lengths.push(page.split_once("\r\n\r\n").unwrap().1.len());
    }
    let (peak, page) = (measured.peak(), lengths[0]);
    assert!((300 * 1024..=384 * 1024).contains(&page), "{page} bytes are not held, or nothing to speak of");
    assert_eq!(lengths, [page; READERS]);
    assert!(held.collections.load(Ordering::SeqCst) <= 4, "what came a moment too late");
    // Twice the page, what this test reads it into, and what each connection takes, whatever it sends: some 28 KiB.
    assert!(peak <= 3 * 384 * 1024 + READERS * 36 * 1024, "{peak} bytes");
}
