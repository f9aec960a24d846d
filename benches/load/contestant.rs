//! Who serves, and what is recorded there.

use std::error::Error;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use metrics::{Key, Label, Level, Metadata, Recorder as _, Unit};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusRecorder};
use nilometer_benches::Random;
use nilometer_core::{Counter, MetricsRegistry};
use nilometer_prometheus::{MetricsServer, ServerConfig};
use tokio::runtime::{Builder, Runtime};

use crate::page::{HELP, NAME, SERIES};
use crate::wrk::CONNECTIONS;

/// What a contestant stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nilometer; its throughput has a floor where it is judged.
    Ours { judged: bool },
    /// Another crate.
    Rival,
}

/// A way in which nilometer serves.
struct Way {
    name: &'static str,
    judged: bool,
    configure: fn(ServerConfig) -> ServerConfig,
}

/// The ways in which nilometer serves. One that is to be measured as well is a further entry here, and nothing else: it
/// gets a registry and a server of its own, and rows that are named after it. The one that is judged makes a page for
/// each answer, as the rival does.
const WAYS: [Way; 2] = [
    Way {
        name: "nilometer, nothing shared",
        judged: true,
        configure: |config| config.with_shared_page_limit(0),
    },
    Way { name: "nilometer", judged: false, configure: |config| config },
];

/// Counts one on each of the series, beginning with the one of that number.
type Pass = dyn Fn(usize) + Send + Sync;

/// A server under one name, and what it shows.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    pub(crate) address: SocketAddr,
    pub(crate) pass: Arc<Pass>,
    /// How often every series was counted on.
    pub(crate) passes: u64,
    /// Serves until it is dropped.
    _runtime: Runtime,
}

impl Contestant {
    /// Everybody, serving.
    pub(crate) fn all() -> Result<Vec<Contestant>, Box<dyn Error>> {
        let ours = WAYS.iter().map(nilometer);
        ours.chain([metrics_exporter_prometheus()]).collect()
    }
}

impl fmt::Debug for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contestant").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A pass over these handles, in an order that is nobody's.
fn pass<H: Send + Sync + 'static>(
    mut handles: Vec<H>,
    count: impl Fn(&H) + Send + Sync + 'static,
) -> Arc<Pass> {
    Random::new().shuffle(&mut handles);
    Arc::new(move |first| {
        let (before, after) = handles.split_at(first);
        after.iter().chain(before).for_each(&count);
    })
}

/// Names and values of a series' labels.
fn labels(index: usize) -> [(&'static str, String); 3] {
    const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];
    const STATUSES: [&str; 5] = ["200", "201", "400", "404", "500"];
    [
        ("method", METHODS[index % METHODS.len()].to_owned()),
        ("path", format!("/api/v1/resource/{index}")),
        ("status", STATUSES[index % STATUSES.len()].to_owned()),
    ]
}

/// As an application's own runtime is, on all processors; a profile tells its threads by their name.
fn runtime(name: &str) -> Result<Runtime, std::io::Error> {
    Builder::new_multi_thread().enable_all().thread_name(name).build()
}

fn nilometer(way: &Way) -> Result<Contestant, Box<dyn Error>> {
    let registry = MetricsRegistry::new();
    let family =
        registry.family::<Counter>(NAME, HELP).with_labels(&["method", "path", "status"]).register()?;
    let counter = |index| {
        let labels = labels(index);
        let labels = labels.each_ref().map(|(name, value)| (*name, value.as_str()));
        let counter = family.get_or_create(&labels);
        counter.inc_by(index as u64);
        counter
    };
    let pass = pass((0..SERIES).map(counter).collect(), Counter::inc);

    // The page is the same as the rival's, which tells nothing about itself.
    let config = ServerConfig::new().with_host("127.0.0.1").with_port(0).with_own_metrics(false);
    // By default 8 scrapes collect at a time, and the others are told to come back.
    let config = (way.configure)(config.with_scrape_limit(CONNECTIONS));
    let runtime = runtime(way.name)?;
    let server = runtime.block_on(MetricsServer::new(registry, config).bind())?;
    let address = server.local_addr();
    runtime.spawn(server.serve());
    Ok(Contestant {
        name: way.name,
        role: Role::Ours { judged: way.judged },
        address,
        pass,
        passes: 0,
        _runtime: runtime,
    })
}

fn metrics_exporter_prometheus() -> Result<Contestant, Box<dyn Error>> {
    const METADATA: Metadata<'static> = Metadata::new("load", Level::INFO, None);
    let name = "metrics-exporter-prometheus";
    let runtime = runtime(name)?;
    let (recorder, exporter, address) = listen(&runtime)?;
    runtime.spawn(exporter);
    recorder.describe_counter(NAME.into(), None::<Unit>, HELP.into());
    let counter = |index| {
        let labels = labels(index).map(|(name, value)| Label::new(name, value));
        let counter = recorder.register_counter(&Key::from_parts(NAME, labels.to_vec()), &METADATA);
        counter.increment(index as u64);
        counter
    };
    let pass = pass((0..SERIES).map(counter).collect(), |counter: &metrics::Counter| counter.increment(1));
    Ok(Contestant { name, role: Role::Rival, address, pass, passes: 0, _runtime: runtime })
}

/// The rival does not say which port it was given, so it is told one that was free a moment ago, until it gets it.
fn listen(
    runtime: &Runtime,
) -> Result<(PrometheusRecorder, impl Future<Output: Send> + Send + use<>, SocketAddr), Box<dyn Error>> {
    const ATTEMPTS: usize = 10;
    let _inside = runtime.enter();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        match PrometheusBuilder::new().with_http_listener(free).build() {
            Ok((recorder, exporter)) => return Ok((recorder, exporter, free)),
            Err(BuildError::FailedToCreateHTTPListener(_)) if attempts < ATTEMPTS => {}
            Err(error) => return Err(error.into()),
        }
    }
}
