//! A configuration from TOML.

use std::path::Path;

use toml::de::{DeTable, DeValue, Deserializer};

use super::ObservabilityConfigError;
use super::keys::{KEYS, Key};
use super::nearest::nearest;
use super::origin::{ConfigOrigin, Origins};
use super::sections::Sections;

/// How much of a value an error shows, in characters.
const SHOWN: usize = 64;

/// What a file says, and in which lines.
pub(super) fn parse(
    text: &str,
    path: Option<&Path>,
) -> Result<(Sections, Origins), ObservabilityConfigError> {
    let file = File { text, path };
    let table = DeTable::parse(text).map_err(|error| file.syntax(&error))?;
    let mut origins = Origins::default();
    file.walk("", table.get_ref(), &mut origins)?;
    let read = serde_path_to_error::deserialize::<_, Sections>(Deserializer::from(table));
    let sections = read.map_err(|error| file.refused(&error))?;
    Ok((sections, origins))
}

struct File<'a> {
    text: &'a str,
    path: Option<&'a Path>,
}

impl File<'_> {
    /// The line that a byte is in.
    fn origin(&self, at: usize) -> ConfigOrigin {
        let before = self.text.as_bytes().iter().take(at);
        ConfigOrigin::file(self.path, 1 + before.filter(|&&byte| byte == b'\n').count())
    }

    fn syntax(&self, error: &toml::de::Error) -> ObservabilityConfigError {
        let origin = self.origin(error.span().map_or(0, |span| span.start));
        ObservabilityConfigError::Syntax { origin, reason: error.message().replace('\n', ", ") }
    }

    /// Notes where each value stands, and finds keys that there are none of.
    fn walk(
        &self,
        holder: &str,
        table: &DeTable<'_>,
        origins: &mut Origins,
    ) -> Result<(), ObservabilityConfigError> {
        for (name, value) in table {
            let path = if holder.is_empty() {
                name.get_ref().to_string()
            } else {
                format!("{holder}.{}", name.get_ref())
            };
            let origin = self.origin(name.span().start);
            if let Some(key) = Key::of(&path) {
                if value.get_ref().is_table() && !key.is_table() {
                    let expected = key.expected();
                    return Err(ObservabilityConfigError::InvalidValue {
                        key: path,
                        origin,
                        value: None,
                        expected,
                    });
                }
                origins.set(&path, origin);
                if let (true, DeValue::Table(pairs)) = (key.is_table(), value.get_ref()) {
                    for name in pairs.keys() {
                        let origin = self.origin(name.span().start);
                        origins.set(&key.path_of(name.get_ref()), origin);
                    }
                }
                continue;
            }
            let is_section = KEYS.iter().any(|key| key.is_in(&path));
            match value.get_ref() {
                DeValue::Table(inner) if is_section => self.walk(&path, inner, origins)?,
                _ if is_section => {
                    // In the place of a section of secrets, it may be one.
                    let holds_secrets = KEYS.iter().any(|key| key.is_secret() && key.is_in(&path));
                    let value = (!holds_secrets).then(|| self.cut(value.span()));
                    let expected = "a section";
                    return Err(ObservabilityConfigError::InvalidValue {
                        key: path,
                        origin,
                        value,
                        expected,
                    });
                }
                _ => {
                    let known = KEYS.iter().map(|key| key.path.to_owned()).chain(sections());
                    let nearest = nearest(&path, known);
                    return Err(ObservabilityConfigError::UnknownKey { key: path, origin, nearest });
                }
            }
        }
        Ok(())
    }

    /// What is written there, as far as it is short and of one line.
    fn cut(&self, span: std::ops::Range<usize>) -> String {
        let written = self.text.get(span).unwrap_or_default();
        let line = written.lines().next().unwrap_or_default();
        let mut shown: String = line.chars().take(SHOWN).collect();
        if shown.len() < written.len() {
            shown.push_str("...");
        }
        shown
    }

    /// What serde refused: a value of another type, or out of range.
    fn refused(&self, error: &serde_path_to_error::Error<toml::de::Error>) -> ObservabilityConfigError {
        let (path, error) = (error.path().to_string(), error.inner());
        let (Some(key), Some(span)) = (Key::holding(&path), error.span()) else { return self.syntax(error) };
        let origin = self.origin(span.start);
        let value = (!key.is_secret()).then(|| self.cut(span));
        ObservabilityConfigError::InvalidValue { key: path, origin, value, expected: key.expected() }
    }
}

/// The names of the sections.
fn sections() -> impl Iterator<Item = String> {
    KEYS.iter().filter_map(|key| key.path.rsplit_once('.')).map(|(section, _)| section.to_owned())
}
