//! The largest of what was observed in two windows of time.

use crate::sync::{AtomicU64, Ordering, full_fence, ordering};

/// What stands where nothing was observed: below every number.
pub(crate) const NOTHING: u64 = 0;

/// The largest number that was observed in the current window, and in the one before.
///
/// The protocol. There are two places, one for each window, and `state` says which one is the current window's and how
/// many windows there were. Who observes loads the state, makes the current window's place as large as the number, and
/// loads the state again: if the window has moved meanwhile, it does the same for the next one. So the window did not
/// move before the number stood in its place, and it stays there until the window moves twice. Whoever moves the window
/// claims that by a bit of the state, sets the place of the window that was the one before to nothing, and publishes it
/// as the current one. Who reads takes the larger of both places, and reads again if the window has moved.
///
/// A number that is no larger than what is there is not written: most observations are three loads of what nobody
/// writes.
#[derive(Debug)]
pub struct Extreme {
    /// How many windows there were, times 4; plus 2 if the second place is the current one; plus 1 while somebody moves
    /// the window.
    state: AtomicU64,
    places: [AtomicU64; 2],
}

const MOVING: u64 = 1;

/// Which place is that of the current window.
fn current(state: u64) -> usize {
    usize::from(state & 2 != 0)
}

/// Which window it is, and its place.
fn window(state: u64) -> u64 {
    state >> 1
}

impl Extreme {
    /// Nothing observed, in the window of this number, which is less than 2^62.
    pub(crate) fn new(number: u64) -> Extreme {
        Extreme {
            state: AtomicU64::new(number << 2),
            places: [AtomicU64::new(NOTHING), AtomicU64::new(NOTHING)],
        }
    }

    /// Observes a number above [`NOTHING`].
    #[inline]
    pub(crate) fn observe(&self, number: u64) {
        self.observe_in(number);
    }

    /// Observes a number, and returns the number of the window that it is in.
    #[inline]
    pub(super) fn observe_in(&self, number: u64) -> u64 {
        // ORDERING: Acquire, pairs with the Release in `move_to`: who sees the window sees that its place was emptied,
        // and does not take what stood there before for a number of this window.
        let mut state = self.state.load(ordering!(Acquire, "window_reuse/state_load"));
        loop {
            let place = &self.places[current(state)];
            // ORDERING: Relaxed, and so is the change: the fence orders it.
            if place.load(Ordering::Relaxed) < number {
                raise(place, number);
            }
            // ORDERING: as above.
            let now = self.state.load(ordering!(Acquire, "window_reuse/state_load"));
            if window(now) == window(state) {
                return state >> 2;
            }
            state = now;
        }
    }

    /// Moves on to the window of this number, unless it is the current one or a later one is, or somebody else is about
    /// it.
    pub(crate) fn move_to(&self, number: u64) {
        // ORDERING: Acquire, pairs with the Release below, of whoever moved the window before: who moves it
        // and reads does not find what that one has emptied.
        let state = self.state.load(ordering!(Acquire, "window_reading/mover_load"));
        if state >> 2 >= number || state & MOVING != 0 {
            return;
        }
        // ORDERING: Relaxed, the load above has acquired what this state was published with.
        if self.state.compare_exchange(state, state | MOVING, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let next = 1 - current(state);
        // ORDERING: Release, pairs with the Acquire in `read`: who sees the place empty sees that the window before was
        // published.
        self.places[next].store(NOTHING, ordering!(Release, "window_reading/empty"));
        let moved = (number << 2) | if next == 1 { 2 } else { 0 };
        // ORDERING: Release, pairs with the Acquire in `observe_in`.
        self.state.store(moved, ordering!(Release, "window_reuse/publish"));
    }

    /// The largest number of both windows, or [`NOTHING`].
    pub(crate) fn read(&self) -> u64 {
        self.read_in().1
    }

    /// The number of the current window, or of the next while somebody moves to it, and the largest number of both.
    pub(super) fn read_in(&self) -> (u64, u64) {
        // Pairs with the fence in `raise`.
        full_fence("window/fence_of_reader");
        loop {
            // ORDERING: Acquire, pairs with the Release in `move_to`: what stood in this window's place before is not read.
            let state = self.state.load(ordering!(Acquire, "window_reading/state_load"));
            let [one, other] = &self.places;
            // ORDERING: Acquire, pairs with the Release in `move_to`.
            let one = one.load(ordering!(Acquire, "window_reading/place_load"));
            let other = other.load(ordering!(Acquire, "window_reading/place_load"));
            // ORDERING: Relaxed, after the loads above, which are Acquire.
            let now = self.state.load(Ordering::Relaxed);
            if window(now) == window(state) {
                return ((now >> 2) + (now & MOVING), one.max(other));
            }
        }
    }
}

/// Makes what stands in a place as large as a number.
#[cold]
fn raise(place: &AtomicU64, number: u64) {
    let larger = |there| (there < number).then_some(number);
    // ORDERING: Relaxed, the fence orders it.
    let _ = place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, larger);
    // Either who has moved the window sees the number when it reads, after its own fence, or the load of the state that
    // follows sees that the window has moved.
    full_fence("window/fence_of_observer");
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn a_number_is_there_in_its_window_and_the_next() {
        let extreme = Extreme::new(5);
        assert_eq!(extreme.read_in(), (5, NOTHING));
        extreme.observe(30);
        extreme.observe(20);
        assert_eq!(extreme.read(), 30);
        extreme.move_to(6);
        extreme.observe(10);
        assert_eq!(extreme.read_in(), (6, 30));
        extreme.move_to(6);
        extreme.move_to(4);
        assert_eq!(extreme.read_in(), (6, 30), "no window moves twice, or back");
        extreme.move_to(9);
        assert_eq!(extreme.read_in(), (9, 10), "what nobody moved on from in between is the window before");
        extreme.move_to(10);
        assert_eq!(extreme.read_in(), (10, NOTHING));
    }

    /// Each number is larger than all before, so that whichever reading comes after an observation, in its window or the
    /// next, shows at least that number.
    #[test]
    fn what_was_observed_is_read_before_it_is_gone() {
        let extreme = Extreme::new(0);
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for number in 1..200_000 {
                        let window = extreme.observe_in(number);
                        let (now, read) = extreme.read_in();
                        assert!(now > window + 1 || read >= number, "{number} in {window}, {read} in {now}");
                    }
                    is_over.store(true, Ordering::Relaxed);
                });
            }
            scope.spawn(|| {
                let mut window = 0;
                while !is_over.load(Ordering::Relaxed) {
                    window += 1;
                    extreme.move_to(window);
                }
            });
        });
    }
}
