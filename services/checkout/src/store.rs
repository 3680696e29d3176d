//! Checkout's database: carts, attempts, orders, messages.

pub mod attempt;
pub mod cart;
pub mod order;
pub mod outbox;

use rusqlite::{Connection, TransactionBehavior};

/// The database's file name in a service's folder.
pub const FILE: &str = "checkout.sqlite";

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS cart (
        cart TEXT PRIMARY KEY,
        lines TEXT NOT NULL,
        changed_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS cart_by_age ON cart (changed_ms);
    CREATE TABLE IF NOT EXISTS attempt (
        key TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        order_id TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('open', 'failed', 'done')),
        begun_ms INTEGER NOT NULL,
        response TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS orders (
        order_id TEXT PRIMARY KEY,
        cart TEXT NOT NULL,
        email TEXT,
        status TEXT NOT NULL CHECK (status IN ('placed', 'confirmed')),
        lines TEXT NOT NULL,
        total_minor INTEGER NOT NULL,
        currency TEXT NOT NULL,
        placed_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS outbox (
        id INTEGER PRIMARY KEY,
        topic TEXT NOT NULL,
        payload TEXT NOT NULL,
        order_id TEXT NOT NULL,
        traceparent TEXT,
        attempts INTEGER NOT NULL DEFAULT 0,
        created_ms INTEGER NOT NULL,
        due_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS outbox_by_due ON outbox (due_ms);
    CREATE TABLE IF NOT EXISTS dead_letter (
        id INTEGER PRIMARY KEY,
        topic TEXT NOT NULL,
        payload TEXT NOT NULL,
        order_id TEXT NOT NULL,
        traceparent TEXT,
        attempts INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        ended_ms INTEGER NOT NULL,
        last_error TEXT NOT NULL
    ) STRICT;
";

/// Creates the tables if they do not exist.
pub fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    // Stored in the file, so that two releases that overlap in a deploy both use it.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    transaction.commit()
}

/// Reads JSON from a text column.
fn json<T: serde::de::DeserializeOwned>(
    row: &rusqlite::Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            Box::new(error),
        )
    })
}

/// Writes a value as JSON for a text column.
fn text<T: serde::Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}
