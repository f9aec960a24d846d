//! A receiver of pushes that does as a test says, on plain sockets.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::prometheus::DEADLINE;

/// A request that came in whole.
#[derive(Debug, Clone)]
pub struct Request {
    /// `POST`, `PUT` ...
    pub method: String,
    /// The target in the request line.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// When it was there.
    pub at: Instant,
}

impl Request {
    /// The header of this name, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| &**value)
    }
}

/// What the receiver does when it has a request.
#[derive(Debug, Clone)]
pub enum Reaction {
    /// Answers with this status, these header lines (each ended with CR LF) and this body.
    Answer(u16, String, String),
    /// Says nothing until it is stopped.
    Hang,
    /// Closes the connection without a word.
    Close,
    /// Closes it in the middle of the answer's head.
    CloseInTheMiddle,
    /// Closes it in the middle of the body of an answer with this status and these header lines.
    CloseInTheBody(u16, String),
    /// Says nothing more in the middle of the body of an answer with this status and these header lines.
    HangInTheBody(u16, String),
    /// Answers with this status, these header lines and a body that does not end until the other side has gone.
    Endless(u16, String),
}

impl Reaction {
    /// An answer without more headers and without a body.
    #[must_use]
    pub fn status(status: u16) -> Reaction {
        Reaction::Answer(status, String::new(), String::new())
    }

    /// The answer of a receiver of remote write 2.0 that has written all.
    #[must_use]
    pub fn written() -> Reaction {
        Reaction::Answer(204, Reaction::written_headers(), String::new())
    }

    /// What the head of such an answer has besides its status.
    #[must_use]
    pub fn written_headers() -> String {
        "X-Prometheus-Remote-Write-Samples-Written: 1\r\n\
            X-Prometheus-Remote-Write-Histograms-Written: 0\r\nX-Prometheus-Remote-Write-Exemplars-Written: 0\r\n"
            .to_owned()
    }
}

/// What a receiver does with each request, which it gets with its number.
pub(crate) type Script = dyn Fn(usize, &Request) -> Reaction + Send + Sync;

/// Makes what is talked over of a connection that came in.
pub(crate) type Accept = dyn Fn(TcpStream) -> io::Result<Box<dyn Wire>> + Send + Sync;

/// One side of a connection, in clear or not.
pub(crate) trait Wire: Read + Write {
    /// Ends it without a word.
    fn shut(&self) -> io::Result<()>;
}

impl Wire for TcpStream {
    fn shut(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Both)
    }
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Request>>,
    came: Condvar,
    is_stopped: AtomicBool,
    /// How many more connections to close in the middle of a request.
    cuts: AtomicUsize,
}

/// A receiver on 127.0.0.1; it ends when dropped, and with it all of its connections.
pub struct Receiver {
    address: SocketAddr,
    seen: Arc<Seen>,
    accepting: Option<thread::JoinHandle<()>>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
}

impl Receiver {
    /// A receiver that reacts to each request by `script`, which gets its number, from 0 on, and the request.
    ///
    /// # Panics
    ///
    /// Where there is no port.
    #[must_use]
    pub fn start(script: impl Fn(usize, &Request) -> Reaction + Send + Sync + 'static) -> Receiver {
        Receiver::start_at("127.0.0.1:0", script)
    }

