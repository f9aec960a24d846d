//! The field numbers of OTLP's messages, one module per message.
//!
//! SPEC: opentelemetry-proto 1.10.0, `opentelemetry/proto/{collector/metrics,metrics,resource,common}/v1/*.proto`. The
//! numbers of a stable message never change.

pub(crate) mod export_request {
    pub(crate) const RESOURCE_METRICS: u32 = 1;
}

pub(crate) mod resource_metrics {
    pub(crate) const RESOURCE: u32 = 1;
    pub(crate) const SCOPE_METRICS: u32 = 2;
}

pub(crate) mod resource {
    pub(crate) const ATTRIBUTES: u32 = 1;
}

pub(crate) mod scope_metrics {
    pub(crate) const SCOPE: u32 = 1;
    pub(crate) const METRICS: u32 = 2;
}

pub(crate) mod scope {
    pub(crate) const NAME: u32 = 1;
    pub(crate) const VERSION: u32 = 2;
}

pub(crate) mod metric {
    pub(crate) const NAME: u32 = 1;
    pub(crate) const DESCRIPTION: u32 = 2;
    pub(crate) const UNIT: u32 = 3;
    pub(crate) const GAUGE: u32 = 5;
    pub(crate) const SUM: u32 = 7;
    pub(crate) const HISTOGRAM: u32 = 9;
}

/// What `Gauge`, `Sum` and `Histogram` have in common, as far as they have it.
pub(crate) mod data {
    pub(crate) const POINTS: u32 = 1;
    pub(crate) const TEMPORALITY: u32 = 2;
    /// `Sum` alone.
    pub(crate) const IS_MONOTONIC: u32 = 3;

    /// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
    pub(crate) const CUMULATIVE: i32 = 2;
}

/// What `NumberDataPoint` and `HistogramDataPoint` have in common.
pub(crate) mod point {
    pub(crate) const START_TIME: u32 = 2;
    pub(crate) const TIME: u32 = 3;
}

pub(crate) mod number_point {
    pub(crate) const AS_DOUBLE: u32 = 4;
    pub(crate) const AS_INT: u32 = 6;
    pub(crate) const ATTRIBUTES: u32 = 7;
}

pub(crate) mod histogram_point {
    pub(crate) const COUNT: u32 = 4;
    pub(crate) const SUM: u32 = 5;
    pub(crate) const BUCKET_COUNTS: u32 = 6;
    pub(crate) const EXPLICIT_BOUNDS: u32 = 7;
    pub(crate) const ATTRIBUTES: u32 = 9;
}

pub(crate) mod key_value {
    pub(crate) const KEY: u32 = 1;
    pub(crate) const VALUE: u32 = 2;
}

pub(crate) mod any_value {
    pub(crate) const STRING: u32 = 1;
}
