//! The pool with a database on disk.

use rusqlite::params;

use super::*;

const INSERT: Statement = Statement {
    summary: "INSERT item",
    text: "INSERT INTO item (name) VALUES (?1)",
};
const COUNT: Statement = Statement {
    summary: "SELECT item",
    text: "SELECT count(*) FROM item",
};

struct Fixture {
    pool: Pool,
    // Deleted with the fixture.
    _folder: tempfile::TempDir,
}

async fn fixture(change: impl FnOnce(&mut Options)) -> Fixture {
    let folder = tempfile::tempdir().expect("a folder can be created");
    let mut options = Options::new(folder.path().join("stock.db"));
    change(&mut options);
    let pool = Pool::open("stock", options).expect("the file can be created");
    pool.write(&INSERT, |tx| {
        tx.execute_batch("CREATE TABLE item (name TEXT UNIQUE)")
    })
    .await
    .expect("the table can be created");
    Fixture {
        pool,
        _folder: folder,
    }
}

async fn count(pool: &Pool) -> i64 {
    pool.read(&COUNT, |connection| {
        connection
            .prepare_cached(COUNT.text)?
            .query_row([], |row| row.get(0))
    })
    .await
    .expect("counting works")
}

#[tokio::test]
async fn a_write_commits_or_rolls_back() {
    let Fixture { pool, _folder } = fixture(|_| {}).await;
    let insert = |name: &'static str, then: rusqlite::Result<()>| {
        pool.write(&INSERT, move |tx| {
            tx.execute(INSERT.text, params![name])?;
            then
        })
    };
    insert("kept", Ok(())).await.expect("committed");
    let refused = insert("lost", Err(rusqlite::Error::InvalidQuery)).await;
    assert!(matches!(refused, Err(Error::Sqlite(_))), "{refused:?}");
    let decided: Result<(), &str> = pool
        .try_write(&INSERT, |tx| {
            tx.execute(INSERT.text, params!["refused"])?;
            Ok(Err("sold out"))
        })
        .await
        .expect("the database works");
    assert_eq!(decided, Err("sold out"));
    assert_eq!(count(&pool).await, 1);
}

#[tokio::test]
async fn readers_cannot_write() {
    let Fixture { pool, _folder } = fixture(|_| {}).await;
    let outcome = pool
        .read(&INSERT, |c| c.execute(INSERT.text, params!["x"]))
        .await;
    assert!(matches!(outcome, Err(Error::Sqlite(_))), "{outcome:?}");
}

#[tokio::test]
async fn an_open_read_transaction_occupies_its_connection_until_it_is_dropped() {
    let Fixture { pool, _folder } = fixture(|options| {
        options.readers = 1;
        options.acquire = Duration::from_millis(20);
    })
    .await;
    let get = |connection: &rusqlite::Connection| {
        connection.query_row(COUNT.text, [], |row| row.get::<_, i64>(0))
    };
    let (seen, transaction) = pool
        .begin_read(&COUNT, get)
        .await
        .expect("a free connection");
    assert_eq!(seen, 0);
    pool.write(&INSERT, |tx| tx.execute(INSERT.text, params!["x"]))
        .await
        .expect("the writer is not affected");
    let outcome = pool.read(&COUNT, get).await;
    assert!(matches!(outcome, Err(Error::Timeout { .. })), "{outcome:?}");
    drop(transaction);
    assert_eq!(count(&pool).await, 1, "the connection is free again");
}

#[tokio::test]
async fn a_full_database_rejects_writes_and_still_serves_reads() {
    let Fixture { pool, _folder } = fixture(|options| options.max_pages = Some(6)).await;
    let long = "x".repeat(64 * 1_024);
    let outcome = pool
        .write(&INSERT, move |tx| tx.execute(INSERT.text, params![long]))
        .await;
    let text = outcome.expect_err("the database is full").to_string();
    assert!(text.contains("full"), "{text}");
    assert_eq!(count(&pool).await, 0);
}

#[tokio::test]
async fn waiting_for_a_connection_times_out() {
    let Fixture { pool, _folder } = fixture(|options| {
        options.readers = 1;
        options.acquire = Duration::from_millis(20);
    })
    .await;
    let (release, hold) = std::sync::mpsc::channel::<()>();
    let (entered_tx, entered) = tokio::sync::oneshot::channel();
    let holder = tokio::spawn({
        let pool = pool.clone();
        async move {
            pool.read(&COUNT, move |_| {
                let _ = entered_tx.send(());
                // Returns when the test drops the other end.
                let _ = hold.recv();
                Ok(())
            })
            .await
        }
    });
    entered.await.expect("the holder runs");
    let outcome = pool.read(&COUNT, |_| Ok(())).await;
    assert!(
        matches!(outcome, Err(Error::Timeout { waited_ms: 20 })),
        "{outcome:?}"
    );
    drop(release);
    let held = holder.await.expect("no panic");
    assert!(held.is_ok(), "work that began is finished: {held:?}");
    assert_eq!(count(&pool).await, 0, "the connection is free again");
}

#[tokio::test]
async fn a_panic_in_a_job_is_an_error_and_the_pool_stays_usable() {
    let Fixture { pool, _folder } = fixture(|_| {}).await;
    let outcome: Result<(), Error> = pool
        .write(&INSERT, |tx| {
            tx.execute(INSERT.text, params!["lost"])?;
            panic!("on purpose");
        })
        .await;
    assert!(matches!(outcome, Err(Error::Closed)), "{outcome:?}");
    assert_eq!(count(&pool).await, 0);
}
