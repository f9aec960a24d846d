//! A series' labels on a page: the one place where they are written in a text format.

use nilometer_core::collect::SeriesLabels;

use crate::fragment::Fragment;

/// The labels as they stand on a page: the constant ones and the series' own, or all in the second place where only
/// one of the sets has any.
#[derive(Clone, Copy)]
pub(super) struct LabelTexts<'a> {
    constant: &'a str,
    own: &'a str,
    /// Whether the name has opened the brace, as one in quotes does.
    is_open: bool,
}

impl<'a> LabelTexts<'a> {
    #[inline]
    pub(super) fn of(labels: SeriesLabels<'a>, is_open: bool) -> LabelTexts<'a> {
        let mut sets = labels.sets();
        let (constant, own) = match (sets.next(), sets.next()) {
            (None, _) => ("", ""),
            (Some(only), None) => ("", only.as_prometheus()),
            (Some(constant), Some(own)) => (constant.as_prometheus(), own.as_prometheus()),
        };
        LabelTexts { constant, own, is_open }
    }

    /// All labels in one text, which has braces unless it is empty.
    pub(super) fn whole(own: &'a str, is_open: bool) -> LabelTexts<'a> {
        LabelTexts { constant: "", own, is_open }
    }

    /// How many bytes they take at most.
    #[inline]
    pub(super) fn room(self) -> usize {
        self.constant.len() + self.own.len() + 2
    }

    /// Appends them in braces, or nothing where there are none.
    #[inline]
    pub(super) fn append_to(self, page: &mut String) {
        if self.is_open {
            self.append_behind_name(page);
        } else if self.constant.is_empty() {
            page.push_str(self.own);
        } else {
            self.append_both(page);
        }
    }

    #[cold]
    fn append_behind_name(self, page: &mut String) {
        for set in self.sets() {
            page.push(',');
            page.push_str(set);
        }
        page.push('}');
    }

    /// What is between the braces of each set that is not empty.
    fn sets(self) -> impl Iterator<Item = &'a str> {
        let sets = [self.constant, self.own].into_iter();
        sets.filter_map(|set| set.len().checked_sub(1).and_then(|end| set.get(1..end)))
    }

    fn append_both(self, page: &mut String) {
        page.push_str(&self.constant[..self.constant.len() - 1]);
        page.push(',');
        page.push_str(&self.own[1..]);
    }

    /// Makes `start` what all lines of the series start with that have one more label: `name{a="1",`.
    pub(super) fn start_of_lines(self, name: &Fragment, start: &mut String) {
        start.clear();
        start.push_str(name.as_str());
        start.push(if self.is_open { ',' } else { '{' });
        for set in self.sets() {
            start.push_str(set);
            start.push(',');
        }
    }
}
