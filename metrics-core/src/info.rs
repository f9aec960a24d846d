//! Labels that tell something about the program.

use std::panic::Location;

use crate::cell::Values;
use crate::collect::Point;
use crate::descriptor::{Descriptor, MetricType};
use crate::label::Labels;
use crate::metric::{FamilyInfo, InfoRef, Metric, handle_basics, sealed};
use crate::series::SeriesRef;
use crate::setup::Setup;

/// A handle of an info: labels that tell something about the program, such as its version, and nothing that is measured.
///
/// Made by [`MetricsRegistry::register_info`](crate::MetricsRegistry::register_info), or as a series of a family. Let
/// its name end with `_info`: OpenMetrics has infos of such names alone, and shows any other as a gauge of 1, which is
/// what the text format 0.0.4 and protobuf show of all of them.
///
/// As a field of a struct that derives `Metrics`, it has no labels of its own: have an
/// [`InfoFamily`](crate::InfoFamily) there, and make its one series with the labels.
///
/// # Examples
///
/// ```
/// use nilometer_core::MetricsRegistry;
///
/// let registry = MetricsRegistry::new();
/// let build = registry.register_info("build_info", "What is running.", &[("version", "1.4.2")])?;
/// assert_eq!(build.labels().get("version"), Some("1.4.2"));
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
///
/// # Specification
///
/// OpenMetrics 1.0.0, "Metric types", Info.
#[derive(Clone)]
pub struct Info {
    series: SeriesRef<()>,
}

impl Info {
    /// An info of its own, outside of any family and registry.
    ///
    /// Names are checked where they could reach a page: when something is registered or collected.
    #[track_caller]
    pub fn new(name: impl Into<String>, help: impl Into<String>, labels: impl Into<Labels>) -> Info {
        let descriptor = Descriptor::unchecked(name, help, MetricType::Info, Location::caller());
        <Info as sealed::Sealed>::create(InfoRef::new(descriptor, Setup::default()), labels.into(), 0)
    }
}

handle_basics!(Info);

impl Metric for Info {
    const TYPE: MetricType = MetricType::Info;
}

impl sealed::Sealed for Info {
    type Cell = ();

    const IDENTITY: &'static str = "info";

    fn cell(_: &FamilyInfo, _: usize) {}

    fn handle(series: SeriesRef<()>) -> Info {
        Info { series }
    }

    fn series(&self) -> &SeriesRef<()> {
        &self.series
    }

    fn read_all(_: &[Info], _: &mut Values) {}

    fn point<'a>(&'a self, _: usize, _: &'a Values) -> Point<'a> {
        Point::Info
    }
}
