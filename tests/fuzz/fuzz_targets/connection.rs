//! Bytes into a connection of the real server, in pieces of any size and broken off anywhere: what comes back is HTTP, no
//! task is left of it, and the next one is served as if nothing had been.
//!
//! A seed begins with three bytes: whether it is bytes or frames of HTTP/2, the size of the pieces, and where it ends.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use libfuzzer_sys::arbitrary::{Arbitrary as _, Unstructured};
use libfuzzer_sys::fuzz_target;
use nilometer_fuzz::frames::{PREFACE, Sent};
use nilometer_fuzz::served::Page;
use nilometer_fuzz::wire::{Protocol, judge};
use nilometer_prometheus::{MetricsServer, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::yield_now;
use tokio::time::timeout;

/// Longer than anything takes that works.
const LIMIT: Duration = Duration::from_secs(5);

/// Where the client says that it sends no more, and reads to the end. Below, it breaks off.
const TO_THE_END: u8 = 128;

struct Served {
    runtime: Runtime,
    socket: PathBuf,
    /// What anybody is to get.
    page: String,
}

fn served() -> &'static Served {
    static SERVED: OnceLock<Served> = OnceLock::new();
    SERVED.get_or_init(|| {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let socket = std::env::temp_dir().join(format!("nilometer-fuzz-{}", std::process::id()));
        // A scrape that nobody reads ends a moment later than its connection.
        let config =
            ServerConfig::new().with_own_metrics(false).with_scrape_limit(1000).with_request_limit(1000);
        let server = runtime.block_on(MetricsServer::new(Page::LONG, config).bind_unix(&socket));
        runtime.spawn(server.expect("a socket").serve());
        // Handled, it does not end the process, as it does not where `main` is Rust's.
        drop(runtime.block_on(async { signal(SignalKind::pipe()) }).expect("a signal"));
        let page = runtime.block_on(ask(&socket));
        Served { runtime, socket, page }
    })
}

/// A connection and what has come out of it.
struct Client {
    stream: UnixStream,
    answers: Vec<u8>,
}

impl Client {
    async fn connect(socket: &Path) -> Client {
        let stream = UnixStream::connect(socket).await.expect("a server that listens");
        Client { stream, answers: Vec::new() }
    }

    /// Sends a piece, and lets the server look at it. Returns whether the server is still there.
    async fn send(&mut self, mut piece: &[u8]) -> bool {
        while !piece.is_empty() {
            match self.stream.try_write(piece) {
                Ok(sent) => piece = &piece[sent..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return false,
            }
            yield_now().await;
            while self.stream.try_read_buf(&mut self.answers).is_ok_and(|count| count > 0) {}
        }
        true
    }

    async fn read_to_the_end(&mut self) {
        let answers = &mut self.answers;
        let read = timeout(LIMIT, self.stream.read_to_end(answers)).await;
        // A server that does not read all that is sent resets the connection.
        let _ = read.expect("a connection that ends when its client has said all");
    }
}

fn message(data: &[u8], is_frames: bool) -> Vec<u8> {
    if !is_frames {
        return data.to_vec();
    }
    let mut bytes = PREFACE.to_vec();
    // What the client demands of the server: nothing.
    bytes.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    let mut data = Unstructured::new(data);
    while !data.is_empty() {
        let Ok(sent) = Sent::arbitrary(&mut data) else { break };
        sent.push_to(&mut bytes);
    }
    bytes
}

async fn attack(served: &Served, [is_frames, piece, end]: [u8; 3], data: &[u8]) {
    let mut message = message(data, is_frames % 2 == 1);
    if end < TO_THE_END {
        message.truncate(message.len() * usize::from(end) / usize::from(TO_THE_END - 1));
    }
    let size = if piece == 0 { message.len().max(1) } else { usize::from(piece) };
    let mut client = Client::connect(&served.socket).await;
    for piece in message.chunks(size) {
        if !client.send(piece).await {
            break;
        }
    }
    if end >= TO_THE_END {
        // Something for it to answer before it learns that there is no more.
        for _ in TO_THE_END..end {
            yield_now().await;
            while client.stream.try_read_buf(&mut client.answers).is_ok_and(|count| count > 0) {}
        }
        let _ = client.stream.shutdown().await;
        client.read_to_the_end().await;
    }
    let protocol = if message.starts_with(PREFACE) { Protocol::Two } else { Protocol::One };
    let _ = judge(protocol, &client.answers);
}

/// The page of a client that does as it should, without what is long.
async fn ask(socket: &Path) -> String {
    let mut client = Client::connect(socket).await;
    let request = b"GET /metrics?exclude[]=long_* HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert!(client.send(request).await, "a server that reads");
    client.read_to_the_end().await;
    assert_eq!(judge(Protocol::One, &client.answers), 1, "a page that is complete");
    let answer = String::from_utf8(client.answers).expect("a text");
    let (head, page) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    page.to_owned()
}

fuzz_target!(|input: &[u8]| {
    let Some((&how, data)) = input.split_first_chunk() else { return };
    let served = served();
    served.runtime.block_on(async {
        attack(served, how, data).await;
        assert_eq!(ask(&served.socket).await, served.page);
        // The server's own task is left.
        let tasks = || served.runtime.metrics().num_alive_tasks();
        let since = Instant::now();
        while tasks() > 1 {
            assert!(since.elapsed() < LIMIT, "{} tasks of connections that are gone", tasks() - 1);
            yield_now().await;
        }
    });
});
