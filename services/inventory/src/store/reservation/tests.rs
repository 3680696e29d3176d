//! Stock and prices of reservations, on a database in memory.

use rusqlite::Connection;
use shop_api::Money;

use super::*;
use crate::schema;

const NOW: Terms = Terms {
    hold: Hold::Standard,
    now_ms: 1_000,
    expires_ms: 2_000,
};

/// Two products: ten pieces at 5.00 and later 6.00, and three pieces at 7.00.
fn shop() -> Connection {
    let mut connection = Connection::open_in_memory().expect("memory is a database");
    schema::migrate(&mut connection, schema::BASE).expect("the base is made");
    connection
        .execute_batch(
            "INSERT INTO stock (sku, on_hand) VALUES ('sku-000001', 10), ('sku-000002', 3);
             INSERT INTO price (sku, valid_from, amount_minor, currency) VALUES
                 ('sku-000001', 10, 500, 'EUR'), ('sku-000001', 1500, 600, 'EUR'), ('sku-000002', 10, 700, 'EUR');",
        )
        .expect("the rows fit the tables");
    connection
}

fn line(number: u32, quantity: u32) -> Line {
    Line {
        sku: Sku::new(number).expect("the number is in range"),
        quantity,
    }
}

/// On hand and reserved of each product.
fn stock(connection: &Connection) -> Vec<(i64, i64)> {
    let mut statement = connection
        .prepare("SELECT on_hand, reserved FROM stock ORDER BY sku")
        .expect("it is valid");
    let rows = statement
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("it runs");
    rows.collect::<Result<_, _>>()
        .expect("the columns are numbers")
}

fn reserved(
    connection: &Connection,
    order: &str,
    lines: &[Line],
    terms: Terms,
) -> Result<i64, Refusal> {
    let outcome = reserve(connection, order, lines, terms).expect("the statements are valid");
    outcome.map(|reservation| reservation.total.amount_minor)
}

#[test]
fn an_order_is_priced_by_the_price_of_its_time() {
    let connection = shop();
    let later = Terms {
        now_ms: 1_500,
        ..NOW
    };
    assert_eq!(
        reserved(&connection, "o-1", &[line(1, 2), line(2, 1)], NOW),
        Ok(2 * 500 + 700)
    );
    assert_eq!(reserved(&connection, "o-2", &[line(1, 1)], later), Ok(600));
    assert_eq!(stock(&connection), [(10, 3), (3, 1)]);
}

#[test]
fn what_cannot_be_reserved_is_refused_by_name() {
    let connection = shop();
    let sku = line(2, 1).sku;
    let out_of_stock = Refusal::OutOfStock { sku, quantity: 4 };
    assert_eq!(
        reserved(&connection, "o-1", &[line(2, 4)], NOW),
        Err(out_of_stock)
    );
    assert_eq!(
        reserved(&connection, "o-1", &[line(3, 1)], NOW),
        Err(Refusal::UnknownProduct(line(3, 1).sku))
    );
    assert_eq!(
        reserved(&connection, "o-1", &[], NOW),
        Err(Refusal::NoTotal)
    );
}

#[test]
fn the_same_order_is_reserved_once_and_other_lines_replace_it() {
    let connection = shop();
    for _ in 0..3 {
        assert_eq!(reserved(&connection, "o-1", &[line(1, 2)], NOW), Ok(1_000));
    }
    assert_eq!(stock(&connection), [(10, 2), (3, 0)]);
    assert_eq!(reserved(&connection, "o-1", &[line(2, 1)], NOW), Ok(700));
    assert_eq!(stock(&connection), [(10, 0), (3, 1)]);
}

#[test]
fn a_release_gives_back_once_and_an_order_takes_away_once() {
    let connection = shop();
    assert_eq!(reserved(&connection, "o-1", &[line(1, 2)], NOW), Ok(1_000));
    assert_eq!(reserved(&connection, "o-2", &[line(1, 3)], NOW), Ok(1_500));
    for _ in 0..2 {
        assert_eq!(release(&connection, "o-1", 1_100), Ok(Ok(())));
    }
    assert_eq!(
        place(&connection, "o-2", &[line(1, 3)], NOW),
        Ok(Placed::Open)
    );
    assert_eq!(
        place(&connection, "o-2", &[line(1, 3)], NOW),
        Ok(Placed::Again)
    );
    assert_eq!(release(&connection, "o-2", 1_100), Ok(Err(Refusal::Final)));
    assert_eq!(stock(&connection), [(7, 0), (3, 0)]);
}

#[test]
fn an_order_whose_reservation_ended_still_takes_its_pieces() {
    let connection = shop();
    assert_eq!(reserved(&connection, "o-1", &[line(1, 2)], NOW), Ok(1_000));
    assert_eq!(release(&connection, "o-1", 1_100), Ok(Ok(())));
    assert_eq!(
        place(&connection, "o-1", &[line(1, 2)], NOW),
        Ok(Placed::Late)
    );
    assert_eq!(stock(&connection), [(8, 0), (3, 0)]);
}

#[test]
fn only_standard_holds_expire_and_ended_ones_are_forgotten() {
    let connection = shop();
    let held = Terms {
        hold: Hold::Held,
        ..NOW
    };
    assert_eq!(reserved(&connection, "o-1", &[line(1, 2)], NOW), Ok(1_000));
    assert_eq!(reserved(&connection, "o-2", &[line(1, 3)], held), Ok(1_500));
    assert_eq!(expire(&connection, 1_999, 10), Ok(0));
    assert_eq!(expire(&connection, 2_000, 10), Ok(1));
    assert_eq!(stock(&connection), [(10, 3), (3, 0)]);
    assert_eq!(forget(&connection, 1_999, 10), Ok(0));
    assert_eq!(forget(&connection, 2_000, 10), Ok(1));
    assert_eq!(priced_lines(&connection, "o-1"), Ok(vec![]));
    assert_eq!(
        priced_lines(&connection, "o-2").map(|lines| lines[0].price),
        Ok(Money::euro(500))
    );
}
