//! Delivers the messages of the outbox: again and again with longer waits, and at last to the dead letters.

use std::{sync::Arc, time::Duration};

use chassis::telemetry::names::{attribute, label, metric};
use chassis::{
    CancellationToken, client,
    db::{self, Statement},
};
use metrics::{counter, gauge};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};
use tracing::{Instrument, Span, error, warn};

use crate::{
    Order, OutboxSettings, State,
    message::{self, Message},
    store::{order, outbox},
    upstream,
};

const DELIVERED: Statement = Statement {
    summary: "TRANSACTION delivered",
    text: "BEGIN IMMEDIATE",
};

/// The worker of one process.
#[derive(Debug)]
pub struct Worker {
    state: State,
    random: StdRng,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Delivered,
    Postponed,
    Buried,
}

/// Why a message could not be delivered.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the message cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error(transparent)]
    Call(#[from] client::Error),
}

impl Worker {
    /// A worker over the outbox of a state; `seed` spreads the waits.
    pub fn new(state: State, seed: u64) -> Self {
        Self {
            state,
            random: StdRng::seed_from_u64(seed),
        }
    }

    /// Delivers until the drain; a delivery that has begun is ended.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let pause = Duration::from_millis(self.state.settings.outbox.poll_ms.max(1));
        while !shutdown.is_cancelled() {
            match self.round().await {
                // There may be more than one look takes.
                Ok(taken) if taken == self.state.settings.outbox.batch => continue,
                Ok(_) => {}
                Err(error) => warn!(%error, "the outbox could not be read: {error}"),
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                // Woken by a new message or by the time.
                _ = timeout(pause, self.state.news.notified()) => {}
            }
        }
    }

    /// Delivers the messages whose turn it is, at most one batch; gives back how many there were.
    pub async fn round(&mut self) -> Result<u32, db::Error> {
        let taken = match self.state.settings.outbox.order {
            Order::Due => self.side_by_side().await?,
            Order::Stored => self.one_by_one().await?,
        };
        self.measure().await?;
        Ok(taken)
    }

    /// Delivers what is due, several at a time.
    async fn side_by_side(&mut self) -> Result<u32, db::Error> {
        let OutboxSettings {
            batch, concurrency, ..
        } = self.state.settings.outbox;
        let now_ms = (self.state.clock)();
        let due = self
            .state
            .pool
            .read(&outbox::DUE, move |connection| {
                outbox::due(connection, now_ms, batch)
            })
            .await?;
        let taken = u32::try_from(due.len()).unwrap_or(u32::MAX);
        let slots = Arc::new(Semaphore::new(concurrency.max(1)));
        let mut deliveries = JoinSet::new();
        for message in due {
            let wait_ms = self.wait_ms(&message);
            let (state, slots) = (self.state.clone(), Arc::clone(&slots));
            deliveries.spawn(async move {
                // The semaphore is never closed; if it were, going without a slot would do no harm.
                let _slot = slots.acquire().await;
                let span = message::consumer(&message);
                deliver(&state, message, wait_ms).instrument(span).await
            });
        }
        while let Some(outcome) = deliveries.join_next().await {
            // A panic is logged where it happens; the message stays due.
            if let Ok(outcome) = outcome {
                count(outcome);
            }
        }
        Ok(taken)
    }

    /// Delivers in the order in which messages were stored; none overtakes one that has to wait.
    async fn one_by_one(&mut self) -> Result<u32, db::Error> {
        let batch = self.state.settings.outbox.batch;
        let stored = self
            .state
            .pool
            .read(&outbox::STORED, move |connection| {
                outbox::stored(connection, batch)
            })
            .await?;
        let mut taken = 0;
        for message in stored {
            if message.due_ms > (self.state.clock)() {
                break;
            }
            taken += 1;
            let wait_ms = self.wait_ms(&message);
            let span = message::consumer(&message);
            let outcome = deliver(&self.state, message, wait_ms)
                .instrument(span)
                .await;
            let is_gone = matches!(outcome, Ok(Outcome::Delivered | Outcome::Buried));
            count(outcome);
            if !is_gone {
                break;
            }
        }
        Ok(taken)
    }

    fn wait_ms(&mut self, message: &outbox::Message) -> i64 {
        let spread = self.random.random_range(0.5..1.0);
        backoff_ms(&self.state.settings.outbox, message.attempts, spread)
    }

    async fn measure(&self) -> Result<(), db::Error> {
        let backlog = self
            .state
            .pool
            .read(&outbox::BACKLOG, outbox::backlog)
            .await?;
        let age_ms = backlog.oldest_ms.map_or(0, |oldest_ms| {
            (self.state.clock)().saturating_sub(oldest_ms).max(0)
        });
        gauge!(metric::OUTBOX_DEPTH).set(backlog.depth);
        gauge!(metric::OUTBOX_OLDEST_AGE).set(age_ms as f64 / 1_000.0);
        gauge!(metric::DEAD_LETTERS).set(backlog.dead);
        Ok(())
    }
}

