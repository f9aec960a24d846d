//! The metrics of tokio, beside numbers of tasks, workers and polls that are known.

#![cfg(feature = "tokio")]

mod sets_support;

use std::future::pending;
use std::hint::black_box;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nilometer::MetricsRegistry;
use nilometer::runtime::{RuntimeCollector, RuntimeError, TaskMetrics};
use tokio::runtime::{Builder, Runtime};

use self::sets_support::{Page, eventually, microseconds};

fn workers(number: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(number).enable_time().build().unwrap()
}

fn is_odd(count: f64) -> bool {
    count.rem_euclid(2.0) > 0.5
}

/// Keeps every worker in a task until the sender is dropped.
fn block_workers(runtime: &Runtime, number: usize) -> Vec<mpsc::Sender<()>> {
    let (begun, blocked) = mpsc::channel();
    let senders = (0..number).map(|_| {
        let (sender, receiver) = mpsc::channel::<()>();
        let begun = begun.clone();
        runtime.spawn(async move {
            begun.send(()).unwrap();
            let _ = receiver.recv();
        });
        sender
    });
    let senders = senders.collect();
    for _ in 0..number {
        blocked.recv_timeout(Duration::from_secs(10)).unwrap();
    }
    senders
}

#[test]
fn tasks_are_alive_until_they_end() {
    let runtime = workers(2);
    let collector = RuntimeCollector::new(runtime.handle());
    assert_eq!(Page::of(&collector).number("tokio_workers").to_string(), "2");
    let tasks: Vec<_> = (0..10).map(|_| runtime.spawn(pending::<()>())).collect();
    assert_eq!(Page::of(&collector).number("tokio_alive_tasks").to_string(), "10");
    tasks[..4].iter().for_each(|task| task.abort());
    eventually("six tasks are alive", || Page::of(&collector).number("tokio_alive_tasks").to_string() == "6");
}

#[test]
fn workers_without_work_are_parked() {
    let runtime = workers(3);
    let collector = RuntimeCollector::new(runtime.handle());
    let is_parked = |worker: &str| {
        let page = Page::of(&collector);
        is_odd(page.number_of("tokio_worker_park_unparks_total", &[("worker", worker)]))
    };
    eventually("all are parked", || ["0", "1", "2"].into_iter().all(is_parked));

    let parks = || {
        let page = Page::of(&collector);
        ["0", "1", "2"].map(|worker| page.number_of("tokio_worker_parks_total", &[("worker", worker)]))
    };
    let before: f64 = parks().iter().sum();
    runtime.block_on(async { tokio::spawn(async {}).await.unwrap() });
    eventually("the worker that woke is parked again", || parks().iter().sum::<f64>() > before);
}

#[test]
fn what_waits_for_blocked_workers_is_in_the_queue() {
    let runtime = workers(2);
    let collector = RuntimeCollector::new(runtime.handle());
    let depth = || Page::of(&collector).number("tokio_global_queue_depth").to_string();
    let blocking = block_workers(&runtime, 2);
    for _ in 0..50 {
        runtime.spawn(async {});
    }
    assert_eq!(depth(), "50");
    let page = Page::of(&collector);
    assert_eq!(page.number("tokio_alive_tasks").to_string(), "52");
    for worker in ["0", "1"] {
        let count = page.number_of("tokio_worker_park_unparks_total", &[("worker", worker)]);
        assert!(!is_odd(count), "worker {worker}: {count}");
    }
    drop(blocking);
    eventually("the queue is empty", || depth() == "0");
    eventually("no task is alive", || Page::of(&collector).number("tokio_alive_tasks").to_string() == "0");
}

