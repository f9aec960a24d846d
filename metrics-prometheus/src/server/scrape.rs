//! Collections, on a thread where they may take their time.

use std::collections::VecDeque;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nilometer_core::collect::{Collector, Stopped};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::filter::Filter;
use super::sharing::{Audience, Lead};
use crate::chunk::Output;
use crate::compress::{Coding, Compressed};
use crate::format::Exposition;
use crate::page::PageEncoder;

/// How many pieces of a page wait for their reader before the collection does, 64 KiB each.
///
/// With the piece being filled, the one being sent, the connection's own buffer, and what the encoder and the collection
/// hold of the longest lines and the most buckets under the default limits, that is less than 1 MiB a scrape: the tests
/// `a_scrape_of_any_size_takes_at_most_a_mebibyte` and `series_of_many_long_lines_take_little_more` count it. Compressed
/// pieces are smaller, which makes room for what the compression itself needs.
const PIECES_WAITING: usize = 5;

/// How much room a piece may have beyond its end while it is held, in bytes.
const SLACK: usize = 4096;

/// What a scrape comes to; where it comes to nothing, the collection failed.
pub(super) enum Encoded {
    /// The whole page.
    Whole(Page),
    /// A page that is too long to be held. It comes while it is collected.
    Streamed(mpsc::Receiver<Piece>),
    /// Another scrape's page is too long to be shared, or it has found no place or gone away: this one has to collect by
    /// itself.
    Alone,
    /// There was no place for it in time.
    Busy,
}

/// A whole page, of which there may be many readers.
#[derive(Clone)]
pub(super) struct Page {
    pub(super) pieces: Arc<[Bytes]>,
    /// How long it took to collect and write it.
    pub(super) took: Duration,
}

/// What a page that is streamed is made of.
pub(super) enum Piece {
    /// More follows.
    More(Bytes),
    /// The page is complete. A channel that closes without this one broke off.
    Last(Bytes),
}

/// What a page is written as, and which part of it.
#[derive(Clone, PartialEq)]
pub(super) struct Rendition {
    pub(super) exposition: Exposition,
    /// `None` for a page as it is.
    pub(super) coding: Option<&'static Coding>,
    pub(super) filter: Filter,
}

/// Places for so many collections at a time, given to whoever has waited longest.
#[derive(Clone)]
pub(super) struct Collections {
    places: Arc<Semaphore>,
    /// For how long one is waited for.
    patience: Duration,
}

impl Collections {
    pub(super) fn new(limit: usize, patience: Duration) -> Collections {
        Collections { places: Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))), patience }
    }

    /// A place, where one is free that nobody waits for.
    pub(super) fn free(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// A place, if there is one in time.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        timeout(self.patience, Arc::clone(&self.places).acquire_owned()).await.ok()?.ok()
    }
}

/// What a collection may take.
pub(super) struct Allowance {
    /// Its place among the scrapes at a time.
    pub(super) permit: OwnedSemaphorePermit,
    /// Where the place for a further one comes from.
    pub(super) collections: Collections,
    /// How much of a page is held, in bytes, before it is streamed.
    pub(super) hold: usize,
    /// For how long a reader is waited for that takes nothing.
    pub(super) stall_timeout: Duration,
}

/// Collects on the blocking pool, for this audience and for those who have joined `lead` by then, and further on for those
/// who join it later. A collection stops when nobody is left to receive it.
pub(super) fn start(
    collector: impl Collector + 'static,
    rendition: Rendition,
    allowance: Allowance,
    audience: Audience,
    lead: Option<Lead>,
) {
    let Allowance { permit, collections, hold, stall_timeout } = allowance;
    let runtime = Handle::current();
    let turns = Turns { collector, rendition, collections, hold, stall_timeout, lead, runtime };
    turns.spawn(permit, audience);
}

