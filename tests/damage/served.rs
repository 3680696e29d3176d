//! The query APIs of the backends, asked with damaged parameters over a real connection.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::LazyLock;

use axum::Router;
use prom::api::MoreMetrics;
use tokio_util::sync::CancellationToken;

use super::{ANSWERED_WITHIN, Reader, reader};

static JAEGER: LazyLock<SocketAddr> = LazyLock::new(|| {
    let traces = traces::Traces::new(Default::default(), Default::default(), None);
    served(traces.jaeger_router())
});
static PROMETHEUS: LazyLock<SocketAddr> = LazyLock::new(|| {
    let metrics = prom::Metrics::open(&prom::Config::default()).expect("nothing to load");
    served(metrics.router(&[], "", MoreMetrics(Box::new(String::new))))
});

/// A sample is a path, and after a space the parameters.
pub(super) fn readers() -> Vec<Reader> {
    vec![
        reader(
            "parameters_of_prometheus_are_answered_however_damaged",
            &[
                "query query=sum(rate(x{a=~\"b.*\"}[1m]))&time=1700000000.5&timeout=5s",
                "query_range query=vector(1)&start=2026-11-27T10:00:00Z&end=2026-11-27T10:05:00.123Z&step=15s",
                "series match[]=up{a=\"b\"}&match[]={__name__=~\"x.+\"}&start=1700000000&end=1700000300&limit=7",
                "label/service/values match[]=up",
                "query_exemplars query=x_bucket&start=1&end=2e9",
                "rules type=alert&rule_name[]=a&file[]=b",
                "targets state=any",
                "parse_query query=a*b",
                "metadata limit=3&metric=up",
            ],
            |input| is_answered(*PROMETHEUS, "/api/v1/", input),
        ),
        reader(
            "parameters_of_jaeger_are_answered_however_damaged",
            &[
                "traces service=gateway&operation=GET+/&tags={\"error\":\"true\",\"a\":\"1\"}&minDuration=1.2ms&maxDuration=1h&limit=20&start=1700000000000000&end=1800000000000000&lookback=1h",
                "traces traceID=4bf92f3577b34da6a3ce929d0e0e4736&traceID=1&prettyPrint=true",
                "services/gateway/operations spanKind=server",
                "operations service=gateway&spanKind=client",
                "dependencies endTs=1700000000000&lookback=86400000",
                "v3/traces query.service_name=gateway&query.start_time_min=2026-11-27T10:00:00Z&query.start_time_max=2026-11-27T11:00:00Z&query.duration_min=1.5s&query.num_traces=5",
                "v3/operations service=gateway&span_kind=server",
            ],
            |input| is_answered(*JAEGER, "/api/", input),
        ),
    ]
}

/// Serves until the test's process ends.
fn served(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().max_blocking_threads(2).build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(async {
            listener.set_nonblocking(true).expect("a socket");
            let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
            ingress::Server::new(router)
                .run(listener, CancellationToken::new())
                .await;
        });
    });
    address
}

/// Whether the parameters were understood; it panics where there is none, for then something else did.
fn is_answered(address: SocketAddr, below: &str, input: &[u8]) -> bool {
    let at = input.iter().position(|byte| *byte == b' ');
    let (path, parameters) = input.split_at(at.unwrap_or(input.len()));
    let parameters = parameters.get(1..).unwrap_or_default();
    let (path, parameters) = (escaped(path, b"/"), escaped(parameters, b"=&+"));
    // A longer target is refused by HTTP itself, and so may be half an escape at its end.
    let target: String = format!("{below}{path}?{parameters}")
        .chars()
        .take(6_000)
        .collect();
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream
        .set_read_timeout(Some(ANSWERED_WITHIN))
        .expect("a socket");
    let request = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut status = [0; 12];
    stream
        .read_exact(&mut status)
        .unwrap_or_else(|error| panic!("{target}: {error}"));
    assert!(!status.ends_with(b"500"), "{target}");
    // Jaeger says with 404 that there are no traces.
    status.ends_with(b"200") || status.ends_with(b"404")
}

/// Percent-encoded, but for letters, digits, `-._~` and those that are `kept`.
fn escaped(bytes: &[u8], kept: &[u8]) -> String {
    let escape = |byte: &u8| match byte.is_ascii_alphanumeric()
        || b"-._~".contains(byte)
        || kept.contains(byte)
    {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    bytes.iter().map(escape).collect()
}
