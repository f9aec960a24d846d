//! What a series is known by.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use super::few::{InOrder, Steps};
use super::limit::{LabelError, LabelLimits, MAX_LABELS, MAX_VALUE_LENGTH, REASONS};
use super::names::bytes_are_equal;
use super::query::{Digest, Probe, Query, Room};
use super::record::Record;
use crate::name::{MAX_NAME_LENGTH, OVERFLOW_LABEL, is_classic_label_name};

/// An immutable set of labels: sorted by name, hashed once, kept as the bytes that a page shows.
///
/// A label whose value is empty is left out: to Prometheus it does not exist. Clones share one allocation, and all
/// series with equal labels, whatever their family, share one copy of the text.
///
/// # Examples
///
/// ```
/// use nilometer_core::LabelSet;
///
/// let labels = LabelSet::from_pairs(&[("status", "200"), ("method", "GET")]);
/// assert_eq!(labels.as_prometheus(), r#"{method="GET",status="200"}"#);
/// assert_eq!(labels, LabelSet::from_pairs(&[("method", "GET"), ("status", "200")]));
/// ```
#[derive(Clone)]
pub struct LabelSet(pub(super) Record);

impl LabelSet {
    /// The set without labels.
    #[must_use]
    pub fn empty() -> LabelSet {
        static EMPTY: LazyLock<LabelSet> = LazyLock::new(|| {
            LabelSet::unchecked(&[]).unwrap_or_else(|_| unreachable!("no pairs break no rule"))
        });
        EMPTY.clone()
    }

    /// Makes a set of `pairs`, in any order, under the default [`LabelLimits`].
    ///
    /// What [`try_from_pairs`](LabelSet::try_from_pairs) refuses becomes the overflow set,
    /// `{nilometer_overflow="true"}`, and is counted by reason in `nilometer_rejected_label_sets_total`.
    #[must_use]
    pub fn from_pairs(pairs: &[(&str, &str)]) -> LabelSet {
        LabelSet::try_from_pairs(pairs).unwrap_or_else(|error| {
            // ORDERING: Relaxed, a count that no other memory depends on.
            REJECTED[error.reason() as usize].fetch_add(1, Ordering::Relaxed);
            overflow_set()
        })
    }

    /// Makes a set of `pairs`, in any order, under the default [`LabelLimits`].
    ///
    /// # Errors
    ///
    /// [`LabelError`]: a name is invalid, reserved or stands twice, a value is too long, or there are too many labels.
    ///
    /// A value can hold any characters: Prometheus 2.42 and 3.5 store every one of them, NUL included.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{LabelSet, label::LabelError};
    ///
    /// let error = LabelSet::try_from_pairs(&[("a", "1"), ("a", "2")]).unwrap_err();
    /// assert_eq!(error, LabelError::DuplicateName { name: "a".to_owned() });
    /// ```
    pub fn try_from_pairs(pairs: &[(&str, &str)]) -> Result<LabelSet, LabelError> {
        LabelSet::try_with_names(pairs, false)
    }

    /// Makes a set of `pairs`, in any order, whose names may hold any characters, under the default [`LabelLimits`]: what
    /// a collector of one's own, or an exporter's test, asks for. A registry asks for it by its configuration.
    ///
    /// # Errors
    ///
    /// As [`try_from_pairs`](LabelSet::try_from_pairs), and [`LabelError::Collision`] for two names that are the same
    /// where names are escaped, as `a.b` and `a_b` are.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::LabelSet;
    ///
    /// let labels = LabelSet::try_from_utf8_pairs(&[("http.method", "GET"), ("status", "200")])?;
    /// assert_eq!(labels.as_prometheus(), r#"{"http.method"="GET",status="200"}"#);
    /// assert_eq!(labels.get("http.method"), Some("GET"));
    /// assert!(LabelSet::try_from_utf8_pairs(&[("a.b", "1"), ("a_b", "2")]).is_err());
    /// # Ok::<(), nilometer_core::label::LabelError>(())
    /// ```
    pub fn try_from_utf8_pairs(pairs: &[(&str, &str)]) -> Result<LabelSet, LabelError> {
        LabelSet::try_with_names(pairs, true)
    }

