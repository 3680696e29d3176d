//! Checkout over HTTP, with a stand-in inventory and a stand-in payment provider on loopback.

use std::{collections::VecDeque, net::SocketAddr, sync::Arc};

use axum::{Router, body::Bytes, extract::State};
use chassis::{Client, testing};
use checkout::{CartView, Checkout, HoldPolicy, OutboxSettings, Settings, Worker, router, store};
use http::{Method, Request, StatusCode, Uri};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;

const NOW_MS: i64 = 1_800_000_000_000;

/// The requests that a stand-in received, and its planned responses; without a plan it sends 200 and a default body.
#[derive(Debug, Clone, Default)]
struct Script {
    received: Arc<Mutex<Vec<(Method, String, Value)>>>,
    responses: Arc<Mutex<VecDeque<(u16, Value)>>>,
}

impl Script {
    fn plan(&self, status: u16, body: Value) {
        self.responses.lock().push_back((status, body));
    }

    fn received(&self) -> Vec<(Method, String, Value)> {
        self.received.lock().clone()
    }

    /// Paths that were requested with a method.
    fn paths(&self, method: Method) -> Vec<String> {
        self.received()
            .into_iter()
            .filter(|request| request.0 == method)
            .map(|request| request.1)
            .collect()
    }
}

async fn respond(
    State((script, default)): State<(Script, Value)>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> (StatusCode, String) {
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let request = (method, uri.path().to_owned(), body);
    script.received.lock().push(request);
    let planned = script.responses.lock().pop_front();
    let (status, body) = planned.unwrap_or((200, default));
    (
        StatusCode::from_u16(status).expect("the plan has valid statuses"),
        body.to_string(),
    )
}

async fn stand_in(default: Value) -> (Script, SocketAddr) {
    let script = Script::default();
    let router = Router::new()
        .fallback(respond)
        .with_state((script.clone(), default));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a port is free");
    let addr = listener.local_addr().expect("the listener is bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    (script, addr)
}

struct Shop {
    router: Router,
    checkout: Checkout,
    inventory: Script,
    payment: Script,
    folder: TempDir,
}

async fn shop_with(outbox: OutboxSettings) -> Shop {
    shop(Settings {
        outbox,
        ..Settings::default()
    })
    .await
}

async fn shop(settings: Settings) -> Shop {
    let folder = TempDir::new().expect("there is a temporary folder");
    let price = json!({ "amount_minor": 500, "currency": "EUR" });
    let line = json!({ "sku": "sku-000001", "quantity": 2, "price": price });
    let total = json!({ "amount_minor": 1_000, "currency": "EUR" });
    let (inventory, at) =
        stand_in(json!({ "reservation": "r", "lines": [line], "total": total })).await;
    let (payment, payment_at) = stand_in(json!({ "payment": "p-1", "decision": "captured" })).await;
    let upstreams = [
        ("inventory".to_owned(), vec![at]),
        ("payment".to_owned(), vec![payment_at]),
    ]
    .into();
    let client = Client::new(&upstreams, 7);
    let path = folder.path().join(store::FILE);
    let checkout = Checkout::open(&path, client, settings, || NOW_MS);
    let checkout = checkout.expect("the folder is writable");
    let router = testing::layered(router(checkout.clone()));
    Shop {
        router,
        checkout,
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
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let (status, headers, body) = testing::send(&self.router, request, body).await;
        (status, headers.contains_key("idempotent-replayed"), body)
    }

    /// Places an order that must be answered with this status; gives the body.
    async fn expect(&self, key: &str, body: Value, expected: u16) -> Value {
        let (status, _, body) = self.order(key, body).await;
        assert_eq!(status.as_u16(), expected, "{body}");
        body
    }

    /// Lets the payment provider decline the next payment.
    fn decline(&self) {
        let declined = json!({ "payment": "p-1", "decision": "declined" });
        self.payment.plan(200, declined);
    }

    /// Rows of orders, of the outbox and of the dead letters.
    fn rows(&self) -> [i64; 3] {
        ["orders", "outbox", "dead_letter"].map(|table| self.count(table))
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
            .expect("the file exists");
        let sql = format!("SELECT count(*) FROM {table}");
        connection
            .query_row(&sql, (), |row| row.get(0))
            .expect("the table exists")
    }
}

#[tokio::test]
async fn an_order_is_reserved_paid_stored_and_shipped() {
    let shop = shop(Settings::default()).await;
    shop.fill("c").await;
    let request = json!({ "cart": "c", "email": "a@example.org" });
    let order = shop.expect("k", request, 201).await;
    assert_eq!(order["total"]["amount_minor"], 1_000);
    let reserved = &shop.inventory.received()[0].2;
    assert_eq!(reserved["reservation"], order["order"]);
    assert_eq!(reserved.get("hold"), None, "the default asks for no hold");
    assert_eq!(shop.payment.received()[0].2["reference"], order["order"]);
    assert_eq!((shop.rows(), shop.count("cart")), ([1, 1, 0], 0));
    let path = format!(
        "/internal/orders/{}",
        order["order"].as_str().expect("an id")
    );
    let mut worker = Worker::new(shop.checkout.clone(), 7);
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

/// An answer says how far the order has come, and what was done of the preference.
#[tokio::test]
async fn a_caller_that_prefers_to_wait_is_answered_when_the_warehouse_has_the_order() {
    for (prefer, has_worker, status, applied) in [
        (None, true, "placed", None),
        (Some("respond-async"), true, "placed", None),
        (Some("wait=0"), false, "placed", Some("wait=0")),
        (Some("wait=1"), false, "placed", Some("wait=1")),
        (Some("wait=60"), true, "confirmed", Some("wait=60")),
    ] {
        let outbox = OutboxSettings {
            linger_ms: 100,
            ..OutboxSettings::default()
        };
        let shop = shop_with(outbox).await;
        let stop = chassis::CancellationToken::new();
        let _stopped = stop.clone().drop_guard();
        if has_worker {
            tokio::spawn(Worker::new(shop.checkout.clone(), 7).run(stop));
        }
        shop.fill("c").await;
        let request = Request::builder()
            .method(Method::POST)
            .uri("/internal/orders")
            .header("idempotency-key", "k");
        let request = match prefer {
            Some(prefer) => request.header("prefer", prefer),
            None => request,
        };
        let (_, headers, body) = testing::send(&shop.router, request, json!({ "cart": "c" })).await;
        assert_eq!(body["status"], status, "{prefer:?}: {body}");
        let told = headers.get("preference-applied");
        assert_eq!(
            told.and_then(|told| told.to_str().ok()),
            applied,
            "{prefer:?}"
        );
    }
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_order() {
    let shop = shop(Settings::default()).await;
    shop.fill("c").await;
    let (_, is_replayed, first) = shop.order("k", json!({ "cart": "c" })).await;
    assert!(!is_replayed);
    let (status, is_replayed, again) = shop.order("k", json!({ "cart": "c" })).await;
    assert_eq!((status.as_u16(), is_replayed, again), (201, true, first));
    let other = shop.expect("k", json!({ "cart": "d" }), 422).await;
    assert_eq!(other["code"], "idempotency-key-reused");
    assert_eq!(
        (shop.count("orders"), shop.payment.received().len()),
        (1, 1)
    );
}

#[tokio::test]
async fn a_rejected_order_is_a_problem_with_a_code() {
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
        let problem = shop
            .expect(&format!("k-{code}-{status}"), body, status)
            .await;
        assert_eq!(problem["code"], code);
    }
    for (method, path, status, code) in [
        (
            Method::POST,
            "/internal/orders",
            400,
            "idempotency-key-missing",
        ),
        (Method::GET, "/internal/orders/o-1", 404, "order-not-found"),
    ] {
        let (found, _, problem) = shop.send(method, path, None, json!({ "cart": "c" })).await;
        assert_eq!((found.as_u16(), &problem["code"]), (status, &json!(code)));
    }
}

#[tokio::test]
async fn a_declined_payment_releases_the_stock_and_frees_the_key() {
    let shop = shop(Settings::default()).await;
    shop.fill("c").await;
    shop.decline();
    let problem = shop.expect("k", json!({ "cart": "c" }), 402).await;
    assert_eq!(problem["code"], "payment-declined");
    let taken = Worker::new(shop.checkout.clone(), 7).round().await;
    assert_eq!(taken.ok(), Some(1));
    let first = shop.inventory.received()[0].2["reservation"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert_eq!(
        shop.inventory.paths(Method::DELETE),
        [format!("/internal/reservations/{first}")]
    );
    let order = shop.expect("k", json!({ "cart": "c" }), 201).await;
    assert_eq!(order["order"], first);
    let second = &shop.inventory.received()[2].2["reservation"];
    assert_eq!(*second, format!("{first}-2"), "each attempt has its own");
}

#[tokio::test]
async fn an_invalid_request_to_the_inventory_is_an_internal_error() {
    let shop = shop(Settings {
        hold_policy: HoldPolicy::UntilPaid,
        ..Settings::default()
    })
    .await;
    shop.fill("c").await;
    let detail = "unknown variant `until_paid`, expected `standard` at line 1 column 9";
    let problem = json!({ "type": "t", "title": "t", "status": 422, "code": "invalid-body", "detail": detail });
    shop.inventory.plan(422, problem);
    let problem = shop.expect("k", json!({ "cart": "c" }), 500).await;
    assert_eq!(problem["code"], "internal");
    assert_eq!(
        problem.get("detail"),
        None,
        "the cause is not sent: {problem}"
    );
    assert_eq!(shop.inventory.received()[0].2["hold"], "until_paid");
    assert_eq!((shop.rows(), shop.payment.received().len()), ([0; 3], 0));
}

#[tokio::test]
async fn a_message_that_cannot_be_delivered_becomes_a_dead_letter() {
    let outbox = OutboxSettings {
        attempts: 2,
        backoff_ms: 0,
        ..OutboxSettings::default()
    };
    let shop = shop_with(outbox).await;
    shop.fill("c").await;
    shop.order("k", json!({ "cart": "c" })).await;
    let mut worker = Worker::new(shop.checkout.clone(), 7);
    for (outbox, dead) in [(1, 0), (0, 1)] {
        shop.inventory.plan(500, Value::Null);
        assert_eq!(worker.round().await.ok(), Some(1));
        assert_eq!(shop.rows(), [1, outbox, dead]);
    }
    assert_eq!(
        worker.round().await.ok(),
        Some(0),
        "there is nothing left to retry"
    );
}

/// Only in stored order does a message that fails repeatedly block those behind it.
#[tokio::test]
async fn in_stored_order_messages_wait_for_the_first() {
    use checkout::DeliveryOrder::{Due, Stored};
    for (order, attempts, left, dead) in [(Due, 0, 1, 0), (Stored, 0, 3, 0), (Stored, 2, 0, 1)] {
        let outbox = OutboxSettings {
            order,
            attempts,
            concurrency: 1,
            backoff_ms: 0,
            ..OutboxSettings::default()
        };
        let shop = shop_with(outbox).await;
        for key in ["a", "b", "c"] {
            shop.fill(key).await;
            shop.order(key, json!({ "cart": key })).await;
        }
        let mut worker = Worker::new(shop.checkout.clone(), 7);
        for _ in 0..2 {
            shop.inventory.plan(422, Value::Null);
            assert!(worker.round().await.is_ok(), "{order:?} {attempts}");
        }
        assert_eq!(shop.rows(), [3, left, dead], "{order:?} {attempts}");
    }
}

/// It is in the database, so neither another release nor a restart makes a difference.
#[tokio::test]
async fn an_unreadable_message_is_never_sent_and_blocks_those_behind_it_until_it_is_skipped() {
    use checkout::DeliveryOrder::Stored;
    let outbox = OutboxSettings {
        order: Stored,
        attempts: 0,
        backoff_ms: 0,
        ..OutboxSettings::default()
    };
    let shop = shop_with(outbox).await;
    let database = rusqlite::Connection::open(shop.folder.path().join(store::FILE));
    let database = database.expect("the database exists");
    let message = store::outbox::NewMessage {
        topic: "order.placed",
        payload: r#"{"reservation":"p-1","lines":[],"note":"Please ring"}"#,
        order: "p-1",
        traceparent: None,
        now_ms: NOW_MS,
    };
    store::outbox::insert(&database, message).expect("the table exists");
    shop.fill("c").await;
    shop.order("k", json!({ "cart": "c" })).await;
    let calls = shop.inventory.received().len();
    let mut worker = Worker::new(shop.checkout.clone(), 7);
    for _ in 0..3 {
        assert_eq!(worker.round().await.ok(), Some(1));
    }
    assert_eq!(shop.rows(), [1, 2, 0]);
    assert_eq!(shop.inventory.received().len(), calls);
    let skipped = store::outbox::skip(&database, NOW_MS, "skipped").expect("the table exists");
    assert_eq!(skipped.map(|message| message.order), Some("p-1".to_owned()));
    assert_eq!(worker.round().await.ok(), Some(1));
    assert_eq!(shop.rows(), [1, 0, 1]);
    assert_eq!(shop.inventory.received().len(), calls + 1);
}

#[tokio::test]
async fn the_setting_decides_how_long_an_order_occupies_its_connection() {
    // Whether the only connection for reading is free after a declined payment.
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
        shop.decline();
        shop.expect("k", json!({ "cart": "c" }), 402).await;
        let status = if is_free { 404 } else { 503 };
        shop.expect("other", json!({ "cart": "other" }), status)
            .await;
        // The same cart.
        shop.expect("again", json!({ "cart": "c" }), 201).await;
    }
}

#[tokio::test]
async fn a_payment_is_confirmed_if_configured() {
    for (confirm_payment, calls) in [(false, 1), (true, 2)] {
        let shop = shop(Settings {
            confirm_payment,
            ..Settings::default()
        })
        .await;
        shop.fill("c").await;
        shop.expect("k", json!({ "cart": "c" }), 201).await;
        assert_eq!(shop.payment.received().len(), calls);
    }
}
