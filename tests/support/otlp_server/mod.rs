//! A receiver of metrics over OTLP that does as a test says, by gRPC or by HTTP, on 127.0.0.1.
//!
//! - [`Answer`]: what it does with a request. [`Received`]: a request. [`Model`]: what it has by the requests that it
//!   has taken.
//! - `state`: what it knows. `connection`: how connections are served and cut. `grpc`, `over_http`: the protocols.

mod answer;
mod connection;
mod endless;
mod grpc;
mod model;
mod over_http;
mod received;
mod series;
mod state;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::{fmt, io, thread};

use nilometer_otel::Protocol;
use socket2::{Domain, Socket, Type};
use tokio::sync::oneshot;

pub use self::answer::{Answer, RetryAfter};
pub use self::model::Model;
pub use self::received::Received;
pub use self::series::{Key, Total};
use self::state::State;

/// How many connections wait to be accepted.
const BACKLOG: i32 = 64;

/// A receiver on a thread of its own, which ends when this is dropped. What it knows is there whether it runs or not.
///
/// # Concurrency
///
/// Answers are given in the order in which requests begin.
pub struct OtlpServer {
    state: Arc<State>,
    address: SocketAddr,
    /// Keeps the port from others while the receiver does not run. It does not listen, so that connections are refused.
    _reserved: Socket,
    running: Option<Running>,
}

struct Running {
    /// Stops it when it is dropped.
    stop: oneshot::Sender<()>,
    /// Unless it runs in somebody's runtime.
    thread: Option<thread::JoinHandle<()>>,
}

impl OtlpServer {
    /// A receiver that runs and takes everything.
    ///
    /// # Panics
    ///
    /// Where there is no port.
    #[must_use]
    pub fn start(protocol: Protocol) -> OtlpServer {
        let mut server = OtlpServer::stopped(protocol);
        server.start_again();
        server
    }

    /// The same without a thread: it runs in the runtime that this is called in, for as long as somebody drives that.
    ///
    /// # Panics
    ///
    /// Where there is no runtime, or no port.
    #[must_use]
    #[expect(clippy::panic, reason = "a test whose receiver does not run has failed")]
    pub fn spawned(protocol: Protocol) -> OtlpServer {
        let mut server = OtlpServer::stopped(protocol);
        let (stop, stopped) = oneshot::channel();
        let listener = listening(server.address).unwrap_or_else(|error| panic!("{error}"));
        tokio::spawn(accept(listener, Arc::clone(&server.state), stopped));
        server.running = Some(Running { stop, thread: None });
        server
    }

    /// One that does not run yet: connections are refused.
    ///
    /// # Panics
    ///
    /// Where there is no port.
    #[must_use]
    #[expect(clippy::panic, reason = "a machine without a free port runs no test")]
    pub fn stopped(protocol: Protocol) -> OtlpServer {
        let reserved = bound((Ipv4Addr::LOCALHOST, 0).into()).unwrap_or_else(|error| panic!("{error}"));
        let address = reserved.local_addr().ok().and_then(|address| address.as_socket());
        let address = address.unwrap_or_else(|| panic!("a socket without an address"));
        OtlpServer { state: Arc::new(State::new(protocol)), address, _reserved: reserved, running: None }
    }

    /// Adds to the answers that are given to the next requests, one each.
    pub fn script(&self, answers: impl IntoIterator<Item = Answer>) {
        self.state.change(|inner| inner.script.extend(answers));
    }

    /// Sets the answer for when the script has ended: [`Answer::Accept`] unless this says something else.
    pub fn otherwise(&self, answer: Answer) {
        self.state.change(|inner| inner.otherwise = answer);
    }

    /// Keeps no more than the last requests, so many of them; the model has the others all the same.
    pub fn keep(&self, requests: usize) {
        self.state.change(|inner| inner.kept = requests);
    }

