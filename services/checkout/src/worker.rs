//! Delivers the messages of the outbox, with retries and backoff; messages that keep failing become dead letters.

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
    Checkout, Counted, DeliveryOrder, OutboxSettings,
    message::{self, Message},
    store::{order, outbox},
    upstream,
};

/// What can become of a delivery, as the metric says.
const RESULTS: [&str; 3] = ["delivered", "postponed", "dead"];
const DELIVERED: Statement = Statement::transaction("TRANSACTION delivered");

/// The worker of one process.
#[derive(Debug)]
pub struct Worker {
    checkout: Checkout,
    random: StdRng,
}

/// The result of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Delivered,
    Postponed,
    Dead,
}

/// Why a message could not be delivered.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the message cannot be parsed: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error(transparent)]
    Call(#[from] client::Error),
}

impl Worker {
    /// A worker for the outbox of `checkout`; `seed` determines the jitter of the waits.
    pub fn new(checkout: Checkout, seed: u64) -> Self {
        Self {
            checkout,
            random: StdRng::seed_from_u64(seed),
        }
    }

    /// Delivers until the drain; deliveries in progress are finished.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let OutboxSettings {
            poll_ms, linger_ms, ..
        } = self.checkout.settings.outbox;
        let pause = Duration::from_millis(poll_ms.max(1));
        // None of a result is 0 and not nothing, also when no message was delivered since the start.
        for result in RESULTS {
            counter!(metric::OUTBOX_PROCESSED, label::RESULT => result).increment(0);
        }
        while !shutdown.is_cancelled() {
            match self.round().await {
                // A full batch: there may be more.
                Ok(taken) if taken == self.checkout.settings.outbox.batch => continue,
                Ok(_) => {}
                Err(error) => warn!(%error, "failed to read the outbox: {error}"),
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                // Until the next poll, or a new message.
                _ = timeout(pause, self.checkout.outbox_changed.notified()) => {}
            }
            if linger_ms > 0 {
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = tokio::time::sleep(Duration::from_millis(linger_ms)) => {}
                }
            }
        }
    }

    /// Delivers the next messages, at most one batch; returns how many.
    pub async fn round(&mut self) -> Result<u32, db::Error> {
        let taken = match self.checkout.settings.outbox.order {
            DeliveryOrder::Due => self.concurrently().await?,
            DeliveryOrder::Stored => self.in_order().await?,
        };
        self.checkout.delivered.notify_waiters();
        self.measure().await?;
        Ok(taken)
    }

    /// Delivers due messages concurrently.
    async fn concurrently(&mut self) -> Result<u32, db::Error> {
        let OutboxSettings {
            batch, concurrency, ..
        } = self.checkout.settings.outbox;
        let now_ms = (self.checkout.clock)();
        let due = self
            .checkout
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
            let (checkout, slots) = (self.checkout.clone(), Arc::clone(&slots));
            deliveries.spawn(async move {
                // The semaphore is never closed; if it were, the delivery could proceed without a slot.
                let _slot = slots.acquire().await;
                let span = message::consumer(&message);
                deliver(&checkout, message, wait_ms).instrument(span).await
            });
        }
        while let Some(outcome) = deliveries.join_next().await {
            // The panic hook has logged a panic; the message stays due.
            if let Ok(outcome) = outcome {
                count(outcome);
            }
        }
        Ok(taken)
    }

    /// Delivers messages in the order in which they were stored; a message that has to wait blocks those behind it.
    async fn in_order(&mut self) -> Result<u32, db::Error> {
        let batch = self.checkout.settings.outbox.batch;
        let stored = self
            .checkout
            .pool
            .read(&outbox::STORED, move |connection| {
                outbox::stored(connection, batch)
            })
            .await?;
        let mut taken = 0;
        for message in stored {
            if message.due_ms > (self.checkout.clock)() {
                break;
            }
            taken += 1;
            let wait_ms = self.wait_ms(&message);
            let span = message::consumer(&message);
            let outcome = deliver(&self.checkout, message, wait_ms)
                .instrument(span)
                .await;
            let is_gone = matches!(outcome, Ok(Outcome::Delivered | Outcome::Dead));
            count(outcome);
            if !is_gone {
                break;
            }
        }
        Ok(taken)
    }

    fn wait_ms(&mut self, message: &outbox::Message) -> i64 {
        let spread = self.random.random_range(0.5..1.0);
        backoff_ms(&self.checkout.settings.outbox, message.attempts, spread)
    }

    async fn measure(&self) -> Result<(), db::Error> {
        let backlog = self
            .checkout
            .pool
            .read(&outbox::BACKLOG, outbox::backlog)
            .await?;
        let age_ms = backlog.oldest_ms.map_or(0, |oldest_ms| {
            (self.checkout.clock)().saturating_sub(oldest_ms).max(0)
        });
        gauge!(metric::OUTBOX_DEPTH).set(backlog.depth);
        gauge!(metric::OUTBOX_OLDEST_AGE).set(age_ms as f64 / 1_000.0);
        gauge!(metric::DEAD_LETTERS).set(backlog.dead);
        Ok(())
    }
}