#[test]
fn a_worker_that_works_is_busy() {
    let runtime = workers(1);
    let collector = RuntimeCollector::new(runtime.handle());
    let busy = || Page::of(&collector).number_of("tokio_worker_busy_seconds_total", &[("worker", "0")]);
    let before = busy();
    let (sender, receiver) = mpsc::channel();
    runtime.spawn(async move {
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(300) {
            black_box(0);
        }
        sender.send(start.elapsed()).unwrap();
    });
    let worked = receiver.recv_timeout(Duration::from_secs(10)).unwrap().as_secs_f64();
    eventually("the worker has told", || busy() - before >= worked);
    let told = busy() - before;
    assert!(told < worked * 1.1, "{told} {worked}");
}

#[test]
fn several_runtimes_are_told_apart() {
    let (one, two) = (workers(1), Builder::new_current_thread().build().unwrap());
    let collector =
        RuntimeCollector::named("one", one.handle()).unwrap().with_runtime("two", two.handle()).unwrap();
    let tasks: Vec<_> = (0..3).map(|_| two.spawn(pending::<()>())).collect();
    let registry = MetricsRegistry::new();
    registry.register_collector("tokio", collector).unwrap();
    let page = Page::of(&registry);
    assert_eq!(page.number_of("tokio_alive_tasks", &[("runtime", "one")]).to_string(), "0");
    assert_eq!(page.number_of("tokio_alive_tasks", &[("runtime", "two")]).to_string(), "3");
    let labels = [("runtime", "two"), ("worker", "0")];
    assert!(page.find("tokio_worker_parks_total", &labels).is_some());
    let families = page.families.iter().filter(|family| family.name() == "tokio_workers");
    assert_eq!(families.count(), 1);
    let failed = page.series.iter().any(|shown| {
        shown.name == "nilometer_collector_failures_total" && shown.number.unwrap().as_f64() > 0.0
    });
    assert!(!failed, "{page:?}");
    drop(tasks);
}

#[test]
fn a_name_that_is_no_name_is_refused() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let named = |name: &str| RuntimeCollector::named(name, runtime.handle());
    assert_eq!(named("").unwrap_err(), RuntimeError::NoName);
    let long = "x".repeat(10_000);
    let error = named(&long).unwrap_err();
    assert!(matches!(&error, RuntimeError::Name { name, .. } if *name == long), "{error}");
    let twice = named("main").unwrap().with_runtime("main", runtime.handle());
    assert_eq!(twice.unwrap_err(), RuntimeError::NameTaken { name: "main".into() });
}

#[test]
fn a_runtime_that_has_ended_is_shown_as_it_was() {
    let runtime = workers(2);
    let collector = RuntimeCollector::new(runtime.handle());
    runtime.spawn(pending::<()>());
    drop(runtime);
    assert_eq!(Page::of(&collector).number("tokio_alive_tasks").to_string(), "0");
    assert_eq!(Page::of(&collector).number("tokio_workers").to_string(), "2");
}

fn task_metrics() -> TaskMetrics {
    TaskMetrics::new(&MetricsRegistry::new()).unwrap()
}

#[test]
fn polls_are_counted() {
    let metrics = task_metrics();
    let runtime = Builder::new_current_thread().build().unwrap();
    let answer = runtime.block_on(metrics.instrument(async {
        for _ in 0..41 {
            tokio::task::yield_now().await;
        }
        7
    }));
    assert_eq!(answer, 7);
    assert_eq!(metrics.polls_total.get(), 42);
    assert_eq!(metrics.poll_duration_seconds.snapshot().count(), 42);
    assert_eq!(metrics.first_poll_delay_seconds.snapshot().count(), 1);
    assert_eq!((metrics.completed_total.get(), metrics.alive.get()), (1, 0));
}

