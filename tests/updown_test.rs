//! Up-down counters: what comes and goes, who shares it, what a reader sees of it meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use nilometer_core::{
    GaugeFamily, Labels, MetricType, MetricsRegistry, RegisterError, UpDownCounter, UpDownCounterFamily,
};
use nilometer_tests::scrape;

#[test]
fn a_number_goes_up_and_down_and_below_zero() {
    let counter = UpDownCounter::new("jobs", "Jobs.", Labels::from_pairs(&[("queue", "a")]));
    assert_eq!(counter.get(), 0);
    counter.inc();
    counter.add(10);
    counter.dec();
    counter.sub(4);
    assert_eq!(counter.get(), 6);
    counter.sub(-4);
    counter.add(-20);
    assert_eq!(counter.get(), -10);
    assert_eq!((counter.metadata().name(), counter.labels().get("queue")), ("jobs", Some("a")));
    assert_eq!(counter.metadata().metric_type(), MetricType::UpDownCounter);
}

#[test]
fn a_number_wraps_past_either_end() {
    let counter = UpDownCounterFamily::new("jobs", "Jobs.").default();
    counter.add(i64::MAX);
    counter.inc();
    assert_eq!(counter.get(), i64::MIN);
    counter.sub(i64::MIN);
    assert_eq!(counter.get(), 0);
    counter.add(i64::MIN);
    counter.dec();
    assert_eq!(counter.get(), i64::MAX);
}

#[test]
fn clones_and_lookups_share_one_number() {
    let family = UpDownCounterFamily::new("jobs", "Jobs.");
    let counter = family.get_or_create(&[("queue", "a"), ("zone", "1")]);
    family.get_or_create(&[("zone", "1"), ("queue", "a")]).add(5);
    counter.clone().dec();
    assert_eq!(counter.get(), 4);
}

#[test]
fn a_page_calls_it_a_gauge_and_shows_every_series() {
    let registry = MetricsRegistry::new();
    let family = registry.register_up_down_counter("jobs", "Jobs.").unwrap();
    // More than one page of cells, so that a scrape reads several.
    for queue in -600_i32..600 {
        family.get_or_create(&[("queue", &queue.to_string())]).add(queue.into());
    }
    let page = scrape(&registry);
    let shown = page.family("jobs").unwrap();
    assert_eq!((format!("{:?}", shown.metric_type).as_str(), shown.series.len()), ("Gauge", 1200));
    for queue in -600_i32..600 {
        let value = page.value("jobs", &[("queue", &queue.to_string())]).unwrap();
        assert_eq!(value.to_bits(), f64::from(queue).to_bits());
    }
}

#[test]
fn a_gauge_of_the_same_name_is_a_conflict_that_tells_them_apart() {
    let registry = MetricsRegistry::new();
    let counters = registry.register_up_down_counter("jobs", "Jobs.").unwrap();
    counters.default().inc();
    let expected = |error: RegisterError, left: &str, right: &str| match error {
        RegisterError::Conflict { what: "type", existing, requested, .. } => {
            assert_eq!((existing.as_str(), requested.as_str()), (left, right));
        }
        other => panic!("{other}"),
    };
    expected(registry.register_gauge("jobs", "Jobs.").unwrap_err(), "up-down counter", "gauge");
    let gauges = GaugeFamily::new("jobs", "Jobs.");
    expected(registry.register(&gauges).unwrap_err(), "up-down counter", "gauge");
    assert_eq!(registry.register_up_down_counter("jobs", "Jobs.").unwrap().default().get(), 1);

    registry.register_gauge("level", "Level.").unwrap();
    let refused = registry.register_up_down_counter("level", "Level.").unwrap_err();
    expected(refused, "gauge", "up-down counter");
}

#[test]
fn what_is_in_flight_is_counted_until_its_guard_goes_wherever_that_is() {
    let counter = UpDownCounterFamily::new("in_flight", "In flight.").default();
    let first = counter.track_in_flight();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _second = counter.track_in_flight();
        assert_eq!(counter.get(), 2);
        panic!("the work failed");
    }));
    assert!(panicked.is_err());
    assert_eq!(counter.get(), 1);
    thread::spawn(move || drop(first)).join().unwrap();
    assert_eq!(counter.get(), 0);
}

#[test]
fn no_reader_sees_less_than_zero_when_each_job_is_taken_after_it_was_sent() {
    const JOBS: i64 = 60_000;
    let registry = MetricsRegistry::new();
    let family = registry.register_up_down_counter("jobs", "Jobs.").unwrap();
    let jobs = family.default();
    let (send, take) = mpsc::channel();
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let send = send;
            for job in 0..JOBS {
                jobs.inc();
                send.send(job).unwrap();
            }
        });
        let taker = scope.spawn(|| take.into_iter().for_each(|_| jobs.dec()));
        while !(sender.is_finished() && taker.is_finished()) {
            let seen = jobs.get();
            assert!((0..=JOBS).contains(&seen), "{seen} jobs");
            let shown = scrape(&registry).value("jobs", &[]).unwrap();
            assert!(shown >= 0.0, "{shown} jobs on the page");
        }
    });
    assert_eq!(jobs.get(), 0);
}

#[test]
fn no_reader_sees_less_than_zero_while_threads_that_begin_and_end_take_what_others_put() {
    const ROUNDS: i64 = 300;
    const EACH: i64 = 40;
    let counter = UpDownCounterFamily::new("jobs", "Jobs.").default();
    let stock = Mutex::new(0_i64);
    let with_stock = |change: &dyn Fn(&mut i64)| {
        change(&mut stock.lock().unwrap_or_else(PoisonError::into_inner));
    };
    let reading = AtomicBool::new(true);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while reading.load(Ordering::Relaxed) {
                let seen = counter.get();
                assert!((0..=2 * EACH * ROUNDS).contains(&seen), "{seen} jobs");
            }
        });
        for _ in 0..ROUNDS {
            let putters = [(); 2].map(|()| {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        counter.inc();
                        with_stock(&|stock| *stock += 1);
                    }
                })
            });
            let takers = [(); 2].map(|()| {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        with_stock(&|stock| {
                            if *stock > 0 {
                                *stock -= 1;
                                counter.dec();
                            }
                        });
                    }
                })
            });
            putters.into_iter().chain(takers).for_each(|thread| thread.join().unwrap());
        }
        reading.store(false, Ordering::Relaxed);
        reader.join().unwrap();
    });
    let left = stock.into_inner().unwrap();
    assert_eq!(counter.get(), left);
}
