//! Series that end while their process goes on: what a receiver of remote write is told of them.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use nilometer::collect::{
    CollectError, Collector, Descriptor, GaugePoint, LabelSet, MetricType, SeriesLabels, Visitor,
};
use nilometer::{ManualClock, MetricsRegistry, RegistryConfig};
use nilometer_prometheus::push::{
    NativeHistograms, PushError, PushReport, Pusher, RemoteWrite, RemoteWriteConfig, RemoteWriteVersion,
};
use nilometer_tests::kinds::EveryKind;
use nilometer_tests::prometheus::wait_for;
use nilometer_tests::push::{endpoint, value};
use nilometer_tests::receiver::{Reaction, Receiver};
use nilometer_tests::remote_write::{Series, Written};

const LONG: Duration = Duration::from_secs(30);

const VERSIONS: [RemoteWriteVersion; 2] = [RemoteWriteVersion::Two, RemoteWriteVersion::One];

fn receiver() -> Receiver {
    Receiver::start(|_, _| Reaction::written())
}

/// Sends what the collector shows, at its start and when it is told to.
fn bare(receiver: &Receiver) -> RemoteWriteConfig {
    let labels = LabelSet::try_from_pairs(&[("job", "shop")]).unwrap();
    RemoteWriteConfig::new(endpoint(receiver))
        .with_interval(Duration::from_hours(1))
        .with_own_metrics(false)
        .with_labels(labels)
}

/// Starts a pusher, and waits until the collection of its start was delivered.
fn start(collector: impl Collector + 'static, config: RemoteWriteConfig) -> Pusher {
    let pusher = RemoteWrite::new(collector, config).start().unwrap();
    flush(&pusher).unwrap();
    // Either of the two may be the first.
    wait_for("the collection of the start", || {
        let complete = value(pusher.metrics(), "nilometer_push_collections_total", &[("result", "complete")]);
        (complete >= 2.0).then_some(())
    });
    flush(&pusher).unwrap();
    pusher
}

fn flush(pusher: &Pusher) -> Result<PushReport, PushError> {
    pusher.flush_blocking(LONG)
}

/// Flushes, and gives what was sent for it.
fn flushed(pusher: &Pusher, receiver: &Receiver) -> Vec<Series> {
    let before = receiver.requests().len();
    flush(pusher).unwrap();
    let requests = &receiver.requests()[before..];
    requests.iter().flat_map(|request| Written::read(request).series).collect()
}

/// The labels of those series that have ended, or that have not.
fn labels(series: &[Series], is_stale: bool) -> Vec<BTreeMap<String, String>> {
    series.iter().filter(|one| one.is_stale() == is_stale).map(|one| one.labels.clone()).collect()
}

/// What of these series has ended: the values of this label.
fn ended(series: &[Series], label: &str) -> Vec<String> {
    labels(series, true).iter().map(|labels| labels[label].clone()).collect()
}

/// Shows what a test says.
#[derive(Clone, Default)]
struct Shown(Arc<Mutex<(Vec<Gauge>, Mood)>>);

/// A gauge of a name, and with one label.
type Gauge = (&'static str, (&'static str, String));

#[derive(Clone, Copy, Default, PartialEq)]
enum Mood {
    #[default]
    Well,
    Fails,
    Panics,
}

impl Shown {
    fn show(&self, series: &[&str], mood: Mood) {
        let series = series.iter().map(|id| ("depth", ("id", (*id).to_owned()))).collect();
        self.show_all(series, mood);
    }

    fn show_all(&self, series: Vec<Gauge>, mood: Mood) {
        *self.0.lock().unwrap() = (series, mood);
    }
}

impl Collector for Shown {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let (series, mood) = self.0.lock().unwrap().clone();
        for (name, (label, value)) in series {
            visitor.family(&Descriptor::try_new(name, "Help.", MetricType::Gauge)?)?;
            let labels = LabelSet::try_from_pairs(&[(label, &*value)])?;
            visitor.point(SeriesLabels::of(&labels), GaugePoint::new(1.0).into())?;
        }
        match mood {
            Mood::Well => Ok(()),
            Mood::Fails => Err(CollectError::failed("no source")),
            Mood::Panics => unreachable!("on purpose"),
        }
    }
}

