//! Brokers.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use nilometer_core::{
    Counter, CounterFamily, FloatCounter, FloatCounterFamily, Gauge, GaugeFamily, OwnedSeries,
};
use nilometer_macros::Metrics;

use super::follow::{Baseline, Level};
use super::json::{Broker, Window};
use super::number::Number;

/// What a client says of the brokers that it talks to.
///
/// The label `broker` is the broker's number; `bootstrap` for the addresses of `bootstrap.servers`, all of them, as long
/// as their numbers are not known; and librdkafka's own name for what has no number, `GroupCoordinator`.
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "nilometer_core")]
pub struct BrokerMetrics {
    /// Connections that are up (`state`).
    #[metric(labels = ["client_id", "broker"])]
    pub broker_connections: GaugeFamily,
    /// Requests that wait to be sent (`outbuf_cnt`).
    #[metric(labels = ["client_id", "broker"])]
    pub broker_outbuf_requests: GaugeFamily,
    /// Messages that wait to be sent (`outbuf_msg_cnt`).
    #[metric(labels = ["client_id", "broker"])]
    pub broker_outbuf_messages: GaugeFamily,
    /// Requests that wait for their response (`waitresp_cnt`).
    #[metric(labels = ["client_id", "broker"])]
    pub broker_waiting_requests: GaugeFamily,
    /// Messages that wait for their response (`waitresp_msg_cnt`).
    #[metric(labels = ["client_id", "broker"])]
    pub broker_waiting_messages: GaugeFamily,
    /// Requests sent (`tx`).
    #[metric(labels = ["client_id", "broker"])]
    pub broker_requests_total: CounterFamily,
    /// Bytes sent (`txbytes`).
    #[metric(labels = ["client_id", "broker"], unit = "bytes")]
    pub broker_sent_bytes_total: CounterFamily,
    /// Requests that could not be sent (`txerrs`).
    #[metric(labels = ["client_id", "broker"])]
    pub broker_send_errors_total: CounterFamily,
    /// Requests sent again (`txretries`).
    #[metric(labels = ["client_id", "broker"])]
    pub broker_retries_total: CounterFamily,
    /// Requests without a response in time (`req_timeouts`).
    #[metric(labels = ["client_id", "broker"])]
    pub broker_request_timeouts_total: CounterFamily,
    /// Responses received (`rx`).
    #[metric(labels = ["client_id", "broker"])]
    pub broker_responses_total: CounterFamily,
    /// Bytes received (`rxbytes`).
    #[metric(labels = ["client_id", "broker"], unit = "bytes")]
    pub broker_received_bytes_total: CounterFamily,
    /// Responses that could not be received (`rxerrs`).
    #[metric(labels = ["client_id", "broker"])]
    pub broker_receive_errors_total: CounterFamily,
    /// Attempts to connect (`connects`).
    #[metric(labels = ["client_id", "broker"])]
    pub broker_connects_total: CounterFamily,
    /// Connections that ended (`disconnects`).
    #[metric(labels = ["client_id", "broker"])]
    pub broker_disconnects_total: CounterFamily,
    /// Requests whose round trip was timed (`rtt.cnt`).
    #[metric(labels = ["client_id", "broker"])]
    pub broker_round_trips_total: CounterFamily,
    /// Time of all round trips, in seconds (`rtt.sum`).
    #[metric(labels = ["client_id", "broker"], unit = "seconds")]
    pub broker_round_trip_seconds_total: FloatCounterFamily,
    /// Round trips since the report before, in seconds, by quantile (`rtt.p50`, `p95`, `p99`, `max`); of several clients
    /// with one `client.id`, that of the last to report.
    #[metric(labels = ["client_id", "broker", "q"], unit = "seconds")]
    pub broker_round_trip_quantile_seconds: GaugeFamily,
    /// Time for which the broker asked clients to slow down, in seconds (`throttle.sum`).
    #[metric(labels = ["client_id", "broker"], unit = "seconds")]
    pub broker_throttle_seconds_total: FloatCounterFamily,
    /// Requests sent, to all brokers, by type of request (`req`); types that were not sent have no series.
    #[metric(labels = ["client_id", "type"])]
    pub client_requests_total: CounterFamily,
}

const TOTALS: usize = 10;
const LEVELS: usize = 5;
const QUANTILES: [&str; 4] = ["0.5", "0.95", "0.99", "1"];

/// The states in which a connection takes requests.
const UP: [&str; 3] = ["UP", "UPDATE", "REAUTH"];

/// What a client has last said of its brokers.
#[derive(Debug, Default)]
pub(super) struct BrokerStates {
    brokers: HashMap<Identity, BrokerState>,
    requests: HashMap<String, Counter>,
}

