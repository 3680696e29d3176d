//! The schema as a numbered list of steps, each with a way back.
//!
//! A release names the level that it works with; at boot the database is brought there, up or down, in one
//! transaction. The level is kept in `PRAGMA user_version`, which is part of that transaction.

use rusqlite::{Connection, TransactionBehavior};

/// One step between two neighbouring levels.
struct Step {
    /// From the level below to this one.
    up: &'static str,
    /// From this level to the one below.
    down: &'static str,
}

/// The level of a new database.
pub const BASE: u32 = 1;
/// The highest level there is a step for.
pub const LATEST: u32 = STEPS.len() as u32;

/// Step `n` leads to level `n + 1`.
const STEPS: [Step; 3] = [
    Step {
        up: BASE_TABLES,
        down: "",
    },
    // Which supplier or person a price came from. SQLite cannot add a checked column in place, so the table is rebuilt.
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
    CREATE TABLE stock (
        sku TEXT PRIMARY KEY,
        on_hand INTEGER NOT NULL,
        reserved INTEGER NOT NULL DEFAULT 0,
        CHECK (reserved >= 0 AND reserved <= on_hand)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE reservation (
        order_id TEXT PRIMARY KEY,
        state TEXT NOT NULL CHECK (state IN ('open', 'final', 'released')),
        hold TEXT NOT NULL,
        changed_ms INTEGER NOT NULL,
        expires_ms INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX reservation_by_expiry ON reservation (state, expires_ms);
    CREATE TABLE reservation_line (
        order_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        sku TEXT NOT NULL,
        quantity INTEGER NOT NULL,
        price_minor INTEGER NOT NULL,
        currency TEXT NOT NULL,
        PRIMARY KEY (order_id, position)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE lease (
        name TEXT PRIMARY KEY,
        holder TEXT NOT NULL,
        expires_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// Why a database could not be brought to a level.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings or the file name a level that this program has no step for.
    #[error("schema level {level} is not between {BASE} and {LATEST}")]
    UnknownLevel {
        /// The level that was asked for or found.
        level: u32,
    },
    /// SQLite refused a step.
    #[error("a step from schema level {from} to {to} failed: {source}")]
    Step {
        /// Where the database was.
        from: u32,
        /// Where it was to go.
        to: u32,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

/// Brings the database to `level` and says from which level it came.
pub fn migrate(connection: &mut Connection, level: u32) -> Result<u32, Error> {
    if !(BASE..=LATEST).contains(&level) {
        return Err(Error::UnknownLevel { level });
    }
    let from = |source| Error::Step {
        from: 0,
        to: level,
        source,
    };
    // Taken at once, so that two replicas that boot together do one migration and not a half each.
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
    fn the_price_lookup_searches_or_scans_by_the_level_on_every_way_there() {
        let mut connection = Connection::open_in_memory().expect("memory is a database");
        for (level, expected) in [
            (1, "SEARCH"),
            (2, "SCAN"),
            (1, "SEARCH"),
            (3, "SEARCH"),
            (2, "SCAN"),
            (1, "SEARCH"),
        ] {
            migrate(&mut connection, level).expect("every level can be reached from every other");
            let plan = lookup(&connection);
            assert!(plan.starts_with(expected), "level {level}: {plan}");
        }
    }

    #[test]
    fn rows_and_their_ids_survive_the_way_up_and_down() {
        let mut connection = Connection::open_in_memory().expect("memory is a database");
        migrate(&mut connection, 1).expect("the base is made");
        let insert = "INSERT INTO price VALUES (41, 'sku-000001', 5, 1299, 'EUR')";
        connection.execute(insert, ()).expect("a row goes in");
        for level in [2, 3, 1] {
            migrate(&mut connection, level).expect("the way is known");
            let row: (i64, i64) = connection
                .query_row("SELECT id, amount_minor FROM price", (), |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .expect("the row is still there");
            assert_eq!(row, (41, 1299), "level {level}");
        }
    }

    #[test]
    fn a_level_without_a_step_is_refused() {
        let mut connection = Connection::open_in_memory().expect("memory is a database");
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
