//! Reservations: stock that is put aside for an order, at prices that were confirmed in the same transaction.
//!
//! ```text
//! open --> final       the order was placed, the pieces have left
//!   \----> released    given back, or its time was up
//! ```

use chassis::db::{Statement, step};
use rusqlite::{Connection, OptionalExtension};
use shop_api::{
    Sku,
    cart::Line,
    order::PricedLine,
    reservation::{Hold, Reservation},
};

use super::{money, price, sku};

const STATE: Statement = Statement {
    summary: "SELECT reservation",
    text: "SELECT state FROM reservation WHERE order_id = ?1",
};
const LINES: Statement = Statement {
    summary: "SELECT reservation_line",
    text: "SELECT sku, quantity, price_minor, currency FROM reservation_line WHERE order_id = ?1 ORDER BY position",
};
const TAKE: Statement = Statement {
    summary: "UPDATE stock",
    text: "UPDATE stock SET reserved = reserved + ?2 WHERE sku = ?1 AND on_hand - reserved >= ?2",
};
const GIVE_BACK: Statement = Statement {
    summary: "UPDATE stock",
    text: "UPDATE stock SET reserved = reserved - ?2 WHERE sku = ?1",
};
const SHIP: Statement = Statement {
    summary: "UPDATE stock",
    text: "UPDATE stock SET on_hand = on_hand - ?2, reserved = reserved - ?2 WHERE sku = ?1",
};
/// For an order whose reservation had ended: what is left over others' reservations goes.
const SHIP_UNRESERVED: Statement = Statement {
    summary: "UPDATE stock",
    text: "UPDATE stock SET on_hand = max(on_hand - ?2, reserved) WHERE sku = ?1",
};
/// Opens, reopens or ends a reservation.
pub const PUT: Statement = Statement {
    summary: "INSERT reservation",
    text: "INSERT OR REPLACE INTO reservation (order_id, state, hold, changed_ms, expires_ms) \
           VALUES (?1, ?2, ?3, ?4, ?5)",
};
const CLEAR_LINES: Statement = Statement {
    summary: "DELETE reservation_line",
    text: "DELETE FROM reservation_line WHERE order_id = ?1",
};
const PUT_LINE: Statement = Statement {
    summary: "INSERT reservation_line",
    text: "INSERT INTO reservation_line (order_id, position, sku, quantity, price_minor, currency) \
           VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
};
/// Ends a reservation and keeps how it was held.
pub const END: Statement = Statement {
    summary: "UPDATE reservation",
    text: "UPDATE reservation SET state = ?2, changed_ms = ?3, expires_ms = ?3 WHERE order_id = ?1",
};
/// Reservations that nobody wanted in time.
pub const OVERDUE: Statement = Statement {
    summary: "SELECT reservation",
    text: "SELECT order_id FROM reservation WHERE state = 'open' AND expires_ms <= ?1 LIMIT ?2",
};
const FORGET_LINES: Statement = Statement {
    summary: "DELETE reservation_line",
    text: "DELETE FROM reservation_line WHERE order_id IN \
           (SELECT order_id FROM reservation WHERE state IN ('final', 'released') AND expires_ms <= ?1 LIMIT ?2)",
};
const FORGET: Statement = Statement {
    summary: "DELETE reservation",
    text: "DELETE FROM reservation WHERE order_id IN \
           (SELECT order_id FROM reservation WHERE state IN ('final', 'released') AND expires_ms <= ?1 LIMIT ?2)",
};

/// Why nothing was reserved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A line names something that is not for sale.
    #[error("there is no product `{0}`")]
    UnknownProduct(Sku),
    /// Not enough pieces.
    #[error("there are fewer than {quantity} pieces of `{sku}`")]
    OutOfStock {
        /// Of which product.
        sku: Sku,
        /// How many were asked for.
        quantity: u32,
    },
    /// The prices do not add up to an amount of one currency.
    #[error("the lines do not add up to one amount")]
    NoTotal,
    /// The order was placed already.
    #[error("the reservation is final")]
    Final,
}

/// The terms of a reservation.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// How firmly it is held.
    pub hold: Hold,
    /// Unix milliseconds.
    pub now_ms: i64,
    /// When an unwanted one is given back, in Unix milliseconds.
    pub expires_ms: i64,
}

/// Confirms the price of every line and puts the pieces aside: all of them or, with a refusal, none
/// (the caller rolls back).
pub fn reserve(
    connection: &Connection,
    order: &str,
    lines: &[Line],
    terms: Terms,
) -> rusqlite::Result<Result<Reservation, Refusal>> {
    match state(connection, order)?.as_deref() {
        Some("open") => {
            let earlier = priced_lines(connection, order)?;
            if is_same(&earlier, lines) {
                return Ok(total(order, earlier));
            }
            give_back(connection, &earlier)?;
        }
        Some("final") => return Ok(Err(Refusal::Final)),
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
        if update_stock(connection, &TAKE, line.sku, line.quantity)? == 0 {
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
        Hold::Held => None,
    };
    put(connection, order, "open", terms, expires_ms)?;
    put_lines(connection, order, &priced)?;
    Ok(total(order, priced))
}

/// Gives the pieces of an open reservation back. Repeating it, or releasing what is not there, changes nothing.
pub fn release(
    connection: &Connection,
    order: &str,
    now_ms: i64,
) -> rusqlite::Result<Result<(), Refusal>> {
    match state(connection, order)?.as_deref() {
        Some("open") => {
            give_back(connection, &priced_lines(connection, order)?)?;
            end(connection, order, "released", now_ms)?;
            Ok(Ok(()))
        }
        Some("final") => Ok(Err(Refusal::Final)),
        _ => Ok(Ok(())),
    }
}

/// How an order found its reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// Open, and final by now.
    Open,
    /// Final already: the message came twice.
    Again,
    /// Given back before: the pieces were taken from what was left.
    Late,
}

