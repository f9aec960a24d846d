//! What a build tells about itself.

use nilometer::{BuildInfo, MetricsRegistry};

fn labels(build: &BuildInfo) -> Vec<(String, String)> {
    let info = build.register(&MetricsRegistry::new()).unwrap();
    info.labels().pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_macro_names_the_crate_that_calls_it() {
    let build = nilometer::build_info!();
    // This test's package; the macro's is the same, and `the_variables_are_the_callers` tells them apart.
    assert_eq!((build.name(), build.version()), ("nilometer", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_compiler_is_the_one_that_builds() {
    let said = std::process::Command::new(env!("CARGO")).arg("--version").output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    // Cargo and rustc of one toolchain have one version.
    assert_eq!(BuildInfo::new("shop", "1.0.0").rustc(), said.split_whitespace().nth(1));
}

#[test]
fn what_is_not_known_is_no_label() {
    let build = BuildInfo::new("shop", "1.4.2").with_revision("").with_rustc("");
    let expected = [("name", "shop"), ("version", "1.4.2")];
    assert_eq!(labels(&build), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let known = build.with_revision("0f3a9c1").with_rustc("1.95.0");
    let names: Vec<String> = labels(&known).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["name", "revision", "rustc", "version"]);
}

#[test]
fn what_cannot_be_a_label_is_refused_and_changes_nothing() {
    let registry = MetricsRegistry::new();
    let long = "x".repeat(100_000);
    assert!(BuildInfo::new("shop", long).register(&registry).is_err());
    registry.register_gauge("build_info", "Something else.").unwrap();
    assert!(BuildInfo::new("shop", "1.0.0").register(&registry).is_err());
}

#[test]
fn registering_twice_is_one_series_and_another_program_is_another() {
    let registry = MetricsRegistry::new();
    let shop = BuildInfo::new("shop", "1.4.2");
    shop.register(&registry).unwrap();
    shop.register(&registry).unwrap();
    BuildInfo::new("plugin", "0.3.0").register(&registry).unwrap();
    let report = registry.cardinality();
    let family = report.families().iter().find(|family| family.name() == "build_info").unwrap();
    assert_eq!(family.series(), 2);
}
