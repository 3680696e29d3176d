//! Both receivers on real requests: what is taken, what is refused and how.

use std::io::Write as _;

use axum::body::{Body, to_bytes};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::Request;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message as _;
use tonic::codec::CompressionEncoding;
use tower::ServiceExt as _;

use crate::store::Limits;
use crate::{Traces, shop, ui};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// The example of the protocol's own documentation, shortened.
const REQUEST_JSON: &str = r#"{"resourceSpans":[{"resource":{"attributes":[
    {"key":"service.name","value":{"stringValue":"my.service"}}]},
    "scopeSpans":[{"scope":{"name":"my.library","version":"1.0.0"},"spans":[{
    "traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174",
    "parentSpanId":"EEE19B7EC3C1B173","name":"I'm a server span",
    "startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000","kind":2,
    "attributes":[{"key":"my.span.attr","value":{"stringValue":"some value"}}],
    "unknownField":{"a":[1]}}]}]}]}"#;

fn backend() -> Traces {
    Traces::new(Limits::default(), ui::Config::default(), None)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}

fn raw_deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn post(kind: &str, encoding: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post("/v1/traces").header("content-type", kind);
    let request = match encoding {
        "" => request,
        encoding => request.header("content-encoding", encoding),
    };
    request.body(body.into()).expect("a valid request")
}

/// Status, content type, body.
async fn send(traces: &Traces, request: Request<Body>) -> (u16, String, Vec<u8>) {
    let response = traces.otlp_http_router().oneshot(request).await;
    let response = response.expect("no error");
    let kind = response.headers().get("content-type");
    let kind = kind.map_or("", |kind| kind.to_str().expect("text"));
    let (status, kind) = (response.status().as_u16(), kind.to_owned());
    let body = to_bytes(response.into_body(), 1 << 20).await;
    (status, kind, body.expect("a body").to_vec())
}

