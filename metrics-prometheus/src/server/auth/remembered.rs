//! What came of checks a short time ago.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

/// How many right credentials are remembered, and how many wrong ones: so many wrong ones do not push out a right one.
const REMEMBERED: usize = 64;

/// Credentials, as they are remembered.
pub(super) type Fingerprint = [u8; 32];

/// Credentials that were right or wrong a short time ago, without the credentials.
pub(super) struct Remembered {
    /// Random, so that a fingerprint is worth nothing elsewhere.
    salt: [u8; 16],
    memory: Duration,
    /// When what is known of wrong ones and of right ones ends.
    known: Mutex<[HashMap<Fingerprint, Instant>; 2]>,
}

impl Remembered {
    pub(super) fn new(memory: Duration) -> Remembered {
        let mut salt = [0; 16];
        for half in salt.chunks_mut(8) {
            half.copy_from_slice(&RandomState::new().hash_one(0_u8).to_ne_bytes());
        }
        Remembered { salt, memory, known: Mutex::default() }
    }

    pub(super) fn fingerprint(&self, user: &str, password: &[u8]) -> Fingerprint {
        let mut hash = Sha256::new_with_prefix(self.salt);
        hash.update((user.len() as u64).to_le_bytes());
        hash.update(user);
        hash.update(password);
        hash.finalize().into()
    }

    /// Whether the credentials were right, if that is known. Right ones are known for as long again then: who comes back
    /// in time is let in, however many wrong ones are being checked.
    pub(super) fn get(&self, of: &Fingerprint, now: Instant) -> Option<bool> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = known[1].get_mut(of).filter(|until| now < **until) {
            *until = (*until).max(now.checked_add(self.memory).unwrap_or(now));
            return Some(true);
        }
        known[0].get(of).is_some_and(|&until| now < until).then_some(false)
    }

    pub(super) fn put(&self, of: Fingerprint, right: bool, now: Instant) {
        let Some(until) = now.checked_add(self.memory).filter(|_| !self.memory.is_zero()) else { return };
        let known = &mut self.known.lock().unwrap_or_else(PoisonError::into_inner)[usize::from(right)];
        if known.len() >= REMEMBERED {
            known.retain(|_, until| now < *until);
        }
        if known.len() >= REMEMBERED {
            let first = known.iter().min_by_key(|(_, until)| **until).map(|(of, _)| *of);
            first.and_then(|first| known.remove(&first));
        }
        known.insert(of, until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn what_is_known_is_forgotten_after_its_time() {
        let (known, now) = (Remembered::new(MINUTE), Instant::now());
        let right = known.fingerprint("a", b"right");
        let wrong = known.fingerprint("a", b"wrong");
        known.put(right, true, now);
        known.put(wrong, false, now);
        assert_eq!((known.get(&right, now), known.get(&wrong, now)), (Some(true), Some(false)));
        assert_eq!((known.get(&right, now + MINUTE), known.get(&wrong, now + MINUTE)), (None, None));
        known.put(right, true, now);
        for seconds in [50, 100, 150] {
            assert_eq!(known.get(&right, now + Duration::from_secs(seconds)), Some(true), "used in time");
        }
        assert_eq!(known.get(&right, now + Duration::from_secs(210)), None);
        assert_eq!(known.get(&known.fingerprint("b", b"right"), now), None);
    }

    #[test]
    fn however_many_wrong_ones_are_bounded_and_push_out_no_right_one() {
        let (known, now) = (Remembered::new(MINUTE), Instant::now());
        let right = known.fingerprint("a", b"right");
        known.put(right, true, now);
        for number in 0..1_000_u32 {
            known.put(known.fingerprint("a", &number.to_le_bytes()), false, now);
        }
        assert_eq!(known.get(&right, now), Some(true));
        assert_eq!(known.known.lock().unwrap()[0].len(), REMEMBERED);
    }

    #[test]
    fn without_memory_nothing_is_remembered() {
        let (known, now) = (Remembered::new(Duration::ZERO), Instant::now());
        let right = known.fingerprint("a", b"right");
        known.put(right, true, now);
        assert_eq!(known.get(&right, now), None);
    }

    #[test]
    fn the_border_between_user_and_password_counts() {
        let known = Remembered::new(MINUTE);
        assert_ne!(known.fingerprint("ab", b"c"), known.fingerprint("a", b"bc"));
        assert_ne!(known.fingerprint("a", b"b"), Remembered::new(MINUTE).fingerprint("a", b"b"), "salted");
    }
}
