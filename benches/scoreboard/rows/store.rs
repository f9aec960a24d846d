//! Many series and the page that shows them: how long it takes to write, how much memory the series hold.

use fast_telemetry::{DynamicCounter, DynamicHistogram, PrometheusExport};
use fastmetrics::format::text as fast_text;
use fastmetrics::metrics::histogram::Histogram as FastHistogram;
use fastmetrics::metrics::{counter::Counter as FastCounter, family::Family as FastFamily};
use measured::metric::MetricFamilyEncoding as _;
use measured::metric::histogram::Thresholds;
use measured::metric::name::MetricName;
use measured::text::BufferedTextEncoder;
use metrics::{Key, Label, Recorder as _};
use nilometer_core::{MetricsRegistry, RegistryConfig};
use nilometer_prometheus::PrometheusRenderer;
use prometheus::Encoder as _;
use prometheus_client::metrics::counter::Counter as ClientCounter;
use prometheus_client::metrics::family::Family as ClientFamily;
use prometheus_client::metrics::histogram::Histogram as ClientHistogram;

use super::counter::METADATA;
use super::histogram::{BOUNDS, WHOLE_BOUNDS};
use super::shards;
use crate::contest::{Contestant, page_total};
use crate::labels::{InternedSet, Labels, NAMES, Owned};

/// What every histogram observes, in thousandths.
const OBSERVED: [u64; 3] = [3, 70, 20_000];

/// The same in seconds.
const OBSERVED_SECONDS: [f64; 3] = [0.003, 0.07, 20.0];

/// Writes a page of everything that is stored.
pub(super) type Page = Box<dyn Fn() -> Vec<u8> + Send + Sync>;

/// Stores counters with the first labels, each counted on once, and histograms with the second.
pub(super) type Build = fn(&[Labels], &[Labels]) -> Page;

/// Nilometer.
pub(super) const OURS: Build = nilometer;

/// Those that write pages in the text format.
pub(super) const RIVALS: [(&str, Build); 6] = [
    ("fastmetrics", fastmetrics),
    ("fast-telemetry", fast_telemetry),
    ("prometheus-client", prometheus_client),
    ("measured", measured),
    ("prometheus", prometheus),
    ("metrics", metrics),
];

