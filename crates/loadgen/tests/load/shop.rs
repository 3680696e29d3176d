//! A stand-in for the gateway that counts its responses and can stall or refuse.

use std::{
    collections::{BTreeMap, HashSet},
    net::SocketAddr,
    sync::{
        Arc,
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
use parking_lot::Mutex;
use shop_api::{cart::Replace, header, order::OrderRequest, path::v1};
use tokio::{net::TcpListener, sync::RwLock, task::AbortHandle};

/// The state of the stand-in, shared with the test.
#[derive(Default)]
pub(crate) struct Shop {
    /// Responses by method and route template, and status code.
    answers: Mutex<BTreeMap<(String, u16), u64>>,
    carts: Mutex<HashSet<String>>,
    orders: Mutex<HashSet<String>>,
    /// Locked for writing to stall all responses.
    pub(crate) gate: RwLock<()>,
    /// Status code for every `PUT` of a cart; 0 for the regular one.
    pub(crate) refuse_carts: AtomicU16,
}

/// A running stand-in; dropping it stops it.
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
    /// Responses of a route by status code.
    pub(crate) fn answers(&self, route: Route) -> BTreeMap<u16, u64> {
        let answers = self.answers.lock();
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
    *shop
        .answers
        .lock()
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
            shop.carts.lock().insert(cart);
            StatusCode::OK
        }
    }
}

async fn get_cart(State(shop): State<Arc<Shop>>, Path(cart): Path<String>) -> StatusCode {
    if shop.carts.lock().contains(&cart) {
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
    if !headers.contains_key(header::IDEMPOTENCY_KEY) || !shop.carts.lock().remove(&request.cart) {
        return StatusCode::CONFLICT.into_response();
    }
    let order = format!("o-{}", request.cart);
    shop.orders.lock().insert(order.clone());
    let body = BTreeMap::from([("order", order)]);
    (StatusCode::CREATED, Json(body)).into_response()
}

async fn get_order(State(shop): State<Arc<Shop>>, Path(order): Path<String>) -> StatusCode {
    if shop.orders.lock().contains(&order) {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    }
}
