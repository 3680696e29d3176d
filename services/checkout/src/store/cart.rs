//! Carts.

use chassis::db::Statement;
use rusqlite::Connection;
use shop_api::cart::Line;

use super::{json, text};

/// Creates or replaces a cart.
pub const PUT: Statement = Statement {
    summary: "INSERT cart",
    text: "INSERT OR REPLACE INTO cart (cart, lines, changed_ms) VALUES (?1, ?2, ?3)",
};

/// One cart.
pub const GET: Statement = Statement {
    summary: "SELECT cart",
    text: "SELECT lines FROM cart WHERE cart = ?1",
};

/// Deletes a cart that became an order.
pub const REMOVE: Statement = Statement {
    summary: "DELETE cart",
    text: "DELETE FROM cart WHERE cart = ?1",
};

/// Deletes expired carts.
pub const EXPIRE: Statement = Statement {
    summary: "DELETE cart",
    text: "DELETE FROM cart WHERE cart IN (SELECT cart FROM cart WHERE changed_ms <= ?1 LIMIT ?2)",
};

/// The number of carts by age.
pub const AGES: Statement = Statement {
    summary: "SELECT cart ages",
    text: "SELECT (?1 - changed_ms) / 60000 AS minutes, count(*) FROM cart GROUP BY minutes",
};

/// Creates or replaces the lines of a cart.
pub fn put(
    connection: &Connection,
    cart: &str,
    lines: &[Line],
    now_ms: i64,
) -> rusqlite::Result<()> {
    PUT.execute(connection, (cart, text(&lines)?, now_ms))
        .map(drop)
}

/// The lines of a cart.
pub fn get(connection: &Connection, cart: &str) -> rusqlite::Result<Option<Vec<Line>>> {
    GET.one(connection, [cart], |row| json(row, 0))
}

/// Deletes a cart.
pub fn remove(connection: &Connection, cart: &str) -> rusqlite::Result<()> {
    REMOVE.execute(connection, [cart]).map(drop)
}

/// Deletes at most `limit` carts that have not changed since `before_ms`; returns how many.
pub fn expire(connection: &Connection, before_ms: i64, limit: u32) -> rusqlite::Result<usize> {
    EXPIRE.execute(connection, (before_ms, limit))
}

/// Minutes since the last change, and how many carts have that age.
pub fn ages(connection: &Connection, now_ms: i64) -> rusqlite::Result<Vec<(i64, u32)>> {
    AGES.all(connection, [now_ms], |row| Ok((row.get(0)?, row.get(1)?)))
}
