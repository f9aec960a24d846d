//! Handles by key, found again at every call of a macro.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;

use crossbeam_utils::CachePadded;
use metrics::Key;

/// How many parts a copy has, each under a lock of its own: so many of its threads can add keys at a time.
const PARTS: usize = 8;

/// How many copies there are at most.
const MAX_COPIES: usize = 16;

thread_local! {
    /// Which of all threads that have asked for a handle this one is.
    static PLACE: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        // ORDERING: Relaxed, it is a number and orders nothing.
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
}

/// Handles of one kind by the keys that they were asked for with.
///
/// There is a copy for each processor, up to 16, and threads take them in turn: each has handles of its own, of the same
/// series. A lookup takes the read lock of one part, compares the key, and clones an `Arc`, all of which threads with other
/// copies do not touch: nothing is allocated, and a key's hash comes with it. No lock is held while anything is made,
/// recorded or dropped.
///
/// PERF: `facade/plain/threads=2` in `benches/LEDGER.md`. Threads that share a lock and a reference count take many times
/// as long as one.
#[derive(Debug)]
pub(super) struct Cache<H> {
    /// The parts of one copy after those of the other; how many copies there are is a power of two.
    shards: Box<[CachePadded<RwLock<Shard<H>>>]>,
    /// How many keys each part may have. Several keys can be of one series, so that a limit on series is none on keys.
    most: usize,
}

type Shard<H> = HashMap<Key, Entry<H>, BuildHasherDefault<KeyHash>>;

#[derive(Debug)]
struct Entry<H> {
    handle: Arc<H>,
    /// Whether it was found since the last sweep.
    is_used: AtomicBool,
}

/// The hash that a key has already.
#[derive(Debug, Default)]
struct KeyHash(u64);

impl Hasher for KeyHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    /// Not called by keys; right, if slow, should they come to.
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}

impl<H> Cache<H> {
    /// An empty cache that keeps about this many keys at most in each copy.
    pub(super) fn new(keys: usize) -> Cache<H> {
        let copies = thread::available_parallelism().map_or(1, usize::from).next_power_of_two();
        let shards = (0..copies.min(MAX_COPIES) * PARTS).map(|_| CachePadded::default());
        Cache { shards: shards.collect(), most: (keys / PARTS).max(1) }
    }

    /// The handle that was kept for an equal key, in this thread's copy.
    #[inline]
    pub(super) fn get(&self, key: &Key) -> Option<Arc<H>> {
        let shard = self.shard(key).read().unwrap_or_else(PoisonError::into_inner);
        let entry = shard.get(key)?;
        // ORDERING: Relaxed, the lock of the part orders it before the next sweep; the load keeps the line shared.
        if !entry.is_used.load(Ordering::Relaxed) {
            entry.is_used.store(true, Ordering::Relaxed);
        }
        Some(Arc::clone(&entry.handle))
    }

    /// Keeps a handle, if there is room, and returns the one that is to be used: another thread may have been faster.
    pub(super) fn keep(&self, key: &Key, handle: Arc<H>) -> Arc<H> {
        let mut shard = self.shard(key).write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = shard.get(key) {
            return Arc::clone(&entry.handle);
        }
        if shard.len() < self.most {
            let entry = Entry { handle: Arc::clone(&handle), is_used: AtomicBool::new(true) };
            shard.insert(key.to_retained(), entry);
        }
        handle
    }

    /// Lets go of what nobody has asked for since the last sweep, nobody holds, and `is_kept` does not want kept.
    pub(super) fn sweep(&self, is_kept: impl Fn(&H) -> bool) {
        for shard in &*self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            let idle = |_: &Key, entry: &mut Entry<H>| {
                // What the last holder did is seen here: being the only one is found out by Acquire.
                let is_idle = !std::mem::take(entry.is_used.get_mut());
                is_idle && Arc::get_mut(&mut entry.handle).is_some_and(|handle| !is_kept(handle))
            };
            let dropped: Vec<_> = shard.extract_if(idle).collect();
            drop(shard);
            drop(dropped);
        }
    }

    #[inline]
    fn shard(&self, key: &Key) -> &RwLock<Shard<H>> {
        // A thread that ends has no place any more.
        let place = PLACE.try_with(|place| *place).unwrap_or_default();
        // Bits of the hash that a map uses neither for the place of a key nor for its tag.
        let part = (key.get_hash() >> 40) as usize % PARTS;
        &self.shards[(place * PARTS + part) & (self.shards.len() - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_finds_the_handle_that_was_kept_first() {
        let cache = Cache::new(100);
        let key = Key::from_parts("x", &[("a", "1"), ("b", "2")]);
        assert!(cache.get(&key).is_none());
        assert_eq!(*cache.keep(&key, Arc::new(1)), 1);
        assert_eq!(*cache.keep(&key, Arc::new(2)), 1);
        assert_eq!(cache.get(&Key::from_parts("x", &[("b", "2"), ("a", "1")])).as_deref(), Some(&1));
        assert!(cache.get(&Key::from_parts("x", &[("a", "2"), ("b", "1")])).is_none());
    }

    #[test]
    fn threads_have_copies_in_turn_and_a_sweep_goes_through_all() {
        let cache = Cache::new(100);
        let key = Key::from_name("x");
        thread::scope(|scope| {
            for at in 0..2 * MAX_COPIES {
                scope.spawn({
                    let (cache, key) = (&cache, &key);
                    move || {
                        let kept = cache.keep(key, Arc::new(at));
                        assert_eq!(cache.get(key), Some(kept));
                    }
                });
            }
        });
        let count = || cache.shards.iter().map(|shard| shard.read().unwrap().len()).sum::<usize>();
        assert_eq!(count(), cache.shards.len() / PARTS);
        cache.sweep(|_| false);
        cache.sweep(|_| false);
        assert_eq!(count(), 0);
    }

    #[test]
    fn keys_past_the_limit_are_not_kept() {
        let cache = Cache::new(PARTS);
        let keys: Vec<Key> = (0..1_000).map(|at| Key::from_name(format!("x{at}"))).collect();
        for key in &keys {
            cache.keep(key, Arc::new(()));
        }
        assert_eq!(keys.iter().filter(|key| cache.get(key).is_some()).count(), PARTS);
    }

    #[test]
    fn what_is_idle_goes_at_the_second_sweep_unless_it_is_held_or_wanted() {
        let cache = Cache::new(100);
        let keys = ["idle", "used", "held", "wanted"].map(Key::from_name);
        for key in &keys {
            cache.keep(key, Arc::new(key.name() == "wanted"));
        }
        cache.sweep(|wanted| *wanted);
        let held = cache.get(&keys[2]);
        cache.sweep(|wanted| *wanted);
        cache.get(&keys[1]);
        cache.sweep(|wanted| *wanted);
        drop(held);
        let kept: Vec<&str> = keys.iter().filter(|key| cache.get(key).is_some()).map(Key::name).collect();
        assert_eq!(kept, ["held", "wanted"]);
    }
}
