//! The keys: where each has its place, and what it is called elsewhere.

use super::sections::Sections;
use super::setting::{Headers, Pairs, Setting, Texts};

/// What every environment variable begins with that stands for a key.
pub(crate) const PREFIX: &str = "NILOMETER_";

/// A place for a value.
pub(super) trait Slot {
    fn expected(&self) -> &'static str;
    fn is_table(&self) -> bool;
    /// Takes what a variable says; false where that is nothing that it could hold.
    fn set(&mut self, text: &str) -> bool;
    /// As a variable would say it.
    fn text(&self) -> Option<String>;
    /// Takes what the other one holds, where it holds something.
    fn lay(&mut self, over: &mut Self);
}

impl<T: Setting> Slot for Option<T> {
    fn expected(&self) -> &'static str {
        T::EXPECTED
    }

    fn is_table(&self) -> bool {
        false
    }

    fn set(&mut self, text: &str) -> bool {
        let value = T::from_text(text);
        let is_value = value.is_some();
        if is_value {
            *self = value;
        }
        is_value
    }

    fn text(&self) -> Option<String> {
        self.as_ref().map(Setting::text)
    }

    fn lay(&mut self, over: &mut Self) {
        *self = over.take().or(self.take());
    }
}

impl Slot for Option<Pairs> {
    fn expected(&self) -> &'static str {
        Pairs::EXPECTED
    }

    fn is_table(&self) -> bool {
        true
    }

    /// What is there under other names stays.
    fn set(&mut self, text: &str) -> bool {
        let mut value = Pairs::from_text(text);
        let is_value = value.is_some();
        self.lay(&mut value);
        is_value
    }

    fn text(&self) -> Option<String> {
        let pairs = self.as_ref()?.0.iter();
        Some(pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(","))
    }

    fn lay(&mut self, over: &mut Self) {
        if let Some(over) = over.take() {
            self.get_or_insert_default().0.extend(over.0);
        }
    }
}

impl Slot for Option<Headers> {
    fn expected(&self) -> &'static str {
        Pairs::EXPECTED
    }

    fn is_table(&self) -> bool {
        true
    }

    /// What is there under other names stays.
    fn set(&mut self, text: &str) -> bool {
        let mut value = Pairs::from_text(text).map(Headers::of);
        let is_value = value.is_some();
        self.lay(&mut value);
        is_value
    }

    fn text(&self) -> Option<String> {
        self.as_ref().and_then(|headers| Some(headers.0.clone()).text())
    }

    fn lay(&mut self, over: &mut Self) {
        if let Some(over) = over.take() {
            self.get_or_insert_default().0.0.extend(over.0.0);
        }
    }
}

impl Slot for Option<Texts> {
    fn expected(&self) -> &'static str {
        Texts::EXPECTED
    }

    fn is_table(&self) -> bool {
        false
    }

    fn set(&mut self, text: &str) -> bool {
        *self = Some(Texts::from_text(text));
        true
    }

    fn text(&self) -> Option<String> {
        Some(self.as_ref()?.0.iter().map(|text| text.0.as_str()).collect::<Vec<_>>().join(","))
    }

    fn lay(&mut self, over: &mut Self) {
        *self = over.take().or(self.take());
    }
}

/// A key that has a value.
pub(crate) struct Key {
    /// As in a file, with dots.
    pub(crate) path: &'static str,
    expected: fn(&Sections) -> &'static str,
    is_table: fn(&Sections) -> bool,
    set: fn(&mut Sections, &str) -> bool,
    text: fn(&Sections) -> Option<String>,
    lay: fn(&mut Sections, &mut Sections),
}

impl Key {
    /// The one of this path.
    pub(crate) fn of(path: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.path == path)
    }

    /// The one that holds what is at this path: `otlp.headers` holds `otlp.headers.authorization`.
    pub(crate) fn holding(path: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| {
            let rest = path.strip_prefix(key.path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// Whether it is a key of this section, or of one in it.
    pub(crate) fn is_in(&self, section: &str) -> bool {
        self.path.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'))
    }

    /// Of a table, the path of what it holds under a name.
    pub(crate) fn path_of(&self, name: &str) -> String {
        let is_headers = self.path.ends_with(".headers");
        let name = if is_headers { name.to_ascii_lowercase() } else { name.to_owned() };
        format!("{}.{name}", self.path)
    }

    /// The name of the variable that stands for it.
    pub(crate) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.path.to_ascii_uppercase().replace('.', "_"))
    }

    /// What it can be, behind "not".
    pub(crate) fn expected(&self) -> &'static str {
        (self.expected)(&Sections::default())
    }

    /// Whether it has names of its own under it.
    pub(crate) fn is_table(&self) -> bool {
        (self.is_table)(&Sections::default())
    }

    /// Whether its values are not for everybody to see.
    pub(crate) fn is_secret(&self) -> bool {
        self.path.ends_with(".headers") || self.path.starts_with("prometheus.auth.")
    }

    /// Takes what a variable says; false, and nothing has changed, where that is nothing that the key could be.
    pub(crate) fn set(&self, sections: &mut Sections, text: &str) -> bool {
        (self.set)(sections, text)
    }

    /// As a variable would say it; nothing where it is not set.
    pub(crate) fn text(&self, sections: &Sections) -> Option<String> {
        (self.text)(sections)
    }

    /// Puts what the one says over what the other says.
    pub(crate) fn lay(&self, below: &mut Sections, over: &mut Sections) {
        (self.lay)(below, over);
    }
}

