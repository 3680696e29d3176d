//! Placing an order, from the key to the answer.

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
    order::{Order, Place, Placed, Status},
    problem::code,
    reservation::{Reservation, Reserve},
};
use tracing::{Instrument, Span, info, warn};
use uuid::Uuid;

use crate::{
    State,
    message::Message,
    store::{
        cart,
        claim::{self, Claim, Outcome, Wanted},
        order,
    },
    upstream::{self, NotReserved},
    view::{self, View},
};

const CLAIM: Statement = Statement {
    summary: "TRANSACTION claim",
    text: "BEGIN IMMEDIATE",
};
const STORE: Statement = Statement {
    summary: "TRANSACTION order",
    text: "BEGIN IMMEDIATE",
};
const GIVE_UP: Statement = Statement {
    summary: "TRANSACTION release",
    text: "BEGIN IMMEDIATE",
};

/// Time kept to give back what an order has taken, when a call uses up the rest of the request's time.
const ANSWER_RESERVE: Duration = Duration::from_millis(250);

/// An answer to `POST /orders`.
#[derive(Debug)]
pub(crate) enum Answer {
    /// This request placed the order; JSON.
    New(String),
    /// An earlier request with the same key did; JSON.
    Repeated(String),
}

/// Places the order of a cart, once for each key.
pub(crate) async fn place(state: &State, key: String, request: Place) -> Result<Answer, Problem> {
    let outcome = attempt(state, key, request).await;
    let result = match &outcome {
        Ok(Answer::New(_)) => "placed",
        Ok(Answer::Repeated(_)) => "repeated",
        Err(problem) if problem.status().is_server_error() => "failed",
        Err(_) => "rejected",
    };
    counter!(metric::ORDERS, label::RESULT => result).increment(1);
    outcome
}

async fn attempt(state: &State, key: String, request: Place) -> Result<Answer, Problem> {
    let claim = match claim(state, key, &request).await? {
        Outcome::Mine(claim) => claim,
        Outcome::Answered(answer) => return Ok(Answer::Repeated(answer)),
        Outcome::InProgress => {
            let detail = "another request with this key has not been answered yet";
            return Err(Problem::conflict(code::ORDER_IN_PROGRESS, detail).retry_after_s(1));
        }
        Outcome::OtherBody => {
            let title = "The idempotency key was used for another request";
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                code::IDEMPOTENCY_KEY_REUSED,
                title,
            ));
        }
    };
    let email = request.email.map(Personal::new);
    match buy(state, &claim, &request.cart).await {
        Ok(order) => match store(state, &claim, &order, email).await {
            Ok(answer) => Ok(Answer::New(answer)),
            Err(problem) => Err(give_up(state, &claim, true, problem).await),
        },
        Err(Failed {
            problem,
            may_be_reserved,
        }) => Err(give_up(state, &claim, may_be_reserved, problem).await),
    }
}

async fn claim(state: &State, key: String, request: &Place) -> Result<Outcome, Problem> {
    let now_ms = (state.clock)();
    let claim_ms = i64::try_from(state.settings.claim_s.saturating_mul(1_000)).unwrap_or(i64::MAX);
    let wanted = Wanted {
        key,
        fingerprint: fingerprint(request),
        order: format!("o-{}", Uuid::now_v7().simple()),
        now_ms,
        stale_ms: now_ms.saturating_sub(claim_ms),
    };
    Ok(state
        .pool
        .write(&CLAIM, move |transaction| claim::take(transaction, &wanted))
        .await?)
}

/// An order that was not bought, and whether stock may have been put aside for it.
struct Failed {
    problem: Problem,
    may_be_reserved: bool,
}

/// Reads the cart, reserves its lines and pays for them.
async fn buy(state: &State, claim: &Claim, name: &str) -> Result<Order, Failed> {
    let (lines, view) = lines(state, name).await.map_err(|problem| Failed {
        problem,
        may_be_reserved: false,
    })?;
    let hold = state.settings.hold_policy.hold();
    let request = Reserve {
        order: claim.reservation(),
        lines,
        hold,
    };
    let timeout = time_for(state.settings.inventory_timeout_ms);
    let Reservation { lines, total, .. } = upstream::reserve(&state.client, &request, timeout)
        .await
        .map_err(|error| match error {
            NotReserved::Refused(problem) => Failed {
                problem,
                may_be_reserved: false,
            },
            NotReserved::Unknown(problem) => Failed {
                problem,
                may_be_reserved: true,
            },
        })?;
    if let Err(problem) = pay(state, &claim.order, total).await {
        view::refused(state, name, view, &problem);
        return Err(Failed {
            problem,
            may_be_reserved: true,
        });
    }
    let placed_at = order::timestamp((state.clock)());
    Ok(Order {
        order: claim.order.clone(),
        cart: name.to_owned(),
        status: Status::Placed,
        lines,
        total,
        placed_at,
    })
}

