//! Checkout over HTTP, between a stand-in inventory and a stand-in provider on loopback.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Body, extract::State as Extract};
use chassis::{Client, Process};
use checkout::{CartView, HoldPolicy, OutboxSettings, Settings, State, Worker, router, store};
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

const NOW_MS: i64 = 1_800_000_000_000;

/// What a stand-in was asked, and what it is to answer; 200 with the default body when nothing is planned.
#[derive(Debug, Clone, Default)]
struct Script {
    asked: Arc<Mutex<Vec<(Method, String, Value)>>>,
    answers: Arc<Mutex<VecDeque<(u16, Value)>>>,
}

impl Script {
    fn plan(&self, status: u16, body: Value) {
        self.answers
            .lock()
            .expect("no test panics with the lock")
            .push_back((status, body));
    }

    fn asked(&self) -> Vec<(Method, String, Value)> {
        self.asked
            .lock()
            .expect("no test panics with the lock")
            .clone()
    }

    /// Paths that were asked with a method.
    fn paths(&self, method: Method) -> Vec<String> {
        self.asked()
            .into_iter()
            .filter(|asked| asked.0 == method)
            .map(|asked| asked.1)
            .collect()
    }
}

async fn answer(
    Extract((script, usual)): Extract<(Script, Value)>,
    request: axum::extract::Request,
) -> (StatusCode, String) {
    let (parts, body) = request.into_parts();
    let bytes = body
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    script
        .asked
        .lock()
        .expect("no test panics with the lock")
        .push((parts.method, parts.uri.path().to_owned(), body));
    let planned = script
        .answers
        .lock()
        .expect("no test panics with the lock")
        .pop_front();
    let (status, body) = planned.unwrap_or((200, usual));
    (
        StatusCode::from_u16(status).expect("the plan has valid statuses"),
        body.to_string(),
    )
}

async fn stand_in(usual: Value) -> (Script, SocketAddr) {
    let script = Script::default();
    let router = Router::new()
        .fallback(answer)
        .with_state((script.clone(), usual));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a port is free");
    let addr = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    (script, addr)
}

struct Shop {
    router: Router,
    state: State,
    inventory: Script,
    payment: Script,
    folder: TempDir,
}

async fn shop(settings: Settings) -> Shop {
    let folder = TempDir::new().expect("there is a temporary folder");
    let price = json!({ "amount_minor": 500, "currency": "EUR" });
    let line = json!({ "sku": "sku-000001", "quantity": 2, "price": price });
    let total = json!({ "amount_minor": 1_000, "currency": "EUR" });
    let (inventory, at) = stand_in(json!({ "order": "o", "lines": [line], "total": total })).await;
    let (payment, payment_at) = stand_in(json!({ "payment": "p-1", "decision": "captured" })).await;
    let upstreams = [
        ("inventory".to_owned(), vec![at]),
        ("payment".to_owned(), vec![payment_at]),
    ]
    .into();
    let client = Client::new(&upstreams, 7);
    let state = State::open(&folder.path().join(store::FILE), client, settings, || {
        NOW_MS
    })
    .expect("the folder is writable");
    let router = chassis::layered(router(state.clone()), &Process::default());
    Shop {
        router,
        state,
        inventory,
        payment,
        folder,
    }
}

