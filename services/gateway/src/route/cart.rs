//! Carts: replace, read; the same in both versions.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    response::Response,
};
use chassis::Problem;
use http::StatusCode;
use shop_api::{
    cart::{self, Replace},
    path,
};

use crate::{Gateway, connections::Upstreams, forward};

/// Creates or replaces a cart.
pub(super) async fn put(
    State(gateway): State<Gateway>,
    Upstreams(client): Upstreams,
    Path(name): Path<String>,
    body: Result<Json<Replace>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(replace) = body.map_err(|error| Problem::invalid(error.body_text()))?;
    // Also checked here, because the name becomes part of a path.
    if let Some(detail) = cart::problem(&name, &replace.lines) {
        return Err(Problem::invalid(detail));
    }
    let call = client.put(
        path::upstream::CHECKOUT,
        path::fill(path::internal::CART, &name),
    );
    let answer = forward::send(call.json(&replace).timeout(gateway.deadline)).await?;
    Ok(forward::json(StatusCode::OK, answer.body))
}

/// Reads a cart.
pub(super) async fn get(
    State(gateway): State<Gateway>,
    Upstreams(client): Upstreams,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    if let Some(detail) = cart::problem(&name, &[]) {
        return Err(Problem::invalid(detail));
    }
    let call = client.get(
        path::upstream::CHECKOUT,
        path::fill(path::internal::CART, &name),
    );
    let answer = forward::send(call.timeout(gateway.deadline)).await?;
    Ok(forward::json(StatusCode::OK, answer.body))
}
