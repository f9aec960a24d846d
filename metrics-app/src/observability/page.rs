//! The page, with the feature `prometheus`.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use nilometer_core::MetricsRegistry;
use nilometer_prometheus::{MetricsServer, MetricsService, ServerConfig, ServerError, ServerThread};

use super::error::PartError;
use super::{ObservabilityConfig, ObservabilityConfigError, ObservabilityError, auth, plan, tls};

/// What the page is to be.
pub(super) struct PagePlan(Option<ServerConfig>);

/// The page, for as long as it is served.
#[derive(Debug)]
pub(super) struct Page(Option<ServerThread>);

impl PagePlan {
    pub(super) fn of(
        config: &ObservabilityConfig,
        timeout: Duration,
    ) -> Result<PagePlan, ObservabilityConfigError> {
        let said = &config.sections.prometheus;
        if said.enabled.is_some_and(|enabled| !enabled.0) {
            return Ok(PagePlan(None));
        }
        let mut server = ServerConfig::new().with_shutdown_timeout(timeout);
        if let Some(host) = &said.host {
            server = server.with_host(&host.0);
        }
        if let Some(port) = said.port {
            server = server.with_port(port.0);
        }
        if let Some(path) = &said.path {
            server = server.with_path(&path.0);
        }
        if let Some(on) = said.compression {
            server = server.with_compression(on.0);
        }
        if let Some(on) = said.created_lines {
            server = server.with_created_lines(on.0);
        }
        if let Some(on) = said.own_metrics {
            server = server.with_own_metrics(on.0);
        }
        if let Some(limit) = said.scrape_limit {
            server = server.with_scrape_limit(limit.get());
        }
        if let Some(limit) = said.connection_limit {
            server = server.with_connection_limit(limit.get());
        }
        let (certificate, key) = (said.tls.certificate.is_some(), said.tls.key.is_some());
        let (certificate, key) = (("prometheus.tls.certificate", certificate), ("prometheus.tls.key", key));
        plan::refuse_alone(config, certificate, key)?;
        if !certificate.1 {
            plan::refuse_without(
                config,
                ("prometheus.tls.client_ca", said.tls.client_ca.is_some()),
                certificate.0,
            )?;
        }
        let server = auth::add(config, tls::add(config, server)?)?;
        // A service that nobody calls says what is wrong with the path and with the credentials.
        if let Err(source) = MetricsService::try_new(MetricsRegistry::new(), &server) {
            let (key, source) = (key_of(&source), Box::new(source));
            return Err(ObservabilityConfigError::Prometheus { key, origin: config.origin_of(key), source });
        }
        Ok(PagePlan(Some(server)))
    }

    /// Returns once the server listens.
    pub(super) fn start(
        self,
        registry: &MetricsRegistry,
        config: &ObservabilityConfig,
    ) -> Result<Page, ObservabilityError> {
        let Some(server) = self.0 else { return Ok(Page(None)) };
        match MetricsServer::new(registry.clone(), server).serve_on_thread() {
            Ok(server) => Ok(Page(Some(server))),
            Err(ServerError::Bind { address, source }) => {
                // The port, where it is in use or not allowed; else the host, which is no address of this machine's. One that
                // nobody has said is that of whoever has said the other, if anybody has.
                let of_port = matches!(source.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied);
                let (key, other) = ("prometheus.port", "prometheus.host");
                let (key, other) = if of_port { (key, other) } else { (other, key) };
                let origin = config.origin(key).or_else(|| config.origin(other)).cloned();
                let origin = origin.unwrap_or(super::ConfigOrigin::Program);
                Err(ObservabilityError::Bind { key, origin, address, source })
            }
            Err(source) => {
                let (key, source) = (key_of(&source), Box::new(source));
                Err(ObservabilityError::Server { key, origin: config.origin_of(key), source })
            }
        }
    }
}

/// The key or the section that is at fault.
fn key_of(error: &ServerError) -> &'static str {
    if matches!(error, ServerError::InvalidPath { .. }) {
        "prometheus.path"
    } else if tls::is_at_fault(error) {
        "prometheus.tls"
    } else if auth::is_at_fault(error) {
        "prometheus.auth"
    } else {
        "prometheus"
    }
}

impl Page {
    pub(super) fn is_served(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        self.0.as_ref().map(ServerThread::local_addr)
    }

    /// Scrapes that are under way are waited for up to this long.
    pub(super) fn stop(&mut self, timeout: Duration) -> Result<(), PartError> {
        let stopped = self.0.take().map(|server| server.shutdown_within(timeout));
        stopped.unwrap_or(Ok(())).map_err(PartError::Server)
    }
}