#[test]
fn a_series_that_is_removed_ends_once_with_the_next_collection() {
    for version in VERSIONS {
        let receiver = receiver();
        let registry = MetricsRegistry::new();
        let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap();
        jobs.get_or_create(&[("queue", "mail")]).inc();
        jobs.get_or_create(&[("queue", "print")]).inc();
        let pusher = start(registry, bare(&receiver).with_version(version));
        assert!(jobs.remove(&[("queue", "mail")]));
        let series = flushed(&pusher, &receiver);
        assert_eq!(ended(&series, "queue"), ["mail"]);
        assert_eq!(series.len(), 2);
        assert_eq!(series[0].timestamp, series[1].timestamp, "as of the time of this collection");
        let marker = series.iter().find(|one| one.is_stale()).unwrap();
        assert_eq!((marker.name(), marker.created, &*marker.labels["job"]), ("jobs_total", 0, "shop"));
        assert!(marker.exemplars.is_empty());
        assert_eq!(marker.metadata.clone().unwrap().1, "Jobs.");
        for _ in 0..2 {
            let series = flushed(&pusher, &receiver);
            assert_eq!((ended(&series, "queue").len(), series.len()), (0, 1), "once");
        }
        // The last one of its family, and a family.
        assert!(jobs.remove(&[("queue", "print")]));
        assert_eq!(ended(&flushed(&pusher, &receiver), "queue"), ["print"]);
        assert_eq!(flushed(&pusher, &receiver), []);
        // One that comes back ends again.
        jobs.get_or_create(&[("queue", "mail")]).inc();
        assert_eq!(labels(&flushed(&pusher, &receiver), false).len(), 1);
        assert!(jobs.remove(&[("queue", "mail")]));
        assert_eq!(ended(&flushed(&pusher, &receiver), "queue"), ["mail"]);
    }
}

#[test]
fn a_series_that_expires_ends() {
    for version in VERSIONS {
        let receiver = receiver();
        let clock = ManualClock::new(SystemTime::now());
        let config = RegistryConfig::new().with_clock(&clock).with_expire_after(Duration::from_mins(1));
        let registry = MetricsRegistry::with_config(config);
        let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap();
        jobs.get_or_create(&[("queue", "mail")]).inc();
        let print = jobs.get_or_create(&[("queue", "print")]);
        let pusher = start(registry, bare(&receiver).with_version(version));
        let mut all = Vec::new();
        for _ in 0..4 {
            clock.advance(Duration::from_secs(40));
            print.inc();
            all.extend(ended(&flushed(&pusher, &receiver), "queue"));
        }
        assert_eq!(all, ["mail"]);
    }
}

#[test]
fn a_series_that_is_removed_and_comes_back_within_an_interval_has_not_ended() {
    for version in VERSIONS {
        let receiver = receiver();
        let registry = MetricsRegistry::new();
        let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap();
        jobs.get_or_create(&[("queue", "mail")]).inc_by(5);
        let pusher = start(registry.clone(), bare(&receiver).with_version(version));
        assert!(jobs.remove(&[("queue", "mail")]));
        jobs.get_or_create(&[("queue", "mail")]).inc();
        let series = flushed(&pusher, &receiver);
        assert_eq!((series.len(), series[0].value), (1, Some(1.0)));
        // As another kind, too: it is by its labels that a series is what it is.
        assert!(registry.unregister("jobs_total"));
        registry.register_gauge("jobs_total", "?").unwrap().get_or_create(&[("queue", "mail")]).set(2.0);
        let series = flushed(&pusher, &receiver);
        assert_eq!((series.len(), series[0].value), (1, Some(2.0)));
    }
}

#[test]
fn a_collection_that_failed_says_of_no_series_that_it_has_ended() {
    for version in VERSIONS {
        for mood in [Mood::Fails, Mood::Panics] {
            let receiver = receiver();
            let shown = Shown::default();
            shown.show(&["a", "b", "c"], Mood::Well);
            let pusher = start(shown.clone(), bare(&receiver).with_version(version));
            for series in [&[][..], &["a", "new"]] {
                shown.show(series, mood);
                let before = receiver.requests().len();
                flush(&pusher).unwrap_err();
                let requests = &receiver.requests()[before..];
                let sent: Vec<Series> = requests.iter().flat_map(|one| Written::read(one).series).collect();
                assert_eq!(labels(&sent, true), []);
            }
            // What was shown for the first time by the one that failed is known as well.
            shown.show(&["b"], Mood::Well);
            assert_eq!(ended(&flushed(&pusher, &receiver), "id"), ["a", "c", "new"]);
            assert_eq!(flushed(&pusher, &receiver).len(), 1);
        }
    }
}

