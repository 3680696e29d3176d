//! The one request that crosses all three services: an order of a cart that was filled before.
//!
//! ```text
//! POST /v1/orders -> gateway -> checkout -> inventory (+ payment)
//! ```

use std::io;

use crate::wire::Connection;

/// Fills a cart with two products that `number`, from 1, chooses; says whether it was accepted.
pub(crate) fn fill(connection: &mut Connection, cart: &str, number: u64) -> io::Result<bool> {
    // Steps that are coprime with the number of products: every order takes other stock.
    let sku = |step: u64| 1 + number.wrapping_mul(step) % 200_000;
    let body = format!(
        r#"{{"lines":[{{"sku":"sku-{:06}","quantity":1}},{{"sku":"sku-{:06}","quantity":1}}]}}"#,
        sku(7_919),
        sku(104_729)
    );
    let path = format!("/v1/carts/{cart}");
    let (status, _) = connection.call("PUT", &path, &client(number), &body)?;
    Ok(status == 200)
}

/// Orders the cart; says whether the order was placed. `headers` are whole lines.
pub(crate) fn place(
    connection: &mut Connection,
    cart: &str,
    number: u64,
    headers: &str,
) -> io::Result<bool> {
    let headers = format!("{}idempotency-key: {cart}\r\n{headers}", client(number));
    let body = format!(r#"{{"cart":"{cart}"}}"#);
    let (status, _) = connection.call("POST", "/v1/orders", &headers, &body)?;
    Ok((200..300).contains(&status))
}

/// Many clients, so that none meets its rate limit.
fn client(number: u64) -> String {
    format!("x-client-id: figures-{}\r\n", number % 100)
}
