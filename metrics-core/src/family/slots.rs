//! Where series are found: an array of pointers, by hash.

use std::alloc::{self, Layout};
use std::iter;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::table::Entry;
use crate::sync::{AtomicPtr, Ordering, ordering};

/// The fewest slots: an index of a family with one series.
#[cfg(not(all(test, nilometer_loom)))]
const MIN_LEN: usize = 4;
#[cfg(all(test, nilometer_loom))]
const MIN_LEN: usize = 2;

/// The bits of an address that hold a part of the hash instead: those above 48, in which all that one allocator hands
/// out are alike on the usual machines.
const TAG_BITS: usize = if usize::BITS == 64 { usize::MAX << (usize::BITS - 16) } else { 0 };

/// Open addressing with linear probing, over slots whose number is a power of two.
///
/// A slot is null, or [`GRAVE`], or the address of a series, whose upper bits are mixed with those of its hash: a
/// reader that unmixes them with the bits of another hash gets an address that none can have, and goes on without
/// looking at the series. Where addresses are not alike in these bits, nothing is mixed, and the reader looks.
///
/// # Concurrency
///
/// Readers need no lock, one writer at a time holds the table's. There is always a null slot, so probing ends. A series
/// stays in its slot until it is taken out: between its first slot and its own there is never a null one, so a reader
/// that stops at one has not passed it.
#[repr(C)]
pub(super) struct Slots<T> {
    /// How many slots there are, less one.
    mask: usize,
    /// Which bits tell a series from what is none, or none that is looked for: those that are mixed, which are
    /// [`TAG_BITS`] or none, and that of [`GRAVE`].
    told: usize,
    /// What these bits are in every address here, unmixed.
    high: usize,
    /// The slots follow.
    first: [AtomicPtr<T>; 0],
}

/// Where a series was taken out between others: an address that none can have, as they are even.
const GRAVE: usize = 1;

/// The slots, for who may read them for `'a`.
pub(super) struct SlotsRef<'a, T> {
    raw: NonNull<Slots<T>>,
    slots: PhantomData<&'a Slots<T>>,
}

impl<T> Clone for SlotsRef<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SlotsRef<'_, T> {}

/// How many slots are enough for `len` series, with room for as many again before they have to grow.
pub(super) fn slots_for(len: usize) -> usize {
    (2 * len).next_power_of_two().max(MIN_LEN)
}

/// Makes slots for `series`, whose number is `count`.
pub(super) fn allocate<T: Entry>(
    count: usize,
    series: impl Iterator<Item = NonNull<T>> + Clone,
) -> NonNull<Slots<T>> {
    const { assert!(align_of::<T>() > GRAVE, "a series has an even address") };
    let tags = TAG_BITS;
    let mut addresses = series.clone().map(|series| series.addr().get());
    let high = addresses.next().unwrap_or(0) & tags;
    let (tags, high) = if addresses.all(|address| address & tags == high) { (tags, high) } else { (0, 0) };
    let raw = allocate_empty(count, tags, high);
    // SAFETY: it was made just now, and nobody else knows it.
    let slots = unsafe { SlotsRef::new(raw) };
    for series in series {
        // SAFETY: who calls this has references of the series.
        let hash = unsafe { series.as_ref() }.hash();
        slots.put(hash, series);
    }
    raw
}

fn layout<T>(count: usize) -> (Layout, usize) {
    let slots = Layout::array::<AtomicPtr<T>>(count);
    let both = slots.and_then(|slots| Layout::new::<Slots<T>>().extend(slots));
    both.unwrap_or_else(|_| unreachable!("a table's places are numbered with 32 bits"))
}

