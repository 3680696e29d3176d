//! Orders.

use chassis::db::Statement;
use rusqlite::Connection;
use shop_api::{
    Currency, Money,
    order::{Order, Status},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{json, text};

/// A new order.
pub const INSERT: Statement = Statement {
    summary: "INSERT orders",
    text: "INSERT INTO orders (order_id, cart, email, status, lines, total_minor, currency, placed_ms) \
           VALUES (?1, ?2, ?3, 'placed', ?4, ?5, ?6, ?7)",
};

/// One order.
pub const GET: Statement = Statement {
    summary: "SELECT orders",
    text: "SELECT order_id, cart, status, lines, total_minor, currency, placed_ms FROM orders WHERE order_id = ?1",
};

/// Confirms an order.
pub const CONFIRM: Statement = Statement {
    summary: "UPDATE orders",
    text: "UPDATE orders SET status = 'confirmed' WHERE order_id = ?1",
};

/// Stores a new order.
pub fn insert(
    connection: &Connection,
    order: &Order,
    email: Option<&str>,
    placed_ms: i64,
) -> rusqlite::Result<()> {
    let total = order.total;
    let lines = text(&order.lines)?;
    let values = (
        &order.order,
        &order.cart,
        email,
        lines,
        total.amount_minor,
        total.currency.code(),
        placed_ms,
    );
    INSERT.execute(connection, values).map(drop)
}

/// One order by its id.
pub fn get(connection: &Connection, id: &str) -> rusqlite::Result<Option<Order>> {
    GET.one(connection, [id], read)
}

/// Records that the warehouse has accepted an order.
pub fn confirm(connection: &Connection, id: &str) -> rusqlite::Result<()> {
    CONFIRM.execute(connection, [id]).map(drop)
}

/// Unix milliseconds as RFC 3339 in UTC.
pub fn timestamp(at_ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms) * 1_000_000)
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Order> {
    let code = row.get_ref(5)?.as_str()?;
    let currency = Currency::from_code(code).unwrap_or_default();
    let status = match row.get_ref(2)?.as_str()? {
        "confirmed" => Status::Confirmed,
        _ => Status::Placed,
    };
    Ok(Order {
        order: row.get(0)?,
        cart: row.get(1)?,
        status,
        lines: json(row, 3)?,
        total: Money {
            amount_minor: row.get(4)?,
            currency,
        },
        placed_at: timestamp(row.get(6)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_rfc_3339_in_utc() {
        for (at_ms, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_735_689_600_250, "2025-01-01T00:00:00.25Z"),
        ] {
            assert_eq!(timestamp(at_ms), expected);
        }
    }
}
