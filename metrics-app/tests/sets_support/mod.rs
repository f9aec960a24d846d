//! What the tests of metric sets share: what a collector shows, and tests that have a process to themselves.

#![allow(dead_code, reason = "each test file takes a part of it")]

use std::env;
use std::process::Command;
use std::time::{Duration, Instant};

use nilometer::MetricType;
use nilometer::collect::{
    Collector, CounterPoint, Descriptor, GaugePoint, Number, Point, SeriesLabels, Stopped, Visitor,
};

/// One series that was shown.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) kind: MetricType,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) number: Option<Number>,
    pub(crate) created: Option<std::time::SystemTime>,
}

/// All that a collector shows in one collection.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) families: Vec<Descriptor>,
    pub(crate) series: Vec<Shown>,
}

impl Page {
    pub(crate) fn of(collector: &dyn Collector) -> Page {
        let mut page = Page::default();
        collector.collect(&mut page).unwrap();
        page
    }

    pub(crate) fn find(&self, name: &str, labels: &[(&str, &str)]) -> Option<&Shown> {
        let is_wanted = |shown: &&Shown| {
            let own = shown.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            shown.name == name && own.eq(labels.iter().copied())
        };
        self.series.iter().find(is_wanted)
    }

    /// The value of the one series of this name and these labels, which are in the order of their names.
    pub(crate) fn number_of(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let shown = self.find(name, labels).unwrap_or_else(|| panic!("no {name}{labels:?} in {self:?}"));
        shown.number.unwrap().as_f64()
    }

    pub(crate) fn number(&self, name: &str) -> f64 {
        self.number_of(name, &[])
    }

    /// A value that is counted in whole numbers.
    pub(crate) fn count(&self, name: &str) -> u64 {
        match self.find(name, &[]).and_then(|shown| shown.number) {
            Some(Number::U64(number)) => number,
            other => panic!("{name} is {other:?}"),
        }
    }
}

impl Visitor for Page {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        self.families.push(descriptor.clone());
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        let family = self.families.last().unwrap();
        let labels = labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (number, created) = match point {
            Point::Counter(point) => (Some(CounterPoint::total(&point)), point.created()),
            Point::Gauge(point) => (Some(GaugePoint::value(&point)), None),
            _ => (None, None),
        };
        let (name, kind) = (family.name().to_owned(), point.metric_type());
        self.series.push(Shown { name, kind, labels: labels.collect(), number, created });
        Ok(())
    }
}

/// Runs a test in a process in which nothing else runs: this program again, with that test alone, on its main thread.
///
/// `test` is the test's own name.
pub(crate) fn alone(test: &str, body: impl FnOnce()) {
    alone_under(test, |program| Command::new(program), body);
}

/// The same, in a process that `command` starts; arguments follow.
pub(crate) fn alone_under(
    test: &str,
    command: impl FnOnce(std::path::PathBuf) -> Command,
    body: impl FnOnce(),
) {
    const ALONE: &str = "NILOMETER_TEST_ALONE";
    if env::var(ALONE).is_ok_and(|name| name == test) {
        return body();
    }
    let mut command = command(env::current_exe().unwrap());
    command.args(["--exact", test, "--test-threads=1", "--nocapture", "--include-ignored"]).env(ALONE, test);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    for line in said.lines().filter(|line| line.contains(" µs")) {
        println!("{line}");
    }
}

/// Asks until it is true, for ten seconds.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < deadline, "after ten seconds: {what}");
        std::thread::yield_now();
    }
}

/// The middle of how long `work` takes, in microseconds.
pub(crate) fn microseconds(times: usize, mut work: impl FnMut()) -> f64 {
    let mut took: Vec<Duration> = (0..times)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    took.sort_unstable();
    took[times / 2].as_secs_f64() * 1e6
}
