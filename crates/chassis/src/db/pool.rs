//! The pool: spans, metrics, transactions.

use std::{
    fmt,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use metrics::{Counter, Histogram};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use telemetry::{
    names::{attribute, label, metric},
    request,
};
use tokio::sync::oneshot;
use tracing::Span;

use super::{
    Error, Options, Statement, duration,
    queue::{Gauges, Queue},
};

/// Size of a connection's cache of prepared statements.
const STATEMENT_CACHE: usize = 32;

/// A pool over one SQLite file. Cheap to clone; its threads end when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Pool {
    inner: Arc<Inner>,
}

/// An open read transaction. It ends, and its connection is free again, when this is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the transaction"]
pub struct ReadTransaction {
    _until: mpsc::SyncSender<()>,
}

struct Inner {
    name: &'static str,
    namespace: String,
    acquire: Duration,
    readers: Arc<Queue>,
    writer: Arc<Queue>,
    wait: Histogram,
    timeouts: Counter,
}

impl Pool {
    /// Opens all connections, with WAL, foreign keys and a cache of statements. `name` labels the metrics.
    pub fn open(name: &'static str, options: Options) -> Result<Self, Error> {
        // The writer comes first: it creates the file and switches it to WAL.
        let writer = connect(&options, false)?;
        let readers = (0..options.readers.max(1))
            .map(|_| connect(&options, true))
            .collect::<Result<Vec<_>, _>>()?;
        let gauges = Arc::new(Gauges::new(name, readers.len() + 1));
        let thread = |_| Error::Closed;
        let readers = Queue::start(&format!("{name}-read"), readers, Arc::clone(&gauges));
        let writer = Queue::start(&format!("{name}-write"), vec![writer], gauges);
        let stem = options.path.file_stem().unwrap_or_default();
        let inner = Inner {
            name,
            namespace: stem.to_string_lossy().into_owned(),
            acquire: options.acquire,
            readers: readers.map_err(thread)?,
            writer: writer.map_err(thread)?,
            wait: metrics::histogram!(metric::DB_CLIENT_CONNECTION_WAIT, label::DB_POOL_NAME => name),
            timeouts: metrics::counter!(metric::DB_CLIENT_CONNECTION_TIMEOUTS, label::DB_POOL_NAME => name),
        };
        inner.timeouts.increment(0);
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Runs `work` on a connection for reading.
    pub async fn read<T, F>(&self, statement: &'static Statement, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let work = |connection: &mut Connection| Ok(work(connection)?);
        self.run(&self.inner.readers, statement, work, |_| {}).await
    }

    /// Runs `work` in a read transaction that stays open, and occupies its connection, until the returned
    /// [`ReadTransaction`] is dropped.
    pub async fn begin_read<T, F>(
        &self,
        statement: &'static Statement,
        work: F,
    ) -> Result<(T, ReadTransaction), Error>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (until, dropped) = mpsc::sync_channel(0);
        let read = |connection: &mut Connection| {
            connection.execute_batch("BEGIN")?;
            Ok(work(connection)?)
        };
        let end = move |connection: &mut Connection| {
            // Nothing is ever sent: the transaction ends when the channel closes.
            let _ = dropped.recv();
            if !connection.is_autocommit() {
                // A transaction that only read cannot lose anything.
                let _ = connection.execute_batch("ROLLBACK");
            }
        };
        let value = self.run(&self.inner.readers, statement, read, end).await?;
        Ok((value, ReadTransaction { _until: until }))
    }

    /// Runs `work` in a transaction (`BEGIN IMMEDIATE`) that commits on `Ok` and rolls back on `Err`.
    pub async fn write<T, F>(&self, statement: &'static Statement, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        let work = |connection: &mut Connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        self.run(&self.inner.writer, statement, work, |_| {}).await
    }

