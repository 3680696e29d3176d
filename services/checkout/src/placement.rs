//! Placing an order, from the idempotency key to the response.

use std::time::Duration;

use chassis::telemetry::{
    Personal,
    names::{label, metric},
};
use chassis::{
    Problem,
    db::{Statement, step},
};
use http::StatusCode;
use metrics::counter;
use sha2::{Digest, Sha256};
use shop_api::{
    Money,
    cart::Line,
    order::{Order, OrderRequest, Status},
    problem::code,
    reservation::{Reservation, ReservationRequest, Shipment},
};
use tracing::{Instrument, Span, info, warn};
use uuid::Uuid;

use crate::{
    Checkout,
    cart_view::{self, CartTransaction},
    message::Message,
    store::{
        attempt::{self, Attempt, KeyedRequest, Start},
        cart, order,
    },
    upstream::{self, ReserveError},
};

const BEGIN: Statement = Statement::transaction("TRANSACTION attempt");
const STORE: Statement = Statement::transaction("TRANSACTION order");
const ABANDON: Statement = Statement::transaction("TRANSACTION release");

/// Time kept to abandon an order and respond, when a call uses up the rest of the request's time.
const RESPONSE_RESERVE: Duration = Duration::from_millis(250);

/// The order that a request gets, as JSON.
#[derive(Debug)]
pub(crate) enum PlacedOrder {
    /// This request placed the order.
    New(String),
    /// An earlier request with the same key placed it.
    Repeated(String),
}

/// Places the order of a cart, once per idempotency key.
pub(crate) async fn place_order(
    checkout: &Checkout,
    key: String,
    request: OrderRequest,
) -> Result<PlacedOrder, Problem> {
    let outcome = try_place_order(checkout, key, request).await;
    let result = match &outcome {
        Ok(PlacedOrder::New(_)) => "placed",
        Ok(PlacedOrder::Repeated(_)) => "repeated",
        Err(problem) if problem.status().is_server_error() => "failed",
        Err(_) => "rejected",
    };
    counter!(metric::ORDERS, label::RESULT => result).increment(1);
    outcome
}

async fn try_place_order(
    checkout: &Checkout,
    key: String,
    request: OrderRequest,
) -> Result<PlacedOrder, Problem> {
    let attempt = match begin(checkout, key, &request).await? {
        Start::New(attempt) => attempt,
        Start::Done(order) => return Ok(PlacedOrder::Repeated(order)),
        Start::InProgress => {
            let detail = "another request with this key is still in progress";
            return Err(Problem::conflict(code::ORDER_IN_PROGRESS, detail).retry_after_s(1));
        }
        Start::KeyReused => {
            let title = "The idempotency key was already used for a different request";
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                code::IDEMPOTENCY_KEY_REUSED,
                title,
            ));
        }
    };
    let email = request.email.map(Personal::new);
    match buy(checkout, &attempt, &request.cart).await {
        Ok(order) => match store(checkout, &attempt, &order, email).await {
            Ok(order) => Ok(PlacedOrder::New(order)),
            Err(problem) => Err(abandon(checkout, &attempt, true, problem).await),
        },
        Err(FailedPurchase {
            problem,
            may_be_reserved,
        }) => Err(abandon(checkout, &attempt, may_be_reserved, problem).await),
    }
}

async fn begin(checkout: &Checkout, key: String, request: &OrderRequest) -> Result<Start, Problem> {
    let now_ms = (checkout.clock)();
    let timeout_ms = i64::try_from(checkout.settings.attempt_timeout_s.saturating_mul(1_000))
        .unwrap_or(i64::MAX);
    let request = KeyedRequest {
        key,
        fingerprint: fingerprint(request),
        order: format!("o-{}", Uuid::now_v7().simple()),
        now_ms,
        stale_ms: now_ms.saturating_sub(timeout_ms),
    };
    Ok(checkout
        .pool
        .write(&BEGIN, move |transaction| {
            attempt::begin(transaction, &request)
        })
        .await?)
}

/// A purchase that failed, and whether stock may be reserved for it.
struct FailedPurchase {
    problem: Problem,
    may_be_reserved: bool,
}

/// Reads the cart, reserves its lines and pays for them.
async fn buy(checkout: &Checkout, attempt: &Attempt, cart: &str) -> Result<Order, FailedPurchase> {
    let failed = |may_be_reserved| {
        move |problem| FailedPurchase {
            problem,
            may_be_reserved,
        }
    };
    let (lines, transaction) = lines(checkout, cart).await.map_err(failed(false))?;
    let request = ReservationRequest {
        reservation: attempt.reservation(),
        lines,
        hold: checkout.settings.hold_policy.hold(),
    };
    let timeout = time_for(checkout.settings.inventory_timeout_ms);
    let route = checkout.settings.inventory_route;
    let reserved = upstream::reserve(&checkout.client, route, &request, timeout);
    let Reservation { lines, total, .. } = reserved.await.map_err(|error| match error {
        ReserveError::Refused(problem) => failed(false)(problem),
        ReserveError::Unknown(problem) => failed(true)(problem),
    })?;
    if let Err(problem) = pay(checkout, &attempt.order, total).await {
        cart_view::payment_failed(checkout, cart, transaction, &problem);
        return Err(failed(true)(problem));
    }
    Ok(Order {
        order: attempt.order.clone(),
        cart: cart.to_owned(),
        status: Status::Placed,
        lines,
        total,
        placed_at: order::timestamp((checkout.clock)()),
    })
}

