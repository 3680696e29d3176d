//! Reads TOML tables key by key and collects what is wrong instead of stopping at it.
//!
//! A [`Table`] remembers which keys were asked for; whatever is left when it is finished is unknown.

mod key;
mod value;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::nearest;
use crate::problem::{Problem, position};
use value::{describe, quoted};

pub use value::unknown_word;

/// What is read from, and what was found on the way.
#[derive(Debug)]
pub struct Reader<'t> {
    file: String,
    text: &'t str,
    /// Where the TOML begins in the text: offsets count from there.
    begins: usize,
    /// Most entries of a list.
    most_entries: usize,
    /// Byte offset of each key that was seen.
    pub places: BTreeMap<String, usize>,
    /// What is wrong so far.
    pub problems: Vec<Problem>,
}

/// One table of a TOML text.
#[derive(Debug)]
pub struct Table<'a> {
    path: String,
    /// Absent where the text has no such table: then every key is absent too.
    table: Option<&'a DeTable<'a>>,
    asked: Vec<&'static str>,
}

impl<'t> Reader<'t> {
    /// Reads a text that is TOML as a whole; `file` is its name for messages.
    pub fn new(file: &str, text: &'t str) -> Self {
        Self {
            file: file.to_owned(),
            text,
            begins: 0,
            most_entries: usize::MAX,
            places: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    /// The TOML begins at that byte of the text, and is not to be trusted: lists are bounded.
    pub fn within(mut self, begins: usize, most_entries: usize) -> Self {
        (self.begins, self.most_entries) = (begins, most_entries);
        self
    }

    /// Notes a problem at a byte offset.
    pub fn problem_at(&mut self, offset: usize, key: &str, message: impl Into<String>) {
        let (line, column) = position(self.text, self.begins + offset);
        self.problems.push(Problem {
            file: self.file.clone(),
            line,
            column,
            key: key.to_owned(),
            message: message.into(),
        });
    }

    /// Notes a problem where the key stands, or the closest table around it.
    pub fn problem(&mut self, key: &str, message: impl Into<String>) {
        let offset = place(&self.places, key);
        self.problem_at(offset, key, message);
    }

    /// Remembers where all keys below `path` stand.
    fn mark(&mut self, path: &str, value: &DeValue<'_>) {
        if let Some(table) = value.as_table() {
            for (key, value) in table {
                let at = join(path, key.get_ref());
                self.mark(&at, value.get_ref());
                self.places.insert(at, key.span().start);
            }
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            let at = format!("{path}[{index}]");
            self.mark(&at, item.get_ref());
            self.places.insert(at, item.span().start);
        }
    }

    /// The innermost key below `path` that begins at or before an offset.
    fn key_at(&self, path: &str, offset: usize) -> String {
        let below = self
            .places
            .iter()
            .filter(|(key, at)| key.starts_with(path) && **at <= offset);
        let last = below.max_by_key(|(key, at)| (**at, key.len()));
        last.map_or_else(|| path.to_owned(), |(key, _)| key.clone())
    }

    /// The root of a parsed document.
    pub fn root<'a>(&mut self, table: &'a DeTable<'a>) -> Table<'a> {
        self.node(String::new(), table)
    }

    fn node<'a>(&mut self, path: String, table: &'a DeTable<'a>) -> Table<'a> {
        for key in table.keys() {
            let at = join(&path, key.get_ref());
            self.places.entry(at).or_insert(key.span().start);
        }
        Table {
            path,
            table: Some(table),
            asked: Vec::new(),
        }
    }
}

/// Where a key stands; for one that is missing, where the closest table around it begins.
pub fn place(places: &BTreeMap<String, usize>, key: &str) -> usize {
    let mut key = key;
    loop {
        if let Some(offset) = places.get(key) {
            return *offset;
        }
        match key.rfind(['.', '[']) {
            Some(at) => key = &key[..at],
            None => return 0,
        }
    }
}

impl<'a> Table<'a> {
    /// The full name of a key of this table.
    pub fn key(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// Whether the table has the key, asked for or not.
    pub fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Where the value of a key begins.
    fn start(&self, key: &str) -> usize {
        let value = self.table.and_then(|table| table.get(key));
        value.map_or(0, |value| value.span().start)
    }

    fn get(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.table.and_then(|table| table.get(key))
    }

    /// The value of a key that must be there; `read` says what it should be when it is not that.
    fn need<T>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        what: &str,
        read: impl Fn(&'a DeValue<'a>) -> Option<T>,
    ) -> Option<T> {
        if !self.has(key) {
            self.asked.push(key);
            reader.problem(&self.key(key), format!("is missing; add {what}"));
            return None;
        }
        self.may(reader, key, what, read)
    }

    /// The value of a key that may be absent.
    fn may<T>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        what: &str,
        read: impl Fn(&'a DeValue<'a>) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(key)?;
        let read = read(value.get_ref());
        if read.is_none() {
            let message = match value.get_ref() {
                DeValue::Array(_) if what.starts_with("a list") => {
                    format!("must be {what} only")
                }
                other => format!("must be {what}, not {}", describe(other)),
            };
            reader.problem_at(value.span().start, &self.key(key), message);
        }
        read
    }

    /// A table that must be there; an empty one is read when it is not, so that its keys are reported too.
    pub fn table(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<Table<'a>> {
        let table = self.need(
            reader,
            key,
            &format!("a table `[{}]`", self.key(key)),
            DeValue::as_table,
        )?;
        Some(reader.node(self.key(key), table))
    }

    /// A table that may be absent.
    pub fn optional_table(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
    ) -> Option<Table<'a>> {
        let table = self.may(reader, key, "a table", DeValue::as_table)?;
        Some(reader.node(self.key(key), table))
    }

