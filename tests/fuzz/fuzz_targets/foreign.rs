//! Collectors of one's own, of one registry or of two on one page: whatever they show, the page parses, holds no family
//! and no series twice, and nobody is asked twice.
#![no_main]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use nilometer_core::collect::{CollectError, Collector, Visitor};
use nilometer_core::{MetricsRegistry, Registration, Registries, RegistryConfig};
use nilometer_fuzz::Shape;
use nilometer_fuzz::foreign::Family;
use nilometer_fuzz::text::{Pairs, Text, owned};
use nilometer_prometheus::Format;
use nilometer_tests::read_back::judge;
use nilometer_tests::shown::borrowed;

#[derive(Arbitrary, Debug)]
struct Input {
    shape: Shape,
    format: u8,
    registries: Vec<One>,
}

/// A registry.
#[derive(Arbitrary, Debug)]
struct One {
    has_utf8_names: bool,
    has_self_metrics: bool,
    constant: Pairs,
    own: Vec<(Text, bool)>,
    collectors: Vec<Vec<Item>>,
}

/// What a collector does.
#[derive(Arbitrary, Debug, Clone)]
enum Item {
    Shows(Family),
    /// Collects a registry, which may be its own.
    Collects(u8),
    Fails,
}

struct Source {
    items: Vec<Item>,
    registries: Vec<MetricsRegistry>,
    asked: Arc<AtomicU64>,
}

impl Collector for Source {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        for item in self.items.iter().take(5) {
            match item {
                Item::Shows(family) => family.show(visitor)?,
                Item::Collects(which) => {
                    self.registries[usize::from(*which) % self.registries.len()].collect(visitor)?;
                }
                Item::Fails => return Err(CollectError::failed("by request")),
            }
        }
        Ok(())
    }
}

/// Longer than any input takes.
const LIMIT: Duration = Duration::from_mins(1);

const FORMATS: [Format; 4] = [Format::Text, Format::Text1, Format::OpenMetrics, Format::Protobuf];

fuzz_target!(|input: Input| {
    let ones: Vec<&One> = input.registries.iter().take(2).collect();
    let registries: Vec<MetricsRegistry> = ones
        .iter()
        .map(|one| {
            let constant: Vec<_> = owned(&one.constant).into_iter().take(2).collect();
            let config = RegistryConfig::new()
                .with_utf8_names(one.has_utf8_names)
                .with_self_metrics(one.has_self_metrics)
                // Threads take most of the time: few inputs have collectors on their own.
                .with_collector_time_limit((one.own.len() % 4 == 3).then_some(LIMIT))
                .with_constant_labels(&borrowed(&constant));
            let registry = MetricsRegistry::with_config(config);
            for (name, is_counter) in one.own.iter().take(3) {
                if *is_counter {
                    let _ = registry.register_counter(name.text(), "C.").map(|family| family.default().inc());
                } else {
                    let _ = registry.register_gauge(name.text(), "G.").map(|family| family.default().inc());
                }
            }
            registry
        })
        .collect();
    let mut counts = Vec::new();
    let mut registrations = Vec::new();
    for (one, registry) in ones.iter().zip(&registries) {
        for (number, items) in one.collectors.iter().take(4).enumerate() {
            let asked = Arc::new(AtomicU64::new(0));
            counts.push(Arc::clone(&asked));
            let source = Source { items: items.clone(), registries: registries.clone(), asked };
            // A registry that knows itself is never freed otherwise.
            registrations
                .extend(registry.register_collector(number.to_string(), source).map(Registration::guard));
        }
    }
    let exposition = input.shape.exposition(FORMATS[usize::from(input.format) % FORMATS.len()]);
    match &registries[..] {
        [] => return,
        [one] => drop(judge(one, exposition, input.shape.piece())),
        _ => drop(judge(&Registries::new(registries.clone()), exposition, input.shape.piece())),
    }
    for asked in &counts {
        assert!(asked.load(Ordering::Relaxed) <= 1, "a collector is asked again");
    }
});
