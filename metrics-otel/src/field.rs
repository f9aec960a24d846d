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
    pub(crate) const SCHEMA_URL: u32 = 3;
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
    pub(crate) const EXPONENTIAL_HISTOGRAM: u32 = 10;
    pub(crate) const SUMMARY: u32 = 11;
    pub(crate) const METADATA: u32 = 12;
}

/// What `Gauge`, `Sum`, `Histogram`, `ExponentialHistogram` and `Summary` have in common, as far as they have it.
pub(crate) mod data {
    pub(crate) const POINTS: u32 = 1;
    pub(crate) const TEMPORALITY: u32 = 2;
    /// `Sum` alone.
    pub(crate) const IS_MONOTONIC: u32 = 3;

    /// `AGGREGATION_TEMPORALITY_DELTA`.
    pub(crate) const DELTA: i32 = 1;
    /// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
    pub(crate) const CUMULATIVE: i32 = 2;
}

/// What all points have in common.
pub(crate) mod point {
    pub(crate) const START_TIME: u32 = 2;
    pub(crate) const TIME: u32 = 3;

    /// `DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK`.
    pub(crate) const NO_RECORDED_VALUE: u32 = 1;
}

pub(crate) mod number_point {
    pub(crate) const AS_DOUBLE: u32 = 4;
    pub(crate) const EXEMPLARS: u32 = 5;
    pub(crate) const AS_INT: u32 = 6;
    pub(crate) const ATTRIBUTES: u32 = 7;
    pub(crate) const FLAGS: u32 = 8;
}

/// What the points of histograms and summaries have in common.
pub(crate) mod distribution_point {
    pub(crate) const COUNT: u32 = 4;
    pub(crate) const SUM: u32 = 5;
}

pub(crate) mod histogram_point {
    pub(crate) const BUCKET_COUNTS: u32 = 6;
    pub(crate) const EXPLICIT_BOUNDS: u32 = 7;
    pub(crate) const EXEMPLARS: u32 = 8;
    pub(crate) const ATTRIBUTES: u32 = 9;
    pub(crate) const FLAGS: u32 = 10;
}

pub(crate) mod exponential_point {
    pub(crate) const ATTRIBUTES: u32 = 1;
    pub(crate) const SCALE: u32 = 6;
    pub(crate) const ZERO_COUNT: u32 = 7;
    pub(crate) const POSITIVE: u32 = 8;
    pub(crate) const NEGATIVE: u32 = 9;
    pub(crate) const FLAGS: u32 = 10;
    pub(crate) const EXEMPLARS: u32 = 11;
    pub(crate) const ZERO_THRESHOLD: u32 = 14;
}

pub(crate) mod buckets {
    pub(crate) const OFFSET: u32 = 1;
    pub(crate) const BUCKET_COUNTS: u32 = 2;
}

pub(crate) mod summary_point {
    pub(crate) const QUANTILE_VALUES: u32 = 6;
    pub(crate) const ATTRIBUTES: u32 = 7;
    pub(crate) const FLAGS: u32 = 8;
}

pub(crate) mod value_at_quantile {
    pub(crate) const QUANTILE: u32 = 1;
    pub(crate) const VALUE: u32 = 2;
}

pub(crate) mod exemplar {
    pub(crate) const TIME: u32 = 2;
    pub(crate) const AS_DOUBLE: u32 = 3;
    pub(crate) const SPAN_ID: u32 = 4;
    pub(crate) const TRACE_ID: u32 = 5;
    pub(crate) const FILTERED_ATTRIBUTES: u32 = 7;
}

pub(crate) mod key_value {
    pub(crate) const KEY: u32 = 1;
    pub(crate) const VALUE: u32 = 2;
}

pub(crate) mod any_value {
    pub(crate) const STRING: u32 = 1;
    pub(crate) const BOOL: u32 = 2;
    pub(crate) const INT: u32 = 3;
    pub(crate) const DOUBLE: u32 = 4;
    pub(crate) const ARRAY: u32 = 5;
}

pub(crate) mod array_value {
    pub(crate) const VALUES: u32 = 1;
}
