//! Reservations: reserve, release, ship.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use bytes::Bytes;
use chassis::telemetry::names::attribute;
use chassis::{Problem, db::Statement};
use http::StatusCode;
use shop_api::{
    cart,
    problem::code,
    reservation::{Hold, Reservation, ReservationRequest, Shipment, level1},
};
use tracing::{error, warn};

use crate::{
    Inventory, product_cache,
    store::reservation::{self, Refusal, ShipmentSource, Terms},
};

// Statements within these transactions have their own names.
const RESERVE: Statement = Statement::transaction("TRANSACTION reserve");
const RELEASE: Statement = Statement::transaction("TRANSACTION release");
const SHIP: Statement = Statement::transaction("TRANSACTION ship");

/// Confirms prices and reserves the stock, for all lines or none.
pub(super) async fn reserve(
    State(inventory): State<Inventory>,
    body: Bytes,
) -> Result<Json<Reservation>, Problem> {
    let request = read(&body, inventory.settings.reservation_api).map_err(invalid_body)?;
    if let Some(detail) = cart::problem(&request.reservation, &request.lines) {
        return Err(Problem::invalid(detail));
    }
    if let Some((line, limit)) = inventory.rules.exceeded(&request.lines) {
        let detail = format!(
            "the purchase limit for `{}` is {limit} pieces per order",
            line.sku
        );
        return Err(Problem::conflict(code::OUT_OF_STOCK, detail));
    }
    let terms = terms(&inventory, request.hold.unwrap_or(Hold::Standard));
    let ReservationRequest {
        reservation: id,
        lines,
        ..
    } = request;
    let work = move |transaction: &rusqlite::Transaction<'_>| {
        reservation::reserve(transaction, &id, &lines, terms)
    };
    inventory
        .pool
        .try_write(&RESERVE, work)
        .await?
        .map(Json)
        .map_err(refusal)
}

/// Releases the stock of a reservation.
pub(super) async fn release(
    State(inventory): State<Inventory>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let now_ms = (inventory.clock)();
    let work = move |transaction: &rusqlite::Transaction<'_>| {
        reservation::release(transaction, &id, now_ms)
    };
    inventory
        .pool
        .try_write(&RELEASE, work)
        .await?
        .map_err(refusal)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ships the stock of a placed order. The message may arrive more than once.
pub(super) async fn ship(
    State(inventory): State<Inventory>,
    body: Result<Json<Shipment>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Json(shipment) = body.map_err(|error| Problem::invalid(error.body_text()))?;
    if let Some(limit) = inventory.settings.packed_lines
        && shipment.lines.len() > limit
    {
        let lines = shipment.lines.len();
        let title = "Too many order lines for the warehouse";
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            code::ORDER_TOO_LONG,
            title,
        )
        .detail(format!("the order has {lines} lines, the limit is {limit}")));
    }
    let terms = terms(&inventory, Hold::Standard);
    let id = shipment.reservation.clone();
    let work = move |transaction: &rusqlite::Transaction<'_>| {
        reservation::ship(transaction, &shipment.reservation, &shipment.lines, terms)
    };
    if inventory.pool.write(&SHIP, work).await? == ShipmentSource::FreeStock {
        warn!(reservation.id = %id, "reservation `{id}` had been released, shipped from free stock");
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Parses the body as the given level of the interface defines it.
fn read(body: &[u8], level: u8) -> Result<ReservationRequest, serde_json::Error> {
    if level >= 2 {
        return serde_json::from_slice(body);
    }
    let ReservationRequest {
        reservation,
        lines,
        hold,
    } = serde_json::from_slice::<ReservationRequest<level1::Hold>>(body)?;
    Ok(ReservationRequest {
        reservation,
        lines,
        hold: hold.map(Hold::from),
    })
}

/// Only the shop's services call this route, so an invalid body means that two of them disagree.
fn invalid_body(error: serde_json::Error) -> Problem {
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
        "Invalid request body",
    )
    .detail(error.to_string())
}

fn refusal(refusal: Refusal) -> Problem {
    let detail = refusal.to_string();
    match refusal {
        Refusal::UnknownProduct(sku) => product_cache::not_found(sku),
        Refusal::OutOfStock { .. } => Problem::conflict(code::OUT_OF_STOCK, detail),
        Refusal::Shipped => Problem::conflict(code::RESERVATION_SHIPPED, detail),
        Refusal::NoTotal => Problem::invalid(detail),
    }
}

fn terms(inventory: &Inventory, hold: Hold) -> Terms {
    let now_ms = (inventory.clock)();
    let timeout_ms =
        i64::try_from(inventory.settings.reservation_s.saturating_mul(1_000)).unwrap_or(i64::MAX);
    Terms {
        hold,
        now_ms,
        expires_ms: now_ms.saturating_add(timeout_ms),
    }
}
