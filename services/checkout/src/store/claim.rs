//! Idempotency keys: who works on one, and what the answer was.
//!
//! ```text
//! (none) -> open -> done     the answer is kept and given again
//!            ^  \-> ended    no order came of it; the key may be used again for the same body
//!            \------/        also when an open one was left behind
//! ```

use chassis::db::{Statement, step};
use rusqlite::{Connection, OptionalExtension};

const GET: Statement = Statement {
    summary: "SELECT claim",
    text: "SELECT fingerprint, order_id, attempt, state, claimed_ms, answer FROM claim WHERE key = ?1",
};
const OPEN: Statement = Statement {
    summary: "INSERT claim",
    text: "INSERT OR REPLACE INTO claim (key, fingerprint, order_id, attempt, state, claimed_ms) \
           VALUES (?1, ?2, ?3, ?4, 'open', ?5)",
};
/// The key may be used again.
pub const END: Statement = Statement {
    summary: "UPDATE claim",
    text: "UPDATE claim SET state = 'ended' WHERE key = ?1 AND attempt = ?2 AND state = 'open'",
};
/// The order is stored; this is its answer.
pub const DONE: Statement = Statement {
    summary: "UPDATE claim",
    text: "UPDATE claim SET state = 'done', answer = ?3 WHERE key = ?1 AND attempt = ?2 AND state = 'open'",
};

/// A request that wants to place an order.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The caller's idempotency key.
    pub key: String,
    /// Tells one body from another.
    pub fingerprint: String,
    /// The id of the order, if the key is new.
    pub order: String,
    /// Unix milliseconds.
    pub now_ms: i64,
    /// A claim opened before this was left behind; Unix milliseconds.
    pub stale_ms: i64,
}

/// The right to work on a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The caller's idempotency key.
    pub key: String,
    /// The order's id, the same in every attempt.
    pub order: String,
    /// Counts from 1.
    pub attempt: u32,
}

impl Claim {
    /// The id under which this attempt reserves stock: an earlier attempt's release must not touch it.
    pub fn reservation(&self) -> String {
        match self.attempt {
            1 => self.order.clone(),
            attempt => format!("{}-{attempt}", self.order),
        }
    }
}

/// What was found under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The caller works on it.
    Mine(Claim),
    /// Somebody else works on it.
    InProgress,
    /// It was used for another body.
    OtherBody,
    /// It was answered with this.
    Answered(String),
}

/// Takes the right to work on a key, or says why not.
pub fn take(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Outcome> {
    let found = step(&GET, || {
        let row = |row: &rusqlite::Row<'_>| {
            let (fingerprint, order, attempt) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let (state, claimed_ms, answer) = (row.get(3)?, row.get(4)?, row.get(5)?);
            Ok(Found {
                fingerprint,
                order,
                attempt,
                state,
                claimed_ms,
                answer,
            })
        };
        connection
            .prepare_cached(GET.text)?
            .query_row([&wanted.key], row)
            .optional()
    })?;
    let (order, attempt) = match found {
        None => (wanted.order.clone(), 1),
        Some(found) if found.fingerprint != wanted.fingerprint => return Ok(Outcome::OtherBody),
        Some(Found {
            answer: Some(answer),
            ..
        }) => return Ok(Outcome::Answered(answer)),
        Some(found) if found.state == "open" && found.claimed_ms > wanted.stale_ms => {
            return Ok(Outcome::InProgress);
        }
        Some(found) => (found.order, found.attempt + 1),
    };
    step(&OPEN, || {
        let values = (
            &wanted.key,
            &wanted.fingerprint,
            &order,
            attempt,
            wanted.now_ms,
        );
        connection.prepare_cached(OPEN.text)?.execute(values)
    })?;
    Ok(Outcome::Mine(Claim {
        key: wanted.key.clone(),
        order,
        attempt,
    }))
}

/// Gives a key back: no order came of it.
pub fn end(connection: &Connection, claim: &Claim) -> rusqlite::Result<()> {
    step(&END, || {
        connection
            .prepare_cached(END.text)?
            .execute((&claim.key, claim.attempt))
            .map(drop)
    })
}

/// Keeps the answer of a key; `false` if the claim was taken over in the meantime.
pub fn done(connection: &Connection, claim: &Claim, answer: &str) -> rusqlite::Result<bool> {
    step(&DONE, || {
        Ok(connection
            .prepare_cached(DONE.text)?
            .execute((&claim.key, claim.attempt, answer))?
            == 1)
    })
}

struct Found {
    fingerprint: String,
    order: String,
    attempt: u32,
    state: String,
    claimed_ms: i64,
    answer: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    fn wanted(fingerprint: &str, now_ms: i64) -> Wanted {
        Wanted {
            key: "k".into(),
            fingerprint: fingerprint.into(),
            order: format!("o-{now_ms}"),
            now_ms,
            stale_ms: now_ms - 10,
        }
    }

    fn mine(attempt: u32) -> Outcome {
        Outcome::Mine(claim(attempt))
    }

    fn claim(attempt: u32) -> Claim {
        Claim {
            key: "k".into(),
            order: "o-0".into(),
            attempt,
        }
    }

    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().expect("memory is a database");
        store::prepare(&mut connection).expect("the tables are laid out");
        connection
    }

    #[test]
    fn a_key_has_one_worker_and_one_body() {
        let database = database();
        for (body, now_ms, expected) in [
            ("a", 0, mine(1)),
            ("a", 5, Outcome::InProgress),
            ("b", 6, Outcome::OtherBody),
            // Left behind by a process that is gone.
            ("a", 10, mine(2)),
            ("b", 30, Outcome::OtherBody),
        ] {
            assert_eq!(
                take(&database, &wanted(body, now_ms)),
                Ok(expected),
                "{body} at {now_ms}"
            );
        }
    }

    #[test]
    fn an_answered_key_is_answered_for_ever_and_an_ended_one_is_free() {
        let database = database();
        assert_eq!(take(&database, &wanted("a", 0)), Ok(mine(1)));
        end(&database, &claim(1)).expect("the table is there");
        assert_eq!(take(&database, &wanted("a", 1)), Ok(mine(2)));
        assert_eq!(
            done(&database, &claim(1), "late"),
            Ok(false),
            "the first attempt has lost its claim"
        );
        assert_eq!(done(&database, &claim(2), "{}"), Ok(true));
        assert_eq!(
            take(&database, &wanted("a", 99)),
            Ok(Outcome::Answered("{}".into()))
        );
        assert_eq!(take(&database, &wanted("b", 99)), Ok(Outcome::OtherBody));
    }

    #[test]
    fn attempts_reserve_under_names_of_their_own() {
        assert_eq!(
            (claim(1).reservation(), claim(2).reservation()),
            ("o-0".to_owned(), "o-0-2".to_owned())
        );
    }
}
