//! The outbox, in a database in memory.

use super::*;

fn outbox(orders: &[&str]) -> Connection {
    let mut connection = Connection::open_in_memory().expect("a database in memory");
    crate::store::prepare(&mut connection).expect("the tables are created");
    for (order, now_ms) in orders.iter().zip(1..) {
        let message = NewMessage {
            topic: "order.placed",
            payload: "{}",
            order,
            traceparent: None,
            now_ms,
        };
        insert(&connection, message).expect("it is stored");
    }
    connection
}

fn orders(connection: &Connection) -> Vec<String> {
    let stored = stored(connection, 9).expect("they are read");
    stored.into_iter().map(|message| message.order).collect()
}

fn depths(connection: &Connection) -> (u32, u32) {
    let backlog = backlog(connection).expect("it is counted");
    (backlog.depth, backlog.dead)
}

#[test]
fn only_a_failed_head_is_skipped_and_only_once() {
    let connection = outbox(&["a", "b"]);
    let skipped = || {
        let head = skip(&connection, 9, "skipped").expect("it is moved");
        head.map(|head| head.order)
    };
    assert_eq!(skipped(), None, "no attempt has failed yet");
    let head = stored(&connection, 1).expect("they are read")[0].row();
    postpone(&connection, head, 3, 50).expect("it is stored");
    assert_eq!(skipped().as_deref(), Some("a"));
    assert_eq!((skipped(), orders(&connection)), (None, vec!["b".into()]));
    assert_eq!(depths(&connection), (1, 1));
}

#[test]
fn replayed_dead_letters_are_due_and_start_over() {
    let connection = outbox(&["a", "b"]);
    for message in stored(&connection, 9).expect("they are read") {
        give_up(&connection, message.row(), 8, 5, "refused").expect("it is moved");
    }
    assert_eq!(depths(&connection), (0, 2));
    for (expected, after) in [(2, (2, 0)), (0, (2, 0))] {
        assert_eq!(replay(&connection, 70).ok(), Some(expected));
        assert_eq!(depths(&connection), after);
    }
    let due = due(&connection, 70, 9).expect("they are read");
    let seen: Vec<_> = due
        .iter()
        .map(|message| (&*message.order, message.attempts, message.created_ms))
        .collect();
    assert_eq!(seen, [("a", 0, 1), ("b", 0, 2)], "they keep their age");
}

#[test]
fn a_late_result_does_not_affect_a_new_message_in_the_same_row() {
    let connection = outbox(&["a"]);
    let row = stored(&connection, 1).expect("they are read")[0].row();
    postpone(&connection, row, 1, 50).expect("it is stored");
    skip(&connection, 9, "skipped").expect("it is moved");
    let message = NewMessage {
        topic: "order.placed",
        payload: "{}",
        order: "b",
        traceparent: None,
        now_ms: 10,
    };
    insert(&connection, message).expect("it is stored");
    let next = stored(&connection, 1).expect("they are read")[0].row();
    assert_eq!(next.0, row.0, "SQLite reuses the row id");
    remove(&connection, row).expect("nothing is removed");
    postpone(&connection, row, 7, 99).expect("nothing is changed");
    give_up(&connection, row, 7, 99, "refused").expect("nothing is moved");
    assert_eq!(
        (orders(&connection), depths(&connection)),
        (vec!["b".into()], (1, 1))
    );
}
