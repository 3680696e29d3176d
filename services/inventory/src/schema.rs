//! The schema as a numbered list of migrations, each of which can be reverted.
//!
//! The settings of a release name its schema level; at start the database is migrated to it, up or down, in one
//! transaction. The level is stored in `PRAGMA user_version`, which is part of that transaction.

use rusqlite::{Connection, TransactionBehavior};

/// The migration between two adjacent levels.
struct Step {
    /// From the previous level to this one.
    up: &'static str,
    /// From this level to the previous one.
    down: &'static str,
}

/// The level of a new database.
pub const BASE: u32 = 1;
/// The highest level.
pub const LATEST: u32 = STEPS.len() as u32;

/// Step `n` leads to level `n + 1`.
const STEPS: [Step; 3] = [
    Step {
        up: BASE_TABLES,
        down: "",
    },
    // Whether a price came from a supplier or a person. SQLite cannot add a checked column in place, so the table is rebuilt.
    Step {
        up: "CREATE TABLE price_next (
                 id INTEGER PRIMARY KEY,
                 sku TEXT NOT NULL,
                 valid_from INTEGER NOT NULL,
                 amount_minor INTEGER NOT NULL,
                 currency TEXT NOT NULL,
                 source TEXT NOT NULL DEFAULT 'supplier' CHECK (source IN ('supplier', 'manual'))
             ) STRICT;
             INSERT INTO price_next (id, sku, valid_from, amount_minor, currency)
                 SELECT id, sku, valid_from, amount_minor, currency FROM price;
             DROP TABLE price;
             ALTER TABLE price_next RENAME TO price;",
        down: "CREATE TABLE price_next (
                   id INTEGER PRIMARY KEY,
                   sku TEXT NOT NULL,
                   valid_from INTEGER NOT NULL,
                   amount_minor INTEGER NOT NULL,
                   currency TEXT NOT NULL
               ) STRICT;
               INSERT INTO price_next SELECT id, sku, valid_from, amount_minor, currency FROM price;
               DROP TABLE price;
               ALTER TABLE price_next RENAME TO price;
               CREATE INDEX price_by_sku ON price (sku, valid_from);",
    },
    Step {
        up: "CREATE INDEX IF NOT EXISTS price_by_sku ON price (sku, valid_from);",
        down: "DROP INDEX IF EXISTS price_by_sku;",
    },
];

