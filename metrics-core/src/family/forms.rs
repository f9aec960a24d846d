//! The label names of a family's series, where they may hold any characters: no two may become one.

use super::core::FamilyCore;
use super::table::Writing;
use crate::label::{LabelError, LabelSet, Query, forms};
use crate::metric::Metric;
use crate::series::Series;

impl<M: Metric> FamilyCore<M> {
    /// Whether names may hold any characters, and which ones there are is not known beforehand.
    fn learns_forms(&self) -> bool {
        self.limits.labels.utf8_names() && self.descriptor().label_names().is_none()
    }

    /// Checks that no name of a series that is about to be made becomes that of another series where names are escaped.
    pub(super) fn check_forms(
        &self,
        query: Query<'_>,
        table: &Writing<'_, Series<M::Cell>>,
    ) -> Result<(), LabelError> {
        if !self.learns_forms() {
            return Ok(());
        }
        let mut forms = self.forms.lock();
        if forms.has_grown() {
            // Names that came and went with their series are forgotten.
            forms.renew(table.series().flat_map(|series| series.labels.pairs()).map(|(name, _)| name));
        }
        forms.check(names_of(query))
    }

    /// Takes note of the names of a series that is about to be put into the table, whose lock is held.
    pub(super) fn learn_forms(&self, query: Query<'_>) {
        if self.learns_forms() {
            self.forms.lock().add(names_of(query));
        }
    }

    /// Checks that labels of these names can stand beside the constant ones.
    pub(super) fn check_constant<'a>(
        &self,
        constant: &'a LabelSet,
        names: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<(), LabelError> {
        if let Some(name) = names.clone().find(|name| constant.get(name).is_some()) {
            return Err(LabelError::Constant { name: name.to_owned() });
        }
        if self.limits.labels.utf8_names() || constant.has_utf8_names() {
            return forms::check(constant.iter().map(|(name, _)| name).chain(names));
        }
        Ok(())
    }
}

pub(super) fn names_of(query: Query<'_>) -> impl Iterator<Item = &str> + Clone {
    query.pairs().iter().map(|(name, _)| *name)
}
