//! What differs between two snapshots.

use std::collections::BTreeSet;
use std::fmt;

use super::assert::is_same;
use super::snapshot::{Sample, Snapshot};
use crate::collect::{CollectError, Collector};

/// One sample that two snapshots do not have alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    before: Option<Sample>,
    after: Option<Sample>,
}

impl Change {
    /// The sample in the first snapshot, where it is there.
    #[must_use]
    pub fn before(&self) -> Option<&Sample> {
        self.before.as_ref()
    }

    /// The sample in the second snapshot, where it is there.
    #[must_use]
    pub fn after(&self) -> Option<&Sample> {
        self.after.as_ref()
    }

    /// By how much the value went up; a sample that is not there counts as 0.
    #[must_use]
    pub fn delta(&self) -> f64 {
        let value = |sample: &Option<Sample>| sample.as_ref().map_or(0.0, |sample| sample.value().as_f64());
        value(&self.after) - value(&self.before)
    }
}

/// The samples that two snapshots do not have alike, in the order of their names and labels.
///
/// Its `Display` has a line for each side: `- ` and the sample of the first, `+ ` and the sample of the second.
///
/// # Examples
///
/// ```
/// use nilometer_core::MetricsRegistry;
/// use nilometer_core::test_util::Snapshot;
///
/// let registry = MetricsRegistry::new();
/// let depth = registry.register_gauge("depth", "Jobs waiting.")?.default();
/// let before = Snapshot::of(&registry)?;
/// depth.set(3.0);
/// let diff = before.diff(&Snapshot::of(&registry)?);
/// assert_eq!(diff.to_string(), "- depth 0\n+ depth 3\n");
/// assert_eq!(diff.changes()[0].delta(), 3.0);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Diff {
    changes: Vec<Change>,
}

impl Diff {
    /// The samples that differ.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether both have the same samples with the same values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            for (sign, sample) in [('-', &change.before), ('+', &change.after)] {
                if let Some(sample) = sample {
                    writeln!(f, "{sign} {sample}")?;
                }
            }
        }
        Ok(())
    }
}

impl Snapshot {
    /// What has changed from this snapshot to `after`: samples that are new, gone, or of another value. NaN is the same
    /// as NaN.
    #[must_use]
    pub fn diff(&self, after: &Snapshot) -> Diff {
        let ids: BTreeSet<_> =
            self.samples().chain(after.samples()).map(|sample| (sample.name(), sample.pairs())).collect();
        let changes = ids.into_iter().filter_map(|(name, labels)| {
            let (before, after) = (self.sample(name, labels), after.sample(name, labels));
            let same = matches!((before, after), (Some(before), Some(after)) if is_same(before.value(), after.value()));
            (!same).then(|| Change { before: before.cloned(), after: after.cloned() })
        });
        Diff { changes: changes.collect() }
    }
}

/// What differs between what two collectors show now.
///
/// # Errors
///
/// [`CollectError`] when one of them fails.
///
/// # Examples
///
/// ```
/// use nilometer_core::MetricsRegistry;
/// use nilometer_core::test_util::diff;
///
/// let (one, other) = (MetricsRegistry::new(), MetricsRegistry::new());
/// for registry in [&one, &other] {
///     registry.register_counter("jobs_total", "Jobs.")?.default().inc();
/// }
/// assert!(diff(&one, &other)?.is_empty());
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
pub fn diff<A, B>(before: &A, after: &B) -> Result<Diff, CollectError>
where
    A: Collector + ?Sized,
    B: Collector + ?Sized,
{
    Ok(Snapshot::of(before)?.diff(&Snapshot::of(after)?))
}
