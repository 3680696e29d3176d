//! Edits a draft in place: every comment, order and blank line of it stays.

mod key;
mod shape;

use grader::writeup::{Address, Field};
use text::problem::Problem;
use toml_edit::{DocumentMut, Table, TableLike};

pub use self::key::{Entry, Key, LISTS};
use super::format;
use crate::error::Error;

/// A draft that can be read, and is being changed.
#[derive(Debug, Clone)]
pub struct Draft {
    name: String,
    text: String,
    document: DocumentMut,
    /// Bytes of the text that the document does not hold: up to the head, and from its end.
    around: (usize, usize),
}

impl Draft {
    /// Reads a draft; `name` is its file's, for messages. One that is damaged is refused with line and key.
    pub fn read(name: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let (start, end) = format::head_of(name, text)?;
        let document = text[start..end]
            .parse()
            .map_err(|error: toml_edit::TomlError| {
                // The reader of write-ups words it better, and finds the same.
                let offset = start + error.span().map_or(0, |span| span.start);
                let (line, column) = text::problem::position(text, offset);
                format::parse(name, text).err().unwrap_or_else(|| {
                    vec![Problem {
                        file: name.to_owned(),
                        line,
                        column,
                        key: String::new(),
                        message: error.message().to_owned(),
                    }]
                })
            })?;
        Ok(Self {
            name: name.to_owned(),
            text: text.to_owned(),
            document,
            around: (start, end),
        })
    }

    /// The draft with its changes. What the changes made unreadable is refused; so is what was unreadable before, unless
    /// the changes repaired it.
    pub fn finish(&self) -> Result<String, Error> {
        let (start, end) = self.around;
        let text = format!(
            "{}{}{}",
            &self.text[..start],
            self.document,
            &self.text[end..]
        );
        let Err(after) = format::parse(&self.name, &text) else {
            return Ok(text);
        };
        let said = |problems: &[Problem], say: fn(&Problem) -> String| {
            problems.iter().map(say).collect::<Vec<_>>().join("\n")
        };
        // The lines of the changed text are in no file, so the keys have to do.
        let (message, hint) = match format::parse(&self.name, &self.text) {
            Err(before) => (
                said(&before, ToString::to_string),
                "correct the front matter and try again; nothing was changed",
            ),
            Ok(_) => (
                said(&after, |problem| {
                    format!("{}: {}", problem.key, problem.message)
                }),
                "nothing was changed; `firedrill report new -o -` ends with a list of all words",
            ),
        };
        Err(Error::usage(message, hint))
    }

    /// Sets a field. `add` keeps what a list has.
    pub fn set(&mut self, key: &Key, value: &str, add: bool) -> Result<(), Error> {
        let value = key.value(value)?;
        if key.entry.is_none() {
            self.uncomment(key)?;
        }
        let name = key.name;
        let table = self.table(key)?;
        match (add, value.as_array()) {
            (true, None) => Err(Error::usage(
                format!("`{key}` is not a list"),
                format!("write `{key}=…` to set it"),
            )),
            (true, Some(items)) => {
                for item in items {
                    shape::push(table, name, item.clone())
                        .map_err(|message| Error::usage(format!("`{key}` {message}"), HAND))?;
                }
                Ok(())
            }
            (false, _) => {
                shape::put(table, name, value);
                Ok(())
            }
        }
    }

    /// Adds a pointer to a part; where that went.
    pub fn pin(&mut self, key: &Key, pointer: &str) -> Result<Address, Error> {
        let table = self.table(key)?;
        let index = shape::push(table, "evidence", pointer.into()).map_err(|message| {
            Error::usage(format!("`{}.evidence` {message}", key.section), HAND)
        })?;
        Ok(Address {
            field: self.field(key),
            index,
        })
    }

    /// The part of a write-up that a key of pointers belongs to.
    fn field(&self, key: &Key) -> Field {
        let last = match key.entry {
            Some(Entry::At(at)) => at,
            _ => self.entries(key.section).saturating_sub(1),
        };
        match key.section {
            "impact" => Field::Impact,
            "detection" => Field::Detection,
            "timeline" => Field::Timeline(last),
            "trigger" => Field::Trigger,
            "contributing" => Field::Contributing(last),
            "ruled_out" => Field::RuledOut(last),
            "reproduction" => Field::Reproduction,
            "mitigation" => Field::Mitigation,
            _ => Field::Cause,
        }
    }

    fn entries(&self, section: &str) -> usize {
        let list = self.document.get(section);
        list.and_then(|list| list.as_array_of_tables())
            .map_or(0, |list| list.len())
    }

    /// The table that a key belongs to, made where the draft has none.
    fn table(&mut self, key: &Key) -> Result<&mut dyn TableLike, Error> {
        if key.section.is_empty() {
            return Ok(self.document.as_table_mut());
        }
        let by_hand = |message: String| Error::usage(message, HAND);
        let Some(entry) = key.entry else {
            let item = self
                .document
                .entry(key.section)
                .or_insert_with(toml_edit::table);
            return item
                .as_table_like_mut()
                .ok_or_else(|| by_hand(format!("`{}` is no table", key.section)));
        };
        let list = self
            .document
            .entry(key.section)
            .or_insert_with(toml_edit::array)
            .as_array_of_tables_mut()
            .ok_or_else(|| {
                by_hand(format!(
                    "`{}` is not written as `[[{}]]`",
                    key.section, key.section
                ))
            })?;
        let count = list.len();
        let last_is_blank = list.iter().last().is_some_and(shape::is_blank);
        let at = match entry {
            Entry::New if last_is_blank => count - 1,
            Entry::New => count,
            Entry::Last => count.saturating_sub(1),
            Entry::At(at) => at,
        };
        if at == list.len() {
            list.push(Table::new());
        }
        list.get_mut(at)
            .map(|table| table as &mut dyn TableLike)
            .ok_or_else(|| {
                by_hand(format!(
                    "`{}` has {count} entries; `{}[+]` adds one",
                    key.section, key.section
                ))
            })
    }

    /// A line such as `# requests = 0` of the template becomes a field, so that it stands where the template offers it.
    fn uncomment(&mut self, key: &Key) -> Result<(), Error> {
        let head = self.document.to_string();
        let (mut section, mut found) = (String::new(), None);
        let mut at = 0;
        for line in head.split_inclusive('\n') {
            if let Some(name) = line.trim().strip_prefix('[') {
                section = name.split(']').next().unwrap_or_default().to_owned();
            }
            let offered = line
                .strip_prefix("# ")
                .and_then(|field| field.strip_prefix(key.name));
            let is_offered = offered.is_some_and(|rest| rest.trim_start().starts_with('='));
            if is_offered && section == key.section {
                found = Some(at);
            }
            at += line.len();
        }
        let has_it = match key.section {
            "" => self.document.contains_key(key.name),
            section => self
                .document
                .get(section)
                .is_some_and(|table| table.get(key.name).is_some()),
        };
        if let Some(at) = found.filter(|_| !has_it) {
            let text = format!("{}{}", &head[..at], &head[at + "# ".len()..]);
            // A comment that looks like a field and cannot be read stays one.
            if let Ok(document) = text.parse() {
                self.document = document;
            }
        }
        Ok(())
    }
}

/// What to do with a draft in a form that this does not write.
const HAND: &str = "change it in an editor; nothing was changed";

#[cfg(test)]
mod tests;
