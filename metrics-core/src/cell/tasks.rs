//! When each of the tasks began that are running now.

use std::ptr;

use super::store::add_owned;
use crate::sync::{AtomicPtr, AtomicU64, Ordering, ordering};

/// How many tasks a chunk has places for: as many as there are bits.
#[cfg(not(all(test, nilometer_loom)))]
const PLACES: usize = 64;
#[cfg(all(test, nilometer_loom))]
const PLACES: usize = 1;

/// The moments at which the running tasks began.
///
/// The protocol. Each task has a place, which is 0 while nobody has it. A task claims a place by its bit, and puts its
/// moment there; when it ends it puts 0 there, and gives the bit back with Release, which the next claim Acquires: so the
/// next moment comes after that 0. Readers look at the places alone, and see each task begun or not, ended or not. Places
/// come in chunks, which are added where all are taken, and stay.
#[derive(Debug)]
pub(crate) struct Tasks {
    first: Chunk,
}

#[derive(Debug)]
struct Chunk {
    /// A bit for each place that somebody has.
    taken: AtomicU64,
    places: [AtomicU64; PLACES],
    /// Null until all places were taken.
    next: AtomicPtr<Chunk>,
    #[cfg(all(test, nilometer_loom))]
    birth: crate::sync::Birth,
}

/// What the running tasks are together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Running {
    /// How many there are.
    pub(crate) count: u64,
    /// The sum of how long each has been running.
    pub(crate) sum: u128,
    /// How long the one has been running that began first; 0 if there is none.
    pub(crate) oldest: u64,
}

impl Tasks {
    pub(crate) fn new() -> Tasks {
        Tasks { first: Chunk::new() }
    }

    /// A task begins at a moment, which is not 0; its place, for when it ends. Allocates where more tasks are running than
    /// ever did.
    pub(crate) fn begin(&self, moment: u64) -> usize {
        let (mut chunk, mut before) = (&self.first, 0);
        loop {
            if let Some(place) = chunk.claim() {
                // ORDERING: Relaxed, readers take each place for itself. It is 0, since whoever had the place has seen to
                // that before the claim.
                add_owned(&chunk.places[place], moment, Ordering::Relaxed);
                return before + place;
            }
            before += PLACES;
            chunk = chunk.next().unwrap_or_else(|| chunk.make_next());
        }
    }

    /// The task ends that has this place.
    pub(crate) fn end(&self, place: usize) {
        let mut chunk = Some(&self.first);
        for _ in 0..place / PLACES {
            chunk = chunk.and_then(Chunk::next);
        }
        // A place's chunk is always there.
        if let Some(chunk) = chunk {
            chunk.give_back(place % PLACES);
        }
    }

    /// What the running tasks are together at a moment.
    pub(crate) fn read(&self, now: u64) -> Running {
        let mut running = Running::default();
        let mut next = Some(&self.first);
        while let Some(chunk) = next {
            #[cfg(all(test, nilometer_loom))]
            chunk.birth.check();
            for place in &chunk.places {
                // ORDERING: Relaxed, as in `begin`.
                let moment = place.load(Ordering::Relaxed);
                if moment != 0 {
                    let age = now.saturating_sub(moment);
                    running.count += 1;
                    running.sum += u128::from(age);
                    running.oldest = running.oldest.max(age);
                }
            }
            next = chunk.next();
        }
        running
    }
}

impl Chunk {
    fn new() -> Chunk {
        Chunk {
            taken: AtomicU64::new(0),
            places: std::array::from_fn(|_| AtomicU64::new(0)),
            next: AtomicPtr::new(ptr::null_mut()),
            #[cfg(all(test, nilometer_loom))]
            birth: crate::sync::Birth::new(),
        }
    }

    /// A place that nobody has, which is the caller's from now on.
    fn claim(&self) -> Option<usize> {
        // ORDERING: Relaxed, a guess.
        let mut taken = self.taken.load(Ordering::Relaxed);
        loop {
            let place = taken.trailing_ones() as usize;
            if place >= PLACES {
                return None;
            }
            // ORDERING: Acquire, pairs with the Release in `give_back`, by way of the read-modify-writes in between;
            // Relaxed on failure, which only starts the loop again.
            let acquire = ordering!(Acquire, "tasks/claim");
            match self.taken.compare_exchange_weak(taken, taken | 1 << place, acquire, Ordering::Relaxed) {
                Ok(_) => return Some(place),
                Err(now) => taken = now,
            }
        }
    }

    fn give_back(&self, place: usize) {
        // ORDERING: Relaxed, the change of the bit orders it.
        self.places[place].store(0, Ordering::Relaxed);
        // ORDERING: Release, pairs with the Acquire in `claim`.
        self.taken.fetch_and(!(1 << place), ordering!(Release, "tasks/give_back"));
    }

    fn next(&self) -> Option<&Chunk> {
        // ORDERING: Acquire, pairs with the Release in `make_next`: who finds the chunk finds what it was made of.
        let next = self.next.load(ordering!(Acquire, "tasks/next_load"));
        // SAFETY: it is null, or from a box that is there as long as this chunk is.
        let next = unsafe { next.as_ref() };
        #[cfg(all(test, nilometer_loom))]
        if let Some(next) = next {
            next.birth.check();
        }
        next
    }

    #[cold]
    fn make_next(&self) -> &Chunk {
        let new = Box::into_raw(Box::new(Chunk::new()));
        // ORDERING: Release, pairs with the Acquire in `next`; Acquire on failure, for the chunk of whoever was faster.
        let release = ordering!(Release, "tasks/next_publish");
        let acquire = ordering!(Acquire, "tasks/next_lost");
        let next = match self.next.compare_exchange(ptr::null_mut(), new, release, acquire) {
            Ok(_) => new,
            Err(faster) => {
                // SAFETY: it is from a box, and nobody else has seen it.
                drop(unsafe { Box::from_raw(new) });
                faster
            }
        };
        // SAFETY: as in `next`.
        let next = unsafe { &*next };
        #[cfg(all(test, nilometer_loom))]
        next.birth.check();
        next
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        let mut next = load_next(&self.first);
        while !next.is_null() {
            // SAFETY: it is from a box, which nobody else reaches any more.
            let chunk = unsafe { Box::from_raw(next) };
            next = load_next(&chunk);
        }
    }
}

/// The next chunk of one that nobody else reaches.
fn load_next(chunk: &Chunk) -> *mut Chunk {
    // ORDERING: Relaxed, whoever had a reference has given it up before.
    chunk.next.load(Ordering::Relaxed)
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use super::*;

    #[test]
    fn places_are_taken_again_and_more_are_made_where_all_are_taken() {
        let tasks = Tasks::new();
        let places: Vec<usize> = (1..=200).map(|moment| tasks.begin(moment)).collect();
        assert_eq!(places, (0..200).collect::<Vec<_>>());
        assert_eq!(tasks.read(1000), Running { count: 200, sum: 200 * 1000 - 20_100, oldest: 999 });
        for place in [0, 63, 64, 199] {
            tasks.end(place);
        }
        assert_eq!(tasks.read(1000), Running { count: 196, sum: 196 * 1000 - (20_100 - 330), oldest: 998 });
        assert_eq!([0; 3].map(|_| tasks.begin(500)), [0, 63, 64]);
        assert_eq!(tasks.read(1).oldest, 0, "time that goes back is time that stands still");
    }
}
