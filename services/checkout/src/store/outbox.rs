//! The outbox: messages to deliver, and the dead letters. A message is stored in the transaction that it belongs to.

use chassis::db::{Statement, step};
use rusqlite::Connection;

/// A new message.
pub const INSERT: Statement = Statement {
    summary: "INSERT outbox",
    text: "INSERT INTO outbox (topic, payload, order_id, traceparent, created_ms, due_ms) \
           VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
};

/// Due messages, the oldest first.
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

/// Deletes a delivered message. Its creation time distinguishes it from a later message with the same row id: an operator
/// may skip a message while it is being delivered.
pub const REMOVE: Statement = Statement {
    summary: "DELETE outbox",
    text: "DELETE FROM outbox WHERE id = ?1 AND created_ms = ?2",
};

/// Postpones a message.
pub const POSTPONE: Statement = Statement {
    summary: "UPDATE outbox",
    text: "UPDATE outbox SET attempts = ?3, due_ms = ?4 WHERE id = ?1 AND created_ms = ?2",
};

/// Copies a message to the dead letters.
pub const GIVE_UP: Statement = Statement {
    summary: "INSERT dead_letter",
    text: "INSERT INTO dead_letter \
           (topic, payload, order_id, traceparent, attempts, created_ms, ended_ms, last_error) \
           SELECT topic, payload, order_id, traceparent, ?3, created_ms, ?4, ?5 FROM outbox \
           WHERE id = ?1 AND created_ms = ?2",
};

/// Copies all dead letters to the outbox, due at once, with no failed attempts.
pub const REPLAY: Statement = Statement {
    summary: "INSERT outbox",
    text: "INSERT INTO outbox (topic, payload, order_id, traceparent, attempts, created_ms, due_ms) \
           SELECT topic, payload, order_id, traceparent, 0, created_ms, ?1 FROM dead_letter ORDER BY id",
};

/// Deletes all dead letters.
pub const CLEAR: Statement = Statement {
    summary: "DELETE dead_letter",
    text: "DELETE FROM dead_letter",
};

/// Counts messages and dead letters.
pub const BACKLOG: Statement = Statement {
    summary: "SELECT outbox",
    text: "SELECT count(*), min(created_ms), (SELECT count(*) FROM dead_letter) FROM outbox",
};

/// A message to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Row id.
    pub id: i64,
    /// Topic.
    pub topic: String,
    /// Payload, JSON.
    pub payload: String,
    /// Id of the order.
    pub order: String,
    /// Trace context of the request that stored it.
    pub traceparent: Option<String>,
    /// Failed attempts to deliver it.
    pub attempts: u32,
    /// Unix milliseconds.
    pub created_ms: i64,
    /// Time of the next attempt, in Unix milliseconds.
    pub due_ms: i64,
}

impl Message {
    /// Identifies the message.
    pub fn row(&self) -> Row {
        (self.id, self.created_ms)
    }
}

/// A message to store.
#[derive(Debug, Clone, Copy)]
pub struct NewMessage<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Payload, JSON.
    pub payload: &'a str,
    /// Id of the order.
    pub order: &'a str,
    /// Trace context of the request that stores it.
    pub traceparent: Option<&'a str>,
    /// Unix milliseconds.
    pub now_ms: i64,
}

/// Size of the outbox and of the dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Number of messages to deliver.
    pub depth: u32,
    /// When the oldest message was stored, in Unix milliseconds.
    pub oldest_ms: Option<i64>,
    /// Number of dead letters.
    pub dead: u32,
}

/// Stores a message.
pub fn insert(connection: &Connection, message: NewMessage<'_>) -> rusqlite::Result<()> {
    let values = (
        message.topic,
        message.payload,
        message.order,
        message.traceparent,
        message.now_ms,
    );
    step(&INSERT, || INSERT.execute(connection, values).map(drop))
}

/// At most `limit` due messages.
pub fn due(connection: &Connection, now_ms: i64, limit: u32) -> rusqlite::Result<Vec<Message>> {
    DUE.all(connection, (now_ms, limit), message)
}

/// At most `limit` messages, the oldest first.
pub fn stored(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<Message>> {
    STORED.all(connection, [limit], message)
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

/// A message's row id and creation time.
pub type Row = (i64, i64);

/// Deletes a delivered message.
pub fn remove(connection: &Connection, row: Row) -> rusqlite::Result<()> {
    step(&REMOVE, || REMOVE.execute(connection, row).map(drop))
}

/// Records a failed attempt and schedules the next one.
pub fn postpone(
    connection: &Connection,
    (id, created_ms): Row,
    attempts: u32,
    due_ms: i64,
) -> rusqlite::Result<()> {
    step(&POSTPONE, || {
        POSTPONE
            .execute(connection, (id, created_ms, attempts, due_ms))
            .map(drop)
    })
}

/// Moves a message to the dead letters.
pub fn give_up(
    connection: &Connection,
    (id, created_ms): Row,
    attempts: u32,
    now_ms: i64,
    error: &str,
) -> rusqlite::Result<()> {
    step(&GIVE_UP, || {
        GIVE_UP.execute(connection, (id, created_ms, attempts, now_ms, error))
    })?;
    remove(connection, (id, created_ms))
}

/// Moves the oldest message to the dead letters and returns it, if an attempt to deliver it has failed.
///
/// A message without a failed attempt blocks nothing, so skipping twice does not also skip the next message.
pub fn skip(
    connection: &Connection,
    now_ms: i64,
    reason: &str,
) -> rusqlite::Result<Option<Message>> {
    let head = stored(connection, 1)?
        .pop()
        .filter(|head| head.attempts > 0);
    if let Some(head) = &head {
        give_up(connection, head.row(), head.attempts, now_ms, reason)?;
    }
    Ok(head)
}

/// Moves all dead letters back to the outbox, due at once; returns how many.
pub fn replay(connection: &Connection, now_ms: i64) -> rusqlite::Result<usize> {
    let count = step(&REPLAY, || REPLAY.execute(connection, [now_ms]))?;
    step(&CLEAR, || CLEAR.execute(connection, ()))?;
    Ok(count)
}

/// Counts messages and dead letters.
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