    /// The same, but so many connections are closed before when they have half of a request's body.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn start_after_cuts(
        cuts: usize,
        script: impl Fn(usize, &Request) -> Reaction + Send + Sync + 'static,
    ) -> Receiver {
        Receiver::listen("127.0.0.1:0", cuts, Arc::new(|stream| Ok(Box::new(stream))), Arc::new(script))
    }

    /// How many connections are left to be closed so.
    #[must_use]
    pub fn cuts_left(&self) -> usize {
        self.seen.cuts.load(Ordering::SeqCst)
    }

    /// The same at an address that was another receiver's before.
    ///
    /// # Panics
    ///
    /// Where the address cannot be listened on.
    #[must_use]
    pub fn start_at(
        address: &str,
        script: impl Fn(usize, &Request) -> Reaction + Send + Sync + 'static,
    ) -> Receiver {
        Receiver::listen(address, 0, Arc::new(|stream| Ok(Box::new(stream))), Arc::new(script))
    }

    #[expect(clippy::panic, reason = "a machine without a free port runs no test")]
    pub(crate) fn listen(address: &str, cuts: usize, accept: Arc<Accept>, script: Arc<Script>) -> Receiver {
        let listener = TcpListener::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let seen = Arc::new(Seen { cuts: cuts.into(), ..Seen::default() });
        let connections = Arc::new(Mutex::new(Vec::new()));
        let (accepted, all) = (Arc::clone(&seen), Arc::clone(&connections));
        let accepting = thread::spawn(move || {
            for stream in listener.incoming() {
                if accepted.is_stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                if let Ok(stream) = stream.try_clone() {
                    all.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
                }
                let (seen, script, accept) =
                    (Arc::clone(&accepted), Arc::clone(&script), Arc::clone(&accept));
                thread::spawn(move || {
                    // A connection that breaks is the other side's affair.
                    let _ = accept(stream).and_then(|wire| serve(wire, &seen, &*script));
                });
            }
        });
        Receiver { address, seen, accepting: Some(accepting), connections }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.seen.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many connections there were so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Waits until there were so many requests, and gives them all.
    ///
    /// # Panics
    ///
    /// After [`DEADLINE`].
    #[must_use]
    pub fn wait_for(&self, count: usize) -> Vec<Request> {
        let start = Instant::now();
        let mut requests = self.seen.requests.lock().unwrap_or_else(PoisonError::into_inner);
        while requests.len() < count {
            assert!(start.elapsed() < DEADLINE, "{} of {count} requests", requests.len());
            let waited = self.seen.came.wait_timeout(requests, Duration::from_millis(100));
            requests = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        requests.clone()
    }
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.seen.is_stopped.store(true, Ordering::SeqCst);
        // Wakes the one who accepts.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        for stream in self.connections.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn serve(wire: Box<dyn Wire>, seen: &Seen, script: &Script) -> io::Result<()> {
    let mut wire = BufReader::new(wire);
    while let Some(request) = read(&mut wire, seen)? {
        let (number, reaction) = {
            let mut requests = seen.requests.lock().unwrap_or_else(PoisonError::into_inner);
            let number = requests.len();
            let reaction = script(number, &request);
            requests.push(request);
            (number, reaction)
        };
        let _ = number;
        let answered = react(&mut **wire.get_mut(), &reaction, seen);
        seen.came.notify_all();
        if !answered? {
            return wire.get_ref().shut();
        }
    }
    Ok(())
}

/// Whether the connection goes on.
fn react(writer: &mut dyn Wire, reaction: &Reaction, seen: &Seen) -> io::Result<bool> {
    match reaction {
        Reaction::Answer(status, headers, body) => {
            // SPEC: RFC 9110, section 15.3.5: 204 has no body, and no length of one.
            let length =
                if *status == 204 { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
            write!(writer, "HTTP/1.1 {status} Status\r\n{length}{headers}\r\n{body}")?;
            writer.flush()?;
            Ok(true)
        }
        Reaction::Hang => Ok(hang(seen)),
        Reaction::HangInTheBody(status, headers) => {
            write!(writer, "HTTP/1.1 {status} Status\r\nContent-Length: 100\r\n{headers}\r\nthe beginning")?;
            writer.flush()?;
            Ok(hang(seen))
        }
        Reaction::Close => Ok(false),
        Reaction::CloseInTheMiddle => {
            write!(writer, "HTTP/1.1 200 OK\r\nContent-Le")?;
            writer.flush()?;
            Ok(false)
        }
        Reaction::CloseInTheBody(status, headers) => {
            write!(writer, "HTTP/1.1 {status} Status\r\nContent-Length: 100\r\n{headers}\r\nthe beginning")?;
            writer.flush()?;
            Ok(false)
        }
        Reaction::Endless(status, headers) => {
            write!(writer, "HTTP/1.1 {status} Status\r\nTransfer-Encoding: chunked\r\n{headers}\r\n")?;
            let chunk = format!("400\r\n{}\r\n", "and so on, ".repeat(100)[..0x400].to_owned());
            loop {
                writer.write_all(chunk.as_bytes())?;
            }
        }
    }
}

/// Waits until the receiver is stopped; the connection does not go on then.
fn hang(seen: &Seen) -> bool {
    while !seen.is_stopped.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(20));
    }
    false
}

/// The next request, or `None` at the end of the connection.
fn read(reader: &mut BufReader<Box<dyn Wire>>, seen: &Seen) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let (method, path) = (word(), word());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.and_then(|(_, length)| length.parse().ok()).unwrap_or(0)];
    let is_cut =
        seen.cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |cuts| cuts.checked_sub(1)).is_ok();
    if is_cut {
        let half = body.len() / 2;
        reader.read_exact(&mut body[..half])?;
        reader.get_ref().shut()?;
        return Ok(None);
    }
    reader.read_exact(&mut body)?;
    Ok(Some(Request { method, path, headers, body, at: Instant::now() }))
}