    /// Like [`write`](Pool::write), but `work` may also decide against the write: an inner `Err` rolls back and is
    /// returned.
    pub async fn try_write<T, R, F>(
        &self,
        statement: &'static Statement,
        work: F,
    ) -> Result<Result<T, R>, Error>
    where
        T: Send + 'static,
        R: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<Result<T, R>> + Send + 'static,
    {
        let work = |connection: &mut Connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let decision = work(&transaction)?;
            if decision.is_ok() {
                transaction.commit()?;
            } else {
                transaction.rollback()?;
            }
            Ok(decision)
        };
        self.run(&self.inner.writer, statement, work, |_| {}).await
    }

    /// `after` runs once the caller has the outcome of `work`, before the connection is free again.
    async fn run<T, F, A>(
        &self,
        queue: &Queue,
        statement: &'static Statement,
        work: F,
        after: A,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
        A: FnOnce(&mut Connection) + Send + 'static,
    {
        let span = self.span(statement);
        let queued = self.enqueue(queue, statement, span.clone(), work, after);
        let outcome = queued.await;
        if let Err(error) = &outcome
            && !span.is_disabled()
        {
            tracing::record_all!(
                span,
                { attribute::SPAN_STATUS } = "error",
                { attribute::ERROR_TYPE } = kind(error)
            );
        }
        outcome
    }

    async fn enqueue<T, F, A>(
        &self,
        queue: &Queue,
        statement: &'static Statement,
        span: Span,
        work: F,
        after: A,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
        A: FnOnce(&mut Connection) + Send + 'static,
    {
        let (started_tx, mut started_rx) = oneshot::channel();
        let (done_tx, mut done_rx) = oneshot::channel();
        let wait = self.inner.wait.clone();
        let duration = duration::of(statement.summary);
        let current = request::current();
        let queued = Instant::now();
        queue.push(Box::new(move |connection| {
            wait.record(queued.elapsed().as_secs_f64());
            // The caller gave up while this was queued, so the work must not start.
            if started_tx.send(()).is_err() {
                return;
            }
            let began = Instant::now();
            // Log lines of the work belong to the request and to this span.
            let outcome = span.in_scope(|| match current {
                Some(current) => request::sync_scope(current, || work(connection)),
                None => work(connection),
            });
            duration.record(began.elapsed().as_secs_f64(), &span);
            drop(span);
            // The request may have ended meanwhile; the work is done anyway.
            let _ = done_tx.send(outcome);
            after(connection);
        }));
        // Only the wait for a connection is limited here: work that has started is awaited.
        let acquire = tokio::time::sleep(self.inner.acquire);
        tokio::select! {
            biased;
            outcome = &mut done_rx => return outcome.map_err(|_| Error::Closed)?,
            started = &mut started_rx => started.map_err(|_| Error::Closed)?,
            () = acquire => {
                started_rx.close();
                // It may have started at the same moment.
                if started_rx.try_recv().is_err() {
                    self.inner.timeouts.increment(1);
                    let waited = self.inner.acquire.as_millis();
                    return Err(Error::Timeout {
                        waited_ms: u64::try_from(waited).unwrap_or(u64::MAX),
                    });
                }
            }
        }
        done_rx.await.map_err(|_| Error::Closed)?
    }

    /// No span outside of a trace: background tasks would fill the backend with traces of one span.
    fn span(&self, statement: &'static Statement) -> Span {
        if Span::current().is_none() {
            return Span::none();
        }
        tracing::info_span!(
            "query",
            { attribute::SPAN_NAME } = statement.summary,
            { attribute::SPAN_KIND } = "client",
            { attribute::DB_SYSTEM_NAME } = "sqlite",
            { attribute::DB_NAMESPACE } = self.inner.namespace,
            { attribute::DB_OPERATION_NAME } = statement.operation(),
            { attribute::DB_COLLECTION_NAME } = statement.collection(),
            { attribute::DB_QUERY_TEXT } = statement.text,
            { attribute::DB_QUERY_SUMMARY } = statement.summary,
            { attribute::SPAN_STATUS } = tracing::field::Empty,
            { attribute::ERROR_TYPE } = tracing::field::Empty,
        )
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.readers.close();
        self.writer.close();
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("name", &self.name)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

fn connect(options: &Options, is_reader: bool) -> Result<Connection, Error> {
    // Each connection stays on one thread, so it does not need SQLite's own lock.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&options.path, flags)?;
    connection.busy_timeout(options.busy)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -i64::from(options.cache_kib))?;
    if let Some(pages) = options.max_pages {
        // SQLite never sets a limit below the current size; it returns the limit that it has set.
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    if is_reader {
        connection.pragma_update(None, "query_only", true)?;
    }
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    Ok(connection)
}

/// Short name for `error.type`.
fn kind(error: &Error) -> String {
    match error {
        Error::Sqlite(error) => error
            .sqlite_error_code()
            .map_or_else(|| "sqlite".to_owned(), |code| format!("{code:?}")),
        Error::Timeout { .. } => "timeout".to_owned(),
        Error::Closed => "closed".to_owned(),
    }
}
