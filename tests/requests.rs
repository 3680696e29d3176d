//! Requests that no client of good will sends, each to every port of a drill: an answer or an end comes soon, no handler
//! fails, no file of the machine comes back, and no process ends.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;

use crate::stack::listening;
use crate::support::{Drill, children_of, claims, is_alive};

pub(crate) fn trials() -> Vec<Trial> {
    claims![hostile_requests_get_an_answer_and_harm_nothing]
}

/// A head or a body that is not complete is given up after 10 s.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);
/// What is left of a request that is refused early may meet a closed connection.
const LARGE: usize = 1 << 20;

fn hostile_requests_get_an_answer_and_harm_nothing() {
    let drill = Drill::start(&["up", "--seed", "64"]);
    drill.await_scrapes();
    let processes = children_of(drill.pid());
    let ports = listening(&drill);
    let http2 = drill.url("otlp_grpc").trim_start_matches("http://");
    std::thread::scope(|scope| {
        for addr in ports.iter().filter(|addr| addr.to_string() != http2) {
            scope.spawn(|| {
                for (name, request) in requests(*addr) {
                    refuses(*addr, name, &request);
                }
            });
        }
    });
    drill.ok(&["status"]);
    drill.await_scrapes();
    for id in processes {
        assert!(is_alive(id), "process {id} ended");
    }
}

fn refuses(addr: SocketAddr, name: &str, request: &[u8]) {
    let mut client = TcpStream::connect(addr).expect("it listens");
    let limit = Some(ANSWERED_WITHIN);
    client.set_read_timeout(limit).expect("a timeout");
    client.set_write_timeout(limit).expect("a timeout");
    let began = Instant::now();
    // It may be refused before all of it is sent.
    let _ = client.write_all(request);
    let _ = client.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let mut read = client.take(8 << 20);
    // A reset is an end as well.
    let _ = read.read_to_end(&mut answer);
    let took = began.elapsed();
    assert!(took < ANSWERED_WITHIN, "{addr}: {name} took {took:?}");
    let answer = String::from_utf8_lossy(&answer);
    let line = answer.lines().next().unwrap_or_default();
    assert!(!line.starts_with("HTTP/1.1 500"), "{addr}: {name}: {line}");
    assert!(!answer.contains("root:"), "{addr}: {name} reads files");
}

