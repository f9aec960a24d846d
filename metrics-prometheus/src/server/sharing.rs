//! One encoding for scrapes that arrive together.
//!
//! While a page is collected, those who ask for the same one wait, all of them for the next collection, which starts
//! when this one has ended. While a place for its collection is waited for, they wait for that one. So a page always shows
//! what was recorded before it was asked for, and however many ask, there is one collection at a time for each rendition.
//! Who waits is let go, to collect alone, when the page turns out to be too long to be held for many, or when whoever leads
//! finds no place in time or goes away. When a collection takes too long, one of those who wait collects beside it, for all
//! of them.
//!
//! Between two collections for the same page, its place is free for whoever has waited longest for one: those who ask
//! for another page are not kept out. No thread waits for a place, since whoever has it needs a thread to give it back.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::scrape::{Encoded, Rendition};

/// For how long a scrape waits for one that is under way, before it would collect beside it: more than a page that can be
/// shared takes to be written by two orders of magnitude, and less than anybody who scrapes waits.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);

/// Who waits for a page.
pub(super) type Audience = Vec<oneshot::Sender<Encoded>>;

/// The collections that others may wait for.
#[derive(Clone, Default)]
pub(super) struct Sharing(Arc<Mutex<Vec<UnderWay>>>);

/// One collection after the other, for those who ask for the same page.
struct UnderWay {
    rendition: Rendition,
    /// When the present one began, or one beside it, or the wait for a place for the first one.
    began: Instant,
    /// Who came since then.
    waiting: Audience,
    /// Whether the collection that they wait for has begun.
    has_begun: Arc<AtomicBool>,
}

impl UnderWay {
    /// Those who wait by now: a collection begins for them.
    fn begin(&mut self) -> Audience {
        self.began = Instant::now();
        // ORDERING: Relaxed; it says nothing about other memory.
        mem::take(&mut self.has_begun).store(true, Ordering::Relaxed);
        mem::take(&mut self.waiting)
    }

    /// Waits for the next collection.
    fn wait(&mut self) -> Following {
        // Those who have gone make room before more is taken: a collection may last, while any number come and go.
        if self.waiting.len() == self.waiting.capacity() {
            self.waiting.retain(|sender| !sender.is_closed());
        }
        let (sender, encoded) = oneshot::channel();
        self.waiting.push(sender);
        Following { encoded, has_begun: Arc::clone(&self.has_begun) }
    }
}

/// A collection that is waited for.
pub(super) struct Following {
    pub(super) encoded: oneshot::Receiver<Encoded>,
    has_begun: Arc<AtomicBool>,
}

impl Following {
    pub(super) fn has_begun(&self) -> bool {
        // ORDERING: Relaxed; it says nothing about other memory.
        self.has_begun.load(Ordering::Relaxed)
    }
}

/// What a scrape can do.
pub(super) enum Joined {
    /// Collect, for those who come meanwhile too: nobody collects this page at present.
    Lead(Lead, OwnedSemaphorePermit),
    /// Wait for this.
    Follow(Following),
    /// Collect for these as well, since the collection under way takes its time.
    Beside(Audience, OwnedSemaphorePermit),
    /// Wait for a place, to collect for those who come meanwhile too.
    Queue(Lead),
}

impl Sharing {
    /// Joins those who ask for this page; where it is not waited for, `permit` gives the place for a collection.
    pub(super) fn join(
        &self,
        rendition: &Rendition,
        permit: impl FnOnce() -> Option<OwnedSemaphorePermit>,
    ) -> Joined {
        let mut all = self.lock();
        if let Some(under_way) = all.iter_mut().find(|under_way| under_way.rendition == *rendition) {
            if under_way.began.elapsed() > PATIENCE
                && let Some(permit) = permit()
            {
                return Joined::Beside(under_way.begin(), permit);
            }
            return Joined::Follow(under_way.wait());
        }
        all.push(UnderWay {
            rendition: rendition.clone(),
            began: Instant::now(),
            waiting: Vec::new(),
            has_begun: Arc::default(),
        });
        let lead = Lead { sharing: self.clone(), rendition: rendition.clone(), leads: true };
        match permit() {
            Some(permit) => Joined::Lead(lead, permit),
            None => Joined::Queue(lead),
        }
    }

