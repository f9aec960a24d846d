//! What was sent before, for what is sent as a difference.
//!
//! The store is never reset, so that any number of readers see all of it: who sends differences keeps what it sent. A
//! series is known by its family's name and its labels. What is sent of it counts as received once its request is
//! acknowledged: until then, the next difference is one to what was acknowledged last.
//!
//! - `series`: one series. `exponential`: its exponential buckets, over changes of scale.

mod exponential;
mod series;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use nilometer_core::collect::SeriesLabels;

pub(crate) use self::exponential::Buckets;
pub(crate) use self::series::Series;

/// In how many complete collections in a row a series may be missing before it is forgotten.
pub(crate) const PATIENCE: u32 = 3;

/// Which requests of the last collection were acknowledged: the encoder's half.
#[derive(Debug, Default)]
pub(crate) struct Receipts(Vec<Arc<AtomicBool>>);

impl Receipts {
    /// What became of each request, in their order, and none from now on. `None` where one may still be acknowledged.
    pub(crate) fn take(&mut self) -> Option<Vec<bool>> {
        let settled: Option<Vec<bool>> =
            self.0.iter_mut().map(|receipt| Some(*Arc::get_mut(receipt)?.get_mut())).collect();
        if settled.is_some() {
            self.0.clear();
        }
        settled
    }

    /// The number of the request that comes next.
    pub(crate) fn next(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX - 1)
    }

    /// The receipt of that request.
    pub(crate) fn add(&mut self) -> Receipt {
        let flag = Arc::new(AtomicBool::new(false));
        self.0.push(Arc::clone(&flag));
        Receipt(flag)
    }
}

/// Whether a request was acknowledged: the request's own half.
#[derive(Debug, Clone)]
pub(crate) struct Receipt(Arc<AtomicBool>);

impl Receipt {
    pub(crate) fn acknowledge(&self) {
        // ORDERING: Relaxed; whoever reads it has found this half gone, which synchronises.
        self.0.store(true, Ordering::Relaxed);
    }
}

/// All series that are sent as differences.
#[derive(Debug, Default)]
pub(crate) struct Baselines {
    hasher: RandomState,
    families: HashMap<Box<str>, HashTable<Series>, RandomState>,
    /// The family that is shown, with its series, which are not among the others then.
    current: Option<(Box<str>, HashTable<Series>)>,
    /// When the last collection was, in nanoseconds since 1970; 0 before the first.
    now: u64,
    /// Whether it has shown everything.
    is_complete: bool,
    /// When the last collection was that has.
    complete: u64,
    patience: u32,
}

impl Baselines {
    pub(crate) fn new(patience: u32) -> Baselines {
        Baselines { patience, ..Baselines::default() }
    }

    pub(crate) fn set_patience(&mut self, collections: u32) {
        self.patience = collections;
    }

    /// How many series are known.
    pub(crate) fn len(&self) -> usize {
        let current = self.current.iter().map(|(_, table)| table);
        self.families.values().chain(current).map(HashTable::len).sum()
    }

    /// Takes in which requests of the last collection were acknowledged, and begins one as of `now`.
    pub(crate) fn begin(&mut self, now: u64, acknowledged: &[bool]) {
        self.put_back();
        let (last, patience) = (self.now, self.patience);
        let is_complete = std::mem::take(&mut self.is_complete);
        self.families.retain(|_, table| {
            table.retain(|series| {
                series.settle(acknowledged, last);
                !is_complete || series.is_awaited(patience)
            });
            if table.len() < table.capacity() / 4 {
                table.shrink_to(table.len() * 2, Series::hash);
            }
            !table.is_empty()
        });
        self.now = now;
    }

    /// Says that the collection has shown everything.
    pub(crate) fn complete(&mut self) {
        (self.is_complete, self.complete) = (true, self.now);
    }

    fn put_back(&mut self) {
        if let Some((name, table)) = self.current.take()
            && !table.is_empty()
        {
            self.families.insert(name, table);
        }
    }

    /// A number for these bounds, that of other bounds being another with all likelihood.
    pub(crate) fn number_of(&self, bounds: &[f64]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        for bound in bounds {
            hasher.write_u64(bound.to_bits());
        }
        hasher.finish()
    }

    /// Goes on to the family of this name.
    pub(crate) fn family(&mut self, name: &str) {
        self.put_back();
        let known = self.families.remove_entry(name);
        self.current = Some(known.unwrap_or_else(|| (name.into(), HashTable::new())));
    }

    /// The series with these labels, which `content` has as well, in one and the same way for equal labels. One that is
    /// not known began at `created`, or else after the last collection that would have shown it, or else at `start`.
    pub(crate) fn series(
        &mut self,
        labels: SeriesLabels<'_>,
        content: &[u8],
        created: Option<u64>,
        start: u64,
    ) -> Option<&mut Series> {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(content);
        let hash = hasher.finish();
        let since = if self.complete > 0 { self.complete } else { start };
        let (_, table) = self.current.as_mut()?;
        let entry = table.entry(hash, |series| series.is_of(hash, labels), Series::hash);
        Some(entry.or_insert_with(|| Series::new(hash, labels, created.unwrap_or(since))).into_mut())
    }
}
