//! The table of metrics about metrics, beside those that there are.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use common::{Closure, Rows};
use http::Request;
use http_body_util::BodyExt as _;
use nilometer_core::collect::{Collector, Descriptor, Point, SeriesLabels, Stopped, Visitor};
use nilometer_prometheus::MetricsService;
use nilometer_prometheus::push::{PushEndpoint, PushMetrics, RemoteWrite, RemoteWriteConfig};
use tower::ServiceExt as _;

const README: &str = include_str!("../README.md");

/// A family by its name: its kind, its labels, its help.
type Families = BTreeMap<String, (String, BTreeSet<String>, String)>;

/// The families that a collector shows.
#[derive(Default)]
struct Census {
    families: Families,
    name: String,
}

impl Visitor for Census {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        descriptor.name().clone_into(&mut self.name);
        let kind = descriptor.metric_type().as_str().to_owned();
        let family = (kind, BTreeSet::new(), descriptor.help().to_owned());
        let before = self.families.insert(self.name.clone(), family);
        assert_eq!(before, None, "{} is there twice", self.name);
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, _: Point<'_>) -> Result<(), Stopped> {
        let names = labels.iter().map(|(name, _)| name.to_owned());
        self.families.get_mut(&self.name).unwrap().1.extend(names);
        Ok(())
    }
}

/// The families of the table in the README.
fn documented() -> Families {
    let rows = README.lines().filter_map(|line| line.strip_prefix("| `nilometer_"));
    let families = rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let labels = cells[2].split(", ").filter(|label| !label.is_empty());
        let labels = labels.map(|label| label.trim_matches('`').to_owned()).collect();
        let name = format!("nilometer_{}", cells[0].trim_end_matches('`'));
        (name, (cells[1].to_owned(), labels, cells[3].to_owned()))
    });
    families.collect()
}

/// Answers one request as a receiver of remote write does that takes it.
fn receiver() -> PushEndpoint {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = PushEndpoint::try_new(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let read = stream.read(&mut [0; 16 * 1024]).unwrap();
        assert!(read > 0);
        let answer = "HTTP/1.1 204 No Content\r\nX-Prometheus-Remote-Write-Samples-Written: 1\r\nConnection: close\r\n\r\n";
        stream.write_all(answer.as_bytes()).unwrap();
        // What is still to come is read, so that the answer is not lost with it.
        stream.read_to_end(&mut Vec::new()).unwrap();
    });
    endpoint
}

#[tokio::test]
async fn the_table_has_the_families_that_there_are_and_no_others() {
    let pushes = PushMetrics::new();
    let config = RemoteWriteConfig::new(receiver()).with_metrics(pushes.clone());
    RemoteWrite::new(Rows { series: 1, end: || Ok(()) }, config).push().await.unwrap();
    let service = MetricsService::new(Rows { series: 1, end: || Ok(()) });
    let request = Request::get("/metrics").body(()).unwrap();
    let page =
        service.clone().oneshot(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();

    let mut census = Census::default();
    let stats = service.stats();
    let both = Closure(move |visitor: &mut dyn Visitor| {
        stats.collect(visitor)?;
        pushes.collect(visitor)
    });
    both.collect(&mut census).unwrap();
    // The one that is made from what the page's collector shows, and so on a page alone.
    assert!(str::from_utf8(&page).unwrap().contains(
        "\n# HELP nilometer_series Series of each family.\n# TYPE nilometer_series gauge\n\
         nilometer_series{family=\"rows_total\"} 1\n"
    ));
    let of_series =
        ("gauge".to_owned(), BTreeSet::from(["family".to_owned()]), "Series of each family.".to_owned());
    census.families.insert("nilometer_series".to_owned(), of_series);
    assert_eq!(census.families, documented());
}
