//! A lease: one process at a time does a job that all replicas could do.

use chassis::db::Statement;
use rusqlite::Connection;

/// Takes a lease that is free, over, or the caller's own.
pub const TAKE: Statement = Statement {
    summary: "INSERT lease",
    text: "INSERT INTO lease (name, holder, expires_ms) VALUES (?1, ?2, ?4) \
           ON CONFLICT (name) DO UPDATE SET holder = ?2, expires_ms = ?4 WHERE holder = ?2 OR expires_ms <= ?3",
};

/// Takes a turn that another one had, or that was had long ago.
pub const PASS: Statement = Statement {
    summary: "INSERT lease",
    text: "INSERT INTO lease (name, holder, expires_ms) VALUES (?1, ?2, ?3 + ?4) \
           ON CONFLICT (name) DO UPDATE SET holder = ?2, expires_ms = ?3 + ?4 \
           WHERE expires_ms + ?4 <= ?3 OR (holder <> ?2 AND expires_ms <= ?3)",
};

/// Takes the turn `name` for `every_ms`: when that is over the others may have it, and after as long again anybody.
pub fn pass(
    connection: &Connection,
    name: &str,
    holder: &str,
    now_ms: i64,
    every_ms: i64,
) -> rusqlite::Result<bool> {
    let taken = connection
        .prepare_cached(PASS.text)?
        .execute((name, holder, now_ms, every_ms))?;
    Ok(taken == 1)
}

/// Takes or keeps the lease `name` for `holder` until `until_ms`; `false` while another holds it.
pub fn take(
    connection: &Connection,
    name: &str,
    holder: &str,
    now_ms: i64,
    until_ms: i64,
) -> rusqlite::Result<bool> {
    let taken = connection
        .prepare_cached(TAKE.text)?
        .execute((name, holder, now_ms, until_ms))?;
    Ok(taken == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn turns_go_from_one_to_the_other_and_back_to_who_is_alone() {
        let mut connection = Connection::open_in_memory().expect("memory is a database");
        schema::migrate(&mut connection, schema::BASE).expect("the base is made");
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
                pass(&connection, "limits", holder, now_ms, 10).expect("the table is there");
            assert_eq!(taken, expected, "{holder} at {now_ms}");
        }
    }

    #[test]
    fn a_lease_has_one_holder_until_its_time_is_up() {
        let mut connection = Connection::open_in_memory().expect("memory is a database");
        schema::migrate(&mut connection, schema::BASE).expect("the base is made");
        for (holder, now_ms, expected) in [
            ("a", 0, true),
            ("b", 5, false),
            ("a", 9, true),
            ("b", 15, false),
            ("b", 19, true),
            ("a", 20, false),
        ] {
            let taken =
                take(&connection, "feed", holder, now_ms, now_ms + 10).expect("the table is there");
            assert_eq!(taken, expected, "{holder} at {now_ms}");
        }
    }
}
