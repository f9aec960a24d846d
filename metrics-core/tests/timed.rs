//! Foreign collectors under a time limit.

#![expect(clippy::unwrap_used, reason = "a test helper that fails fails its test")]

mod common;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::page;
use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, LabelSet, MetricType, SeriesLabels, Visitor,
};
use nilometer_core::{MetricsRegistry, Registries, RegistryConfig};

/// Long enough for a collector that does not hang, on a busy machine.
const LIMIT: Duration = Duration::from_millis(300);

/// What a test that fails to end waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A collector that is a closure.
struct Source<F>(F);

impl<F: Fn(&mut dyn Visitor) -> Result<(), CollectError> + Send + Sync> Collector for Source<F> {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        self.0(visitor)
    }
}

fn counter(visitor: &mut dyn Visitor, name: &str, total: u64) -> Result<(), CollectError> {
    visitor.family(&Descriptor::try_new(name, "C.", MetricType::Counter)?)?;
    Ok(visitor.point(SeriesLabels::of(&LabelSet::empty()), CounterPoint::new(total).into())?)
}

/// What collectors wait for.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<GateState>, Condvar)>);

#[derive(Default)]
struct GateState {
    is_open: bool,
    /// Whether somebody has come to it.
    is_reached: bool,
}

impl Gate {
    fn set(&self, is_open: bool) {
        self.0.0.lock().unwrap().is_open = is_open;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let mut state = self.0.0.lock().unwrap();
        state.is_reached = true;
        while !state.is_open {
            state = self.0.1.wait(state).unwrap();
        }
    }

    fn is_reached(&self) -> bool {
        self.0.0.lock().unwrap().is_reached
    }
}

/// Opens the gate when the test is over, however it ends.
struct Opened(Gate);

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

/// Shows one counter when the gate lets it, and tells when it is dropped.
struct Gated {
    name: &'static str,
    gate: Gate,
    dropped: Sender<()>,
}

impl Drop for Gated {
    fn drop(&mut self) {
        let _ = self.dropped.send(());
    }
}

impl Collector for Gated {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        self.gate.pass();
        counter(visitor, self.name, 1)
    }
}

fn gated(name: &'static str) -> (Gated, Opened, Receiver<()>) {
    let (dropped, is_dropped) = mpsc::channel();
    let gate = Gate::default();
    (Gated { name, gate: gate.clone(), dropped }, Opened(gate), is_dropped)
}

fn limited(limit: impl Into<Option<Duration>>) -> MetricsRegistry {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_collector_time_limit(limit));
    registry.register_counter("own_total", "Own.").unwrap().default().inc();
    registry
}

const OWN: [&str; 2] = ["own_total counter", "  {} 1"];
const FAILURES: &str = "nilometer_collector_failures_total counter";

fn failed(collector: &str, reason: &str, count: u32) -> String {
    format!("  {{collector={collector:?},reason={reason:?}}} {count}")
}

/// The first page that fits.
fn page_that(collector: &impl Collector, fits: impl Fn(&[String]) -> bool) -> Vec<String> {
    let begin = Instant::now();
    loop {
        let page = page(collector);
        if fits(&page) {
            return page;
        }
        assert!(begin.elapsed() < PATIENCE, "{page:?}");
        thread::yield_now();
    }
}

#[test]
fn one_that_hangs_loses_its_families_until_it_ends_and_the_others_lose_nothing() {
    let registry = limited(LIMIT);
    let (slow, gate, _dropped) = gated("slow_total");
    registry.register_collector("slow", slow).unwrap();
    registry
        .register_collector("quick", Source(|visitor: &mut dyn Visitor| counter(visitor, "quick_total", 1)))
        .unwrap();
    for count in 1..=3 {
        let begin = Instant::now();
        let expected =
            [OWN[0], OWN[1], "quick_total counter", "  {} 1", FAILURES, &failed("slow", "timeout", count)];
        assert_eq!(page(&registry), expected);
        assert_eq!(begin.elapsed() >= LIMIT, count == 1, "waited for once, then skipped");
    }
    gate.0.set(true);
    let slow = ["slow_total counter", "  {} 1", "quick_total counter", "  {} 1"];
    page_that(&registry, |page| page[2..].starts_with(&slow.map(str::to_owned)));
    gate.0.set(false);
    page_that(&registry, |page| !page.contains(&slow[0].to_owned()));
}

