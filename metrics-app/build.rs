//! Tells the crate which compiler builds it, for `BuildInfo`.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo runs this again when the compiler is another one. Where it does not answer, its version is not known.
    if let Some(version) = rustc_version() {
        println!("cargo::rustc-env=NILOMETER_RUSTC_VERSION={version}");
    }
}

/// Such as `1.95.0` or `1.97.0-nightly`: the second word that the compiler says about itself.
fn rustc_version() -> Option<String> {
    let said = Command::new(env::var_os("RUSTC")?).arg("--version").output().ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    said.split_whitespace().nth(1).map(str::to_owned)
}
