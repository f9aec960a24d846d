//! Families for code that runs without metrics.

use super::core::FamilyCore;
use crate::descriptor::Descriptor;
use crate::metric::Metric;
use crate::setup::Options;

impl<M: Metric> FamilyCore<M> {
    /// A family that records where nobody looks.
    pub(crate) fn noop(descriptor: Descriptor, options: &Options) -> FamilyCore<M> {
        let mut core = FamilyCore::standalone(descriptor, options);
        core.is_noop = true;
        core
    }

    pub(super) fn is_noop(&self) -> bool {
        self.is_noop
    }
}