#[test]
fn how_a_task_ends_is_told() {
    let metrics = task_metrics();
    let runtime = workers(2);
    let ended = || (metrics.completed_total.get(), metrics.dropped_total.get(), metrics.panicked_total.get());
    let waiting = runtime.spawn(metrics.instrument(pending::<()>()));
    eventually("the task is polled", || metrics.polls_total.get() == 1);
    assert_eq!((metrics.alive.get(), ended()), (1, (0, 0, 0)));
    waiting.abort();
    assert!(runtime.block_on(waiting).unwrap_err().is_cancelled());
    assert_eq!(ended(), (0, 1, 0));

    let panicking = runtime.spawn(metrics.instrument(async { panic!("as the test wants it") }));
    assert!(runtime.block_on(panicking).unwrap_err().is_panic());
    assert_eq!(ended(), (0, 1, 1));

    runtime.block_on(runtime.spawn(metrics.instrument(async {}))).unwrap();
    assert_eq!(ended(), (1, 1, 1));
    drop(metrics.instrument(async {}));
    assert_eq!(ended(), (1, 2, 1));
    assert_eq!((metrics.instrumented_total.get(), metrics.alive.get()), (4, 0));
}

#[test]
fn a_long_poll_and_a_late_one_are_told() {
    let metrics = task_metrics();
    let runtime = workers(1);
    let blocking = block_workers(&runtime, 1);
    let task = runtime.spawn(metrics.instrument(async {
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(20) {
            black_box(0);
        }
    }));
    let spawned = Instant::now();
    while spawned.elapsed() < Duration::from_millis(30) {
        thread::yield_now();
    }
    drop(blocking);
    runtime.block_on(task).unwrap();
    let polls = metrics.poll_duration_seconds.snapshot();
    assert!(polls.count() == 1 && polls.sum() >= 0.02, "{polls:?}");
    let delays = metrics.first_poll_delay_seconds.snapshot();
    assert!(delays.count() == 1 && delays.sum() >= 0.03, "{delays:?}");
}

#[test]
fn tasks_of_several_kinds_are_told_apart() {
    let registry = MetricsRegistry::new();
    let of = |task| TaskMetrics::register_with(&registry, &[("task", task)]).unwrap();
    let (reading, writing) = (of("reader"), of("writer"));
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(reading.instrument(async {}));
    assert_eq!((reading.polls_total.get(), writing.polls_total.get()), (1, 0));
    let page = Page::of(&registry);
    assert_eq!(page.number_of("tokio_task_polls_total", &[("task", "reader")]).to_string(), "1");
}

#[cfg(not(tokio_unstable))]
#[test]
fn what_is_not_stable_is_not_there() {
    let runtime = workers(1);
    let page = Page::of(&RuntimeCollector::new(runtime.handle()));
    let names: Vec<&str> = page.families.iter().map(|family| family.name()).collect();
    let expected = [
        "tokio_workers",
        "tokio_alive_tasks",
        "tokio_global_queue_depth",
        "tokio_worker_busy_seconds_total",
        "tokio_worker_parks_total",
        "tokio_worker_park_unparks_total",
    ];
    assert_eq!(names, expected);
}

#[cfg(tokio_unstable)]
#[test]
fn with_the_flag_polls_and_spawned_tasks_are_told() {
    let runtime = workers(2);
    let collector = RuntimeCollector::new(runtime.handle());
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            runtime.spawn(async {
                for _ in 0..9 {
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    runtime.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
    let polls = || {
        let page = Page::of(&collector);
        let of = |worker| page.number_of("tokio_worker_polls_total", &[("worker", worker)]);
        of("0") + of("1")
    };
    eventually("the workers have told", || polls() >= 200.0);
    assert_eq!(polls().to_string(), "200");
    assert_eq!(Page::of(&collector).number("tokio_spawned_tasks_total").to_string(), "20");
    let blocking = runtime.spawn_blocking(|| ());
    runtime.block_on(blocking).unwrap();
    assert_eq!(Page::of(&collector).families.len(), 19);
}

#[test]
fn a_collection_is_cheap() {
    let runtime = workers(2);
    let collector = RuntimeCollector::new(runtime.handle());
    let took = microseconds(2000, || drop(black_box(Page::of(&collector))));
    println!("one collection of a runtime of two workers: {took:.1} µs");
    assert!(took < 1000.0, "{took}");
}
