//! The inventory over HTTP, with a small database.

use axum::Router;
use chassis::testing;
use http::{Method, Request, StatusCode};
use inventory::{
    CacheSettings, Inventory, Settings, router, schema,
    store::{self, Size},
};
use serde_json::{Value, json};
use tempfile::TempDir;

const NOW_MS: i64 = 1_800_000_000_000;

struct Shop {
    router: Router,
    folder: TempDir,
}

fn inventory(folder: &TempDir, settings: Settings) -> Inventory {
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
    Inventory::open(&path, settings, || NOW_MS).expect("the database was just created")
}

fn shop(settings: Settings) -> Shop {
    let folder = TempDir::new().expect("there is a temporary folder");
    let router = testing::layered(router(inventory(&folder, settings)));
    Shop { router, folder }
}

impl Shop {
    async fn call(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path);
        let (status, _, body) = testing::send(&self.router, request, body).await;
        (status, body)
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, Value::Null).await
    }
}

fn reserve(id: &str, sku: &str, quantity: u32) -> Value {
    json!({ "reservation": id, "lines": [{ "sku": sku, "quantity": quantity }] })
}

#[tokio::test]
async fn pages_are_consecutive_and_end() {
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
async fn a_search_matches_prefixes_of_words() {
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
async fn an_invalid_request_is_a_problem_with_a_code() {
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
async fn a_changed_price_invalidates_only_the_cache_of_its_own_replica() {
    let here = shop(Settings::default());
    let elsewhere = Shop {
        router: testing::layered(router(inventory(&here.folder, Settings::default()))),
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
        "it has not polled yet"
    );
}

#[tokio::test]
async fn without_a_cache_all_replicas_see_a_new_price() {
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
        router: testing::layered(router(inventory(&here.folder, settings))),
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
async fn a_reservation_has_the_price_of_the_product_page() {
    let shop = shop(Settings::default());
    let price = shop.get("/internal/products/sku-000009").await.1["price"]["amount_minor"]
        .as_i64()
        .expect("a number");
    let (status, body) = shop
        .call(
            Method::POST,
            "/internal/reservations",
            reserve("r-1", "sku-000009", 2),
        )
        .await;
    assert_eq!(
        (status, &body["total"]["amount_minor"]),
        (StatusCode::OK, &json!(2 * price))
    );
    for _ in 0..2 {
        let placed = reserve("r-1", "sku-000009", 2);
        assert_eq!(
            shop.call(Method::POST, "/internal/orders/placed", placed)
                .await
                .0,
            StatusCode::NO_CONTENT
        );
    }
    let (status, body) = shop
        .call(Method::DELETE, "/internal/reservations/r-1", Value::Null)
        .await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::CONFLICT, &json!("reservation-shipped"))
    );
}

#[tokio::test]
async fn an_order_with_too_many_lines_is_always_rejected() {
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
            let placed = json!({ "reservation": "r-1", "lines": lines });
            let (status, _) = shop
                .call(Method::POST, "/internal/orders/placed", placed)
                .await;
            assert_eq!(status, expected, "{packed_lines:?}");
        }
    }
}

#[tokio::test]
async fn a_refused_reservation_reserves_nothing() {
    let shop = shop(Settings::default());
    let lines =
        json!([{ "sku": "sku-000001", "quantity": 5 }, { "sku": "sku-999999", "quantity": 1 }]);
    let (status, body) = shop
        .call(
            Method::POST,
            "/internal/reservations",
            json!({ "reservation": "r-1", "lines": lines }),
        )
        .await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::NOT_FOUND, &json!("product-not-found"))
    );
    let connection =
        rusqlite::Connection::open(shop.folder.path().join(store::FILE)).expect("the file exists");
    let reserved: i64 = connection
        .query_row("SELECT sum(reserved) FROM stock", (), |row| row.get(0))
        .expect("the table exists");
    assert_eq!(reserved, 0);
}

#[tokio::test]
async fn level_1_of_the_interface_rejects_a_hold_of_level_2() {
    for (level, expected) in [(1, StatusCode::UNPROCESSABLE_ENTITY), (2, StatusCode::OK)] {
        let shop = shop(Settings {
            reservation_api: level,
            ..Settings::default()
        });
        let mut request = reserve("r-1", "sku-000001", 1);
        request["hold"] = json!("until_paid");
        let (status, body) = shop
            .call(Method::POST, "/internal/reservations", request)
            .await;
        assert_eq!(status, expected, "level {level}");
        if level == 1 {
            let detail = body["detail"].as_str().unwrap_or_default();
            assert!(
                detail.starts_with("unknown variant `until_paid`, expected `standard`"),
                "{detail}"
            );
        }
        let plain = reserve("r-2", "sku-000001", 1);
        assert_eq!(
            shop.call(Method::POST, "/internal/reservations", plain)
                .await
                .0,
            StatusCode::OK
        );
    }
}

#[tokio::test]
async fn the_database_is_migrated_from_any_level_to_any_other() {
    let folder = TempDir::new().expect("there is a temporary folder");
    for level in [2, 1, 3, 1, 2] {
        let settings = Settings {
            schema: level,
            ..Settings::default()
        };
        let shop = Shop {
            router: testing::layered(router(inventory(&folder, settings))),
            folder: TempDir::new().expect("there is a temporary folder"),
        };
        let id = format!("r-{level}");
        let (status, _) = shop
            .call(
                Method::POST,
                "/internal/reservations",
                reserve(&id, "sku-000001", 1),
            )
            .await;
        assert_eq!(status, StatusCode::OK, "level {level}");
    }
    let mut connection =
        rusqlite::Connection::open(folder.path().join(store::FILE)).expect("the file exists");
    assert_eq!(schema::migrate(&mut connection, 2).ok(), Some(2));
}
