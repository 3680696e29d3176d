//! The tables of a capsule, and how its file is written.

/// "FDrC": tells a capsule from any other SQLite file.
pub(super) const APPLICATION_ID: i32 = 0x4644_7243;
/// Version of the tables and of the checksums.
pub(super) const VERSION: i32 = 1;
/// Bytes of a page; fixed, so that pages are found when the file's head is gone.
pub(super) const PAGE_BYTES: usize = 4096;

/// How the file is written.
///
/// A write-ahead log, because whoever reads the capsule while the drill goes must not hold the writer up, and because
/// a kill in the middle of a transaction leaves the file itself as it was. It is carried over after every sweep (not by
/// SQLite's own count of pages), so that the file alone, without what lies beside it, is never older than that.
/// No fsync: what was written survives any kill of processes in the system's memory, and the shop's databases share
/// the disk, so that a sync in every sweep would show in the latencies that somebody is to read. One sync comes last.
/// What is deleted is overwritten, so that a salvage never finds rows that were taken back.
pub(super) const SETTINGS: &str = "
PRAGMA page_size = 4096;
PRAGMA secure_delete = ON;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
PRAGMA wal_autocheckpoint = 0;
";

/// Tables, and views for whoever asks with `sqlite3`.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS lines (
    id INTEGER PRIMARY KEY, file TEXT NOT NULL, offset INTEGER NOT NULL, line TEXT NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS pieces (
    id INTEGER PRIMARY KEY, file TEXT NOT NULL, offset INTEGER NOT NULL, bytes BLOB NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS files (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, content NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS taken (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, bytes INTEGER NOT NULL, left_out INTEGER NOT NULL, checksum INTEGER NOT NULL);

CREATE VIEW IF NOT EXISTS logs AS SELECT
    json_extract(line, '$.timestamp') AS at, json_extract(line, '$.level') AS level,
    json_extract(line, '$.service') AS service, json_extract(line, '$.instance') AS instance,
    json_extract(line, '$.message') AS message, json_extract(line, '$.trace_id') AS trace_id, line
    FROM lines WHERE file LIKE 'logs/%' AND json_valid(line);
CREATE VIEW IF NOT EXISTS deploys AS SELECT
    json_extract(line, '$.at') AS at, json_extract(line, '$.id') AS id, json_extract(line, '$.service') AS service,
    json_extract(line, '$.release') AS release, json_extract(line, '$.kind') AS kind,
    json_extract(line, '$.role') AS role, json_extract(line, '$.summary') AS summary
    FROM lines WHERE file = 'deploys.jsonl' AND json_valid(line);
CREATE VIEW IF NOT EXISTS actions AS SELECT
    json_extract(line, '$.at') AS at, json_extract(line, '$.action') AS action,
    json_extract(line, '$.service') AS service, json_extract(line, '$.release') AS release
    FROM lines WHERE file = 'actions.jsonl' AND json_valid(line);
CREATE VIEW IF NOT EXISTS events AS SELECT
    json_extract(line, '$.at') AS at, json_extract(line, '$.event') AS event, line
    FROM lines WHERE file = 'timeline.jsonl' AND json_valid(line);
CREATE VIEW IF NOT EXISTS looks AS SELECT
    json_extract(line, '$.at') AS at, json_extract(line, '$.by') AS by, json_extract(line, '$.kind') AS kind,
    json_extract(line, '$.what') AS what
    FROM lines WHERE file = 'queries.jsonl' AND json_valid(line);
";
