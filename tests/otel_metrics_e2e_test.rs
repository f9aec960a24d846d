//! End to end: what a real OpenTelemetry collector has of what is recorded into every kind.
//!
//! `.ci/peers` fetches what these tests need, and `.ci/run` runs them. Where it is missing they fail.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

mod every;

use std::io::Read as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nilometer_core::collect::Collector as _;
use nilometer_otel::export::{ExportError, OtlpExporter, OtlpExporterConfig};
use nilometer_otel::trace::{Compression, Protocol};
use nilometer_otel::{HistogramAggregation, Resource, TemporalityPreference};
use nilometer_tests::kinds::EveryKind;
use nilometer_tests::otlp::{Model, compare, singles};
use nilometer_tests::read_back::Kept;
use nilometer_tests::receiver::{Reaction, Receiver};
use nilometer_tests::rotel::Rotel;

use every::{Every, Export, METRICS, POINTS};

const DEADLINE: Duration = Duration::from_secs(30);

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos().try_into().unwrap()
}

/// What the exporter is asked for.
#[derive(Debug, Clone, Copy)]
struct Asked {
    protocol: Protocol,
    compression: Option<Compression>,
    is_delta: bool,
    is_exponential: bool,
}

impl Asked {
    fn config(self, rotel: &Rotel, begun: u64) -> OtlpExporterConfig {
        let address = if self.protocol == Protocol::Grpc { rotel.grpc() } else { rotel.http() };
        let resource = Resource::new("checkout").with_attribute("zone", "a, b").unwrap();
        let mut config = OtlpExporterConfig::new(resource)
            .with_own_metrics(false)
            .with_start(UNIX_EPOCH + Duration::from_nanos(begun))
            .with_interval(Duration::MAX)
            .unwrap()
            .with_protocol(self.protocol)
            .with_endpoint(&format!("http://{address}"))
            .unwrap();
        if self.is_delta {
            config = config.with_temporality(TemporalityPreference::Delta);
        }
        if self.is_exponential {
            config = config.with_histogram_aggregation(HistogramAggregation::Exponential);
        }
        match self.compression {
            Some(compression) => config.with_compression(compression),
            None => config,
        }
    }
}

/// Records, exports, and does so again; each time, rotel has to have received all of it, and nothing else.
fn check(asked: Asked) {
    let Asked { is_delta, is_exponential, .. } = asked;
    let (rotel, every) = (Rotel::start(), Every::new());
    every.record();
    let start = || OtlpExporter::start(every.registry.clone(), asked.config(&rotel, every.begun));
    let (mut exporter, mut before, mut seen, mut since) = (None, now(), 0, every.created);
    for is_again in [false, true] {
        match &exporter {
            // It exports at its start, and not again by itself.
            None => exporter = Some(start().unwrap()),
            Some(exporter) => {
                every.record_more();
                before = now();
                let report = exporter.flush_blocking(DEADLINE).unwrap();
                // The gauge histogram alone is left out.
                let told = (report.points(), report.rejected(), report.requests(), report.left_out());
                assert_eq!(told, (POINTS, 0, 1, 1), "{asked:?}");
            }
        }
        let received = rotel.metrics(seen + METRICS).split_off(seen);
        seen += received.len();
        // When that was is for the exporter to say, within what is true.
        let (time, after) = (received[0].points[0].time, now());
        assert!((before..=after).contains(&time), "{asked:?}: {before} {time} {after}");
        let mut kept = Kept::default();
        every.registry.collect(&mut kept).unwrap();
        let export = Export { every: &every, kept, is_delta, is_exponential, is_again, since, time };
        let expected = export.metrics();
        for (received, expected) in received.iter().zip(&expected) {
            assert_eq!(received, expected, "{asked:?}");
        }
        assert_eq!(received.len(), expected.len(), "{asked:?}");
        since = if is_delta { time } else { since };
    }
    let report = exporter.unwrap().shutdown_blocking(DEADLINE).unwrap();
    assert_eq!((report.points(), rotel.metrics(seen + METRICS).len()), (POINTS, seen + METRICS), "{asked:?}");
}

#[test]
#[ignore = "needs a real rotel; .ci/run runs it"]
fn every_kind_arrives_as_it_was_recorded() {
    for protocol in [Protocol::Grpc, Protocol::Http] {
        for compression in [None, Some(Compression::Gzip)] {
            for is_delta in [false, true] {
                for is_exponential in [false, true] {
                    check(Asked { protocol, compression, is_delta, is_exponential });
                }
            }
        }
    }
}

/// Rotel knows gzip alone. It says so over gRPC, and over HTTP takes what is compressed with zstd for protobuf.
#[test]
#[ignore = "needs a real rotel; .ci/run runs it"]
fn what_is_compressed_in_a_way_that_the_receiver_does_not_know_is_given_up_and_told() {
    for (protocol, answer, said) in [
        (Protocol::Grpc, "UNIMPLEMENTED", "Content is compressed with `zstd` which isn't supported"),
        (Protocol::Http, "400", ""),
    ] {
        let compression = Some(Compression::Zstd);
        let asked = Asked { protocol, compression, is_delta: false, is_exponential: false };
        let (rotel, every) = (Rotel::start(), Every::new());
        every.record();
        let start = |asked: Asked| {
            OtlpExporter::start(every.registry.clone(), asked.config(&rotel, every.begun)).unwrap()
        };
        let exporter = start(asked);
        let error = exporter.flush_blocking(DEADLINE).unwrap_err();
        let ExportError::Status { status, message, is_transient, .. } = &error else {
            unreachable!("{protocol}: {error}")
        };
        assert_eq!((&**status, &**message, *is_transient), (answer, said, false), "{error}");
        exporter.shutdown_blocking(DEADLINE).unwrap_err();
        assert_eq!(rotel.metrics(0), []);
        // What comes next is taken, all of it.
        let exporter = start(Asked { compression: None, ..asked });
        assert_eq!(exporter.flush_blocking(DEADLINE).unwrap().points(), POINTS);
        assert!(rotel.metrics(METRICS).len().is_multiple_of(METRICS));
        exporter.shutdown_blocking(DEADLINE).unwrap();
    }
}

/// What rotel does not print it has all the same: it passes it on.
#[test]
#[ignore = "needs a real rotel; .ci/run runs it"]
fn a_collector_passes_on_all_that_was_shown() {
    for protocol in [Protocol::Grpc, Protocol::Http] {
        for (is_delta, is_exponential) in [(false, false), (false, true), (true, false), (true, true)] {
            let receiver = Receiver::start(|_, _| Reaction::status(200));
            let rotel = Rotel::start_before(receiver.address());
            let (kinds, begun) = (EveryKind::now(), now());
            let asked = Asked { protocol, compression: None, is_delta, is_exponential };
            let exporter = OtlpExporter::start(kinds, asked.config(&rotel, begun)).unwrap();
            let request = receiver.wait_for(1).remove(0);
            let told = (&*request.path, request.header("content-encoding"));
            assert_eq!(told, ("/v1/metrics", Some("gzip")));
            let mut passed = Vec::new();
            flate2::read::GzDecoder::new(&*request.body).read_to_end(&mut passed).unwrap();
            let passed = singles(&passed);
            let time = rotel.metrics(1)[0].points[0].time;
            let mut kept = Kept::default();
            kinds.collect(&mut kept).unwrap();
            let (expected, _) = Model::new(is_delta, is_exponential, begun).expected(&kept, time);
            compare(&passed, &expected);
            exporter.shutdown_blocking(DEADLINE).unwrap();
        }
    }
}
