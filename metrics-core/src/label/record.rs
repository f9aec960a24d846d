//! The text of a label set and what is known of it, in one allocation that is counted.

use std::alloc::{self, Layout};
use std::mem::offset_of;
use std::ptr::NonNull;
use std::slice;
use std::str;

use super::intern;
use crate::count::Count;

/// A reference to a record, which is freed with the last one.
///
/// Behind the header stands what a page shows, braces included: `{method="GET",status="200"}`. If values needed
/// escaping, a length follows, and the plain forms of those values, one after the other; all other values are read
/// where they stand, so that a set is kept once and not twice.
///
/// The interner has a pointer that is not counted: [`upgrade`](Shared::upgrade) makes a reference of it unless there are
/// none left, and a record whose references are gone leaves the interner before it is freed.
pub(super) struct Record(NonNull<Header>);

#[repr(C)]
struct Header {
    count: Count,
    hash: u32,
    /// How long the page's form is, in bytes.
    encoded: u32,
    /// What loom looks at in place of the text.
    watched: Watched,
    /// How many labels there are.
    len: u8,
    /// `ESCAPED` and `INTERNED`.
    flags: u8,
}

/// Some value needed escaping.
const ESCAPED: u8 = 1;
/// The interner knows the record.
const INTERNED: u8 = 2;

/// Where the text begins: right behind the last field, since it needs no alignment.
const TEXT: usize = offset_of!(Header, flags) + 1;

/// How long the length of the plain forms is.
const LENGTH: usize = size_of::<u32>();

// SAFETY: what is behind the pointer is never written after it was made, but for the count, an atomic.
unsafe impl Send for Record {}
// SAFETY: as above.
unsafe impl Sync for Record {}

impl Record {
    /// A record of `len` labels with this page's form and these plain forms of what is escaped in it.
    pub(super) fn new(hash: u32, len: usize, encoded: &str, plain: &str) -> Record {
        let tail = if plain.is_empty() { 0 } else { LENGTH + plain.len() };
        let layout = layout(encoded.len() + tail);
        // SAFETY: the layout has a size, that of the header at least.
        #[expect(clippy::cast_ptr_alignment, reason = "the allocation is aligned for the header")]
        let raw = unsafe { alloc::alloc(layout) }.cast::<Header>();
        let Some(raw) = NonNull::new(raw) else { alloc::handle_alloc_error(layout) };
        let header = Header {
            count: Count::one(),
            hash,
            encoded: length(encoded.len()),
            watched: Watched::default(),
            len: u8::try_from(len).unwrap_or(u8::MAX),
            flags: if plain.is_empty() { 0 } else { ESCAPED },
        };
        // SAFETY: the allocation begins with room for a header, aligned for it.
        unsafe { raw.write(header) };
        // SAFETY: the text follows, for which there is room.
        let mut at = unsafe { raw.cast::<u8>().add(TEXT) };
        let plain_length = length(plain.len()).to_ne_bytes();
        for piece in [encoded.as_bytes(), &plain_length[..tail.min(LENGTH)], plain.as_bytes()] {
            // SAFETY: as above; nobody else knows the allocation.
            unsafe { at.copy_from_nonoverlapping(NonNull::from(piece).cast(), piece.len()) };
            // SAFETY: as above.
            at = unsafe { at.add(piece.len()) };
        }
        Record(raw)
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: there is a reference, this one.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(super) fn hash(&self) -> u32 {
        self.header().hash
    }

    /// How many labels there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        usize::from(self.header().len)
    }

    /// Whether some value needed escaping.
    #[inline]
    pub(super) fn is_escaped(&self) -> bool {
        self.header().flags & ESCAPED != 0
    }

    /// The page's form.
    #[inline]
    pub(super) fn encoded(&self) -> &str {
        self.text(0, self.header().encoded)
    }

    /// The plain forms of the values that are escaped, one after the other.
    pub(super) fn plain(&self) -> &str {
        if !self.is_escaped() {
            return "";
        }
        let encoded = self.header().encoded as usize;
        // SAFETY: the length follows the page's form.
        let at = unsafe { self.0.cast::<u8>().add(TEXT + encoded) };
        // SAFETY: as above; it is not aligned.
        let length = unsafe { at.cast::<u32>().read_unaligned() };
        self.text(encoded + LENGTH, length)
    }

    #[inline]
    fn text(&self, from: usize, len: u32) -> &str {
        look_at(&self.header().watched);
        // SAFETY: the caller asks for what is inside of the allocation.
        let at = unsafe { self.0.cast::<u8>().add(TEXT + from) };
        // SAFETY: as above; it is written when the record is made and never again.
        let bytes = unsafe { slice::from_raw_parts(at.as_ptr(), len as usize) };
        // SAFETY: these are the bytes of a `str`.
        unsafe { str::from_utf8_unchecked(bytes) }
    }

    /// Whether both are references to one record.
    pub(super) fn is_same(&self, other: &Record) -> bool {
        self.0 == other.0
    }

