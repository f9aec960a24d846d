//! The text of a label set and what is known of it, in one allocation that is counted.

use std::alloc::{self, Layout};
use std::ptr::NonNull;
use std::slice;
use std::str;

use super::intern;
use crate::count::Count;
use crate::prefetch::prefetch;

/// A reference to a record, which is freed with the last one.
///
/// Behind the header stands what a page shows, braces included: `{method="GET",status="200"}`. If values needed
/// escaping, the plain forms of those values follow, one after the other, and two lengths come first; all other values
/// are read where they stand, so that a set is kept once and not twice. Names that are not classic stand in quotes and
/// are escaped as values are.
///
/// The interner has a pointer that is not counted: [`upgrade`](Shared::upgrade) makes a reference of it unless there are
/// none left, and a record whose references are gone leaves the interner before it is freed.
pub(super) struct Record(NonNull<Header>);

/// Every series' labels have one of these, so it is as short as it can be: 12 bytes.
#[repr(C)]
struct Header {
    /// What loom looks at in place of the text.
    watched: Watched,
    count: Count,
    hash: u32,
    form: Form,
}

/// How long the page's form is, in bytes, how many labels there are, and two flags.
#[derive(Clone, Copy)]
struct Form(u32);

impl Form {
    /// The interner knows the record.
    const INTERNED: u32 = 1;
    /// Some value needed escaping, some name quotes, or the page's form is longer than can be told here. In front of the
    /// text stand its length and that of the plain forms, which are read there alone.
    const SPECIAL: u32 = 2;
    /// Where the number of labels is, which has 7 bits.
    const LABELS: u32 = 2;
    /// Where the length is, which has all others.
    const LENGTH: u32 = 9;
    const MAX_LENGTH: usize = (u32::MAX >> Form::LENGTH) as usize;

    /// In a special record, where no length is told here: some name is not classic, and stands in quotes.
    const UTF8_NAMES: u32 = 1 << Form::LENGTH;

    fn new(labels: usize, encoded: &str, plain: &str) -> Form {
        let labels = length(labels).min((1 << (Form::LENGTH - Form::LABELS)) - 1) << Form::LABELS;
        if !plain.is_empty() || encoded.len() > Form::MAX_LENGTH {
            return Form(labels | Form::SPECIAL);
        }
        Form(length(encoded.len()) << Form::LENGTH | labels)
    }

    /// Whether it is not special, and that of so many labels and bytes: one comparison of all but a flag.
    #[inline]
    fn is_of(self, labels: usize, length: usize) -> bool {
        let whole = (length as u64) << Form::LENGTH | (labels as u64) << Form::LABELS;
        u64::from(self.0 & !Form::INTERNED) == whole
    }

    /// The form of labels whose names are not all classic, which is always special.
    fn of_utf8_names(labels: usize) -> Form {
        Form(Form::new(labels, "", "").0 | Form::SPECIAL | Form::UTF8_NAMES)
    }

    fn has_utf8_names(self) -> bool {
        const BOTH: u32 = Form::SPECIAL | Form::UTF8_NAMES;
        self.0 & BOTH == BOTH
    }

    #[inline]
    fn is_special(self) -> bool {
        self.0 & Form::SPECIAL != 0
    }

    fn is_interned(self) -> bool {
        self.0 & Form::INTERNED != 0
    }

    #[inline]
    fn labels(self) -> usize {
        (self.0 >> Form::LABELS) as usize & ((1 << (Form::LENGTH - Form::LABELS)) - 1)
    }

    #[inline]
    fn length(self) -> usize {
        (self.0 >> Form::LENGTH) as usize
    }
}

/// The lengths of the page's form and of the plain forms, where they stand in front of the text.
type Lengths = [u32; 2];

/// Where the text begins, or its lengths: right behind the header.
const TEXT: usize = size_of::<Header>();

// SAFETY: what is behind the pointer is never written after it was made, but for the count, an atomic.
unsafe impl Send for Record {}
// SAFETY: as above.
unsafe impl Sync for Record {}

impl Record {
    /// A record of `len` labels with this page's form and these plain forms of what is escaped in it.
    pub(super) fn new(hash: u32, len: usize, encoded: &str, plain: &str) -> Record {
        Record::of_form(hash, Form::new(len, encoded, plain), encoded, plain)
    }

    /// The same where some name is not classic: in the page's form such names stand in quotes.
    pub(super) fn with_utf8_names(hash: u32, len: usize, encoded: &str, plain: &str) -> Record {
        Record::of_form(hash, Form::of_utf8_names(len), encoded, plain)
    }