/// What a broker is known by: its number, or where it has none, the key of its report.
///
/// The key is not enough, since an address can change while the number, and the counts, stay.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Identity {
    Number(i128),
    Key(String),
}

#[derive(Debug, Default)]
struct BrokerState {
    /// Of its report.
    key: String,
    nodename: Option<String>,
    is_bootstrap: bool,
    baselines: [Baseline; TOTALS],
    counters: [Option<Counter>; TOTALS],
    levels: [Level; LEVELS],
    windows: Windows,
    requests: HashMap<String, Baseline>,
}

/// What is reported for the time since the report before, and not as a total.
#[derive(Debug, Default)]
struct Windows {
    round_trips: Option<Counter>,
    round_trip_seconds: Option<FloatCounter>,
    throttle_seconds: Option<FloatCounter>,
    quantiles: [Option<OwnedSeries<Gauge>>; QUANTILES.len()],
}

impl BrokerStates {
    pub(super) fn follow(
        &mut self,
        brokers: &HashMap<String, Broker>,
        client_id: &str,
        metrics: &BrokerMetrics,
    ) {
        let brokers = identified(brokers, &self.brokers);
        let reported: HashSet<&Identity> = brokers.iter().map(|(identity, ..)| identity).collect();
        // What is not reported any more is gone, unless it has a number now.
        let (kept, gone) = self.brokers.drain().partition(|(identity, _)| reported.contains(identity));
        self.brokers = kept;
        let mut gone: HashMap<Identity, BrokerState> = gone;
        for (identity, key, broker) in &brokers {
            // One that had no number, since another one had it, and has it now.
            if let Some(own) = gone.remove(&Identity::Key((*key).to_owned())) {
                self.brokers.insert(identity.clone(), own.under_another_name());
            }
            let state = self.brokers.entry(identity.clone()).or_insert_with(|| renamed(broker, &mut gone));
            (*key).clone_into(&mut state.key);
            state.nodename.clone_from(&broker.nodename);
            state.is_bootstrap = is_bootstrap(identity, broker);
            let label = label(identity, key, state.is_bootstrap);
            state.follow(broker, client_id, &label, metrics);
            for (kind, sent) in &broker.req {
                if !state.requests.contains_key(kind) {
                    state.requests.insert(kind.clone(), Baseline::default());
                }
                let growth = state.requests.get_mut(kind).and_then(|baseline| baseline.growth(*sent));
                let Some(growth) = growth.filter(|growth| *growth > 0) else { continue };
                let labels = &[("client_id", client_id), ("type", kind.as_str())];
                let total = || metrics.client_requests_total.get_or_create(labels);
                self.requests.entry(kind.clone()).or_insert_with(total).inc_by(growth);
            }
        }
    }
}

/// The brokers of a report by what they are known by, without librdkafka's internal one, which sends nothing.
///
/// Where two have one number, as one that goes and one that takes its place, it is that of the one that had it before.
fn identified<'a>(
    brokers: &'a HashMap<String, Broker>,
    before: &HashMap<Identity, BrokerState>,
) -> Vec<(Identity, &'a str, &'a Broker)> {
    let mut seen = HashSet::new();
    let internal = |key: &str, broker: &Broker| {
        broker.source.as_deref() == Some("internal") || key.ends_with("/internal")
    };
    let mut brokers: Vec<_> = brokers.iter().filter(|(key, broker)| !internal(key, broker)).collect();
    brokers.sort_unstable_by_key(|(key, broker)| {
        let number = broker.nodeid.raw().map(Identity::Number);
        let had_it = number.and_then(|number| before.get(&number)).is_some_and(|state| state.key == **key);
        (!had_it, *key)
    });
    brokers
        .into_iter()
        .map(|(key, broker)| {
            let number = broker.nodeid.raw().filter(|number| *number >= 0);
            // A coordinator that has the number of a broker is another connection, with other counts.
            let number = number.filter(|_| broker.source.as_deref() != Some("logical"));
            let identity = match number {
                Some(number) if seen.insert(number) => Identity::Number(number),
                _ => Identity::Key(key.clone()),
            };
            (identity, key.as_str(), broker)
        })
        .collect()
}

fn is_bootstrap(identity: &Identity, broker: &Broker) -> bool {
    matches!(identity, Identity::Key(key) if key.ends_with("/bootstrap"))
        || (matches!(identity, Identity::Key(_)) && broker.source.as_deref() == Some("configured"))
}

fn label(identity: &Identity, key: &str, is_bootstrap: bool) -> String {
    match identity {
        Identity::Number(number) => number.to_string(),
        Identity::Key(_) if is_bootstrap => "bootstrap".to_owned(),
        Identity::Key(_) => key.to_owned(),
    }
}

