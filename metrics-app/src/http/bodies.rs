//! What the inner service gets as a request's body.

use super::body::RequestBody;

/// What a layer makes of a request's body: [`AnyBody`], `AxumBody` with the feature `axum`, `TonicBody` with `tonic`.
///
/// A layer's constructor chooses it.
pub trait RequestBodies<B>: sealed::Sealed {
    /// What the inner service gets.
    type Body;

    /// What it gets for a body that is counted.
    fn wrap(body: RequestBody<B>) -> Self::Body;
}

/// The inner service gets a [`RequestBody`], whatever the body is.
#[derive(Debug)]
pub enum AnyBody {}

impl<B> RequestBodies<B> for AnyBody {
    type Body = RequestBody<B>;

    fn wrap(body: RequestBody<B>) -> RequestBody<B> {
        body
    }
}

/// The inner service gets axum's body, as it would without the layer: the same one where there is nothing to count, and
/// a new one otherwise, for which axum allocates.
#[cfg(feature = "axum")]
#[derive(Debug)]
pub enum AxumBody {}

#[cfg(feature = "axum")]
impl RequestBodies<axum::body::Body> for AxumBody {
    type Body = axum::body::Body;

    fn wrap(body: RequestBody<axum::body::Body>) -> axum::body::Body {
        match body.into_uncounted() {
            Ok(body) => body,
            Err(body) => axum::body::Body::new(body),
        }
    }
}

/// The inner service gets tonic's body, as it would without the layer: the same one where there is nothing to count, and
/// a new one otherwise, for which tonic allocates.
#[cfg(feature = "tonic")]
#[derive(Debug)]
pub enum TonicBody {}

#[cfg(feature = "tonic")]
impl RequestBodies<tonic::body::Body> for TonicBody {
    type Body = tonic::body::Body;

    fn wrap(body: RequestBody<tonic::body::Body>) -> tonic::body::Body {
        match body.into_uncounted() {
            Ok(body) => body,
            Err(body) => tonic::body::Body::new(body),
        }
    }
}

mod sealed {
    /// Only what stands here is one.
    pub trait Sealed {}

    impl Sealed for super::AnyBody {}
    #[cfg(feature = "axum")]
    impl Sealed for super::AxumBody {}
    #[cfg(feature = "tonic")]
    impl Sealed for super::TonicBody {}
}
