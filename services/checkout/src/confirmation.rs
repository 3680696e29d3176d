//! Waits until the warehouse has an order, for callers that prefer it (RFC 7240, `Prefer: wait=SECONDS`).

use std::time::Duration;

use chassis::db;
use chassis::telemetry::names::attribute;
use http::HeaderMap;
use shop_api::{
    header::PREFER,
    order::{Order, Status},
};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use crate::{Checkout, store};

/// How many seconds the caller would wait; none where it does not say so.
pub(crate) fn preferred(headers: &HeaderMap) -> Option<u32> {
    let values = headers.get_all(PREFER).into_iter();
    let preferences = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split([',', ';']));
    let mut waits = preferences.filter_map(|one| {
        let (name, value) = one.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then_some(value)
    });
    // Of the same preference twice, the first counts.
    waits.next()?.trim().trim_matches('"').parse().ok()
}

/// The order once the warehouse has it, or as it is when `limit` is over; none if it is gone.
pub(crate) async fn wait(
    checkout: &Checkout,
    id: &str,
    limit: Duration,
) -> Result<Option<Order>, db::Error> {
    let span = tracing::info_span!(
        "wait",
        { attribute::SPAN_NAME } = "wait for the warehouse",
        { attribute::ORDER_ID } = id,
    );
    let until = Instant::now() + limit;
    let waiting = async {
        loop {
            let mut delivered = std::pin::pin!(checkout.delivered.notified());
            // From here on no round is missed, also none that ends before the wait begins.
            delivered.as_mut().enable();
            let key = id.to_owned();
            let work = move |connection: &rusqlite::Connection| store::order::get(connection, &key);
            let order = checkout.pool.read(&store::order::GET, work).await?;
            let is_open = order
                .as_ref()
                .is_some_and(|order| order.status == Status::Placed);
            if !is_open || timeout_at(until, delivered).await.is_err() {
                return Ok(order);
            }
        }
    };
    waiting.instrument(span).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wait_of_all_preferences_counts() {
        for (values, expected) in [
            (&[][..], None),
            (&["respond-async"], None),
            (&["wait=3"], Some(3)),
            (&["respond-async, WAIT = 10"], Some(10)),
            (&["return=minimal", "wait=\"2\"; foo, wait=9"], Some(2)),
            (&["wait"], None),
            (&["wait=-1"], None),
            (&["wait=soon, wait=1"], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(PREFER, value.parse().expect("a header"));
            }
            assert_eq!(preferred(&headers), expected, "{values:?}");
        }
    }
}
