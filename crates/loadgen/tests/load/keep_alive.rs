//! A server may close a kept connection whenever it likes; customers must not notice.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use loadgen::{ErrorKind, Load, Mix, Route, load::Journey};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::AbortHandle,
};

use crate::{
    DEADLINE, config, scheduled,
    shop::{Shop, router},
    until,
};

/// What the server does with each connection after it has read a request.
#[derive(Clone, Copy)]
enum Manner {
    /// Answers so many requests, promising to go on, and closes when the next one comes.
    CloseUnanswered { after: usize },
    /// Answers one request and closes, without saying so.
    CloseAtOnce,
    /// Announces more than it sends.
    CutOff,
    /// Answers with something else than HTTP.
    Nonsense,
}

async fn serve(manner: Manner) -> (SocketAddr, Arc<AtomicU64>, AbortHandle) {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a free port");
    let addr = listener.local_addr().expect("bound");
    let answered = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&answered);
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, manner, Arc::clone(&counter)));
        }
    });
    (addr, answered, server.abort_handle())
}

async fn connection(
    mut stream: TcpStream,
    manner: Manner,
    answered: Arc<AtomicU64>,
) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    for number in 0.. {
        // The requests are small and come one at a time, so one read has one request.
        if stream.read(&mut buffer).await? == 0 {
            break;
        }
        if matches!(manner, Manner::CloseUnanswered { after } if number >= after) {
            break;
        }
        let answer: &[u8] = match manner {
            Manner::CloseUnanswered { .. } | Manner::CloseAtOnce => {
                b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
            }
            Manner::CutOff => b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nok",
            Manner::Nonsense => b"220 mail.example ESMTP\r\n\r\n",
        };
        stream.write_all(answer).await?;
        answered.fetch_add(1, Ordering::Relaxed);
        if !matches!(manner, Manner::CloseUnanswered { .. }) {
            break;
        }
    }
    Ok(())
}

async fn sum(manner: Manner) -> (loadgen::Cell, u64) {
    let (addr, answered, server) = serve(manner).await;
    let load = Load {
        rate: 300.0,
        mix: Mix::only(Journey::Product),
        ..Load::default()
    };
    let handle = loadgen::start(config(addr, load)).expect("valid");
    until(&handle, |handle| scheduled(handle) >= 200).await;
    let record = handle.stop(DEADLINE).await;
    server.abort();
    (
        record.sum(record.whole(), None),
        answered.load(Ordering::Relaxed),
    )
}

#[tokio::test]
async fn a_request_that_meets_a_closed_connection_is_sent_again() {
    let (sum, answered) = sum(Manner::CloseUnanswered { after: 3 }).await;
    assert!(sum.resent >= 10, "{sum:?}");
    assert_eq!(
        (sum.codes.get(&200), sum.unanswered()),
        (Some(&sum.scheduled), 0)
    );
    assert_eq!(answered, sum.scheduled);
}

#[tokio::test]
async fn a_server_that_closes_after_each_answer_causes_no_errors() {
    let (sum, answered) = sum(Manner::CloseAtOnce).await;
    assert_eq!(
        (sum.codes.get(&200), sum.unanswered()),
        (Some(&sum.scheduled), 0)
    );
    assert_eq!(answered, sum.scheduled);
}

#[tokio::test]
async fn a_fresh_connection_that_is_closed_unanswered_is_an_error() {
    let (sum, _) = sum(Manner::CloseUnanswered { after: 0 }).await;
    assert_eq!(
        sum.errors.into_iter().collect::<Vec<_>>(),
        [(ErrorKind::Closed, sum.scheduled)]
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_and_is_not_sent_again() {
    let (sum, answered) = sum(Manner::CutOff).await;
    assert_eq!((sum.resent, answered), (0, sum.scheduled));
    assert_eq!(
        sum.errors.into_iter().collect::<Vec<_>>(),
        [(ErrorKind::Closed, sum.scheduled)]
    );
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_an_error() {
    let (sum, _) = sum(Manner::Nonsense).await;
    assert_eq!(
        sum.errors.into_iter().collect::<Vec<_>>(),
        [(ErrorKind::Protocol, sum.scheduled)]
    );
}

#[tokio::test]
async fn a_server_is_replaced_on_its_socket_without_an_error() {
    let socket = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    socket.set_nonblocking(true).expect("a socket");
    let addr = socket.local_addr().expect("bound");
    let shop = Arc::new(Shop::default());
    let release = || {
        let listener =
            TcpListener::from_std(socket.try_clone().expect("a socket")).expect("a runtime");
        let (stop, stopped) = oneshot::channel::<()>();
        let drain = async move { stopped.await.unwrap_or_default() };
        let server = axum::serve(listener, router(Arc::clone(&shop))).with_graceful_shutdown(drain);
        (stop, tokio::spawn(server.into_future()))
    };

    let mut running = release();
    let load = Load {
        rate: 500.0,
        think_ms: 20,
        ..Load::default()
    };
    let handle = loadgen::start(config(addr, load)).expect("valid");
    for swap in 1..=5 {
        until(&handle, |handle| scheduled(handle) >= swap * 150).await;
        let (stop, old) = std::mem::replace(&mut running, release());
        drop(stop);
        old.await.expect("no panic").expect("a clean end");
    }
    until(&handle, |handle| scheduled(handle) >= 900).await;
    let record = handle.stop(DEADLINE).await;
    running.1.abort();

    let sum = record.sum(record.whole(), None);
    assert_eq!((sum.failed(), sum.under_way()), (0, 0), "{sum:?}");
    let acknowledged: u64 = Route::ALL
        .map(|route| shop.answers(route).values().sum::<u64>())
        .into_iter()
        .sum();
    assert_eq!(sum.answered(), acknowledged);
}
