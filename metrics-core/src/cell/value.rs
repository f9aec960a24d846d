//! A value that is set.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

/// A floating-point value that any thread sets or moves: one atomic, since the last `set` must win for all.
#[derive(Debug)]
pub struct Value {
    bits: CachePadded<AtomicU64>,
}

impl Value {
    pub(crate) fn new() -> Value {
        Value { bits: CachePadded::new(AtomicU64::new(0_f64.to_bits())) }
    }

    #[inline]
    pub(crate) fn set(&self, value: f64) {
        // ORDERING: Relaxed, here and below. A gauge publishes nothing but itself, and the changes of one atomic have
        // one order that all threads agree on.
        self.bits.store(value.to_bits(), Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn add(&self, delta: f64) {
        let change = |bits| Some((f64::from_bits(bits) + delta).to_bits());
        let _ = self.bits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
    }

    pub(crate) fn get(&self) -> f64 {
        f64::from_bits(self.bits.load(Ordering::Relaxed))
    }
}