    pub(crate) fn try_with_names(pairs: &[(&str, &str)], utf8: bool) -> Result<LabelSet, LabelError> {
        let mut room = Room::new();
        let query = Query::new(pairs, &mut room)?;
        query.check(LabelLimits::default().with_utf8_names(utf8))?;
        Ok(LabelSet::from_query(query))
    }

    /// Makes a set of `pairs`, in any order, whose names and values are known to be right.
    pub(crate) fn unchecked(pairs: &[(&str, &str)]) -> Result<LabelSet, LabelError> {
        Query::new(pairs, &mut Room::new()).map(LabelSet::from_query)
    }

    /// The set of a query that was checked.
    pub(crate) fn from_query(query: Query<'_>) -> LabelSet {
        let probe = query.probe();
        let mut text = String::with_capacity(probe.digest.length);
        let mut has_utf8_names = false;
        for (index, (name, value)) in query.pairs().iter().enumerate() {
            text.push(if index == 0 { '{' } else { ',' });
            if is_classic_label_name(name) {
                text.push_str(name);
            } else {
                has_utf8_names = true;
                text.push('"');
                escape_value(name, &mut text);
                text.push('"');
            }
            text.push_str("=\"");
            escape_value(value, &mut text);
            text.push('"');
        }
        if !query.pairs().is_empty() {
            text.push('}');
        }
        let mut plain = String::new();
        let pieces = query.pairs().iter().flat_map(|(name, value)| [name, value]);
        for piece in pieces.filter(|piece| needs_escape(piece)) {
            plain.push_str(piece);
        }
        let make = if has_utf8_names { Record::with_utf8_names } else { Record::new };
        LabelSet(make(probe.hash(), query.pairs().len(), &text, &plain))
    }

    /// The set of the same labels.
    #[must_use]
    pub fn from_labels(labels: &Labels) -> LabelSet {
        labels.0.clone()
    }

    /// The set as [`Labels`], without a copy.
    #[must_use]
    pub fn into_labels(self) -> Labels {
        Labels(self)
    }

    /// The set as it stands on a page, braces included and values escaped; `""` when it is empty.
    ///
    /// Where [it has UTF-8 names](LabelSet::has_utf8_names), that is a page of a format that takes them, in quotes.
    ///
    /// # Specification
    ///
    /// Prometheus, "Exposition formats", text format details: `\`, `"` and the line feed are escaped in values, and in
    /// names that are quoted.
    #[must_use]
    pub fn as_prometheus(&self) -> &str {
        self.0.encoded()
    }