#[test]
fn many_that_hang_cost_one_limit_on_one_page_and_on_that_of_several_registries() {
    let registries = [(); 2].map(|()| limited(LIMIT));
    let mut gates = Vec::new();
    for registry in &registries {
        for number in 0..8 {
            let (slow, gate, _) = gated("slow_total");
            registry.register_collector(format!("slow_{number}"), slow).unwrap();
            gates.push(gate);
        }
    }
    let one = Registries::new([registries[0].clone()]);
    // The second time, those of the first registry are skipped, and those of the other one are waited for.
    for (all, count) in [(one, 1), (Registries::new(registries.clone()), 3)] {
        let begin = Instant::now();
        let page = page(&all);
        assert!((LIMIT..4 * LIMIT).contains(&begin.elapsed()), "{:?}", begin.elapsed());
        let failures = (0..8).map(|number| failed(&format!("slow_{number}"), "timeout", count));
        assert_eq!(page[3..11], failures.collect::<Vec<_>>());
    }
}

#[test]
fn a_panic_on_its_thread_is_counted_and_the_thread_goes_on() {
    let registry = limited(PATIENCE);
    let asked = AtomicU64::new(0);
    let source = Source(move |visitor: &mut dyn Visitor| {
        let times = asked.fetch_add(1, Ordering::Relaxed);
        counter(visitor, "c_total", times)?;
        assert!(times != 1, "a collector's bug");
        Ok(())
    });
    registry.register_collector("c", source).unwrap();
    assert_eq!(page(&registry), [OWN[0], OWN[1], "c_total counter", "  {} 0"]);
    let failure = failed("c", "panic", 1);
    assert_eq!(page(&registry), [OWN[0], OWN[1], "c_total counter", "  {} 1", FAILURES, &failure]);
    assert_eq!(page(&registry), [OWN[0], OWN[1], "c_total counter", "  {} 2", FAILURES, &failure]);
}

#[test]
fn a_late_one_is_told_to_stop_and_is_counted_for_nothing_else() {
    let registry = limited(Duration::from_millis(50));
    let (told, tells) = mpsc::channel();
    let gate = Gate::default();
    let opened = Opened(gate.clone());
    let source = Source(move |visitor: &mut dyn Visitor| {
        gate.pass();
        let shown = counter(visitor, "c_total", 1);
        let _ = told.send(matches!(shown, Err(CollectError::Stopped(_))));
        shown
    });
    registry.register_collector("c", source).unwrap();
    assert_eq!(page(&registry), [OWN[0], OWN[1], FAILURES, &failed("c", "timeout", 1)]);
    // On a busy machine the limit may be over before the thread has begun: nothing has run then.
    page_that(&registry, |_| opened.0.is_reached());
    opened.0.set(true);
    assert!(tells.recv_timeout(PATIENCE).unwrap());
    let page = page_that(&registry, |page| page.len() == 6);
    assert!(!tells.recv_timeout(PATIENCE).unwrap(), "nobody had gone");
    assert!(page[5].contains("timeout"), "{page:?}");
}

#[test]
fn one_that_hangs_can_be_taken_off_and_goes_when_it_ends() {
    let registry = limited(Duration::from_millis(50));
    let (slow, gate, dropped) = gated("slow_total");
    let registration = registry.register_collector("slow", slow).unwrap();
    page_that(&registry, |_| gate.0.is_reached());
    registration.unregister();
    assert_eq!(page(&registry), OWN);
    assert!(dropped.try_recv().is_err(), "it is still at it");
    let (again, open, _) = gated("slow_total");
    open.0.set(true);
    registry.register_collector("slow", again).unwrap();
    page_that(&registry, |page| page.contains(&"slow_total counter".to_owned()));
    gate.0.set(true);
    dropped.recv_timeout(PATIENCE).unwrap();
}

#[test]
fn one_that_does_not_run_goes_at_once() {
    let registry = limited(PATIENCE);
    let (quick, gate, dropped) = gated("quick_total");
    gate.0.set(true);
    let registration = registry.register_collector("quick", quick).unwrap();
    for _ in 0..100 {
        assert_eq!(page(&registry).len(), 4);
    }
    registration.unregister();
    dropped.try_recv().unwrap();
}