    /// Runs, at the same address as before. Where it runs, nothing changes.
    ///
    /// # Panics
    ///
    /// When it cannot.
    #[expect(clippy::panic, reason = "a test whose receiver does not run has failed")]
    pub fn start_again(&mut self) {
        if self.running.is_some() {
            return;
        }
        let running = Running::start(self.address, Arc::clone(&self.state));
        self.running = Some(running.unwrap_or_else(|error| panic!("{}: {error}", self.address)));
    }

    /// Ends at once, and with it all connections; afterwards they are refused.
    pub fn stop(&mut self) {
        if let Some(Running { stop, thread }) = self.running.take() {
            drop(stop);
            if let Some(thread) = thread {
                let _ = thread.join();
            }
        }
    }

    /// Where it listens, or will.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a base URL.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The protocol.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.state.protocol
    }

    /// The requests that came in whole, in their order, as far as they are kept.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.state.lock().received.iter().cloned().collect()
    }

    /// Waits until so many came in whole, and gives those that are kept.
    ///
    /// # Panics
    ///
    /// After [`DEADLINE`](crate::prometheus::DEADLINE), as all that wait.
    #[must_use]
    pub fn wait_for(&self, requests: usize) -> Vec<Received> {
        self.state.wait_for("requests", |inner| {
            (inner.whole >= requests).then(|| inner.received.iter().cloned().collect())
        })
    }

    /// How many requests there were, whole or not; a connection that was reset at once is one.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.state.lock().attempts
    }

    /// Waits until there were so many requests, whole or not.
    ///
    /// # Panics
    ///
    /// After the deadline.
    pub fn wait_for_attempts(&self, attempts: usize) {
        self.state.wait_for("attempts", |inner| (inner.attempts >= attempts).then_some(()));
    }

    /// Waits until the script has come to its end.
    ///
    /// # Panics
    ///
    /// After the deadline.
    pub fn wait_for_script(&self) {
        self.state.wait_for("the end of the script", |inner| inner.script.is_empty().then_some(()));
    }

    /// How many connections there were.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.lock().connections
    }

    /// How many requests hang right now.
    #[must_use]
    pub fn hanging(&self) -> usize {
        self.state.lock().hanging
    }

    /// Waits until so many requests hang.
    ///
    /// # Panics
    ///
    /// After the deadline.
    pub fn wait_for_hanging(&self, requests: usize) {
        self.state.wait_for("requests that hang", |inner| (inner.hanging == requests).then_some(()));
    }

    /// Ends the wait of the requests that hang.
    pub fn release(&self) {
        self.state.released.notify_waiters();
    }

    /// What it has by the requests that it has taken.
    #[must_use]
    pub fn model(&self) -> Model {
        self.state.lock().model.clone()
    }

    /// Waits until what it has is as `question` wants it, and gives that.
    ///
    /// # Panics
    ///
    /// After the deadline; `what` says what was waited for.
    pub fn wait_for_model<T>(&self, what: &str, mut question: impl FnMut(&Model) -> Option<T>) -> T {
        self.state.wait_for(what, |inner| question(&inner.model))
    }
}

impl Running {
    fn start(address: SocketAddr, state: Arc<State>) -> io::Result<Running> {
        let listener = listening(address)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("otlp-server".to_owned())
            .spawn(move || runtime.block_on(accept(listener, state, stopped)))?;
        Ok(Running { stop, thread: Some(thread) })
    }
}

/// Accepts connections until it is stopped.
async fn accept(listener: TcpListener, state: Arc<State>, mut stopped: oneshot::Receiver<()>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                state.change(|inner| inner.connections += 1);
                tokio::spawn(connection::serve(stream, Arc::clone(&state)));
            }
        }
    }
}

fn listening(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = bound(address)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// A socket at an address that one of ours may have, too.
fn bound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

impl fmt::Debug for OtlpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpServer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for OtlpServer {
    fn drop(&mut self) {
        self.stop();
    }
}