    /// Whether some name is not classic: a page that takes none but classic names needs others in its place.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::LabelSet;
    ///
    /// assert!(!LabelSet::from_pairs(&[("method", "GET")]).has_utf8_names());
    /// assert!(LabelSet::try_from_utf8_pairs(&[("http.method", "GET")])?.has_utf8_names());
    /// # Ok::<(), nilometer_core::label::LabelError>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn has_utf8_names(&self) -> bool {
        self.0.has_utf8_names()
    }

    /// Reads the ends of the text, for nothing but to have it in the processor's cache.
    #[inline]
    pub(crate) fn touch(&self) -> usize {
        let text = self.0.encoded().as_bytes();
        [text.first(), text.last()].into_iter().flatten().map(|&byte| usize::from(byte)).sum()
    }

    /// Asks for the text's memory.
    #[inline]
    pub(crate) fn prefetch(&self) {
        self.0.prefetch();
    }

    /// How many labels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no label.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of the label `name`, unescaped.
    ///
    /// # Examples
    ///
    /// ```
    /// let labels = nilometer_core::LabelSet::from_pairs(&[("path", "C:\\tmp")]);
    /// assert_eq!(labels.get("path"), Some("C:\\tmp"));
    /// assert_eq!(labels.get("method"), None);
    /// ```
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The labels in the order of their names, values unescaped.
    #[must_use]
    pub fn iter(&self) -> Pairs<'_> {
        Pairs { encoded: self.as_prometheus().get(1..).unwrap_or(""), plain: self.0.plain() }
    }

    /// Whether this is the set of the pairs that are looked for, by content. Looking for them by hash comes first.
    pub(crate) fn matches(&self, pairs: &(impl InOrder + ?Sized)) -> bool {
        self.len() == pairs.len() && pairs.all(&mut self.iter())
    }

    /// Whether this set has the values that are looked for, and as many labels, the names of which are known to be
    /// those that are looked for.
    ///
    /// Where nothing is escaped, values are compared where they would be, and the quotes around them. The set's text
    /// has two quotes for each of its labels, and no others. If a value that is looked for had one inside, the first
    /// such would stand where the set's own value begins, and all that is compared from there on would be one quote
    /// more than the text has left. So none has, and each value ends on both sides where the next quote is.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "every lookup is this and little else: a call would be much of it"
    )]
    pub(crate) fn is_common_with_values(&self, digest: Digest, pairs: &(impl InOrder + ?Sized)) -> bool {
        let text = self.0.common_of(pairs.len(), digest.length);
        text.is_some_and(|text| pairs.all(&mut Along { at: text.as_ptr() }))
    }

    /// The same of any set.
    #[inline]
    pub(crate) fn has_values(&self, digest: Digest, pairs: &(impl InOrder + ?Sized)) -> bool {
        self.is_common_with_values(digest, pairs) || (self.0.common().is_none() && self.matches(pairs))
    }

    /// Whether this is the set of what is looked for, by content: [`matches`](LabelSet::matches), where the probe's digest
    /// says how long its text would be.
    ///
    /// Names are compared where they would be, too: behind the place where the value before ends, which is where it ends
    /// in the set's text, as is said above.
    #[inline]
    pub(crate) fn is_of(&self, probe: &Probe<'_>) -> bool {
        match self.0.common_of(probe.pairs.len(), probe.digest.length) {
            Some(text) => probe.pairs.all(&mut AlongNames(Along { at: text.as_ptr() })),
            None => self.0.common().is_none() && self.matches(probe.pairs),
        }
    }

    #[inline]
    pub(crate) fn hash_value(&self) -> u32 {
        self.0.hash()
    }
}

/// Goes along a text in which nothing is escaped, and which is as long as all names and values of the pairs and what
/// stands around them.
struct Along {
    /// Where a brace or a comma stands before a name.
    at: *const u8,
}

impl Steps for Along {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as above")]
    fn step(&mut self, name: &str, value: &str) -> bool {
        let first = self.at.wrapping_add(name.len() + 3);
        let close = first.wrapping_add(value.len());
        self.at = close.wrapping_add(1);
        // SAFETY: the text is long enough.
        let opens = unsafe { *first.wrapping_sub(1) } == b'"';
        // SAFETY: as above.
        let closes = unsafe { *close } == b'"';
        // SAFETY: as above.
        let found = unsafe { slice::from_raw_parts(first, value.len()) };
        opens && closes && bytes_are_equal(found, value.as_bytes())
    }
}

/// The same, with a look at the names.
struct AlongNames(Along);

impl Steps for AlongNames {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as above")]
    fn step(&mut self, name: &str, value: &str) -> bool {
        // SAFETY: the text is long enough.
        let found = unsafe { slice::from_raw_parts(self.0.at.wrapping_add(1), name.len()) };
        bytes_are_equal(found, name.as_bytes()) && self.0.step(name, value)
    }
}

impl Steps for Pairs<'_> {
    fn step(&mut self, name: &str, value: &str) -> bool {
        self.next() == Some((name, value))
    }
}

