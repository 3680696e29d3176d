//! Orders: place, read.

use axum::{
    Extension, Json,
    extract::{Path, State as Extract, rejection::JsonRejection},
    response::Response,
};
use chassis::Problem;
use http::{HeaderMap, StatusCode};
use shop_api::{
    cart, header,
    order::{Order, Place},
    path,
    problem::code,
    v1,
};

use crate::{
    State,
    connections::Upstreams,
    forward::{self, Version},
};

/// Places the order of a cart.
pub(super) async fn place(
    Extract(state): Extract<State>,
    Upstreams(client): Upstreams,
    Extension(version): Extension<Version>,
    headers: HeaderMap,
    body: Result<Json<Place>, JsonRejection>,
) -> Result<Response, Problem> {
    let Some(key) = headers.get(header::IDEMPOTENCY_KEY) else {
        let title = "The header `Idempotency-Key` is missing";
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            code::IDEMPOTENCY_KEY_MISSING,
            title,
        ));
    };
    let key = key
        .to_str()
        .map_err(|_| Problem::invalid("`Idempotency-Key` has visible ASCII characters only"))?;
    let Json(request) = body.map_err(|error| Problem::invalid(error.body_text()))?;
    let call = client
        .post(path::upstream::CHECKOUT, path::internal::ORDERS)
        .json(&request);
    // The key makes the order safe to repeat, here as for the caller.
    let answer = forward::send(call.idempotency_key(key).timeout(state.deadline)).await?;
    let body = forward::render::<Order, v1::Order>(&answer, version)?;
    let mut response = forward::json(answer.status, body);
    if let Some(replayed) = answer.headers.get(header::IDEMPOTENT_REPLAYED) {
        response
            .headers_mut()
            .insert(header::IDEMPOTENT_REPLAYED, replayed.clone());
    }
    Ok(response)
}

/// Reads an order.
pub(super) async fn get(
    Extract(state): Extract<State>,
    Upstreams(client): Upstreams,
    Extension(version): Extension<Version>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    // An order's id has the letters of a cart's name; anything else cannot be one.
    if cart::problem(&id, &[]).is_some() {
        let title = "There is no such order";
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            code::ORDER_NOT_FOUND,
            title,
        ));
    }
    let call = client.get(
        path::upstream::CHECKOUT,
        path::fill(path::internal::ORDER, &id),
    );
    let answer = forward::send(call.timeout(state.deadline)).await?;
    let body = forward::render::<Order, v1::Order>(&answer, version)?;
    Ok(forward::json(StatusCode::OK, body))
}
