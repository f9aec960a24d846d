//! The command line.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Parser;
use clap::builder::RangedU64ValueParser;

use crate::processor::Horizon;

/// Works through flights as if they were happening, and serves its metrics to Prometheus while it does.
#[derive(Debug, Parser)]
#[command(name = "stream_processor", version)]
pub(crate) struct Args {
    /// A CSV file of flights, `-` for standard input; without it, the 20,000 flights that come with the example. Its
    /// first line names the columns `scheduled,origin,destination,distance_miles,delay_minutes`
    pub(crate) input: Option<PathBuf>,

    /// IP address and port to serve the metrics on, such as `127.0.0.1:9464` or `[::1]:9464`; port 0 for any
    #[arg(long, value_name = "ADDRESS", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 9464)))]
    pub(crate) listen: SocketAddr,

    /// Events per second; 0 is as fast as possible
    #[arg(long, value_name = "EVENTS", default_value_t = 500)]
    pub(crate) rate: u32,

    /// Exit at the end of the input rather than serve until Ctrl-C
    #[arg(long)]
    pub(crate) once: bool,

    /// Take flights from Kafka, a message each, a row without the header: its brokers, `host:port`, separated by commas.
    /// With `--once`, until all that is there has been read. Needs the feature `kafka`
    #[arg(long, value_name = "BROKERS", requires = "topic", conflicts_with_all = ["input", "demo_kafka"])]
    pub(crate) kafka: Option<String>,

    /// The topic to take flights from
    #[arg(long, value_name = "TOPIC", requires = "kafka")]
    pub(crate) topic: Option<String>,

    /// The consumer group whose offsets are committed
    #[arg(long, value_name = "GROUP", default_value = "stream_processor")]
    pub(crate) group: String,

    /// Start a Kafka cluster in this process, send the bundled flights to it, and take them from there. Needs the feature
    /// `kafka`
    #[arg(long, conflicts_with = "input")]
    pub(crate) demo_kafka: bool,

    /// Send metrics and spans to this OTLP receiver, such as `http://127.0.0.1:4318`; `OTEL_EXPORTER_OTLP_ENDPOINT` says
    /// it too. Needs the feature `otel`
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) otlp: Option<String>,

    /// Length of a window, in minutes of event time
    #[arg(long, value_name = "MINUTES", default_value_t = 60, value_parser = minutes())]
    pub(crate) window: u32,

    /// How long after its end a window stays open for late events, in minutes of event time
    #[arg(long, value_name = "MINUTES", default_value_t = 15)]
    pub(crate) lateness: u32,

    /// How long an airport's state is kept without a departure, in hours of event time
    #[arg(long, value_name = "HOURS", default_value_t = 72)]
    pub(crate) keep: u32,
}

/// At least one minute: a window of none holds no event.
fn minutes() -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(1..=u64::from(u32::MAX))
}

impl Args {
    /// The lengths of event time, in seconds.
    pub(crate) fn horizon(&self) -> Horizon {
        Horizon {
            window: i64::from(self.window) * 60,
            lateness: i64::from(self.lateness) * 60,
            keep: i64::from(self.keep) * 3600,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_defaults_are_those_of_the_documentation() {
        let args = Args::parse_from(["stream_processor"]);
        assert_eq!(args.listen.to_string(), "127.0.0.1:9464");
        assert_eq!((args.input, args.rate, args.once), (None, 500, false));
    }

    #[test]
    fn a_dash_is_standard_input_and_not_a_flag() {
        assert_eq!(Args::parse_from(["stream_processor", "-"]).input, Some(PathBuf::from("-")));
    }

    #[test]
    fn kafka_takes_brokers_and_a_topic_and_no_file() {
        let args = Args::parse_from(["stream_processor", "--kafka", "a:1,b:2", "--topic", "flights"]);
        assert_eq!((args.kafka.as_deref(), args.topic.as_deref()), (Some("a:1,b:2"), Some("flights")));
        for refused in [
            &["--kafka", "a:1"][..],
            &["--topic", "flights"],
            &["--kafka", "a:1", "--topic", "flights", "-"],
            &["--kafka", "a:1", "--topic", "flights", "--demo-kafka"],
            &["--demo-kafka", "-"],
        ] {
            assert!(Args::try_parse_from([&["stream_processor"], refused].concat()).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn a_window_of_no_length_is_refused() {
        assert!(Args::try_parse_from(["stream_processor", "--window", "0"]).is_err());
    }
}
