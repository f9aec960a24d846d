//! The pages of the metric sets say what the sets declare.
//!
//! A page has one table or several with the header `| name | kind | unit | labels | meaning |`. A set that is added gets
//! its page checked by one more line in `PAGES`.

#![cfg(feature = "derive")]

use std::collections::BTreeMap;

use nilometer::application::{ProcessorMetrics, StateMetrics, WindowMetrics};
use nilometer::collect::Descriptor;

const HEADER: [&str; 5] = ["name", "kind", "unit", "labels", "meaning"];

/// A page with the sets that it is about.
struct Set {
    page: &'static str,
    text: &'static str,
    descriptors: fn() -> Vec<Descriptor>,
}

macro_rules! set {
    ($page:literal, $($set:ty),+) => {
        Set {
            page: $page,
            text: include_str!(concat!("../src/", $page)),
            descriptors: || [$(<$set>::descriptors()),+].concat(),
        }
    };
}

const PAGES: &[Set] = &[
    set!("application/processor.md", ProcessorMetrics),
    set!("application/window.md", WindowMetrics),
    set!("application/state.md", StateMetrics),
    #[cfg(feature = "process")]
    set!("process/page.md", nilometer::process::ProcessMetrics),
    #[cfg(feature = "tokio")]
    set!("runtime/page.md", nilometer::runtime::RuntimeMetrics, nilometer::runtime::UnstableRuntimeMetrics),
    #[cfg(feature = "tokio")]
    set!("runtime/task.md", nilometer::runtime::TaskMetrics),
];

/// What a row says, or a descriptor: kind, unit and labels.
type Row = (String, String, Vec<String>);

/// The rows of the tables of metrics, by name.
fn rows(text: &str) -> Result<BTreeMap<String, Row>, String> {
    let mut rows = BTreeMap::new();
    let mut in_table = false;
    for line in text.lines().map(|line| line.trim_start_matches("/// ")) {
        let Some(inner) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
            in_table = false;
            continue;
        };
        let cells: Vec<&str> = inner.split('|').map(str::trim).collect();
        if cells == HEADER {
            in_table = true;
        } else if in_table && !cells.iter().all(|cell| cell.chars().all(|c| c == '-')) {
            let [name, kind, unit, labels, meaning] = cells[..] else {
                return Err(format!("{line}: not {} cells", HEADER.len()));
            };
            if meaning.is_empty() {
                return Err(format!("{line}: no meaning"));
            }
            let name = unquoted(name).ok_or_else(|| format!("{line}: the name is not in backticks"))?;
            let unit = if unit == "-" { "" } else { unit };
            let labels = labels.split(", ").filter(|&label| label != "-");
            let labels = labels.map(|label| unquoted(label).ok_or_else(|| format!("{line}: `{label}`")));
            let row = (kind.to_owned(), unit.to_owned(), labels.collect::<Result<_, _>>()?);
            if rows.insert(name.clone(), row).is_some() {
                return Err(format!("`{name}` stands twice"));
            }
        }
    }
    Ok(rows)
}

fn unquoted(cell: &str) -> Option<String> {
    cell.strip_prefix('`')?.strip_suffix('`').map(str::to_owned)
}

fn declared(descriptors: &[Descriptor]) -> BTreeMap<String, Row> {
    let rows = descriptors.iter().map(|descriptor| {
        let unit = descriptor.unit().map_or("", |unit| unit.as_str());
        let labels = descriptor.label_names().unwrap_or_default().iter().map(|name| name.to_string());
        let row = (descriptor.metric_type().as_str().to_owned(), unit.to_owned(), labels.collect());
        (descriptor.name().to_owned(), row)
    });
    rows.collect()
}

/// How a page differs from what is declared.
fn differences(text: &str, descriptors: &[Descriptor]) -> Vec<String> {
    let (said, declared) = match rows(text) {
        Ok(said) => (said, declared(descriptors)),
        Err(error) => return vec![error],
    };
    let missing = declared.keys().filter(|name| !said.contains_key(*name));
    let missing = missing.map(|name| format!("`{name}` is missing"));
    let unknown = said.keys().filter(|name| !declared.contains_key(*name));
    let unknown = unknown.map(|name| format!("`{name}` is not declared"));
    let wrong = said.iter().filter_map(|(name, row)| {
        let declared = declared.get(name)?;
        (declared != row).then(|| format!("`{name}` is {declared:?}, not {row:?}"))
    });
    missing.chain(unknown).chain(wrong).collect()
}

#[test]
fn every_page_says_what_its_sets_declare() {
    let wrong: Vec<String> = PAGES
        .iter()
        .flat_map(|set| {
            let differences = differences(set.text, &(set.descriptors)());
            differences.into_iter().map(|difference| format!("{}: {difference}", set.page))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_page_that_is_wrong_is_found_out() {
    let set = &PAGES[0];
    let descriptors = (set.descriptors)();
    let found = |from: &str, to: &str| {
        assert!(set.text.contains(from), "{from}");
        differences(&set.text.replacen(from, to, 1), &descriptors)
    };
    let received = "| `stream_processor_events_received_total` | counter | - | - |";
    assert_eq!(
        found(received, "| `events` | counter | - | - |"),
        ["`stream_processor_events_received_total` is missing", "`events` is not declared"]
    );
    for wrong in ["gauge | - | - |", "counter | bytes | - |", "counter | - | `reason` |"] {
        let row = format!("| `stream_processor_events_received_total` | {wrong}");
        assert_eq!(found(received, &row).len(), 1, "{wrong}");
    }
    let dropped = "| `stream_processor_events_dropped_total` | counter | - | `reason` |";
    assert_eq!(found(dropped, &dropped.replace("`reason`", "`cause`")).len(), 1);
    assert_eq!(found(dropped, &dropped.replace("`reason`", "-")).len(), 1);
    assert_eq!(found(dropped, received), ["`stream_processor_events_received_total` stands twice"]);
}

#[test]
fn every_page_has_what_a_reader_looks_for() {
    for set in PAGES {
        for part in ["# Metrics", "# Queries\n", "```promql\n", "# Alerts\n", "```yaml\n"] {
            assert!(set.text.contains(part), "{}: {part}", set.page);
        }
        let names: Vec<String> = declared(&(set.descriptors)()).into_keys().collect();
        let code = set.text.split("```").skip(1).step_by(2).collect::<String>();
        let metrics = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| {
            ["process_", "tokio_", "stream_processor_"].iter().any(|prefix| word.starts_with(prefix))
        });
        for metric in metrics {
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| metric.strip_suffix(suffix));
            let is_known = names.iter().any(|name| name == metric || family == Some(name));
            let is_group = set.text.contains(&format!("- name: {metric}\n"));
            assert!(is_known || is_group, "{}: a query has `{metric}`", set.page);
        }
    }
}

/// The one series that is no struct's.
#[test]
fn the_table_of_the_build_says_what_is_registered() {
    let source = include_str!("../src/build_info.rs");
    let table = rows(source).unwrap();
    let registry = nilometer::MetricsRegistry::new();
    let build = nilometer::build_info!().with_revision("0f3a9c1");
    let info = build.register(&registry).unwrap();
    let labels: Vec<String> = info.labels().pairs().map(|(name, _)| name.to_owned()).collect();
    let (kind, unit, mut said) = table.into_iter().next().unwrap().1;
    said.sort();
    assert_eq!((kind.as_str(), unit.as_str(), said), (info.metadata().metric_type().as_str(), "", labels));
}
