//! Recording after `main`, in what the C library calls when a process exits: the thread's destructors have run by then.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]
#![expect(clippy::print_stdout, reason = "how a process that exits tells another one")]

use std::env;
use std::ffi::c_int;
use std::process::{self, Command};
use std::sync::OnceLock;

use nilometer_core::{
    Counter, CounterFamily, Gauge, Histogram, Labels, StaticCounter, StaticHistogram, UpDownCounter,
};

/// Set for the process that exits.
const CHILD: &str = "NILOMETER_TEST_EXITS";

/// What the child prints when everything was counted.
const COUNTED: &str = "all was counted";

static BEFORE_AND_AFTER: StaticCounter = StaticCounter::new("before_and_after_total", "B.");
static AFTER: StaticCounter = StaticCounter::new("after_total", "A.");
static SECONDS: StaticHistogram = StaticHistogram::new("s_seconds", "S.", &[1.0]);

struct Metrics {
    counter: Counter,
    up_down: UpDownCounter,
    gauge: Gauge,
    histogram: Histogram,
    family: CounterFamily,
}

impl Metrics {
    fn record(&self) {
        BEFORE_AND_AFTER.inc();
        SECONDS.observe(0.5);
        self.counter.inc();
        self.up_down.add(-3);
        self.gauge.set(1.5);
        self.histogram.observe(0.5);
        self.family.with(&[("v", "1")], Counter::inc);
        self.family.get_or_create(&[("v", "1")]).inc();
    }

    fn is_counted(&self, times: u32) -> bool {
        let count = u64::from(times);
        BEFORE_AND_AFTER.get() == count
            && SECONDS.snapshot().count() == count
            && self.counter.get() == count
            && self.up_down.get() == -3 * i64::from(times)
            && self.histogram.snapshot().sum().to_bits() == (f64::from(times) * 0.5).to_bits()
            && self.family.get_or_create(&[("v", "1")]).get() == 2 * count
    }
}

static METRICS: OnceLock<Metrics> = OnceLock::new();

unsafe extern "C" {
    safe fn atexit(call: extern "C" fn()) -> c_int;
}

extern "C" fn record_after_main() {
    AFTER.inc();
    let metrics = METRICS.get().unwrap();
    metrics.record();
    // Series that are made now, too.
    metrics.family.with(&[("v", "2")], Counter::inc);
    let new = Counter::new("new_total", "N.", Labels::empty());
    new.inc();
    let is_new_counted = metrics.family.get_or_create(&[("v", "2")]).get() == 1 && new.get() == 1;
    if AFTER.get() == 1 && is_new_counted && metrics.is_counted(2) {
        println!("{COUNTED}");
    }
}

#[test]
fn what_is_recorded_after_main_is_counted() {
    if env::var_os(CHILD).is_some() {
        let metrics = METRICS.get_or_init(|| Metrics {
            counter: Counter::new("c_total", "C.", Labels::empty()),
            up_down: UpDownCounter::new("u", "U.", Labels::empty()),
            gauge: Gauge::new("g", "G.", Labels::empty()),
            histogram: Histogram::try_new("h", "H.", Labels::empty(), &[1.0]).unwrap(),
            family: CounterFamily::new("f_total", "F."),
        });
        metrics.record();
        assert!(metrics.is_counted(1));
        assert_eq!(atexit(record_after_main), 0);
        // Runs the destructors of this thread's thread-locals, and then what was given to `atexit`, on this thread.
        process::exit(0);
    }
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "what_is_recorded_after_main_is_counted", "--nocapture"]).env(CHILD, "1");
    let output = child.output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && printed.contains(COUNTED), "{}: {printed}", output.status);
}
