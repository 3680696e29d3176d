//! Carts, which look the same in both versions.

use axum::{
    Json,
    extract::{Path, State as Extract, rejection::JsonRejection},
    response::Response,
};
use chassis::Problem;
use http::StatusCode;
use shop_api::{
    cart::{self, Replace},
    path,
};

use crate::{State, connections::Upstreams, forward};

/// Creates or replaces a cart.
pub(super) async fn put(
    Extract(state): Extract<State>,
    Upstreams(client): Upstreams,
    Path(name): Path<String>,
    body: Result<Json<Replace>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(replace) = body.map_err(|error| Problem::invalid(error.body_text()))?;
    // Checked here as well, because the name becomes part of a path.
    if let Some(detail) = cart::problem(&name, &replace.lines) {
        return Err(Problem::invalid(detail));
    }
    let call = client.put(
        path::upstream::CHECKOUT,
        path::fill(path::internal::CART, &name),
    );
    let answer = forward::send(call.json(&replace).timeout(state.deadline)).await?;
    Ok(forward::json(StatusCode::OK, answer.body))
}

/// Reads a cart.
pub(super) async fn get(
    Extract(state): Extract<State>,
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
    let answer = forward::send(call.timeout(state.deadline)).await?;
    Ok(forward::json(StatusCode::OK, answer.body))
}
