//! A capsule becomes a run folder again.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::assembly::Assembly;
use super::row::Row;
use super::salvage;
use super::schema::{APPLICATION_ID, VERSION};
use crate::error::Error;

/// How every SQLite file begins.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Unpacks the capsule `file` into `folder`, which is empty; `beside` is a folder for what is needed meanwhile.
/// Answers what is lost.
pub(super) fn unpack(file: &Path, folder: &Path, beside: &Path) -> anyhow::Result<Vec<String>> {
    let source = File::open(file).with_context(|| format!("capsule `{}`", file.display()))?;
    let mut assembly = Assembly::new(folder);
    let version = read(file, beside, &mut assembly)?;
    // What SQLite could not reach may be there all the same; rows that were read already do no harm.
    if assembly.is_incomplete() {
        salvage::rows(&source, |row| assembly.put(row))?;
    }
    match (assembly.rows, version) {
        (0, Some(version)) if version != VERSION => Err(other_version(file, version).into()),
        (0, _) => Err(not_one(file)),
        _ => assembly.finish(),
    }
}

fn not_one(file: &Path) -> anyhow::Error {
    let message = format!("`{}` is not the capsule of a run", file.display());
    let hint = "a run's capsule is the file `capsule.sqlite` in its folder";
    Error::usage(message, hint).into()
}

/// Reads the tables by way of SQLite, as far as that gets; answers the version of the tables of a capsule.
fn read(file: &Path, beside: &Path, assembly: &mut Assembly) -> anyhow::Result<Option<i32>> {
    if !begins_as_database(file)? {
        return Ok(None);
    }
    let number = |capsule: &Connection, name: &str| {
        capsule.pragma_query_value(None, name, |row| row.get::<_, i32>(0))
    };
    let mut version = None;
    let outcome = connect(file, beside).and_then(|capsule| {
        if number(&capsule, "application_id")? == APPLICATION_ID {
            version = Some(number(&capsule, "user_version")?);
        }
        Ok(capsule)
    });
    let read = match (outcome, version) {
        (Ok(capsule), Some(_)) => tables(&capsule, assembly),
        (Ok(_), None) => Ok(()),
        (Err(error), _) => Err(error.into()),
    };
    match read {
        Err(error) if !error.downcast_ref().is_some_and(is_damage) => {
            Err(error).with_context(|| format!("capsule `{}`", file.display()))
        }
        _ => Ok(version),
    }
}

fn begins_as_database(file: &Path) -> anyhow::Result<bool> {
    let mut head = Vec::new();
    File::open(file)
        .and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut head))
        .with_context(|| format!("capsule `{}`", file.display()))?;
    Ok(head == MAGIC)
}

/// A capsule that is being written is read where it is, in a state that is whole; any other one as a copy, for
/// SQLite mends what it opens, and nothing of what somebody sent must change by looking at it.
fn connect(file: &Path, beside: &Path) -> rusqlite::Result<Connection> {
    let has_log = {
        let mut log = file.as_os_str().to_owned();
        log.push("-wal");
        PathBuf::from(log).exists()
    };
    if has_log
        && let Ok(capsule) = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)
        && capsule
            .query_row("SELECT 1 FROM taken", [], |_| Ok(()))
            .is_ok()
    {
        return Ok(capsule);
    }
    let copy = beside.join("copy.sqlite");
    let copied = std::fs::copy(file, &copy).and_then(|_| {
        let mut permissions = std::fs::metadata(&copy)?.permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
        std::fs::set_permissions(&copy, permissions)
    });
    copied.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    Connection::open(copy)
}

/// What SQLite says where a file is not as it should be; everything else is no matter of the file.
fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => matches!(
            failure.code,
            ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::SystemIoFailure
                | ErrorCode::Unknown
        ),
        // A table that is not there: its name or the list of tables is damaged.
        rusqlite::Error::SqlInputError { .. } => true,
        _ => false,
    }
}

fn tables(capsule: &Connection, assembly: &mut Assembly) -> anyhow::Result<()> {
    // One moment for all tables: the drill may be going on.
    capsule.execute_batch("BEGIN")?;
    let mut failed = Ok(());
    for statement in [
        "SELECT file, offset, line, checksum FROM lines ORDER BY id",
        "SELECT file, offset, bytes, checksum FROM pieces ORDER BY id",
        "SELECT name, content, checksum FROM files ORDER BY id",
        "SELECT name, bytes, left_out, checksum FROM taken ORDER BY id",
    ] {
        // One table that cannot be read says nothing about the next.
        match table(capsule, statement, assembly) {
            Err(error) if error.downcast_ref().is_some_and(is_damage) => failed = Err(error),
            read => read?,
        }
    }
    failed
}

fn table(capsule: &Connection, statement: &str, assembly: &mut Assembly) -> anyhow::Result<()> {
    let mut statement = capsule.prepare(statement)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let values: Option<Vec<Value>> = (0..columns)
            .map(|column| row.get_ref(column).ok().and_then(owned))
            .collect();
        if let Some(row) = values.and_then(|values| Row::read(&values)) {
            assembly.put(row)?;
        }
    }
    Ok(())
}

/// Rows of another version do not pass their checksums, so this is said where none did.
fn other_version(file: &Path, version: i32) -> Error {
    let (age, hint) = if version > VERSION {
        (
            "a newer",
            "open it with the firedrill that wrote it, or a newer one",
        )
    } else {
        ("an older", "open it with the firedrill that wrote it")
    };
    let message = format!(
        "capsule `{}` was written by {age} firedrill: its tables are version {version}, this one reads {VERSION}",
        file.display()
    );
    Error::usage(message, hint)
}

/// `None` for a text that is none any more.
fn owned(value: ValueRef) -> Option<Value> {
    Some(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Integer(value),
        ValueRef::Real(value) => Value::Real(value),
        ValueRef::Text(text) => Value::Text(String::from_utf8(text.to_vec()).ok()?),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    })
}
