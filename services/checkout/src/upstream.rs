//! Calls to the inventory and to the payment provider.

use std::time::Duration;

use chassis::{Client, Problem, client::Error};
use http::{Method, StatusCode};
use shop_api::{
    Money, path,
    payment::{Charge, Decision, Receipt},
    problem::code,
    reservation::{Reservation, ReservationRequest, Shipment},
};

use crate::{InventoryRoute, PaymentSite};

/// Why stock could not be reserved.
#[derive(Debug)]
pub(crate) enum ReserveError {
    /// The inventory refused; nothing is reserved.
    Refused(Problem),
    /// There was no reliable response; stock may be reserved.
    Unknown(Problem),
}

/// Prices and reserves the lines of an order.
pub(crate) async fn reserve(
    client: &Client,
    route: InventoryRoute,
    request: &ReservationRequest,
    timeout: Duration,
) -> Result<Reservation, ReserveError> {
    let call = client
        .post(route.upstream(), path::internal::RESERVATIONS)
        .json(request);
    // The reservation's id makes it safe to repeat.
    let response = call.repeatable().timeout(timeout).send().await;
    response
        .and_then(|response| response.ok()?.json())
        .map_err(reserve_error)
}

fn reserve_error(error: Error) -> ReserveError {
    let Error::Status {
        status,
        code: Some(problem_code),
        detail,
        ..
    } = &error
    else {
        return ReserveError::Unknown(error.into());
    };
    let detail = detail.clone().unwrap_or_default();
    match (*status, problem_code.as_str()) {
        (StatusCode::CONFLICT, code::OUT_OF_STOCK) => {
            ReserveError::Refused(Problem::conflict(code::OUT_OF_STOCK, detail))
        }
        (StatusCode::NOT_FOUND, code::PRODUCT_NOT_FOUND) => ReserveError::Refused(
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                code::PRODUCT_NOT_FOUND,
                "The cart contains an unknown product",
            )
            .detail(detail),
        ),
        // Checkout wrote the request, so if it is rejected as invalid, the customer is not to blame.
        (status, _) if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
            let context = concat!(
                "failed to reserve stock, in ",
                module_path!(),
                "::reserve at ",
                file!(),
                ":",
                line!()
            );
            ReserveError::Refused(Problem::internal(
                anyhow::Error::new(error).context(context),
            ))
        }
        _ => ReserveError::Unknown(error.into()),
    }
}

/// Charges the amount; the order's id makes it safe to repeat.
pub(crate) async fn pay(
    client: &Client,
    site: PaymentSite,
    order: &str,
    amount: Money,
    timeout: Duration,
) -> Result<Receipt, Problem> {
    let charge = Charge {
        reference: order.to_owned(),
        amount,
    };
    let call = client
        .post(path::upstream::PAYMENT, site.path())
        .json(&charge);
    let response = call.idempotency_key(order).timeout(timeout).send().await?;
    let receipt: Receipt = response.ok()?.json()?;
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

/// Tells the inventory to ship the stock of a placed order.
pub(crate) async fn ship(
    client: &Client,
    route: InventoryRoute,
    shipment: &Shipment,
    timeout: Duration,
) -> Result<(), Error> {
    let call = client
        .post(route.upstream(), path::internal::ORDERS_PLACED)
        .json(shipment);
    call.repeatable()
        .timeout(timeout)
        .send()
        .await?
        .ok()
        .map(drop)
}

/// Releases reserved stock.
pub(crate) async fn release(
    client: &Client,
    route: InventoryRoute,
    reservation: &str,
    timeout: Duration,
) -> Result<(), Error> {
    let path = path::fill(path::internal::RESERVATION, reservation);
    client
        .request(route.upstream(), Method::DELETE, path)
        .timeout(timeout)
        .send()
        .await?
        .ok()
        .map(drop)
}
