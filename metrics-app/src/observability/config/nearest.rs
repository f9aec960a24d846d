//! What somebody may have meant.

/// Of these names, the one that this one may have been meant to be: a third of its characters are wrong at most.
pub(super) fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    // What is longer is none of the names, and would take its time.
    if name.len() > 128 {
        return None;
    }
    let distances = known.map(|known| (distance(name, &known), known));
    let (distance, known) = distances.min()?;
    (distance <= known.chars().count() / 3).then_some(known)
}

/// How many characters have to be added, left out or changed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, c) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (index, &d) in other.iter().enumerate() {
            let changed = diagonal + usize::from(c != d);
            diagonal = row[index + 1];
            row[index + 1] = changed.min(diagonal + 1).min(row[index] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_slip_is_recognized_and_another_one_is_not() {
        assert_eq!((distance("kitten", "sitting"), distance("", "abc"), distance("abc", "")), (3, 3, 3));
        let known = || ["prometheus.port", "prometheus.path"].into_iter().map(str::to_owned);
        assert_eq!(nearest("prometheus.prot", known()).as_deref(), Some("prometheus.port"));
        assert_eq!(nearest("prometheus.pth", known()).as_deref(), Some("prometheus.path"));
        assert_eq!(nearest("grafana", known()), None);
        assert_eq!(nearest(&"x".repeat(1 << 20), known()), None);
    }
}
