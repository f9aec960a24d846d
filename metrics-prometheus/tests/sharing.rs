//! Scrapes that arrive together, and share a collection.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use common::http::{bare, serving};
use common::{Closure, Gate, Rows, gated, told};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, LabelSet, MetricType, SeriesLabels, Visitor,
};
use nilometer_prometheus::{MetricsBody, MetricsService, ServerConfig};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

type Answers = JoinSet<Response<MetricsBody>>;

const IN_TIME: Duration = Duration::from_secs(30);

fn ask<C: Collector + 'static>(
    answers: &mut Answers,
    service: &MetricsService<C>,
    request: http::request::Builder,
) {
    let answer = service.clone().oneshot(request.body(()).unwrap());
    answers.spawn(async { answer.await.unwrap() });
}

fn get(path: &str) -> http::request::Builder {
    Request::get(path)
}

/// Lets all answers that are asked for come as far as they can.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

async fn next(answers: &mut Answers) -> (u16, String) {
    let response = tokio::time::timeout(IN_TIME, answers.join_next()).await.unwrap().unwrap().unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn all(mut answers: Answers) -> Vec<(u16, String)> {
    let mut bodies = Vec::new();
    while !answers.is_empty() {
        bodies.push(next(&mut answers).await);
    }
    bodies
}

/// What a collection shows: the value of `recorded` when it began.
fn show(visitor: &mut dyn Visitor, recorded: u64) -> Result<(), CollectError> {
    visitor.family(&Descriptor::try_new("recorded_total", "Recorded.", MetricType::Counter)?)?;
    Ok(visitor.point(SeriesLabels::of(&LabelSet::empty()), CounterPoint::new(recorded).into())?)
}

fn page(recorded: u64) -> String {
    format!("# HELP recorded_total Recorded.\n# TYPE recorded_total counter\nrecorded_total {recorded}\n")
}

/// A collector of what is recorded, which tells of each collection and waits at a gate in the first one, once it has read the
/// value; the value, and how many collections there were.
struct Store {
    service: MetricsService<Arc<dyn Collector>>,
    recorded: Arc<AtomicU64>,
    collections: Arc<AtomicU64>,
    gate: Gate,
    began: mpsc::Receiver<()>,
}

fn store(
    config: &ServerConfig,
    ends: impl Fn(u64) -> Result<(), CollectError> + Send + Sync + 'static,
) -> Store {
    let (recorded, collections) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicU64::new(0)));
    let (tell, began) = mpsc::channel();
    let (gate, tell) = (Gate::default(), std::sync::Mutex::new(tell));
    let (door, read, count) = (gate.clone(), Arc::clone(&recorded), Arc::clone(&collections));
    let collector: Arc<dyn Collector> = Arc::new(Closure(move |visitor: &mut dyn Visitor| {
        let collection = count.fetch_add(1, Ordering::SeqCst);
        let value = read.load(Ordering::SeqCst);
        if collection == 0 {
            tell.lock().unwrap().send(()).unwrap();
            door.wait();
        }
        show(visitor, value)?;
        ends(collection)
    }));
    let service = MetricsService::try_new(collector, config).unwrap();
    Store { service, recorded, collections, gate, began }
}

impl Store {
    /// Asks for the page, whose collection waits at the gate then.
    async fn begin(&self) -> Answers {
        let mut first = Answers::new();
        ask(&mut first, &self.service, get("/metrics"));
        settle().await;
        self.began.recv().unwrap();
        first
    }
}

// The clock of the runtime stands still, so that nobody's patience ends.

#[tokio::test(start_paused = true)]
async fn a_hundred_scrapes_that_come_during_another_share_the_next_collection() {
    let store = store(&bare().with_scrape_limit(1), |_| Ok(()));
    let (first, mut others) = (store.begin().await, Answers::new());
    // Recorded after the first collection read it, before the others were asked for.
    store.recorded.store(2, Ordering::SeqCst);
    for _ in 0..100 {
        ask(&mut others, &store.service, get("/metrics"));
    }
    settle().await;
    assert_eq!(store.collections.load(Ordering::SeqCst), 1);
    store.gate.open();
    assert_eq!(all(first).await, [(200, page(1))]);
    assert_eq!(all(others).await, vec![(200, page(2)); 100]);
    assert_eq!(store.collections.load(Ordering::SeqCst), 2);
    let mut last = Answers::new();
    ask(&mut last, &store.service, get("/metrics"));
    assert_eq!(all(last).await, [(200, page(2))]);
    assert_eq!(store.service.stats().responses(200), 102);
}

