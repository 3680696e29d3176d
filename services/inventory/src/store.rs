//! The inventory's database: how it is made, and every statement that is run on it.

pub mod lease;
pub mod price;
pub mod product;
pub mod reservation;
pub mod rule;
mod template;

use shop_api::{Currency, Money};

pub use template::{Error, Size, prepare, prepare_with};

/// The database's file name in a service's folder.
pub const FILE: &str = "inventory.sqlite";

/// Changes whenever the same seed would give another database; a prepared file is only good for its own version.
pub const VERSION: u32 = 2;

/// An amount and a currency as two columns in a row.
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

/// A SKU as a column in a row.
fn sku(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<shop_api::Sku> {
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|error: shop_api::sku::NotASku| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            Box::new(error),
        )
    })
}
