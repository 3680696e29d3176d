//! The wire over real sockets: an echo behind a proxy.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, timeout},
};

use super::*;

/// Limit for everything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that echoes everything; its task ends with the test's runtime.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    addr
}

async fn round_trip(stream: &mut TcpStream, text: &[u8]) -> io::Result<Duration> {
    let began = Instant::now();
    stream.write_all(text).await?;
    let mut response = vec![0; text.len()];
    timeout(PATIENCE, stream.read_exact(&mut response)).await??;
    assert_eq!(response, text, "bytes arrive unchanged");
    Ok(began.elapsed())
}

async fn median(stream: &mut TcpStream) -> Duration {
    let mut times = Vec::new();
    for _ in 0..21 {
        times.push(
            round_trip(stream, b"ping")
                .await
                .expect("the echo responses"),
        );
    }
    times.sort();
    times[times.len() / 2]
}

fn latency(there_ms: u64, back_ms: u64) -> Wire {
    Wire {
        latency_there: Duration::from_millis(there_ms),
        latency_back: Duration::from_millis(back_ms),
        ..Wire::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn latency_changes_on_an_open_connection() {
    let proxy = Proxy::start(echo().await, Wire::default(), 1).await;
    let proxy = proxy.expect("a free port");
    let mut stream = TcpStream::connect(proxy.addr()).await.expect("connected");
    let mut check = async |wire: Wire| {
        proxy.set(wire);
        let added = wire.latency_there + wire.latency_back;
        let median = median(&mut stream).await;
        assert!(median >= added, "{median:?} for {added:?}");
        // The stated tolerance is for the benchmark; tests share their cores.
        assert!(
            median < added + Duration::from_millis(4),
            "{median:?} for {added:?}"
        );
    };
    check(Wire::default()).await;
    check(latency(5, 0)).await;
    check(latency(10, 10)).await;
    check(Wire::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jitter_varies_and_keeps_the_order() {
    let wire = Wire {
        jitter: Duration::from_millis(8),
        ..Wire::default()
    };
    let proxy = Proxy::start(echo().await, wire, 3)
        .await
        .expect("a free port");
    let mut stream = TcpStream::connect(proxy.addr()).await.expect("connected");
    let mut times = Vec::new();
    for _ in 0..30 {
        times.push(round_trip(&mut stream, b"ping").await.expect("responseed"));
    }
    times.sort();
    assert!(times[29] - times[0] > Duration::from_millis(3), "{times:?}");
    let long: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
    round_trip(&mut stream, &long).await.expect("in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn bandwidth_is_accurate_to_a_tenth() {
    let wire = Wire {
        bytes_per_second: Some(1_000_000),
        ..Wire::default()
    };
    let proxy = Proxy::start(echo().await, wire, 3)
        .await
        .expect("a free port");
    let mut stream = TcpStream::connect(proxy.addr()).await.expect("connected");
    let (mut read, mut write) = stream.split();
    let began = Instant::now();
    let send = async { write.write_all(&vec![7; 300_000]).await };
    let receive = async { read.read_exact(&mut vec![0; 300_000]).await.map(|_| ()) };
    timeout(PATIENCE, async { tokio::try_join!(send, receive) })
        .await
        .expect("in time")
        .expect("carried");
    let took = began.elapsed();
    let expected = Duration::from_millis(300);
    assert!(took >= expected.mul_f64(0.95), "{took:?}");
    assert!(
        took < expected.mul_f64(1.1) + Duration::from_millis(60),
        "{took:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seed_decides_which_connections_are_dropped() {
    let wire = Wire {
        drop_share: 0.5,
        ..Wire::default()
    };
    let target = echo().await;
    let outcomes = async || {
        let proxy = Proxy::start(target, wire, 11).await.expect("a free port");
        let mut outcomes = Vec::new();
        for _ in 0..40 {
            let mut stream = TcpStream::connect(proxy.addr()).await.expect("connected");
            outcomes.push(round_trip(&mut stream, b"ping").await.is_ok());
        }
        outcomes
    };
    let first = outcomes().await;
    assert_eq!(
        first,
        outcomes().await,
        "the same seed drops the same connections"
    );
    let carried = first.iter().filter(|is_carried| **is_carried).count();
    assert!((10..=30).contains(&carried), "{carried} of 40");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_proxy_leaves_no_port_and_no_connection() {
    let proxy = Proxy::start(echo().await, latency(5, 5), 1).await;
    let proxy = proxy.expect("a free port");
    let addr = proxy.addr();
    let mut stream = TcpStream::connect(addr).await.expect("connected");
    round_trip(&mut stream, b"ping").await.expect("responseed");
    drop(proxy);
    let mut rest = Vec::new();
    let ended = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the open connection ends");
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(addr).await.is_ok() {
        assert!(Instant::now() < until, "the port is still taken");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_connection_closes_if_the_target_is_unreachable() {
    let unused = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let target = unused.local_addr().expect("bound");
    drop(unused);
    let proxy = Proxy::start(target, Wire::default(), 1).await;
    let proxy = proxy.expect("a free port");
    let mut stream = TcpStream::connect(proxy.addr()).await.expect("connected");
    let outcome = round_trip(&mut stream, b"ping").await;
    assert!(outcome.is_err(), "{outcome:?}");
}
