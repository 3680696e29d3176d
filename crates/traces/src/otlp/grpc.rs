//! OTLP over gRPC.
//!
//! The generated server would throw the request's bytes away after decoding; the journal wants them, so this one
//! takes messages as bytes and decodes them itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse, trace_service_server,
};
use prost::Message as _;
use tonic::body::Body;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::{BoxFuture, StdError};
use tonic::{Code, Response, Status};

use super::{MAX_REQUEST_BYTES, Receiver};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// The collector's trace service.
#[derive(Debug, Clone)]
pub struct Service {
    receiver: Arc<Receiver>,
    serves: fn(&str) -> bool,
}

impl Service {
    /// A service that feeds `receiver`; it refuses calls to an authority (`host:port`) that it does not serve.
    pub fn new(receiver: Arc<Receiver>, serves: fn(&str) -> bool) -> Self {
        Self { receiver, serves }
    }
}

impl tonic::server::NamedService for Service {
    const NAME: &'static str = trace_service_server::SERVICE_NAME;
}

impl<B> tower::Service<http::Request<B>> for Service
where
    B: tonic::codegen::Body + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let authority = request.uri().authority().map(http::uri::Authority::as_str);
        if authority.is_some_and(|authority| !(self.serves)(authority)) {
            let status = Status::permission_denied("the authority does not name this collector");
            return Box::pin(async move { Ok(status.into_http()) });
        }
        if request.uri().path() != EXPORT {
            let status = Status::new(
                Code::Unimplemented,
                "this collector takes traces only; Jaeger's query service is served over HTTP, at /api/v3",
            );
            return Box::pin(async move { Ok(status.into_http()) });
        }
        let method = Export(self.receiver.clone());
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(BytesCodec)
                .accept_compressed(CompressionEncoding::Gzip)
                .accept_compressed(CompressionEncoding::Deflate)
                .accept_compressed(CompressionEncoding::Zstd)
                .max_decoding_message_size(MAX_REQUEST_BYTES);
            Ok(grpc.unary(method, request).await)
        })
    }
}

struct Export(Arc<Receiver>);

impl tonic::server::UnaryService<Bytes> for Export {
    type Response = ExportTraceServiceResponse;
    type Future = BoxFuture<Response<Self::Response>, Status>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let receiver = self.0.clone();
        Box::pin(async move {
            let accepted = receiver
                .accept(request.into_inner())
                .map_err(|error| Status::invalid_argument(error.to_string()))?;
            let partial_success = (accepted.rejected > 0).then_some(ExportTracePartialSuccess {
                rejected_spans: accepted.rejected as i64,
                error_message: accepted.reason,
            });
            Ok(Response::new(ExportTraceServiceResponse {
                partial_success,
            }))
        })
    }
}

#[derive(Debug, Clone, Copy)]
struct BytesCodec;

impl Codec for BytesCodec {
    type Encode = ExportTraceServiceResponse;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for BytesCodec {
    type Item = ExportTraceServiceResponse;
    type Error = Status;

    fn encode(&mut self, item: Self::Item, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(to)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
