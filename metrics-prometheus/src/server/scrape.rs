//! One collection, on a thread where it may take its time.

use std::time::{Duration, Instant};

use bytes::Bytes;
use nilometer_core::collect::{Collector, Stopped};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;

use super::filter::Filter;
use crate::chunk::Output;
use crate::compress::{Coding, Compressed};
use crate::format::Exposition;
use crate::page::PageEncoder;

/// How many pieces of a page wait for their reader before the collection does, 64 KiB each.
///
/// With the piece being filled, the one being sent, the connection's own buffer, and what the encoder and the collection
/// hold of the longest lines and the most buckets under the default limits, that is less than 1 MiB a scrape: the tests
/// `a_scrape_of_any_size_takes_at_most_a_mebibyte` and `series_of_many_long_lines_take_no_more` count it. Compressed
/// pieces are smaller, which makes room for what the compression itself needs.
const PIECES_WAITING: usize = 5;

/// What a scrape sends.
pub(super) enum Piece {
    /// More follows.
    More(Bytes),
    /// The page is complete. A channel that closes without this one broke off.
    Last { rest: Bytes, took: Duration },
}

/// What a page is written as, and which part of it.
#[derive(Clone)]
pub(super) struct Rendition {
    pub(super) exposition: Exposition,
    /// `None` for a page as it is.
    pub(super) coding: Option<&'static Coding>,
    pub(super) filter: Filter,
}

/// Collects on the blocking pool. The collection stops when the receiver is dropped.
pub(super) fn start(
    collector: impl Collector + 'static,
    rendition: Rendition,
    permit: OwnedSemaphorePermit,
    stall_timeout: Duration,
) -> mpsc::Receiver<Piece> {
    let (pieces, receiver) = mpsc::channel(PIECES_WAITING);
    let runtime = Handle::current();
    let blocking = runtime.clone();
    // The task is not waited for: what it has to say, a panic included, the channel says.
    drop(blocking.spawn_blocking(move || {
        let outlet = Outlet { pieces, permit: Some(permit), runtime, stall_timeout, started: Instant::now() };
        match rendition.coding {
            Some(coding) => write(&collector, &rendition, Compressed::new(coding, outlet)),
            None => write(&collector, &rendition, outlet),
        }
    }));
    receiver
}

/// Writes the page.
fn write(collector: &impl Collector, rendition: &Rendition, output: impl Output) {
    let mut encoder = PageEncoder::new(rendition.exposition, output);
    if rendition.filter.collect(collector, &mut encoder).is_ok() {
        // An output that has stopped has no reader left to tell.
        let _ = encoder.finish();
    }
}

/// Hands the pieces to whoever sends them.
struct Outlet {
    /// Given back before the last piece goes out, and, where there is none, before the channel closes (fields are
    /// dropped in their order): whoever has seen the end of a scrape can ask for the next one.
    permit: Option<OwnedSemaphorePermit>,
    pieces: mpsc::Sender<Piece>,
    runtime: Handle,
    stall_timeout: Duration,
    started: Instant,
}

impl Outlet {
    /// Waits for room for a piece.
    fn room(&self) -> Result<mpsc::Permit<'_, Piece>, Stopped> {
        match self.pieces.try_reserve() {
            Ok(room) => Ok(room),
            Err(mpsc::error::TrySendError::Closed(())) => Err(Stopped),
            Err(mpsc::error::TrySendError::Full(())) => self
                .runtime
                .block_on(async { timeout(self.stall_timeout, self.pieces.reserve()).await })
                .map_err(|_| Stopped)?
                .map_err(|_| Stopped),
        }
    }
}

impl Output for Outlet {
    fn chunk(&mut self, chunk: Vec<u8>) -> Result<(), Stopped> {
        self.room()?.send(Piece::More(chunk.into()));
        Ok(())
    }

    fn last(&mut self, rest: Vec<u8>) -> Result<(), Stopped> {
        let took = self.started.elapsed();
        let permit = self.permit.take();
        let room = self.room()?;
        // Not before there is room: until then this thread waits, and threads that wait are what the limit bounds.
        drop(permit);
        room.send(Piece::Last { rest: rest.into(), took });
        Ok(())
    }
}
