//! The two services that an order needs: the inventory and the payment provider.

use std::time::Duration;

use chassis::{Client, Problem, client::Error};
use http::{Method, StatusCode};
use shop_api::{
    Money,
    order::Placed,
    path,
    payment::{Charge, Decision, Receipt},
    problem::code,
    reservation::{Reservation, Reserve},
};

/// Why stock could not be reserved.
#[derive(Debug)]
pub(crate) enum NotReserved {
    /// The inventory said no; nothing was put aside.
    Refused(Problem),
    /// There was no answer that can be relied on; something may have been put aside.
    Unknown(Problem),
}

/// Prices the lines of an order and puts the pieces aside.
pub(crate) async fn reserve(
    client: &Client,
    request: &Reserve,
    timeout: Duration,
) -> Result<Reservation, NotReserved> {
    let call = client
        .post(path::upstream::INVENTORY, path::internal::RESERVATIONS)
        .json(request);
    // The order's id makes it safe to repeat.
    let answer = call.repeatable().timeout(timeout).send().await;
    answer
        .and_then(|answer| answer.ok()?.json())
        .map_err(not_reserved)
}

fn not_reserved(error: Error) -> NotReserved {
    let Error::Status {
        status,
        code: Some(kind),
        detail,
        ..
    } = &error
    else {
        return NotReserved::Unknown(error.into());
    };
    let detail = detail.clone().unwrap_or_default();
    match (*status, kind.as_str()) {
        (StatusCode::CONFLICT, code::OUT_OF_STOCK) => {
            NotReserved::Refused(Problem::conflict(code::OUT_OF_STOCK, detail))
        }
        (StatusCode::NOT_FOUND, code::PRODUCT_NOT_FOUND) => NotReserved::Refused(
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                code::PRODUCT_NOT_FOUND,
                "The cart holds something that is not for sale",
            )
            .detail(detail),
        ),
        // We wrote the request, so a refusal to read it is our failure and not the customer's.
        (status, _) if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
            let place = concat!(
                "failed to reserve stock, in ",
                module_path!(),
                "::reserve at ",
                file!(),
                ":",
                line!()
            );
            NotReserved::Refused(Problem::internal(anyhow::Error::new(error).context(place)))
        }
        _ => NotReserved::Unknown(error.into()),
    }
}

/// Takes the money; the order's id makes it safe to repeat.
pub(crate) async fn pay(
    client: &Client,
    order: &str,
    amount: Money,
    timeout: Duration,
) -> Result<Receipt, Problem> {
    let charge = Charge {
        reference: order.to_owned(),
        amount,
    };
    let call = client
        .post(path::upstream::PAYMENT, path::PAYMENTS)
        .json(&charge);
    let answer = call.idempotency_key(order).timeout(timeout).send().await?;
    let receipt: Receipt = answer.ok()?.json()?;
    match receipt.decision {
        Decision::Captured => Ok(receipt),
        Decision::Declined => {
            let title = "The payment was declined";
            Err(Problem::new(
                StatusCode::PAYMENT_REQUIRED,
                code::PAYMENT_DECLINED,
                title,
            ))
        }
    }
}

/// Tells the inventory that an order was placed.
pub(crate) async fn tell_placed(
    client: &Client,
    placed: &Placed,
    timeout: Duration,
) -> Result<(), Error> {
    let call = client
        .post(path::upstream::INVENTORY, path::internal::ORDERS_PLACED)
        .json(placed);
    call.repeatable()
        .timeout(timeout)
        .send()
        .await?
        .ok()
        .map(drop)
}

/// Gives reserved stock back.
pub(crate) async fn release(
    client: &Client,
    reservation: &str,
    timeout: Duration,
) -> Result<(), Error> {
    let path = path::fill(path::internal::RESERVATION, reservation);
    client
        .request(path::upstream::INVENTORY, Method::DELETE, path)
        .timeout(timeout)
        .send()
        .await?
        .ok()
        .map(drop)
}
