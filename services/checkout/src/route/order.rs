//! Orders: place, read.

use axum::{
    Json,
    extract::{Path, State as Extract, rejection::JsonRejection},
    response::{IntoResponse, Response},
};
use chassis::Problem;
use http::{HeaderMap, StatusCode, header};
use shop_api::{
    header as shop,
    order::{Order, Place},
    problem::code,
};

use crate::{
    State,
    place::{self, Answer},
    store,
};

/// Characters of an idempotency key at most.
const MAX_KEY: usize = 128;
/// Characters of an e-mail address at most (RFC 5321).
const MAX_EMAIL: usize = 254;

/// Places an order.
pub(super) async fn place(
    Extract(state): Extract<State>,
    headers: HeaderMap,
    body: Result<Json<Place>, JsonRejection>,
) -> Result<Response, Problem> {
    let key = key(&headers)?;
    let Json(request) = body.map_err(|error| Problem::invalid(error.body_text()))?;
    if request
        .email
        .as_ref()
        .is_some_and(|email| email.len() > MAX_EMAIL || !email.contains('@'))
    {
        return Err(Problem::invalid("`email` is not an address"));
    }
    let json = [(header::CONTENT_TYPE, "application/json")];
    Ok(match place::place(&state, key, request).await? {
        Answer::New(answer) => (StatusCode::CREATED, json, answer).into_response(),
        Answer::Repeated(answer) => (
            StatusCode::CREATED,
            json,
            [(shop::IDEMPOTENT_REPLAYED, "true")],
            answer,
        )
            .into_response(),
    })
}

/// Reads an order.
pub(super) async fn get(
    Extract(state): Extract<State>,
    Path(id): Path<String>,
) -> Result<Json<Order>, Problem> {
    let wanted = id.clone();
    let work = move |connection: &rusqlite::Connection| store::order::get(connection, &wanted);
    let found = state.pool.read(&store::order::GET, work).await?;
    found.map(Json).ok_or_else(|| {
        let title = "There is no such order";
        Problem::new(StatusCode::NOT_FOUND, code::ORDER_NOT_FOUND, title)
            .detail(format!("there is no order `{id}`"))
    })
}

fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let Some(key) = headers.get(shop::IDEMPOTENCY_KEY) else {
        let title = "The header `Idempotency-Key` is missing";
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            code::IDEMPOTENCY_KEY_MISSING,
            title,
        ));
    };
    match key.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= MAX_KEY => Ok(key.to_owned()),
        _ => Err(Problem::invalid(format!(
            "`Idempotency-Key` has 1 to {MAX_KEY} visible ASCII characters"
        ))),
    }
}