/// Delivers one message and records the result.
async fn deliver(
    checkout: &Checkout,
    message: outbox::Message,
    wait_ms: i64,
) -> Result<Outcome, db::Error> {
    let settings = &checkout.settings.outbox;
    let Err(error) = send(
        checkout,
        &message,
        Duration::from_millis(settings.timeout_ms),
    )
    .await
    else {
        checkout
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
    let (row, attempts, now_ms) = (message.row(), message.attempts + 1, (checkout.clock)());
    let (topic, order) = (message.topic, message.order);
    if settings.attempts == 0 || attempts < settings.attempts {
        warn!(order.id = %order, deliveries = attempts, %error, "delivery {attempts} of `{topic}` for order `{order}` failed: {error}");
        let work = move |transaction: &rusqlite::Transaction<'_>| {
            outbox::postpone(transaction, row, attempts, now_ms.saturating_add(wait_ms))
        };
        checkout.pool.write(&outbox::POSTPONE, work).await?;
        return Ok(Outcome::Postponed);
    }
    error!(order.id = %order, %error, "gave up on `{topic}` for order `{order}` after {attempts} attempts: {error}");
    let reason = error.to_string();
    let work = move |transaction: &rusqlite::Transaction<'_>| {
        outbox::give_up(transaction, row, attempts, now_ms, &reason)
    };
    checkout.pool.write(&outbox::GIVE_UP, work).await?;
    Ok(Outcome::Dead)
}

async fn send(
    checkout: &Checkout,
    message: &outbox::Message,
    timeout: Duration,
) -> Result<(), Error> {
    let parsed: Message = serde_json::from_str(&message.payload)?;
    let count = count_of(checkout.settings.outbox.counted, &parsed);
    checkout.pace.wait(count).await;
    let (client, route) = (&checkout.client, checkout.settings.inventory_route);
    match parsed {
        Message::Ship(shipment) => upstream::ship(client, route, &shipment, timeout).await?,
        Message::Release { reservation } => {
            upstream::release(client, route, &reservation, timeout).await?
        }
    }
    Ok(())
}

/// What a delivery counts against the warehouse's limit.
fn count_of(counted: Counted, message: &Message) -> usize {
    match counted {
        Counted::Messages => 1,
        Counted::Lines => message.lines(),
    }
}

fn kind(error: &Error) -> String {
    match error {
        Error::Call(client::Error::Status { status, .. }) => status.as_u16().to_string(),
        Error::Call(_) => "no_answer".to_owned(),
        Error::Unreadable(_) => "unreadable".to_owned(),
    }
}

/// The wait after `attempts` failed attempts: it doubles each time up to the maximum, and `spread` (0.5 to 1) shortens it,
/// so that messages that failed together are not retried together.
fn backoff_ms(settings: &OutboxSettings, attempts: u32, spread: f64) -> i64 {
    let doubled = settings.backoff_ms.saturating_mul(1 << attempts.min(20));
    (doubled.min(settings.backoff_max_ms) as f64 * spread) as i64
}

fn count(outcome: Result<Outcome, db::Error>) {
    let result = match outcome {
        Ok(Outcome::Delivered) => "delivered",
        Ok(Outcome::Postponed) => "postponed",
        Ok(Outcome::Dead) => "dead",
        Err(error) => {
            warn!(%error, "failed to record the result of a delivery: {error}");
            return;
        }
    };
    counter!(metric::OUTBOX_PROCESSED, label::RESULT => result).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_decides_what_an_order_counts_against_the_limit() {
        let order = r#"{"reservation":"o-1","lines":[
            {"sku":"sku-000001","quantity":5},{"sku":"sku-000002","quantity":1}]}"#;
        let release = r#"{"reservation":"o-1"}"#;
        for (counted, text, expected) in [
            (Counted::Messages, order, 1),
            (Counted::Lines, order, 2),
            (Counted::Messages, release, 1),
            (Counted::Lines, release, 1),
        ] {
            let message = serde_json::from_str(text).expect("a message");
            assert_eq!(count_of(counted, &message), expected, "{counted:?} {text}");
        }
    }

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
