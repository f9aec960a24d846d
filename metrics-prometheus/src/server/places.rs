//! Places for connections, of which there are so many.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::timeout;

use super::activity::Activity;

/// How often to look for a connection that waits for a request, while all others are being answered.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The open connections.
pub(super) struct Places {
    free: Arc<Semaphore>,
    tasks: JoinSet<()>,
    open: HashMap<Id, (Arc<Activity>, AbortHandle)>,
}

impl Places {
    pub(super) fn new(limit: usize) -> Places {
        let free = Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)));
        Places { free, tasks: JoinSet::new(), open: HashMap::new() }
    }

    /// Takes a place, that of the connection that has waited longest for a request if need be; calls `displaced` for it
    /// then.
    pub(super) async fn take(&mut self, mut displaced: impl FnMut()) -> OwnedSemaphorePermit {
        loop {
            if let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
                return place;
            }
            if self.give_up_one() {
                displaced();
            }
            // The semaphore is never closed.
            if let Ok(Ok(place)) = timeout(LOOK_AGAIN, Arc::clone(&self.free).acquire_owned()).await {
                return place;
            }
        }
    }

    fn give_up_one(&mut self) -> bool {
        let waiting = |(id, (activity, _)): (&Id, &(Arc<Activity>, AbortHandle))| {
            activity.waiting_since().map(|since| (since, *id))
        };
        let longest = self.open.iter().filter_map(waiting).min_by_key(|(since, _)| *since);
        let Some((_, task)) = longest.and_then(|(_, id)| self.open.remove(&id)) else { return false };
        task.abort();
        true
    }

    /// Has a connection served in a place.
    pub(super) fn fill(
        &mut self,
        place: OwnedSemaphorePermit,
        activity: Arc<Activity>,
        serving: impl Future<Output = ()> + Send + 'static,
    ) {
        let task = self.tasks.spawn(async move {
            serving.await;
            drop(place);
        });
        self.open.insert(task.id(), (activity, task));
    }

    /// Waits for a connection to end; `None` when none is open.
    pub(super) async fn ended(&mut self) -> Option<()> {
        let id = match self.tasks.join_next_with_id().await? {
            Ok((id, ())) => id,
            Err(error) => error.id(),
        };
        self.open.remove(&id);
        Some(())
    }

    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Cuts all connections.
    pub(super) async fn clear(&mut self) {
        self.tasks.shutdown().await;
    }
}