#[tokio::test(start_paused = true)]
async fn scrapes_of_other_pages_share_nothing_with_it() {
    let store = store(&bare().with_scrape_limit(8), |_| Ok(()));
    let (first, mut others) = (store.begin().await, Answers::new());
    for request in [
        get("/metrics?name[]=recorded_total"),
        get("/metrics?exclude[]=other"),
        get("/metrics").header("accept", "application/openmetrics-text"),
        get("/metrics").header("accept-encoding", "gzip"),
        Request::head("/metrics"),
    ] {
        let is_compressed = request.headers_ref().unwrap().contains_key("accept-encoding");
        ask(&mut others, &store.service, request);
        let response = tokio::time::timeout(IN_TIME, others.join_next()).await.unwrap().unwrap().unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers().contains_key("content-encoding"), is_compressed);
    }
    assert_eq!(store.collections.load(Ordering::SeqCst), 6);
    store.gate.open();
    assert_eq!(all(first).await, [(200, page(1))]);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_shared_each_collects_and_the_limit_turns_away() {
    let config = bare().with_shared_page_limit(0).with_scrape_limit(2);
    let store = store(&config, |_| Ok(()));
    let (first, mut others) = (store.begin().await, Answers::new());
    ask(&mut others, &store.service, get("/metrics"));
    assert_eq!(next(&mut others).await, (200, page(1)));
    store.gate.open();
    assert_eq!(all(first).await, [(200, page(1))]);
    assert_eq!(store.collections.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_of_those_alone_whose_collection_it_is() {
    for panics in [false, true] {
        let store = store(&bare().with_scrape_limit(1), move |collection| match collection {
            1 if panics => panic!("in a test"),
            1 => Err(CollectError::failed("no source")),
            _ => Ok(()),
        });
        let (first, mut second) = (store.begin().await, Answers::new());
        for _ in 0..10 {
            ask(&mut second, &store.service, get("/metrics"));
        }
        settle().await;
        store.gate.open();
        assert_eq!(all(first).await, [(200, page(1))]);
        assert_eq!(all(second).await, vec![(500, "the collector failed\n".to_owned()); 10]);
        let mut third = Answers::new();
        ask(&mut third, &store.service, get("/metrics"));
        assert_eq!(all(third).await, [(200, page(1))]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_collection_goes_on_for_those_who_wait_when_the_one_who_began_it_goes_away() {
    let store = store(&bare().with_scrape_limit(1), |_| Ok(()));
    let (mut first, mut others) = (store.begin().await, Answers::new());
    for _ in 0..3 {
        ask(&mut others, &store.service, get("/metrics"));
    }
    settle().await;
    first.shutdown().await;
    store.gate.open();
    assert_eq!(all(others).await, vec![(200, page(1)); 3]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_collected_for_those_who_have_gone() {
    let store = store(&bare().with_scrape_limit(1), |_| Ok(()));
    let (first, mut others) = (store.begin().await, Answers::new());
    for _ in 0..3 {
        ask(&mut others, &store.service, get("/metrics"));
    }
    settle().await;
    others.shutdown().await;
    store.gate.open();
    assert_eq!(all(first).await, [(200, page(1))]);
    let mut last = Answers::new();
    ask(&mut last, &store.service, get("/metrics"));
    assert_eq!(all(last).await, [(200, page(1))]);
    assert_eq!(store.collections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn when_a_collection_takes_its_time_one_of_those_who_wait_collects_for_all() {
    let store = store(&bare().with_scrape_limit(2), |_| Ok(()));
    let (mut first, mut others) = (Answers::new(), Answers::new());
    ask(&mut first, &store.service, get("/metrics"));
    settle().await;
    let _began = told(store.began).await;
    store.recorded.store(2, Ordering::SeqCst);
    for _ in 0..5 {
        ask(&mut others, &store.service, get("/metrics"));
    }
    // The gate stays shut. One place is left, which one of them takes, and one of those who come after that time.
    assert_eq!(next(&mut others).await, (200, page(2)));
    for _ in 0..5 {
        ask(&mut others, &store.service, get("/metrics"));
    }
    for _ in 0..9 {
        assert_eq!(next(&mut others).await, (200, page(2)));
    }
    let collections = store.collections.load(Ordering::SeqCst);
    assert!((2..11).contains(&collections), "{collections} collections, as many as there are scrapes");
    store.gate.open();
    assert_eq!(all(first).await, [(200, page(1))]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_too_long_goes_to_one_and_the_others_collect_for_themselves() {
    // The first collection waits with a piece in hand that passes the limit.
    let (tell, began) = mpsc::channel();
    let (gate, tell) = (Gate::default(), std::sync::Mutex::new(tell));
    let (door, is_first) = (gate.clone(), AtomicBool::new(true));
    let collector = Closure(move |visitor: &mut dyn Visitor| {
        if is_first.swap(false, Ordering::SeqCst) {
            tell.lock().unwrap().send(()).unwrap();
            door.wait();
        }
        Rows { series: 5_000, end: || Ok(()) }.collect(visitor)
    });
    let config = bare().with_shared_page_limit(100_000).with_scrape_limit(3);
    let service = MetricsService::try_new(collector, &config).unwrap();
    let mut answers = Answers::new();
    ask(&mut answers, &service, get("/metrics"));
    settle().await;
    began.recv().unwrap();
    for _ in 0..4 {
        ask(&mut answers, &service, get("/metrics"));
    }
    settle().await;
    gate.open();
    let (mut whole, mut busy) = (0, 0);
    for (status, body) in all(answers).await {
        match status {
            200 => whole += usize::from(body.lines().count() == 5_002),
            503 => busy += 1,
            _ => panic!("{status}: {body}"),
        }
    }
    // Three at a time, and who finds no place is told so.
    assert!(whole >= 1 && whole + busy == 5, "{whole} {busy}");
    let mut last = Answers::new();
    ask(&mut last, &service, get("/metrics"));
    assert_eq!(all(last).await[0].0, 200);
}

/// The next response, while the clock stands still.
async fn response(answers: &mut Answers) -> Response<MetricsBody> {
    let began = std::time::Instant::now();
    loop {
        if let Some(response) = answers.try_join_next() {
            return response.unwrap();
        }
        assert!(began.elapsed() < IN_TIME, "nobody is answered");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_page_that_is_too_long_does_not_wait_for_its_reader() {
    let (gate, door) = (Gate::default(), Gate::default());
    let (waits, opens) = (gate.clone(), door.clone());
    let collector = Closure(move |visitor: &mut dyn Visitor| {
        opens.open();
        waits.wait();
        Rows { series: 20_000, end: || Ok(()) }.collect(visitor)
    });
    let service = MetricsService::try_new(collector, &bare().with_scrape_limit(3)).unwrap();
    let (mut first, mut others) = (Answers::new(), Answers::new());
    ask(&mut first, &service, get("/metrics"));
    settle().await;
    door.wait();
    for _ in 0..2 {
        ask(&mut others, &service, get("/metrics"));
    }
    settle().await;
    gate.open();
    let unread = response(&mut first).await;
    for _ in 0..2 {
        assert_eq!(response(&mut others).await.status(), 200);
    }
    drop(unread);
}

#[tokio::test]
async fn a_reader_that_lags_holds_up_nobody_who_shares_with_it() {
    let (collector, gate, waits) = gated();
    let config = bare().with_scrape_limit(1);
    let service = MetricsService::try_new(collector, &config).unwrap();
    let mut first = Answers::new();
    ask(&mut first, &service, get("/metrics"));
    let waits = told(waits).await;
    let mut others = Answers::new();
    for _ in 0..20 {
        ask(&mut others, &service, get("/metrics"));
    }
    settle().await;
    gate.open();
    // One response of the shared page is not read at all.
    let unread = tokio::time::timeout(IN_TIME, others.join_next()).await.unwrap().unwrap().unwrap();
    assert_eq!(all(others).await, vec![(200, common::GATED.to_owned()); 19]);
    assert_eq!(all(first).await, [(200, common::GATED.to_owned())]);
    let mut later = Answers::new();
    ask(&mut later, &service, get("/metrics"));
    assert_eq!(next(&mut later).await.0, 200);
    assert_eq!(unread.into_body().collect().await.unwrap().to_bytes(), common::GATED);
    drop(waits);
}

/// Each of many tasks records, asks, and looks for what it recorded.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_page_shows_what_was_recorded_before_it_was_asked_for() {
    const TASKS: u64 = 16;
    const ROUNDS: u64 = 200;
    let (recorded, collections) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (read, count) = (Arc::clone(&recorded), Arc::clone(&collections));
    let collector = Closure(move |visitor: &mut dyn Visitor| {
        count.fetch_add(1, Ordering::SeqCst);
        let value = read.load(Ordering::SeqCst);
        // So that others come meanwhile.
        std::thread::sleep(Duration::from_micros(200));
        show(visitor, value)
    });
    let service = serving(collector);
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (service, recorded) = (service.clone(), Arc::clone(&recorded));
        tasks.spawn(async move {
            for _ in 0..ROUNDS {
                let least = recorded.fetch_add(1, Ordering::SeqCst) + 1;
                let mut answers = Answers::new();
                ask(&mut answers, &service, get("/metrics"));
                let (status, body) = next(&mut answers).await;
                assert_eq!(status, 200);
                let shown = body.lines().last().unwrap().rsplit(' ').next().unwrap().parse::<u64>().unwrap();
                assert!(shown >= least, "{shown} are shown of {least}");
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let collections = collections.load(Ordering::SeqCst);
    assert!(collections < TASKS * ROUNDS / 2, "{collections} collections share too little");
}

/// Collections that take a moment, for one page after the other and without an end to who asks for the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_who_share_a_page_keep_nobody_from_another_one() {
    let collector = Closure(|visitor: &mut dyn Visitor| {
        std::thread::sleep(Duration::from_millis(2));
        show(visitor, 1)
    });
    let service = MetricsService::try_new(collector, &bare().with_scrape_limit(1)).unwrap();
    let mut crowd = JoinSet::new();
    for _ in 0..8 {
        let service = service.clone();
        crowd.spawn(async move {
            loop {
                let mut answers = Answers::new();
                ask(&mut answers, &service, get("/metrics"));
                assert_eq!(next(&mut answers).await, (200, page(1)));
            }
        });
    }
    for _ in 0..50 {
        let mut answers = Answers::new();
        ask(&mut answers, &service, get("/metrics?name[]=recorded_total"));
        assert_eq!(next(&mut answers).await, (200, page(1)));
        ask(&mut answers, &service, Request::head("/metrics"));
        assert_eq!(next(&mut answers).await.0, 200);
    }
    assert!(crowd.try_join_next().is_none(), "nobody of the crowd has ended");
}

#[tokio::test]
async fn who_finds_no_place_in_time_is_told_so_and_those_who_wait_for_a_page_as_well() {
    let config = bare().with_scrape_limit(1).with_queue_timeout(Duration::from_millis(50));
    let store = store(&config, |_| Ok(()));
    let (mut first, mut others) = (Answers::new(), Answers::new());
    ask(&mut first, &store.service, get("/metrics"));
    settle().await;
    let _began = told(store.began).await;
    for request in ["/metrics", "/metrics", "/metrics?name[]=recorded_total"] {
        ask(&mut others, &store.service, get(request));
    }
    ask(&mut others, &store.service, Request::head("/metrics"));
    for (status, _) in all(others).await {
        assert_eq!(status, 503);
    }
    store.gate.open();
    assert_eq!(all(first).await, [(200, page(1))]);
    let mut last = Answers::new();
    ask(&mut last, &store.service, get("/metrics"));
    assert_eq!(all(last).await, [(200, page(1))]);
}
