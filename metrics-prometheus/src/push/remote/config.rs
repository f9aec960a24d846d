//! What is sent by remote write, and how often.

use std::time::Duration;

use nilometer_core::collect::{EscapingScheme, LabelSet};

use super::builder::Shape;
use crate::push::{PushEndpoint, PushMetrics};

/// How many bytes of texts, labels and histograms a request is made of, about.
const REQUEST_BYTES: usize = 1 << 20;

/// Which version of remote write is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RemoteWriteVersion {
    /// 2.0, and 1.0 from the first request on that the receiver answers with 415, or with a success without saying what
    /// it has written: receivers of 1.0 answer so that do not look at the content type. That request is sent again. After
    /// [`RemoteWriteConfig::renegotiation`], 2.0 is tried once more.
    #[default]
    Negotiated,
    /// 1.0 alone: no created timestamps, and metadata beside the samples.
    One,
    /// 2.0 alone.
    Two,
}

/// Whether histograms that have exponential buckets are sent as native histograms.
///
/// Where they are not, those that have exponential buckets alone are sent with explicit ones. They are not sent either
/// any more once a receiver has answered that native histograms are disabled; the request is then sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NativeHistograms {
    /// By 2.0. Not every receiver of 1.0 has them, and some that do not say nothing.
    #[default]
    Version2,
    /// By both versions.
    Always,
    /// Never.
    Never,
}

/// How a [`RemoteWrite`](super::RemoteWrite) sends.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use nilometer_core::LabelSet;
/// use nilometer_prometheus::push::{PushEndpoint, RemoteWriteConfig};
///
/// let endpoint = PushEndpoint::try_new("http://127.0.0.1:9090/api/v1/write")?;
/// let config = RemoteWriteConfig::new(endpoint)
///     .with_interval(Duration::from_secs(30))
///     .with_labels(LabelSet::try_from_pairs(&[("job", "shop"), ("instance", "eu-1")])?)
///     .with_queue_limit(4 << 20);
/// assert_eq!(config.queue_limit(), 4 << 20);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RemoteWriteConfig {
    endpoint: PushEndpoint,
    interval: Duration,
    version: RemoteWriteVersion,
    native_histograms: NativeHistograms,
    renegotiation: Duration,
    staleness_markers: bool,
    escaping: EscapingScheme,
    labels: LabelSet,
    queue_limit: usize,
    request_series: usize,
    name: String,
    metrics: PushMetrics,
    own_metrics: bool,
}

impl RemoteWriteConfig {
    /// Sends every 15 seconds in the background, 2,000 series in a request, by whichever version the receiver knows, with
    /// native histograms by 2.0 and with staleness markers, asks once an hour for what the receiver did not know, names escaped with underscores, and keeps up to 16 MiB while
    /// the receiver is away.
    #[must_use]
    pub fn new(endpoint: PushEndpoint) -> RemoteWriteConfig {
        RemoteWriteConfig {
            endpoint,
            interval: Duration::from_secs(15),
            version: RemoteWriteVersion::default(),
            native_histograms: NativeHistograms::default(),
            renegotiation: Duration::from_hours(1),
            staleness_markers: true,
            escaping: EscapingScheme::Underscores,
            labels: LabelSet::empty(),
            queue_limit: 16 << 20,
            request_series: 2000,
            name: "remote_write".to_owned(),
            metrics: PushMetrics::new(),
            own_metrics: true,
        }
    }

    /// Sets how often the background task collects, at least a millisecond.
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Sets which version is spoken.
    #[must_use]
    pub fn with_version(mut self, version: RemoteWriteVersion) -> Self {
        self.version = version;
        self
    }

    /// Sets when native histograms are sent.
    #[must_use]
    pub fn with_native_histograms(mut self, native: NativeHistograms) -> Self {
        self.native_histograms = native;
        self
    }

    /// Sets after how long a receiver is written to again as if nothing were known of it, so that one that was upgraded is
    /// noticed: by 2.0 where 1.0 was all that it knew and the version is
    /// [`Negotiated`](RemoteWriteVersion::Negotiated), and with native histograms where it had them disabled. An hour by
    /// default.
    ///
    /// It costs one request more, which a receiver that is as it was refuses as before; what was in it is sent again.
    #[must_use]
    pub fn with_renegotiation(mut self, after: Duration) -> Self {
        self.renegotiation = after;
        self
    }

