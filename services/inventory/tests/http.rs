//! The inventory over HTTP, on a small database of its own.

use axum::{Router, body::Body};
use chassis::Process;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use inventory::{
    CacheSettings, Settings, State, router, schema,
    store::{self, Size},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

const NOW_MS: i64 = 1_800_000_000_000;

struct Shop {
    router: Router,
    folder: TempDir,
}

fn state(folder: &TempDir, settings: Settings) -> State {
    let path = folder.path().join(store::FILE);
    store::prepare_with(
        &path,
        7,
        Size {
            products: 700,
            prices: 3,
        },
    )
    .expect("the folder is writable");
    State::open(&path, settings, || NOW_MS).expect("the database was just made")
}

fn shop(settings: Settings) -> Shop {
    let folder = TempDir::new().expect("there is a temporary folder");
    let router = chassis::layered(router(state(&folder, settings)), &Process::default());
    Shop { router, folder }
}

impl Shop {
    async fn call(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json");
        let body = if body.is_null() {
            Body::empty()
        } else {
            Body::from(body.to_string())
        };
        let request = request.body(body).expect("the request is valid");
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("a router never fails");
        let status = response.status();
        let bytes = response
            .into_body()
            .collect()
            .await
            .expect("the body is in memory")
            .to_bytes();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, Value::Null).await
    }
}

fn reserve(order: &str, sku: &str, quantity: u32) -> Value {
    json!({ "order": order, "lines": [{ "sku": sku, "quantity": quantity }] })
}

#[tokio::test]
async fn pages_follow_each_other_and_end() {
    let shop = shop(Settings::default());
    for (page, first, count, has_more) in
        [(1, "sku-000001", 50, true), (14, "sku-000651", 50, false)]
    {
        let (status, body) = shop
            .get(&format!("/internal/products?page={page}&limit=50"))
            .await;
        let products = body["products"].as_array().expect("a page has products");
        assert_eq!((status, products.len()), (StatusCode::OK, count));
        assert_eq!(
            (&products[0]["sku"], &body["has_more"]),
            (&json!(first), &json!(has_more))
        );
    }
}

#[tokio::test]
async fn a_search_finds_the_words_of_a_name_by_their_beginning() {
    let shop = shop(Settings::default());
    let (_, body) = shop.get("/internal/products?query=copp%20KETTLE").await;
    let names: Vec<&str> = body["products"]
        .as_array()
        .expect("a page")
        .iter()
        .filter_map(|p| p["name"].as_str())
        .collect();
    assert!(
        !names.is_empty() && names.iter().all(|name| name.starts_with("Copper Kettle ")),
        "{names:?}"
    );
    let (status, body) = shop
        .get("/internal/products?query=%22%20OR%20nothing*")
        .await;
    assert_eq!((status, &body["products"]), (StatusCode::OK, &json!([])));
}

#[tokio::test]
async fn what_cannot_be_answered_is_a_problem_with_a_code() {
    let shop = shop(Settings::default());
    for (path, status, code) in [
        ("/internal/products?page=0", 400, "invalid-request"),
        ("/internal/products?page=x", 400, "invalid-request"),
        ("/internal/products/sku-999999", 404, "product-not-found"),
        ("/internal/products/kettle", 400, "invalid-request"),
    ] {
        let (found, body) = shop.get(path).await;
        assert_eq!(
            (found.as_u16(), &body["code"], &body["instance"]),
            (status, &json!(code), &json!(path.split('?').next()))
        );
        assert!(body["request_id"].is_string(), "{body}");
    }
}

#[tokio::test]
async fn a_changed_price_is_seen_at_once_where_it_was_changed_and_later_elsewhere() {
    let here = shop(Settings::default());
    let elsewhere = Shop {
        router: chassis::layered(
            router(state(&here.folder, Settings::default())),
            &Process::default(),
        ),
        folder: TempDir::new().expect("there is a temporary folder"),
    };
    let path = "/internal/products/sku-000005";
    let old = here.get(path).await.1["price"].clone();
    assert_eq!(elsewhere.get(path).await.1["price"], old);
    let new = json!({ "amount_minor": 99_999, "currency": "EUR" });
    let (status, _) = here
        .call(
            Method::PUT,
            "/internal/products/sku-000005/price",
            json!({ "price": new }),
        )
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(here.get(path).await.1["price"], new);
    assert_eq!(
        elsewhere.get(path).await.1["price"],
        old,
        "it has not looked yet"
    );
}

#[tokio::test]
async fn without_a_cache_every_view_is_what_the_table_says() {
    let cache = CacheSettings {
        capacity: 0,
        ..CacheSettings::default()
    };
    let here = shop(Settings {
        cache: cache.clone(),
        ..Settings::default()
    });
    let settings = Settings {
        cache,
        ..Settings::default()
    };
    let elsewhere = Shop {
        router: chassis::layered(router(state(&here.folder, settings)), &Process::default()),
        folder: TempDir::new().expect("there is a temporary folder"),
    };
    let path = "/internal/products/sku-000005";
    assert_eq!(elsewhere.get(path).await.0, StatusCode::OK);
    let new = json!({ "amount_minor": 99_999, "currency": "EUR" });
    here.call(
        Method::PUT,
        "/internal/products/sku-000005/price",
        json!({ "price": new }),
    )
    .await;
    assert_eq!(elsewhere.get(path).await.1["price"], new);
}

