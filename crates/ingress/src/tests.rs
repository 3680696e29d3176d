use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::body::GAP;
use crate::course::{HEAD, STUCK};
use crate::{Protocol, Server};

const IDLE: Duration = Duration::from_secs(300);
/// Longer than any limit but the idle one: a grade takes minutes.
const WORK: Duration = Duration::from_secs(200);
const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const POST: &str = "POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n";

async fn serve(change: impl FnOnce(&mut Server)) -> SocketAddr {
    let work = || async {
        sleep(WORK).await;
        "done"
    };
    let router = Router::new()
        .route("/", get(async || "ok"))
        .route("/work", get(work))
        .route("/large", get(async || "x".repeat(64 << 20)))
        .route("/take", post(async |body: String| body));
    let mut server = Server::new(router);
    change(&mut server);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("bound");
    tokio::spawn(server.run(listener, CancellationToken::new()));
    addr
}

async fn send(addr: SocketAddr, text: &str) -> TcpStream {
    let mut client = TcpStream::connect(addr).await.expect("it listens");
    client.write_all(text.as_bytes()).await.expect("it is read");
    client
}

/// How long a connection stays open on which these pieces are sent, with a pause between each two.
async fn open_for(addr: SocketAddr, pieces: &[&str], pause: Duration) -> Duration {
    let started = Instant::now();
    let (mut reader, mut writer) = send(addr, "").await.into_split();
    let pieces: Vec<String> = pieces.iter().map(|&piece| piece.to_owned()).collect();
    let writing = tokio::spawn(async move {
        for piece in pieces {
            if writer.write_all(piece.as_bytes()).await.is_err() {
                break;
            }
            sleep(pause).await;
        }
        writer
    });
    // An answer may come first, and a reset is an end as well.
    let mut rest = Vec::new();
    let _ = reader.read_to_end(&mut rest).await;
    let took = started.elapsed();
    writing.abort();
    took
}

#[tokio::test(start_paused = true)]
async fn clients_that_stop_half_way_are_ended() {
    let http1 = serve(|_| {}).await;
    let http2 = serve(|server| server.protocol = Protocol::Http2).await;
    let drip = ["x"; 30];
    let slow_head = [&["GET / HTTP/1.1\r\nHost: "][..], &drip].concat();
    let long = POST.replace(": 9", ": 99");
    let slow_body = [&[&long[..]][..], &drip].concat();
    let whole = [POST, "123456789"].concat();
    let cases: [(&str, SocketAddr, &[&str], Duration); 10] = [
        ("nothing", http1, &[], IDLE),
        ("half a method", http1, &["GE"], HEAD),
        ("half a head", http1, &["GET / HTTP/1.1\r\nHost"], HEAD),
        ("a head in drops", http1, &slow_head, HEAD),
        ("half a body", http1, &[POST, "half"], GAP),
        (
            "a body in drops",
            http1,
            &slow_body,
            Duration::from_secs(60),
        ),
        ("a whole request", http1, &[&whole], IDLE),
        ("half a second request", http1, &[GET, "GET /"], HEAD),
        ("no HTTP/2", http2, &[], STUCK),
        ("half a preface", http2, &["PRI * HT"], STUCK),
    ];
    for (name, addr, pieces, expected) in cases {
        let pause = Duration::from_secs(3);
        let took = open_for(addr, pieces, pause).await;
        // The limit begins at the last piece that counts, of which none comes later than this.
        let latest = expected + pause * 2;
        assert!(took >= expected && took <= latest, "{name}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_take_as_long_as_its_handler_does() {
    let addr = serve(|_| {}).await;
    let started = Instant::now();
    let mut client = send(
        addr,
        &GET.replace("/ ", "/work ")
            .replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
    )
    .await;
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.ends_with("done"), "{answer}");
    assert!(started.elapsed() >= WORK);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_read_is_given_up() {
    let addr = serve(|_| {}).await;
    let mut client = send(addr, &GET.replace("/ ", "/large ")).await;
    sleep(STUCK * 2).await;
    let mut answer = Vec::new();
    // What the system had taken of it comes, and then the end.
    let _ = client.read_to_end(&mut answer).await;
    assert!(answer.len() < 64 << 20, "{}", answer.len());
}

#[tokio::test]
async fn however_many_wait_a_request_is_answered() {
    let addr = serve(|server| server.most = 3).await;
    let mut half_sent = Vec::new();
    for number in 0..60 {
        let texts = ["", "GET / HT", POST];
        half_sent.push(send(addr, texts[number % texts.len()]).await);
    }
    let mut client = send(
        addr,
        &GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
    )
    .await;
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.ends_with("ok"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn those_at_work_are_waited_for() {
    let addr = serve(|server| server.most = 2).await;
    let work = GET
        .replace("/ ", "/work ")
        .replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(send(addr, &work).await);
    }
    let started = Instant::now();
    for mut client in clients {
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.ends_with("done"), "{answer}");
    }
    assert!(started.elapsed() >= WORK * 2, "{:?}", started.elapsed());
}
