//! A server may close an idle connection at any time; customers must not notice.

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

/// What the server does with a connection after reading a request.
#[derive(Clone, Copy)]
enum Behaviour {
    /// Responds to this many requests with keep-alive, and closes on the next one.
    CloseUnanswered { after: usize },
    /// Responds to one request and closes without announcing it.
    CloseAtOnce,
    /// Sends less than it announces.
    Truncate,
    /// Responds with something that is not HTTP.
    Nonsense,
}

async fn serve(behaviour: Behaviour) -> (SocketAddr, Arc<AtomicU64>, AbortHandle) {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a free port");
    let addr = listener.local_addr().expect("bound");
    let answered = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&answered);
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, behaviour, Arc::clone(&counter)));
        }
    });
    (addr, answered, server.abort_handle())
}

async fn connection(
    mut stream: TcpStream,
    behaviour: Behaviour,
    answered: Arc<AtomicU64>,
) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    for number in 0.. {
        // The requests are small and arrive one at a time, so each read has one request.
        if stream.read(&mut buffer).await? == 0 {
            break;
        }
        if matches!(behaviour, Behaviour::CloseUnanswered { after } if number >= after) {
            break;
        }
        let answer: &[u8] = match behaviour {
            Behaviour::CloseUnanswered { .. } | Behaviour::CloseAtOnce => {
                b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
            }
            Behaviour::Truncate => b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nok",
            Behaviour::Nonsense => b"220 mail.example ESMTP\r\n\r\n",
        };
        stream.write_all(answer).await?;
        answered.fetch_add(1, Ordering::Relaxed);
        if !matches!(behaviour, Behaviour::CloseUnanswered { .. }) {
            break;
        }
    }
    Ok(())
}

async fn sum(behaviour: Behaviour) -> (loadgen::Cell, u64) {
    let (addr, answered, server) = serve(behaviour).await;
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
async fn a_request_on_a_closed_connection_is_sent_again() {
    let (sum, answered) = sum(Behaviour::CloseUnanswered { after: 3 }).await;
    assert!(sum.resent >= 10, "{sum:?}");
    assert_eq!(
        (sum.codes.get(&200), sum.unanswered()),
        (Some(&sum.scheduled), 0)
    );
    assert_eq!(answered, sum.scheduled);
}

#[tokio::test]
async fn a_server_that_closes_after_each_response_causes_no_errors() {
    let (sum, answered) = sum(Behaviour::CloseAtOnce).await;
    assert_eq!(
        (sum.codes.get(&200), sum.unanswered()),
        (Some(&sum.scheduled), 0)
    );
    assert_eq!(answered, sum.scheduled);
}

#[tokio::test]
async fn a_new_connection_that_closes_without_a_response_is_an_error() {
    let (sum, _) = sum(Behaviour::CloseUnanswered { after: 0 }).await;
    assert_eq!(
        sum.errors.into_iter().collect::<Vec<_>>(),
        [(ErrorKind::Closed, sum.scheduled)]
    );
}

#[tokio::test]
async fn an_incomplete_response_is_an_error_and_is_not_retried() {
    let (sum, answered) = sum(Behaviour::Truncate).await;
    assert_eq!((sum.resent, answered), (0, sum.scheduled));
    assert_eq!(
        sum.errors.into_iter().collect::<Vec<_>>(),
        [(ErrorKind::Closed, sum.scheduled)]
    );
}

#[tokio::test]
async fn a_response_that_is_not_http_is_an_error() {
    let (sum, _) = sum(Behaviour::Nonsense).await;
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
