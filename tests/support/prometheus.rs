//! A real Prometheus, for tests that ask it what it has scraped.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value as Json;
use tempfile::TempDir;

/// How long anything may take before a test gives up on it.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// How long to leave the other side alone between two questions.
const PAUSE: Duration = Duration::from_millis(100);

/// How often a port that somebody else took in between is replaced by another.
const PORTS: usize = 5;

/// Asks `question` until it has an answer.
///
/// # Panics
///
/// When it has none after [`DEADLINE`]; `what` says what was waited for.
pub fn wait_for<T>(what: &str, mut question: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(start.elapsed() < DEADLINE, "waited {DEADLINE:?} in vain for {what}");
        thread::sleep(PAUSE);
    }
}

/// A running `prometheus` on 127.0.0.1, which scrapes its targets every second; killed when dropped.
#[derive(Debug)]
pub struct Prometheus {
    child: Child,
    address: SocketAddr,
    agent: ureq::Agent,
    /// Where it is asked, and as whom.
    url: String,
    /// Configuration, data and log; removed after the process has ended.
    folder: TempDir,
}

/// Which Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// The one that the machine's own suite has: 2.42.
    Two,
    /// What users run today: 3.5 or newer.
    Three,
}

impl Release {
    /// The program, where `.ci/peers` puts it.
    fn program(self) -> PathBuf {
        if self == Release::Two {
            return "prometheus".into();
        }
        let cache = || {
            let home = || env::var_os("HOME").map(PathBuf::from).unwrap_or_default().join(".cache");
            env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("nilometer/peers")
        };
        let folder = env::var_os("NILOMETER_PEERS").map_or_else(cache, PathBuf::from);
        folder.join("prometheus-3/usr/bin/prometheus")
    }
}

/// How a Prometheus is started.
#[derive(Debug, Clone, Copy)]
#[must_use = "nothing is started until `start` is called"]
pub struct Setup<'a> {
    release: Release,
    features: &'a [&'a str],
    arguments: &'a [&'a str],
    scrape_config: &'a str,
    access: Option<Access<'a>>,
}

/// How a Prometheus is reached that not everybody gets into.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// The file for `--web.config.file`, with a certificate for 127.0.0.1.
    pub web_config: &'a Path,
    /// A client that trusts who has signed that one.
    pub agent: &'a ureq::Agent,
    /// Who asks, as `name:password`.
    pub user: &'a str,
}

impl<'a> Setup<'a> {
    /// A Prometheus of this release without any feature that has to be turned on.
    pub fn of(release: Release) -> Setup<'a> {
        Setup { release, features: &[], arguments: &[], scrape_config: "", access: None }
    }

    /// Turns features on.
    pub fn with_features(mut self, features: &'a [&'a str]) -> Setup<'a> {
        self.features = features;
        self
    }

    /// Adds arguments to the command line.
    pub fn with_arguments(mut self, arguments: &'a [&'a str]) -> Setup<'a> {
        self.arguments = arguments;
        self
    }

    /// Adds lines to the scrape configuration, each indented by two spaces and ended.
    pub fn with_scrape_config(mut self, lines: &'a str) -> Setup<'a> {
        self.scrape_config = lines;
        self
    }

    /// Lets in by TLS alone, and who has a password.
    pub fn with_access(mut self, access: Access<'a>) -> Setup<'a> {
        self.access = Some(access);
        self
    }

    /// Starts it with these targets (`127.0.0.1:9464`), each scraped at `/metrics` every second, and waits until it is
    /// ready.
    ///
    /// # Panics
    ///
    /// When the binary is missing, or does not become ready; the message holds its log.
    #[must_use]
    #[expect(clippy::panic, reason = "a test fails where its tool is missing, it does not skip")]
    pub fn start(self, targets: &[String]) -> Prometheus {
        for _ in 0..PORTS {
            if let Some(ready) = Prometheus::try_start(self, free_address(), targets) {
                return ready;
            }
        }
        panic!("prometheus ended {PORTS} times before it was ready");
    }
}

impl Setup<'_> {
    /// The same at an address that was that of another one before.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start), and when the address is in use.
    #[must_use]
    #[expect(clippy::panic, reason = "a test whose peer does not start has failed")]
    pub fn start_at(self, address: SocketAddr, targets: &[String]) -> Prometheus {
        Prometheus::try_start(self, address, targets)
            .unwrap_or_else(|| panic!("prometheus ended at {address}"))
    }
}

