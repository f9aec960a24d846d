//! A receiver over HTTP that answers what a test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

pub(crate) const TAKEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// Answers every request by the next of these answers, the last one for ever, and tells of each request.
pub(crate) struct Receiver {
    pub(crate) endpoint: String,
    pub(crate) requests: mpsc::Receiver<String>,
}

impl Receiver {
    pub(crate) fn start(answers: &[&str]) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (told, requests) = mpsc::channel();
        let answers: Vec<String> = answers.iter().map(ToString::to_string).collect();
        thread::spawn(move || {
            let mut answered = 0;
            // Whoever sends has one connection at a time.
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                connection.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
                while let Some(request) = read(&mut connection) {
                    let answer = &answers[answered.min(answers.len() - 1)];
                    answered += 1;
                    if told.send(request).is_err() || connection.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            }
        });
        Receiver { endpoint, requests }
    }
}

/// Reads a request, and returns its first line.
fn read(connection: &mut TcpStream) -> Option<String> {
    let mut reader = BufReader::with_capacity(1, connection);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok().filter(|&read| read > 0)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    Some(first.trim().to_owned())
}
