//! The spellings of `rename_all`.

/// How the names of fields or variants become label names or values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Lower,
    Upper,
    Snake,
    ScreamingSnake,
    Kebab,
    Camel,
    Pascal,
}

const CASES: [(&str, Case); 7] = [
    ("lowercase", Case::Lower),
    ("UPPERCASE", Case::Upper),
    ("snake_case", Case::Snake),
    ("SCREAMING_SNAKE_CASE", Case::ScreamingSnake),
    ("kebab-case", Case::Kebab),
    ("camelCase", Case::Camel),
    ("PascalCase", Case::Pascal),
];

impl Case {
    /// The case that is spelled as its own example.
    pub(crate) fn of_spelling(spelling: &str) -> Option<Case> {
        CASES.into_iter().find(|(known, _)| *known == spelling).map(|(_, case)| case)
    }

    /// All spellings, for a message.
    pub(crate) fn spellings() -> String {
        CASES.map(|(spelling, _)| format!("`{spelling}`")).join(", ")
    }

    /// `name`, as it is written in Rust, in this case.
    pub(crate) fn apply(self, name: &str) -> String {
        let lower = |separator: &str| join(name, separator, str::to_lowercase);
        match self {
            Case::Lower => name.to_lowercase(),
            Case::Upper => name.to_uppercase(),
            Case::Snake => lower("_"),
            Case::ScreamingSnake => lower("_").to_uppercase(),
            Case::Kebab => lower("-"),
            Case::Pascal => join(name, "", capitalized),
            Case::Camel => {
                let words = words(name);
                let rest: String = words.iter().skip(1).map(|word| capitalized(word)).collect();
                words.first().map(|word| word.to_lowercase()).unwrap_or_default() + &rest
            }
        }
    }
}

fn join(name: &str, separator: &str, spell: impl Fn(&str) -> String) -> String {
    let words: Vec<String> = words(name).into_iter().map(spell).collect();
    words.join(separator)
}

fn capitalized(word: &str) -> String {
    let mut rest = word.chars();
    let first = rest.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    first + &rest.as_str().to_lowercase()
}

/// The words of `snake_case` and `PascalCase` alike; a run of capitals is one word, up to the one that begins the next.
fn words(name: &str) -> Vec<&str> {
    name.split('_').flat_map(humps).filter(|word| !word.is_empty()).collect()
}

fn humps(part: &str) -> Vec<&str> {
    let letters: Vec<(usize, char)> = part.char_indices().collect();
    let mut words = Vec::new();
    let mut start = 0;
    for (index, &(at, letter)) in letters.iter().enumerate().skip(1) {
        let after_other = !letters[index - 1].1.is_uppercase();
        let before_lower = letters.get(index + 1).is_some_and(|(_, next)| next.is_lowercase());
        if letter.is_uppercase() && (after_other || before_lower) {
            words.push(&part[start..at]);
            start = at;
        }
    }
    words.push(&part[start..]);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_spells_its_own_example() {
        for (spelling, case) in CASES {
            let pascal = match case {
                Case::Lower => "LowerCase",
                Case::Upper => "UpperCase",
                Case::Snake => "SnakeCase",
                Case::ScreamingSnake => "ScreamingSnakeCase",
                Case::Kebab => "KebabCase",
                Case::Camel => "CamelCase",
                Case::Pascal => "PascalCase",
            };
            assert_eq!(case.apply(pascal), spelling);
            assert_eq!(Case::of_spelling(spelling), Some(case));
        }
    }

    #[test]
    fn words_begin_at_underscores_and_capitals() {
        let table = [
            ("NotFound", "not_found"),
            ("HTTPServer", "http_server"),
            ("GetV2", "get_v2"),
            ("Http2Push", "http2_push"),
            ("already_snake", "already_snake"),
            ("A", "a"),
            ("_private", "private"),
        ];
        for (name, expected) in table {
            assert_eq!(Case::Snake.apply(name), expected, "{name}");
        }
        assert_eq!(Case::Camel.apply("status_code"), "statusCode");
        assert_eq!(Case::Pascal.apply("status_code"), "StatusCode");
        assert_eq!(Case::Lower.apply("NotFound"), "notfound");
    }
}
