//! The inventory over HTTP, with a small database.

use axum::Router;
use chassis::{rusqlite::Connection, testing};
use http::{Method, Request, StatusCode};
use inventory::{
    Inventory, Settings, router, schema,
    store::{
        self, Size,
        price_list::{self, Listed},
    },
};
use serde_json::{Value, json};
use tempfile::TempDir;

const NOW_MS: i64 = 1_800_000_000_000;
const PRODUCT: &str = "/internal/products/sku-000005";
const RESERVATIONS: &str = "/internal/reservations";
const PLACED: &str = "/internal/orders/placed";

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

    /// A replica of its own over the database of this one.
    fn replica(&self, settings: Settings) -> Self {
        Self {
            router: testing::layered(router(inventory(&self.folder, settings))),
            folder: TempDir::new().expect("there is a temporary folder"),
        }
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let (status, body) = self.call(Method::POST, path, body).await;
        (status.as_u16(), body)
    }

    async fn change_price(&self, amount_minor: i64) -> Value {
        let new = json!({ "amount_minor": amount_minor, "currency": "EUR" });
        let (path, body) = (format!("{PRODUCT}/price"), json!({ "price": new }));
        let (status, _) = self.call(Method::PUT, &path, body).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        new
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
    let elsewhere = here.replica(Settings::default());
    let old = here.get(PRODUCT).await.1["price"].clone();
    assert_eq!(elsewhere.get(PRODUCT).await.1["price"], old);
    let new = here.change_price(99_999).await;
    assert_eq!(here.get(PRODUCT).await.1["price"], new);
    let cached = &elsewhere.get(PRODUCT).await.1["price"];
    assert_eq!(*cached, old, "it has not polled yet");
}

/// A currency as it is stored is the column's text, which a reader may not know.
#[tokio::test]
async fn a_price_list_is_imported_once_and_reverted_once() {
    let mut settings = Settings::default();
    settings.cache.capacity = 0;
    let shop = shop(settings);
    let database = Connection::open(shop.folder.path().join(store::FILE)).expect("it is there");
    let listed = |sku: &str, currency: &str| Listed {
        sku: sku.parse().expect("a SKU"),
        amount_minor: 123,
        currency: currency.to_owned(),
    };
    let list = [
        listed("sku-000005", ""),
        listed("sku-000006", "EUR"),
        listed("sku-000007", "eur"),
        // Of no product of this shop.
        listed("sku-099999", "EUR"),
    ];
    let path = |number: u32| format!("/internal/products/sku-00000{number}");
    let (_, before) = shop.get(PRODUCT).await;
    for (source, count) in [("a spreadsheet", 3), ("a spreadsheet", 0)] {
        let imported = price_list::import(&database, source, &list, NOW_MS - 2);
        assert_eq!(imported, Ok(count));
    }
    for (number, status) in [(5, 500), (6, 200), (7, 500), (8, 200)] {
        assert_eq!(shop.get(&path(number)).await.0, status, "{number}");
    }
    let newer = json!({ "price": { "amount_minor": 77, "currency": "EUR" } });
    shop.call(Method::PUT, &format!("{}/price", path(7)), newer)
        .await;
    assert_eq!(shop.get(&path(7)).await.1["price"]["amount_minor"], 77);

    let reverted = price_list::revert(&database, NOW_MS - 1);
    assert_eq!(reverted, Ok(Some(("a spreadsheet".to_owned(), 2))));
    assert_eq!(shop.get(PRODUCT).await.1, before);
    assert_ne!(shop.get(&path(6)).await.1["price"]["amount_minor"], 123);
    assert_eq!(shop.get(&path(7)).await.1["price"]["amount_minor"], 77);
    assert_eq!(price_list::revert(&database, NOW_MS), Ok(None));
    // Now it is a new list.
    assert_eq!(
        price_list::import(&database, "a spreadsheet", &list, NOW_MS),
        Ok(3)
    );
}