/// One collection after the other.
struct Turns<C> {
    collector: C,
    rendition: Rendition,
    collections: Collections,
    hold: usize,
    stall_timeout: Duration,
    lead: Option<Lead>,
    runtime: Handle,
}

impl<C: Collector + 'static> Turns<C> {
    /// Goes on on the blocking pool, for those who wait as well as for this audience.
    fn spawn(self, permit: OwnedSemaphorePermit, audience: Audience) {
        let blocking = self.runtime.clone();
        // The task is not waited for: what it has to say, a panic included, the channel says.
        drop(blocking.spawn_blocking(move || self.run(permit, audience)));
    }

    fn run(mut self, mut permit: OwnedSemaphorePermit, mut audience: Audience) {
        loop {
            // Not before the thread is there: those who wait are with `lead` as long as nobody collects for them.
            match &mut self.lead {
                Some(lead) if audience.is_empty() => match lead.next() {
                    Some(next) => audience = next,
                    None => return,
                },
                Some(lead) => audience.extend(lead.begin()),
                None => {}
            }
            if !self.collect(permit, mem::take(&mut audience)) {
                return;
            }
            let Some(place) = self.collections.free() else { return self.wait() };
            permit = place;
        }
    }

    /// Goes on once there is a place. No thread waits for it: whoever has the place needs one as well.
    fn wait(mut self) {
        let runtime = self.runtime.clone();
        // Where the runtime ends, so does the sharing.
        drop(runtime.spawn(async move {
            if let Some(permit) = self.collections.place().await {
                self.spawn(permit, Audience::new());
            } else if let Some(lead) = &mut self.lead {
                lead.dissolve();
            }
        }));
    }

    /// Collects once; tells whether somebody waits for another collection.
    fn collect(&mut self, permit: OwnedSemaphorePermit, audience: Audience) -> bool {
        let mut permit = Some(permit);
        let mut outlet = Outlet {
            permit: &mut permit,
            audience,
            lead: self.lead.as_mut(),
            held: VecDeque::new(),
            room: self.hold,
            way: Way::Held,
            runtime: &self.runtime,
            stall_timeout: self.stall_timeout,
        };
        let started = Instant::now();
        // A panic has been reported by its hook. The collector's own state is its author's concern, as it is with a
        // panic on any other thread; of the scrape's, nothing is used but what says how far it came.
        let _ = catch_unwind(AssertUnwindSafe(|| match self.rendition.coding {
            Some(coding) => write(&self.collector, &self.rendition, Compressed::new(coding, &mut outlet)),
            None => write(&self.collector, &self.rendition, &mut outlet),
        }));
        let Outlet { way, audience: readers, .. } = outlet;
        // Given back before anybody can see the end of the scrape, of one that broke off too: whoever has seen it can
        // ask for the next one.
        drop(permit);
        let goes_on = self.lead.as_mut().is_some_and(Lead::goes_on);
        match way {
            Way::Whole(pieces) => {
                let page = Page { pieces: pieces.into(), took: started.elapsed() };
                for reader in readers {
                    // One that has gone needs nothing.
                    let _ = reader.send(Encoded::Whole(page.clone()));
                }
            }
            // It failed: the channels close with nothing said, or not the end.
            Way::Held | Way::Streamed(_) => {}
        }
        goes_on
    }
}

/// Writes the page.
fn write(collector: &impl Collector, rendition: &Rendition, output: impl Output) {
    let mut encoder = PageEncoder::new(rendition.exposition, output);
    if rendition.filter.collect(collector, &mut encoder).is_ok() {
        // An output that has stopped has no reader left to tell.
        let _ = encoder.finish();
    }
}

/// How a page goes out.
enum Way {
    /// Not yet.
    Held,
    /// To one reader, while it is collected.
    Streamed(mpsc::Sender<Piece>),
    /// It is complete.
    Whole(Vec<Bytes>),
}