    /// Those who wait for the same collection as this one, with itself: who calls collects for them, beside the collection
    /// that takes its time. `None` where theirs has begun, or nobody leads them any more, which they are told.
    pub(super) fn take_over(&self, following: &Following) -> Option<Audience> {
        let mut all = self.lock();
        let theirs = |under_way: &&mut UnderWay| Arc::ptr_eq(&under_way.has_begun, &following.has_begun);
        Some(all.iter_mut().find(theirs)?.begin())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<UnderWay>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who collects for those who wait. Those who wait when it is dropped collect for themselves.
pub(super) struct Lead {
    sharing: Sharing,
    rendition: Rendition,
    leads: bool,
}

impl Lead {
    /// Whether somebody waits for another collection; where nobody does, nobody can come any more.
    pub(super) fn goes_on(&mut self) -> bool {
        let mut all = self.sharing.lock();
        let Some(at) = self.position(&all) else { return false };
        let waiting = &mut all[at].waiting;
        waiting.retain(|sender| !sender.is_closed());
        if waiting.is_empty() {
            all.swap_remove(at);
            self.leads = false;
        }
        self.leads
    }

    /// Those who wait for the next collection, which begins now.
    pub(super) fn next(&mut self) -> Option<Audience> {
        self.goes_on().then(|| self.begin())
    }

    /// Those who wait by now, whether or not somebody does: the collection begins.
    pub(super) fn begin(&mut self) -> Audience {
        let mut all = self.sharing.lock();
        let Some(at) = self.position(&all) else { return Audience::new() };
        all[at].begin()
    }

    /// Ends the sharing: those who wait collect for themselves.
    pub(super) fn dissolve(&mut self) {
        for sender in self.take_all() {
            // One who has gone needs nothing.
            let _ = sender.send(Encoded::Alone);
        }
    }

    fn take_all(&mut self) -> Audience {
        let mut all = self.sharing.lock();
        let at = self.position(&all);
        self.leads = false;
        at.map(|at| all.swap_remove(at).waiting).unwrap_or_default()
    }

    fn position(&self, all: &[UnderWay]) -> Option<usize> {
        // Another one may lead by then.
        if !self.leads {
            return None;
        }
        all.iter().position(|under_way| under_way.rendition == self.rendition)
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.dissolve();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;
    use crate::format::Exposition;
    use crate::server::filter::Filter;

    #[test]
    fn who_comes_and_goes_during_a_collection_leaves_nothing_behind() {
        let rendition =
            Rendition { exposition: Exposition::default(), coding: None, filter: Filter::parse("").unwrap() };
        let (sharing, scrapes) = (Sharing::default(), Arc::new(Semaphore::new(1)));
        let join = || sharing.join(&rendition, || Arc::clone(&scrapes).try_acquire_owned().ok());
        let Joined::Lead(mut lead, _permit) = join() else { panic!("nobody leads yet") };
        let Joined::Follow(stays) = join() else { panic!("somebody leads") };
        for _ in 0..10_000 {
            drop(join());
        }
        assert!(sharing.lock()[0].waiting.capacity() <= 8);
        assert_eq!(lead.next().unwrap().len(), 1);
        drop(stays);
        assert!(lead.next().is_none());
    }

    #[test]
    fn each_collection_has_its_own_time() {
        let rendition =
            Rendition { exposition: Exposition::default(), coding: None, filter: Filter::parse("").unwrap() };
        let (sharing, scrapes) = (Sharing::default(), Arc::new(Semaphore::new(3)));
        let join = || sharing.join(&rendition, || Arc::clone(&scrapes).try_acquire_owned().ok());
        let Joined::Lead(mut lead, _permit) = join() else { panic!("nobody leads yet") };
        let Joined::Follow(follower) = join() else { panic!("somebody leads") };
        sharing.lock()[0].began -= 2 * PATIENCE;
        let Joined::Beside(others, _permit) = join() else { panic!("it takes its time") };
        assert_eq!(others.len(), 1, "the one who waited");
        assert!(follower.has_begun() && sharing.take_over(&follower).is_none(), "it is collected for");
        let Joined::Follow(late) = join() else { panic!("another one has just begun") };
        assert_eq!(sharing.take_over(&late).unwrap().len(), 1);
        let Joined::Follow(later) = join() else { panic!("and another one") };
        assert_eq!(lead.next().unwrap().len(), 1);
        assert!(matches!(join(), Joined::Follow(_)), "the next one has just begun");
        // Of a leader that is gone, nothing is left.
        drop((lead, follower, late, later));
        assert!(matches!(join(), Joined::Lead(..)));
    }
}