#[tokio::test]
async fn without_a_cache_all_replicas_see_a_new_price() {
    let mut settings = Settings::default();
    settings.cache.capacity = 0;
    let here = shop(settings.clone());
    let elsewhere = here.replica(settings);
    assert_eq!(elsewhere.get(PRODUCT).await.0, StatusCode::OK);
    let new = here.change_price(99_999).await;
    assert_eq!(elsewhere.get(PRODUCT).await.1["price"], new);
}

#[tokio::test]
async fn a_reservation_has_the_price_of_the_product_page() {
    let shop = shop(Settings::default());
    let price = shop.get("/internal/products/sku-000009").await.1["price"]["amount_minor"]
        .as_i64()
        .expect("a number");
    let (status, body) = shop
        .post(RESERVATIONS, reserve("r-1", "sku-000009", 2))
        .await;
    assert_eq!(
        (status, &body["total"]["amount_minor"]),
        (200, &json!(2 * price))
    );
    for _ in 0..2 {
        let (status, _) = shop.post(PLACED, reserve("r-1", "sku-000009", 2)).await;
        assert_eq!(status, 204);
    }
    let path = "/internal/reservations/r-1";
    let (status, body) = shop.call(Method::DELETE, path, Value::Null).await;
    let found = (status.as_u16(), &body["code"]);
    assert_eq!(found, (409, &json!("reservation-shipped")));
}

#[tokio::test]
async fn an_order_with_too_many_lines_is_always_rejected() {
    let lines =
        json!([{ "sku": "sku-000001", "quantity": 1 }, { "sku": "sku-000002", "quantity": 1 }]);
    for (packed_lines, expected) in [(None, 204), (Some(2), 204), (Some(1), 422)] {
        let shop = shop(Settings {
            packed_lines,
            ..Settings::default()
        });
        for _ in 0..2 {
            let placed = json!({ "reservation": "r-1", "lines": lines });
            let (status, _) = shop.post(PLACED, placed).await;
            assert_eq!(status, expected, "{packed_lines:?}");
        }
    }
}

#[tokio::test]
async fn a_refused_reservation_reserves_nothing() {
    let shop = shop(Settings::default());
    let lines =
        json!([{ "sku": "sku-000001", "quantity": 5 }, { "sku": "sku-999999", "quantity": 1 }]);
    let request = json!({ "reservation": "r-1", "lines": lines });
    let (status, body) = shop.post(RESERVATIONS, request).await;
    assert_eq!((status, &body["code"]), (404, &json!("product-not-found")));
    let connection =
        rusqlite::Connection::open(shop.folder.path().join(store::FILE)).expect("the file exists");
    let reserved: i64 = connection
        .query_row("SELECT sum(reserved) FROM stock", (), |row| row.get(0))
        .expect("the table exists");
    assert_eq!(reserved, 0);
}

#[tokio::test]
async fn level_1_of_the_interface_rejects_a_hold_of_level_2() {
    for (level, expected) in [(1, 422), (2, 200)] {
        let shop = shop(Settings {
            reservation_api: level,
            ..Settings::default()
        });
        let mut request = reserve("r-1", "sku-000001", 1);
        request["hold"] = json!("until_paid");
        let (status, body) = shop.post(RESERVATIONS, request).await;
        assert_eq!(status, expected, "level {level}");
        if level == 1 {
            let detail = body["detail"].as_str().unwrap_or_default();
            assert!(
                detail.starts_with("unknown variant `until_paid`, expected `standard`"),
                "{detail}"
            );
        }
        let plain = reserve("r-2", "sku-000001", 1);
        assert_eq!(shop.post(RESERVATIONS, plain).await.0, 200);
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
        let request = reserve(&format!("r-{level}"), "sku-000001", 1);
        assert_eq!(
            shop.post(RESERVATIONS, request).await.0,
            200,
            "level {level}"
        );
    }
    let mut connection =
        rusqlite::Connection::open(folder.path().join(store::FILE)).expect("the file exists");
    assert_eq!(schema::migrate(&mut connection, 2).ok(), Some(2));
}