/// Delivers one message and stores what became of it.
async fn deliver(
    state: &State,
    message: outbox::Message,
    wait_ms: i64,
) -> Result<Outcome, db::Error> {
    let settings = &state.settings.outbox;
    let Err(error) = send(state, &message, Duration::from_millis(settings.timeout_ms)).await else {
        state
            .pool
            .write(&DELIVERED, move |transaction| {
                if message.topic == "order.placed" {
                    db::step(&order::CONFIRM, || {
                        order::confirm(transaction, &message.order)
                    })?;
                }
                outbox::remove(transaction, message.row())
            })
            .await?;
        return Ok(Outcome::Delivered);
    };
    Span::current().record(attribute::SPAN_STATUS, "error");
    Span::current().record(attribute::ERROR_TYPE, kind(&error));
    let (row, attempts, now_ms) = (message.row(), message.attempts + 1, (state.clock)());
    let (topic, order) = (message.topic, message.order);
    if settings.attempts == 0 || attempts < settings.attempts {
        warn!(order.id = %order, deliveries = attempts, %error, "delivery {attempts} of `{topic}` for order `{order}` failed: {error}");
        let work = move |transaction: &rusqlite::Transaction<'_>| {
            outbox::postpone(transaction, row, attempts, now_ms.saturating_add(wait_ms))
        };
        state.pool.write(&outbox::POSTPONE, work).await?;
        return Ok(Outcome::Postponed);
    }
    error!(order.id = %order, %error, "gave `{topic}` for order `{order}` up after {attempts} deliveries: {error}");
    let reason = error.to_string();
    let work = move |transaction: &rusqlite::Transaction<'_>| {
        outbox::bury(transaction, row, attempts, now_ms, &reason)
    };
    state.pool.write(&outbox::BURY, work).await?;
    Ok(Outcome::Buried)
}

async fn send(state: &State, message: &outbox::Message, limit: Duration) -> Result<(), Error> {
    match serde_json::from_str(&message.payload)? {
        Message::Placed(placed) => upstream::tell_placed(&state.client, &placed, limit).await?,
        Message::Release { reservation } => {
            upstream::release(&state.client, &reservation, limit).await?
        }
    }
    Ok(())
}

fn kind(error: &Error) -> String {
    match error {
        Error::Call(client::Error::Status { status, .. }) => status.as_u16().to_string(),
        Error::Call(_) => "no_answer".to_owned(),
        Error::Unreadable(_) => "unreadable".to_owned(),
    }
}

/// The wait after so many failed deliveries: doubled each time, never above the limit, shortened by `spread`
/// (from 0.5 to 1) so that messages that failed together do not come together again.
fn backoff_ms(settings: &OutboxSettings, attempts: u32, spread: f64) -> i64 {
    let doubled = settings.backoff_ms.saturating_mul(1 << attempts.min(20));
    (doubled.min(settings.backoff_max_ms) as f64 * spread) as i64
}

fn count(outcome: Result<Outcome, db::Error>) {
    let result = match outcome {
        Ok(Outcome::Delivered) => "delivered",
        Ok(Outcome::Postponed) => "postponed",
        Ok(Outcome::Buried) => "dead",
        Err(error) => {
            warn!(%error, "the end of a delivery could not be stored: {error}");
            return;
        }
    };
    counter!(metric::OUTBOX_PROCESSED, label::RESULT => result).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit() {
        let settings = OutboxSettings {
            backoff_ms: 250,
            backoff_max_ms: 3_000,
            ..OutboxSettings::default()
        };
        for (attempts, spread, expected) in [
            (0, 1.0, 250),
            (1, 1.0, 500),
            (3, 0.5, 1_000),
            (4, 1.0, 3_000),
            (99, 1.0, 3_000),
        ] {
            assert_eq!(
                backoff_ms(&settings, attempts, spread),
                expected,
                "{attempts}"
            );
        }
    }
}