/// Makes the reservation of a placed order final: the pieces have left.
pub fn place(
    connection: &Connection,
    order: &str,
    lines: &[Line],
    terms: Terms,
) -> rusqlite::Result<Placed> {
    match state(connection, order)?.as_deref() {
        Some("open") => {
            for line in priced_lines(connection, order)? {
                update_stock(connection, &SHIP, line.sku, line.quantity)?;
            }
            end(connection, order, "final", terms.now_ms)?;
            Ok(Placed::Open)
        }
        Some("final") => Ok(Placed::Again),
        _ => {
            for line in lines {
                update_stock(connection, &SHIP_UNRESERVED, line.sku, line.quantity)?;
            }
            put(connection, order, "final", terms, Some(terms.now_ms))?;
            Ok(Placed::Late)
        }
    }
}

/// Gives back at most `limit` reservations whose time is up; gives back how many.
pub fn expire(connection: &Connection, now_ms: i64, limit: u32) -> rusqlite::Result<usize> {
    let overdue: Vec<String> = step(&OVERDUE, || {
        connection
            .prepare_cached(OVERDUE.text)?
            .query_map((now_ms, limit), |row| row.get(0))?
            .collect()
    })?;
    for order in &overdue {
        give_back(connection, &priced_lines(connection, order)?)?;
        end(connection, order, "released", now_ms)?;
    }
    Ok(overdue.len())
}

/// Forgets at most `limit` reservations that ended before `before_ms`.
pub fn forget(connection: &Connection, before_ms: i64, limit: u32) -> rusqlite::Result<usize> {
    step(&FORGET_LINES, || {
        connection
            .prepare_cached(FORGET_LINES.text)?
            .execute((before_ms, limit))
    })?;
    step(&FORGET, || {
        connection
            .prepare_cached(FORGET.text)?
            .execute((before_ms, limit))
    })
}

fn state(connection: &Connection, order: &str) -> rusqlite::Result<Option<String>> {
    step(&STATE, || {
        connection
            .prepare_cached(STATE.text)?
            .query_row([order], |row| row.get(0))
            .optional()
    })
}

fn priced_lines(connection: &Connection, order: &str) -> rusqlite::Result<Vec<PricedLine>> {
    let line = |row: &rusqlite::Row<'_>| {
        Ok(PricedLine {
            sku: sku(row, 0)?,
            quantity: row.get(1)?,
            price: money(row, 2, 3)?,
        })
    };
    step(&LINES, || {
        connection
            .prepare_cached(LINES.text)?
            .query_map([order], line)?
            .collect()
    })
}

fn give_back(connection: &Connection, lines: &[PricedLine]) -> rusqlite::Result<()> {
    for line in lines {
        update_stock(connection, &GIVE_BACK, line.sku, line.quantity)?;
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
        connection
            .prepare_cached(statement.text)?
            .execute((product.to_string(), quantity))
    })
}

fn put(
    connection: &Connection,
    order: &str,
    state: &str,
    terms: Terms,
    expires_ms: Option<i64>,
) -> rusqlite::Result<()> {
    let hold = match terms.hold {
        Hold::Standard => "standard",
        Hold::Held => "held",
    };
    step(&PUT, || {
        connection
            .prepare_cached(PUT.text)?
            .execute((order, state, hold, terms.now_ms, expires_ms))
            .map(drop)
    })
}

fn put_lines(connection: &Connection, order: &str, lines: &[PricedLine]) -> rusqlite::Result<()> {
    step(&CLEAR_LINES, || {
        connection
            .prepare_cached(CLEAR_LINES.text)?
            .execute([order])
    })?;
    step(&PUT_LINE, || {
        let mut insert = connection.prepare_cached(PUT_LINE.text)?;
        for (position, line) in (0_i64..).zip(lines) {
            let (sku, code) = (line.sku.to_string(), line.price.currency.code());
            insert.execute((
                order,
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

fn end(connection: &Connection, order: &str, state: &str, now_ms: i64) -> rusqlite::Result<()> {
    step(&END, || {
        connection
            .prepare_cached(END.text)?
            .execute((order, state, now_ms))
            .map(drop)
    })
}

fn is_same(earlier: &[PricedLine], lines: &[Line]) -> bool {
    earlier.len() == lines.len()
        && earlier
            .iter()
            .zip(lines)
            .all(|(was, is)| was.sku == is.sku && was.quantity == is.quantity)
}

fn total(order: &str, lines: Vec<PricedLine>) -> Result<Reservation, Refusal> {
    let sums = lines.iter().map(|line| line.price.times(line.quantity));
    let total = sums
        .reduce(|sum, next| sum?.plus(next?))
        .flatten()
        .ok_or(Refusal::NoTotal)?;
    Ok(Reservation {
        order: order.to_owned(),
        lines,
        total,
    })
}

#[cfg(test)]
mod tests;
