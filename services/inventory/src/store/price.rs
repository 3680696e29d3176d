//! Past and current prices of products.

use std::collections::HashMap;

use chassis::db::Statement;
use rusqlite::Connection;
use shop_api::{Money, Sku};

use super::{money, sku};

/// The price of one product at one time.
pub const CURRENT: Statement = Statement {
    summary: "SELECT price",
    text: "SELECT amount_minor, currency FROM price WHERE sku = ?1 AND valid_from <= ?2 \
           ORDER BY valid_from DESC LIMIT 1",
};

/// The prices of the first products at one time.
pub const FIRST: Statement = Statement {
    summary: "SELECT price",
    // SQLite takes the other columns from the row with the maximum.
    text: "SELECT sku, amount_minor, currency, max(valid_from) FROM price \
           WHERE sku <= ?1 AND valid_from <= ?2 GROUP BY sku",
};

/// One new price.
pub const INSERT: Statement = Statement {
    summary: "INSERT price",
    text: "INSERT INTO price (sku, valid_from, amount_minor, currency) \
           SELECT sku, ?2, ?3, ?4 FROM product WHERE sku = ?1",
};

/// A supplier's new prices for a range of products: near the list price, by a given spread.
pub const FEED: Statement = Statement {
    summary: "INSERT price",
    text: "INSERT INTO price (sku, valid_from, amount_minor, currency) \
           SELECT sku, ?3, list_price_minor * (85 + (id * 7 + ?4) % 21) / 100, currency \
           FROM product WHERE id BETWEEN ?1 AND ?2",
};

/// Products with prices after a row.
pub const CHANGED: Statement = Statement {
    summary: "SELECT price",
    text: "SELECT id, sku FROM price WHERE id > ?1 ORDER BY id LIMIT ?2",
};

/// The id of the newest row.
pub const NEWEST: Statement = Statement {
    summary: "SELECT price",
    text: "SELECT max(id) FROM price",
};

/// The price of a product at a time, in Unix milliseconds.
pub fn current(
    connection: &Connection,
    product: Sku,
    at_ms: i64,
) -> rusqlite::Result<Option<Money>> {
    let values = (product.to_string(), at_ms);
    CURRENT.one(connection, values, |row| money(row, 0, 1))
}

/// The prices of all products up to `last`, at a time in Unix milliseconds.
pub fn first(
    connection: &Connection,
    last: Sku,
    at_ms: i64,
) -> rusqlite::Result<HashMap<Sku, Money>> {
    let price = |row: &rusqlite::Row<'_>| Ok((sku(row, 0)?, money(row, 1, 2)?));
    FIRST.all(connection, (last.to_string(), at_ms), price)
}

/// Writes a new price; `false` if the product does not exist. The currency is stored as it is.
pub fn insert(
    connection: &Connection,
    product: Sku,
    amount_minor: i64,
    currency: &str,
    from_ms: i64,
) -> rusqlite::Result<bool> {
    let values = (product.to_string(), from_ms, amount_minor, currency);
    Ok(INSERT.execute(connection, values)? == 1)
}

/// Writes new prices for the products from number `first` to `last`; returns how many.
pub fn feed(
    connection: &Connection,
    first: u32,
    last: u32,
    from_ms: i64,
    spread: u32,
) -> rusqlite::Result<usize> {
    FEED.execute(connection, (first, last, from_ms, spread))
}

/// The id of the newest row, or 0. Rows are never deleted, so it is also the number of rows.
pub fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    let newest: Option<i64> = connection
        .prepare_cached(NEWEST.text)?
        .query_row((), |row| row.get(0))?;
    Ok(newest.unwrap_or(0))
}

/// The last row read, and the products with prices after row `after`.
pub fn changed(
    connection: &Connection,
    after: i64,
    limit: u32,
) -> rusqlite::Result<(i64, Vec<Sku>)> {
    let mut statement = connection.prepare_cached(CHANGED.text)?;
    let mut rows = statement.query((after, limit))?;
    let (mut last, mut products) = (after, Vec::new());
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        products.push(sku(row, 1)?);
    }
    Ok((last, products))
}