/// Everybody of `rivals` and nilometer, with a turn that writes a page; an error if somebody's page is wrong.
pub(super) fn contestants(
    rivals: &[(&'static str, Build)],
    counters: &[Labels],
    histograms: &[Labels],
) -> Result<Vec<Contestant>, String> {
    let checked = |name: &str, build: Build| {
        let page = build(counters, histograms);
        let text = String::from_utf8_lossy(&page()).into_owned();
        let held = (page_total(&text, "bench_total"), page_total(&text, "bench_seconds_count"));
        let wanted = (counters.len() as u64, (histograms.len() * OBSERVED.len()) as u64);
        if held == wanted { Ok(page) } else { Err(format!("`{name}` shows {held:?}, not {wanted:?}")) }
    };
    let write = |page: Page| move |_| drop(std::hint::black_box(page()));
    let mut all = vec![Contestant::ours(write(checked("nilometer", OURS)?))];
    for &(name, build) in rivals {
        all.push(Contestant::rival(name, write(checked(name, build)?)));
    }
    Ok(all)
}

fn nilometer(counters: &[Labels], histograms: &[Labels]) -> Page {
    let limit = counters.len() + histograms.len() + 1;
    let config = RegistryConfig::new().with_series_limit(limit).with_registry_limit(2 * limit);
    let registry = MetricsRegistry::with_config(config);
    let family = registry.register_counter("bench_total", "A counter.").expect("the name is free");
    for labels in counters {
        family.get_or_create(&labels.pairs()).inc();
    }
    let family =
        registry.register_histogram("bench_seconds", "A histogram.", &BOUNDS).expect("the name is free");
    for labels in histograms {
        let histogram = family.get_or_create(&labels.pairs());
        OBSERVED_SECONDS.iter().for_each(|&value| histogram.observe(value));
    }
    Box::new(move || PrometheusRenderer::render_all(&registry).into_bytes())
}

fn fastmetrics(counters: &[Labels], histograms: &[Labels]) -> Page {
    let counter_family = FastFamily::<Owned, FastCounter>::default();
    for labels in counters {
        counter_family.with_or_new(&labels.owned(), FastCounter::inc);
    }
    let histogram_family = FastFamily::<Owned, FastHistogram>::new(|| FastHistogram::new(BOUNDS));
    for labels in histograms {
        histogram_family.with_or_new(&labels.owned(), |histogram| {
            OBSERVED_SECONDS.iter().for_each(|&value| histogram.observe(value));
        });
    }
    let mut registry = fastmetrics::registry::Registry::default();
    registry.register("bench", "A counter", counter_family).expect("the name is free");
    registry.register("bench_seconds", "A histogram", histogram_family).expect("the name is free");
    Box::new(move || {
        let mut page = String::new();
        let profile = fast_text::TextProfile::PrometheusV0_0_4;
        fast_text::encode(&mut page, &registry, profile).expect("writing to a string does not fail");
        page.into_bytes()
    })
}

fn fast_telemetry(counters: &[Labels], histograms: &[Labels]) -> Page {
    let counter_family = DynamicCounter::with_max_series(shards(), counters.len() + 1);
    for labels in counters {
        counter_family.inc(&labels.pairs());
    }
    let histogram_family = DynamicHistogram::with_limits(&WHOLE_BOUNDS, shards(), histograms.len() + 1);
    for labels in histograms {
        OBSERVED.iter().for_each(|&value| histogram_family.record(&labels.pairs(), value));
    }
    Box::new(move || {
        let mut page = String::new();
        counter_family.export_prometheus(&mut page, "bench_total", "A counter.");
        histogram_family.export_prometheus(&mut page, "bench_seconds", "A histogram.");
        page.into_bytes()
    })
}

fn prometheus_client(counters: &[Labels], histograms: &[Labels]) -> Page {
    let counter_family = ClientFamily::<Owned, ClientCounter>::default();
    for labels in counters {
        counter_family.get_or_create(&labels.owned()).inc();
    }
    let construct: fn() -> ClientHistogram = || ClientHistogram::new(BOUNDS);
    let histogram_family = ClientFamily::<Owned, ClientHistogram, _>::new_with_constructor(construct);
    for labels in histograms {
        let histogram = histogram_family.get_or_create(&labels.owned());
        OBSERVED_SECONDS.iter().for_each(|&value| histogram.observe(value));
    }
    let mut registry = prometheus_client::registry::Registry::default();
    registry.register("bench", "A counter", counter_family);
    registry.register("bench_seconds", "A histogram", histogram_family);
    Box::new(move || {
        let mut page = String::new();
        let written = prometheus_client::encoding::text::encode(&mut page, &registry);
        written.expect("writing to a string does not fail");
        page.into_bytes()
    })
}

fn measured(counters: &[Labels], histograms: &[Labels]) -> Page {
    let counter_family = measured::CounterVec::<InternedSet>::default();
    for labels in counters {
        counter_family.inc(labels.interned());
    }
    let bounds = Thresholds::with_buckets(BOUNDS);
    let histogram_family = measured::HistogramVec::<InternedSet, 11>::with_label_set_and_metadata(
        InternedSet::default(),
        bounds,
    );
    for labels in histograms {
        OBSERVED_SECONDS.iter().for_each(|&value| histogram_family.observe(labels.interned(), value));
    }
    Box::new(move || {
        let mut encoder = BufferedTextEncoder::new();
        let counters = counter_family.collect_family_into(MetricName::from_str("bench_total"), &mut encoder);
        counters.expect("writing to memory does not fail");
        let histograms =
            histogram_family.collect_family_into(MetricName::from_str("bench_seconds"), &mut encoder);
        histograms.expect("writing to memory does not fail");
        encoder.finish().into()
    })
}

fn prometheus(counters: &[Labels], histograms: &[Labels]) -> Page {
    let registry = prometheus::Registry::new();
    let options = prometheus::Opts::new("bench_total", "A counter.");
    let counter_family = prometheus::IntCounterVec::new(options, &NAMES).expect("the names are names");
    for labels in counters {
        counter_family.with_label_values(&labels.values()).inc();
    }
    let options = prometheus::HistogramOpts::new("bench_seconds", "A histogram.").buckets(BOUNDS.to_vec());
    let histogram_family = prometheus::HistogramVec::new(options, &NAMES).expect("the names are names");
    for labels in histograms {
        let histogram = histogram_family.with_label_values(&labels.values());
        OBSERVED_SECONDS.iter().for_each(|&value| histogram.observe(value));
    }
    registry.register(Box::new(counter_family)).expect("the name is free");
    registry.register(Box::new(histogram_family)).expect("the name is free");
    Box::new(move || {
        let mut page = Vec::new();
        let written = prometheus::TextEncoder::new().encode(&registry.gather(), &mut page);
        // A family without series is an error to it, and no family is left out here but in rows of one kind.
        written.expect("writing to memory does not fail");
        page
    })
}

fn metrics(counters: &[Labels], histograms: &[Labels]) -> Page {
    let key = |name: &'static str, labels: &Labels| {
        let labels = labels.pairs().map(|(name, value)| Label::new(name, value.to_owned()));
        Key::from_parts(name, labels.to_vec())
    };
    let builder = metrics_exporter_prometheus::PrometheusBuilder::new();
    let recorder = builder.set_buckets(&BOUNDS).expect("there are bounds").build_recorder();
    for labels in counters {
        recorder.register_counter(&key("bench_total", labels), &METADATA).increment(1);
    }
    for labels in histograms {
        let histogram = recorder.register_histogram(&key("bench_seconds", labels), &METADATA);
        OBSERVED_SECONDS.iter().for_each(|&value| histogram.record(value));
    }
    // What it has observed is not in its buckets before that.
    recorder.handle().run_upkeep();
    Box::new(move || recorder.handle().render().into_bytes())
}
