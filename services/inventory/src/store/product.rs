//! The catalogue: list, search, read one product.

use chassis::db::Statement;
use rusqlite::{Connection, Row};
use shop_api::{Sku, product::Summary};

use super::{money, sku};

/// A page of the whole catalogue. Ids are dense and follow popularity, so a page is a range of them.
pub const LIST: Statement = Statement {
    summary: "SELECT product",
    text: "SELECT p.sku, p.name, f.category, f.description, p.list_price_minor, p.currency \
           FROM product p JOIN family f ON f.id = p.family_id \
           WHERE p.id > ?1 ORDER BY p.id LIMIT ?2",
};

/// A page of the products whose name has every word.
pub const SEARCH: Statement = Statement {
    summary: "SELECT product_search",
    text: "SELECT p.sku, p.name, f.category, f.description, p.list_price_minor, p.currency \
           FROM product_search s JOIN product p ON p.id = s.rowid JOIN family f ON f.id = p.family_id \
           WHERE product_search MATCH ?1 ORDER BY s.rowid LIMIT ?2 OFFSET ?3",
};

/// One product with its family and stock.
pub const ONE: Statement = Statement {
    summary: "SELECT product",
    text: "SELECT p.sku, p.name, f.category, f.description, p.list_price_minor, p.currency, s.on_hand - s.reserved \
           FROM product p JOIN family f ON f.id = p.family_id JOIN stock s ON s.sku = p.sku WHERE p.sku = ?1",
};

/// The most popular products, with the columns of [`ONE`].
pub const FIRST: Statement = Statement {
    summary: "SELECT product",
    text: "SELECT p.sku, p.name, f.category, f.description, p.list_price_minor, p.currency, s.on_hand - s.reserved \
           FROM product p JOIN family f ON f.id = p.family_id JOIN stock s ON s.sku = p.sku WHERE p.id <= ?1",
};

/// Maximum number of words in a search; further words are ignored.
const MAX_WORDS: usize = 6;
/// Maximum length of a word in characters; the rest is ignored.
const MAX_WORD_CHARS: usize = 32;

/// A page of the catalogue: `limit` products after the first `skip`.
pub fn list(connection: &Connection, skip: u32, limit: u32) -> rusqlite::Result<Vec<Summary>> {
    LIST.all(connection, (skip, limit), summary)
}

/// A page of the products that match an expression of [`expression`].
pub fn search(
    connection: &Connection,
    matching: &str,
    skip: u32,
    limit: u32,
) -> rusqlite::Result<Vec<Summary>> {
    SEARCH.all(connection, (matching, limit, skip), summary)
}

/// One product without its current price, and whether it is in stock.
pub fn one(connection: &Connection, product: Sku) -> rusqlite::Result<Option<(Summary, bool)>> {
    ONE.one(connection, [product.to_string()], with_stock)
}

/// The `count` most popular products, as [`one`] returns them.
pub fn first(connection: &Connection, count: u32) -> rusqlite::Result<Vec<(Summary, bool)>> {
    FIRST.all(connection, [count], with_stock)
}

/// A full text expression that matches names with a word for each prefix in the query; `None` if the query has no word.
pub fn expression(query: &str) -> Option<String> {
    let words = query
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(MAX_WORDS);
    let terms: Vec<String> = words
        .map(|word| {
            let word: String = word.chars().take(MAX_WORD_CHARS).collect();
            // Quoted, so that `NOT` is a word and not an operator.
            format!("\"{word}\"*")
        })
        .collect();
    if terms.is_empty() {
        None
    } else {
        Some(terms.join(" "))
    }
}

fn with_stock(row: &Row<'_>) -> rusqlite::Result<(Summary, bool)> {
    let free: i64 = row.get(6)?;
    Ok((summary(row)?, free > 0))
}

fn summary(row: &Row<'_>) -> rusqlite::Result<Summary> {
    Ok(Summary {
        sku: sku(row, 0)?,
        name: row.get(1)?,
        category: row.get(2)?,
        description: row.get(3)?,
        list_price: money(row, 4, 5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_becomes_a_list_of_quoted_prefixes() {
        for (query, expected) in [
            ("copper kettle", Some("\"copper\"* \"kettle\"*")),
            ("cop", Some("\"cop\"*")),
            (" NOT \"x* OR y:", Some("\"NOT\"* \"x\"* \"OR\"* \"y\"*")),
            ("", None),
            ("*\"-", None),
        ] {
            assert_eq!(expression(query).as_deref(), expected, "{query}");
        }
    }
}
