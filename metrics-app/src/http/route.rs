//! Which route a request takes.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use http::request::Parts;

/// The route that a request matched: a template that the program has, never what the client sent; or none.
///
/// Making one out of a `&'static str`, an `Arc<str>` or axum's `MatchedPath` allocates nothing, and neither does cloning it.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use nilometer::http::Route;
///
/// assert_eq!(Route::from("/orders/{id}").as_str(), "/orders/{id}");
/// assert_eq!(Route::from(Arc::<str>::from("/orders")).as_str(), "/orders");
/// assert_eq!(Route::NONE.as_str(), "");
/// ```
#[derive(Clone, Default)]
pub struct Route(Text);

#[derive(Clone, Default)]
enum Text {
    #[default]
    None,
    Static(&'static str),
    Shared(Arc<str>),
    #[cfg(feature = "axum")]
    Matched(axum::extract::MatchedPath),
    #[cfg(feature = "tonic")]
    Path(http::uri::PathAndQuery),
}

impl Route {
    /// No route matched.
    pub const NONE: Route = Route(Text::None);

    /// The template; empty for none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::None => "",
            Text::Static(text) => text,
            Text::Shared(text) => text,
            #[cfg(feature = "axum")]
            Text::Matched(path) => path.as_str(),
            #[cfg(feature = "tonic")]
            Text::Path(path) => path.path(),
        }
    }

    /// The path of a request, of which the caller knows that the program wrote it.
    #[cfg(feature = "tonic")]
    pub(super) fn of_path(uri: &http::Uri) -> Route {
        uri.path_and_query().map_or(Route::NONE, |path| Route(Text::Path(path.clone())))
    }
}

impl From<&'static str> for Route {
    fn from(route: &'static str) -> Route {
        Route(Text::Static(route))
    }
}

impl From<Arc<str>> for Route {
    fn from(route: Arc<str>) -> Route {
        Route(Text::Shared(route))
    }
}

#[cfg(feature = "axum")]
impl From<axum::extract::MatchedPath> for Route {
    fn from(path: axum::extract::MatchedPath) -> Route {
        Route(Text::Matched(path))
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Route").field(&self.as_str()).finish()
    }
}

/// Tells which route a request takes, from its head. Any function of the head does.
///
/// # Concurrency
///
/// It is called once for each request, before the request goes on, on whatever thread that is. It should neither allocate
/// nor wait.
///
/// What it returns becomes a label's value: it has to be one of few, of the program's own making. What a client can choose
/// freely makes a series for each request, up to the family's limit.
///
/// # Examples
///
/// ```
/// use http::request::Parts;
/// use nilometer::http::{Route, RouteSource};
///
/// /// A service that serves two things.
/// fn route(request: &Parts) -> Route {
///     match request.uri.path() {
///         "/" => Route::from("/"),
///         path if path.starts_with("/files/") => Route::from("/files/{name}"),
///         _ => Route::NONE,
///     }
/// }
///
/// let (head, ()) = http::Request::get("/files/a").body(())?.into_parts();
/// assert_eq!(RouteSource::route(&route, &head).as_str(), "/files/{name}");
/// # Ok::<(), http::Error>(())
/// ```
pub trait RouteSource: Send + Sync + 'static {
    /// The route of a request with this head.
    fn route(&self, request: &Parts) -> Route;
}

impl<F: Fn(&Parts) -> Route + Send + Sync + 'static> RouteSource for F {
    fn route(&self, request: &Parts) -> Route {
        self(request)
    }
}

/// Nothing is known of routes.
#[derive(Debug)]
pub(super) struct Unknown;

impl RouteSource for Unknown {
    fn route(&self, _: &Parts) -> Route {
        Route::NONE
    }
}

/// Paths without parameters, each of which is its own route: the methods of gRPC services, most often.
///
/// Any other path has no route. A lookup allocates nothing.
///
/// # Examples
///
/// ```
/// use nilometer::http::{Paths, RouteSource as _};
///
/// let paths = Paths::new(["/greeter.Greeter/Greet"]);
/// let route = |path: &str| {
///     let (head, ()) = http::Request::post(path).body(()).unwrap().into_parts();
///     paths.route(&head)
/// };
/// assert_eq!(route("/greeter.Greeter/Greet").as_str(), "/greeter.Greeter/Greet");
/// assert_eq!(route("/greeter.Greeter/Gree").as_str(), "");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Paths(HashSet<Arc<str>>);

impl Paths {
    /// These paths.
    pub fn new<P: Into<Arc<str>>>(paths: impl IntoIterator<Item = P>) -> Paths {
        Paths(paths.into_iter().map(Into::into).collect())
    }
}

impl RouteSource for Paths {
    fn route(&self, request: &Parts) -> Route {
        self.0.get(request.uri.path()).map_or(Route::NONE, |path| Route::from(Arc::clone(path)))
    }
}

/// What axum's router has put into the request's extensions.
#[cfg(feature = "axum")]
#[derive(Debug)]
pub(super) struct Matched;

#[cfg(feature = "axum")]
impl RouteSource for Matched {
    fn route(&self, request: &Parts) -> Route {
        request
            .extensions
            .get::<axum::extract::MatchedPath>()
            .map_or(Route::NONE, |path| Route::from(path.clone()))
    }
}

/// The path, where generated code of tonic says that it is that of a method.
#[cfg(feature = "tonic")]
#[derive(Debug)]
pub(super) struct GeneratedMethod;

#[cfg(feature = "tonic")]
impl RouteSource for GeneratedMethod {
    fn route(&self, request: &Parts) -> Route {
        if request.extensions.get::<tonic::GrpcMethod<'static>>().is_some() {
            Route::of_path(&request.uri)
        } else {
            Route::NONE
        }
    }
}