/// The state of a broker that is new in a report.
///
/// Older versions of librdkafka give a bootstrap broker its number once that is known, and leave its counts as they are
/// (`rd_kafka_broker_update`): what was counted under the one name must not be counted under the other again.
fn renamed(broker: &Broker, gone: &mut HashMap<Identity, BrokerState>) -> BrokerState {
    let before = gone.iter().find(|(_, state)| {
        state.is_bootstrap
            && state.nodename.is_some()
            && state.nodename == broker.nodename
            && state.baselines.iter().zip(totals(broker)).all(|(baseline, total)| baseline.can_become(total))
    });
    let Some(identity) = before.map(|(identity, _)| identity.clone()) else { return BrokerState::default() };
    gone.remove(&identity).unwrap_or_default().under_another_name()
}

/// In the order of the counters of [`BrokerState::follow`].
fn totals(broker: &Broker) -> [Number; TOTALS] {
    [
        broker.tx,
        broker.txbytes,
        broker.txerrs,
        broker.txretries,
        broker.req_timeouts,
        broker.rx,
        broker.rxbytes,
        broker.rxerrs,
        broker.connects,
        broker.disconnects,
    ]
}

impl BrokerState {
    /// Counted on from here, in series of the new name.
    fn under_another_name(self) -> BrokerState {
        BrokerState { baselines: self.baselines, requests: self.requests, ..BrokerState::default() }
    }

    fn follow(&mut self, broker: &Broker, client_id: &str, label: &str, metrics: &BrokerMetrics) {
        let labels = &[("client_id", client_id), ("broker", label)];
        let families = [
            &metrics.broker_requests_total,
            &metrics.broker_sent_bytes_total,
            &metrics.broker_send_errors_total,
            &metrics.broker_retries_total,
            &metrics.broker_request_timeouts_total,
            &metrics.broker_responses_total,
            &metrics.broker_received_bytes_total,
            &metrics.broker_receive_errors_total,
            &metrics.broker_connects_total,
            &metrics.broker_disconnects_total,
        ];
        let series = self.baselines.iter_mut().zip(&mut self.counters);
        for ((baseline, counter), (total, family)) in series.zip(totals(broker).into_iter().zip(families)) {
            if let Some(growth) = baseline.growth(total) {
                counter.get_or_insert_with(|| family.get_or_create(labels)).inc_by(growth);
            }
        }

        let up = broker.state.as_deref().map(|state| u64::from(UP.contains(&state)));
        let levels = [
            (up, &metrics.broker_connections),
            (broker.outbuf_cnt.known(), &metrics.broker_outbuf_requests),
            (broker.outbuf_msg_cnt.known(), &metrics.broker_outbuf_messages),
            (broker.waitresp_cnt.known(), &metrics.broker_waiting_requests),
            (broker.waitresp_msg_cnt.known(), &metrics.broker_waiting_messages),
        ];
        for (series, (level, family)) in self.levels.iter_mut().zip(levels) {
            series.set(level, || family.owned(labels));
        }
        self.windows.follow(&broker.rtt, &broker.throttle, labels, metrics);
    }
}

impl Windows {
    fn follow(
        &mut self,
        rtt: &Window,
        throttle: &Window,
        labels: &[(&str, &str); 2],
        metrics: &BrokerMetrics,
    ) {
        if let Some(count) = rtt.cnt.known() {
            let family = &metrics.broker_round_trips_total;
            self.round_trips.get_or_insert_with(|| family.get_or_create(labels)).inc_by(count);
        }
        if let Some(micros) = rtt.sum.known() {
            let family = &metrics.broker_round_trip_seconds_total;
            self.round_trip_seconds
                .get_or_insert_with(|| family.get_or_create(labels))
                .inc_by_duration(Duration::from_micros(micros));
        }
        if let Some(millis) = throttle.sum.known() {
            let family = &metrics.broker_throttle_seconds_total;
            self.throttle_seconds
                .get_or_insert_with(|| family.get_or_create(labels))
                .inc_by_duration(Duration::from_millis(millis));
        }
        // Without a round trip there is no quantile, and librdkafka says 0.
        let is_empty = rtt.cnt.known() == Some(0);
        let values = [rtt.p50, rtt.p95, rtt.p99, rtt.max];
        for ((series, value), quantile) in self.quantiles.iter_mut().zip(values).zip(QUANTILES) {
            let Some(value) = value.known().filter(|_| !is_empty) else {
                *series = None;
                continue;
            };
            let labels = [labels[0], labels[1], ("q", quantile)];
            let family = &metrics.broker_round_trip_quantile_seconds;
            series
                .get_or_insert_with(|| family.owned(&labels))
                .set(Duration::from_micros(value).as_secs_f64());
        }
    }
}
