//! Leases: one process at a time does a job that all replicas could do.

use chassis::db::Statement;
use rusqlite::Connection;

/// Takes a lease that is free, expired, or already the caller's.
pub const TAKE: Statement = Statement {
    summary: "INSERT lease",
    text: "INSERT INTO lease (name, holder, expires_ms) VALUES (?1, ?2, ?4) \
           ON CONFLICT (name) DO UPDATE SET holder = ?2, expires_ms = ?4 WHERE holder = ?2 OR expires_ms <= ?3",
};

/// Takes a turn from another replica, or one that has been over for a whole turn.
pub const TAKE_TURN: Statement = Statement {
    summary: "INSERT lease",
    text: "INSERT INTO lease (name, holder, expires_ms) VALUES (?1, ?2, ?3 + ?4) \
           ON CONFLICT (name) DO UPDATE SET holder = ?2, expires_ms = ?3 + ?4 \
           WHERE expires_ms + ?4 <= ?3 OR (holder <> ?2 AND expires_ms <= ?3)",
};

/// Takes the turn `name` for `every_ms`. Then it is free for the other replicas, and after another `every_ms` for all.
pub fn take_turn(
    connection: &Connection,
    name: &str,
    holder: &str,
    now_ms: i64,
    every_ms: i64,
) -> rusqlite::Result<bool> {
    let taken = TAKE_TURN.execute(connection, (name, holder, now_ms, every_ms))?;
    Ok(taken == 1)
}

/// Takes or renews the lease `name` for `holder` until `until_ms`; `false` if another process has it.
pub fn take(
    connection: &Connection,
    name: &str,
    holder: &str,
    now_ms: i64,
    until_ms: i64,
) -> rusqlite::Result<bool> {
    let taken = TAKE.execute(connection, (name, holder, now_ms, until_ms))?;
    Ok(taken == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn replicas_take_turns_and_a_single_one_waits_twice_as_long() {
        let mut connection = Connection::open_in_memory().expect("a database in memory");
        schema::migrate(&mut connection, schema::BASE).expect("the tables are created");
        for (holder, now_ms, expected) in [
            ("a", 0, true),
            ("b", 9, false),
            ("a", 10, false),
            ("b", 10, true),
            ("b", 20, false),
            ("a", 21, true),
            ("a", 40, false),
            ("a", 41, true),
        ] {
            let taken =
                take_turn(&connection, "limits", holder, now_ms, 10).expect("the table exists");
            assert_eq!(taken, expected, "{holder} at {now_ms}");
        }
    }

    #[test]
    fn a_lease_has_one_holder_until_it_expires() {
        let mut connection = Connection::open_in_memory().expect("a database in memory");
        schema::migrate(&mut connection, schema::BASE).expect("the tables are created");
        for (holder, now_ms, expected) in [
            ("a", 0, true),
            ("b", 5, false),
            ("a", 9, true),
            ("b", 15, false),
            ("b", 19, true),
            ("a", 20, false),
        ] {
            let taken =
                take(&connection, "feed", holder, now_ms, now_ms + 10).expect("the table exists");
            assert_eq!(taken, expected, "{holder} at {now_ms}");
        }
    }
}