/// Holds the pieces of a page, or hands them to whoever sends them once there are too many.
struct Outlet<'a> {
    permit: &'a mut Option<OwnedSemaphorePermit>,
    audience: Audience,
    lead: Option<&'a mut Lead>,
    held: VecDeque<Bytes>,
    /// How much more can be held, in bytes.
    room: usize,
    way: Way,
    runtime: &'a Handle,
    stall_timeout: Duration,
}

impl Outlet<'_> {
    /// Keeps a piece, where there is room for it.
    fn hold(&mut self, mut piece: Vec<u8>) -> Result<(), Vec<u8>> {
        let Some(room) = self.room.checked_sub(piece.len()) else { return Err(piece) };
        self.room = room;
        // What is held takes what it is long: compressed pieces have room for as much again.
        if piece.capacity() - piece.len() > SLACK {
            piece.shrink_to_fit();
        }
        if !piece.is_empty() {
            self.held.push_back(piece.into());
        }
        Ok(())
    }

    /// Gives what is held to the first reader that is still there; the others collect for themselves.
    fn stream(&mut self) -> Result<(), Stopped> {
        let (sender, mut receiver) = mpsc::channel(PIECES_WAITING);
        let mut taken = false;
        if let Some(lead) = &mut self.lead {
            lead.dissolve();
        }
        for reader in mem::take(&mut self.audience) {
            if taken {
                // One that has gone needs nothing.
                let _ = reader.send(Encoded::Alone);
                continue;
            }
            match reader.send(Encoded::Streamed(receiver)) {
                Ok(()) => {
                    taken = true;
                    (_, receiver) = mpsc::channel(1);
                }
                Err(Encoded::Streamed(back)) => receiver = back,
                Err(_) => return Err(Stopped),
            }
        }
        self.way = Way::Streamed(sender);
        while let Some(piece) = self.held.pop_front() {
            self.room()?.send(Piece::More(piece));
        }
        Ok(())
    }

    /// Waits for room for a piece.
    fn room(&self) -> Result<mpsc::Permit<'_, Piece>, Stopped> {
        let Way::Streamed(pieces) = &self.way else { return Err(Stopped) };
        match pieces.try_reserve() {
            Ok(room) => Ok(room),
            Err(mpsc::error::TrySendError::Closed(())) => Err(Stopped),
            Err(mpsc::error::TrySendError::Full(())) => self
                .runtime
                .block_on(async { timeout(self.stall_timeout, pieces.reserve()).await })
                .map_err(|_| Stopped)?
                .map_err(|_| Stopped),
        }
    }
}

impl Output for &mut Outlet<'_> {
    fn chunk(&mut self, chunk: Vec<u8>) -> Result<(), Stopped> {
        let chunk = match self.way {
            Way::Held => {
                if self.audience.iter().all(oneshot::Sender::is_closed) {
                    return Err(Stopped);
                }
                match self.hold(chunk) {
                    Ok(()) => return Ok(()),
                    Err(chunk) => {
                        self.stream()?;
                        chunk
                    }
                }
            }
            _ => chunk,
        };
        self.room()?.send(Piece::More(chunk.into()));
        Ok(())
    }

    fn last(&mut self, rest: Vec<u8>) -> Result<(), Stopped> {
        let rest = match self.way {
            // A page in one piece is sent whole, whatever may be held.
            Way::Held => match self.hold(rest) {
                Err(rest) if !self.held.is_empty() => {
                    self.stream()?;
                    rest
                }
                held => {
                    let mut pieces = Vec::from(mem::take(&mut self.held));
                    pieces.extend(held.err().map(Bytes::from));
                    self.way = Way::Whole(pieces);
                    return Ok(());
                }
            },
            _ => rest,
        };
        let permit = self.permit.take();
        let room = self.room()?;
        // Not before there is room: until then this thread waits, and threads that wait are what the limit bounds.
        drop(permit);
        room.send(Piece::Last(rest.into()));
        Ok(())
    }
}
