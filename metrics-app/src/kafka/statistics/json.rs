//! The form of a report.
//!
//! `rdkafka::Statistics` cannot be used: it has most fields without a default, so that a report that lacks one of them
//! cannot be read at all, and could not tell what is absent from zero if they had one.

// SPEC: librdkafka, STATISTICS.md, version 2.12. All fields are optional here.

use std::collections::HashMap;

use serde::Deserialize;

use super::number::Number;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Report {
    pub(super) name: Option<String>,
    pub(super) client_id: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) age: Number,
    pub(super) replyq: Number,
    pub(super) msg_cnt: Number,
    pub(super) msg_size: Number,
    pub(super) msg_max: Number,
    pub(super) msg_size_max: Number,
    pub(super) brokers: HashMap<String, Broker>,
    pub(super) topics: HashMap<String, Topic>,
    pub(super) cgrp: Option<Group>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Broker {
    pub(super) nodeid: Number,
    pub(super) nodename: Option<String>,
    pub(super) source: Option<String>,
    pub(super) state: Option<String>,
    pub(super) outbuf_cnt: Number,
    pub(super) outbuf_msg_cnt: Number,
    pub(super) waitresp_cnt: Number,
    pub(super) waitresp_msg_cnt: Number,
    pub(super) tx: Number,
    pub(super) txbytes: Number,
    pub(super) txerrs: Number,
    pub(super) txretries: Number,
    pub(super) req_timeouts: Number,
    pub(super) rx: Number,
    pub(super) rxbytes: Number,
    pub(super) rxerrs: Number,
    pub(super) connects: Number,
    pub(super) disconnects: Number,
    pub(super) rtt: Window,
    pub(super) throttle: Window,
    pub(super) req: HashMap<String, Number>,
}

/// What was sampled since the report before.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Window {
    pub(super) sum: Number,
    pub(super) cnt: Number,
    pub(super) p50: Number,
    pub(super) p95: Number,
    pub(super) p99: Number,
    pub(super) max: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Topic {
    pub(super) partitions: HashMap<String, Partition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Partition {
    pub(super) desired: Option<bool>,
    pub(super) fetchq_cnt: Number,
    pub(super) fetchq_size: Number,
    pub(super) committed_offset: Number,
    pub(super) hi_offset: Number,
    pub(super) consumer_lag: Number,
    pub(super) consumer_lag_stored: Number,
    pub(super) txmsgs: Number,
    pub(super) txbytes: Number,
    pub(super) rxmsgs: Number,
    pub(super) rxbytes: Number,
    pub(super) rx_ver_drops: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Group {
    pub(super) rebalance_cnt: Number,
    pub(super) assignment_size: Number,
}