pub(super) fn allocate_empty<T>(count: usize, tags: usize, high: usize) -> NonNull<Slots<T>> {
    debug_assert!(count.is_power_of_two() && count >= MIN_LEN, "{count} slots");
    let (layout, _) = layout::<T>(count);
    // SAFETY: the layout has a size, and the head's alignment at least.
    #[expect(clippy::cast_ptr_alignment, reason = "the allocation is aligned for the layout")]
    let raw = unsafe { alloc::alloc(layout) }.cast::<Slots<T>>();
    let Some(raw) = NonNull::new(raw) else { alloc::handle_alloc_error(layout) };
    let head = Slots { mask: count - 1, told: tags | GRAVE, high, first: [] };
    // SAFETY: the allocation begins with room for the head, aligned for it.
    unsafe { raw.write(head) };
    for at in 0..count {
        // SAFETY: the layout has room for `count` slots at this offset.
        let slot = unsafe { slot::<T>(raw, at) };
        // SAFETY: as above.
        unsafe { slot.write(AtomicPtr::new(ptr::null_mut())) };
    }
    raw
}

/// # Safety
///
/// `raw` was made by [`allocate_empty`], for more than `at` slots, and is not freed.
#[inline]
unsafe fn slot<T>(raw: NonNull<Slots<T>>, at: usize) -> NonNull<AtomicPtr<T>> {
    // SAFETY: the head is followed by the slots, by this function's contract: its last field, of no size, is where the
    // first one is.
    let first = unsafe { raw.byte_add(std::mem::offset_of!(Slots<T>, first)) };
    // SAFETY: as above.
    unsafe { first.cast::<AtomicPtr<T>>().add(at) }
}

/// Frees slots.
///
/// # Safety
///
/// `raw` was made by [`allocate`], nobody reads it any more, and it is not used again.
pub(super) unsafe fn free<T>(raw: NonNull<Slots<T>>) {
    // SAFETY: it is not freed, by this function's contract.
    let count = unsafe { raw.as_ref() }.mask + 1;
    // SAFETY: it was allocated with this layout.
    unsafe { alloc::dealloc(raw.as_ptr().cast(), layout::<T>(count).0) };
}

