//! Who pushes to a Pushgateway.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use nilometer_core::collect::Collector;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

use super::page::{self, Page};
use super::{PushMode, PushgatewayConfig};
use crate::causes::Causes;
use crate::format::TEXT_CONTENT_TYPE;
use crate::push::background::Work;
use crate::push::client::{Client, Message, Patience, Trouble};
use crate::push::metrics::{Collection, Loss, WithOwn};
use crate::push::{PushError, PushReport};

/// Pushes to one group, from the runtime in which it was made.
pub(super) struct GatewayWork<C> {
    collector: Arc<C>,
    config: PushgatewayConfig,
    client: Client,
}

impl<C: Collector + 'static> GatewayWork<C> {
    pub(super) fn new(collector: Arc<C>, config: PushgatewayConfig) -> GatewayWork<C> {
        let stats = config.metrics().stats(config.name());
        let client = Client::new(config.endpoint().clone(), stats);
        GatewayWork { collector, config, client }
    }

    /// Collects on a thread where that may take its time.
    async fn page(&self) -> Result<Page, PushError> {
        let (collector, limit) = (Arc::clone(&self.collector), self.config.max_page());
        let own = self.config.own_metrics().then(|| Arc::clone(self.client.stats()));
        let collected = spawn_blocking(move || page::collect(&WithOwn(&*collector, own), limit)).await;
        let page = collected.unwrap_or(Err(PushError::CollectorPanicked));
        let stats = self.client.stats();
        match &page {
            Ok(_) => stats.collection(Collection::Complete),
            Err(error) => {
                stats.collection(Collection::Failed);
                tracing::warn!(push = stats.name(), error = %Causes(error), "nothing to push");
            }
        }
        page
    }

    pub(super) async fn push(&self) -> Result<PushReport, PushError> {
        let page = self.page().await?;
        let bytes = page.text.len() as u64;
        let method = match self.config.mode() {
            PushMode::Replace => Method::PUT,
            PushMode::Add => Method::POST,
        };
        let result = self.send(method, page.text).await;
        let stats = self.client.stats();
        match result {
            Ok(()) => {
                stats.delivered(page.points);
                Ok(PushReport { points: page.points, skipped: page.skipped, requests: 1, bytes })
            }
            Err(error) => {
                stats.lost(Loss::of(&error), page.points);
                Err(error)
            }
        }
    }

    pub(super) async fn delete(&self) -> Result<(), PushError> {
        self.send(Method::DELETE, Vec::new()).await
    }

    async fn send(&self, method: Method, body: Vec<u8>) -> Result<(), PushError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(TEXT_CONTENT_TYPE));
        let uri = self.config.endpoint().below(&self.config.group().path());
        let message = Message { method, uri, headers, body: body.into() };
        self.client.deliver(&message, Patience::Attempts, &Notify::new(), || {}).await.map(drop)
    }
}

impl<C: Collector + 'static> Work for GatewayWork<C> {
    async fn tick(&mut self) {
        // What went wrong is counted and logged; the next push has the totals.
        let _ = self.push().await;
    }

    async fn flush(&mut self) -> Result<PushReport, PushError> {
        self.push().await
    }

    async fn finish(&mut self) -> Result<PushReport, PushError> {
        let pushed = self.push().await;
        if self.config.delete_at_shutdown() {
            self.delete().await?;
        }
        pushed
    }

    fn trouble(&self) -> Trouble {
        self.client.trouble().clone()
    }
}
