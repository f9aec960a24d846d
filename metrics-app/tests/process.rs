//! The metrics of the process, beside `/proc`, which is read here by code of its own, and beside work that is known.

#![cfg(all(feature = "process", target_os = "linux"))]

mod sets_support;

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nilometer::process::ProcessCollector;
use nilometer::{MetricType, MetricsRegistry};

use self::sets_support::{Page, alone, alone_under, microseconds};

const MIB: u64 = 1 << 20;

/// What `getconf CLK_TCK` says on every system that Linux runs on today.
const TICKS_PER_SECOND: f64 = 100.0;

fn page() -> Page {
    Page::of(&ProcessCollector::new())
}

/// A field of a `stat` file, by its number in `proc_pid_stat(5)`, for a program whose name has no space.
fn stat_field(path: &str, number: usize) -> u64 {
    let stat = fs::read_to_string(path).unwrap();
    stat.split(' ').nth(number - 1).unwrap().trim().parse().unwrap()
}

/// A number of a file of lines `name: number`, or `name: number kB`.
fn line_of(path: &str, name: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[track_caller]
fn assert_near(value: f64, expected: f64, slack: f64) {
    assert!((value - expected).abs() <= slack, "{value} is not {expected}, give or take {slack}");
}

#[test]
fn all_families_are_there_on_linux() {
    let page = page();
    let shown: Vec<(&str, MetricType)> =
        page.series.iter().map(|shown| (shown.name.as_str(), shown.kind)).collect();
    let expected = [
        ("process_cpu_seconds_total", MetricType::Counter),
        ("process_resident_memory_bytes", MetricType::Gauge),
        ("process_virtual_memory_bytes", MetricType::Gauge),
        ("process_virtual_memory_max_bytes", MetricType::Gauge),
        ("process_open_fds", MetricType::Gauge),
        ("process_max_fds", MetricType::Gauge),
        ("process_threads", MetricType::Gauge),
        ("process_start_time_seconds", MetricType::Gauge),
        ("process_io_read_bytes_total", MetricType::Counter),
        ("process_io_written_bytes_total", MetricType::Counter),
        ("process_disk_read_bytes_total", MetricType::Counter),
        ("process_disk_written_bytes_total", MetricType::Counter),
        ("process_network_receive_bytes_total", MetricType::Counter),
        ("process_network_transmit_bytes_total", MetricType::Counter),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn a_second_of_work_is_a_second_of_cpu() {
    alone("a_second_of_work_is_a_second_of_cpu", || {
        let thread_ticks = || {
            let ticks = stat_field("/proc/thread-self/stat", 14) + stat_field("/proc/thread-self/stat", 15);
            Duration::from_millis(ticks * 10).as_secs_f64()
        };
        let (before, started) = (page().number("process_cpu_seconds_total"), thread_ticks());
        let mut number = 1_u64;
        while thread_ticks() - started < 1.0 {
            for _ in 0..1_000_000 {
                number = black_box(number).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            }
        }
        let worked = thread_ticks() - started;
        let after = page().number("process_cpu_seconds_total");
        assert_near(after - before, worked, 0.1 * worked);
        assert!((after * TICKS_PER_SECOND).fract() != 0.0, "{after} has no fraction of a tick");
    });
}

#[test]
fn the_cpu_time_of_a_thread_that_has_ended_stays() {
    alone("the_cpu_time_of_a_thread_that_has_ended_stays", || {
        let before = page().number("process_cpu_seconds_total");
        let ticks = || stat_field("/proc/thread-self/stat", 14) + stat_field("/proc/thread-self/stat", 15);
        let work = move || while ticks() < 20 {};
        thread::spawn(work).join().unwrap();
        let after = page().number("process_cpu_seconds_total");
        assert!(after - before > 0.18, "{before} {after}");
    });
}

#[test]
fn the_cpu_counter_never_falls() {
    alone("the_cpu_counter_never_falls", || {
        let collectors = [ProcessCollector::new(), ProcessCollector::new()];
        thread::scope(|scope| {
            for index in 0..4 {
                let collector = &collectors[index % 2];
                scope.spawn(move || {
                    let mut last = 0.0;
                    for _ in 0..500 {
                        thread::spawn(|| black_box(vec![1_u8; 4096])).join().unwrap();
                        let total = Page::of(collector).number("process_cpu_seconds_total");
                        assert!(total >= last, "{total} after {last}");
                        last = total;
                    }
                });
            }
        });
    });
}

#[test]
fn files_that_are_opened_count_exactly() {
    alone("files_that_are_opened_count_exactly", || {
        // The listing has a descriptor too.
        let listed = || fs::read_dir("/proc/self/fd").unwrap().count() - 1;
        let before = page().count_of_gauge("process_open_fds");
        assert_eq!(before, listed());
        let files: Vec<File> = (0..37).map(|_| File::open("/proc/self/stat").unwrap()).collect();
        assert_eq!(page().count_of_gauge("process_open_fds"), before + 37);
        drop(files);
        assert_eq!(page().count_of_gauge("process_open_fds"), before);
    });
}

#[test]
fn memory_that_is_touched_is_resident() {
    alone("memory_that_is_touched_is_resident", || {
        #[expect(clippy::cast_precision_loss, reason = "sizes of some MiB")]
        let exact = || line_of("/proc/self/smaps_rollup", "Rss") as f64 * 1024.0;
        let before = page();
        let memory = black_box(vec![1_u8; 64 << 20]);
        let after = page();
        // The kernel may not have added up what each processor counts.
        let slack = 2.0 * 1024.0 * 1024.0;
        let grown = |name: &str| after.number(name) - before.number(name);
        assert_near(grown("process_resident_memory_bytes"), 64.0 * 1024.0 * 1024.0, slack);
        assert_near(grown("process_virtual_memory_bytes"), 64.0 * 1024.0 * 1024.0, slack);
        assert_near(after.number("process_resident_memory_bytes"), exact(), slack);
        drop(memory);
        assert_near(page().number("process_resident_memory_bytes"), exact(), slack);
        let virtual_size = stat_field("/proc/self/stat", 23).to_string();
        assert_eq!(page().number("process_virtual_memory_bytes").to_string(), virtual_size);
    });
}

#[test]
fn threads_count_exactly() {
    alone("threads_count_exactly", || {
        let before = page().count_of_gauge("process_threads");
        let (begun, end) = (Barrier::new(8), Barrier::new(8));
        thread::scope(|scope| {
            for _ in 0..7 {
                scope.spawn(|| {
                    begun.wait();
                    end.wait();
                });
            }
            begun.wait();
            let now = page().count_of_gauge("process_threads");
            assert_eq!(now, before + 7);
            assert_eq!(now, fs::read_dir("/proc/self/task").unwrap().count());
            end.wait();
        });
    });
}

#[test]
fn bytes_that_are_written_and_read_count() {
    alone("bytes_that_are_written_and_read_count", || {
        let mut file = tempfile::tempfile().unwrap();
        let before = page();
        file.write_all(&vec![7; 3 << 20]).unwrap();
        file.sync_all().unwrap();
        let after = page();
        let grown = |name: &str, before: &Page, after: &Page| after.count(name) - before.count(name);
        assert_eq!(grown("process_io_written_bytes_total", &before, &after), 3 * MIB);
        assert_eq!(after.count("process_disk_written_bytes_total"), line_of("/proc/self/io", "write_bytes"));
        assert_eq!(after.count("process_disk_read_bytes_total"), line_of("/proc/self/io", "read_bytes"));

        std::io::Seek::rewind(&mut file).unwrap();
        let before = page();
        let mut bytes = vec![0; 3 << 20];
        file.read_exact(&mut bytes).unwrap();
        let read = grown("process_io_read_bytes_total", &before, &page());
        // What the collector reads of `/proc` counts too.
        assert!((3 * MIB..3 * MIB + 64 * 1024).contains(&read), "{read}");
    });
}

#[test]
fn bytes_that_go_over_the_network_count() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let before = page();
    let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let receiver = thread::spawn(move || {
        let mut bytes = Vec::new();
        listener.accept().unwrap().0.read_to_end(&mut bytes).unwrap();
        bytes.len()
    });
    sender.write_all(&vec![7; 8 << 20]).unwrap();
    drop(sender);
    assert_eq!(receiver.join().unwrap(), 8 << 20);
    let after = page();
    for name in ["process_network_receive_bytes_total", "process_network_transmit_bytes_total"] {
        // Headers, and whatever else is sent in the namespace.
        assert!(after.count(name) - before.count(name) >= 8 * MIB, "{name}");
    }
}

#[test]
fn the_start_is_when_the_process_was_started() {
    const STARTED_AFTER: &str = "NILOMETER_TEST_STARTED_AFTER";
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let with_time = |program| {
        let mut command = Command::new(program);
        command.env(STARTED_AFTER, now().to_string());
        command
    };
    alone_under("the_start_is_when_the_process_was_started", with_time, || {
        let start = page().number("process_start_time_seconds");
        let after: f64 = std::env::var(STARTED_AFTER).unwrap().parse().unwrap();
        // To a tick; the one in which the process started began before it.
        assert!(start >= after - 0.02 && start <= now() + 0.01, "{after} {start}");

        #[expect(clippy::cast_precision_loss, reason = "ticks since the system was booted")]
        let since_boot = stat_field("/proc/self/stat", 22) as f64 / TICKS_PER_SECOND;
        let stat = fs::read_to_string("/proc/stat").unwrap();
        let booted: f64 = stat.lines().find_map(|line| line.strip_prefix("btime ")).unwrap().parse().unwrap();
        // The time of the boot is told in whole seconds.
        assert_near(start, booted + since_boot, 1.01);
        for _ in 0..100 {
            assert_eq!(page().number("process_start_time_seconds").to_bits(), start.to_bits());
        }
    });
}

#[test]
fn limits_are_those_that_are_set() {
    let limited = |program: std::path::PathBuf| {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -Sn 219 && ulimit -Sv 4000000 && exec \"$0\" \"$@\""]).arg(program);
        command
    };
    alone_under("limits_are_those_that_are_set", limited, || {
        assert_eq!(page().number("process_max_fds").to_string(), "219");
        assert_eq!(page().number("process_virtual_memory_max_bytes").to_string(), "4096000000");
    });
}