    /// A table that may be absent; then all of its keys are.
    pub fn table_or_nothing(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Table<'a> {
        let table = self.optional_table(reader, key);
        table.unwrap_or_else(|| Table {
            path: self.key(key),
            table: None,
            asked: Vec::new(),
        })
    }

    /// A list of tables; empty when it is absent. More than may be are left out, with a problem.
    pub fn tables(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Vec<Table<'a>> {
        let what = format!("a list of tables `[[{}]]`", self.key(key));
        let path = self.key(key);
        let rows = self.may(reader, key, &what, |value| {
            let rows = value.as_array()?.iter();
            rows.map(|row| Some((row.span().start, row.get_ref().as_table()?)))
                .collect::<Option<Vec<_>>>()
        });
        let rows = rows.unwrap_or_default();
        let (count, most) = (rows.len(), reader.most_entries);
        if count > most {
            let message = format!("has {count} entries; the limit is {most}");
            reader.problem_at(self.start(key), &self.key(key), message);
        }
        let rows = rows.into_iter().take(most).enumerate();
        rows.map(|(index, (offset, table))| {
            let path = format!("{path}[{index}]");
            reader.places.insert(path.clone(), offset);
            reader.node(path, table)
        })
        .collect()
    }

    /// A value that its own type reads; its first problem is reported where it stands.
    pub fn typed<T: DeserializeOwned>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
    ) -> Option<T> {
        let value = self.get(key)?;
        let path = self.key(key);
        reader.mark(&path, value.get_ref());
        read(reader, &path, value.clone())
    }

    /// A table that its own type reads but for one key, which has another type and may be absent.
    pub fn typed_but_for<T: DeserializeOwned, P: DeserializeOwned>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        part: &str,
    ) -> Option<(T, Option<P>)> {
        let value = self.get(key)?;
        let path = self.key(key);
        reader.mark(&path, value.get_ref());
        let mut rest = value.clone();
        let apart = match rest.get_mut() {
            DeValue::Table(table) => table.remove(part),
            _ => None,
        };
        let apart = match apart {
            Some(value) => Some(read(reader, &format!("{path}.{part}"), value)?),
            None => None,
        };
        Some((read(reader, &path, rest)?, apart))
    }

    /// Reports every key that was not asked for.
    pub fn finish(self, reader: &mut Reader<'_>) {
        for key in self.table.into_iter().flat_map(DeTable::keys) {
            let name = key.get_ref().as_ref();
            if self.asked.contains(&name) {
                continue;
            }
            let message = match nearest(name, self.asked.iter().copied()).first() {
                Some(near) => format!("is not a known key; did you mean `{near}`?"),
                None => format!("is not a known key; the keys are {}", quoted(&self.asked)),
            };
            reader.problem_at(key.span().start, &self.key(name), message);
        }
    }
}

fn join(path: &str, key: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let quoted = if !key.is_empty() && key.bytes().all(plain) {
        key.to_owned()
    } else {
        format!("{key:?}")
    };
    if path.is_empty() {
        quoted
    } else {
        format!("{path}.{quoted}")
    }
}

/// Reads a value as its own type does, and reports its first problem where it stands.
fn read<T: DeserializeOwned>(
    reader: &mut Reader<'_>,
    path: &str,
    value: Spanned<DeValue<'_>>,
) -> Option<T> {
    let start = value.span();
    match T::deserialize(ValueDeserializer::from(value)) {
        Ok(value) => Some(value),
        Err(error) => {
            let offset = error.span().unwrap_or(start).start;
            let key = reader.key_at(path, offset);
            reader.problem_at(offset, &key, error.message());
            None
        }
    }
}