impl Default for LabelSet {
    fn default() -> Self {
        LabelSet::empty()
    }
}

impl PartialEq for LabelSet {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_same(&other.0) || self.0.same_content(&other.0)
    }
}

impl Eq for LabelSet {}

impl Hash for LabelSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.0.hash());
    }
}

impl fmt::Debug for LabelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for &'a LabelSet {
    type Item = (&'a str, &'a str);
    type IntoIter = Pairs<'a>;

    fn into_iter(self) -> Pairs<'a> {
        self.iter()
    }
}

/// The labels of one series.
///
/// The same data as a [`LabelSet`], seen as names and values rather than as a key.
///
/// # Examples
///
/// ```
/// use nilometer_core::Labels;
///
/// let labels = Labels::from_pairs(&[("status", "200"), ("method", "GET")]);
/// assert_eq!(labels.get("method"), Some("GET"));
/// assert_eq!(labels.pairs().collect::<Vec<_>>(), [("method", "GET"), ("status", "200")]);
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Labels(LabelSet);

impl Labels {
    /// No labels.
    #[must_use]
    pub fn empty() -> Labels {
        Labels(LabelSet::empty())
    }

    /// Makes labels of `pairs`, exactly as [`LabelSet::from_pairs`] does.
    #[must_use]
    pub fn from_pairs(pairs: &[(&str, &str)]) -> Labels {
        Labels(LabelSet::from_pairs(pairs))
    }

    /// Makes labels of `pairs`.
    ///
    /// # Errors
    ///
    /// As [`LabelSet::try_from_pairs`].
    pub fn try_from_pairs(pairs: &[(&str, &str)]) -> Result<Labels, LabelError> {
        LabelSet::try_from_pairs(pairs).map(Labels)
    }

    /// The value of the label `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }

    /// The labels in the order of their names.
    #[must_use]
    pub fn pairs(&self) -> Pairs<'_> {
        self.0.iter()
    }

    /// How many labels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no label.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same labels as a set.
    #[must_use]
    pub fn as_set(&self) -> &LabelSet {
        &self.0
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<LabelSet> for Labels {
    fn from(set: LabelSet) -> Self {
        Labels(set)
    }
}

impl From<Arc<Labels>> for Labels {
    fn from(labels: Arc<Labels>) -> Self {
        Labels(labels.0.clone())
    }
}

/// Iterates over the labels of a set, in the order of their names, values unescaped.
#[derive(Debug, Clone)]
pub struct Pairs<'a> {
    /// What is left of the page's form, from a name on.
    encoded: &'a str,
    /// What is left of the plain forms of escaped values.
    plain: &'a str,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        let (name, rest) = match self.encoded.strip_prefix('"') {
            None => {
                // A name without quotes has no equals sign.
                let end = self.encoded.bytes().position(|byte| byte == b'=')?;
                (&self.encoded[..end], self.encoded.get(end + 2..)?)
            }
            Some(quoted) => {
                let (name, rest) = self.up_to_quote(quoted);
                (name, rest.get(2..)?)
            }
        };
        let (value, rest) = self.up_to_quote(rest);
        // Behind the closing quote stands a comma or the closing brace.
        self.encoded = &rest[1..];
        Some((name, value))
    }
}

impl<'a> Pairs<'a> {
    /// What stands before the next quote, unescaped, and what stands behind it.
    #[inline]
    fn up_to_quote(&mut self, text: &'a str) -> (&'a str, &'a str) {
        let bytes = text.as_bytes();
        // Most have no escape, and end where the first of either stands.
        let mut escapes = 0;
        let mut end = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(0);
        while bytes[end] != b'"' {
            if bytes[end] == b'\\' {
                escapes += 1;
                end += 1;
            }
            end += 1;
        }
        let rest = &text[end + 1..];
        if escapes == 0 {
            return (&text[..end], rest);
        }
        // Each escape is two bytes on the page and one in what it stands for.
        let (piece, plain) = self.plain.split_at(end - escapes);
        self.plain = plain;
        (piece, rest)
    }
}