/// Charges the total, and charges it again with the same key if payments are to be confirmed.
async fn pay(checkout: &Checkout, order: &str, total: Money) -> Result<(), Problem> {
    let times = if checkout.settings.confirm_payment {
        2
    } else {
        1
    };
    for _ in 0..times {
        let timeout = time_for(checkout.settings.payment_timeout_ms);
        let site = checkout.settings.payment_site;
        // The same key, so the second response is about the same payment.
        upstream::pay(&checkout.client, site, order, total, timeout).await?;
    }
    Ok(())
}

/// Time for one call or wait: the limit, or the remaining time of the request less what its response needs.
pub(crate) fn time_for(limit_ms: u64) -> Duration {
    let limit = Duration::from_millis(limit_ms);
    match chassis::telemetry::request::current() {
        Some(request) => limit.min(request.remaining().saturating_sub(RESPONSE_RESERVE)),
        None => limit,
    }
}

async fn lines(checkout: &Checkout, cart: &str) -> Result<(Vec<Line>, CartTransaction), Problem> {
    let (lines, transaction) = cart_view::read(checkout, cart).await?;
    match lines {
        None => Err(cart_not_found(cart)),
        Some(lines) if lines.is_empty() => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            code::CART_EMPTY,
            "The cart is empty",
        )),
        Some(lines) => Ok((lines, transaction)),
    }
}

/// The problem of a cart that does not exist.
pub(crate) fn cart_not_found(cart: &str) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        code::CART_NOT_FOUND,
        "Cart not found",
    )
    .detail(format!("cart `{cart}` does not exist"))
}

/// Stores the order, the message to the inventory and the response in one transaction; returns the response.
async fn store(
    checkout: &Checkout,
    attempt: &Attempt,
    order: &Order,
    email: Option<Personal<String>>,
) -> Result<String, Problem> {
    let response = serde_json::to_string(order).map_err(Problem::internal)?;
    let lines = order
        .lines
        .iter()
        .map(|line| Line {
            sku: line.sku,
            quantity: line.quantity,
        })
        .collect();
    let message = Message::Ship(Shipment {
        reservation: attempt.reservation(),
        lines,
    });
    let producer = message.producer();
    let now_ms = (checkout.clock)();
    let (done, attempt, stored, customer) = (
        response.clone(),
        attempt.clone(),
        order.clone(),
        email.clone(),
    );
    let span = producer.clone();
    let work = move |transaction: &rusqlite::Transaction<'_>| {
        if !attempt::complete(transaction, &attempt, &done)? {
            return Ok(Err(()));
        }
        let email = customer.as_ref().map(|email| email.expose().as_str());
        step(&order::INSERT, || {
            order::insert(transaction, &stored, email, now_ms)
        })?;
        step(&cart::REMOVE, || cart::remove(transaction, &stored.cart))?;
        message.store(transaction, &stored.order, &span, now_ms)?;
        Ok(Ok(()))
    };
    let stored = checkout
        .pool
        .try_write(&STORE, work)
        .instrument(producer)
        .await?;
    stored.map_err(|()| {
        let detail = "another request with this key has taken over the order";
        Problem::conflict(code::ORDER_IN_PROGRESS, detail).retry_after_s(1)
    })?;
    checkout.outbox_changed.notify_one();
    report(order, email);
    Ok(response)
}

/// Counts and logs a placed order.
fn report(order: &Order, email: Option<Personal<String>>) {
    let Order {
        order: id,
        lines,
        total,
        ..
    } = order;
    let amount = u64::try_from(total.amount_minor).unwrap_or(0);
    counter!(metric::ORDER_VALUE, label::CURRENCY => total.currency.code()).increment(amount);
    info!(
        order.id = %id,
        order.lines = lines.len(),
        order.total_minor = total.amount_minor,
        order.currency = total.currency.code(),
        customer.email = email.map(tracing::field::display),
        "placed order `{id}`"
    );
}

/// Frees the key and, if stock may be reserved, stores the message that releases it; returns `problem`.
async fn abandon(
    checkout: &Checkout,
    attempt: &Attempt,
    may_be_reserved: bool,
    problem: Problem,
) -> Problem {
    let message = may_be_reserved.then(|| Message::Release {
        reservation: attempt.reservation(),
    });
    let producer = message.as_ref().map_or_else(Span::none, Message::producer);
    let (attempt, span, now_ms) = (attempt.clone(), producer.clone(), (checkout.clock)());
    let id = attempt.order.clone();
    let work = move |transaction: &rusqlite::Transaction<'_>| {
        attempt::fail(transaction, &attempt)?;
        match message {
            Some(message) => message.store(transaction, &attempt.order, &span, now_ms),
            None => Ok(()),
        }
    };
    match checkout.pool.write(&ABANDON, work).await {
        Ok(()) => checkout.outbox_changed.notify_one(),
        // The attempt and the reservation both have a timeout.
        Err(error) => {
            warn!(order.id = %id, %error, "failed to release what order `{id}` has reserved: {error}")
        }
    }
    problem
}

/// Identifies the body of a request without storing it.
fn fingerprint(request: &OrderRequest) -> String {
    let mut hash = Sha256::new();
    hash.update(request.cart.as_bytes());
    // A cart name cannot contain this byte.
    hash.update([0]);
    hash.update(request.email.as_deref().unwrap_or_default().as_bytes());
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_requests_have_different_fingerprints() {
        let fingerprint_of = |cart: &str, email: Option<&str>| {
            fingerprint(&OrderRequest {
                cart: cart.to_owned(),
                email: email.map(str::to_owned),
            })
        };
        let same = fingerprint_of("c", Some("a@b"));
        assert_eq!(fingerprint_of("c", Some("a@b")), same);
        assert_ne!(fingerprint_of("c", None), same);
        assert_ne!(
            fingerprint_of("ca", Some("b")),
            fingerprint_of("c", Some("ab"))
        );
    }
}
