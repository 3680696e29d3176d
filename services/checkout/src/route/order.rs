//! Orders: place, read.

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    response::{IntoResponse, Response},
};
use chassis::Problem;
use http::{HeaderMap, StatusCode, header};
use shop_api::{
    header as shop,
    order::{Order, OrderRequest},
    problem::code,
};

use crate::{
    Checkout, confirmation,
    placement::{self, PlacedOrder},
    store,
};

/// Maximum length of an idempotency key in characters.
const MAX_KEY: usize = 128;
/// Maximum length of an e-mail address in characters (RFC 5321).
const MAX_EMAIL: usize = 254;

/// Places an order.
pub(super) async fn place(
    State(checkout): State<Checkout>,
    headers: HeaderMap,
    body: Result<Json<OrderRequest>, JsonRejection>,
) -> Result<Response, Problem> {
    let key = key(&headers)?;
    let Json(request) = body.map_err(|error| Problem::invalid(error.body_text()))?;
    if request
        .email
        .as_ref()
        .is_some_and(|email| email.len() > MAX_EMAIL || !email.contains('@'))
    {
        return Err(Problem::invalid("`email` is not a valid address"));
    }
    let placed = placement::place_order(&checkout, key, request).await?;
    let is_repeated = matches!(placed, PlacedOrder::Repeated(_));
    let (PlacedOrder::New(mut order) | PlacedOrder::Repeated(mut order)) = placed;
    let wait_s = confirmation::preferred(&headers);
    if let Some(wait_s) = wait_s {
        let limit = placement::time_for(u64::from(wait_s).saturating_mul(1_000));
        order = once_confirmed(&checkout, order, limit).await?;
    }
    let json = [(header::CONTENT_TYPE, "application/json")];
    let repeated = is_repeated.then_some([(shop::IDEMPOTENT_REPLAYED, "true")]);
    let applied = wait_s.map(|wait_s| [(shop::PREFERENCE_APPLIED, format!("wait={wait_s}"))]);
    Ok((StatusCode::CREATED, json, repeated, applied, order).into_response())
}

/// A placed order, as JSON, after the warehouse got it or `limit` is over.
async fn once_confirmed(
    checkout: &Checkout,
    placed: String,
    limit: Duration,
) -> Result<String, Problem> {
    let id = serde_json::from_str::<Order>(&placed)
        .map_err(Problem::internal)?
        .order;
    match confirmation::wait(checkout, &id, limit).await? {
        Some(order) => serde_json::to_string(&order).map_err(Problem::internal),
        None => Ok(placed),
    }
}

/// Reads an order.
pub(super) async fn get(
    State(checkout): State<Checkout>,
    Path(id): Path<String>,
) -> Result<Json<Order>, Problem> {
    let key = id.clone();
    let work = move |connection: &rusqlite::Connection| store::order::get(connection, &key);
    let found = checkout.pool.read(&store::order::GET, work).await?;
    found.map(Json).ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            code::ORDER_NOT_FOUND,
            "Order not found",
        )
        .detail(format!("order `{id}` does not exist"))
    })
}

fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let Some(key) = headers.get(shop::IDEMPOTENCY_KEY) else {
        let title = "The `Idempotency-Key` header is missing";
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            code::IDEMPOTENCY_KEY_MISSING,
            title,
        ));
    };
    match key.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= MAX_KEY => Ok(key.to_owned()),
        _ => Err(Problem::invalid(format!(
            "`Idempotency-Key` must have 1 to {MAX_KEY} visible ASCII characters"
        ))),
    }
}