/// The label set of every family's overflow series.
pub(crate) fn overflow_set() -> LabelSet {
    static OVERFLOW: LazyLock<LabelSet> = LazyLock::new(|| {
        // Not through the checks, which reserve this very name.
        let overflow = LabelSet::unchecked(&[(OVERFLOW_LABEL, "true")]);
        overflow.unwrap_or_else(|_| unreachable!("one pair is neither too many nor a duplicate"))
    });
    OVERFLOW.clone()
}

/// How many sets [`LabelSet::from_pairs`] has turned into the overflow set, by reason, in the whole process.
static REJECTED: [AtomicU64; REASONS.len()] = [const { AtomicU64::new(0) }; REASONS.len()];

pub(crate) fn rejected_sets() -> impl Iterator<Item = (&'static str, u64)> {
    // ORDERING: Relaxed, as where it is counted.
    REASONS.iter().zip(&REJECTED).map(|((_, name), count)| (*name, count.load(Ordering::Relaxed)))
}

fn needs_escape(value: &str) -> bool {
    value.bytes().any(|byte| matches!(byte, b'\\' | b'"' | b'\n'))
}

/// SPEC: Prometheus, "Exposition formats", text format details: backslash, double quote and line feed.
fn escape_value(value: &str, out: &mut String) {
    if !needs_escape(value) {
        out.push_str(value);
        return;
    }
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
}

