//! Messages from checkout to the inventory, and their trace context.

use chassis::telemetry::{names::attribute, propagation};
use rusqlite::Transaction;
use serde::{Deserialize, Serialize};
use shop_api::reservation::Shipment;
use tracing::{Span, info_span};

use crate::store::outbox::{self, NewMessage};

/// The messaging system in spans.
const SYSTEM: &str = "outbox";

/// A message to the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Message {
    /// An order was placed: ship its reservation.
    Ship(Shipment),
    /// No order was placed: release the reservation.
    Release {
        /// The reservation's id.
        reservation: String,
    },
}

impl Message {
    /// The topic, which is part of the span's name.
    pub(crate) fn topic(&self) -> &'static str {
        match self {
            Self::Ship(_) => "order.placed",
            Self::Release { .. } => "reservation.released",
        }
    }

    /// The number of order lines that it is about.
    pub(crate) fn lines(&self) -> usize {
        match self {
            Self::Ship(shipment) => shipment.lines.len(),
            Self::Release { .. } => 1,
        }
    }

    /// A span for sending the message, in the trace of the request.
    pub(crate) fn producer(&self) -> Span {
        let topic = self.topic();
        info_span!(
            "send",
            { attribute::SPAN_NAME } = format!("send {topic}"),
            { attribute::SPAN_KIND } = "producer",
            { attribute::MESSAGING_SYSTEM } = SYSTEM,
            { attribute::MESSAGING_DESTINATION_NAME } = topic,
            { attribute::MESSAGING_OPERATION_TYPE } = "send",
        )
    }

    /// Stores the message for the worker, in the transaction that it belongs to.
    pub(crate) fn store(
        &self,
        transaction: &Transaction<'_>,
        order: &str,
        producer: &Span,
        now_ms: i64,
    ) -> rusqlite::Result<()> {
        let payload = serde_json::to_string(self)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        let traceparent = propagation::to_text(producer);
        let message = NewMessage {
            topic: self.topic(),
            payload: &payload,
            order,
            traceparent: traceparent.as_deref(),
            now_ms,
        };
        outbox::insert(transaction, message)
    }
}

/// A span for delivering a stored message: a new trace, linked to the one that stored the message.
pub(crate) fn consumer(message: &outbox::Message) -> Span {
    let span = info_span!(
        parent: None,
        "process",
        { attribute::SPAN_NAME } = format!("process {}", message.topic),
        { attribute::SPAN_KIND } = "consumer",
        { attribute::SPAN_STATUS } = tracing::field::Empty,
        { attribute::ERROR_TYPE } = tracing::field::Empty,
        { attribute::MESSAGING_SYSTEM } = SYSTEM,
        { attribute::MESSAGING_DESTINATION_NAME } = message.topic,
        { attribute::MESSAGING_MESSAGE_ID } = message.id,
        { attribute::MESSAGING_OPERATION_TYPE } = "process",
    );
    if let Some(traceparent) = &message.traceparent {
        propagation::link(&span, traceparent);
    }
    span
}
