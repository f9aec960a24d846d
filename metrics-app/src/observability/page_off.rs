//! What stands for the page where the feature `prometheus` is off: nothing is served.

use std::net::SocketAddr;
use std::time::Duration;

use nilometer_core::MetricsRegistry;

use super::error::PartError;
use super::{ObservabilityConfig, ObservabilityConfigError, ObservabilityError, plan};

pub(super) struct PagePlan;

#[derive(Debug)]
pub(super) struct Page;

impl PagePlan {
    pub(super) fn of(
        config: &ObservabilityConfig,
        _: Duration,
    ) -> Result<PagePlan, ObservabilityConfigError> {
        plan::refuse(config, "prometheus", "prometheus")?;
        Ok(PagePlan)
    }

    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "with the feature there is something")]
    pub(super) fn start(
        self,
        _: &MetricsRegistry,
        _: &ObservabilityConfig,
    ) -> Result<Page, ObservabilityError> {
        Ok(Page)
    }
}

#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "with the feature there is something")]
impl Page {
    pub(super) fn is_served(&self) -> bool {
        false
    }

    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        None
    }

    pub(super) fn stop(&mut self, _: Duration) -> Result<(), PartError> {
        Ok(())
    }
}