impl Shop {
    async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Value,
    ) -> (StatusCode, bool, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request
            .body(Body::from(body.to_string()))
            .expect("the request is valid");
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("a router never fails");
        let (status, is_replayed) = (
            response.status(),
            response.headers().contains_key("idempotent-replayed"),
        );
        let bytes = response
            .into_body()
            .collect()
            .await
            .expect("the body is in memory")
            .to_bytes();
        (
            status,
            is_replayed,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    async fn fill(&self, cart: &str) {
        let lines = json!({ "lines": [{ "sku": "sku-000001", "quantity": 2 }] });
        let (status, ..) = self
            .send(Method::PUT, &format!("/internal/carts/{cart}"), None, lines)
            .await;
        assert_eq!(status, StatusCode::OK);
    }

    async fn order(&self, key: &str, body: Value) -> (StatusCode, bool, Value) {
        self.send(Method::POST, "/internal/orders", Some(key), body)
            .await
    }

    fn count(&self, table: &str) -> i64 {
        let connection = rusqlite::Connection::open(self.folder.path().join(store::FILE))
            .expect("the file is there");
        let sql = format!("SELECT count(*) FROM {table}");
        connection
            .query_row(&sql, (), |row| row.get(0))
            .expect("it counts")
    }
}

#[tokio::test]
async fn an_order_is_reserved_paid_stored_and_announced() {
    let shop = shop(Settings::default()).await;
    shop.fill("c").await;
    let (status, _, order) = shop
        .order("k", json!({ "cart": "c", "email": "a@example.org" }))
        .await;
    assert_eq!(
        (status, &order["total"]["amount_minor"]),
        (StatusCode::CREATED, &json!(1_000))
    );
    let (reserved, paid) = (&shop.inventory.asked()[0].2, &shop.payment.asked()[0].2);
    assert_eq!(
        (&reserved["order"], &paid["reference"]),
        (&order["order"], &order["order"])
    );
    assert_eq!(
        reserved.get("hold"),
        None,
        "the default says nothing about the hold"
    );
    assert_eq!(
        (
            shop.count("orders"),
            shop.count("outbox"),
            shop.count("cart")
        ),
        (1, 1, 0)
    );
    let path = format!(
        "/internal/orders/{}",
        order["order"].as_str().expect("an id")
    );
    let mut worker = Worker::new(shop.state.clone(), 7);
    for (status, taken) in [("placed", 1), ("confirmed", 0)] {
        assert_eq!(
            shop.send(Method::GET, &path, None, Value::Null).await.2["status"],
            json!(status)
        );
        assert_eq!(worker.round().await.ok(), Some(taken));
    }
    assert_eq!(
        shop.inventory.paths(Method::POST),
        ["/internal/reservations", "/internal/orders/placed"]
    );
}

#[tokio::test]
async fn a_repeated_order_is_answered_and_not_placed_again() {
    let shop = shop(Settings::default()).await;
    shop.fill("c").await;
    let (_, is_replayed, first) = shop.order("k", json!({ "cart": "c" })).await;
    assert!(!is_replayed);
    let (status, is_replayed, again) = shop.order("k", json!({ "cart": "c" })).await;
    assert_eq!(
        (status, is_replayed, &again),
        (StatusCode::CREATED, true, &first)
    );
    let (status, _, other) = shop.order("k", json!({ "cart": "d" })).await;
    assert_eq!(
        (status, &other["code"]),
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            &json!("idempotency-key-reused")
        )
    );
    assert_eq!((shop.count("orders"), shop.payment.asked().len()), (1, 1));
}

#[tokio::test]
async fn what_cannot_be_ordered_is_a_problem_with_a_code() {
    let shop = shop(Settings::default()).await;
    shop.send(
        Method::PUT,
        "/internal/carts/empty",
        None,
        json!({ "lines": [] }),
    )
    .await;
    for (body, status, code) in [
        (json!({ "cart": "nowhere" }), 404, "cart-not-found"),
        (json!({ "cart": "empty" }), 422, "cart-empty"),
        (
            json!({ "cart": "c", "email": "nobody" }),
            400,
            "invalid-request",
        ),
        (json!({ "card": "c" }), 400, "invalid-request"),
    ] {
        let (found, _, problem) = shop.order(&format!("k-{code}-{status}"), body).await;
        assert_eq!((found.as_u16(), &problem["code"]), (status, &json!(code)));
    }
    let (status, _, problem) = shop
        .send(
            Method::POST,
            "/internal/orders",
            None,
            json!({ "cart": "c" }),
        )
        .await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (400, &json!("idempotency-key-missing"))
    );
    let (status, _, problem) = shop
        .send(Method::GET, "/internal/orders/o-1", None, Value::Null)
        .await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (404, &json!("order-not-found"))
    );
}

#[tokio::test]
async fn a_failed_payment_gives_the_stock_back_and_frees_the_key() {
    let shop = shop(Settings::default()).await;
    shop.fill("c").await;
    shop.payment
        .plan(200, json!({ "payment": "p-1", "decision": "declined" }));
    let (status, _, problem) = shop.order("k", json!({ "cart": "c" })).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::PAYMENT_REQUIRED, &json!("payment-declined"))
    );
    assert_eq!(
        Worker::new(shop.state.clone(), 7).round().await.ok(),
        Some(1)
    );
    let first = shop.inventory.asked()[0].2["order"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert_eq!(
        shop.inventory.paths(Method::DELETE),
        [format!("/internal/reservations/{first}")]
    );
    let (status, _, order) = shop.order("k", json!({ "cart": "c" })).await;
    assert_eq!(
        (status, &order["order"]),
        (StatusCode::CREATED, &json!(first))
    );
    let second = &shop.inventory.asked()[2].2["order"];
    assert_eq!(
        second,
        &json!(format!("{first}-2")),
        "an attempt reserves under a name of its own"
    );
}