/// Names and bytes; every request is for `addr` unless its Host is what is wrong with it.
fn requests(addr: SocketAddr) -> Vec<(&'static str, Vec<u8>)> {
    let mut all: Vec<(&str, Vec<u8>)> = Vec::new();
    for (name, line) in LINES {
        let head = format!("{line}\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
        all.push((name, head.into_bytes()));
    }
    for (name, headers) in HEADERS {
        let head = format!("GET / HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n");
        all.push((name, head.replace("ADDR", &addr.to_string()).into_bytes()));
    }
    for (name, rest) in BODIES {
        let head = format!("POST /v1/traces HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n");
        all.push((name, format!("{head}{rest}").into_bytes()));
    }
    all.extend(RAW.iter().map(|(name, bytes)| (*name, bytes.to_vec())));
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n");
    let json = "Content-Type: application/json\r\nConnection: close\r\n";
    let nested = "[".repeat(LARGE);
    let post = |path: &str, body: &str| {
        let length = body.len();
        format!(
            "POST {path} HTTP/1.1\r\nHost: {addr}\r\n{json}Content-Length: {length}\r\n\r\n{body}"
        )
    };
    let large = [
        ("a path of 1 MiB", get(&format!("/{}", "x".repeat(LARGE)))),
        (
            "a query of 1 MiB",
            get(&format!("/api/v1/query?query={}", "(".repeat(LARGE))),
        ),
        ("a header of 1 MiB", get("/") + "X: " + &"x".repeat(LARGE)),
        ("10,000 headers", get("/") + &"X: x\r\n".repeat(10_000)),
        (
            "1,000 requests at once",
            (get("/healthz") + "\r\n").repeat(1_000),
        ),
        ("spans nested without an end", post("/v1/traces", &nested)),
        ("a cart nested without an end", post("/v1/carts", &nested)),
        (
            "an action nested without an end",
            post("/v1/actions", &nested),
        ),
        (
            "a query nested without an end",
            get(&format!("/api/v1/query?query={}", "-(".repeat(9_000)))
                + "Connection: close\r\n\r\n",
        ),
    ];
    all.extend(large.map(|(name, text)| (name, text.into_bytes())));
    all
}

const LINES: [(&str, &str); 18] = [
    (
        "a path out of the folder",
        "GET /../../../../etc/passwd HTTP/1.1",
    ),
    (
        "the same, escaped",
        "GET /static/%2e%2e/%2e%2e/%2e%2e/etc/passwd HTTP/1.1",
    ),
    (
        "the same, escaped twice",
        "GET /static/%252e%252e%252fetc/passwd HTTP/1.1",
    ),
    (
        "the same, with backslashes",
        "GET /static/..\\..\\etc\\passwd HTTP/1.1",
    ),
    ("an absolute file", "GET //etc/passwd HTTP/1.1"),
    ("a zero in a path", "GET /api/traces/%00 HTTP/1.1"),
    ("an escape that is none", "GET /%zz%f HTTP/1.1"),
    (
        "a name out of the folder",
        "GET /api/v1/label/..%2f..%2fetc%2fpasswd/values HTTP/1.1",
    ),
    ("a proxy's form", "GET http://evil.example/ HTTP/1.1"),
    ("a tunnel", "CONNECT evil.example:443 HTTP/1.1"),
    ("a trace", "TRACE / HTTP/1.1"),
    ("all of the server", "OPTIONS * HTTP/1.1"),
    ("an unknown method", "BREW / HTTP/1.1"),
    ("a method in lower case", "get / HTTP/1.1"),
    (
        "a delete",
        "DELETE /api/v1/admin/tsdb/delete_series?match[]=up HTTP/1.1",
    ),
    ("a version to come", "GET / HTTP/9.9"),
    ("no version", "GET /"),
    ("characters of no address", "GET /\"<>{}|^` HTTP/1.1"),
];

const HEADERS: [(&str, &str); 12] = [
    ("no Host", "X: x"),
    ("two Hosts", "Host: ADDR\r\nHost: evil.example"),
    ("a foreign Host", "Host: evil.example"),
    ("a Host that begins rightly", "Host: ADDR.evil.example"),
    ("a Host with a user", "Host: user@ADDR"),
    (
        "a token that is none",
        "Host: ADDR\r\nAuthorization: Bearer ",
    ),
    (
        "two tokens",
        "Host: ADDR\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b",
    ),
    (
        "a token of bytes",
        "Host: ADDR\r\nAuthorization: Bearer \u{ff}\u{fe}",
    ),
    ("a folded header", "Host: ADDR\r\nX: a\r\n b"),
    ("a blank before the colon", "Host : ADDR"),
    (
        "a WebSocket",
        "Host: ADDR\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13",
    ),
    (
        "an upgrade to HTTP/2",
        "Host: ADDR\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk",
    ),
];

const BODIES: [(&str, &str); 11] = [
    (
        "a length and chunks",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
    ),
    (
        "two lengths",
        "Content-Length: 1\r\nContent-Length: 9\r\n\r\nx",
    ),
    ("a length that is none", "Content-Length: -1\r\n\r\n"),
    (
        "a length beyond all",
        "Content-Length: 99999999999999999999\r\n\r\nx",
    ),
    ("a length with a sign", "Content-Length: +1\r\n\r\nx"),
    (
        "chunks named oddly",
        "Transfer-Encoding: xchunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    ),
    (
        "a chunk beyond all",
        "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
    ),
    (
        "a chunk that is none",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ),
    (
        "an unknown encoding",
        "Content-Encoding: rot13\r\nContent-Length: 1\r\n\r\nx",
    ),
    (
        "gzip that is none",
        "Content-Encoding: gzip\r\nContent-Type: application/x-protobuf\r\nContent-Length: 3\r\n\r\n\x1f\u{b}x",
    ),
    (
        "half a body",
        "Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
    ),
];

const RAW: [(&str, &[u8]); 5] = [
    ("zeros", &[0; 4_096]),
    (
        "a greeting of TLS",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ),
    (
        "the preface of HTTP/2",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    ),
    (
        "lines without a return",
        b"GET / HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n\n",
    ),
    (
        "another protocol",
        b"HELO evil.example\r\nMAIL FROM:<a@evil.example>\r\n",
    ),
];