    fn of_form(hash: u32, form: Form, encoded: &str, plain: &str) -> Record {
        let lengths: Lengths = [length(encoded.len()), length(plain.len())];
        let [first, second] = lengths.map(u32::to_ne_bytes);
        let lengths: [&[u8]; 2] = if form.is_special() { [&first, &second] } else { [&[]; 2] };
        let pieces = [lengths[0], lengths[1], encoded.as_bytes(), plain.as_bytes()];
        let layout = layout(pieces.iter().map(|piece| piece.len()).sum());
        // SAFETY: the layout has a size, that of the header at least.
        #[expect(clippy::cast_ptr_alignment, reason = "the allocation is aligned for the header")]
        let raw = unsafe { alloc::alloc(layout) }.cast::<Header>();
        let Some(raw) = NonNull::new(raw) else { alloc::handle_alloc_error(layout) };
        let header = Header { watched: Watched::default(), count: Count::one(), hash, form };
        // SAFETY: the allocation begins with room for a header, aligned for it.
        unsafe { raw.write(header) };
        // SAFETY: the text follows, for which there is room.
        let mut at = unsafe { raw.cast::<u8>().add(TEXT) };
        for piece in pieces {
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

    /// Asks for the record's memory, as far as most records reach.
    #[inline]
    pub(super) fn prefetch(&self) {
        let line: *const [u8; 64] = self.0.as_ptr().cast_const().cast();
        prefetch(line);
        prefetch(line.wrapping_add(1));
    }

    #[inline]
    pub(super) fn hash(&self) -> u32 {
        self.header().hash
    }

    /// How many labels there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.header().form.labels()
    }

    /// Whether some name is not classic.
    pub(super) fn has_utf8_names(&self) -> bool {
        self.header().form.has_utf8_names()
    }

    /// The page's form.
    #[inline]
    pub(super) fn encoded(&self) -> &str {
        self.common().unwrap_or_else(|| self.special().0)
    }

    /// The plain forms of the values that are escaped, one after the other.
    pub(super) fn plain(&self) -> &str {
        if self.header().form.is_special() { self.special().1 } else { "" }
    }

    /// The page's form, unless it is special: then nothing is escaped in it.
    #[inline]
    pub(super) fn common(&self) -> Option<&str> {
        let form = self.header().form;
        (!form.is_special()).then(|| self.text(0, form.length()))
    }

    /// The page's form, if it is not special and has so many labels and bytes.
    #[inline]
    pub(super) fn common_of(&self, labels: usize, length: usize) -> Option<&str> {
        self.header().form.is_of(labels, length).then(|| self.text(0, length))
    }

    /// The page's form and the plain forms of a record that is special.
    #[cold]
    fn special(&self) -> (&str, &str) {
        let [encoded, plain] = self.lengths();
        (self.text(size_of::<Lengths>(), encoded), self.text(size_of::<Lengths>() + encoded, plain))
    }

    fn lengths(&self) -> [usize; 2] {
        // SAFETY: they stand there when the record is special, as the callers know.
        let lengths = unsafe { self.0.cast::<u8>().add(TEXT) };
        // SAFETY: as above. Their alignment is asked for by nobody.
        unsafe { lengths.cast::<Lengths>().read_unaligned() }.map(|length| length as usize)
    }

    #[inline]
    fn text(&self, from: usize, len: usize) -> &str {
        look_at(&self.header().watched);
        // SAFETY: the caller asks for what is inside of the allocation.
        let at = unsafe { self.0.cast::<u8>().add(TEXT + from) };
        // SAFETY: as above; it is written when the record is made and never again.
        let bytes = unsafe { slice::from_raw_parts(at.as_ptr(), len) };
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
            unsafe { self.0.as_mut() }.form.0 |= Form::INTERNED;
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
        if self.header().form.is_interned() {
            intern::forget(self);
        }
        end(&self.header().watched);
        let form = self.header().form;
        let text = if form.is_special() {
            size_of::<Lengths>() + self.lengths().iter().sum::<usize>()
        } else {
            form.length()
        };
        // SAFETY: it was allocated with this layout, and this was the last reference.
        unsafe { give_back(self.0, layout(text)) };
    }
}

fn layout(text: usize) -> Layout {
    let layout = Layout::from_size_align(TEXT + text, align_of::<Header>());
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
    fn a_header_takes_12_bytes() {
        assert_eq!(TEXT, 12);
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
            assert_eq!(other.common(), plain.is_empty().then_some(encoded));
        }
    }

    #[test]
    fn a_record_with_utf8_names_is_never_common_and_all_is_read_back() {
        for (encoded, plain) in [("{\"a.b\"=\"1\"}", ""), ("{\"\\\"\"=\"1\"}", "\"")] {
            for len in [1, 64] {
                let record = Record::with_utf8_names(7, len, encoded, plain);
                assert_eq!((record.encoded(), record.plain(), record.len()), (encoded, plain, len));
                assert!(record.has_utf8_names() && record.common().is_none());
            }
            // A length that has the same bit is not mistaken for it, nor a record that is special for something else.
            assert!(
                !Record::new(7, 1, "x", "").has_utf8_names() && !Record::new(7, 1, "x", "y").has_utf8_names()
            );
        }
    }

    #[test]
    fn a_text_that_is_longer_than_the_header_can_tell_is_read_back_too() {
        for length in [Form::MAX_LENGTH, Form::MAX_LENGTH + 1] {
            let text = "x".repeat(length);
            for plain in ["", "plain"] {
                let record = Record::new(7, 64, &text, plain);
                assert!(record.encoded() == text && record.plain() == plain && record.len() == 64);
                let is_common = plain.is_empty() && length <= Form::MAX_LENGTH;
                assert_eq!(record.common().is_some(), is_common);
            }
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
