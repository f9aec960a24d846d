//! Counters: what they count, who shares them, what a page shows of them.

use std::thread;

use nilometer_core::{Counter, CounterFamily, Labels, MetricsRegistry};
use nilometer_tests::scrape;

#[test]
fn a_counter_starts_at_zero_and_adds_what_it_is_given() {
    let counter = Counter::new("requests_total", "Requests.", Labels::empty());
    assert_eq!(counter.get(), 0);
    counter.inc();
    counter.inc_by(5);
    counter.inc_by(0);
    assert_eq!(counter.get(), 6);
}

#[test]
fn a_counter_knows_its_name_help_and_labels() {
    let counter = Counter::new("requests_total", "Requests.", Labels::from_pairs(&[("method", "GET")]));
    assert_eq!(counter.metadata().name(), "requests_total");
    assert_eq!(counter.metadata().help(), "Requests.");
    assert_eq!(counter.metadata().metric_type().as_str(), "counter");
    assert_eq!(counter.labels().get("method"), Some("GET"));
}

#[test]
fn clones_and_lookups_share_one_count() {
    let family = CounterFamily::new("requests_total", "Requests.");
    let counter = family.get_or_create(&[("method", "GET"), ("status", "200")]);
    counter.clone().inc();
    family.get_or_create(&[("status", "200"), ("method", "GET")]).inc();
    family.with(&[("method", "GET"), ("status", "200")], Counter::inc);
    family.clone().get(&[("method", "GET"), ("status", "200")]).unwrap().inc();
    assert_eq!(counter.get(), 4);
    assert_eq!(family.len(), 1);
}

#[test]
fn other_labels_are_another_series() {
    let family = CounterFamily::new("requests_total", "Requests.");
    for (labels, times) in [(&[("a", "1")][..], 1), (&[("a", "2")], 2), (&[("b", "1")], 3), (&[], 4)] {
        family.get_or_create(labels).inc_by(times);
    }
    assert_eq!(family.len(), 4);
    assert_eq!(family.series().map(|counter| counter.get()).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(family.default().get(), 4);
}

#[test]
fn an_empty_label_value_is_the_same_as_no_label() {
    let family = CounterFamily::new("requests_total", "Requests.");
    family.get_or_create(&[("a", ""), ("b", "1")]).inc();
    assert_eq!(family.get_or_create(&[("b", "1")]).get(), 1);
    family.get_or_create(&[("a", "")]).inc();
    assert_eq!(family.default().get(), 1);
}

#[test]
fn a_removed_series_starts_again_from_zero_and_its_old_handles_reach_nobody() {
    let registry = MetricsRegistry::new();
    let family = registry.register_counter("requests_total", "Requests.").unwrap();
    let old = family.get_or_create(&[("method", "GET")]);
    old.inc_by(7);
    assert!(family.remove(&[("method", "GET")]));
    assert!(!family.remove(&[("method", "GET")]));
    assert!(family.get(&[("method", "GET")]).is_none());
    old.inc();
    assert_eq!(scrape(&registry).value("requests_total", &[("method", "GET")]), None);
    family.get_or_create(&[("method", "GET")]).inc();
    assert_eq!(scrape(&registry).count("requests_total", &[("method", "GET")]), Some(1));
}

#[test]
fn retain_keeps_what_it_is_told_to_and_clear_nothing() {
    let family = CounterFamily::new("requests_total", "Requests.");
    for index in 0..200_u64 {
        family.get_or_create(&[("index", &index.to_string())]).inc_by(index);
    }
    family.retain(|counter| counter.get() % 2 == 1);
    assert_eq!(family.len(), 100);
    assert!(family.series().all(|counter| counter.get() % 2 == 1));
    family.clear();
    assert!(family.is_empty());
    assert_eq!(family.series().count(), 0);
}

#[test]
fn no_digit_of_a_count_is_lost_up_to_the_last_and_then_it_wraps() {
    let registry = MetricsRegistry::new();
    let counter = registry.register_counter("bytes_total", "Bytes.").unwrap().default();
    counter.inc_by((1 << 53) + 1);
    assert_eq!(scrape(&registry).count("bytes_total", &[]), Some((1 << 53) + 1));
    counter.inc_by(u64::MAX - counter.get());
    assert_eq!(scrape(&registry).count("bytes_total", &[]), Some(u64::MAX));
    counter.inc_by(3);
    assert_eq!(scrape(&registry).count("bytes_total", &[]), Some(2));
}

#[test]
fn the_counts_of_a_thread_that_has_ended_stay() {
    let family = CounterFamily::new("requests_total", "Requests.");
    for _ in 0..50 {
        let counter = family.default();
        thread::spawn(move || counter.inc_by(2)).join().unwrap();
    }
    assert_eq!(family.default().get(), 100);
}

#[test]
fn a_series_stands_on_the_page_at_zero_before_it_counts() {
    let registry = MetricsRegistry::new();
    let family = registry.register_counter("requests_total", "Requests.").unwrap();
    let _counter = family.get_or_create(&[("method", "GET")]);
    assert_eq!(scrape(&registry).count("requests_total", &[("method", "GET")]), Some(0));
}