#[test]
fn scrapes_at_a_time_share_runs_that_begin_after_them() {
    let registry = limited(PATIENCE);
    let (total, running, runs) =
        (Arc::new(AtomicU64::new(0)), AtomicU64::new(0), Arc::new(AtomicU64::new(0)));
    let source = Source({
        let (total, runs) = (Arc::clone(&total), Arc::clone(&runs));
        move |visitor: &mut dyn Visitor| {
            assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
            runs.fetch_add(1, Ordering::Relaxed);
            let total = total.load(Ordering::SeqCst);
            thread::yield_now();
            running.fetch_sub(1, Ordering::SeqCst);
            counter(visitor, "c_total", total)
        }
    });
    registry.register_collector("c", source).unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut last = 0;
                for _ in 0..100 {
                    let own = total.fetch_add(1, Ordering::SeqCst) + 1;
                    let page = page(&registry);
                    assert_eq!(page.len(), 4, "{page:?}");
                    let shown: u64 = page[3].trim_start_matches("  {} ").parse().unwrap();
                    assert!(own <= shown && last <= shown, "{own} and {last} were there, not {shown}");
                    last = shown;
                }
            });
        }
    });
    assert!((1..=800).contains(&runs.load(Ordering::Relaxed)));
}

#[test]
fn without_a_limit_a_collector_runs_on_the_thread_that_collects() {
    for (limit, is_here) in [(None, true), (Some(PATIENCE), false)] {
        let registry = limited(limit);
        let (ran, runs) = mpsc::channel();
        let source = Source(move |_: &mut dyn Visitor| {
            let _ = ran.send(thread::current().id());
            Ok(())
        });
        registry.register_collector("c", source).unwrap();
        let ids = [(); 2].map(|()| {
            page(&registry);
            runs.recv_timeout(PATIENCE).unwrap()
        });
        assert_eq!(ids[0], ids[1], "its thread is kept");
        assert_eq!(ids[0] == thread::current().id(), is_here);
    }
}

#[test]
fn a_collector_may_collect_its_registry_and_register_with_it() {
    let registry = limited(PATIENCE);
    let own = registry.clone();
    let source = Source(move |visitor: &mut dyn Visitor| {
        own.register_counter("made_total", "Made.").unwrap().default().inc();
        let _ = own.register_collector("more", Source(|_: &mut dyn Visitor| Ok(()))).unwrap();
        counter(visitor, "c_total", page(&own).len() as u64)
    });
    let registration = registry.register_collector("c", source).unwrap();
    let page = page(&registry);
    // Its own registry's two families, and the failure that is the cycle.
    assert_eq!(page, [OWN[0], OWN[1], "c_total counter", "  {} 6", FAILURES, &failed("c", "cycle", 1)]);
    registration.unregister();
}

#[test]
fn one_that_collects_its_registry_on_yet_another_thread_is_late_and_no_deadlock() {
    let registry = limited(Duration::from_millis(50));
    let own = registry.clone();
    let source = Source(move |visitor: &mut dyn Visitor| {
        let page = thread::scope(|scope| scope.spawn(|| page(&own)).join().unwrap());
        counter(visitor, "c_total", page.len() as u64)
    });
    let registration = registry.register_collector("c", source).unwrap();
    let page = page(&registry);
    assert_eq!(page[..2], OWN);
    // The inner page does without it; the outer one has it where it is done as it would be late.
    assert!(page.iter().any(|line| line.contains("timeout")), "{page:?}");
    registration.unregister();
}

#[test]
fn registries_that_collect_each_other_are_collected_from_both_sides_at_a_time() {
    let registries = [(); 2].map(|()| limited(Duration::from_millis(50)));
    let mut guards = Vec::new();
    for (at, registry) in registries.iter().enumerate() {
        guards.push(registry.register_collector("other", registries[1 - at].clone()).unwrap().guard());
    }
    thread::scope(|scope| {
        for registry in registries.iter().cycle().take(4) {
            scope.spawn(|| (0..20).for_each(|_| assert_eq!(page(registry)[..2], OWN)));
        }
    });
}