    pub(super) fn same_content(&self, other: &Record) -> bool {
        // Plain forms follow from the others.
        self.hash() == other.hash() && self.encoded() == other.encoded()
    }

    /// A pointer that is not counted, for the interner, which is left before the record is freed; `None` when there
    /// are other references.
    pub(super) fn share(&mut self) -> Option<Shared> {
        self.header().count.is_one().then(|| {
            // SAFETY: there is no other reference.
            unsafe { self.0.as_mut() }.flags |= INTERNED;
            Shared(self.0)
        })
    }
}

/// A pointer to a record, whose references may be gone, but which is not freed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Shared(NonNull<Header>);

// SAFETY: as for `Record`.
unsafe impl Send for Shared {}

impl Shared {
    pub(super) fn is(self, record: &Record) -> bool {
        self.0 == record.0
    }

    /// Looks at the record.
    ///
    /// # Safety
    ///
    /// It is in the interner, whose lock is held.
    pub(super) unsafe fn look<R>(self, f: impl FnOnce(&Record) -> R) -> R {
        f(&std::mem::ManuallyDrop::new(Record(self.0)))
    }

    /// A reference, unless there are none left.
    ///
    /// # Safety
    ///
    /// As [`look`](Shared::look).
    pub(super) unsafe fn upgrade(self) -> Option<Record> {
        // SAFETY: it is in the interner, which it leaves before it is freed.
        let count = unsafe { &self.0.as_ref().count };
        // The interner's lock has put all that is read of the record before.
        count.add_unless_none().then(|| Record(self.0))
    }
}

impl Clone for Record {
    fn clone(&self) -> Record {
        self.header().count.add();
        Record(self.0)
    }
}

impl Drop for Record {
    #[inline]
    fn drop(&mut self) {
        if self.header().count.take() {
            self.free();
        }
    }
}

impl Record {
    #[cold]
    fn free(&mut self) {
        if self.header().flags & INTERNED != 0 {
            intern::forget(self);
        }
        end(&self.header().watched);
        let tail = if self.is_escaped() { LENGTH + self.plain().len() } else { 0 };
        // SAFETY: it was allocated with this layout, and this was the last reference.
        unsafe { give_back(self.0, layout(self.header().encoded as usize + tail)) };
    }
}

fn layout(text: usize) -> Layout {
    // Room for a header, though the text begins inside of what would be its padding.
    let layout = Layout::from_size_align((TEXT + text).max(size_of::<Header>()), align_of::<Header>());
    layout.unwrap_or_else(|_| unreachable!("a label set's text has a length of 32 bits"))
}

/// A length within a label set's text.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// # Safety
///
/// `raw` was allocated with this layout, and is not used again.
#[cfg(not(all(test, nilometer_loom)))]
unsafe fn give_back(raw: NonNull<Header>, layout: Layout) {
    // SAFETY: by this function's contract.
    unsafe { alloc::dealloc(raw.as_ptr().cast(), layout) };
}

/// Models keep what was freed, so that a mutant reads that and not something else.
#[cfg(all(test, nilometer_loom))]
unsafe fn give_back(_: NonNull<Header>, _: Layout) {}

#[cfg(not(all(test, nilometer_loom)))]
type Watched = ();
#[cfg(all(test, nilometer_loom))]
type Watched = loom::cell::UnsafeCell<()>;

#[cfg(not(all(test, nilometer_loom)))]
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as loom's has it")]
#[inline]
fn look_at((): &Watched) {}
#[cfg(all(test, nilometer_loom))]
fn look_at(watched: &Watched) {
    watched.with(|_| ());
}

#[cfg(not(all(test, nilometer_loom)))]
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as loom's has it")]
fn end((): &Watched) {}
#[cfg(all(test, nilometer_loom))]
fn end(watched: &Watched) {
    watched.with_mut(|_| ());
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_header_takes_14_bytes() {
        assert_eq!(TEXT, 14);
        assert_eq!(size_of::<Option<Record>>(), size_of::<usize>());
    }

    #[test]
    fn what_was_put_in_is_read_back_from_every_reference() {
        for (encoded, plain) in
            [("", ""), ("{a=\"1\"}", ""), ("{a=\"\\\"\"}", "\""), ("x", "a longer plain form")]
        {
            let record = Record::new(7, 1, encoded, plain);
            let other = record.clone();
            drop(record);
            assert_eq!((other.encoded(), other.plain(), other.hash(), other.len()), (encoded, plain, 7, 1));
            assert_eq!(other.is_escaped(), !plain.is_empty());
        }
    }

    #[test]
    fn a_record_that_others_refer_to_is_not_shared_with_the_interner() {
        let mut record = Record::new(7, 0, "", "");
        let other = record.clone();
        assert!(record.share().is_none());
        drop(other);
        // The interner does not know it, and forgets nothing.
        let shared = record.share().unwrap();
        // SAFETY: there is a reference.
        let upgraded = unsafe { shared.upgrade() }.unwrap();
        assert!(shared.is(&upgraded) && upgraded.is_same(&record));
    }
}
