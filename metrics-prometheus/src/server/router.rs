//! A router for axum.

use axum::Router;
use nilometer_core::collect::Collector;

use super::MetricsService;
use super::config::HEALTH_PATH;

impl<C: Collector + 'static> MetricsService<C> {
    /// A router for the page and for `/health`, to be merged into that of an application.
    ///
    /// # Panics
    ///
    /// [`axum::Router::merge`] panics when the application has a route of its own for one of the two, and so does this for
    /// a path that is none for axum: braces in it that are no pair. A pair of braces, which axum takes for a parameter,
    /// matches nothing but itself here.
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
    /// let app: axum::Router = axum::Router::new().merge(MetricsService::new(registry).into_router());
    /// ```
    pub fn into_router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let path = self.path().to_owned();
        Router::new().route_service(HEALTH_PATH, self.clone()).route_service(&path, self)
    }
}
