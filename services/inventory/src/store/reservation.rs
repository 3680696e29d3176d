//! Reservations: stock is reserved at confirmed prices, then shipped or released.
//!
//! ```text
//! reserved --> shipped     the order was placed
//!        \---> released    on request, or after the timeout
//! ```

use chassis::db::{Statement, step};
use rusqlite::Connection;
use shop_api::{
    Sku,
    cart::Line,
    order::PricedLine,
    reservation::{Hold, Reservation},
};

use super::{money, price, sku};

const STATE: Statement = Statement {
    summary: "SELECT reservation",
    text: "SELECT state FROM reservation WHERE reservation_id = ?1",
};
const LINES: Statement = Statement {
    summary: "SELECT reservation_line",
    text: "SELECT sku, quantity, price_minor, currency FROM reservation_line WHERE reservation_id = ?1 ORDER BY position",
};
const RESERVE: Statement = Statement {
    summary: "UPDATE stock",
    text: "UPDATE stock SET reserved = reserved + ?2 WHERE sku = ?1 AND on_hand - reserved >= ?2",
};
const RELEASE: Statement = Statement {
    summary: "UPDATE stock",
    text: "UPDATE stock SET reserved = reserved - ?2 WHERE sku = ?1",
};
const SHIP: Statement = Statement {
    summary: "UPDATE stock",
    text: "UPDATE stock SET on_hand = on_hand - ?2, reserved = reserved - ?2 WHERE sku = ?1",
};
/// Ships stock that is no longer reserved: only what other reservations do not need.
const SHIP_FREE: Statement = Statement {
    summary: "UPDATE stock",
    text: "UPDATE stock SET on_hand = max(on_hand - ?2, reserved) WHERE sku = ?1",
};
/// Writes a reservation.
pub const PUT: Statement = Statement {
    summary: "INSERT reservation",
    text: "INSERT OR REPLACE INTO reservation (reservation_id, state, hold, changed_ms, expires_ms) \
           VALUES (?1, ?2, ?3, ?4, ?5)",
};
const CLEAR_LINES: Statement = Statement {
    summary: "DELETE reservation_line",
    text: "DELETE FROM reservation_line WHERE reservation_id = ?1",
};
const PUT_LINE: Statement = Statement {
    summary: "INSERT reservation_line",
    text: "INSERT INTO reservation_line (reservation_id, position, sku, quantity, price_minor, currency) \
           VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
};
/// Ends a reservation and keeps its hold.
pub const END: Statement = Statement {
    summary: "UPDATE reservation",
    text: "UPDATE reservation SET state = ?2, changed_ms = ?3, expires_ms = ?3 WHERE reservation_id = ?1",
};
/// Expired reservations.
pub const EXPIRED: Statement = Statement {
    summary: "SELECT reservation",
    text: "SELECT reservation_id FROM reservation WHERE state = 'reserved' AND expires_ms <= ?1 LIMIT ?2",
};
const DELETE_OLD_LINES: Statement = Statement {
    summary: "DELETE reservation_line",
    text: "DELETE FROM reservation_line WHERE reservation_id IN \
           (SELECT reservation_id FROM reservation WHERE state IN ('shipped', 'released') AND expires_ms <= ?1 LIMIT ?2)",
};
const DELETE_OLD: Statement = Statement {
    summary: "DELETE reservation",
    text: "DELETE FROM reservation WHERE reservation_id IN \
           (SELECT reservation_id FROM reservation WHERE state IN ('shipped', 'released') AND expires_ms <= ?1 LIMIT ?2)",
};

/// Why stock was not reserved or not released.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A line names a product that does not exist.
    #[error("product `{0}` does not exist")]
    UnknownProduct(Sku),
    /// Not enough stock.
    #[error("fewer than {quantity} pieces of `{sku}` are in stock")]
    OutOfStock {
        /// Which product.
        sku: Sku,
        /// Requested quantity.
        quantity: u32,
    },
    /// The prices have no sum in one currency.
    #[error("the lines have no total in one currency")]
    NoTotal,
    /// The reserved stock has shipped.
    #[error("the reservation has already shipped")]
    Shipped,
}

