//! Attempts to place an order, by idempotency key.
//!
//! ```text
//! (none) -> open -> done      the response is stored and returned again
//!            ^  \-> failed    no order was placed; the key can be used again for the same request
//!            \------/         also after the timeout of an open attempt
//! ```

use chassis::db::{Statement, step};
use rusqlite::Connection;

const GET: Statement = Statement {
    summary: "SELECT attempt",
    text: "SELECT fingerprint, order_id, attempt, state, begun_ms, response FROM attempt WHERE key = ?1",
};
const OPEN: Statement = Statement {
    summary: "INSERT attempt",
    text: "INSERT OR REPLACE INTO attempt (key, fingerprint, order_id, attempt, state, begun_ms) \
           VALUES (?1, ?2, ?3, ?4, 'open', ?5)",
};
/// The attempt failed; the key can be used again.
pub const FAIL: Statement = Statement {
    summary: "UPDATE attempt",
    text: "UPDATE attempt SET state = 'failed' WHERE key = ?1 AND attempt = ?2 AND state = 'open'",
};
/// The order is stored with its response.
pub const COMPLETE: Statement = Statement {
    summary: "UPDATE attempt",
    text: "UPDATE attempt SET state = 'done', response = ?3 WHERE key = ?1 AND attempt = ?2 AND state = 'open'",
};

/// A request to place an order.
#[derive(Debug, Clone)]
pub struct KeyedRequest {
    /// The caller's idempotency key.
    pub key: String,
    /// Identifies the body.
    pub fingerprint: String,
    /// The id of the order, if the key is new.
    pub order: String,
    /// Unix milliseconds.
    pub now_ms: i64,
    /// An open attempt that began before this has timed out; Unix milliseconds.
    pub stale_ms: i64,
}

/// One attempt to place an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The caller's idempotency key.
    pub key: String,
    /// The order's id, the same in every attempt.
    pub order: String,
    /// Number of the attempt, from 1.
    pub number: u32,
}

impl Attempt {
    /// The id under which this attempt reserves stock. Each attempt has its own, so that the release of an earlier
    /// attempt does not affect it.
    pub fn reservation(&self) -> String {
        match self.number {
            1 => self.order.clone(),
            number => format!("{}-{number}", self.order),
        }
    }
}

/// How a request starts, depending on earlier requests with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// With a new attempt.
    New(Attempt),
    /// Not: another request with the key is in progress.
    InProgress,
    /// Not: the key was used for a different body.
    KeyReused,
    /// Not: the order was placed, with this response.
    Done(String),
}

/// Begins an attempt, unless an earlier request with the same key prevents it.
pub fn begin(connection: &Connection, request: &KeyedRequest) -> rusqlite::Result<Start> {
    let latest = step(&GET, || GET.one(connection, [&request.key], Row::read))?;
    let (order, number) = match latest {
        None => (request.order.clone(), 1),
        Some(row) if row.fingerprint != request.fingerprint => return Ok(Start::KeyReused),
        Some(Row {
            response: Some(response),
            ..
        }) => return Ok(Start::Done(response)),
        Some(row) if row.state == "open" && row.begun_ms > request.stale_ms => {
            return Ok(Start::InProgress);
        }
        Some(row) => (row.order, row.number + 1),
    };
    step(&OPEN, || {
        let values = (
            &request.key,
            &request.fingerprint,
            &order,
            number,
            request.now_ms,
        );
        OPEN.execute(connection, values)
    })?;
    Ok(Start::New(Attempt {
        key: request.key.clone(),
        order,
        number,
    }))
}

/// Ends an attempt without an order, so that the key can be used again.
pub fn fail(connection: &Connection, attempt: &Attempt) -> rusqlite::Result<()> {
    step(&FAIL, || {
        FAIL.execute(connection, (&attempt.key, attempt.number))
            .map(drop)
    })
}

/// Ends an attempt with an order and its response; `false` if a later attempt has taken over.
pub fn complete(
    connection: &Connection,
    attempt: &Attempt,
    response: &str,
) -> rusqlite::Result<bool> {
    step(&COMPLETE, || {
        Ok(COMPLETE.execute(connection, (&attempt.key, attempt.number, response))? == 1)
    })
}

/// The latest attempt of a key.
struct Row {
    fingerprint: String,
    order: String,
    number: u32,
    state: String,
    begun_ms: i64,
    response: Option<String>,
}

impl Row {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            fingerprint: row.get(0)?,
            order: row.get(1)?,
            number: row.get(2)?,
            state: row.get(3)?,
            begun_ms: row.get(4)?,
            response: row.get(5)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    fn request(fingerprint: &str, now_ms: i64) -> KeyedRequest {
        KeyedRequest {
            key: "k".into(),
            fingerprint: fingerprint.into(),
            order: format!("o-{now_ms}"),
            now_ms,
            stale_ms: now_ms - 10,
        }
    }

    fn attempt(number: u32) -> Attempt {
        Attempt {
            key: "k".into(),
            order: "o-0".into(),
            number,
        }
    }

    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().expect("a database in memory");
        store::prepare(&mut connection).expect("the tables are created");
        connection
    }

    #[test]
    fn a_key_has_one_open_attempt_and_one_body() {
        let database = database();
        for (body, now_ms, expected) in [
            ("a", 0, Start::New(attempt(1))),
            ("a", 5, Start::InProgress),
            ("b", 6, Start::KeyReused),
            // The process of the first attempt has died.
            ("a", 10, Start::New(attempt(2))),
            ("b", 30, Start::KeyReused),
        ] {
            assert_eq!(
                begin(&database, &request(body, now_ms)),
                Ok(expected),
                "{body} at {now_ms}"
            );
        }
    }

    #[test]
    fn a_completed_key_keeps_its_response_and_a_failed_one_is_free() {
        let database = database();
        let start = |body: &str, now_ms| begin(&database, &request(body, now_ms));
        assert_eq!(start("a", 0), Ok(Start::New(attempt(1))));
        fail(&database, &attempt(1)).expect("the table exists");
        assert_eq!(start("a", 1), Ok(Start::New(attempt(2))));
        assert_eq!(
            complete(&database, &attempt(1), "late"),
            Ok(false),
            "the second attempt has taken over"
        );
        assert_eq!(complete(&database, &attempt(2), "{}"), Ok(true));
        assert_eq!(start("a", 99), Ok(Start::Done("{}".into())));
        assert_eq!(start("b", 99), Ok(Start::KeyReused));
    }

    #[test]
    fn each_attempt_has_its_own_reservation() {
        assert_eq!(
            (attempt(1).reservation(), attempt(2).reservation()),
            ("o-0".to_owned(), "o-0-2".to_owned())
        );
    }
}
