//! Timers of tasks that run for long, by a clock that the tests move.

mod common;

use std::thread;
use std::time::{Duration, SystemTime};

use common::page;
use nilometer_core::{LongTaskTimer, ManualClock, MetricsRegistry, RegisterError, RegistryConfig};

/// A registry, and a clock that stands still until it is moved.
fn hand() -> (MetricsRegistry, ManualClock) {
    let clock = ManualClock::new(SystemTime::UNIX_EPOCH);
    (MetricsRegistry::with_config(RegistryConfig::new().with_clock(&clock)), clock)
}

#[test]
fn a_page_shows_how_many_run_and_for_how_long_and_the_oldest() {
    let (registry, clock) = hand();
    let register = || registry.register_long_task_timer("imports", "Imports.", &[]);
    let imports = register().unwrap();
    let expected = |active: u64, seconds: f64, oldest: f64| {
        [
            "imports_active gauge".to_owned(),
            format!("  {{}} {active}"),
            "imports_active_seconds gauge".to_owned(),
            format!("  {{}} {seconds}"),
            "imports_oldest_seconds gauge".to_owned(),
            format!("  {{}} {oldest}"),
        ]
    };
    assert_eq!(page(&registry), expected(0, 0.0, 0.0));
    clock.advance(Duration::from_secs(1));
    let first = imports.start();
    clock.advance(Duration::from_millis(2_500));
    let second = register().unwrap().start();
    clock.advance(Duration::from_millis(500));
    assert_eq!(page(&registry), expected(2, 3.5, 3.0));
    assert_eq!((imports.active(), imports.oldest()), (2, Some(Duration::from_secs(3))));
    assert_eq!(imports.active_duration(), Duration::from_millis(3_500));
    assert_eq!(first.elapsed(), Duration::from_secs(3));
    assert_eq!(first.stop(), Duration::from_secs(3));
    clock.advance(Duration::from_secs(1));
    assert_eq!(page(&registry), expected(1, 1.5, 1.5));
    drop(second);
    assert_eq!(page(&registry), expected(0, 0.0, 0.0));
    assert_eq!(imports.oldest(), None);
}

#[test]
fn a_task_that_starts_at_the_clocks_first_moment_is_running() {
    let (registry, clock) = hand();
    let timer = registry.register_long_task_timer("a", "A.", &[]).unwrap();
    let task = timer.start();
    assert_eq!(timer.active(), 1);
    clock.advance(Duration::from_millis(10));
    assert_eq!(task.elapsed(), Duration::from_millis(10));
    assert_eq!(timer.oldest(), Some(Duration::from_millis(10)));
}

#[test]
fn timers_of_other_labels_are_other_series() {
    let registry = MetricsRegistry::new();
    let timer = |source: &str| registry.register_long_task_timer("a", "A.", &[("source", source)]).unwrap();
    let _running = [timer("ftp").start(), timer("ftp").start(), timer("http").start()];
    let page = page(&registry);
    assert_eq!(page[..3], ["a_active gauge", "  {source=\"ftp\"} 2", "  {source=\"http\"} 1"]);
    assert_eq!(page.len(), 9);
}

#[test]
fn a_task_ends_with_a_panic_and_on_another_thread() {
    let registry = MetricsRegistry::new();
    let timer = registry.register_long_task_timer("a", "A.", &[]).unwrap();
    let task = timer.start();
    let panicked = thread::spawn(move || {
        let _task = task;
        panic!("as the test wants it");
    });
    assert!(panicked.join().is_err());
    assert_eq!(timer.active(), 0);
}

#[test]
fn a_name_that_is_taken_leaves_none_of_the_three() {
    for taken in ["a_active", "a_active_seconds", "a_oldest_seconds"] {
        let registry = MetricsRegistry::new();
        registry.register_gauge(taken, "Taken.").unwrap();
        let error = registry.register_long_task_timer("a", "A.", &[]).unwrap_err();
        assert!(matches!(error, RegisterError::Conflict { .. }), "{error:?}");
        assert_eq!(page(&registry), [format!("{taken} gauge")]);
    }
}

#[test]
fn labels_that_are_refused_leave_none_of_the_three() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_series_limit(1));
    let error = registry.register_long_task_timer("a", "A.", &[("le", "1")]).unwrap_err();
    assert!(matches!(error, RegisterError::Series { .. }), "{error:?}");
    assert_eq!(page(&registry), [""; 0]);
    let _first = registry.register_long_task_timer("a", "A.", &[("x", "1")]).unwrap();
    let before = page(&registry);
    assert!(registry.register_long_task_timer("a", "A.", &[("x", "2")]).is_err());
    assert_eq!(page(&registry), before);
}

#[test]
fn the_limit_of_a_registry_is_met_by_all_three_or_none() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_registry_limit(5));
    let _first = registry.register_long_task_timer("a", "A.", &[("x", "1")]).unwrap();
    let before = page(&registry);
    let error = registry.register_long_task_timer("a", "A.", &[("x", "2")]).unwrap_err();
    assert!(matches!(error, RegisterError::Series { .. }), "{error:?}");
    assert_eq!(page(&registry), before);
    // The two series that had been made are given back.
    let family = registry.register_counter("b_total", "B.").unwrap();
    assert!(
        family.try_get_or_create(&[("x", "1")]).is_ok() && family.try_get_or_create(&[("x", "2")]).is_ok()
    );
    assert!(family.try_get_or_create(&[("x", "3")]).is_err());
}

#[test]
fn a_timer_of_which_one_family_is_gone_is_refused_until_all_are() {
    let registry = MetricsRegistry::new();
    let timer = registry.register_long_task_timer("a", "A.", &[]).unwrap();
    assert!(registry.unregister("a_active"));
    let error = registry.register_long_task_timer("a", "A.", &[]).unwrap_err();
    assert!(matches!(error, RegisterError::Conflict { what: "series", .. }), "{error:?}");
    let _task = timer.start();
    assert_eq!(page(&registry).len(), 4);
    assert!(registry.unregister("a_active_seconds") && registry.unregister("a_oldest_seconds"));
    assert_eq!(registry.register_long_task_timer("a", "A.", &[]).unwrap().active(), 0);
}

#[test]
fn threads_that_start_and_end_tasks_leave_none() {
    let registry = MetricsRegistry::new();
    let timer = registry.register_long_task_timer("a", "A.", &[]).unwrap();
    let start_many = |timer: &LongTaskTimer| {
        for round in 0..200 {
            let tasks: Vec<_> = (0..round % 100).map(|_| timer.start()).collect();
            assert!(timer.active() >= tasks.len() as u64);
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| start_many(&timer));
        }
        for _ in 0..200 {
            assert!(timer.active() <= 4 * 99);
        }
    });
    assert_eq!(timer.active(), 0);
}
