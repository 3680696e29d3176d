//! The inventory's database: its creation, and all its statements.

pub mod lease;
pub mod price;
pub mod price_list;
pub mod product;
pub mod reservation;
pub mod rule;
mod template;

use shop_api::{Currency, Money};

pub use template::{Error, Size, prepare, prepare_with};

/// The database's file name in a service's folder.
pub const FILE: &str = "inventory.sqlite";

/// Version of the prepared database; changes whenever the same seed gives a different database.
pub const VERSION: u32 = 4;

/// Reads an amount and a currency from two columns.
fn money(row: &rusqlite::Row<'_>, amount: usize, currency: usize) -> rusqlite::Result<Money> {
    let code = row.get_ref(currency)?.as_str()?;
    let known = Currency::from_code(code).ok_or_else(|| {
        let error = format!("`{code}` is not a currency of the shop").into();
        rusqlite::Error::FromSqlConversionFailure(currency, rusqlite::types::Type::Text, error)
    })?;
    Ok(Money {
        amount_minor: row.get(amount)?,
        currency: known,
    })
}

/// Reads a SKU from a column.
fn sku(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<shop_api::Sku> {
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|error: shop_api::sku::ParseSkuError| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            Box::new(error),
        )
    })
}