impl<'a, T: Entry> SlotsRef<'a, T> {
    /// # Safety
    ///
    /// `raw` was made by [`allocate`], and is not freed for `'a`.
    #[inline]
    pub(super) unsafe fn new(raw: NonNull<Slots<T>>) -> SlotsRef<'a, T> {
        SlotsRef { raw, slots: PhantomData }
    }

    #[inline]
    fn head(self) -> &'a Slots<T> {
        // SAFETY: it is not freed for `'a`, and the head is never written again.
        unsafe { self.raw.as_ref() }
    }

    #[inline]
    fn slot(self, at: usize) -> &'a AtomicPtr<T> {
        // SAFETY: there are `mask + 1` slots.
        unsafe { self.slot_at(at & self.head().mask) }
    }

    /// # Safety
    ///
    /// There are more than `at` slots.
    #[inline]
    unsafe fn slot_at(self, at: usize) -> &'a AtomicPtr<T> {
        // SAFETY: by this function's contract.
        let slot = unsafe { slot(self.raw, at) };
        // SAFETY: it is not freed for `'a`.
        unsafe { slot.as_ref() }
    }

    pub(super) fn len(self) -> usize {
        self.head().mask + 1
    }

    /// The part of the hash that is mixed into an address.
    #[inline]
    fn tag(self, hash: u32) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "without 64 bits there are no tags")]
        let high = (u64::from(hash) << 32) as usize;
        // Its lowest bit, which is that of a grave, is zero.
        high & self.head().told
    }

    /// Whether the slots can hold this series.
    pub(super) fn fits(self, series: NonNull<T>) -> bool {
        series.addr().get() & self.head().told == self.head().high
    }

    /// The series that may have this hash, those that do among them.
    ///
    /// # Safety
    ///
    /// No series that can be found is freed for `'a`.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "every lookup is this and little else: a call would be much of it"
    )]
    pub(super) unsafe fn candidates(self, hash: u32) -> Candidates<'a, T> {
        // What is in the head is read once, as a copy: after each slot, the compiler would have it read again.
        let Slots { mask, told, high, .. } = *self.head();
        Candidates { slots: self, mask, told, high, tag: self.tag(hash), first: hash as usize, step: 0 }
    }

    /// Puts a series of this hash in that [`fits`](SlotsRef::fits) and is not there; whether a slot was filled that was
    /// null.
    ///
    /// The caller is the one writer, and leaves a null slot.
    pub(super) fn put(self, hash: u32, series: NonNull<T>) -> bool {
        let (at, was_null) = self
            .probe(hash)
            .find_map(|at| {
                // ORDERING: Relaxed, here and in the methods below: the writer alone stores, under the table's lock.
                let entry = self.slot(at).load(Ordering::Relaxed);
                (entry.is_null() || entry.addr() == GRAVE).then_some((at, entry.is_null()))
            })
            .unwrap_or_else(|| unreachable!("there is always a null slot"));
        let entry = series.as_ptr().map_addr(|address| address ^ self.tag(hash));
        // ORDERING: Release, pairs with the Acquire in `find`.
        self.slot(at).store(entry, ordering!(Release, "family_insert/put"));
        was_null
    }

    /// Takes a series out; how many slots became null, or `None` if it was not there.
    ///
    /// The caller is the one writer.
    pub(super) fn take(self, series: &T) -> Option<usize> {
        let hash = series.hash();
        let entry = ptr::from_ref(series).addr() ^ self.tag(hash);
        let is_taken = |at: &usize| self.slot(*at).load(Ordering::Relaxed).addr() == entry;
        let at = self.probe(hash).take_while(|at| !self.is_null(*at)).find(is_taken)?;
        // ORDERING: Relaxed, here and below: who unlinks a series has a fence before it is freed.
        self.slot(at).store(ptr::without_provenance_mut(GRAVE), Ordering::Relaxed);
        if !self.is_null(at + 1) {
            return Some(0);
        }
        // No series is behind these graves.
        let before = (0..self.len()).map(|step| at.wrapping_sub(step));
        let graves = before.take_while(|at| self.slot(*at).load(Ordering::Relaxed).addr() == GRAVE);
        Some(graves.map(|at| self.slot(at).store(ptr::null_mut(), Ordering::Relaxed)).count())
    }

    fn is_null(self, at: usize) -> bool {
        self.slot(at).load(Ordering::Relaxed).is_null()
    }

    fn probe(self, hash: u32) -> impl Iterator<Item = usize> {
        let first = hash as usize;
        iter::successors(Some(first), |at| Some(at.wrapping_add(1))).take(self.len())
    }
}

/// Series that may be the one that is looked for.
pub(super) struct Candidates<'a, T> {
    slots: SlotsRef<'a, T>,
    mask: usize,
    told: usize,
    high: usize,
    tag: usize,
    first: usize,
    step: usize,
}

impl<'a, T: Entry> Iterator for Candidates<'a, T> {
    /// The pointer that was put in, and the series it points at.
    type Item = (NonNull<T>, &'a T);

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as above")]
    fn next(&mut self) -> Option<(NonNull<T>, &'a T)> {
        // Known to be false before the first slot.
        if self.step > self.mask {
            return None;
        }
        loop {
            // ORDERING: Acquire, pairs with the Release in `put`: who finds a series finds what is in it.
            // SAFETY: there are `mask + 1` slots.
            let slot = unsafe { self.slots.slot_at((self.first + self.step) & self.mask) };
            let entry = slot.load(ordering!(Acquire, "family_insert/find"));
            if entry.is_null() {
                return None;
            }
            self.step += 1;
            let series = entry.map_addr(|address| address ^ self.tag);
            if series.addr() & self.told == self.high {
                // SAFETY: these bits show that the tag is of this hash, or that there are no tags, and that it is no
                // grave; so this is a series' address.
                let series = unsafe { NonNull::new_unchecked(series) };
                // SAFETY: it is not freed for `'a`, by the contract of `candidates`.
                return Some((series, unsafe { series.as_ref() }));
            }
            if self.step > self.mask {
                return None;
            }
        }
    }
}