const BASE_TABLES: &str = "
    CREATE TABLE family (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        category TEXT NOT NULL,
        description TEXT NOT NULL
    ) STRICT;
    CREATE TABLE product (
        id INTEGER PRIMARY KEY,
        sku TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        family_id INTEGER NOT NULL REFERENCES family (id),
        list_price_minor INTEGER NOT NULL,
        currency TEXT NOT NULL
    ) STRICT;
    CREATE VIRTUAL TABLE product_search USING fts5 (name, content = '', detail = none, columnsize = 0);
    CREATE TABLE price (
        id INTEGER PRIMARY KEY,
        sku TEXT NOT NULL,
        valid_from INTEGER NOT NULL,
        amount_minor INTEGER NOT NULL,
        currency TEXT NOT NULL
    ) STRICT;
    CREATE INDEX price_by_sku ON price (sku, valid_from);
    CREATE TABLE price_list (
        id INTEGER PRIMARY KEY,
        source TEXT NOT NULL,
        first_price INTEGER NOT NULL,
        last_price INTEGER NOT NULL,
        reverted_ms INTEGER
    ) STRICT;
    CREATE TABLE stock (
        sku TEXT PRIMARY KEY,
        on_hand INTEGER NOT NULL,
        reserved INTEGER NOT NULL DEFAULT 0,
        CHECK (reserved >= 0 AND reserved <= on_hand)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE reservation (
        reservation_id TEXT PRIMARY KEY,
        state TEXT NOT NULL CHECK (state IN ('reserved', 'shipped', 'released')),
        hold TEXT NOT NULL,
        changed_ms INTEGER NOT NULL,
        expires_ms INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX reservation_by_expiry ON reservation (state, expires_ms);
    CREATE TABLE reservation_line (
        reservation_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        sku TEXT NOT NULL,
        quantity INTEGER NOT NULL,
        price_minor INTEGER NOT NULL,
        currency TEXT NOT NULL,
        PRIMARY KEY (reservation_id, position)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE lease (
        name TEXT PRIMARY KEY,
        holder TEXT NOT NULL,
        expires_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// Why a migration failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings or the database have a level that this program does not know.
    #[error("schema level {level} is not between {BASE} and {LATEST}")]
    UnknownLevel {
        /// The unknown level.
        level: u32,
    },
    /// SQLite rejected a step.
    #[error("failed to migrate the schema from level {from} to {to}: {source}")]
    Step {
        /// Level before the migration.
        from: u32,
        /// Target level.
        to: u32,
        /// SQLite's error.
        source: rusqlite::Error,
    },
}

/// Migrates the database to `level`; returns its previous level.
pub fn migrate(connection: &mut Connection, level: u32) -> Result<u32, Error> {
    if !(BASE..=LATEST).contains(&level) {
        return Err(Error::UnknownLevel { level });
    }
    let from = |source| Error::Step {
        from: 0,
        to: level,
        source,
    };
    // Locked at once, so that of two replicas that start together only one migrates.
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(from)?;
    let found: u32 = transaction
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(from)?;
    if found > LATEST {
        return Err(Error::UnknownLevel { level: found });
    }
    let failed = |source| Error::Step {
        from: found,
        to: level,
        source,
    };
    for sql in plan(found, level) {
        transaction.execute_batch(sql).map_err(failed)?;
    }
    if found != level {
        transaction
            .pragma_update(None, "user_version", level)
            .map_err(failed)?;
    }
    transaction.commit().map_err(failed)?;
    Ok(found)
}

/// The statements that lead from one level to another, in order.
fn plan(from: u32, to: u32) -> Vec<&'static str> {
    let (from, to) = (from as usize, to as usize);
    if from <= to {
        STEPS[from..to].iter().map(|step| step.up).collect()
    } else {
        STEPS[to..from].iter().rev().map(|step| step.down).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::price;

    /// How SQLite would look up the price of one product.
    fn lookup(connection: &Connection) -> String {
        let sql = format!("EXPLAIN QUERY PLAN {}", price::CURRENT.text);
        connection
            .query_row(&sql, ("sku-000001", 0), |row| row.get("detail"))
            .expect("the statement is valid")
    }

    #[test]
    fn the_schema_level_decides_whether_the_price_lookup_searches_or_scans() {
        let mut connection = Connection::open_in_memory().expect("a database in memory");
        for (level, expected) in [
            (1, "SEARCH"),
            (2, "SCAN"),
            (1, "SEARCH"),
            (3, "SEARCH"),
            (2, "SCAN"),
            (1, "SEARCH"),
        ] {
            migrate(&mut connection, level).expect("every migration succeeds");
            let plan = lookup(&connection);
            assert!(plan.starts_with(expected), "level {level}: {plan}");
        }
    }

    #[test]
    fn migrations_keep_rows_and_ids() {
        let mut connection = Connection::open_in_memory().expect("a database in memory");
        migrate(&mut connection, 1).expect("the tables are created");
        let insert = "INSERT INTO price VALUES (41, 'sku-000001', 5, 1299, 'EUR')";
        connection.execute(insert, ()).expect("the row is inserted");
        for level in [2, 3, 1] {
            migrate(&mut connection, level).expect("the migration succeeds");
            let row: (i64, i64) = connection
                .query_row("SELECT id, amount_minor FROM price", (), |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .expect("the row is still there");
            assert_eq!(row, (41, 1299), "level {level}");
        }
    }

    #[test]
    fn an_unknown_level_is_rejected() {
        let mut connection = Connection::open_in_memory().expect("a database in memory");
        for level in [0, LATEST + 1] {
            assert!(
                matches!(
                    migrate(&mut connection, level),
                    Err(Error::UnknownLevel { .. })
                ),
                "{level}"
            );
        }
    }
}