/// One series of a query's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Its labels, `__name__`, `instance` and `job` included.
    pub labels: BTreeMap<String, String>,
    /// Its values, one for an instant query.
    pub values: Vec<f64>,
    /// When each was scraped, or asked for, in seconds since 1970.
    pub times: Vec<f64>,
}

/// An exemplar as Prometheus has stored it.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// The labels of its series.
    pub series: BTreeMap<String, String>,
    /// Its own.
    pub labels: BTreeMap<String, String>,
    /// What was observed.
    pub value: f64,
    /// When, in seconds since 1970.
    pub timestamp: f64,
}

impl Prometheus {
    /// Starts a Prometheus 2 with these targets; as [`Setup::start`].
    ///
    /// # Panics
    ///
    /// As [`Setup::start`].
    #[must_use]
    pub fn start(targets: &[String]) -> Prometheus {
        Setup::of(Release::Two).start(targets)
    }

    /// As [`Setup::start`]; `None` when the process ended by itself.
    #[expect(clippy::panic, reason = "a test fails where its tool is missing, it does not skip")]
    fn try_start(setup: Setup<'_>, address: SocketAddr, targets: &[String]) -> Option<Prometheus> {
        let folder = TempDir::with_prefix("nilometer-prometheus-").unwrap_or_else(|error| panic!("{error}"));
        let config = folder.path().join("prometheus.yml");
        let log = folder.path().join("log");
        fs::write(&config, configuration(targets, setup.scrape_config))
            .unwrap_or_else(|error| panic!("{error}"));
        let open = || File::options().create(true).append(true).open(&log).unwrap_or_else(|e| panic!("{e}"));
        let program = setup.release.program();
        let child = Command::new(&program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(setup.access.map(|access| format!("--web.config.file={}", access.web_config.display())))
            .args(setup.arguments)
            .args(setup.features.iter().map(|feature| format!("--enable-feature={feature}")))
            .stdin(Stdio::null())
            .stdout(open())
            .stderr(open())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot run `{}` ({error}): .ci/peers fetches it", program.display())
            });
        let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(10))).build();
        let (url, agent) = match setup.access {
            None => (format!("http://{address}"), config.into()),
            Some(access) => (format!("https://{}@{address}", access.user), access.agent.clone()),
        };
        let mut prometheus = Prometheus { child, address, agent, url, folder };
        let ready = wait_for("prometheus to be ready", || {
            if prometheus.ended() {
                return Some(false);
            }
            let url = format!("{}/-/ready", prometheus.url);
            prometheus.agent.get(&url).call().is_ok().then_some(true)
        });
        (ready && !prometheus.ended()).then_some(prometheus)
    }

    fn ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the process has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Answers a query of one instant, now.
    ///
    /// # Panics
    ///
    /// When Prometheus refuses the query.
    #[must_use]
    pub fn query(&self, expression: &str) -> Vec<Answer> {
        answers(&self.ask("query", &[("query", expression)]), "value")
    }

    /// Every raw sample of a selector over the last `seconds`, oldest first.
    ///
    /// # Panics
    ///
    /// When Prometheus refuses the query.
    #[must_use]
    pub fn samples(&self, selector: &str, seconds: u32) -> Vec<Answer> {
        answers(&self.ask("query", &[("query", &format!("{selector}[{seconds}s]"))]), "values")
    }

    /// The exemplars of a selector over the last minutes, each with the labels of its series.
    ///
    /// # Panics
    ///
    /// When Prometheus refuses the query.
    #[must_use]
    pub fn exemplars(&self, selector: &str) -> Vec<Exemplar> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let (start, end) = ((now - 600).to_string(), (now + 600).to_string());
        let data = self.ask("query_exemplars", &[("query", selector), ("start", &start), ("end", &end)]);
        let series = data.as_array().cloned().unwrap_or_default();
        let of_series = |series: &Json| {
            let series_labels = labels(&series["seriesLabels"]);
            let exemplars = series["exemplars"].as_array().cloned().unwrap_or_default();
            exemplars.into_iter().map(move |exemplar| Exemplar {
                series: series_labels.clone(),
                labels: labels(&exemplar["labels"]),
                value: exemplar["value"].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN),
                timestamp: exemplar["timestamp"].as_f64().unwrap_or(f64::NAN),
            })
        };
        series.iter().flat_map(of_series).collect()
    }

    /// The type and the help of a family, as Prometheus read them.
    ///
    /// # Panics
    ///
    /// When Prometheus does not know the family.
    #[must_use]
    #[expect(clippy::panic, reason = "a test that misses its family has failed")]
    pub fn metadata(&self, family: &str) -> (String, String) {
        let data = self.ask("metadata", &[("metric", family)]);
        let entry = &data[family][0];
        match (entry["type"].as_str(), entry["help"].as_str()) {
            (Some(metric_type), Some(help)) => (metric_type.to_owned(), help.to_owned()),
            _ => panic!("prometheus knows nothing of `{family}`: {data}"),
        }
    }

    /// The errors of the targets' last scrapes; empty strings where there was none.
    #[must_use]
    pub fn scrape_errors(&self) -> Vec<String> {
        let data = self.ask("targets", &[]);
        let targets = data["activeTargets"].as_array().cloned().unwrap_or_default();
        targets.iter().map(|target| target["lastError"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The `data` of an answer of the HTTP API.
    #[expect(clippy::panic, reason = "a test whose question is refused has failed")]
    fn ask(&self, endpoint: &str, parameters: &[(&str, &str)]) -> Json {
        let url = format!("{}/api/v1/{endpoint}", self.url);
        let mut request = self.agent.get(&url);
        for (name, value) in parameters {
            request = request.query(*name, *value);
        }
        let answer = request.call().and_then(|mut response| response.body_mut().read_to_string());
        let text = answer.unwrap_or_else(|e| panic!("{endpoint} {parameters:?}: {e}\n{}", self.log()));
        let json: Json = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{endpoint}: {e}\n{text}"));
        assert_eq!(json["status"], "success", "{endpoint} {parameters:?}");
        json["data"].clone()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Nothing it holds is worth a graceful end; the wait keeps it from writing into a folder that goes away.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(targets: &[String], more: &str) -> String {
    let targets = targets.iter().map(|target| format!("'{target}'")).collect::<Vec<_>>().join(", ");
    format!(
        "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n- job_name: nilometer\n  \
         static_configs:\n  - targets: [{targets}]\n{more}"
    )
}

/// An address whose port was free a moment ago: Prometheus cannot say which one it got if it is told 0.
#[expect(clippy::panic, reason = "a machine without a free port runs no test")]
pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.unwrap_or_else(|error| panic!("no free port: {error}"))
}

fn labels(of: &Json) -> BTreeMap<String, String> {
    let labels = of.as_object().into_iter().flatten();
    labels.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

/// The series of a vector (`values` is `"value"`) or a matrix (`"values"`).
fn answers(data: &Json, values: &str) -> Vec<Answer> {
    let number = |sample: &Json| sample[1].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
    let series = data["result"].as_array().cloned().unwrap_or_default();
    let answer = |series: &Json| {
        let samples = match (values, &series[values]) {
            ("values", Json::Array(samples)) => samples.as_slice(),
            (_, sample) => std::slice::from_ref(sample),
        };
        let times = samples.iter().map(|sample| sample[0].as_f64().unwrap_or(f64::NAN)).collect();
        Answer { labels: labels(&series["metric"]), values: samples.iter().map(number).collect(), times }
    };
    series.iter().map(answer).collect()
}
