//! A gRPC service that needs no `protoc`: what tonic would generate, written by hand, with strings for messages.

use std::convert::Infallible;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut};
use http::uri::PathAndQuery;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder, Streaming};
use tonic::codegen::{BoxFuture, Service, tokio_stream};
use tonic::server::NamedService;
use tonic::{GrpcMethod, Request, Response, Status, client, server};
use tower::service_fn;

/// Greets somebody.
pub(crate) const GREET: &str = "/greeter.Greeter/Greet";
/// Greets somebody three times.
pub(crate) const REPEAT: &str = "/greeter.Greeter/Repeat";
/// All methods: the routes of the service.
pub(crate) const METHODS: [&str; 2] = [GREET, REPEAT];

/// Messages are text, as it is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Text;
    type Decoder = Text;

    fn encoder(&mut self) -> Text {
        Text
    }

    fn decoder(&mut self) -> Text {
        Text
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, item: String, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(item.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        let text = String::from_utf8(bytes.to_vec());
        text.map(Some).map_err(|_| Status::invalid_argument("a message is UTF-8"))
    }
}

/// The service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Greeter;

impl Greeter {
    fn greet(request: Request<String>) -> Result<Response<String>, Status> {
        match request.into_inner().as_str() {
            "" => Err(Status::invalid_argument("nobody to greet")),
            "nobody" => Err(Status::internal("there is nobody")),
            name => Ok(Response::new(format!("Hello, {name}!"))),
        }
    }
}

impl NamedService for Greeter {
    const NAME: &'static str = "greeter.Greeter";
}

impl Service<http::Request<Body>> for Greeter {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<http::Response<Body>, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = server::Grpc::new(Text);
            Ok(match request.uri().path() {
                GREET => grpc.unary(service_fn(async |request| Greeter::greet(request)), request).await,
                REPEAT => {
                    let repeat = service_fn(async |request: Request<String>| {
                        let greeting = Greeter::greet(request)?.into_inner();
                        Ok(Response::new(tokio_stream::iter([0; 3].map(move |_| Ok(greeting.clone())))))
                    });
                    grpc.server_streaming(repeat, request).await
                }
                _ => Status::unimplemented("there is no such method").into_http(),
            })
        })
    }
}

/// A client of the service.
#[derive(Debug, Clone)]
pub(crate) struct GreeterClient<T>(client::Grpc<T>);

impl<T> GreeterClient<T>
where
    T: client::GrpcService<Body, ResponseBody: Send + 'static>,
    <T::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(crate) fn new(channel: T) -> GreeterClient<T> {
        GreeterClient(client::Grpc::new(channel))
    }

    pub(crate) async fn greet(&mut self, name: &str) -> Result<String, Status> {
        self.ready().await?;
        let request = with_method(name, "Greet");
        Ok(self.0.unary(request, PathAndQuery::from_static(GREET), Text).await?.into_inner())
    }

    pub(crate) async fn repeat(&mut self, name: &str) -> Result<Streaming<String>, Status> {
        self.ready().await?;
        let request = with_method(name, "Repeat");
        Ok(self.0.server_streaming(request, PathAndQuery::from_static(REPEAT), Text).await?.into_inner())
    }

    async fn ready(&mut self) -> Result<(), Status> {
        self.0.ready().await.map_err(|error| Status::unknown(format!("not ready: {}", error.into())))
    }
}

/// As generated code does: the path is that of a method.
fn with_method(message: &str, method: &'static str) -> Request<String> {
    let mut request = Request::new(message.to_owned());
    request.extensions_mut().insert(GrpcMethod::new(Greeter::NAME, method));
    request
}