/// Terms of a reservation.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// How long it is held.
    pub hold: Hold,
    /// Unix milliseconds.
    pub now_ms: i64,
    /// When a standard hold expires, in Unix milliseconds.
    pub expires_ms: i64,
}

/// Confirms the prices and reserves the stock of all lines. After a refusal the caller rolls back, so that nothing is
/// reserved.
pub fn reserve(
    connection: &Connection,
    id: &str,
    lines: &[Line],
    terms: Terms,
) -> rusqlite::Result<Result<Reservation, Refusal>> {
    match state(connection, id)?.as_deref() {
        Some("reserved") => {
            let earlier = priced_lines(connection, id)?;
            if is_same(&earlier, lines) {
                return Ok(total(id, earlier));
            }
            release_stock(connection, &earlier)?;
        }
        Some("shipped") => return Ok(Err(Refusal::Shipped)),
        _ => {}
    }
    let mut priced = Vec::with_capacity(lines.len());
    for line in lines {
        let price = step(&price::CURRENT, || {
            price::current(connection, line.sku, terms.now_ms)
        })?;
        let Some(price) = price else {
            return Ok(Err(Refusal::UnknownProduct(line.sku)));
        };
        if update_stock(connection, &RESERVE, line.sku, line.quantity)? == 0 {
            return Ok(Err(Refusal::OutOfStock {
                sku: line.sku,
                quantity: line.quantity,
            }));
        }
        priced.push(PricedLine {
            sku: line.sku,
            quantity: line.quantity,
            price,
        });
    }
    let expires_ms = match terms.hold {
        Hold::Standard => Some(terms.expires_ms),
        Hold::UntilPaid => None,
    };
    put(connection, id, "reserved", terms, expires_ms)?;
    put_lines(connection, id, &priced)?;
    Ok(total(id, priced))
}

/// Releases the stock of a reservation. Has no effect if it was released before or does not exist.
pub fn release(
    connection: &Connection,
    id: &str,
    now_ms: i64,
) -> rusqlite::Result<Result<(), Refusal>> {
    match state(connection, id)?.as_deref() {
        Some("reserved") => {
            release_stock(connection, &priced_lines(connection, id)?)?;
            end(connection, id, "released", now_ms)?;
            Ok(Ok(()))
        }
        Some("shipped") => Ok(Err(Refusal::Shipped)),
        _ => Ok(Ok(())),
    }
}

/// Where the shipped stock came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShipmentSource {
    /// The reservation.
    Reservation,
    /// An earlier shipment of the same reservation: the message was repeated.
    EarlierShipment,
    /// Stock that is not reserved: the reservation was released before.
    FreeStock,
    /// Stock that is not reserved: there was no reservation, as for an order that was taken elsewhere.
    NeverReserved,
}

/// Ships the stock of a reservation.
pub fn ship(
    connection: &Connection,
    id: &str,
    lines: &[Line],
    terms: Terms,
) -> rusqlite::Result<ShipmentSource> {
    match state(connection, id)?.as_deref() {
        Some("reserved") => {
            for line in priced_lines(connection, id)? {
                update_stock(connection, &SHIP, line.sku, line.quantity)?;
            }
            end(connection, id, "shipped", terms.now_ms)?;
            Ok(ShipmentSource::Reservation)
        }
        Some("shipped") => Ok(ShipmentSource::EarlierShipment),
        state => {
            for line in lines {
                update_stock(connection, &SHIP_FREE, line.sku, line.quantity)?;
            }
            put(connection, id, "shipped", terms, Some(terms.now_ms))?;
            Ok(match state {
                Some(_) => ShipmentSource::FreeStock,
                None => ShipmentSource::NeverReserved,
            })
        }
    }
}

