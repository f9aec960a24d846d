//! The global registry. One process has one, so that this is one test.

mod common;

use common::page;
use nilometer_core::{
    GlobalError, LabelSet, MetricsError, MetricsRegistry, Registries, RegistryConfig, StaticCounter,
    StaticHistogram, StaticUpDownCounter, global, set_global,
};

static READS: StaticCounter = StaticCounter::new("reads_total", "Reads.");
static OPEN: StaticUpDownCounter = StaticUpDownCounter::new("open", "Open.");
static WAIT: StaticHistogram = StaticHistogram::new("wait", "Wait.", &[1.0]);
static TAKEN: StaticCounter = StaticCounter::new("taken_total", "Taken.");
static UNUSED: StaticCounter = StaticCounter::new("unused_total", "Nobody asks for it.");

#[test]
fn the_global_registry_is_set_once_and_statics_come_onto_it_when_they_ask() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_namespace("app"));
    READS.inc_by(2);
    UNUSED.inc();
    set_global(&registry).unwrap();
    let line = line!() - 1;
    assert!(page(global()).is_empty(), "nothing is on it that did not ask");

    let error = set_global(&MetricsRegistry::new()).unwrap_err();
    let GlobalError::InUse { location } = error else { unreachable!("{error}") };
    assert_eq!((location.file().ends_with("global.rs"), location.line()), (true, line));
    assert!(MetricsError::from(error).to_string().contains("in use since"));

    registry.register_gauge("taken_total", "Another.").unwrap();
    for _ in 0..2 {
        READS.global().inc();
        OPEN.global().inc();
        WAIT.global().observe(0.5);
        TAKEN.global().inc();
    }
    let expected = [
        "app_open gauge",
        "  {} 2",
        "app_reads_total counter",
        "  {} 4",
        "app_taken_total gauge",
        "app_wait histogram",
        "  {} 1 in [2, 0]",
        "nilometer_refused_statics_total counter",
        "  {family=\"taken_total\",reason=\"refused\"} 1",
    ];
    assert_eq!(page(&registry), expected);
    assert_eq!(TAKEN.get(), 2, "it records all the same");

    // What was taken off does not come back by itself.
    assert!(global().unregister("app_open"));
    OPEN.global().inc();
    assert_eq!(page(&registry)[0], "app_reads_total counter");

    // What belongs to the process is told once, however many registries are on the page.
    let _overflow = LabelSet::from_pairs(&[("le", "1")]);
    let page = page(&Registries::new([global().clone(), MetricsRegistry::new()]));
    let expected = ["nilometer_rejected_label_sets_total counter", "  {reason=\"invalid_name\"} 1"];
    assert_eq!(page[page.len() - 2..], expected);
}