#[tokio::test]
async fn a_reservation_is_priced_as_the_product_is_shown() {
    let shop = shop(Settings::default());
    let price = shop.get("/internal/products/sku-000009").await.1["price"]["amount_minor"]
        .as_i64()
        .expect("a number");
    let (status, body) = shop
        .call(
            Method::POST,
            "/internal/reservations",
            reserve("o-1", "sku-000009", 2),
        )
        .await;
    assert_eq!(
        (status, &body["total"]["amount_minor"]),
        (StatusCode::OK, &json!(2 * price))
    );
    for _ in 0..2 {
        let placed = reserve("o-1", "sku-000009", 2);
        assert_eq!(
            shop.call(Method::POST, "/internal/orders/placed", placed)
                .await
                .0,
            StatusCode::NO_CONTENT
        );
    }
    let (status, body) = shop
        .call(Method::DELETE, "/internal/reservations/o-1", Value::Null)
        .await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::CONFLICT, &json!("reservation-final"))
    );
}

#[tokio::test]
async fn an_order_of_more_lines_than_are_packed_is_refused_each_time() {
    let lines =
        json!([{ "sku": "sku-000001", "quantity": 1 }, { "sku": "sku-000002", "quantity": 1 }]);
    for (packed_lines, expected) in [
        (None, StatusCode::NO_CONTENT),
        (Some(2), StatusCode::NO_CONTENT),
        (Some(1), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let shop = shop(Settings {
            packed_lines,
            ..Settings::default()
        });
        for _ in 0..2 {
            let placed = json!({ "order": "o-1", "lines": lines });
            let (status, _) = shop
                .call(Method::POST, "/internal/orders/placed", placed)
                .await;
            assert_eq!(status, expected, "{packed_lines:?}");
        }
    }
}

#[tokio::test]
async fn a_refused_reservation_leaves_nothing_behind() {
    let shop = shop(Settings::default());
    let lines =
        json!([{ "sku": "sku-000001", "quantity": 5 }, { "sku": "sku-999999", "quantity": 1 }]);
    let (status, body) = shop
        .call(
            Method::POST,
            "/internal/reservations",
            json!({ "order": "o-1", "lines": lines }),
        )
        .await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::NOT_FOUND, &json!("product-not-found"))
    );
    let connection = rusqlite::Connection::open(shop.folder.path().join(store::FILE))
        .expect("the file is there");
    let reserved: i64 = connection
        .query_row("SELECT sum(reserved) FROM stock", (), |row| row.get(0))
        .expect("it sums");
    assert_eq!(reserved, 0);
}

#[tokio::test]
async fn a_hold_that_a_level_does_not_know_is_refused_with_the_reason() {
    for (level, expected) in [(1, StatusCode::UNPROCESSABLE_ENTITY), (2, StatusCode::OK)] {
        let shop = shop(Settings {
            reservation_api: level,
            ..Settings::default()
        });
        let mut request = reserve("o-1", "sku-000001", 1);
        request["hold"] = json!("held");
        let (status, body) = shop
            .call(Method::POST, "/internal/reservations", request)
            .await;
        assert_eq!(status, expected, "level {level}");
        if level == 1 {
            let detail = body["detail"].as_str().unwrap_or_default();
            assert!(
                detail.starts_with("unknown variant `held`, expected `standard`"),
                "{detail}"
            );
        }
        let plain = reserve("o-2", "sku-000001", 1);
        assert_eq!(
            shop.call(Method::POST, "/internal/reservations", plain)
                .await
                .0,
            StatusCode::OK
        );
    }
}

#[tokio::test]
async fn a_release_finds_the_database_at_any_level_and_takes_it_to_its_own() {
    let folder = TempDir::new().expect("there is a temporary folder");
    for level in [2, 1, 3, 1, 2] {
        let settings = Settings {
            schema: level,
            ..Settings::default()
        };
        let shop = Shop {
            router: chassis::layered(router(state(&folder, settings)), &Process::default()),
            folder: TempDir::new().expect("there is a temporary folder"),
        };
        let order = format!("o-{level}");
        let (status, _) = shop
            .call(
                Method::POST,
                "/internal/reservations",
                reserve(&order, "sku-000001", 1),
            )
            .await;
        assert_eq!(status, StatusCode::OK, "level {level}");
    }
    let mut connection =
        rusqlite::Connection::open(folder.path().join(store::FILE)).expect("the file is there");
    assert_eq!(schema::migrate(&mut connection, 2).ok(), Some(2));
}
