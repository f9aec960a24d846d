//! The layer without a network.

use std::convert::Infallible;
use std::error::Error;
use std::time::Instant;

use axum::body::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use nilometer_benches::{Answer, ask, server_layer};
use tower::{Layer as _, Service};

const REQUESTS: u32 = 200_000;
const ROUNDS: usize = 9;

/// Nanoseconds that the layer adds to a request: the least of a few rounds with it, less the least without.
pub(crate) fn nanoseconds() -> Result<f64, Box<dyn Error>> {
    let layer = server_layer()?;
    let least = |rounds: [f64; ROUNDS]| rounds.into_iter().fold(f64::INFINITY, f64::min);
    let bare = least([(); ROUNDS].map(|()| round(Answer)));
    let measured = least([(); ROUNDS].map(|()| round(layer.layer(Answer))));
    Ok(measured - bare)
}

fn round<S, B>(mut service: S) -> f64
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>,
    B: Body,
{
    let start = Instant::now();
    for _ in 0..REQUESTS {
        ask(&mut service);
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(REQUESTS)
}
