//! A family that has more to say than its name and help.

use std::marker::PhantomData;

use super::{MetricsRegistry, RegisterError};
use crate::declare::Declaration;
use crate::family::{DynamicLabels, Family};
use crate::label::TypedLabels;
use crate::metric::Metric;
use crate::unit::Unit;

/// Registers one family; made by [`MetricsRegistry::family`].
///
/// # Examples
///
/// ```
/// use nilometer_core::{Histogram, MetricsRegistry, Unit, buckets};
///
/// let registry = MetricsRegistry::new();
/// let family = registry
///     .family::<Histogram>("request_duration_seconds", "Time to answer.")
///     .with_unit(Unit::SECONDS)
///     .with_buckets(&buckets::LATENCY_SECONDS)
///     .with_labels(&["method"])
///     .with_series_limit(100)
///     .register()?;
/// family.get_or_create(&[("method", "GET")]).observe(0.2);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is registered until `register` is called"]
pub struct FamilyBuilder<'r, M, L = DynamicLabels> {
    registry: &'r MetricsRegistry,
    declaration: Declaration,
    kind: PhantomData<fn() -> (L, M)>,
}

impl<'r, M: Metric> FamilyBuilder<'r, M> {
    pub(super) fn new(registry: &'r MetricsRegistry, declaration: Declaration) -> FamilyBuilder<'r, M> {
        FamilyBuilder { registry, declaration, kind: PhantomData }
    }

    /// Declares the label names: a lookup with others goes to the overflow series.
    pub fn with_labels(mut self, names: &[&str]) -> Self {
        self.declaration.label_names = Some(names.iter().map(|&name| name.to_owned()).collect());
        self
    }

    /// Makes a family with typed labels of it.
    pub fn typed<L: TypedLabels>(self) -> FamilyBuilder<'r, M, L> {
        let FamilyBuilder { registry, declaration, .. } = self.with_labels(L::NAMES);
        FamilyBuilder { registry, declaration, kind: PhantomData }
    }
}

impl<M: Metric, L> FamilyBuilder<'_, M, L> {
    /// States the unit, which the name ends with.
    pub fn with_unit(mut self, unit: Unit) -> Self {
        self.declaration.unit = Some(unit);
        self
    }

    /// Sets a histogram's upper bounds, `+Inf` not among them; other kinds ignore them.
    pub fn with_buckets(mut self, bounds: &[f64]) -> Self {
        self.declaration.options.bounds = bounds.to_vec();
        self
    }

    /// Leaves the registry's [source of exemplars](crate::RegistryConfig::with_exemplar_source) aside: recording into
    /// this family costs what it costs without one.
    pub fn without_exemplars(mut self) -> Self {
        self.declaration.options.without_exemplars = true;
        self
    }

    /// Sets how many series this family may have, whatever the registry's default.
    pub fn with_series_limit(mut self, series: usize) -> Self {
        self.declaration.series_limit = Some(series);
        self
    }

    /// Registers the family.
    ///
    /// # Errors
    ///
    /// [`RegisterError`]: a name, the unit or the bounds are invalid, or the name is taken by something else. Nothing
    /// has changed then.
    pub fn register(self) -> Result<Family<L, M>, RegisterError> {
        Ok(self.registry.register_all(vec![self.declaration], &[])?.family())
    }
}
