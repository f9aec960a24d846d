//! What answers a request.

use std::convert::Infallible;
use std::fmt;

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, Request, Response, StatusCode, Version};
use nilometer_core::collect::{CollectError, Collector, Visitor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;
use tower_service::Service;

use super::account::Account;
use super::answer::method_not_allowed;
use super::auth::Gate;
use super::body::MetricsBody;
use super::config::HEALTH_PATH;
use super::decision::{Checked, Decision};
use super::filter::{Filter, FilterError};
use super::future::{Coming, MetricsFuture, Scrape, Scraping, State, busy, short};
use super::scrape::{self, Allowance, Collections, Encoded, Rendition};
use super::sharing::{Audience, Following, Joined, Lead, PATIENCE, Sharing};
use super::stats;
use super::{ScrapeStatus, ServerConfig, ServerError, ServerStats};
use crate::compress::CODINGS;
use crate::format::{Exposition, Format};
use crate::negotiate::negotiate_coding;
use crate::own::{self, Own};

/// Answers scrapes: a [tower](https://docs.rs/tower) service that mounts anywhere.
///
/// | request | answer |
/// |---|---|
/// | GET of the configured path | 200, the page, in the format and with the compression that `Accept` and `Accept-Encoding` ask for |
/// | GET of `/health` | 200, `OK` |
/// | HEAD of either | the same without the body; the page is begun, so that the status is true |
/// | another method | 405 with `Allow` |
/// | another path | 404 |
/// | one without the credentials that are configured | 401 with `WWW-Authenticate`, `/health` aside |
/// | one whose filter cannot be read | 400 |
/// | a scrape beyond the limits | 503 with `Retry-After` |
/// | a collector that fails or panics before the page is begun to be sent | 500 |
///
/// A query of `name[]=requests_total&name[]=http_*` asks for those families alone, one of `exclude[]=http_*` for all but
/// these; a name is that of a family in any format or of one of its samples, a `*` at its end stands for any rest.
///
/// [`Exposition::negotiate`] says which format that is; whatever the headers hold, there is a page. Compression is gzip,
/// and zstd with the feature of that name; [`ServerConfig::with_compression`] turns it off.
///
/// A page of up to 384 KiB ([`ServerConfig::with_shared_page_limit`]) has `Content-Length` and `X-Render-Duration-Ms`. A
/// longer one is streamed while it is collected; one that breaks off after that ends with an error, which HTTP shows to
/// the client as an incomplete response, and under HTTP/1.0, which cannot, with a line that makes the page invalid; under
/// HTTP/1.0, pages are always text. Collecting happens on tokio's blocking pool, and stops when its readers go away.
///
/// # Scrapes that arrive together
///
/// Those that ask for the same page, in the same format, with the same compression and the same filter, while it is being
/// collected for another one, wait for the next collection, which begins when that one ends, and share it; while another
/// one waits for a place, they wait with it. So a page always shows all that was recorded before it was asked for, and a
/// hundred that ask at a time cost two collections. None
/// waits for others' readers: a page is held until it is complete, and one that is too long for that goes to one scrape,
/// while the others collect by themselves, each within [`ServerConfig::with_scrape_limit`]. When a collection takes more
/// than 100 ms, one of those who wait collects beside it, for all of them, once there is a place.
///
/// The page ends with how many series each family has, `nilometer_series`, and with what the service tells about itself,
/// [`ServerStats`], unless [`ServerConfig::with_own_metrics`] says otherwise.
///
/// Clones share the collector and the limit. The path is compared with that of the request as the service sees it:
/// under axum's `route_service` that is the whole path, under `nest_service` what follows the prefix.
///
/// # Panics
///
/// A call outside a tokio runtime, or in one without timers, panics.
///
/// # Examples
///
/// ```
/// # use nilometer_core::collect::*;
/// # struct Nothing;
/// # impl Collector for Nothing {
/// #     fn collect(&self, _: &mut dyn Visitor) -> Result<(), CollectError> { Ok(()) }
/// # }
/// # let registry = Nothing;
/// use nilometer_prometheus::MetricsService;
///
/// let app: axum::Router = axum::Router::new().route_service("/metrics", MetricsService::new(registry));
/// ```
pub struct MetricsService<C> {
    shared: Arc<Shared<C>>,
}

struct Shared<C> {
    collector: C,
    path: String,
    requests: Arc<Semaphore>,
    collections: Collections,
    sharing: Sharing,
    hold: usize,
    gate: Option<Gate>,
    stats: ServerStats,
    own_metrics: bool,
    stall_timeout: Duration,
    compression: bool,
    created_lines: bool,
}

/// Lets a scrape keep the collector alive.
struct SharedCollector<C>(Arc<Shared<C>>);

impl<C: Collector> Collector for SharedCollector<C> {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let Shared { collector, stats, own_metrics, .. } = &*self.0;
        if *own_metrics {
            let own = Own { families: stats, prefix: stats::PREFIX, with_series: true };
            own::collect(collector, &own, visitor)
        } else {
            collector.collect(visitor)
        }
    }
}

