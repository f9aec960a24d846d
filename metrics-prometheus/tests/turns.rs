//! Scrapes that wait for a place, and what becomes of those who wait with them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use common::http::bare;
use common::{Closure, Gate, told};
use http::Request;
use nilometer_core::collect::{Collector, Visitor};
use nilometer_prometheus::{MetricsService, ServerConfig};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tower::ServiceExt as _;

const IN_TIME: Duration = Duration::from_secs(30);
/// Enough for who asks to wait.
const A_MOMENT: Duration = Duration::from_millis(20);
/// More than a scrape waits for one that it shares.
const IMPATIENT: Duration = Duration::from_millis(200);
const TURN: Duration = Duration::from_millis(500);

/// A service whose first collections wait at a gate each, and tell so; the others do not.
struct Gated {
    service: MetricsService<Arc<dyn Collector>>,
    collections: Arc<AtomicUsize>,
    gates: Gates,
    began: mpsc::Receiver<()>,
}

/// Open once the test is over, so that a runtime's end does not wait for ever.
#[derive(Default)]
struct Gates([Gate; 2]);

impl Gates {
    fn open(&self) {
        self.0.iter().for_each(Gate::open);
    }
}

impl Drop for Gates {
    fn drop(&mut self) {
        self.open();
    }
}

fn gated(config: &ServerConfig) -> Gated {
    let (tell, began) = mpsc::channel();
    let (gates, tell) = (Gates::default(), Mutex::new(tell));
    let collections = Arc::new(AtomicUsize::new(0));
    let (doors, count) = (gates.0.clone(), Arc::clone(&collections));
    let collector: Arc<dyn Collector> = Arc::new(Closure(move |_: &mut dyn Visitor| {
        if let Some(door) = doors.get(count.fetch_add(1, Ordering::SeqCst)) {
            // Whoever is told may have gone.
            let _ = tell.lock().unwrap().send(());
            door.wait();
        }
        Ok(())
    }));
    let service = MetricsService::try_new(collector, config).unwrap();
    Gated { service, collections, gates, began }
}

fn ask(gated: &Gated, path: &str) -> JoinHandle<u16> {
    send(&gated.service, path)
}

/// Asks on a runtime, and lets it come as far as it can.
fn ask_on(runtime: &Runtime, gated: &Gated, path: &str) -> JoinHandle<u16> {
    let answer = {
        let _entered = runtime.enter();
        ask(gated, path)
    };
    runtime.block_on(async { sleep(A_MOMENT).await });
    answer
}

fn send<C: Collector + 'static>(service: &MetricsService<C>, path: &str) -> JoinHandle<u16> {
    let answer = service.clone().oneshot(Request::get(path).body(()).unwrap());
    tokio::spawn(async { answer.await.unwrap().status().as_u16() })
}

async fn status(answer: JoinHandle<u16>) -> u16 {
    tokio::time::timeout(IN_TIME, answer).await.unwrap().unwrap()
}

fn one_at_a_time() -> ServerConfig {
    bare().with_scrape_limit(1).with_queue_timeout(TURN)
}

#[tokio::test]
async fn who_collects_beside_is_not_turned_away_with_those_who_find_no_place() {
    let mut gated = gated(&one_at_a_time());
    let first = ask(&gated, "/metrics");
    gated.began = told(gated.began).await;
    let second = ask(&gated, "/metrics");
    sleep(IMPATIENT).await;
    gated.gates.0[0].open();
    assert_eq!(status(first).await, 200);
    // The second one has the place now, and whoever led waits for it in vain.
    gated.began = told(gated.began).await;
    sleep(TURN + IMPATIENT).await;
    gated.gates.0[1].open();
    assert_eq!(status(second).await, 200);
}

#[tokio::test]
async fn who_has_just_come_is_not_turned_away_for_another_ones_wait() {
    let mut gated = gated(&one_at_a_time());
    let first = ask(&gated, "/metrics");
    gated.began = told(gated.began).await;
    let other = ask(&gated, "/metrics?name[]=other");
    let second = ask(&gated, "/metrics");
    tokio::task::yield_now().await;
    gated.gates.0[0].open();
    assert_eq!(status(first).await, 200);
    gated.began = told(gated.began).await;
    sleep(2 * IMPATIENT).await;
    let third = ask(&gated, "/metrics");
    sleep(IMPATIENT).await;
    gated.gates.0[1].open();
    assert_eq!(status(other).await, 200);
    assert_eq!(status(third).await, 200);
    drop(second);
}

