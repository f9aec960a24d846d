//! The page from a server that knows nothing of tokio and tower, here one of a few lines that blocks.
//!
//! ```text
//! cargo run -p nilometer-prometheus --example any_server
//! curl http://127.0.0.1:9464/metrics
//! ```

use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

use http::Request;
use nilometer_core::collect::{
    CollectError, Collector, Descriptor, GaugePoint, LabelSet, MetricType, SeriesLabels, Visitor,
};
use nilometer_prometheus::respond;

/// In place of an application's registry.
struct Uptime;

impl Collector for Uptime {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        visitor.family(&Descriptor::try_new("up", "Whether it runs.", MetricType::Gauge)?)?;
        Ok(visitor.point(SeriesLabels::of(&LabelSet::empty()), GaugePoint::new(1.0).into())?)
    }
}

/// Answers the one request of a connection.
fn answer(mut stream: TcpStream) -> Result<(), Box<dyn Error>> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().ok_or("no request")??;
    let mut words = first.split(' ');
    let mut request = Request::builder().method(words.next().unwrap_or("")).uri(words.next().unwrap_or(""));
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(": ") else { break };
        request = request.header(name, value);
    }
    let response = respond(&Uptime, &request.body(())?);
    write!(stream, "HTTP/1.0 {}\r\n", response.status())?;
    for (name, value) in response.headers() {
        write!(stream, "{name}: {}\r\n", value.to_str()?)?;
    }
    stream.write_all(b"\r\n")?;
    Ok(stream.write_all(response.body())?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:9464")?;
    for stream in listener.incoming() {
        // What goes wrong on a connection is its client's.
        let _ = answer(stream?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn the_page_is_served() -> Result<(), Box<dyn Error>> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut stream = TcpStream::connect(listener.local_addr()?)?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")?;
        answer(listener.accept()?.0)?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        assert!(text.starts_with("HTTP/1.0 200 OK\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n# HELP up Whether it runs.\n# TYPE up gauge\nup 1\n"), "{text}");
        Ok(())
    }
}
