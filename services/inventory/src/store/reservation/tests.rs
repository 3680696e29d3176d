//! Stock and prices of reservations, with a database in memory.

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
    let mut connection = Connection::open_in_memory().expect("a database in memory");
    schema::migrate(&mut connection, schema::BASE).expect("the tables are created");
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
    id: &str,
    lines: &[Line],
    terms: Terms,
) -> Result<i64, Refusal> {
    let outcome = reserve(connection, id, lines, terms).expect("the statements are valid");
    outcome.map(|reservation| reservation.total.amount_minor)
}

#[test]
fn a_reservation_has_the_prices_of_its_time() {
    let connection = shop();
    let later = Terms {
        now_ms: 1_500,
        ..NOW
    };
    assert_eq!(
        reserved(&connection, "r-1", &[line(1, 2), line(2, 1)], NOW),
        Ok(2 * 500 + 700)
    );
    assert_eq!(reserved(&connection, "r-2", &[line(1, 1)], later), Ok(600));
    assert_eq!(stock(&connection), [(10, 3), (3, 1)]);
}

#[test]
fn each_refusal_names_its_reason() {
    let connection = shop();
    let sku = line(2, 1).sku;
    let out_of_stock = Refusal::OutOfStock { sku, quantity: 4 };
    assert_eq!(
        reserved(&connection, "r-1", &[line(2, 4)], NOW),
        Err(out_of_stock)
    );
    assert_eq!(
        reserved(&connection, "r-1", &[line(3, 1)], NOW),
        Err(Refusal::UnknownProduct(line(3, 1).sku))
    );
    assert_eq!(
        reserved(&connection, "r-1", &[], NOW),
        Err(Refusal::NoTotal)
    );
}

#[test]
fn a_repeated_reservation_counts_once_and_other_lines_replace_it() {
    let connection = shop();
    for _ in 0..3 {
        assert_eq!(reserved(&connection, "r-1", &[line(1, 2)], NOW), Ok(1_000));
    }
    assert_eq!(stock(&connection), [(10, 2), (3, 0)]);
    assert_eq!(reserved(&connection, "r-1", &[line(2, 1)], NOW), Ok(700));
    assert_eq!(stock(&connection), [(10, 0), (3, 1)]);
}

#[test]
fn a_repeated_release_or_shipment_changes_stock_once() {
    let connection = shop();
    assert_eq!(reserved(&connection, "r-1", &[line(1, 2)], NOW), Ok(1_000));
    assert_eq!(reserved(&connection, "r-2", &[line(1, 3)], NOW), Ok(1_500));
    for _ in 0..2 {
        assert_eq!(release(&connection, "r-1", 1_100), Ok(Ok(())));
    }
    assert_eq!(
        ship(&connection, "r-2", &[line(1, 3)], NOW),
        Ok(ShipmentSource::Reservation)
    );
    assert_eq!(
        ship(&connection, "r-2", &[line(1, 3)], NOW),
        Ok(ShipmentSource::EarlierShipment)
    );
    assert_eq!(
        release(&connection, "r-2", 1_100),
        Ok(Err(Refusal::Shipped))
    );
    assert_eq!(stock(&connection), [(7, 0), (3, 0)]);
}

#[test]
fn a_released_or_absent_reservation_ships_from_free_stock() {
    let connection = shop();
    assert_eq!(reserved(&connection, "r-1", &[line(1, 2)], NOW), Ok(1_000));
    assert_eq!(release(&connection, "r-1", 1_100), Ok(Ok(())));
    assert_eq!(
        ship(&connection, "r-1", &[line(1, 2)], NOW),
        Ok(ShipmentSource::FreeStock)
    );
    assert_eq!(stock(&connection), [(8, 0), (3, 0)]);
    assert_eq!(
        ship(&connection, "r-2", &[line(1, 1)], NOW),
        Ok(ShipmentSource::NeverReserved)
    );
    assert_eq!(stock(&connection), [(7, 0), (3, 0)]);
}

#[test]
fn only_standard_holds_expire_and_old_reservations_are_deleted() {
    let connection = shop();
    let until_paid = Terms {
        hold: Hold::UntilPaid,
        ..NOW
    };
    assert_eq!(reserved(&connection, "r-1", &[line(1, 2)], NOW), Ok(1_000));
    assert_eq!(
        reserved(&connection, "r-2", &[line(1, 3)], until_paid),
        Ok(1_500)
    );
    assert_eq!(expire(&connection, 1_999, 10), Ok(0));
    assert_eq!(expire(&connection, 2_000, 10), Ok(1));
    assert_eq!(stock(&connection), [(10, 3), (3, 0)]);
    assert_eq!(delete_old(&connection, 1_999, 10), Ok(0));
    assert_eq!(delete_old(&connection, 2_000, 10), Ok(1));
    assert_eq!(priced_lines(&connection, "r-1"), Ok(vec![]));
    assert_eq!(
        priced_lines(&connection, "r-2").map(|lines| lines[0].price),
        Ok(Money::euro(500))
    );
}
