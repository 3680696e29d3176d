//! Imported price lists, and which rows of the price table each of them is.

use chassis::db::Statement;
use rusqlite::{Connection, OptionalExtension as _};
use serde::Deserialize;
use shop_api::Sku;

use super::price;

/// A list that was imported.
pub const INSERT: Statement = Statement {
    summary: "INSERT price_list",
    text: "INSERT INTO price_list (source, first_price, last_price) VALUES (?1, ?2, ?3)",
};

/// The newest list that was not reverted.
pub const NEWEST: Statement = Statement {
    summary: "SELECT price_list",
    text: "SELECT id, source, first_price, last_price FROM price_list WHERE reverted_ms IS NULL \
           ORDER BY id DESC LIMIT 1",
};

/// A list that is not in force any more.
pub const REVERTED: Statement = Statement {
    summary: "UPDATE price_list",
    text: "UPDATE price_list SET reverted_ms = ?2 WHERE id = ?1",
};

/// The prices from before a list, from now on, but for products that got a newer one since. One that had none has its list
/// price.
pub const RESTORE: Statement = Statement {
    summary: "INSERT price",
    // SQLite takes the other columns from the row with the maximum.
    text: "INSERT INTO price (sku, valid_from, amount_minor, currency) \
           WITH listed AS (SELECT sku FROM price WHERE id BETWEEN ?1 AND ?2), \
           newer AS (SELECT sku FROM price WHERE id > ?2), \
           earlier AS (SELECT sku, amount_minor, currency, max(valid_from) FROM price \
                       WHERE sku IN listed AND id < ?1 GROUP BY sku) \
           SELECT sku, ?3, coalesce(earlier.amount_minor, list_price_minor), \
                  coalesce(earlier.currency, product.currency) \
           FROM product LEFT JOIN earlier USING (sku) WHERE sku IN listed AND sku NOT IN newer",
};

/// One price of a list, as the other system wrote it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// The product.
    pub sku: Sku,
    /// In minor units.
    pub amount_minor: i64,
    /// The currency's code.
    pub currency: String,
}

/// A list that is in force.
struct List {
    id: i64,
    source: String,
    first: i64,
    last: i64,
}

fn in_force(connection: &Connection) -> rusqlite::Result<Option<List>> {
    let list = |row: &rusqlite::Row<'_>| {
        Ok(List {
            id: row.get(0)?,
            source: row.get(1)?,
            first: row.get(2)?,
            last: row.get(3)?,
        })
    };
    let mut statement = connection.prepare_cached(NEWEST.text)?;
    statement.query_row((), list).optional()
}

/// Stores a list, valid from a time in Unix milliseconds; gives the number of its prices, of which those of unknown products
/// are left out. The newest list is not stored twice.
pub fn import(
    connection: &Connection,
    source: &str,
    prices: &[Listed],
    from_ms: i64,
) -> rusqlite::Result<usize> {
    if in_force(connection)?.is_some_and(|list| list.source == source) {
        return Ok(0);
    }
    let before = price::newest(connection)?;
    let mut count = 0;
    for price in prices {
        let is_known = price::insert(
            connection,
            price.sku,
            price.amount_minor,
            &price.currency,
            from_ms,
        )?;
        count += usize::from(is_known);
    }
    if count > 0 {
        let after = price::newest(connection)?;
        INSERT.execute(connection, (source, before + 1, after))?;
    }
    Ok(count)
}

/// Restores the prices from before the newest list; gives its source and how many prices, or `None` without such a list.
pub fn revert(connection: &Connection, now_ms: i64) -> rusqlite::Result<Option<(String, usize)>> {
    let Some(list) = in_force(connection)? else {
        return Ok(None);
    };
    let count = RESTORE.execute(connection, (list.first, list.last, now_ms))?;
    REVERTED.execute(connection, (list.id, now_ms))?;
    Ok(Some((list.source, count)))
}
