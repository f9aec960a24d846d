//! What the server serves that is sent hostile requests.

use std::time::{Duration, SystemTime};

use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, LabelSet, MetricType, SeriesLabels, Visitor,
};
use nilometer_tests::kinds::EveryKind;

use crate::request::Names;

/// One family of every kind, and perhaps one that is longer than the first piece of a page.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    series: usize,
}

impl Page {
    /// A page that is answered whole.
    pub const SHORT: Page = Page { series: 1 };

    /// A page that is streamed.
    pub const LONG: Page = Page { series: 900 };
}

impl Collector for Page {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let created = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        EveryKind { created, seen: created + Duration::from_mins(1), total: 7 }.collect(visitor)?;
        visitor.family(&Descriptor::try_new("long_total", "Long.", MetricType::Counter)?)?;
        for series in 0..self.series {
            let (series, padding) = (series.to_string(), "a".repeat(64));
            let labels = LabelSet::try_from_pairs(&[("series", &series), ("padding", &padding)])?;
            visitor.point(SeriesLabels::of(&labels), CounterPoint::new(1_u64).into())?;
        }
        Ok(())
    }
}

/// The families of a [`Page`] by all the names that they and their samples have in any format.
pub const FAMILIES: &[Names] = &[
    &["kinds_requests_total", "kinds_requests"],
    &["kinds_size_bytes"],
    &["kinds_in_flight"],
    &[
        "kinds_wait_seconds",
        "kinds_wait_seconds_bucket",
        "kinds_wait_seconds_sum",
        "kinds_wait_seconds_count",
    ],
    &[
        "kinds_native_bytes",
        "kinds_native_bytes_bucket",
        "kinds_native_bytes_sum",
        "kinds_native_bytes_count",
    ],
    &["kinds_both_bytes", "kinds_both_bytes_bucket", "kinds_both_bytes_sum", "kinds_both_bytes_count"],
    &[
        "kinds_ages",
        "kinds_ages_bucket",
        "kinds_ages_sum",
        "kinds_ages_count",
        "kinds_ages_gsum",
        "kinds_ages_gcount",
    ],
    &["kinds_delay_seconds", "kinds_delay_seconds_sum", "kinds_delay_seconds_count"],
    &["kinds_build_info", "kinds_build"],
    &["kinds_state"],
    &["long_total", "long"],
];
