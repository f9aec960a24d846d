//! A short text that is written often.

/// How many bytes of a fragment are copied whatever its length.
const WIDTH: usize = 32;

/// A text that costs little to append when it is short: a name, what follows a label's value.
///
/// PERF: `WIDTH` bytes are copied and what is too much is cut off, so that the copy has a length that the compiler
/// knows: two or four moves in place of a call. `encode/text_page` in `benches/LEDGER.md`.
#[derive(Debug, Default)]
pub(crate) struct Fragment {
    /// The text, and spaces behind it up to `WIDTH` bytes.
    padded: String,
    len: usize,
}

impl Fragment {
    /// Makes the fragment this text.
    pub(crate) fn set(&mut self, text: &str) {
        self.padded.clear();
        self.padded.push_str(text);
        self.len = text.len();
        while self.padded.len() < WIDTH {
            self.padded.push(' ');
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.padded[..self.len]
    }

    /// How many bytes of room a page needs for it.
    pub(crate) fn room(&self) -> usize {
        self.padded.len()
    }

    #[inline]
    pub(crate) fn append_to(&self, page: &mut String) {
        let end = page.len() + self.len;
        if self.padded.len() == WIDTH {
            page.push_str(&self.padded);
            page.truncate(end);
        } else {
            page.push_str(&self.padded);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_of_any_length_is_appended_as_it_is() {
        let (mut fragment, mut page, mut expected) = (Fragment::default(), String::new(), String::new());
        for length in (0..70).chain([5, 0]) {
            let text: String = "aé漢".chars().cycle().take(length).collect();
            fragment.set(&text);
            assert_eq!(fragment.as_str(), text);
            fragment.append_to(&mut page);
            expected.push_str(&text);
            assert_eq!(page, expected);
        }
    }
}
