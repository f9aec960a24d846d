//! A page in one piece, up to a limit.

use nilometer_core::collect::{CollectError, Collector, Descriptor, Point, SeriesLabels, Stopped, Visitor};

use crate::chunk::Output;
use crate::push::PushError;
use crate::text::TextEncoder;

/// A page to push, and what is on it.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) text: Vec<u8>,
    pub(super) points: u64,
    pub(super) skipped: u64,
}

/// Takes a page up to a limit.
struct UpTo<'a> {
    page: &'a mut Vec<u8>,
    limit: usize,
    is_full: &'a mut bool,
}

impl Output for UpTo<'_> {
    fn chunk(&mut self, chunk: Vec<u8>) -> Result<(), Stopped> {
        if self.page.len() + chunk.len() > self.limit {
            *self.is_full = true;
            return Err(Stopped);
        }
        self.page.extend_from_slice(&chunk);
        Ok(())
    }
}

/// Counts points on their way to a page.
struct Counted<V> {
    inner: V,
    points: u64,
}

impl<V: Visitor> Visitor for Counted<V> {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        self.inner.family(descriptor)
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        self.points += 1;
        self.inner.point(labels, point)
    }
}

/// Collects a page of at most so many bytes.
pub(super) fn collect(collector: &impl Collector, limit: usize) -> Result<Page, PushError> {
    let (mut text, mut is_full) = (Vec::new(), false);
    let output = UpTo { page: &mut text, limit, is_full: &mut is_full };
    let mut visitor = Counted { inner: TextEncoder::new(output), points: 0 };
    let collected = collector.collect(&mut visitor);
    let Counted { inner: encoder, points } = visitor;
    let skipped = encoder.skipped();
    let finished = encoder.finish();
    // A page that is full has stopped the collector itself, whatever the collector makes of that.
    if is_full {
        return Err(PushError::TooLarge { limit });
    }
    collected.map_err(PushError::Collect)?;
    finished.map_err(|stopped| PushError::Collect(CollectError::from(stopped)))?;
    Ok(Page { text, points: points - skipped, skipped })
}