impl<C: Collector + 'static> MetricsService<C> {
    /// A service with the default path and limits.
    #[must_use]
    pub fn new(collector: C) -> MetricsService<C> {
        MetricsService::unchecked(collector, &ServerConfig::default(), None)
    }

    /// A service with the path, the limits on scrapes and requests, and the credentials of `config`; host, port, TLS and
    /// connections are not its business.
    ///
    /// # Errors
    ///
    /// [`ServerError::InvalidPath`] when no request can have the path, or it is `/health`; with the feature `auth`,
    /// `ServerError::Auth` when credentials cannot be checked.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nilometer_core::collect::*;
    /// # struct Nothing;
    /// # impl Collector for Nothing {
    /// #     fn collect(&self, _: &mut dyn Visitor) -> Result<(), CollectError> { Ok(()) }
    /// # }
    /// # let registry = Nothing;
    /// use nilometer_prometheus::{MetricsService, ServerConfig};
    ///
    /// let error = MetricsService::try_new(registry, &ServerConfig::new().with_path("metrics")).unwrap_err();
    /// assert!(error.to_string().starts_with("invalid path `metrics`"));
    /// ```
    pub fn try_new(collector: C, config: &ServerConfig) -> Result<MetricsService<C>, ServerError> {
        config.checked_path()?;
        let gate = config.auth().map(Gate::try_new).transpose()?;
        Ok(MetricsService::unchecked(collector, config, gate))
    }

    fn unchecked(collector: C, config: &ServerConfig, gate: Option<Gate>) -> MetricsService<C> {
        let requests = Semaphore::new(config.request_limit().min(Semaphore::MAX_PERMITS));
        MetricsService {
            shared: Arc::new(Shared {
                collector,
                path: config.path().to_owned(),
                requests: Arc::new(requests),
                collections: Collections::new(config.scrape_limit(), config.queue_timeout()),
                sharing: Sharing::default(),
                hold: config.shared_page_limit(),
                gate,
                stats: ServerStats::default(),
                own_metrics: config.own_metrics(),
                stall_timeout: config.stall_timeout(),
                compression: config.compression(),
                created_lines: config.created_lines(),
            }),
        }
    }

    /// Answers a request, once its credentials are checked.
    fn answer<B>(&self, request: &Request<B>) -> State {
        let head = request.method() == Method::HEAD;
        let plan = self.plan(request, head);
        let Some(gate) = self.shared.gate.as_ref().filter(|_| request.uri().path() != HEALTH_PATH) else {
            return self.carry_out(plan, head);
        };
        match gate.check(request.headers()) {
            Checked::Now(decision) => self.decided(decision, plan, head),
            Checked::Later(decision) => {
                let service = self.clone();
                let then = Box::new(move |decision| service.decided(decision, plan, head));
                State::Checking { decision, then: Some(then) }
            }
        }
    }

    /// What the request is answered with if it is let in.
    fn plan<B>(&self, request: &Request<B>, head: bool) -> Plan {
        let path = request.uri().path();
        if path != self.shared.path && path != HEALTH_PATH {
            return Plan::NotFound;
        }
        if !head && request.method() != Method::GET {
            return Plan::MethodNotAllowed;
        }
        if path == HEALTH_PATH {
            return Plan::Health;
        }
        match Filter::parse(request.uri().query().unwrap_or_default()) {
            Err(error) => Plan::BadFilter(error),
            Ok(filter) => {
                // SPEC: RFC 9112, section 6.3: a response without a length that is not chunked ends where its connection
                // does, whether or not it is complete.
                let framed = request.version() > Version::HTTP_10;
                let rendition = self.rendition(request.headers(), framed, filter);
                Plan::Scrape { rendition, framed, arrived: Instant::now() }
            }
        }
    }

    fn decided(&self, decision: Decision, plan: Plan, head: bool) -> State {
        match decision {
            Decision::Allowed => self.carry_out(plan, head),
            // Whoever it is was not let in: no scrape.
            Decision::Busy => busy("too many credentials at a time\n", head),
            Decision::Refused => {
                let mut response = short(StatusCode::UNAUTHORIZED, "unauthorized\n", head);
                for challenge in self.shared.gate.iter().flat_map(Gate::challenges) {
                    response.headers_mut().append(WWW_AUTHENTICATE, challenge.clone());
                }
                State::Ready(Some(response))
            }
        }
    }

    fn carry_out(&self, plan: Plan, head: bool) -> State {
        let (rendition, framed, arrived) = match plan {
            Plan::NotFound => return State::ready(StatusCode::NOT_FOUND, "not found\n", head),
            Plan::Health => return State::ready(StatusCode::OK, "OK", head),
            Plan::BadFilter(error) => return State::ready(StatusCode::BAD_REQUEST, error.to_string(), head),
            Plan::MethodNotAllowed => {
                return State::Ready(Some(method_not_allowed().map(MetricsBody::whole)));
            }
            Plan::Scrape { rendition, framed, arrived } => (rendition, framed, arrived),
        };
        let mut account = self.account(&rendition, arrived, head);
        let Ok(place) = Arc::clone(&self.shared.requests).try_acquire_owned() else {
            account.ended(ScrapeStatus::Busy);
            return busy("too many requests at a time\n", head);
        };
        let response = Scrape {
            exposition: rendition.exposition,
            coding: rendition.coding,
            compressible: self.shared.compression,
            head,
            framed,
        };
        // Whoever asks for the head alone may need no more than the beginning of a page.
        let coming = if head || self.shared.hold == 0 {
            match self.shared.collections.free() {
                Some(permit) => Coming::Own(self.start(rendition, permit, Audience::new(), None)),
                None => Coming::Any(Box::pin(self.clone().alone(rendition))),
            }
        } else {
            match self.shared.sharing.join(&rendition, || self.shared.collections.free()) {
                Joined::Lead(lead, permit) => {
                    Coming::Own(self.start(rendition, permit, Audience::new(), Some(lead)))
                }
                Joined::Beside(audience, permit) => {
                    Coming::Own(self.start(rendition, permit, audience, None))
                }
                Joined::Follow(following) => Coming::Any(Box::pin(self.clone().follow(rendition, following))),
                Joined::Queue(lead) => Coming::Any(Box::pin(self.clone().queue(rendition, lead))),
            }
        };
        State::Scraping(Scraping { coming, response, place: Some(place), account })
    }

    /// Waits for a place for a collection, and then for its end.
    async fn alone(self, rendition: Rendition) -> Option<Encoded> {
        match self.shared.collections.place().await {
            Some(permit) => self.start(rendition, permit, Audience::new(), None).await.ok(),
            None => Some(Encoded::Busy),
        }
    }

    /// Waits for a place for a collection, and then for its end, with those who have joined meanwhile.
    async fn queue(self, rendition: Rendition, lead: Lead) -> Option<Encoded> {
        match self.shared.collections.place().await {
            Some(permit) => self.start(rendition, permit, Audience::new(), Some(lead)).await.ok(),
            // Those who have joined later wait for longer.
            None => Some(Encoded::Busy),
        }
    }

    /// Waits for the collection that others share, or after a while for a place for one beside it, for all who wait.
    async fn follow(self, rendition: Rendition, mut following: Following) -> Option<Encoded> {
        let shared = if let Ok(shared) = timeout(PATIENCE, &mut following.encoded).await {
            shared
        } else {
            let place = tokio::select! {
                biased;
                shared = &mut following.encoded => Err(shared),
                place = self.shared.collections.place() => Ok(place),
            };
            match place {
                Err(shared) => shared,
                // What is being collected for it needs no other place.
                Ok(None) if !following.has_begun() => return Some(Encoded::Busy),
                Ok(place) => {
                    let waiting =
                        place.and_then(|place| Some((place, self.shared.sharing.take_over(&following)?)));
                    if let Some((place, audience)) = waiting {
                        self.start_for(rendition.clone(), place, audience, None);
                    }
                    following.encoded.await
                }
            }
        };
        match shared.ok()? {
            Encoded::Alone => self.alone(rendition).await,
            shared => Some(shared),
        }
    }

    fn start(
        &self,
        rendition: Rendition,
        permit: OwnedSemaphorePermit,
        mut audience: Audience,
        lead: Option<Lead>,
    ) -> oneshot::Receiver<Encoded> {
        let (sender, receiver) = oneshot::channel();
        audience.push(sender);
        self.start_for(rendition, permit, audience, lead);
        receiver
    }

    fn start_for(
        &self,
        rendition: Rendition,
        permit: OwnedSemaphorePermit,
        audience: Audience,
        lead: Option<Lead>,
    ) {
        let Shared { collections, hold, stall_timeout, .. } = &*self.shared;
        let allowance = Allowance {
            permit,
            collections: collections.clone(),
            hold: *hold,
            stall_timeout: *stall_timeout,
        };
        scrape::start(SharedCollector(Arc::clone(&self.shared)), rendition, allowance, audience, lead);
    }

    /// Follows a scrape; of a HEAD, nothing: it has no page.
    fn account(&self, rendition: &Rendition, arrived: Instant, head: bool) -> Account {
        if head {
            return Account::none();
        }
        Account::open(&self.shared.stats, rendition.exposition.format(), arrived)
    }

    /// What the service has answered.
    #[must_use]
    pub fn stats(&self) -> ServerStats {
        self.shared.stats.clone()
    }

    #[cfg(feature = "axum")]
    pub(super) fn path(&self) -> &str {
        &self.shared.path
    }

    /// What the page is written as that is asked for with these headers.
    fn rendition(&self, headers: &HeaderMap, framed: bool, filter: Filter) -> Rendition {
        let lines = |name| headers.get_all(name).into_iter().map(HeaderValue::as_bytes);
        let exposition = match Exposition::negotiate(lines(ACCEPT)) {
            // Where there are no frames, a page that breaks off gets a line that is invalid as text.
            exposition if exposition.format() == Format::Protobuf && !framed => Exposition::default(),
            exposition => exposition.with_created(self.shared.created_lines),
        };
        let codings = if self.shared.compression { CODINGS.as_slice() } else { &[] };
        Rendition { exposition, coding: negotiate_coding(lines(ACCEPT_ENCODING), codings), filter }
    }
}

impl<C> Clone for MetricsService<C> {
    fn clone(&self) -> Self {
        MetricsService { shared: Arc::clone(&self.shared) }
    }
}

impl<C> fmt::Debug for MetricsService<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsService").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

impl<C: Collector + 'static, B> Service<Request<B>> for MetricsService<C> {
    type Response = Response<MetricsBody>;
    type Error = Infallible;
    type Future = MetricsFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> MetricsFuture {
        MetricsFuture { state: self.answer(&request), stats: self.shared.stats.clone() }
    }
}

/// What a request is answered with if it is let in.
enum Plan {
    NotFound,
    MethodNotAllowed,
    Health,
    BadFilter(FilterError),
    Scrape { rendition: Rendition, framed: bool, arrived: Instant },
}
