//! Reads TOML tables key by key and collects what is wrong instead of stopping at it.
//!
//! A [`Node`] remembers which keys were asked for; whatever is left when it is finished is unknown.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::nearest::nearest;
use super::problem::{Problem, position};

/// What is read from, and what was found on the way.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    file: String,
    text: &'t str,
    /// Byte offset of each key that was seen.
    pub(super) places: BTreeMap<String, usize>,
    /// What is wrong so far.
    pub(super) problems: Vec<Problem>,
}

/// One table of the file.
#[derive(Debug)]
pub(super) struct Node<'a> {
    path: String,
    table: &'a DeTable<'a>,
    asked: Vec<&'static str>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(file: &str, text: &'t str) -> Self {
        Self {
            file: file.to_owned(),
            text,
            places: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    /// Notes a problem at a byte offset.
    pub(super) fn problem_at(&mut self, offset: usize, key: &str, message: impl Into<String>) {
        let (line, column) = position(self.text, offset);
        self.problems.push(Problem {
            file: self.file.clone(),
            line,
            column,
            key: key.to_owned(),
            message: message.into(),
        });
    }

    /// Notes a problem where the key stands, or the closest table around it.
    pub(super) fn problem(&mut self, key: &str, message: impl Into<String>) {
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
    pub(super) fn root<'a>(&mut self, table: &'a DeTable<'a>) -> Node<'a> {
        self.node(String::new(), table)
    }

    fn node<'a>(&mut self, path: String, table: &'a DeTable<'a>) -> Node<'a> {
        for key in table.keys() {
            let at = join(&path, key.get_ref());
            self.places.entry(at).or_insert(key.span().start);
        }
        Node {
            path,
            table,
            asked: Vec::new(),
        }
    }
}

/// Where a key stands; for one that is missing, where the closest table around it begins.
pub(super) fn place(places: &BTreeMap<String, usize>, key: &str) -> usize {
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

impl<'a> Node<'a> {
    /// The full name of a key of this table.
    pub(super) fn key(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// Whether the table has the key, asked for or not.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    fn get(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.table.get(key)
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

    pub(super) fn text(&mut self, reader: &mut Reader<'_>, key: &'static str) -> String {
        self.need(reader, key, "a string", text).unwrap_or_default()
    }

    pub(super) fn optional_text(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
    ) -> Option<String> {
        self.may(reader, key, "a string", text)
    }

    pub(super) fn number(&mut self, reader: &mut Reader<'_>, key: &'static str) -> f64 {
        self.need(reader, key, "a number", number)
            .unwrap_or_default()
    }

    pub(super) fn optional_number(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
    ) -> Option<f64> {
        self.may(reader, key, "a number", number)
    }

    pub(super) fn whole(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<i64> {
        self.need(reader, key, "a whole number", whole)
    }

    pub(super) fn optional_bool(&mut self, reader: &mut Reader<'_>, key: &'static str) -> bool {
        self.may(reader, key, "`true` or `false`", DeValue::as_bool)
            .unwrap_or_default()
    }

    pub(super) fn optional_texts(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
    ) -> Option<Vec<String>> {
        self.may(reader, key, "a list of strings", |value| {
            value
                .as_array()?
                .iter()
                .map(|item| text(item.get_ref()))
                .collect()
        })
    }

    pub(super) fn texts(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Vec<String> {
        if !self.has(key) {
            reader.problem(&self.key(key), "is missing; add a list of strings");
        }
        self.optional_texts(reader, key).unwrap_or_default()
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let found = self.need(reader, key, &one_of(&list), text)?;
        let known = words.iter().find(|(word, _)| *word == found);
        if known.is_none() {
            let message = unknown_word(&found, &list);
            let offset = self.table.get(key).map_or(0, |value| value.span().start);
            reader.problem_at(offset, &self.key(key), message);
        }
        known.map(|(_, value)| *value)
    }

    /// A table that must be there; an empty one is read when it is not, so that its keys are reported too.
    pub(super) fn table(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<Node<'a>> {
        let table = self.need(
            reader,
            key,
            &format!("a table `[{}]`", self.key(key)),
            DeValue::as_table,
        )?;
        Some(reader.node(self.key(key), table))
    }

    pub(super) fn optional_table(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
    ) -> Option<Node<'a>> {
        let table = self.may(reader, key, "a table", DeValue::as_table)?;
        Some(reader.node(self.key(key), table))
    }

    /// A list of tables; empty when it is absent.
    pub(super) fn tables(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Vec<Node<'a>> {
        let what = format!("a list of tables `[[{}]]`", self.key(key));
        let path = self.key(key);
        let rows = self.may(reader, key, &what, |value| {
            let rows = value.as_array()?.iter();
            rows.map(|row| Some((row.span().start, row.get_ref().as_table()?)))
                .collect::<Option<Vec<_>>>()
        });
        let rows = rows.unwrap_or_default().into_iter().enumerate();
        rows.map(|(index, (offset, table))| {
            let path = format!("{path}[{index}]");
            reader.places.insert(path.clone(), offset);
            reader.node(path, table)
        })
        .collect()
    }

    /// A value that its own type reads; its first problem is reported where it stands.
    pub(super) fn typed<T: DeserializeOwned>(
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
    pub(super) fn typed_but_for<T: DeserializeOwned, P: DeserializeOwned>(
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
    pub(super) fn finish(self, reader: &mut Reader<'_>) {
        for key in self.table.keys() {
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

/// ``"`x` is not one of `a`, `b`; did you mean `a`?"``.
pub(super) fn unknown_word(word: &str, known: &[&str]) -> String {
    let list = one_of(known);
    match nearest(word, known.iter().copied()).first() {
        Some(near) => format!("`{word}` is not {list}; did you mean `{near}`?"),
        None => format!("`{word}` is not {list}"),
    }
}

fn one_of(words: &[&str]) -> String {
    format!("one of {}", quoted(words))
}

fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
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

fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the string {text:?}"),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(value) => format!("`{value}`"),
        DeValue::Datetime(value) => format!("the date {value}"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn text(value: &DeValue<'_>) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn whole(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    let number = match value {
        DeValue::Integer(_) => whole(value)? as f64,
        DeValue::Float(float) => float.as_str().parse().ok()?,
        _ => return None,
    };
    Some(number).filter(|number| number.is_finite())
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
