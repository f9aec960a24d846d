//! What becomes of what libraries record through the facade `metrics`.

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, SystemTime};

use metrics::{Key, Label, Recorder as _, Unit, counter, gauge, histogram, with_local_recorder};
use nilometer::facade::{FacadeError, FacadeRecorder};
use nilometer::name::EscapingScheme;
use nilometer::prometheus::{Exposition, Format};
use nilometer::test_util::parse_page;
use nilometer::{
    Counter, Gauge, ManualClock, MetricsRegistry, PrometheusRenderer, RegistryConfig, assert_metric,
    assert_no_metric,
};

const UNSUPPORTED: &str = "nilometer_facade_unsupported_total";

fn recorder() -> (MetricsRegistry, FacadeRecorder) {
    let registry = MetricsRegistry::new();
    let recorder = FacadeRecorder::try_new(&registry).expect("a new registry has no recorder");
    (registry, recorder)
}

#[test]
fn every_operation_lands_in_the_registry() {
    let (registry, recorder) = recorder();
    with_local_recorder(&recorder, || {
        metrics::describe_counter!("jobs.done", Unit::Count, "Jobs done.");
        metrics::describe_gauge!("temperature_celsius", "How warm it is.");
        metrics::describe_histogram!("wait_seconds", Unit::Seconds, "Time waited.");
        counter!("jobs.done", "queue" => "mail").increment(3);
        counter!("jobs.done", "queue" => "mail").absolute(7);
        counter!("jobs.done", "queue" => "mail").absolute(5);
        gauge!("temperature_celsius").set(20.0);
        gauge!("temperature_celsius").increment(2.5);
        gauge!("temperature_celsius").decrement(1.0);
        histogram!("wait_seconds").record(0.02);
        histogram!("wait_seconds").record(Duration::from_millis(300));
        histogram!("wait_seconds").record_many(2.0, 3);
        histogram!("wait_seconds").record(f64::NAN);
    });
    let expected = "\
# HELP jobs_done Jobs done.
# TYPE jobs_done counter
jobs_done{queue=\"mail\"} 7
# HELP temperature_celsius How warm it is.
# TYPE temperature_celsius gauge
temperature_celsius 21.5
# HELP wait_seconds Time waited.
# TYPE wait_seconds histogram
wait_seconds_bucket{le=\"0.005\"} 0
wait_seconds_bucket{le=\"0.01\"} 0
wait_seconds_bucket{le=\"0.025\"} 1
wait_seconds_bucket{le=\"0.05\"} 1
wait_seconds_bucket{le=\"0.1\"} 1
wait_seconds_bucket{le=\"0.25\"} 1
wait_seconds_bucket{le=\"0.5\"} 2
wait_seconds_bucket{le=\"1.0\"} 2
wait_seconds_bucket{le=\"2.5\"} 5
wait_seconds_bucket{le=\"5.0\"} 5
wait_seconds_bucket{le=\"10.0\"} 5
wait_seconds_bucket{le=\"+Inf\"} 5
wait_seconds_sum 6.32
wait_seconds_count 5
";
    let page = PrometheusRenderer::render_all(&registry);
    assert_eq!(page.split("# HELP nilometer").next(), Some(expected));
    assert_metric!(registry, "nilometer_odd_observations_total", { family = "wait_seconds", reason = "nan" } == 1);
}

#[test]
fn a_description_that_comes_late_is_the_help_and_another_is_counted() {
    let (registry, recorder) = recorder();
    with_local_recorder(&recorder, || {
        counter!("jobs").increment(1);
        metrics::describe_counter!("jobs", "Jobs done.");
        metrics::describe_counter!("jobs", "Jobs done.");
        metrics::describe_counter!("jobs", "Other jobs.");
    });
    let page = parse_page(&PrometheusRenderer::render_all(&registry)).unwrap();
    assert_eq!(page.family("jobs").and_then(|family| family.help()), Some("Jobs done."));
    assert_metric!(registry, UNSUPPORTED, { metric = "jobs", reason = "description" } == 1);
}

#[test]
fn a_unit_that_comes_late_changes_no_name_and_is_counted() {
    let registry = MetricsRegistry::new();
    let recorder = FacadeRecorder::builder(&registry).with_suffixes(true).build().unwrap();
    with_local_recorder(&recorder, || {
        metrics::describe_histogram!("size", Unit::Bytes, "");
        histogram!("size").record(1.0);
        histogram!("wait").record(1.0);
        metrics::describe_histogram!("wait", Unit::Seconds, "Time waited.");
        counter!("jobs").increment(1);
        gauge!("free_bytes").set(1.0);
        metrics::describe_gauge!("free_bytes", Unit::Bytes, "");
    });
    assert_no_metric!(registry, UNSUPPORTED, { metric = "free_bytes", reason = "unit" });
    let free = registry.family::<Gauge>("free_bytes", "").with_unit(nilometer::Unit::BYTES).register();
    assert!(free.is_ok(), "{free:?}");
    assert_metric!(registry, "size_bytes_count" == 1);
    assert_metric!(registry, "wait_count" == 1);
    assert_metric!(registry, "jobs_total" == 1);
    assert_metric!(registry, UNSUPPORTED, { metric = "wait", reason = "unit" } == 1);
}

#[test]
fn names_that_become_one_are_kept_apart_or_the_second_is_refused_by_name() {
    let record = |recorder: &FacadeRecorder| {
        with_local_recorder(recorder, || {
            counter!("a.b").increment(1);
            counter!("a_b").increment(20);
            counter!("a_b").increment(20);
            counter!("a.b").increment(1);
        });
    };
    let (registry, first) = recorder();
    record(&first);
    assert_metric!(registry, "a_b" == 2);
    assert_metric!(registry, UNSUPPORTED, { metric = "a_b", reason = "conflict" } == 1);
    assert_metric!(registry, UNSUPPORTED, { metric = "a_b", reason = "dropped" } == 2);

    let registry = MetricsRegistry::new();
    record(&FacadeRecorder::builder(&registry).with_escaping(EscapingScheme::Values).build().unwrap());
    assert_metric!(registry, "U__a_2e_b" == 2);
    assert_metric!(registry, "a_b" == 40);

    // Where names are UTF-8, the registry refuses those that are one for readers of classic names.
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_utf8_names(true));
    record(&FacadeRecorder::try_new(&registry).unwrap());
    assert_metric!(registry, "a.b" == 2);
    assert_metric!(registry, UNSUPPORTED, { metric = "a_b", reason = "conflict" } == 1);
}

#[test]
fn a_name_has_one_kind() {
    let (registry, recorder) = recorder();
    with_local_recorder(&recorder, || {
        counter!("x").increment(1);
        gauge!("x").set(5.0);
        histogram!("x").record(5.0);
    });
    assert_metric!(registry, "x" == 1);
    assert_metric!(registry, UNSUPPORTED, { metric = "x", reason = "conflict" } == 2);
    assert_metric!(registry, UNSUPPORTED, { metric = "x", reason = "dropped" } == 2);
}

#[test]
fn what_the_registry_does_not_take_does_nothing_and_is_counted() {
    let (registry, recorder) = recorder();
    registry.register_counter("taken", "The program's own.").unwrap().default().inc();
    registry.register_gauge("level", "").unwrap().default().set(1.0);
    with_local_recorder(&recorder, || {
        counter!("").increment(1);
        counter!("taken").increment(1);
        counter!("level").increment(1);
        counter!("nilometer_overflow_total").increment(1);
    });
    // The same but for its help: it is shared.
    assert_metric!(registry, "taken" == 2);
    assert_metric!(registry, "level" == 1);
    for (metric, reason) in
        [("(empty)", "name"), ("level", "conflict"), ("nilometer_overflow_total", "conflict")]
    {
        assert_metric!(registry, UNSUPPORTED, { metric = metric, reason = reason } == 1);
    }
}

#[test]
fn a_gauge_that_is_changed_by_no_number_stays_and_one_that_is_set_to_it_shows_it() {
    let (registry, recorder) = recorder();
    with_local_recorder(&recorder, || {
        gauge!("level").set(1.0);
        gauge!("level").increment(f64::NAN);
        gauge!("level").decrement(f64::INFINITY);
        gauge!("unknown").set(f64::NAN);
    });
    assert_metric!(registry, "level" == 1);
    assert_metric!(registry, "unknown" == f64::NAN);
    assert_metric!(registry, UNSUPPORTED, { metric = "level", reason = "change" } == 2);
}

#[test]
fn one_name_can_have_any_sets_of_labels() {
    let (registry, recorder) = recorder();
    with_local_recorder(&recorder, || {
        histogram!("wait").record(1.0);
        histogram!("wait", "a" => "1").record(1.0);
        histogram!("wait", "b.c" => "2", "a" => "1").record(1.0);
        histogram!("wait", "a" => "1", "b.c" => "2").record(1.0);
        counter!("twice", "a" => "1", "a" => "2").increment(1);
        counter!("twice", "a" => "2", "a" => "1").increment(1);
        counter!("empty", "a" => "").increment(1);
    });
    assert_metric!(registry, "wait_count" == 1);
    assert_metric!(registry, "wait_count", { a = "1" } == 1);
    assert_metric!(registry, "wait_count", { a = "1", b_c = "2" } == 2);
    assert_metric!(registry, "twice", { a = "1;2" } == 2);
    assert_metric!(registry, "empty" == 1);
}

#[test]
fn series_and_names_have_limits() {
    let config = RegistryConfig::new().with_series_limit(10);
    let registry = MetricsRegistry::with_config(config);
    let recorder = FacadeRecorder::builder(&registry).with_name_limit(3).build().unwrap();
    with_local_recorder(&recorder, || {
        for id in 0..100 {
            counter!("requests", "id" => id.to_string()).increment(1);
            counter!("requests", "id" => id.to_string()).increment(1);
        }
        counter!("bad", "le" => "1").increment(1);
        counter!("third").increment(1);
        for id in 0..5 {
            counter!(format!("x{id}")).increment(1);
        }
    });
    assert_metric!(registry, "requests", { nilometer_overflow = "true" } == 180);
    assert_metric!(registry, "bad", { nilometer_overflow = "true" } == 1);
    assert_metric!(registry, "third" == 1);
    assert_no_metric!(registry, "x0");
    assert_metric!(registry, UNSUPPORTED, { metric = "x4", reason = "name_limit" } == 1);
}

#[test]
fn bounds_are_stated_for_names_and_checked() {
    let registry = MetricsRegistry::new();
    let builder = FacadeRecorder::builder(&registry).with_buckets(&[2.0, 1.0]);
    let error = builder.build().unwrap_err();
    assert_eq!(error.to_string(), "invalid bucket bounds for `*`");

    let scope = registry.scope("lib", &[("shard", "7")]);
    let builder = FacadeRecorder::builder(&scope)
        .with_buckets(&[1.0])
        .with_buckets_for("exact", &[2.0])
        .with_buckets_for_prefix("http_", &[3.0])
        .with_buckets_for_suffix("_bytes", &[4.0]);
    let recorder = builder.build().unwrap();
    with_local_recorder(&recorder, || {
        for name in ["other", "exact", "http_wait", "body_bytes"] {
            histogram!(name).record(0.5);
        }
    });
    for (name, le) in [("other", "1"), ("exact", "2"), ("http_wait", "3"), ("body_bytes", "4")] {
        let name = format!("lib_{name}_bucket");
        assert_metric!(registry, &name, { shard = "7", le = le } == 1);
    }
    assert_eq!(FacadeRecorder::try_new(&registry).unwrap_err(), FacadeError::RecorderExists);
}

#[test]
fn series_that_nobody_uses_expire_and_gauges_that_were_changed_stay() {
    let clock = ManualClock::new(SystemTime::UNIX_EPOCH);
    let config = RegistryConfig::new().with_clock(&clock).with_expire_after(Duration::from_mins(1));
    let registry = MetricsRegistry::with_config(config);
    let recorder = FacadeRecorder::try_new(&registry).unwrap();
    let held = with_local_recorder(&recorder, || {
        counter!("idle").increment(5);
        gauge!("set").set(1.0);
        gauge!("in_flight").increment(1.0);
        counter!("held")
    });
    held.increment(1);
    for _ in 0..8 {
        with_local_recorder(&recorder, || counter!("used").increment(1));
        let _ = PrometheusRenderer::render_all(&registry);
        clock.advance(Duration::from_secs(30));
    }
    assert_no_metric!(registry, "idle");
    assert_no_metric!(registry, "set");
    assert_metric!(registry, "in_flight" == 1);
    assert_metric!(registry, "held" == 1);
    assert_metric!(registry, "used" == 8);
    with_local_recorder(&recorder, || {
        gauge!("in_flight").decrement(1.0);
        counter!("idle").increment(2);
    });
    assert_metric!(registry, "in_flight" == 0);
    assert_metric!(registry, "idle" == 2);
    drop(recorder);
    assert_metric!(registry, "idle" == 2);
}

#[test]
fn handles_that_were_asked_for_twice_are_of_one_series() {
    let (registry, recorder) = recorder();
    let metadata = metrics::Metadata::new(module_path!(), metrics::Level::INFO, None);
    let labels = vec![Label::new("a", "1")];
    let owned = Key::from_parts(String::from("jobs"), labels);
    let one = recorder.register_counter(&owned, &metadata);
    let other = recorder.clone().register_counter(&owned.clone(), &metadata);
    one.increment(1);
    other.increment(1);
    assert_metric!(registry, "jobs", { a = "1" } == 2);
    let family = registry.family::<Counter>("jobs", "").register().unwrap();
    assert_eq!(family.len(), 1);
}

#[test]
fn two_libraries_that_record_from_threads_lose_nothing() {
    const THREADS: u64 = 4;
    const ROUNDS: u64 = 2_000;
    let (registry, recorder) = recorder();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let recorder = &recorder;
            scope.spawn(move || {
                with_local_recorder(recorder, || {
                    for round in 0..ROUNDS {
                        counter!("client.requests", "thread" => thread.to_string()).increment(1);
                        counter!("pool.checkouts", "pool" => "main").increment(2);
                        gauge!("pool.open").increment(1.0);
                        histogram!("client.wait_seconds").record(0.5);
                        counter!("synced").absolute(round);
                        gauge!("pool.open").decrement(1.0);
                    }
                });
            });
        }
        for _ in 0..20 {
            parse_page(&PrometheusRenderer::render_all(&registry)).unwrap();
        }
    });
    assert_metric!(registry, "pool_checkouts", { pool = "main" } == 2 * THREADS * ROUNDS);
    for thread in 0..THREADS {
        assert_metric!(registry, "client_requests", { thread = &thread.to_string() } == ROUNDS);
    }
    assert_metric!(registry, "pool_open" == 0);
    assert_metric!(registry, "client_wait_seconds_count" == THREADS * ROUNDS);
    assert_metric!(registry, "synced" == ROUNDS - 1);
}

#[test]
fn labels_that_clients_choose_make_no_page_that_does_not_parse() {
    let registry = MetricsRegistry::new();
    let scope = registry.scope("", &[("shard", "7")]);
    let recorder = FacadeRecorder::try_new(&scope).unwrap();
    let long = "x".repeat(2_000);
    let names = [
        "__name__",
        "le",
        "quantile",
        "nilometer_overflow",
        "nilometer.overflow",
        "",
        "shard",
        "sh\0ard",
        "a=\"1\",b",
        "é",
        "_.",
        "9",
        "\n",
        "a:b",
    ];
    with_local_recorder(&recorder, || {
        for name in names {
            for value in ["1", "\n# EOF\n", "\\\"", &long] {
                counter!("counted", name => value.to_owned()).increment(1);
                histogram!("wait_seconds", name => value.to_owned()).record(1.0);
                gauge!("level", name => value.to_owned()).set(1.0);
            }
        }
        let many: Vec<Label> = (0..40).map(|id| Label::new(format!("l{id}"), "1")).collect();
        counter!("counted", many).increment(1);
        for name in ["", ".", "_", "9", "\n", "é", "a\n# TYPE b counter\nb"] {
            counter!(name).increment(1);
        }
    });
    let page = PrometheusRenderer::render_all(&registry);
    parse_page(&page).unwrap();
    let mut seen = HashSet::new();
    let mut total = 0;
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(seen.insert(series.to_owned()), "twice: {series}");
        assert!(series.matches("shard=").count() <= 1, "{series}");
        if series.starts_with("counted{") {
            total += value.parse::<usize>().unwrap();
        }
    }
    assert_eq!(total, names.len() * 4 + 1, "{page}");
}

#[test]
fn a_macro_that_comes_first_has_the_family_and_what_states_more_is_refused() {
    let (registry, recorder) = recorder();
    with_local_recorder(&recorder, || counter!("orders_total").increment(1));
    assert!(registry.register_counter("orders_total", "Orders taken.").is_err());
    with_local_recorder(&recorder, || metrics::describe_counter!("orders_total", "Orders taken."));
    registry.register_counter("orders_total", "Orders taken.").unwrap().default().inc();
    assert_metric!(registry, "orders_total" == 2);
}

#[test]
fn a_counter_that_threads_raise_ends_at_the_highest_value() {
    let (registry, recorder) = recorder();
    thread::scope(|scope| {
        for part in 0..4 {
            let recorder = &recorder;
            scope.spawn(move || {
                with_local_recorder(recorder, || {
                    for value in 0..=2_000 {
                        counter!("seen").absolute(value * 4 + part);
                    }
                });
            });
        }
        for _ in 0..20 {
            let _ = PrometheusRenderer::render_all(&registry);
        }
    });
    assert_metric!(registry, "seen" == 8_003);
}

#[test]
fn a_counter_without_the_suffix_keeps_its_name_in_open_metrics_and_is_unknown_there() {
    let (registry, recorder) = recorder();
    with_local_recorder(&recorder, || {
        counter!("jobs").increment(1);
        counter!("orders_total").increment(1);
    });
    let page = PrometheusRenderer::render_as(&registry, Exposition::new(Format::OpenMetrics)).unwrap();
    let expected = "\
# HELP jobs \n\
# TYPE jobs unknown
jobs 1
# HELP orders \n\
# TYPE orders counter
orders_total 1
# EOF
";
    assert_eq!(String::from_utf8(page).unwrap(), expected);
}

#[test]
fn a_key_keeps_its_series_though_the_program_removes_it() {
    let (registry, recorder) = recorder();
    let record = || with_local_recorder(&recorder, || counter!("jobs", "queue" => "mail").increment(1));
    record();
    let family = registry.family::<Counter>("jobs", "").register().unwrap();
    assert!(family.remove(&[("queue", "mail")]));
    record();
    assert_no_metric!(registry, "jobs", { queue = "mail" });
    with_local_recorder(&recorder, || counter!("jobs", "queue" => "print").increment(1));
    assert_metric!(registry, "jobs", { queue = "print" } == 1);
}

#[test]
fn what_is_described_and_recorded_and_read_at_once_is_one_family_with_one_help() {
    const NAMES: usize = 50;
    let (registry, recorder) = recorder();
    thread::scope(|scope| {
        for library in ["One.", "Other."] {
            let recorder = &recorder;
            scope.spawn(move || {
                with_local_recorder(recorder, || {
                    for id in 0..NAMES {
                        let name = format!("wait{id}_seconds");
                        metrics::describe_gauge!(name.clone(), Unit::Seconds, library);
                        gauge!(name.clone()).increment(1.0);
                        metrics::describe_gauge!(name, Unit::Seconds, library);
                    }
                });
            });
        }
        for _ in 0..20 {
            parse_page(&PrometheusRenderer::render_all(&registry)).unwrap();
        }
    });
    let page = PrometheusRenderer::render_as(&registry, Exposition::new(Format::OpenMetrics)).unwrap();
    let page = String::from_utf8(page).unwrap();
    for id in 0..NAMES {
        let name = format!("wait{id}_seconds");
        assert_metric!(registry, &name, {} == 2);
        let helps = ["One.", "Other."].map(|help| page.matches(&format!("# HELP {name} {help}\n")).count());
        assert_eq!(helps.iter().sum::<usize>(), 1, "{name}");
        assert_eq!(page.matches(&format!("# UNIT {name} seconds\n")).count(), 1, "{name}");
    }
}
