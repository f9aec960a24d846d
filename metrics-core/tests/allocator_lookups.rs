//! An allocator that looks series up by their labels, whatever the library is doing when it allocates.
//!
//! A program of its own, since there is one allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use nilometer_core::{Counter, CounterFamily, MetricsRegistry};

static ALLOCATIONS: OnceLock<CounterFamily> = OnceLock::new();
static TRUE_ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

const SIZE: [(&str, &str); 1] = [("size", "any")];

struct Looking;

// SAFETY: it is the system's allocator, and what it records neither unwinds nor goes on allocating.
unsafe impl GlobalAlloc for Looking {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(family) = ALLOCATIONS.get() {
            family.with(&SIZE, Counter::inc);
            TRUE_ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the contract is the same.
        unsafe { System.dealloc(memory, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Looking = Looking;

/// Something that is done with a family.
type Use = fn(&CounterFamily);

#[test]
fn an_allocator_can_look_up_what_is_there_under_every_lock_of_its_family() {
    let family = CounterFamily::new("allocations_total", "Allocations.");
    let handle = family.get_or_create(&SIZE);
    for number in 0..200 {
        drop(family.get_or_create(&[("size", &number.to_string())]));
    }
    ALLOCATIONS.set(family).unwrap();
    let family = ALLOCATIONS.get().unwrap();
    let uses: [(&str, Use); 6] = [
        ("collecting", |family| assert!(family.series().count() > 100)),
        ("making", |family| drop(family.get_or_create(&[("size", "new")]))),
        ("making the overflow series", |family| drop(family.get_or_create(&[("le", "1")]))),
        ("removing", |family| assert!(family.remove(&[("size", "7")]))),
        ("removing many", |family| family.retain(|series| series.labels().get("size") > Some("2"))),
        ("registering", |family| drop(MetricsRegistry::new().register(family))),
    ];
    let end = Arc::new(Barrier::new(uses.len() + 1));
    let mut threads = Vec::new();
    for (name, run) in uses {
        // On a thread that has never looked anything up, and that finds no record of one that has ended.
        let ((done, is_done), end) = (mpsc::channel(), Arc::clone(&end));
        threads.push(thread::spawn(move || {
            run(family);
            done.send(()).unwrap();
            end.wait();
        }));
        assert!(is_done.recv_timeout(Duration::from_secs(20)).is_ok(), "{name} waits for itself");
    }
    end.wait();
    for thread in threads {
        thread.join().unwrap();
    }
    let before = TRUE_ALLOCATIONS.load(Ordering::Relaxed);
    assert!(before > 100 && handle.get() >= before, "{before}, {}", handle.get());
}
