//! A trace backend that keeps all spans.

use std::{
    collections::HashMap,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value as Any,
    trace::v1::Span,
};
use prost::Message;

/// A backend that accepts everything, over gRPC and over HTTP.
pub(crate) struct Sink {
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
    received: Received,
    _runtime: tokio::runtime::Runtime,
}

/// Spans with the attributes of their resource.
type Received = Arc<Mutex<Vec<(HashMap<String, String>, Span)>>>;

struct Grpc(Received);

#[tonic::async_trait]
impl TraceService for Grpc {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        keep(&self.0, request.into_inner());
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Sink {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let received = Received::default();
        let _entered = runtime.enter();
        let grpc = bind();
        let grpc_addr = grpc.local_addr().expect("bound");
        let incoming = tonic::transport::server::TcpIncoming::from(grpc);
        runtime.spawn(
            tonic::transport::Server::builder()
                .add_service(TraceServiceServer::new(Grpc(Arc::clone(&received))))
                .serve_with_incoming(incoming),
        );
        let http = bind();
        let http_addr = http.local_addr().expect("bound");
        let kept = Arc::clone(&received);
        let router = axum::Router::new().route(
            "/v1/traces",
            axum::routing::post(async move |body: axum::body::Bytes| {
                let request = ExportTraceServiceRequest::decode(body).expect("OTLP");
                keep(&kept, request);
            }),
        );
        runtime.spawn(axum::serve(http, router).into_future());
        drop(_entered);
        Self {
            grpc: grpc_addr,
            http: http_addr,
            received,
            _runtime: runtime,
        }
    }

    pub(crate) fn spans(&self) -> Vec<(HashMap<String, String>, Span)> {
        self.received.lock().expect("not poisoned").clone()
    }
}

fn bind() -> tokio::net::TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    tokio::net::TcpListener::from_std(listener).expect("inside a runtime")
}

fn keep(received: &Received, request: ExportTraceServiceRequest) {
    let mut received = received.lock().expect("not poisoned");
    for resource_spans in request.resource_spans {
        let resource = attributes(&resource_spans.resource.unwrap_or_default().attributes);
        for span in resource_spans.scope_spans.into_iter().flat_map(|s| s.spans) {
            received.push((resource.clone(), span));
        }
    }
}

pub(crate) fn attributes(
    pairs: &[opentelemetry_proto::tonic::common::v1::KeyValue],
) -> HashMap<String, String> {
    pairs
        .iter()
        .map(|pair| {
            let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
            let text = match value {
                Some(Any::StringValue(text)) => text.clone(),
                Some(Any::IntValue(number)) => format!("{number} (number)"),
                other => format!("{other:?}"),
            };
            (pair.key.clone(), text)
        })
        .collect()
}