#[tokio::test]
async fn every_encoding_is_taken() {
    let protobuf = shop::request(0, 3, 0).encode_to_vec();
    let json = REQUEST_JSON.as_bytes();
    let cases = [
        (PROTOBUF, "", protobuf.clone(), 24),
        (PROTOBUF, "gzip", gzip(&protobuf), 24),
        (PROTOBUF, "identity", protobuf.clone(), 24),
        (PROTOBUF, "Deflate", zlib(&protobuf), 24),
        (PROTOBUF, "deflate", raw_deflate(&protobuf), 24),
        (PROTOBUF, "zlib", zlib(&protobuf), 24),
        (PROTOBUF, "zstd", zstd(&protobuf), 24),
        (PROTOBUF, "zstd, gzip", gzip(&zstd(&protobuf)), 24),
        (JSON, "zstd", zstd(json), 1),
        (PROTOBUF, "", Vec::new(), 0),
        (JSON, "", json.to_vec(), 1),
        ("application/json; charset=utf-8", "gzip", gzip(json), 1),
        (JSON, "", b"{}".to_vec(), 0),
    ];
    for (kind, encoding, body, spans) in cases {
        let traces = backend();
        let (status, answered, body) = send(&traces, post(kind, encoding, body)).await;
        let found = (status, traces.stats().spans);
        assert_eq!(found, (200, spans), "{kind} {encoding}");
        assert!(kind.starts_with(&answered), "{kind}: {answered}");
        let expected: &[u8] = if answered == JSON { b"{}" } else { b"" };
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn spans_in_json_arrive_with_their_ids() {
    let traces = backend();
    send(&traces, post(JSON, "", REQUEST_JSON)).await;
    let id = crate::span::parse_trace_id("5b8efff798038103d269b633813fc60c").expect("an id");
    let trace = traces.store().trace(&id).expect("the trace is held");
    let span = &trace.spans[0].proto;
    assert_eq!(span.name, "I'm a server span");
    assert_eq!(hex::encode(&span.span_id), "eee19b7ec3c1b174");
    let duration_ns = span.end_time_unix_nano - span.start_time_unix_nano;
    assert_eq!(duration_ns, 1_000_000_000);
    assert_eq!(trace.spans[0].origin.service, "my.service");
}

#[tokio::test]
async fn invalid_requests_are_refused_in_the_protocols_own_format() {
    let large = vec![0; super::MAX_REQUEST_BYTES + 1];
    let wrong_type = br#"{"resourceSpans":7}"#.to_vec();
    let cases = [
        (PROTOBUF, "", vec![0xff; 40], 400, "decode"),
        (PROTOBUF, "gzip", b"no gzip".to_vec(), 400, "gzip"),
        (PROTOBUF, "deflate", b"x".to_vec(), 400, "deflate"),
        (PROTOBUF, "zlib", raw_deflate(b"x"), 400, "zlib"),
        (PROTOBUF, "zstd", b"no zstd".to_vec(), 400, "zstd"),
        (PROTOBUF, "zstd", zstd(&large), 413, "at most"),
        (PROTOBUF, "deflate", zlib(&large), 413, "at most"),
        (PROTOBUF, "br", Vec::new(), 415, "`br` is not supported"),
        (JSON, "", b"{".to_vec(), 400, "EOF"),
        (JSON, "", wrong_type, 400, "invalid type"),
        ("text/plain", "", Vec::new(), 415, "content type"),
        (PROTOBUF, "gzip", gzip(&large), 413, "at most"),
        (PROTOBUF, "", large, 413, "at most"),
    ];
    let traces = backend();
    for (kind, encoding, body, expected, word) in cases {
        let (status, answered, body) = send(&traces, post(kind, encoding, body)).await;
        let message = if answered == PROTOBUF {
            let status = super::http::RpcStatus::decode(&body[..]);
            status.expect("a status").message
        } else {
            assert_eq!(answered, JSON);
            let status: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            status["message"].to_string()
        };
        assert_eq!(status, expected, "{message}");
        assert!(message.contains(word), "`{message}` does not say `{word}`");
    }
    assert_eq!(traces.stats().received, 0);
}

#[tokio::test]
async fn other_signals_and_methods_are_refused() {
    for (method, path, expected) in [
        ("POST", "/v1/metrics", 404),
        ("POST", "/v1/logs", 404),
        ("GET", "/v1/traces", 405),
        ("GET", "/", 404),
    ] {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).expect("a valid request");
        let (status, ..) = send(&backend(), request).await;
        assert_eq!(status, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn refused_spans_are_reported_as_partial_success() {
    let mut request = shop::request(0, 1, 0);
    request.resource_spans[0].scope_spans[0].spans[0].trace_id = vec![1];
    let (status, _, body) = send(&backend(), post(PROTOBUF, "", request.encode_to_vec())).await;
    let response = ExportTraceServiceResponse::decode(&body[..]).expect("a response");
    let partial = response.partial_success.expect("one span was refused");
    assert_eq!((status, partial.rejected_spans), (200, 1));
    let message = partial.error_message;
    assert!(message.contains("1 bytes, not 16"), "{message}");
    let traces = backend();
    let wrong = REQUEST_JSON.replace("5B8E", "xyz!");
    let (status, _, body) = send(&traces, post(JSON, "", wrong)).await;
    let response: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    let partial = &response["partialSuccess"];
    assert_eq!((status, &partial["rejectedSpans"]), (200, &"1".into()));
    let message = partial["errorMessage"].to_string();
    assert!(message.contains("I'm a server span"), "{message}");
    assert_eq!(traces.stats().rejected, 1);
}

#[tokio::test]
async fn grpc_takes_plain_and_compressed_requests_and_refuses_garbage() {
    let traces = backend();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    let service = traces.otlp_grpc_service(|host| host.starts_with("127."));
    let server = ingress::Server {
        protocol: ingress::Protocol::Http2,
        ..ingress::Server::new(axum::Router::new().fallback_service(service))
    };
    let stop = tokio_util::sync::CancellationToken::new();
    let serving = tokio::spawn(server.run(listener, stop.clone()));
    let client = TraceServiceClient::connect(address).await;
    let mut client = client.expect("a connection");
    client.export(shop::request(0, 10, 0)).await.expect("taken");
    // The last one is beyond the transport's default limit of 4 MiB.
    for (encoding, first, count) in [
        (CompressionEncoding::Gzip, 10, 5),
        (CompressionEncoding::Deflate, 15, 5),
        (CompressionEncoding::Deflate, 20, 2_000),
        (CompressionEncoding::Zstd, 2_020, 5),
    ] {
        let mut client = client.clone().send_compressed(encoding);
        let request = shop::request(first, count, 0);
        client.export(request).await.expect("taken");
    }
    assert_eq!(traces.stats().spans, 2_025 * shop::SPANS);
    // Garbage, another service, another host: invalid argument, unimplemented, permission denied.
    let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let named = format!("http://rebound.example{path}");
    let query = "/jaeger.api_v3.QueryService/GetServices";
    for (uri, code) in [(path, "3"), (query, "12"), (&*named, "7")] {
        let request = Request::post(uri)
            .header("content-type", "application/grpc")
            .body(Body::from(vec![0, 0, 0, 0, 2, 0xff, 0xff]))
            .expect("a valid request");
        let service = traces.otlp_grpc_service(|host| host.starts_with("127."));
        let response = service.oneshot(request).await.expect("no error");
        assert_eq!(response.headers()["grpc-status"], code, "{uri}");
    }
    drop(client);
    stop.cancel();
    assert!(serving.await.expect("no panic"), "it drains");
}

/// A few kilobytes that become far more than a request may have are refused when they do, not when all of it is there.
#[tokio::test]
async fn a_bomb_over_grpc_stops_at_the_limit() {
    use std::io::Write as _;
    let traces = backend();
    let zeros = vec![0; 1 << 20];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..256 {
        gzip.write_all(&zeros).expect("a Vec takes all");
        zlib.write_all(&zeros).expect("a Vec takes all");
    }
    let packed = [gzip.finish(), zlib.finish()].map(|packed| packed.expect("a Vec takes all"));
    for (encoding, packed) in ["gzip", "deflate"].into_iter().zip(packed) {
        assert!(packed.len() < 300_000, "{encoding}: {}", packed.len());
        let mut body = vec![1];
        body.extend_from_slice(&(packed.len() as u32).to_be_bytes());
        body.extend_from_slice(&packed);
        let request = Request::post("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
            .header("content-type", "application/grpc")
            .header("grpc-encoding", encoding)
            .body(Body::from(body))
            .expect("a valid request");
        let service = traces.otlp_grpc_service(|host| host.starts_with("127."));
        let before = peak_kib();
        let response = service.oneshot(request).await.expect("no error");
        // The kernel counts pages in batches, so that a peak may be told a little lower later.
        let grown = peak_kib().saturating_sub(before);
        // Resource exhausted, or out of range.
        let status = &response.headers()["grpc-status"];
        assert!(status == "8" || status == "11", "{encoding}: {status:?}");
        assert!(grown < 100 << 10, "{encoding}: {grown} KiB more");
    }
}

/// The most memory that this process has had.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let words = line.and_then(|line| line.split_whitespace().next());
    words.expect("a peak").parse().expect("a number")
}

#[tokio::test]
async fn figures_count_accepted_spans() {
    let traces = backend();
    let request = shop::request(0, 2, 0).encode_to_vec();
    send(&traces, post(PROTOBUF, "", request)).await;
    let text = traces.prometheus_text();
    for line in [
        "traces_stored_spans 16",
        "traces_stored_traces 2",
        "traces_received_spans_total 16",
    ] {
        assert!(text.lines().any(|own| own == line), "{line} not in {text}");
    }
}

#[test]
fn damaged_requests_never_crash_the_collector() {
    let traces = backend();
    let protobuf = shop::request(0, 4, 0).encode_to_vec();
    let (mut taken, mut refused) = (0, 0);
    let seconds = std::env::var("FIREDRILL_DAMAGE_S").ok();
    let longer = seconds.and_then(|text| text.parse().ok());
    let longer = longer.map(std::time::Duration::from_secs);
    let began = std::time::Instant::now();
    for round in 0.. {
        if longer.map_or(round >= 4_000, |longer| began.elapsed() >= longer) {
            break;
        }
        let is_json = round % 2 == 0;
        let whole = match is_json {
            true => REQUEST_JSON.as_bytes(),
            false => &protobuf,
        };
        let mut damaged = whole.to_vec();
        for change in 0..=round / 2 % 4 {
            let random = shop::mix(round * 8 + change);
            let position = random as usize % damaged.len();
            match random >> 61 {
                // A part that is repeated may nest as deep as it is long.
                0 => {
                    let end = (position + 1 + (random >> 32) as usize % 9).min(damaged.len());
                    let part = damaged[position..end].repeat(2_000);
                    damaged.splice(position..end, part);
                }
                _ => damaged[position] = (random >> 32) as u8,
            }
        }
        if round % 3 == 0 {
            damaged.truncate(whole.len() - shop::mix(round) as usize % 200);
        }
        let accepted = match is_json {
            true => traces.receiver.accept_json(&damaged),
            false => traces.receiver.accept(damaged.into()),
        };
        match accepted {
            Ok(_) => taken += 1,
            Err(_) => refused += 1,
        }
    }
    if longer.is_some() {
        println!("{taken} taken, {refused} refused");
    }
    // Both happened, and whatever was taken can be read back.
    assert!(
        taken > 100 && refused > 100,
        "{taken} taken, {refused} refused"
    );
    let mut spans = 0;
    let all = crate::store::Query {
        limit: usize::MAX,
        ..Default::default()
    };
    traces.store().search(&all, |trace| {
        spans += trace.spans.len();
        std::ops::ControlFlow::Continue(())
    });
    assert!(spans > 100, "{spans}");
}