/// Takes the money, and has the provider say a second time that it did, where that is asked for.
async fn pay(state: &State, order: &str, total: Money) -> Result<(), Problem> {
    let times = if state.settings.confirm_payment { 2 } else { 1 };
    for _ in 0..times {
        let timeout = time_for(state.settings.payment_timeout_ms);
        // The same key: the second answer is about the same payment.
        upstream::pay(&state.client, order, total, timeout).await?;
    }
    Ok(())
}

/// Time for one call: the setting, or what the request has left when it still has to be answered after it.
fn time_for(limit_ms: u64) -> Duration {
    let limit = Duration::from_millis(limit_ms);
    match chassis::telemetry::request::current() {
        Some(request) => limit.min(request.remaining().saturating_sub(ANSWER_RESERVE)),
        None => limit,
    }
}

async fn lines(state: &State, name: &str) -> Result<(Vec<Line>, View), Problem> {
    let (found, view) = view::read(state, name).await?;
    match found {
        None => Err(no_cart(name)),
        Some(lines) if lines.is_empty() => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            code::CART_EMPTY,
            "The cart holds nothing",
        )),
        Some(lines) => Ok((lines, view)),
    }
}

/// The answer for a cart that is not there.
pub(crate) fn no_cart(name: &str) -> Problem {
    let title = "There is no such cart";
    Problem::new(StatusCode::NOT_FOUND, code::CART_NOT_FOUND, title)
        .detail(format!("there is no cart `{name}`"))
}

/// Stores the order, the message about it and the answer, or nothing.
async fn store(
    state: &State,
    claim: &Claim,
    order: &Order,
    email: Option<Personal<String>>,
) -> Result<String, Problem> {
    let answer = serde_json::to_string(order).map_err(Problem::internal)?;
    let lines = order
        .lines
        .iter()
        .map(|line| Line {
            sku: line.sku,
            quantity: line.quantity,
        })
        .collect();
    let message = Message::Placed(Placed {
        order: claim.reservation(),
        lines,
    });
    let producer = message.producer();
    let now_ms = (state.clock)();
    let (kept, claim, stored, customer) =
        (answer.clone(), claim.clone(), order.clone(), email.clone());
    let span = producer.clone();
    let work = move |transaction: &rusqlite::Transaction<'_>| {
        if !claim::done(transaction, &claim, &kept)? {
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
    let stored = state
        .pool
        .try_write(&STORE, work)
        .instrument(producer)
        .await?;
    stored.map_err(|()| {
        let detail = "another request with this key has taken the order over";
        Problem::conflict(code::ORDER_IN_PROGRESS, detail).retry_after_s(1)
    })?;
    state.news.notify_one();
    announce(order, email);
    Ok(answer)
}

fn announce(order: &Order, email: Option<Personal<String>>) {
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

/// Frees the key and, if need be, has the stock given back; answers with the problem that led here.
async fn give_up(state: &State, claim: &Claim, may_be_reserved: bool, problem: Problem) -> Problem {
    let message = may_be_reserved.then(|| Message::Release {
        reservation: claim.reservation(),
    });
    let producer = message.as_ref().map_or_else(Span::none, Message::producer);
    let (claim, span, now_ms) = (claim.clone(), producer.clone(), (state.clock)());
    let id = claim.order.clone();
    let work = move |transaction: &rusqlite::Transaction<'_>| {
        claim::end(transaction, &claim)?;
        match message {
            Some(message) => message.store(transaction, &claim.order, &span, now_ms),
            None => Ok(()),
        }
    };
    match state.pool.write(&GIVE_UP, work).await {
        Ok(()) => state.news.notify_one(),
        // The claim and the reservation both end by themselves when their time is up.
        Err(error) => {
            warn!(order.id = %id, %error, "what order `{id}` had taken was not given back: {error}")
        }
    }
    problem
}

/// Tells bodies apart without keeping them.
fn fingerprint(request: &Place) -> String {
    let mut hash = Sha256::new();
    hash.update(request.cart.as_bytes());
    // A cart's name has no such byte.
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
    fn bodies_that_differ_have_other_fingerprints() {
        let place = |cart: &str, email: Option<&str>| {
            fingerprint(&Place {
                cart: cart.to_owned(),
                email: email.map(str::to_owned),
            })
        };
        assert_eq!(place("c", Some("a@b")), place("c", Some("a@b")));
        assert_ne!(place("c", Some("a@b")), place("c", None));
        assert_ne!(place("ca", Some("b")), place("c", Some("ab")));
    }
}
