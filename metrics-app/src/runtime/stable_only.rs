//! A tokio that is built without `--cfg tokio_unstable`, and tells no more.

use nilometer_core::collect::Stopped;

use super::metrics::UnstableRuntimeMetrics;
use super::page::Page;

/// Shows nothing.
#[expect(clippy::unnecessary_wraps, reason = "with the flag there is a visitor that can stop")]
pub(super) fn show(_: &UnstableRuntimeMetrics, _: &mut Page<'_>) -> Result<(), Stopped> {
    Ok(())
}
