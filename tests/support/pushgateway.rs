//! A real Pushgateway, for tests that ask it what was pushed.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::page::Page;
use crate::prometheus::{free_address, wait_for};

/// How often a port that somebody else took in between is replaced by another.
const PORTS: usize = 5;

/// A running `prometheus-pushgateway` on 127.0.0.1; killed when dropped.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    address: SocketAddr,
    agent: ureq::Agent,
}

impl Gateway {
    /// Starts one and waits until it is ready.
    ///
    /// # Panics
    ///
    /// When the binary is missing, or does not become ready.
    #[must_use]
    #[expect(clippy::panic, reason = "a test fails where its tool is missing, it does not skip")]
    pub fn start() -> Gateway {
        for _ in 0..PORTS {
            let address = free_address();
            let child = Command::new("prometheus-pushgateway")
                .arg(format!("--web.listen-address={address}"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            let child = child.unwrap_or_else(|error| {
                panic!("cannot run `prometheus-pushgateway` ({error}): .ci/peers fetches it")
            });
            let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(10))).build();
            let mut gateway = Gateway { child, address, agent: config.into() };
            let ready = wait_for("the Pushgateway to be ready", || {
                if !matches!(gateway.child.try_wait(), Ok(None)) {
                    return Some(false);
                }
                gateway.agent.get(format!("http://{address}/-/ready")).call().is_ok().then_some(true)
            });
            if ready {
                return gateway;
            }
        }
        panic!("the Pushgateway ended {PORTS} times before it was ready");
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it would show to a Prometheus.
    ///
    /// # Panics
    ///
    /// When there is no page.
    #[must_use]
    #[expect(clippy::panic, reason = "a test whose question is refused has failed")]
    pub fn text(&self) -> String {
        let url = format!("http://{}/metrics", self.address);
        let answer =
            self.agent.get(&url).call().and_then(|mut response| response.body_mut().read_to_string());
        answer.unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// The same, read.
    ///
    /// # Panics
    ///
    /// When there is no page, or it breaks a rule.
    #[must_use]
    #[expect(clippy::panic, reason = "a test whose question is refused has failed")]
    pub fn page(&self) -> Page {
        let text = self.text();
        Page::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Nothing it holds is worth a graceful end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
