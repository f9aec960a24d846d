//! Metrics of Kafka clients, for `rdkafka`.
//!
//! [`KafkaMetrics`] is one set for all clients of a process. It has three sources, each with names of its own, since they
//! see the same messages: nothing is counted twice, and no two families should be added up.
//!
//! | source | fed by | knows |
//! |---|---|---|
//! | [`CallMetrics`] | the application, where it consumes and produces | how long work takes, and what it came to |
//! | [`CallbackMetrics`] | [`KafkaContext`], from librdkafka's callbacks | rebalances, commits, deliveries and errors, at once |
//! | [`StatisticsMetrics`] | [`KafkaContext`], from librdkafka's statistics | lag, brokers, queues; as of the last report |
//!
//! # Quick start
//!
//! Give each client a context, a `client.id` of its own, and an interval for its statistics:
//!
//! ```
//! use std::time::Duration;
//!
//! use nilometer::MetricsRegistry;
//! use nilometer::kafka::{KafkaContext, KafkaMetrics};
//! use rdkafka::ClientConfig;
//! use rdkafka::consumer::{BaseConsumer, Consumer};
//!
//! let registry = MetricsRegistry::new();
//! let metrics = KafkaMetrics::new(&registry)?;
//!
//! let mut config = ClientConfig::new();
//! config.set("bootstrap.servers", "127.0.0.1:9092").set("group.id", "billing");
//! config.set("client.id", "billing").set("statistics.interval.ms", "5000");
//! # // A cluster in this process in the place of that address.
//! # config.set("test.mock.num.brokers", "1");
//! let consumer: BaseConsumer<_> = config.create_with_context(KafkaContext::consumer(&metrics))?;
//! consumer.subscribe(&["orders"])?;
//!
//! // That is all for statistics and callbacks. What follows is for what the application does.
//! let orders = metrics.calls.topic_consumer("orders");
//! let mut polls = metrics.calls.poll_loop();
//! # for _ in 0..2 {
//! # #[cfg(any())]
//! loop {
//! # }
//!     let poll = polls.start();
//!     match consumer.poll(Duration::from_millis(50)) {
//!         Some(Ok(message)) => {
//!             poll.message();
//!             orders.received(&message);
//!             let _timer = orders.start_processing();
//!             // Work on it.
//!         }
//!         Some(Err(error)) => poll.failed(&error),
//!         None => poll.empty(),
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A context of one's own goes inside, with [`ConsumerHooks`] and `ProducerContext`. Where the outer context cannot be
//! changed, [`ClientStatistics`] reads what `ClientContext::stats_raw` is given.
//!
//! # Of the application's calls
//!
//! | family | kind | labels |
//! |---|---|---|
//! | `kafka_consumed_messages_total`, `kafka_consumed_bytes_total` | counter | `topic` |
//! | `kafka_consume_errors_total` | counter | `kind` |
//! | `kafka_process_duration_seconds` | histogram | `topic` |
//! | `kafka_process_failures_total` | counter | `topic` |
//! | `kafka_produced_messages_total`, `kafka_produced_bytes_total` | counter | `topic` |
//! | `kafka_produce_errors_total` | counter | `topic`, `kind` |
//! | `kafka_produce_duration_seconds` | histogram | `topic` |
//! | `kafka_commits_total` | counter | `outcome`: `ok`, `failed` |
//! | `kafka_polls_total` | counter | `result`: `message`, `empty`, `failed` |
//! | `kafka_poll_duration_seconds`, `kafka_poll_interval_seconds` | histogram | |
//!
//! Bytes are those of keys and payloads. `kind` is librdkafka's name of the error's code, as `queue_full`.
//!
//! # Of callbacks
//!
//! | family | kind | labels |
//! |---|---|---|
//! | `kafka_rebalances_total` | counter | `kind`: `assign`, `revoke`, `error` |
//! | `kafka_assigned_partitions` | gauge | `topic` |
//! | `kafka_commit_callbacks_total` | counter | `outcome`: `ok`, `failed` |
//! | `kafka_deliveries_total` | counter | `topic`, `outcome`: `ok`, `failed` |
//! | `kafka_client_errors_total` | counter | `kind` |
//!
//! `rdkafka` 0.39 calls back for the commits that librdkafka makes by itself (`enable.auto.commit`), and for none that the
//! application asks for: [`CallMetrics::committed`] is for those. A producer reports each error twice, which is counted
//! once.
//!
//! # Of statistics
//!
//! The fields are those of librdkafka's [STATISTICS.md]; all series have the label `client_id`, which is the configured
//! `client.id`, besides those of the table.
//!
//! | family | kind | labels | field |
//! |---|---|---|---|
//! | `kafka_statistics_reports_total` | counter | `outcome`: `ok`, `malformed`, `unnamed`; no `client_id` | |
//! | `kafka_client_instances` | gauge | | clients that report |
//! | `kafka_client_reply_queue_operations` | gauge | | `replyq` |
//! | `kafka_client_requests_total` | counter | `type` | `brokers.*.req` |
//! | `kafka_producer_queue_messages`, `_bytes` | gauge | | `msg_cnt`, `msg_size` |
//! | `kafka_producer_queue_limit_messages`, `_bytes` | gauge | | `msg_max`, `msg_size_max` |
//! | `kafka_group_rebalances_total` | counter | | `cgrp.rebalance_cnt` |
//! | `kafka_group_assigned_partitions` | gauge | | `cgrp.assignment_size` |
//! | `kafka_broker_connections` | gauge | `broker` | `state`: 1 if it is up |
//! | `kafka_broker_outbuf_requests`, `_messages` | gauge | `broker` | `outbuf_cnt`, `outbuf_msg_cnt` |
//! | `kafka_broker_waiting_requests`, `_messages` | gauge | `broker` | `waitresp_cnt`, `waitresp_msg_cnt` |
//! | `kafka_broker_requests_total`, `kafka_broker_sent_bytes_total` | counter | `broker` | `tx`, `txbytes` |
//! | `kafka_broker_responses_total`, `kafka_broker_received_bytes_total` | counter | `broker` | `rx`, `rxbytes` |
//! | `kafka_broker_send_errors_total`, `kafka_broker_receive_errors_total` | counter | `broker` | `txerrs`, `rxerrs` |
//! | `kafka_broker_retries_total`, `kafka_broker_request_timeouts_total` | counter | `broker` | `txretries`, `req_timeouts` |
//! | `kafka_broker_connects_total`, `kafka_broker_disconnects_total` | counter | `broker` | `connects`, `disconnects` |
//! | `kafka_broker_round_trips_total`, `kafka_broker_round_trip_seconds_total` | counter | `broker` | `rtt.cnt`, `rtt.sum` (µs) |
//! | `kafka_broker_round_trip_quantile_seconds` | gauge | `broker`, `q`: `0.5`, `0.95`, `0.99`, `1` | `rtt.p50`, `p95`, `p99`, `max` (µs) |
//! | `kafka_broker_throttle_seconds_total` | counter | `broker` | `throttle.sum` (ms) |
//! | `kafka_topic_sent_messages_total`, `kafka_topic_sent_bytes_total` | counter | `topic` | `partitions.*.txmsgs`, `txbytes` |
//! | `kafka_topic_received_messages_total`, `kafka_topic_received_bytes_total` | counter | `topic` | `partitions.*.rxmsgs`, `rxbytes` |
//! | `kafka_topic_outdated_messages_total` | counter | `topic` | `partitions.*.rx_ver_drops` |
//! | `kafka_consumer_lag_messages`, `kafka_consumer_lag_stored_messages` | gauge | `topic`, `partition` | `consumer_lag`, `consumer_lag_stored` |
//! | `kafka_consumer_committed_offset`, `kafka_consumer_end_offset` | gauge | `topic`, `partition` | `committed_offset`, `hi_offset` |
//! | `kafka_consumer_fetch_queue_messages`, `_bytes` | gauge | `topic`, `partition` | `fetchq_cnt`, `fetchq_size` |
//!
//! What a report does not have, or has as a negative number (librdkafka's "unknown"), is an absent series and not a zero:
//! so it is with other versions of librdkafka. A report that cannot be read is counted, and changes nothing else.
//!
//! Totals are those of one client since it was made; counters grow by what is new in each report, per client, broker and
//! partition. So a counter is the sum of what all clients of its labels have reported, also of those that have ended.
//! librdkafka's totals over all brokers and topics (`tx`, `rxmsgs` and others at the top) are not used: they fall when
//! a broker or a topic is gone.
//!
//! Gauges are the sum over the clients of one `client.id`; that of quantiles is the last one's. A client's gauges are gone
//! when its context is dropped, and those of a partition when it is revoked, at once.
//!
//! [STATISTICS.md]: https://github.com/confluentinc/librdkafka/blob/v2.12.1/STATISTICS.md
//!
//! # Queries and alerts
//!
//! ```promql
//! # How far behind each topic is, and the worst partitions.
//! sum by (client_id, topic) (kafka_consumer_lag_messages)
//! topk(5, kafka_consumer_lag_messages)
//!
//! # How long until it has caught up, in seconds.
//! sum by (topic) (kafka_consumer_lag_messages) / -sum by (topic) (deriv(kafka_consumer_lag_messages[5m])) > 0
//!
//! # The mean round trip to each broker, in seconds.
//! rate(kafka_broker_round_trip_seconds_total[5m]) / rate(kafka_broker_round_trips_total[5m])
//!
//! # How near loops come to `max.poll.interval.ms`, which is 300 seconds by default.
//! histogram_quantile(0.99, rate(kafka_poll_interval_seconds_bucket[5m]))
//! ```
//!
//! ```yaml
//! groups:
//!   - name: kafka
//!     rules:
//!       - alert: KafkaLagGrows
//!         expr: sum by (client_id, topic) (kafka_consumer_lag_messages) > 10000
//!           and sum by (client_id, topic) (deriv(kafka_consumer_lag_messages[10m])) > 0
//!         for: 10m
//!       - alert: KafkaLagUnknown # Nothing is committed, or nothing reports.
//!         expr: sum(kafka_assigned_partitions) > 0 unless sum(kafka_consumer_lag_messages) >= 0
//!         for: 10m
//!       - alert: KafkaRebalancesOften
//!         expr: increase(kafka_rebalances_total{kind="revoke"}[15m]) > 5
//!       - alert: KafkaUnreachable
//!         expr: sum by (client_id) (kafka_broker_connections) == 0
//!         for: 2m
//!       - alert: KafkaCommitsFail
//!         expr: rate(kafka_commits_total{outcome="failed"}[5m]) > 0
//!           or rate(kafka_commit_callbacks_total{outcome="failed"}[5m]) > 0
//! ```
//!
//! # What this module does not do
//!
//! - It asks no broker: the lag is that of partitions which a client of this process holds, as it last reported it. A group
//!   whose consumers are all down has no lag here; an exporter beside the cluster tells it.
//! - Nothing calls back for `assign`: partitions that a consumer takes so after it was in a group have no partition gauges.
//! - The statistics do not name the group. Clients of several groups need a `client.id` each, or a set each, by
//!   [`KafkaMetrics::register_with`] and a label.
//! - What a client counts between its last report and its end is not in the statistics; in the calls it is.
//! - librdkafka counts a message as sent each time it is sent: `kafka_topic_sent_messages_total` may be more than what was
//!   acknowledged, which `kafka_deliveries_total` and `kafka_produced_messages_total` count.
//! - A `FutureProducer` keeps its delivery reports to itself: [`TopicProducer`] counts what it returns.
//! - Partition gauges are six series for each partition that is held; past the registry's limit of a family they are in one
//!   overflow series, which then means nothing.

mod assignment;
mod callbacks;
mod calls;
mod context;
mod hooks;
mod kind;
mod metrics;
mod poll;
mod repeated;
mod statistics;

pub use callbacks::{CallbackMetrics, RebalanceLabels};
pub use calls::{CallMetrics, OutcomeLabels, PolledLabels, SendError, Sending, TopicConsumer, TopicProducer};
pub use context::KafkaContext;
pub use hooks::{ConsumerHooks, NoContext};
pub use kind::{Outcome, Polled, RebalanceKind, ReportOutcome};
pub use metrics::KafkaMetrics;
pub use poll::{Poll, PollLoop};
pub use statistics::{
    BrokerMetrics, ClientMetrics, ClientStatistics, ReportLabels, StatisticsError, StatisticsMetrics,
    TopicMetrics,
};