#[test]
fn no_limit_is_the_largest_number() {
    let unlimited = |program: std::path::PathBuf| {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -v unlimited && exec \"$0\" \"$@\""]).arg(program);
        command
    };
    alone_under("no_limit_is_the_largest_number", unlimited, || {
        // As Go prints it.
        assert_eq!(
            format!("{:e}", page().number("process_virtual_memory_max_bytes")),
            "1.8446744073709552e19"
        );
    });
}

#[test]
fn counters_began_with_the_process() {
    let page = page();
    let start = Duration::from_secs_f64(page.number("process_start_time_seconds"));
    for shown in page.series.iter().filter(|shown| shown.kind == MetricType::Counter) {
        let began = shown.created.map(|time| time.duration_since(UNIX_EPOCH).unwrap());
        let expected = (!shown.name.contains("network")).then_some(start);
        assert_eq!(began, expected, "{}", shown.name);
    }
}

#[test]
fn a_registry_shows_each_family_once() {
    let registry = MetricsRegistry::new();
    registry.register_collector("process", ProcessCollector::new()).unwrap();
    for _ in 0..2 {
        let page = Page::of(&registry);
        let own = page.series.iter().filter(|shown| shown.name.starts_with("process_"));
        assert_eq!(own.count(), 14);
        let failures = page.series.iter().filter(|shown| {
            shown.name == "nilometer_collector_failures_total" && shown.number.unwrap().as_f64() > 0.0
        });
        assert_eq!(failures.count(), 0);
    }
}

#[test]
fn a_collection_is_cheap() {
    alone("a_collection_is_cheap", || {
        let collector = ProcessCollector::new();
        let took = microseconds(2000, || drop(black_box(Page::of(&collector))));
        println!("one collection of the process: {took:.1} µs");
        // Far from the target, so that a machine that is busy passes; one that lists every process does not.
        assert!(took < 2000.0, "{took}");
    });
}

impl Page {
    fn count_of_gauge(&self, name: &str) -> usize {
        usize::try_from(self.count(name)).unwrap()
    }
}