#[test]
fn all_samples_of_every_kind_end_and_so_do_native_histograms() {
    /// Shows every kind, or nothing.
    #[derive(Clone)]
    struct Some(Arc<Mutex<bool>>);
    impl Collector for Some {
        fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
            if *self.0.lock().unwrap() { EveryKind::now().collect(visitor) } else { Ok(()) }
        }
    }
    for version in VERSIONS {
        for native in [NativeHistograms::Always, NativeHistograms::Version2, NativeHistograms::Never] {
            let receiver = receiver();
            let shown = Some(Arc::new(Mutex::new(true)));
            let config = bare(&receiver).with_version(version).with_native_histograms(native);
            let pusher = start(shown.clone(), config);
            let values = flushed(&pusher, &receiver);
            *shown.0.lock().unwrap() = false;
            let markers = flushed(&pusher, &receiver);
            assert!(values.iter().all(|one| !one.is_stale()));
            assert!(markers.iter().all(|one| one.is_stale() && one.exemplars.is_empty() && one.created == 0));
            assert_eq!(labels(&values, false), labels(&markers, true));
            for (value, marker) in values.iter().zip(&markers) {
                assert_eq!(value.metadata, marker.metadata);
                assert_eq!(value.histogram.is_some(), marker.histogram.is_some());
                if let Option::Some(histogram) = &marker.histogram {
                    assert_eq!((histogram.count_int, histogram.positive_spans.len()), (Option::Some(0), 0));
                }
            }
            assert_eq!(flushed(&pusher, &receiver), []);
            let sent = receiver.requests().len();
            pusher.shutdown_blocking(LONG).unwrap();
            assert_eq!(receiver.requests().len(), sent, "a shutdown has nothing left to end");
        }
    }
}

#[test]
fn series_are_told_apart_by_all_of_their_labels() {
    let receiver = receiver();
    let shown = Shown::default();
    // Alike but for where one text ends and the next one begins, or for which is which.
    let gauge = |name, label, value: &str| (name, (label, value.to_owned()));
    let all = vec![
        gauge("ab", "c", "d"),
        gauge("a", "bc", "d"),
        gauge("a", "b", "cd"),
        gauge("ab", "d", "c"),
        gauge("c", "ab", "d"),
    ];
    shown.show_all(all.clone(), Mood::Well);
    let pusher = start(shown.clone(), bare(&receiver));
    for (index, gone) in all.iter().enumerate() {
        shown.show_all(all[index + 1..].to_vec(), Mood::Well);
        let labels = labels(&flushed(&pusher, &receiver), true);
        assert_eq!(labels.len(), 1, "{gone:?}");
        assert_eq!((&*labels[0]["__name__"], &labels[0][gone.1.0]), (gone.0, &gone.1.1));
    }
}

#[test]
fn of_many_series_that_come_and_go_each_ends_that_is_gone() {
    let receiver = receiver();
    let shown = Shown::default();
    let names: Vec<String> = (0..500).map(|id| format!("{id:03}")).collect();
    let pusher = start(shown.clone(), bare(&receiver).with_request_series(64));
    let mut before: Vec<&str> = Vec::new();
    for round in 1..12_usize {
        let now: Vec<&str> =
            names.iter().enumerate().filter(|(id, _)| id * 7 % round < 2).map(|(_, name)| &**name).collect();
        shown.show(&now, Mood::Well);
        let series = flushed(&pusher, &receiver);
        let mut gone = ended(&series, "id");
        gone.sort_unstable();
        let expected: Vec<&str> = before.iter().copied().filter(|name| !now.contains(name)).collect();
        assert_eq!(gone, expected, "{round}");
        assert_eq!(labels(&series, false).len(), now.len());
        before = now;
    }
}

#[test]
fn nobody_is_told_of_an_end_where_the_configuration_says_so_and_by_single_pushes() {
    let receiver = receiver();
    let registry = MetricsRegistry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap();
    let mail = || jobs.get_or_create(&[("queue", "mail")]).inc();
    mail();
    let pusher = start(registry.clone(), bare(&receiver).with_staleness_markers(false));
    jobs.remove(&[("queue", "mail")]);
    assert_eq!(flushed(&pusher, &receiver), []);
    mail();
    let writer = RemoteWrite::new(registry, bare(&receiver));
    assert_eq!(writer.push_blocking().unwrap().points(), 1);
    jobs.remove(&[("queue", "mail")]);
    assert_eq!(writer.push_blocking().unwrap(), PushReport::default());
}
