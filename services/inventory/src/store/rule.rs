//! The product ranges of the purchase limits.

use chassis::db::Statement;
use rusqlite::Connection;

use crate::settings::RuleSelect;

/// All ranges, of five thousand products each.
pub const LIST: Statement = Statement {
    summary: "SELECT product",
    text: "WITH range (first) AS (SELECT 1 UNION ALL \
               SELECT first + 5000 FROM range WHERE first + 5000 <= (SELECT max(id) FROM product)) \
           SELECT first, first + 4999, 99 FROM range",
};

/// Ranges with products in stock, judged by their first products.
pub const STOCKED: Statement = Statement {
    summary: "SELECT product",
    text: "WITH range (first) AS (SELECT 1 UNION ALL \
               SELECT first + 5000 FROM range WHERE first + 5000 <= (SELECT max(id) FROM product)) \
           SELECT first, first + 4999, 99 FROM range \
           JOIN product ON product.id BETWEEN first AND first + 2 \
           JOIN stock ON stock.sku = product.sku AND stock.on_hand > 0",
};

/// First product, last product and limit of each range.
pub fn list(connection: &Connection, select: RuleSelect) -> rusqlite::Result<Vec<(u32, u32, u32)>> {
    let statement = match select {
        RuleSelect::All => LIST,
        RuleSelect::Stocked => STOCKED,
    };
    statement.all(connection, (), |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })
}
