//! A stand-in for the gateway that counts what it answers, and can be told to stall or to refuse.

use std::{
    collections::{BTreeMap, HashSet},
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU16, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::{MatchedPath, Path, Request, State},
    http::{HeaderMap, StatusCode},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use loadgen::Route;
use shop_api::{cart::Replace, header, order::OrderRequest, path::v1};
use tokio::{net::TcpListener, sync::RwLock, task::AbortHandle};

/// What the stub knows; shared with the test.
#[derive(Default)]
pub(crate) struct Shop {
    /// Answers by method and route template, and status code.
    answers: Mutex<BTreeMap<(String, u16), u64>>,
    carts: Mutex<HashSet<String>>,
    orders: Mutex<HashSet<String>>,
    /// Held for writing while nothing is to be answered.
    pub(crate) gate: RwLock<()>,
    /// Status code for every `PUT` of a cart instead of the true one; 0 for none.
    pub(crate) refuse_carts: AtomicU16,
}

/// A running stub; dropping it stops it.
pub(crate) struct Running {
    pub(crate) shop: Arc<Shop>,
    pub(crate) addr: SocketAddr,
    server: AbortHandle,
}

impl Running {
    pub(crate) async fn start() -> Self {
        let shop = Arc::new(Shop::default());
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let app = router(Arc::clone(&shop));
        let server = tokio::spawn(async move { axum::serve(listener, app).await }).abort_handle();
        Self { shop, addr, server }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shop {
    /// Answers of a route by status code.
    pub(crate) fn answers(&self, route: Route) -> BTreeMap<u16, u64> {
        let answers = lock(&self.answers);
        let of_route = answers.iter().filter(|((name, _), _)| name == route.name());
        of_route.map(|((_, code), count)| (*code, *count)).collect()
    }
}

pub(crate) fn router(shop: Arc<Shop>) -> Router {
    Router::new()
        .route(v1::PRODUCTS, get(|| async { "a page" }))
        .route(v1::PRODUCT, get(product))
        .route(v1::CART, get(get_cart).put(put_cart))
        .route(v1::ORDERS, post(place_order))
        .route(v1::ORDER, get(get_order))
        .route_layer(from_fn_with_state(Arc::clone(&shop), count))
        .with_state(shop)
}

async fn count(
    State(shop): State<Arc<Shop>>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let route = format!("{} {}", request.method(), path.as_str());
    let has_client = request.headers().contains_key(header::CLIENT_ID);
    drop(shop.gate.read().await);
    let response = if has_client {
        next.run(request).await
    } else {
        StatusCode::IM_A_TEAPOT.into_response()
    };
    *lock(&shop.answers)
        .entry((route, response.status().as_u16()))
        .or_default() += 1;
    response
}

async fn product(Path(sku): Path<shop_api::Sku>) -> StatusCode {
    if sku.number() <= shop_api::catalogue::PRODUCTS {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    }
}

async fn put_cart(
    State(shop): State<Arc<Shop>>,
    Path(cart): Path<String>,
    body: Json<Replace>,
) -> StatusCode {
    if let Ok(refused) = StatusCode::from_u16(shop.refuse_carts.load(Ordering::Relaxed)) {
        return refused;
    }
    match shop_api::cart::problem(&cart, &body.lines) {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => {
            lock(&shop.carts).insert(cart);
            StatusCode::OK
        }
    }
}

async fn get_cart(State(shop): State<Arc<Shop>>, Path(cart): Path<String>) -> StatusCode {
    if lock(&shop.carts).contains(&cart) {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    }
}

async fn place_order(
    State(shop): State<Arc<Shop>>,
    headers: HeaderMap,
    Json(request): Json<OrderRequest>,
) -> Response {
    if !headers.contains_key(header::IDEMPOTENCY_KEY) || !lock(&shop.carts).remove(&request.cart) {
        return StatusCode::CONFLICT.into_response();
    }
    let order = format!("o-{}", request.cart);
    lock(&shop.orders).insert(order.clone());
    let body = BTreeMap::from([("order", order)]);
    (StatusCode::CREATED, Json(body)).into_response()
}

async fn get_order(State(shop): State<Arc<Shop>>, Path(order): Path<String>) -> StatusCode {
    if lock(&shop.orders).contains(&order) {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
