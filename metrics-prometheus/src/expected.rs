//! How long a whole page is expected to be.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How long the last page was that was written whole, in bytes.
///
/// PERF: `encode/text_page` in `benches/LEDGER.md`. A page that is as long as the one before is written where there is
/// room for all of it: without this, it grows a dozen times, and is copied as often where something else stands behind
/// it.
static LAST: AtomicUsize = AtomicUsize::new(0);

/// The most that is set aside for a page before it is written, in bytes: the largest block that glibc hands out again
/// with its memory.
const MOST: usize = 32 << 20;

// ORDERING: Relaxed in both, a number that is right or wrong by itself.

/// How much to set aside for the next page.
pub(crate) fn room() -> usize {
    let last = LAST.load(Ordering::Relaxed);
    (last + last / 64).min(MOST)
}

/// Takes note of a page, and gives back what it does not need: the page before may have been another registry's.
pub(crate) fn remember(mut page: String) -> String {
    LAST.store(page.len(), Ordering::Relaxed);
    if page.capacity() > 2 * page.len() {
        page.shrink_to_fit();
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_shorter_than_expected_gives_back_what_it_does_not_need() {
        let mut page = String::with_capacity(1 << 16);
        page.push('x');
        assert_eq!(remember(page).capacity(), 1);
        let mut page = String::with_capacity(150);
        page.push_str(&"x".repeat(100));
        assert_eq!(remember(page).capacity(), 150);
    }
}
