//! What is split, refused and left out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use nilometer_core::collect::{
    CollectError, Collector, Descriptor, LabelSet, MetricType, SeriesLabels, Stopped, Visitor,
};
use nilometer_core::{CounterFamily, GaugeFamily, MetricsRegistry};
use nilometer_otel::{EncodeError, ExportRequest, OtlpEncoder, Resource, TemporalityPreference};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;

use crate::{NOW, START, Shown, at, counter, encode, encoder, gauge, metrics_in};

fn zones(count: usize) -> CounterFamily {
    let family = CounterFamily::new("hits_total", "Hits.");
    for zone in 0..count {
        family.get_or_create(&[("zone", &zone.to_string())]).inc();
    }
    family
}

/// The values of the label `zone`, request by request, each of which repeats the family's head.
fn zones_in(requests: &[ExportRequest]) -> Vec<Vec<String>> {
    let zones = |request| {
        let metrics = metrics_in(request);
        let [metric] = &metrics[..] else { panic!("{metrics:?}") };
        assert_eq!((&*metric.name, &*metric.description), ("hits_total", "Hits."));
        let Some(Data::Sum(sum)) = &metric.data else { panic!("{metric:?}") };
        assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
        let value = |point: &opentelemetry_proto::tonic::metrics::v1::NumberDataPoint| {
            format!("{:?}", point.attributes[0].value)
        };
        sum.data_points.iter().map(value).collect()
    };
    requests.iter().map(zones).collect()
}

#[test]
fn the_limit_is_exact() {
    let family = zones(100);
    let length = encode(&family).1.unwrap().body().len();
    let whole = encoder().with_max_body(length).encode(&family, at(NOW)).unwrap();
    assert_eq!((whole.len(), whole[0].points()), (1, 100));
    let split = encoder().with_max_body(length - 1).encode(&family, at(NOW)).unwrap();
    let points: Vec<u64> = split.iter().map(ExportRequest::points).collect();
    assert_eq!(points, [99, 1]);
    assert_eq!(zones_in(&split).concat(), zones_in(&whole).concat());
}

#[test]
fn a_family_goes_on_in_the_next_request() {
    let family = zones(700);
    let whole = zones_in(&encoder().encode(&family, at(NOW)).unwrap()).concat();
    for limit in [300, 1000, 5000, 20_000] {
        let mut encoder = encoder().with_max_body(limit);
        let requests = encoder.encode(&family, at(NOW)).unwrap();
        assert!(requests.len() > 1);
        assert!(requests.iter().all(|request| request.body().len() <= limit), "{limit}");
        // There was no room for one more.
        let (last, full) = requests.split_last().unwrap();
        assert!(full.iter().all(|request| request.body().len() + 64 > limit), "{limit}");
        assert!(last.points() > 0);
        assert_eq!(zones_in(&requests).concat(), whole, "{limit}");
        assert_eq!(encoder.encode(&family, at(NOW)).unwrap().len(), requests.len(), "and again");
    }
}

#[test]
fn a_request_has_no_more_points_than_it_may() {
    let requests = encoder().with_max_points(3).encode(&zones(10), at(NOW)).unwrap();
    assert_eq!(requests.iter().map(ExportRequest::points).collect::<Vec<_>>(), [3, 3, 3, 1]);
    assert_eq!(encoder().with_max_points(0).encode(&zones(2), at(NOW)).unwrap().len(), 2, "at least one");
}

#[test]
fn a_point_that_is_too_large_is_left_out_and_counted_and_others_are_not() {
    let family = GaugeFamily::new("level", "");
    let large = "x".repeat(900);
    for name in ["a", &large, "b", "c"] {
        family.get_or_create(&[("name", name)]).set(1.0);
    }
    let mut requests = Vec::new();
    let mut small = encoder().with_max_body(900);
    let first = small.encode_each(&family, at(NOW), |request| {
        requests.push(request);
        Ok(())
    });
    let first = first.unwrap();
    assert_eq!((first.points(), first.too_large(), first.left_out()), (3, 1, 0));
    assert_eq!(requests.iter().map(|request| metrics_in(request).len()).sum::<usize>(), 2);
    let nothing = small.with_max_body(0).encode_each(&family, at(NOW), |_| panic!("nothing fits")).unwrap();
    assert_eq!((nothing.points(), nothing.too_large()), (0, 4));
}

