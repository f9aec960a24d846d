//! Every example, run as its first lines say, against the real programs that it talks to, and what it prints.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use nilometer_tests::example::{build, workspace};
use nilometer_tests::prometheus::{Prometheus, Release, Setup, wait_for};
use nilometer_tests::pushgateway::Gateway;
use serde_json::Value as Json;

/// The examples that are run here or in another test, which is named.
const RUN: [(&str, &str); 10] = [
    ("axum_service", "here"),
    ("basic_metrics", "here"),
    ("custom_buckets", "here"),
    ("metrics_facade", "here"),
    ("observability", "here"),
    ("otel_tracing", "otel_integration_test"),
    ("pushgateway", "here"),
    ("remote_write", "here"),
    ("stream_processor", "e2e_test"),
    ("tonic_service", "here"),
];

fn run(example: &str, features: &str, arguments: &[&str]) -> Output {
    let output = Command::new(build(example, features)).args(arguments).output().expect("the example runs");
    let (out, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{example}: {:?}\n{out}\n{told}", output.status);
    output
}

fn printed(example: &str, features: &str, arguments: &[&str]) -> String {
    String::from_utf8(run(example, features, arguments).stdout).expect("what it prints is text")
}

#[test]
#[ignore = "asks cargo; .ci/run runs it"]
fn no_example_is_left_out() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(workspace())
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .unwrap();
    let metadata: Json = serde_json::from_slice(&output.stdout).unwrap();
    let targets = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|package| package["targets"].as_array().unwrap());
    let examples = targets
        // One that has tests of its own is run by them; it may be run as a whole besides.
        .filter(|target| target["kind"] == serde_json::json!(["example"]))
        .filter(|target| {
            target["test"] == false || RUN.iter().any(|(example, _)| target["name"] == **example)
        })
        .map(|target| target["name"].as_str().unwrap())
        .collect::<BTreeSet<_>>();
    assert_eq!(examples, RUN.iter().map(|&(example, _)| example).collect::<BTreeSet<_>>());
    let manifest = include_str!("Cargo.toml");
    for (example, test) in RUN {
        assert!(test == "here" || manifest.contains(&format!("name = \"{test}\"")), "{example}: {test}");
    }
}

#[test]
#[ignore = "builds examples; .ci/run runs it"]
fn an_example_that_prints_a_page_prints_this_one() {
    assert_eq!(printed("basic_metrics", "", &[]), include_str!("examples/basic_metrics.txt"));
    assert_eq!(printed("custom_buckets", "", &[]), include_str!("examples/custom_buckets.txt"));
}

#[test]
#[ignore = "needs a real Pushgateway; .ci/run runs it"]
fn a_job_leaves_its_metrics_at_a_pushgateway() {
    let gateway = Gateway::start();
    let url = format!("http://{}", gateway.address());
    let told = printed("pushgateway", "push", &[&url]);
    assert!(
        told.starts_with("3 series, ") && told.ends_with(&format!(" bytes, pushed to {url}\n")),
        "{told}"
    );
    let page = gateway.text();
    let files =
        page.lines().find(|line| line.starts_with("backup_files_total{")).unwrap_or_else(|| panic!("{page}"));
    assert!(files.contains("job=\"backup\"") && files.contains("path=\"/var/lib\""), "{files}");
    assert!(files.ends_with("} 20"), "{files}");
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn a_service_writes_to_a_prometheus_and_says_that_it_ends() {
    let prometheus =
        Setup::of(Release::Two).with_arguments(&["--web.enable-remote-write-receiver"]).start(&[]);
    let url = format!("http://{}/api/v1/write", prometheus.address());
    let told = printed("remote_write", "push", &[&url]);
    assert!(told.ends_with(" points at the end, of which Prometheus knows that it is the end\n"), "{told}");
    let orders = "last_over_time(shop_orders_total{job=\"shop\",instance=\"example\"}[5m])";
    let orders = wait_for("orders", || prometheus.query(orders).into_iter().next());
    assert_eq!(orders.values, [300.0]);
    assert_eq!(gone(&prometheus), 0, "a series that has ended is not shown any more");
}

/// The value that a page of text has in the line that begins so, as it is written.
fn value<'a>(page: &'a str, series: &str) -> Option<&'a str> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
}

#[test]
#[ignore = "builds examples; .ci/run runs it"]
fn servers_and_clients_count_each_request_once() {
    let page = printed("axum_service", "axum,tower", &["--requests", "10"]);
    for class in ["2xx", "4xx"] {
        let labels = format!("http_request_method=\"GET\",http_response_status_class=\"{class}\"");
        let series = format!(
            "http_server_request_duration_seconds_count{{{labels},http_route=\"/orders/{{id}}\",url_scheme=\"http\"}}"
        );
        assert_eq!(value(&page, &series), Some("5"), "{series}\n{page}");
    }
    let active = "http_server_active_requests{http_request_method=\"GET\",url_scheme=\"http\"}";
    assert_eq!(value(&page, active), Some("0"), "{page}");

    let page = printed("tonic_service", "tonic", &["--requests", "30"]);
    assert!(page.contains("# 30 greeted, 3 refused"), "{page}");
    let labels = "http_request_method=\"POST\",http_response_status_class=\"2xx\"";
    let greeted = format!(
        "http_client_request_duration_seconds_count{{{labels},rpc_response_status_code=\"OK\",url_template=\"/greeter.Greeter/Greet\"}}"
    );
    assert_eq!(value(&page, &greeted), Some("27"), "{page}");
}

#[test]
#[ignore = "builds examples; .ci/run runs it"]
fn what_a_library_records_is_beside_what_the_program_does() {
    let page = printed("metrics_facade", "metrics", &[]);
    assert_eq!(value(&page, "shop_orders_total"), Some("1000"), "{page}");
    assert!(page.contains("reason=\"conflict\""), "{page}");
}

#[test]
#[ignore = "builds examples; .ci/run runs it"]
fn one_call_sets_up_everything_and_its_end_is_clean() {
    let program = build("observability", "otel,tokio");
    // A port of the system's, and nobody who takes what is sent.
    let mut child = Command::new(program)
        .args(["--seconds", "2"])
        .env("NILOMETER_PROMETHEUS_HOST", "127.0.0.1")
        .env("NILOMETER_PROMETHEUS_PORT", "0")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let told = lines.next().unwrap();
    let address = told.strip_prefix("listening on ").unwrap_or_else(|| panic!("{told}"));
    let url = format!("http://{address}/metrics");
    let page = ureq::get(&url).call().unwrap().body_mut().read_to_string().unwrap();
    for family in ["kitchen_dishes_total", "process_cpu_seconds_total", "tokio_workers", "build_info"] {
        assert!(page.contains(&format!("# TYPE {family} ")), "{family}\n{page}");
    }
    lines.for_each(drop);
    assert!(child.wait().unwrap().success());
}

fn gone(prometheus: &Prometheus) -> usize {
    prometheus.query("shop_orders_total{job=\"shop\"}").len()
}