// What the limits let through fits in 32 bits: names and values escaped to twice their length, each with six bytes
// around its value and its name, their plain forms, and a brace.
const _: () = assert!(
    MAX_LABELS * (3 * MAX_NAME_LENGTH + 3 * MAX_VALUE_LENGTH + 6) < u32::MAX as usize,
    "a label set's text has a length of 32 bits"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_read_back_as_it_was_given() {
        let pairs = [
            ("a", "plain"),
            ("b", "quo\"te"),
            ("c", "back\\slash\\"),
            ("d", "line\nfeed"),
            ("e", "ünïcödé \"\\\n"),
            ("f", ",}={\r\t"),
        ];
        let set = LabelSet::from_pairs(&pairs);
        assert_eq!(set.iter().collect::<Vec<_>>(), pairs);
        assert_eq!(
            set.as_prometheus(),
            "{a=\"plain\",b=\"quo\\\"te\",c=\"back\\\\slash\\\\\",d=\"line\\nfeed\",\
             e=\"ünïcödé \\\"\\\\\\n\",f=\",}={\r\t\"}"
        );
    }

    #[test]
    fn values_are_compared_where_they_end_and_not_only_byte_by_byte() {
        let has = |own: &[(&str, &str)], pairs: &[(&str, &str)]| {
            let set = LabelSet::from_pairs(own);
            assert!(set.is_common_with_values(Digest { hash: 0, length: set.as_prometheus().len() }, own));
            // Whatever their hash, it may be that of the set.
            let length = pairs.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>() + 1;
            set.is_common_with_values(Digest { hash: 0, length }, pairs)
        };
        let own = [("a", "1"), ("b", "22222222")];
        assert!(has(&own, &own));
        assert!(!has(&own, &[("a", "1"), ("b", "22222223")]));
        // The text has these bytes there, and a quote behind each value.
        assert!(!has(&own, &[("a", "1\",b="), ("b", "2222")]));
        // The same, and a quote in front of each value.
        assert!(!has(&[("a", "1,,,,"), ("b", "2222")], &[("a", "1"), ("b", ",b=\"2222")]));
    }

    #[test]
    fn names_are_told_apart_where_values_and_lengths_are_the_same() {
        let mut room = Room::new();
        let pairs = [("ab", "1"), ("cd", "2")];
        let probe = Query::new(&pairs, &mut room).unwrap().probe();
        for (names, is_equal) in [(["ab", "cd"], true), (["ab", "ce"], false), (["ac", "cd"], false)] {
            let set = LabelSet::from_pairs(&[(names[0], "1"), (names[1], "2")]);
            assert!(set.is_common_with_values(probe.digest, probe.pairs));
            assert_eq!(set.is_of(&probe), is_equal, "{names:?}");
        }
        let other = LabelSet::from_pairs(&[("ab", "1"), ("cd", "3")]);
        assert!(!other.is_of(&probe) && !LabelSet::empty().is_of(&probe));
        // What is escaped is compared otherwise.
        let pairs = [("ab", "\""), ("cd", "2")];
        let (mut room, set) = (Room::new(), LabelSet::from_pairs(&pairs));
        assert!(set.is_of(&Query::new(&pairs, &mut room).unwrap().probe()) && !set.is_of(&probe));
    }

    #[test]
    fn every_pair_with_a_utf8_name_is_read_back_as_it_was_given() {
        let long = "漢\"".repeat(16_384);
        let pairs = [
            ("\u{1}n", "control"),
            ("\n", "line\nfeed"),
            ("\" \\", "quo\"te"),
            ("\"=\"", "\"=\""),
            ("classic", "\\"),
            ("http.method", "GET"),
            ("{},", "="),
            ("\u{202e}txt.", "right to left"),
            (&long, "long"),
        ];
        let set = LabelSet::try_from_utf8_pairs(&pairs).unwrap();
        assert_eq!(set.iter().collect::<Vec<_>>(), pairs);
        assert!(pairs.iter().all(|(name, value)| set.get(name) == Some(value)));
        let start = "{\"\u{1}n\"=\"control\",\"\\n\"=\"line\\nfeed\",\"\\\" \\\\\"=\"quo\\\"te\",\"\\\"=\\\"\"=\"\\\"=\\\"\",\
                     classic=\"\\\\\",\"http.method\"=\"GET\",\"{},\"=\"=\",\"\u{202e}txt.\"=\"right to left\",\"漢\\\"";
        assert!(set.as_prometheus().starts_with(start), "{}", &set.as_prometheus()[..start.len()]);
    }

    #[test]
    fn sets_of_utf8_names_are_equal_by_content_in_any_order() {
        let set = |pairs: &[(&str, &str)]| LabelSet::try_from_utf8_pairs(pairs).unwrap();
        let one = set(&[("a.b", "1"), ("é", "\""), ("c", "2")]);
        let same = set(&[("c", "2"), ("é", "\""), ("a.b", "1")]);
        assert!(one == same && one.hash_value() == same.hash_value());
        assert_ne!(one, set(&[("a.b", "1"), ("e", "\""), ("c", "2")]));
        assert_ne!(one, set(&[("a.b", "1"), ("é", "\\"), ("c", "2")]));
    }

    #[test]
    fn utf8_names_have_to_be_asked_for() {
        let pairs = [("a.b", "1")];
        assert!(matches!(LabelSet::try_from_pairs(&pairs), Err(LabelError::InvalidName { .. })));
        assert!(!LabelSet::from_pairs(&[("a", "\"")]).has_utf8_names());
        assert!(LabelSet::try_from_utf8_pairs(&[("a", "1")]).is_ok_and(|set| !set.has_utf8_names()));
    }

    #[test]
    fn labels_and_label_sets_agree_on_order() {
        let pairs = [("z", "1"), ("a", "2")];
        assert_eq!(Labels::from_pairs(&pairs).as_set(), &LabelSet::from_pairs(&pairs));
    }

    #[test]
    fn a_refused_set_becomes_the_overflow_set_and_is_counted() {
        let before: u64 = rejected_sets().map(|(_, count)| count).sum();
        assert_eq!(LabelSet::from_pairs(&[("le", "1")]).as_prometheus(), "{nilometer_overflow=\"true\"}");
        assert!(rejected_sets().map(|(_, count)| count).sum::<u64>() > before);
    }
}
