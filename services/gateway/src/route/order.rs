//! Orders: place, read.

use axum::{
    Extension, Json,
    extract::{Path, State, rejection::JsonRejection},
    response::Response,
};
use chassis::Problem;
use http::{HeaderMap, StatusCode};
use shop_api::{
    cart, header,
    order::{Order, OrderRequest},
    path,
    problem::code,
    v1,
};

use crate::{
    Gateway,
    connections::Upstreams,
    forward::{self, Version},
};

/// Places the order of a cart.
pub(super) async fn place(
    State(gateway): State<Gateway>,
    Upstreams(client): Upstreams,
    Extension(version): Extension<Version>,
    headers: HeaderMap,
    body: Result<Json<OrderRequest>, JsonRejection>,
) -> Result<Response, Problem> {
    let Some(key) = headers.get(header::IDEMPOTENCY_KEY) else {
        let title = "The `Idempotency-Key` header is missing";
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            code::IDEMPOTENCY_KEY_MISSING,
            title,
        ));
    };
    let key = key.to_str().map_err(|_| {
        Problem::invalid("`Idempotency-Key` may only contain visible ASCII characters")
    })?;
    let Json(request) = body.map_err(|error| Problem::invalid(error.body_text()))?;
    let mut call = client
        .post(path::upstream::CHECKOUT, path::internal::ORDERS)
        .json(&request);
    for preference in headers.get_all(header::PREFER) {
        if let Ok(preference) = preference.to_str() {
            call = call.header(header::PREFER, preference);
        }
    }
    // The key makes the call safe to repeat, for the gateway as for its caller.
    let answer = forward::send(call.idempotency_key(key).timeout(gateway.deadline)).await?;
    let body = forward::render::<Order, v1::Order>(&answer, version)?;
    let mut response = forward::json(answer.status, body);
    for name in [header::IDEMPOTENT_REPLAYED, header::PREFERENCE_APPLIED] {
        if let Some(value) = answer.headers.get(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    Ok(response)
}

/// Reads an order.
pub(super) async fn get(
    State(gateway): State<Gateway>,
    Upstreams(client): Upstreams,
    Extension(version): Extension<Version>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    // Order ids use the same characters as cart names, and an id becomes part of a path.
    if cart::problem(&id, &[]).is_some() {
        let title = "Order not found";
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
    let answer = forward::send(call.timeout(gateway.deadline)).await?;
    let body = forward::render::<Order, v1::Order>(&answer, version)?;
    Ok(forward::json(StatusCode::OK, body))
}