#[tokio::test]
async fn those_who_wait_for_a_place_for_the_same_page_share_it() {
    let mut gated = gated(&one_at_a_time());
    let first = ask(&gated, "/metrics?name[]=other");
    gated.began = told(gated.began).await;
    let others: Vec<_> = (0..100).map(|_| ask(&gated, "/metrics")).collect();
    sleep(A_MOMENT).await;
    gated.gates.open();
    assert_eq!(status(first).await, 200);
    for other in others {
        assert_eq!(status(other).await, 200);
    }
    let collections = gated.collections.load(Ordering::SeqCst);
    assert!(collections <= 3, "{collections}");
}

#[tokio::test]
async fn whose_collection_has_begun_is_not_turned_away() {
    let mut gated = gated(&one_at_a_time());
    let first = ask(&gated, "/metrics?name[]=other");
    gated.began = told(gated.began).await;
    let second = ask(&gated, "/metrics");
    tokio::task::yield_now().await;
    let third = ask(&gated, "/metrics");
    sleep(2 * IMPATIENT).await;
    gated.gates.0[0].open();
    assert_eq!(status(first).await, 200);
    // For both of them, and for longer than they wait for a place.
    gated.began = told(gated.began).await;
    sleep(2 * IMPATIENT).await;
    gated.gates.0[1].open();
    assert_eq!(status(second).await, 200);
    assert_eq!(status(third).await, 200);
}

#[tokio::test]
async fn those_who_wait_with_one_who_goes_away_are_answered() {
    let mut gated = gated(&one_at_a_time());
    let first = ask(&gated, "/metrics?name[]=other");
    gated.began = told(gated.began).await;
    let second = ask(&gated, "/metrics");
    tokio::task::yield_now().await;
    let third = ask(&gated, "/metrics");
    tokio::task::yield_now().await;
    second.abort();
    gated.gates.open();
    assert_eq!(status(first).await, 200);
    assert_eq!(status(third).await, 200);
}

#[test]
fn a_runtime_that_ends_while_a_scrape_waits_for_a_place_panics_nobody_and_fails_nobody() {
    let panics = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&panics);
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        // Of this test alone: the others run in the same process.
        if info.to_string().contains("is being shutdown") {
            count.fetch_add(1, Ordering::SeqCst);
        }
        told(info);
    }));
    let build = || Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (one, other) = (build(), build());
    let gated = gated(&one_at_a_time().with_queue_timeout(IN_TIME));
    let first = ask_on(&one, &gated, "/metrics");
    gated.began.recv().unwrap();
    let second = ask_on(&other, &gated, "/metrics?name[]=other");
    let third = ask_on(&other, &gated, "/metrics");
    gated.gates.0[0].open();
    assert_eq!(one.block_on(status(first)), 200);
    gated.began.recv().unwrap();
    one.shutdown_timeout(Duration::from_millis(200));
    gated.gates.0[1].open();
    assert_eq!(other.block_on(status(second)), 200);
    assert_eq!(other.block_on(status(third)), 200);
    assert_eq!(panics.load(Ordering::SeqCst), 0);
}

#[test]
fn one_thread_is_enough_for_scrapes_in_turn() {
    let runtime =
        Builder::new_multi_thread().worker_threads(1).max_blocking_threads(1).enable_all().build().unwrap();
    let gated = gated(&one_at_a_time());
    runtime.block_on(async {
        let first = ask(&gated, "/metrics");
        while gated.began.try_recv().is_err() {
            sleep(Duration::from_millis(5)).await;
        }
        let other = ask(&gated, "/metrics?name[]=other");
        let second = ask(&gated, "/metrics");
        sleep(A_MOMENT).await;
        let start = Instant::now();
        gated.gates.open();
        assert_eq!(status(first).await, 200);
        assert_eq!(status(other).await, 200);
        assert_eq!(status(second).await, 200);
        assert!(start.elapsed() < TURN);
    });
}
