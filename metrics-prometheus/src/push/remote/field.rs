//! The field numbers of the messages, one module per message.
//!
//! SPEC: "Prometheus Remote-Write 2.0", `io.prometheus.write.v2.Request`; "Prometheus Remote-Write 1.0",
//! `prometheus.WriteRequest`, with the exemplars, histograms and metadata that Prometheus has added to it.

use crate::protobuf::native::Tags;

/// `io.prometheus.write.v2.Request`.
pub(super) mod request {
    pub(crate) const SYMBOLS: u32 = 4;
    pub(crate) const TIME_SERIES: u32 = 5;
}

/// `io.prometheus.write.v2.TimeSeries`.
pub(super) mod time_series {
    pub(crate) const LABELS: u32 = 1;
    pub(crate) const SAMPLES: u32 = 2;
    pub(crate) const HISTOGRAMS: u32 = 3;
    pub(crate) const EXEMPLARS: u32 = 4;
    pub(crate) const METADATA: u32 = 5;
    pub(crate) const CREATED_TIMESTAMP: u32 = 6;
}

/// `io.prometheus.write.v2.Metadata`.
pub(super) mod metadata {
    pub(crate) const TYPE: u32 = 1;
    pub(crate) const HELP: u32 = 3;
    pub(crate) const UNIT: u32 = 4;
}

/// `prometheus.WriteRequest`.
pub(super) mod write_request {
    pub(crate) const TIME_SERIES: u32 = 1;
    pub(crate) const METADATA: u32 = 3;
}

/// `prometheus.TimeSeries`.
pub(super) mod time_series_1 {
    pub(crate) const LABELS: u32 = 1;
    pub(crate) const SAMPLES: u32 = 2;
    pub(crate) const EXEMPLARS: u32 = 3;
    pub(crate) const HISTOGRAMS: u32 = 4;
}

/// `prometheus.Label`.
pub(super) mod label {
    pub(crate) const NAME: u32 = 1;
    pub(crate) const VALUE: u32 = 2;
}

/// `prometheus.MetricMetadata`.
pub(super) mod metric_metadata {
    pub(crate) const TYPE: u32 = 1;
    pub(crate) const NAME: u32 = 2;
    pub(crate) const HELP: u32 = 4;
    pub(crate) const UNIT: u32 = 5;
}

/// `Sample` of both versions; the start is 2.0's.
pub(super) mod sample {
    pub(crate) const VALUE: u32 = 1;
    pub(crate) const TIMESTAMP: u32 = 2;
    pub(crate) const START_TIMESTAMP: u32 = 3;
}

/// `Exemplar` of both versions.
pub(super) mod exemplar {
    pub(crate) const LABELS: u32 = 1;
    pub(crate) const VALUE: u32 = 2;
    pub(crate) const TIMESTAMP: u32 = 3;
}

/// `Histogram` of both versions; the start is 2.0's.
pub(super) mod histogram {
    pub(crate) const COUNT: u32 = 1;
    pub(crate) const SUM: u32 = 3;
    pub(crate) const RESET_HINT: u32 = 14;
    pub(crate) const TIMESTAMP: u32 = 15;
    pub(crate) const START_TIMESTAMP: u32 = 17;
}

pub(super) const HISTOGRAM_TAGS: Tags =
    Tags { schema: 4, zero_threshold: 5, zero_count: 6, negative: (8, 9), positive: (11, 12) };

/// `RESET_HINT_GAUGE`.
pub(super) const RESET_HINT_GAUGE: u64 = 3;