macro_rules! keys {
    ($($first:ident $(. $next:ident)+,)+) => {
        /// Every key, in the order of a file.
        pub(crate) static KEYS: &[Key] = &[$(
            Key {
                path: concat!(stringify!($first), $(".", stringify!($next)),+),
                expected: |sections| sections.$first$(.$next)+.expected(),
                is_table: |sections| sections.$first$(.$next)+.is_table(),
                set: |sections, text| sections.$first$(.$next)+.set(text),
                text: |sections| sections.$first$(.$next)+.text(),
                lay: |below, over| below.$first$(.$next)+.lay(&mut over.$first$(.$next)+),
            },
        )+];
    };
}

keys! {
    service.name,
    service.version,
    service.namespace,
    service.instance,
    service.attributes,
    registry.namespace,
    registry.labels,
    registry.series_limit,
    registry.total_series_limit,
    registry.label_limit,
    registry.label_value_limit,
    registry.collector_time_limit,
    registry.expire_after,
    registry.disabled,
    registry.self_metrics,
    prometheus.enabled,
    prometheus.host,
    prometheus.port,
    prometheus.path,
    prometheus.compression,
    prometheus.created_lines,
    prometheus.own_metrics,
    prometheus.scrape_limit,
    prometheus.connection_limit,
    prometheus.tls.certificate,
    prometheus.tls.key,
    prometheus.tls.client_ca,
    prometheus.auth.users,
    prometheus.auth.tokens,
    process.enabled,
    tokio.enabled,
    otlp.enabled,
    otlp.endpoint,
    otlp.protocol,
    otlp.headers,
    otlp.timeout,
    otlp.compression,
    otlp.insecure,
    otlp.certificate,
    otlp.client_certificate,
    otlp.client_key,
    otlp.metrics.enabled,
    otlp.metrics.endpoint,
    otlp.metrics.protocol,
    otlp.metrics.headers,
    otlp.metrics.timeout,
    otlp.metrics.compression,
    otlp.metrics.insecure,
    otlp.metrics.certificate,
    otlp.metrics.client_certificate,
    otlp.metrics.client_key,
    otlp.metrics.interval,
    otlp.metrics.export_timeout,
    otlp.metrics.temporality,
    otlp.metrics.histogram_aggregation,
    otlp.traces.enabled,
    otlp.traces.endpoint,
    otlp.traces.protocol,
    otlp.traces.headers,
    otlp.traces.timeout,
    otlp.traces.compression,
    otlp.traces.insecure,
    otlp.traces.certificate,
    otlp.traces.client_certificate,
    otlp.traces.client_key,
    otlp.traces.sampler,
    otlp.traces.sampler_ratio,
    otlp.traces.exemplars,
    shutdown.timeout,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What the documentation lists.
    const PAGE: &str = include_str!("../mod.rs");

    #[test]
    fn the_documentation_lists_each_variable_with_its_key_and_no_others() {
        let rows = PAGE.lines().filter_map(|line| line.strip_prefix("//! | `NILOMETER_"));
        let listed: Vec<&str> = rows.map(|row| row.split(" | ").nth(1).unwrap().trim_matches('`')).collect();
        let keys: Vec<&str> = KEYS.iter().map(|key| key.path).collect();
        assert_eq!(listed, keys);
        for key in KEYS {
            let row = format!("| `{}` | `{}` |", key.variable(), key.path);
            assert!(PAGE.contains(&row), "{row}");
        }
    }

    #[test]
    fn each_variable_stands_for_one_key() {
        let variables: BTreeSet<String> = KEYS.iter().map(Key::variable).collect();
        assert_eq!(variables.len(), KEYS.len());
    }

    /// A value for each type.
    fn example(key: &Key) -> &'static str {
        let examples = ["10s", "true", "0.5", "a=b", "grpc", "gzip", "delta", "always_on", "9464"];
        let more = ["base2_exponential_bucket_histogram", "text"];
        let fits = |text: &&&str| key.set(&mut Sections::default(), text);
        examples.iter().chain(&more).find(fits).unwrap()
    }

    /// Serde and the list of keys know the same keys.
    #[test]
    fn the_list_has_every_key_that_a_file_can_have() {
        let mut sections = Sections::default();
        for key in KEYS {
            assert!(key.set(&mut sections, example(key)), "{}", key.path);
        }
        let written = toml::Value::try_from(&sections).unwrap();
        let mut paths = BTreeSet::new();
        leaves("", &written, &mut paths);
        let keys: BTreeSet<String> = KEYS.iter().map(|key| key.path.to_owned()).collect();
        assert_eq!(paths, keys);
        let read: Sections = written.try_into().unwrap();
        assert_eq!(read, sections);
        // Nothing that `Sections` declares is without a key.
        assert!(!format!("{sections:?}").contains("None"), "{sections:?}");
    }

    fn leaves(holder: &str, value: &toml::Value, paths: &mut BTreeSet<String>) {
        match value {
            toml::Value::Table(table) if !Key::of(holder).is_some_and(Key::is_table) => {
                for (name, value) in table {
                    let path = if holder.is_empty() { name.clone() } else { format!("{holder}.{name}") };
                    leaves(&path, value, paths);
                }
            }
            _ => {
                paths.insert(holder.to_owned());
            }
        }
    }
}
