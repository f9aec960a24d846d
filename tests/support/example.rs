//! The examples, built as a reader of the README would, and `stream_processor`, run.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;

use serde_json::Value as Json;

/// Names a binary to run instead of the one that cargo builds.
const BINARY: &str = "NILOMETER_STREAM_PROCESSOR";

/// Names the folder that has all examples.
const FOLDER: &str = "EXAMPLES_FOLDER";

/// How the line starts that says where the metrics are.
const SERVING: &str = "serving metrics on ";

/// The root of the workspace.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A running `stream_processor`; killed when dropped.
#[derive(Debug)]
pub struct StreamProcessor {
    child: Child,
    url: String,
}

impl StreamProcessor {
    /// Starts the example on a free port with these arguments and waits until it serves. What `input` holds comes to
    /// it on standard input.
    ///
    /// # Panics
    ///
    /// When it cannot be built, or ends without having served.
    #[must_use]
    pub fn start(arguments: &[&str], input: &[u8]) -> StreamProcessor {
        StreamProcessor::start_command(command(arguments), input)
    }

    /// The same of a binary that [`build`] made.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn start_binary(path: &Path, arguments: &[&str]) -> StreamProcessor {
        StreamProcessor::start_command(with_arguments(Command::new(path), arguments), b"")
    }

    #[expect(clippy::panic, reason = "a test whose program does not start has failed")]
    fn start_command(mut command: Command, input: &[u8]) -> StreamProcessor {
        let mut child = command
            .args(["--listen", "127.0.0.1:0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run the example: {error}"));
        if let Some(mut stdin) = child.stdin.take() {
            let input = input.to_vec();
            // On a thread of its own: an input larger than the pipe waits for its reader, and an example that reads
            // none of it may close the pipe.
            thread::spawn(move || drop(stdin.write_all(&input)));
        }
        let Some(stderr) = child.stderr.take() else { unreachable!("stderr is piped") };
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        let serving = lines.find_map(|line| line.strip_prefix(SERVING).map(str::to_owned));
        let Some(url) = serving else { panic!("the example ended before it served: {:?}", child.wait()) };
        // Read to the end: a full pipe would stop the example.
        thread::spawn(move || lines.for_each(drop));
        StreamProcessor { child, url }
    }

    /// The page that it serves now.
    ///
    /// # Panics
    ///
    /// When it does not answer.
    #[must_use]
    pub fn page(&self) -> String {
        self.page_as("text/plain")
    }

    /// The same in a format that is asked for by this header.
    ///
    /// # Panics
    ///
    /// As [`page`](Self::page).
    #[must_use]
    #[expect(clippy::panic, reason = "a test whose program does not answer has failed")]
    pub fn page_as(&self, accept: &str) -> String {
        let answer = ureq::get(&self.url)
            .header("accept", accept)
            .call()
            .and_then(|mut response| response.body_mut().read_to_string());
        answer.unwrap_or_else(|error| panic!("{}: {error}", self.url))
    }

    /// Interrupts it, as Ctrl-C does, and waits for its end.
    ///
    /// # Panics
    ///
    /// When it cannot be interrupted.
    #[must_use]
    #[expect(clippy::panic, reason = "a test whose program does not end has failed")]
    pub fn interrupt(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        let killed = Command::new("kill").args(["-INT", &id]).status();
        assert!(killed.is_ok_and(|status| status.success()), "cannot interrupt {id}");
        self.child.wait().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Host and port, as Prometheus wants a target.
    #[must_use]
    pub fn target(&self) -> String {
        self.url.trim_start_matches("http://").trim_end_matches("/metrics").to_owned()
    }
}

impl Drop for StreamProcessor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the example to its end and returns how it ended and what it wrote to standard error.
///
/// # Panics
///
/// When it cannot be run.
#[must_use]
#[expect(clippy::panic, reason = "a test whose program does not start has failed")]
pub fn run_to_end(arguments: &[&str]) -> (ExitStatus, String) {
    let output = command(arguments).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run the example: {error}"));
    (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn command(arguments: &[&str]) -> Command {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    with_arguments(Command::new(PATH.get_or_init(binary)), arguments)
}

fn with_arguments(mut command: Command, arguments: &[&str]) -> Command {
    // The example takes such variables for its own, and refuses what it does not know.
    command.args(arguments).env_remove(BINARY).env_remove("NILOMETER_PEERS");
    command
}

/// Where the example is, built now unless the environment names one.
fn binary() -> PathBuf {
    std::env::var_os(BINARY).map_or_else(|| build("stream_processor", ""), PathBuf::from)
}

/// Builds an example with these features, and says where it is. One that needs any is taken from where the environment says
/// that all are, built with all features.
///
/// # Panics
///
/// When that fails.
#[must_use]
#[expect(clippy::panic, reason = "a test whose program cannot be built has failed")]
pub fn build(example: &str, features: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os(FOLDER).filter(|_| !features.is_empty()) {
        return workspace().join(folder).join(example);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(workspace())
        .args(["build", "-p", "nilometer", "--features", features, "--example", example])
        .args(["--message-format", "json"])
        .output()
        .unwrap_or_else(|error| panic!("cannot run cargo: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8_lossy(&output.stdout);
    let executable = messages.lines().find_map(|line| {
        let message: Json = serde_json::from_str(line).ok()?;
        (message["target"]["name"] == example).then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    executable.unwrap_or_else(|| panic!("cargo built no example `{example}`"))
}
