//! The gateway over HTTP, with stand-in services on loopback.

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, extract::State};
use chassis::{Client, testing};
use gateway::{Gateway, LimiterSettings, PageKey, PageSettings, Settings, router};
use http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use parking_lot::Mutex;
use serde_json::{Value, json};

/// The URIs that a stand-in was requested.
type Requests = Arc<Mutex<Vec<String>>>;

#[derive(Clone)]
struct StandIn {
    requests: Requests,
    status: u16,
    body: Value,
}

async fn respond(State(own): State<StandIn>, uri: Uri) -> (StatusCode, String) {
    own.requests.lock().push(uri.to_string());
    (
        StatusCode::from_u16(own.status).expect("the status is valid"),
        own.body.to_string(),
    )
}

/// A gateway whose upstreams always send the same response.
async fn gateway(settings: Settings, status: u16, body: Value) -> (Router, Requests) {
    let requests = Requests::default();
    let own = StandIn {
        requests: Arc::clone(&requests),
        status,
        body,
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a port is free");
    let addr: SocketAddr = listener.local_addr().expect("the listener is bound");
    let services = Router::new().fallback(respond).with_state(own);
    tokio::spawn(async move { axum::serve(listener, services).await });
    let upstreams = ["checkout", "inventory"]
        .map(|name| (name.to_owned(), vec![addr]))
        .into();
    let gateway = Gateway::new(Client::new(&upstreams, 7), settings);
    (testing::layered(router(gateway)), requests)
}

async fn send(
    router: &Router,
    method: Method,
    path: &str,
    body: Value,
) -> (StatusCode, HeaderMap, Value) {
    let request = Request::builder().method(method).uri(path);
    testing::send(router, request.header("idempotency-key", "k"), body).await
}

async fn get(router: &Router, path: &str) -> (StatusCode, HeaderMap, Value) {
    send(router, Method::GET, path, Value::Null).await
}

fn page() -> Value {
    let price = json!({ "amount_minor": 500, "currency": "EUR" });
    let product = json!({ "sku": "sku-000001", "name": "n", "category": "c", "description": "d", "list_price": price });
    json!({ "products": [product], "page": 1, "limit": 20, "has_more": false })
}

#[tokio::test]
async fn the_versions_differ_in_the_format_of_money() {
    let (router, _) = gateway(Settings::default(), 200, page()).await;
    let (_, _, first) = get(&router, "/v1/products").await;
    assert_eq!(first["products"][0]["list_price_minor"], json!(500));
    assert_eq!(first["products"][0]["currency"], json!("EUR"));
    let (_, _, second) = get(&router, "/v2/products").await;
    assert_eq!(second, page());
}

#[tokio::test]
async fn equivalent_listings_share_one_page() {
    let uri = PageSettings {
        key: PageKey::Uri,
        capacity: None,
        ..PageSettings::default()
    };
    let off = PageSettings {
        enabled: false,
        ..PageSettings::default()
    };
    for (pages, expected) in [(PageSettings::default(), 1), (uri, 3), (off, 4)] {
        let (router, requests) = gateway(
            Settings {
                pages,
                ..Settings::default()
            },
            200,
            page(),
        )
        .await;
        for query in [
            "query=Kettle&session=a",
            "query=kettle&session=b",
            "query=kettle&page=1",
            "query=kettle&page=1",
        ] {
            let (status, ..) = get(&router, &format!("/v1/products?{query}")).await;
            assert_eq!(status, StatusCode::OK);
        }
        let asked = requests.lock().clone();
        assert_eq!(asked.len(), expected, "{asked:?}");
        assert_eq!(asked[0], "/internal/products?query=kettle&page=1&limit=20");
    }
}

#[tokio::test]
async fn a_problem_of_a_service_keeps_its_status_and_code() {
    let inside = json!({ "type": "t", "title": "Product not found", "status": 404, "code": "product-not-found",
        "detail": "product `sku-000009` does not exist", "instance": "/internal/products/sku-000009", "request_id": "r" });
    let (router, _) = gateway(Settings::default(), 404, inside).await;
    let (status, headers, problem) = get(&router, "/v1/products/sku-000009").await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::NOT_FOUND, &json!("product-not-found"))
    );
    assert_eq!(problem["instance"], json!("/v1/products/sku-000009"));
    assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(
        problem["request_id"].as_str(),
        headers["x-request-id"].to_str().ok()
    );
}

#[tokio::test]
async fn invalid_requests_are_rejected_without_an_upstream_call() {
    let (router, requests) = gateway(Settings::default(), 200, json!({})).await;
    let none = r#"{"lines": [{"sku": "sku-000001", "quantity": 0}]}"#;
    for (request, body, status, code) in [
        ("GET /v1/products?page=0", "", 400, "invalid-request"),
        ("GET /v1/products/kettle", "", 400, "invalid-request"),
        ("GET /v1/carts/a%2Fb", "", 400, "invalid-request"),
        ("PUT /v2/carts/c", none, 400, "invalid-request"),
        ("POST /v1/orders", "{}", 400, "invalid-request"),
        ("GET /v1/orders/a%2Fb", "", 404, "order-not-found"),
        ("GET /v3/products", "", 404, "not-found"),
        ("DELETE /v1/orders", "", 405, "method-not-allowed"),
    ] {
        let (method, path) = request.split_once(' ').expect("two words");
        let method = method.parse().expect("a method");
        let body = serde_json::from_str(body).unwrap_or_default();
        let (found, _, problem) = send(&router, method, path, body).await;
        let found = (found.as_u16(), &problem["code"]);
        assert_eq!(found, (status, &json!(code)), "{request}");
    }
    assert_eq!(requests.lock().len(), 0);
}

#[tokio::test]
async fn a_client_over_its_rate_gets_retry_after() {
    let limiter = LimiterSettings {
        rate_per_second: 0.5,
        burst: 2.0,
        clients: 10,
    };
    let (router, _) = gateway(
        Settings {
            limiter,
            ..Settings::default()
        },
        200,
        page(),
    )
    .await;
    for expected in [200, 200, 429] {
        let (status, headers, problem) = get(&router, "/v1/products").await;
        assert_eq!(status.as_u16(), expected);
        if expected == 429 {
            assert_eq!(
                (&problem["code"], &headers[header::RETRY_AFTER]),
                (&json!("rate-limited"), &"2".parse().expect("a header"))
            );
        }
    }
}

#[tokio::test]
async fn a_blocked_client_is_rejected_on_every_route() {
    for (names, is_blocked) in [(&["anonymous", "someone"][..], true), (&["someone"], false)] {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let settings = Settings {
            blocked: names.try_into().expect("valid names"),
            ..Settings::default()
        };
        let (router, requests) = gateway(settings, 200, page()).await;
        for path in [
            "/v1/products",
            "/v2/products",
            "/v1/carts/a",
            "/v1/orders/a",
        ] {
            let (status, _, body) = get(&router, path).await;
            let is_refused = status == StatusCode::FORBIDDEN && body["code"] == "client-blocked";
            assert_eq!(is_refused, is_blocked, "{path}: {status}");
        }
        assert_eq!(requests.lock().is_empty(), is_blocked);
    }
}
