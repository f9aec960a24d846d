//! What a handle of a registry adds to all that is registered through it.

use super::MetricsRegistry;

/// A prefix for names, and labels that all series have.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    prefix: Option<String>,
    labels: Vec<(String, String)>,
}

impl Scope {
    /// What is in this scope, with more before the names and on the series.
    pub(super) fn nested(&self, prefix: &str, labels: &[(&str, &str)]) -> Scope {
        let mut nested = self.clone();
        nested.prefix = joined(self.prefix.as_deref(), Some(prefix).filter(|prefix| !prefix.is_empty()));
        nested.labels.extend(labels.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        nested
    }

    /// The prefix with `namespace` before it.
    pub(super) fn prefix(&self, namespace: Option<&str>) -> Option<String> {
        joined(namespace, self.prefix.as_deref())
    }

    pub(super) fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn joined(first: Option<&str>, second: Option<&str>) -> Option<String> {
    match (first, second) {
        (Some(first), Some(second)) => Some(format!("{first}_{second}")),
        (first, second) => first.or(second).map(str::to_owned),
    }
}

impl MetricsRegistry {
    /// A handle of this registry that puts `prefix` and `_` before each name that is registered through it, after the
    /// namespace, and gives every series `labels`: for a part of a program that has several instances, or that comes
    /// from a library.
    ///
    /// Whatever registers with a registry registers with a scope: derived structs, families, statics. Scopes nest: the
    /// outer prefix comes first, and labels add up. An empty prefix adds nothing. Prefix and labels are checked with each
    /// registration, whose errors, rules and idempotence are the registry's. Families that are made elsewhere and foreign
    /// collectors get the labels; their names are their own, as they are under a namespace.
    ///
    /// All else is the registry's: collecting a scope shows the whole registry, and
    /// [`unregister`](MetricsRegistry::unregister) takes full names.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::MetricsRegistry;
    ///
    /// let registry = MetricsRegistry::new();
    /// for shard in ["a", "b"] {
    ///     let cache = registry.scope("cache", &[("shard", shard)]);
    ///     let hits = cache.register_counter("hits_total", "Lookups that found their key.")?;
    ///     assert_eq!(hits.metadata().name(), "cache_hits_total");
    ///     hits.default().inc(); // cache_hits_total{shard="a"}, then cache_hits_total{shard="b"}
    /// }
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    #[must_use = "a scope does nothing until something is registered through it"]
    pub fn scope(&self, prefix: &str, labels: &[(&str, &str)]) -> MetricsRegistry {
        let mut nested = self.clone();
        nested.scope = self.scope.nested(prefix, labels).into();
        nested
    }

    /// The name that a family gets which is registered as `name` through this handle: the namespace and the scope's prefix
    /// come before it. For collectors of one's own, whose families are to be called as those of the registry are.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{MetricsRegistry, RegistryConfig};
    ///
    /// let registry = MetricsRegistry::with_config(RegistryConfig::new().with_namespace("shop"));
    /// assert_eq!(registry.full_name("hits_total"), "shop_hits_total");
    /// assert_eq!(registry.scope("cache", &[]).full_name("hits_total"), "shop_cache_hits_total");
    /// assert_eq!(MetricsRegistry::new().full_name("hits_total"), "hits_total");
    /// ```
    #[must_use]
    pub fn full_name(&self, name: &str) -> String {
        let prefix = self.scope.prefix(self.config().namespace());
        prefix.map_or_else(|| name.to_owned(), |prefix| format!("{prefix}_{name}"))
    }
}