#[test]
fn metrics_of_any_length_have_the_lengths_that_they_say() {
    // Around 128 and 16,384 bytes, where lengths take a byte more.
    for length in (0..300).chain([16_000, 16_300, 16_384, 17_000]) {
        let help = "x".repeat(length);
        let family = GaugeFamily::new("level", &help);
        for name in ["a", "b"] {
            family.get_or_create(&[("name", &help[..length.min(1000)]), ("kind", name)]).set(1.0);
        }
        let (_, request) = encode(&family);
        let metrics = metrics_in(&request.unwrap());
        assert_eq!(metrics[0].description, help);
    }
}

#[test]
fn a_sink_that_stops_stops_the_collection() {
    #[derive(Default)]
    struct Endless(AtomicUsize);
    impl Collector for Endless {
        fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
            visitor.family(&Descriptor::try_new("endless", "", MetricType::Gauge)?)?;
            loop {
                self.0.fetch_add(1, Ordering::Relaxed);
                visitor.point(SeriesLabels::of(&LabelSet::empty()), gauge(1.0))?;
            }
        }
    }
    let endless = Endless::default();
    let mut taken = 0;
    let result = encoder().with_max_points(10).encode_each(&endless, at(NOW), |request| {
        taken += request.points();
        if taken == 30 { Err(Stopped) } else { Ok(()) }
    });
    assert!(matches!(result, Err(EncodeError::Stopped)), "{result:?}");
    assert_eq!((taken, endless.0.into_inner()), (30, 31));
}

#[test]
fn a_collector_that_goes_on_after_the_end_hands_over_nothing() {
    struct Deaf;
    impl Collector for Deaf {
        fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
            let descriptor = Descriptor::try_new("deaf", "", MetricType::Gauge)?;
            for _ in 0..5 {
                visitor.family(&descriptor).ok();
                visitor.point(SeriesLabels::of(&LabelSet::empty()), gauge(1.0)).ok();
            }
            Ok(())
        }
    }
    let mut requests = 0;
    let result = encoder().with_max_points(1).encode_each(&Deaf, at(NOW), |_| {
        requests += 1;
        Err(Stopped)
    });
    assert!(matches!(result, Err(EncodeError::Stopped)), "{result:?}");
    assert_eq!(requests, 1);
}

/// Shows a family, and fails then.
struct Broken;

impl Collector for Broken {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        Shown::one("before", MetricType::Counter, vec![counter(1_u64)]).collect(visitor)?;
        Err(CollectError::failed("the disk is gone"))
    }
}

#[test]
fn a_failure_of_the_collector_is_the_error_source_and_what_it_showed_is_handed_over() {
    let error = encoder().encode(&Broken, at(NOW)).unwrap_err();
    assert!(matches!(&error, EncodeError::Collect(CollectError::Failed(cause))
        if cause.to_string() == "the disk is gone"));
    let mut points = 0;
    let error = encoder().encode_each(&Broken, at(NOW), |request| {
        points += request.points();
        Ok(())
    });
    assert!(matches!(error, Err(EncodeError::Collect(_))));
    assert_eq!(points, 1);
}

#[test]
fn times_that_cannot_be_sent_are_errors() {
    let registry = MetricsRegistry::new();
    for time in [UNIX_EPOCH, UNIX_EPOCH - Duration::from_secs(1), UNIX_EPOCH + Duration::from_secs(1 << 35)] {
        let error = encoder().encode(&registry, time).unwrap_err();
        assert!(matches!(error, EncodeError::Time { time: t } if t == time), "{error:?}");
        let error = OtlpEncoder::new(Resource::default(), time).encode(&registry, at(NOW)).unwrap_err();
        assert!(matches!(error, EncodeError::Time { time: t } if t == time), "{error:?}");
    }
    let error = encoder().encode(&registry, at(START - 1)).unwrap_err();
    assert!(matches!(error, EncodeError::BeforeStart { .. }), "{error:?}");
    assert!(encoder().encode(&registry, at(START)).is_ok());
}

#[test]
fn differences_wait_until_it_is_known_what_became_of_the_last() {
    let family = zones(2);
    let mut encoder = encoder().with_temporality(TemporalityPreference::Delta);
    let mut requests = encoder.encode(&family, at(NOW)).unwrap();
    let request = requests.remove(0);
    let copy = request.clone();
    request.acknowledge();
    let error = encoder.encode(&family, at(NOW + 1)).unwrap_err();
    assert!(matches!(error, EncodeError::Unsettled), "{error:?}");
    drop(copy);
    assert_eq!(encoder.encode(&family, at(NOW + 1)).unwrap().len(), 1);
}