/// Releases at most `limit` expired reservations; returns how many.
pub fn expire(connection: &Connection, now_ms: i64, limit: u32) -> rusqlite::Result<usize> {
    let expired: Vec<String> = step(&EXPIRED, || {
        EXPIRED.all(connection, (now_ms, limit), |row| row.get(0))
    })?;
    for id in &expired {
        release_stock(connection, &priced_lines(connection, id)?)?;
        end(connection, id, "released", now_ms)?;
    }
    Ok(expired.len())
}

/// Deletes at most `limit` reservations that ended before `before_ms`.
pub fn delete_old(connection: &Connection, before_ms: i64, limit: u32) -> rusqlite::Result<usize> {
    step(&DELETE_OLD_LINES, || {
        DELETE_OLD_LINES.execute(connection, (before_ms, limit))
    })?;
    step(&DELETE_OLD, || {
        DELETE_OLD.execute(connection, (before_ms, limit))
    })
}

fn state(connection: &Connection, id: &str) -> rusqlite::Result<Option<String>> {
    step(&STATE, || STATE.one(connection, [id], |row| row.get(0)))
}

fn priced_lines(connection: &Connection, id: &str) -> rusqlite::Result<Vec<PricedLine>> {
    let line = |row: &rusqlite::Row<'_>| {
        Ok(PricedLine {
            sku: sku(row, 0)?,
            quantity: row.get(1)?,
            price: money(row, 2, 3)?,
        })
    };
    step(&LINES, || LINES.all(connection, [id], line))
}

fn release_stock(connection: &Connection, lines: &[PricedLine]) -> rusqlite::Result<()> {
    for line in lines {
        update_stock(connection, &RELEASE, line.sku, line.quantity)?;
    }
    Ok(())
}

fn update_stock(
    connection: &Connection,
    statement: &'static Statement,
    product: Sku,
    quantity: u32,
) -> rusqlite::Result<usize> {
    step(statement, || {
        statement.execute(connection, (product.to_string(), quantity))
    })
}

fn put(
    connection: &Connection,
    id: &str,
    state: &str,
    terms: Terms,
    expires_ms: Option<i64>,
) -> rusqlite::Result<()> {
    let hold = match terms.hold {
        Hold::Standard => "standard",
        Hold::UntilPaid => "until_paid",
    };
    step(&PUT, || {
        PUT.execute(connection, (id, state, hold, terms.now_ms, expires_ms))
            .map(drop)
    })
}

fn put_lines(connection: &Connection, id: &str, lines: &[PricedLine]) -> rusqlite::Result<()> {
    step(&CLEAR_LINES, || CLEAR_LINES.execute(connection, [id]))?;
    step(&PUT_LINE, || {
        let mut insert = connection.prepare_cached(PUT_LINE.text)?;
        for (position, line) in (0_i64..).zip(lines) {
            let (sku, code) = (line.sku.to_string(), line.price.currency.code());
            insert.execute((
                id,
                position,
                sku,
                line.quantity,
                line.price.amount_minor,
                code,
            ))?;
        }
        Ok(())
    })
}

fn end(connection: &Connection, id: &str, state: &str, now_ms: i64) -> rusqlite::Result<()> {
    step(&END, || {
        END.execute(connection, (id, state, now_ms)).map(drop)
    })
}

fn is_same(earlier: &[PricedLine], lines: &[Line]) -> bool {
    earlier.len() == lines.len()
        && earlier
            .iter()
            .zip(lines)
            .all(|(was, is)| was.sku == is.sku && was.quantity == is.quantity)
}

fn total(id: &str, lines: Vec<PricedLine>) -> Result<Reservation, Refusal> {
    let sums = lines.iter().map(|line| line.price.times(line.quantity));
    let total = sums
        .reduce(|sum, next| sum?.plus(next?))
        .flatten()
        .ok_or(Refusal::NoTotal)?;
    Ok(Reservation {
        reservation: id.to_owned(),
        lines,
        total,
    })
}

#[cfg(test)]
mod tests;
