//! Reservations: make one, give it back, make it final.

use axum::{
    Json,
    extract::{Path, State as Extract, rejection::JsonRejection},
};
use bytes::Bytes;
use chassis::telemetry::names::attribute;
use chassis::{Problem, db::Statement};
use http::StatusCode;
use shop_api::{
    cart,
    order::Placed,
    problem::code,
    reservation::{Hold, Reservation, Reserve, level1},
};
use tracing::{error, warn};

use crate::{
    State,
    store::reservation::{self, Refusal, Terms},
};

/// The transactions as a whole; the statements in them have their own names.
const RESERVE: Statement = Statement {
    summary: "TRANSACTION reserve",
    text: "BEGIN IMMEDIATE",
};
const RELEASE: Statement = Statement {
    summary: "TRANSACTION release",
    text: "BEGIN IMMEDIATE",
};
const PLACE: Statement = Statement {
    summary: "TRANSACTION place",
    text: "BEGIN IMMEDIATE",
};

/// Confirms prices and puts the pieces aside, all lines or none.
pub(super) async fn reserve(
    Extract(state): Extract<State>,
    body: Bytes,
) -> Result<Json<Reservation>, Problem> {
    let request = read(&body, state.settings.reservation_api).map_err(unreadable)?;
    if let Some(detail) = cart::problem(&request.order, &request.lines) {
        return Err(Problem::invalid(detail));
    }
    if let Some((line, most)) = state.rules.refused(&request.lines) {
        let detail = format!("an order may take {most} pieces of `{}`", line.sku);
        return Err(Problem::conflict(code::OUT_OF_STOCK, detail));
    }
    let terms = terms(&state, request.hold.unwrap_or(Hold::Standard));
    let Reserve { order, lines, .. } = request;
    let work = move |transaction: &rusqlite::Transaction<'_>| {
        reservation::reserve(transaction, &order, &lines, terms)
    };
    state
        .pool
        .try_write(&RESERVE, work)
        .await?
        .map(Json)
        .map_err(refused)
}

/// Gives the pieces back.
pub(super) async fn release(
    Extract(state): Extract<State>,
    Path(order): Path<String>,
) -> Result<StatusCode, Problem> {
    let now_ms = (state.clock)();
    let work = move |transaction: &rusqlite::Transaction<'_>| {
        reservation::release(transaction, &order, now_ms)
    };
    state
        .pool
        .try_write(&RELEASE, work)
        .await?
        .map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// An order was placed: its pieces have left. The message may come more than once.
pub(super) async fn place(
    Extract(state): Extract<State>,
    body: Result<Json<Placed>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Json(placed) = body.map_err(|error| Problem::invalid(error.body_text()))?;
    if let Some(most) = state.settings.packed_lines
        && placed.lines.len() > most
    {
        let lines = placed.lines.len();
        let title = "The warehouse does not pack so long an order";
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            code::ORDER_TOO_LONG,
            title,
        )
        .detail(format!(
            "the order has {lines} lines, and {most} are the most"
        )));
    }
    let terms = terms(&state, Hold::Standard);
    let id = placed.order.clone();
    let work = move |transaction: &rusqlite::Transaction<'_>| {
        reservation::place(transaction, &placed.order, &placed.lines, terms)
    };
    if state.pool.write(&PLACE, work).await? == reservation::Placed::Late {
        warn!(order.id = %id, "order `{id}` came after its reservation had ended");
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Reads the body as the given level of the interface knows it.
fn read(body: &[u8], level: u8) -> Result<Reserve, serde_json::Error> {
    if level >= 2 {
        return serde_json::from_slice(body);
    }
    let Reserve { order, lines, hold } = serde_json::from_slice::<Reserve<level1::Hold>>(body)?;
    Ok(Reserve {
        order,
        lines,
        hold: hold.map(Hold::from),
    })
}

/// Only our own services call this, so a body that cannot be read means that two of them disagree.
fn unreadable(error: serde_json::Error) -> Problem {
    error!(
        { attribute::CODE_FUNCTION_NAME } = concat!(module_path!(), "::read"),
        { attribute::CODE_FILE_PATH } = file!(),
        { attribute::CODE_LINE_NUMBER } = line!(),
        error = %error,
        "failed to read a reservation request: {error}"
    );
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        code::INVALID_BODY,
        "The body is not what this route takes",
    )
    .detail(error.to_string())
}

fn refused(refusal: Refusal) -> Problem {
    let detail = refusal.to_string();
    match refusal {
        Refusal::UnknownProduct(sku) => crate::view::unknown(sku),
        Refusal::OutOfStock { .. } => Problem::conflict(code::OUT_OF_STOCK, detail),
        Refusal::Final => Problem::conflict(code::RESERVATION_FINAL, detail),
        Refusal::NoTotal => Problem::invalid(detail),
    }
}

fn terms(state: &State, hold: Hold) -> Terms {
    let now_ms = (state.clock)();
    let kept_ms =
        i64::try_from(state.settings.reservation_s.saturating_mul(1_000)).unwrap_or(i64::MAX);
    Terms {
        hold,
        now_ms,
        expires_ms: now_ms.saturating_add(kept_ms),
    }
}