#[tokio::test]
async fn a_refusal_to_read_our_request_is_our_failure() {
    let shop = shop(Settings {
        hold_policy: HoldPolicy::Held,
        ..Settings::default()
    })
    .await;
    shop.fill("c").await;
    let detail = "unknown variant `held`, expected `standard` at line 1 column 9";
    let problem = json!({ "type": "t", "title": "t", "status": 422, "code": "invalid-body", "detail": detail });
    shop.inventory.plan(422, problem);
    let (status, _, problem) = shop.order("k", json!({ "cart": "c" })).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::INTERNAL_SERVER_ERROR, &json!("internal"))
    );
    assert_eq!(
        problem.get("detail"),
        None,
        "the inside stays inside: {problem}"
    );
    assert_eq!(shop.inventory.asked()[0].2["hold"], json!("held"));
    assert_eq!(
        (
            shop.count("orders"),
            shop.count("outbox"),
            shop.payment.asked().len()
        ),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn a_message_that_cannot_be_delivered_ends_with_the_dead_letters() {
    let outbox = OutboxSettings {
        attempts: 2,
        backoff_ms: 0,
        ..OutboxSettings::default()
    };
    let shop = shop(Settings {
        outbox,
        ..Settings::default()
    })
    .await;
    shop.fill("c").await;
    shop.order("k", json!({ "cart": "c" })).await;
    let mut worker = Worker::new(shop.state.clone(), 7);
    for (outbox, dead) in [(1, 0), (0, 1)] {
        shop.inventory.plan(500, Value::Null);
        assert_eq!(worker.round().await.ok(), Some(1));
        assert_eq!(
            (shop.count("outbox"), shop.count("dead_letter")),
            (outbox, dead)
        );
    }
    assert_eq!(worker.round().await.ok(), Some(0), "nothing is tried again");
}

/// What waits for the first message, when it is refused again and again: nothing, unless the order is that of storing.
#[tokio::test]
async fn messages_that_go_as_they_were_stored_wait_for_the_first() {
    use checkout::Order::{Due, Stored};
    for (order, attempts, left, dead) in [(Due, 0, 1, 0), (Stored, 0, 3, 0), (Stored, 2, 0, 1)] {
        let outbox = OutboxSettings {
            order,
            attempts,
            concurrency: 1,
            backoff_ms: 0,
            ..OutboxSettings::default()
        };
        let shop = shop(Settings {
            outbox,
            ..Settings::default()
        })
        .await;
        for key in ["a", "b", "c"] {
            shop.fill(key).await;
            shop.order(key, json!({ "cart": key })).await;
        }
        let mut worker = Worker::new(shop.state.clone(), 7);
        for _ in 0..2 {
            shop.inventory.plan(422, Value::Null);
            assert!(worker.round().await.is_ok(), "{order:?} {attempts}");
        }
        let found = (shop.count("outbox"), shop.count("dead_letter"));
        assert_eq!(found, (left, dead), "{order:?} {attempts}");
    }
}

#[tokio::test]
async fn a_cart_is_kept_as_it_was_read_for_as_long_as_the_settings_say() {
    // Whether a declined order leaves the only connection that reads to the next request.
    for (cart_view, is_free) in [
        (CartView::Once, true),
        (CartView::UntilPaid, true),
        (CartView::UntilBought, false),
    ] {
        let settings = Settings {
            cart_view,
            readers: 1,
            acquire_ms: 200,
            ..Settings::default()
        };
        let shop = shop(settings).await;
        shop.fill("c").await;
        shop.payment
            .plan(200, json!({ "payment": "p-1", "decision": "declined" }));
        let (status, _, _) = shop.order("k", json!({ "cart": "c" })).await;
        assert_eq!(status, StatusCode::PAYMENT_REQUIRED, "{cart_view:?}");
        let (status, _, _) = shop.order("other", json!({ "cart": "other" })).await;
        let expected = if is_free {
            StatusCode::NOT_FOUND
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        assert_eq!(status, expected, "{cart_view:?}");
        let (status, _, _) = shop.order("again", json!({ "cart": "c" })).await;
        assert_eq!(status, StatusCode::CREATED, "{cart_view:?}: the same cart");
    }
}

#[tokio::test]
async fn a_payment_is_confirmed_with_the_same_key_where_that_is_asked_for() {
    for (confirm_payment, calls) in [(false, 1), (true, 2)] {
        let shop = shop(Settings {
            confirm_payment,
            ..Settings::default()
        })
        .await;
        shop.fill("c").await;
        let (status, _, _) = shop.order("k", json!({ "cart": "c" })).await;
        assert_eq!(status, StatusCode::CREATED);
        assert_eq!(shop.payment.asked().len(), calls);
    }
}
