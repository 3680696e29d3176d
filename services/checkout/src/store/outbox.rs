//! Messages to deliver, stored in the transaction of what they tell; and those that were given up on.

use chassis::db::{Statement, step};
use rusqlite::Connection;

/// A new message.
pub const INSERT: Statement = Statement {
    summary: "INSERT outbox",
    text: "INSERT INTO outbox (topic, payload, order_id, traceparent, created_ms, due_ms) \
           VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
};

/// Messages whose time has come, the oldest first.
pub const DUE: Statement = Statement {
    summary: "SELECT outbox",
    text: "SELECT id, topic, payload, order_id, traceparent, attempts, created_ms, due_ms FROM outbox \
           WHERE due_ms <= ?1 ORDER BY due_ms, id LIMIT ?2",
};

/// Messages in the order in which they were stored, due or not.
pub const STORED: Statement = Statement {
    summary: "SELECT outbox",
    text: "SELECT id, topic, payload, order_id, traceparent, attempts, created_ms, due_ms FROM outbox \
           ORDER BY id LIMIT ?1",
};

/// A message that was delivered. Its time tells it from a later one in the same row: operators set messages aside
/// while they are being delivered.
pub const REMOVE: Statement = Statement {
    summary: "DELETE outbox",
    text: "DELETE FROM outbox WHERE id = ?1 AND created_ms = ?2",
};

/// A message that is tried again later.
pub const POSTPONE: Statement = Statement {
    summary: "UPDATE outbox",
    text: "UPDATE outbox SET attempts = ?3, due_ms = ?4 WHERE id = ?1 AND created_ms = ?2",
};

/// A message that was given up on.
pub const BURY: Statement = Statement {
    summary: "INSERT dead_letter",
    text: "INSERT INTO dead_letter \
           (topic, payload, order_id, traceparent, attempts, created_ms, ended_ms, last_error) \
           SELECT topic, payload, order_id, traceparent, ?3, created_ms, ?4, ?5 FROM outbox \
           WHERE id = ?1 AND created_ms = ?2",
};

/// Dead letters, due once more with no delivery counted.
pub const REVIVE: Statement = Statement {
    summary: "INSERT outbox",
    text: "INSERT INTO outbox (topic, payload, order_id, traceparent, attempts, created_ms, due_ms) \
           SELECT topic, payload, order_id, traceparent, 0, created_ms, ?1 FROM dead_letter ORDER BY id",
};

/// Dead letters that are none any more.
pub const FORGET: Statement = Statement {
    summary: "DELETE dead_letter",
    text: "DELETE FROM dead_letter",
};

/// How much there is to deliver.
pub const BACKLOG: Statement = Statement {
    summary: "SELECT outbox",
    text: "SELECT count(*), min(created_ms), (SELECT count(*) FROM dead_letter) FROM outbox",
};

/// A message to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its row.
    pub id: i64,
    /// What it tells.
    pub topic: String,
    /// JSON.
    pub payload: String,
    /// The order that it is about.
    pub order: String,
    /// The trace that stored it.
    pub traceparent: Option<String>,
    /// Deliveries that failed.
    pub attempts: u32,
    /// Unix milliseconds.
    pub created_ms: i64,
    /// When to deliver it, in Unix milliseconds.
    pub due_ms: i64,
}

impl Message {
    /// Which row it is.
    pub fn row(&self) -> Row {
        (self.id, self.created_ms)
    }
}

/// A message to store.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    /// What it tells.
    pub topic: &'a str,
    /// JSON.
    pub payload: &'a str,
    /// The order that it is about.
    pub order: &'a str,
    /// The trace that stores it.
    pub traceparent: Option<&'a str>,
    /// Unix milliseconds.
    pub now_ms: i64,
}

/// How much is in the outbox and with the dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Messages to deliver.
    pub depth: u32,
    /// When the oldest of them was stored, in Unix milliseconds.
    pub oldest_ms: Option<i64>,
    /// Messages given up on.
    pub dead: u32,
}

/// Stores a message.
pub fn insert(connection: &Connection, new: New<'_>) -> rusqlite::Result<()> {
    let values = (
        new.topic,
        new.payload,
        new.order,
        new.traceparent,
        new.now_ms,
    );
    step(&INSERT, || {
        connection
            .prepare_cached(INSERT.text)?
            .execute(values)
            .map(drop)
    })
}

/// At most `limit` messages whose time has come.
pub fn due(connection: &Connection, now_ms: i64, limit: u32) -> rusqlite::Result<Vec<Message>> {
    connection
        .prepare_cached(DUE.text)?
        .query_map((now_ms, limit), message)?
        .collect()
}

/// At most `limit` messages, those that were stored first.
pub fn stored(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<Message>> {
    connection
        .prepare_cached(STORED.text)?
        .query_map([limit], message)?
        .collect()
}

fn message(row: &rusqlite::Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        id: row.get(0)?,
        topic: row.get(1)?,
        payload: row.get(2)?,
        order: row.get(3)?,
        traceparent: row.get(4)?,
        attempts: row.get(5)?,
        created_ms: row.get(6)?,
        due_ms: row.get(7)?,
    })
}

/// A message's row, and since when it is there.
pub type Row = (i64, i64);

/// Removes a message that was delivered.
pub fn remove(connection: &Connection, row: Row) -> rusqlite::Result<()> {
    step(&REMOVE, || {
        connection
            .prepare_cached(REMOVE.text)?
            .execute(row)
            .map(drop)
    })
}

/// Notes a failed delivery and when to try again.
pub fn postpone(
    connection: &Connection,
    (id, created_ms): Row,
    attempts: u32,
    due_ms: i64,
) -> rusqlite::Result<()> {
    step(&POSTPONE, || {
        connection
            .prepare_cached(POSTPONE.text)?
            .execute((id, created_ms, attempts, due_ms))
            .map(drop)
    })
}

/// Puts a message with the dead letters.
pub fn bury(
    connection: &Connection,
    (id, created_ms): Row,
    attempts: u32,
    now_ms: i64,
    error: &str,
) -> rusqlite::Result<()> {
    step(&BURY, || {
        connection
            .prepare_cached(BURY.text)?
            .execute((id, created_ms, attempts, now_ms, error))
    })?;
    remove(connection, (id, created_ms))
}

/// Puts the message that was stored first with the dead letters, if a delivery of it has failed; gives it back.
///
/// One that nobody has tried yet is in nobody's way, and asking twice does not take the next one as well.
pub fn skip(
    connection: &Connection,
    now_ms: i64,
    reason: &str,
) -> rusqlite::Result<Option<Message>> {
    let head = stored(connection, 1)?
        .pop()
        .filter(|head| head.attempts > 0);
    if let Some(head) = &head {
        bury(connection, head.row(), head.attempts, now_ms, reason)?;
    }
    Ok(head)
}

/// Puts every dead letter back into the outbox, due at once; gives back how many there were.
pub fn revive(connection: &Connection, now_ms: i64) -> rusqlite::Result<usize> {
    let count = step(&REVIVE, || {
        connection.prepare_cached(REVIVE.text)?.execute([now_ms])
    })?;
    step(&FORGET, || {
        connection.prepare_cached(FORGET.text)?.execute(())
    })?;
    Ok(count)
}

/// Counts what there is to deliver.
pub fn backlog(connection: &Connection) -> rusqlite::Result<Backlog> {
    connection
        .prepare_cached(BACKLOG.text)?
        .query_row((), |row| {
            Ok(Backlog {
                depth: row.get(0)?,
                oldest_ms: row.get(1)?,
                dead: row.get(2)?,
            })
        })
}

#[cfg(test)]
mod tests;