    /// Sets whether a background task marks series as ended, so that no query shows their last values for minutes more: one
    /// that was in a collection and is not in the next one, and all of them when it is shut down. It does by default.
    ///
    /// A collection that failed half way says of none that it has ended, and the next that succeeds says it of all that are
    /// gone by then. Markers wait in the queue as values do, and are lost with them; the receiver then sees for itself after
    /// its look-back time, 5 minutes by default, as it does where no more is pushed at all.
    ///
    /// For that the task keeps the labels of the last collection's series: about 50 bytes for each, of which a histogram has
    /// one per bucket and two more, and about 25 more than its length for each text that no other series has.
    #[must_use]
    pub fn with_staleness_markers(mut self, markers: bool) -> Self {
        self.staleness_markers = markers;
        self
    }

    /// Sets how names outside the classic alphabet are written. A receiver of 2.0 that is Prometheus 3 takes them as they
    /// are; one of 1.0 may drop their series without a word.
    #[must_use]
    pub fn with_escaping(mut self, scheme: EscapingScheme) -> Self {
        self.escaping = scheme;
        self
    }

    /// Sets labels for all series that do not have them by themselves: nobody else says which job and which instance the
    /// series are of.
    #[must_use]
    pub fn with_labels(mut self, labels: LabelSet) -> Self {
        self.labels = labels;
        self
    }

    /// Sets how much memory the queue takes, about, in bytes, on top of the request that is being sent and the one that is
    /// being made: of 1 MiB each, or of one point where that is more.
    #[must_use]
    pub fn with_queue_limit(mut self, bytes: usize) -> Self {
        self.queue_limit = bytes;
        self
    }

    /// Sets how many series a request has, at least 1; a histogram's are kept together, but for the markers of its end.
    #[must_use]
    pub fn with_request_series(mut self, series: usize) -> Self {
        self.request_series = series.max(1);
        self
    }

    /// Sets what the pushes are called in [`PushMetrics`] and in logs: `remote_write` otherwise.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets where the pushes are counted.
    #[must_use]
    pub fn with_metrics(mut self, metrics: PushMetrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Sets whether what the background task pushes has this pusher's own metrics too, [`PushMetrics`] of its name: it does by
    /// default, so that a receiver sees after an outage that it was one. Those that the collector shows by itself are left
    /// out. A single push has what its collector shows and nothing else: there is not much to tell before it.
    #[must_use]
    pub fn with_own_metrics(mut self, own_metrics: bool) -> Self {
        self.own_metrics = own_metrics;
        self
    }

    /// Where to send.
    #[must_use]
    pub fn endpoint(&self) -> &PushEndpoint {
        &self.endpoint
    }

    /// How often the background task collects.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Which version is spoken.
    #[must_use]
    pub fn version(&self) -> RemoteWriteVersion {
        self.version
    }

    /// When native histograms are sent.
    #[must_use]
    pub fn native_histograms(&self) -> NativeHistograms {
        self.native_histograms
    }

    /// After how long a receiver is written to again as if nothing were known of it.
    #[must_use]
    pub fn renegotiation(&self) -> Duration {
        self.renegotiation
    }

    /// Whether series that are gone are marked as ended, and all at a shutdown.
    #[must_use]
    pub fn staleness_markers(&self) -> bool {
        self.staleness_markers
    }

    /// How names outside the classic alphabet are written.
    #[must_use]
    pub fn escaping(&self) -> EscapingScheme {
        self.escaping
    }

    /// The labels of all series that do not have them by themselves.
    #[must_use]
    pub fn labels(&self) -> &LabelSet {
        &self.labels
    }

    /// How much memory the queue takes, in bytes.
    #[must_use]
    pub fn queue_limit(&self) -> usize {
        self.queue_limit
    }

    /// How many series a request has.
    #[must_use]
    pub fn request_series(&self) -> usize {
        self.request_series
    }

    /// What the pushes are called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the pushes are counted.
    #[must_use]
    pub fn metrics(&self) -> &PushMetrics {
        &self.metrics
    }

    /// Whether what the background task pushes has the pusher's own metrics too.
    #[must_use]
    pub fn own_metrics(&self) -> bool {
        self.own_metrics
    }

    /// How batches are made.
    pub(super) fn shape(&self) -> Shape {
        Shape {
            escaping: self.escaping,
            labels: self.labels.clone(),
            native: self.native_histograms != NativeHistograms::Never,
            series: self.request_series,
            bytes: REQUEST_BYTES,
        }
    }
}
