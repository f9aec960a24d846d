//! A server whose tasks, sockets and collections are counted.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nilometer_core::collect::{CollectError, Collector, Visitor};
use nilometer_prometheus::{MetricsServer, ServerConfig, ServerStats};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// In what time others are served, whatever one client does.
pub(crate) const IN_TIME: Duration = Duration::from_secs(10);

/// A request of the page, the last one of its connection.
pub(crate) const LAST: &str = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// A server in a runtime of its own, in which there is nothing else.
pub(crate) struct Served {
    /// `None` once it is dropped.
    runtime: Option<Runtime>,
    place: Place,
    stats: ServerStats,
    /// The tasks that are no connection's.
    own_tasks: usize,
    collecting: Arc<AtomicUsize>,
}

enum Place {
    Address(SocketAddr),
    Socket(PathBuf),
}

/// What there is of connections: none, where nothing has leaked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Left {
    tasks: usize,
    descriptors: usize,
    collections: usize,
}

/// Counts the collections under way.
struct Counted<C>(C, Arc<AtomicUsize>);

impl<C: Collector> Collector for Counted<C> {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let result = self.0.collect(visitor);
        self.1.fetch_sub(1, Ordering::SeqCst);
        result
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

impl Served {
    pub(crate) async fn start(collector: impl Collector + 'static, config: ServerConfig) -> Served {
        Served::start_with(collector, config, 1).await
    }

    /// A server that has so many tasks of its own.
    pub(crate) async fn start_with(
        collector: impl Collector + 'static,
        config: ServerConfig,
        own_tasks: usize,
    ) -> Served {
        let (runtime, collecting) = (runtime(), Arc::default());
        let server = MetricsServer::new(Counted(collector, Arc::clone(&collecting)), config);
        let server = runtime.spawn(server.bind()).await.unwrap().unwrap();
        let (place, stats) = (Place::Address(server.local_addr()), server.stats());
        runtime.spawn(server.serve());
        Served { runtime: Some(runtime), place, stats, own_tasks, collecting }
    }

    #[cfg(unix)]
    pub(crate) async fn start_unix(
        collector: impl Collector + 'static,
        config: ServerConfig,
        path: &Path,
    ) -> Served {
        let (runtime, collecting) = (runtime(), Arc::default());
        let server = MetricsServer::new(Counted(collector, Arc::clone(&collecting)), config);
        let server = runtime.spawn(server.bind_unix(path.to_owned())).await.unwrap().unwrap();
        let (place, stats) = (Place::Socket(path.to_owned()), server.stats());
        runtime.spawn(server.serve());
        Served { runtime: Some(runtime), place, stats, own_tasks: 1, collecting }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        match &self.place {
            Place::Address(address) => *address,
            Place::Socket(path) => panic!("{} is no address", path.display()),
        }
    }

    pub(crate) fn stats(&self) -> &ServerStats {
        &self.stats
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address()).await.unwrap()
    }

    /// Waits until so many connections have taken too long.
    pub(crate) async fn times_out(&self, connections: u64) {
        let since = Instant::now();
        while self.stats.timed_out() < connections {
            assert!(since.elapsed() < IN_TIME, "{} connections are cut", self.stats.timed_out());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert_eq!(self.stats.timed_out(), connections);
    }

    /// Somebody else is served in time.
    pub(crate) async fn serves_others(&self) {
        is_served(|| self.connect()).await;
    }

    /// Somebody else is served in time, and of all connections nothing is left in the end.
    pub(crate) async fn goes_on(&self) {
        self.serves_others().await;
        self.left_nothing().await;
    }

    /// Of all connections, of which none is open any more, nothing is left.
    pub(crate) async fn left_nothing(&self) {
        let since = Instant::now();
        while self.left() != (Left { tasks: 0, descriptors: 0, collections: 0 }) {
            assert!(since.elapsed() < IN_TIME, "{:?}", self.left());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn left(&self) -> Left {
        let runtime = self.runtime.as_ref().unwrap();
        Left {
            tasks: runtime.metrics().num_alive_tasks() - self.own_tasks,
            descriptors: self.place.sockets() - 1,
            collections: self.collecting.load(Ordering::SeqCst),
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Within another runtime, none is waited for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Place {
    /// How many sockets of the process are here: the listener, and each connection that it has accepted.
    #[cfg(target_os = "linux")]
    fn sockets(&self) -> usize {
        let (table, name, column, inode) = match self {
            Place::Address(address) => ("tcp", format!("0100007F:{:04X}", address.port()), 1, 9),
            Place::Socket(path) => ("unix", path.display().to_string(), 7, 6),
        };
        let sockets = std::fs::read_to_string(format!("/proc/self/net/{table}")).unwrap();
        let is_held = |line: &&str| {
            let fields: Vec<_> = line.split_whitespace().collect();
            fields.get(column) == Some(&name.as_str()) && fields[inode] != "0"
        };
        sockets.lines().skip(1).filter(is_held).count()
    }

    /// Counted where the system tells.
    #[cfg(not(target_os = "linux"))]
    fn sockets(&self) -> usize {
        1
    }
}

/// Somebody is served in time, on a connection that this makes. One who is told to come again does.
pub(crate) async fn is_served<S, F>(connect: impl Fn() -> F)
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = S>,
{
    let served = async {
        loop {
            let mut stream = connect().await;
            stream.write_all(LAST.as_bytes()).await.unwrap();
            let answer = rest(&mut stream).await;
            if answer.starts_with("HTTP/1.1 503 ") {
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            }
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer:.200}");
            assert!(answer.contains("\r\n\r\n"), "{answer}");
            return;
        }
    };
    timeout(IN_TIME, served).await.unwrap();
}

/// What the server sends until it closes the connection, in whichever way.
pub(crate) async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    let read = async { while stream.read_buf(&mut answer).await.is_ok_and(|count| count > 0) {} };
    timeout(IN_TIME, read).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads up to the end of the first answer that ends with this.
pub(crate) async fn up_to(stream: &mut (impl AsyncRead + Unpin), end: &str) -> String {
    let mut answer = Vec::new();
    let read = async {
        while !answer.ends_with(end.as_bytes()) {
            answer.push(stream.read_u8().await.unwrap());
        }
    };
    timeout(IN_TIME, read).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// Sends this again and again until the server takes no more; returns how many bytes were sent.
pub(crate) async fn flood(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> usize {
    let mut sent = 0;
    let flooding = async {
        while let Ok(count) = stream.write(bytes).await {
            sent += count;
        }
    };
    let ended = timeout(IN_TIME, flooding).await;
    ended.unwrap_or_else(|_| panic!("still open after {sent} bytes"));
    sent
}

/// Sends a byte at a time until the server takes no more, a short time apart.
pub(crate) async fn trickle(stream: &mut (impl AsyncWrite + Unpin), bytes: impl Iterator<Item = u8>) {
    let send = async {
        for byte in bytes {
            if stream.write_all(&[byte]).await.is_err() || stream.flush().await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(IN_TIME, send).await.unwrap();
}

/// Asks for a page, and reads a byte at a time for as long as there are any, a short time apart.
pub(crate) async fn sip(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    stream.write_all(LAST.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    while stream.read_u8().await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
