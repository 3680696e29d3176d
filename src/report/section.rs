//! A TOML table read key by key: every problem is collected with its place, and what is not asked for is unknown.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use grader::Moment;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::scenario::problem::{Problem, position};

/// Most entries of a list; nobody reads more.
const MAX_ENTRIES: usize = 100;

/// The text that is read, and what is wrong with it so far.
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
    /// Where the TOML begins in `text`: spans count from there.
    pub(super) offset: usize,
    pub(super) problems: Vec<Problem>,
}

impl Source<'_> {
    pub(super) fn say(&mut self, span: Range<usize>, key: String, message: impl Into<String>) {
        let (line, column) = position(self.text, self.offset + span.start);
        self.problems.push(Problem {
            file: self.file.to_owned(),
            line,
            column,
            key,
            message: message.into(),
        });
    }
}

/// One table, and which of its keys have been asked for.
pub(super) struct Section<'t, 'i> {
    path: String,
    table: Option<&'t DeTable<'i>>,
    known: Vec<&'static str>,
}

impl<'t, 'i> Section<'t, 'i> {
    pub(super) fn new(path: String, table: Option<&'t DeTable<'i>>) -> Self {
        Self {
            path,
            table,
            known: Vec::new(),
        }
    }

    fn key(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }

    fn value(&mut self, name: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.known.push(name);
        self.table.and_then(|table| table.get(name))
    }

    /// A text; empty if there is none.
    pub(super) fn text(&mut self, source: &mut Source, name: &'static str) -> String {
        let Some(value) = self.value(name) else {
            return String::new();
        };
        match value.get_ref() {
            DeValue::String(text) => text.trim().to_owned(),
            other => {
                source.say(
                    value.span(),
                    self.key(name),
                    format!("expected a string, not {}", article(other)),
                );
                String::new()
            }
        }
    }

    /// Texts: a list of them, or one.
    pub(super) fn texts(&mut self, source: &mut Source, name: &'static str) -> Vec<String> {
        let is_text = |value: &DeValue| matches!(value, DeValue::String(_));
        let value = self.table.and_then(|table| table.get(name));
        let items = match value.map(Spanned::get_ref) {
            Some(DeValue::Array(items)) if items.iter().all(|item| is_text(item.get_ref())) => {
                items
            }
            _ => {
                return Vec::from_iter(
                    Some(self.text(source, name)).filter(|text| !text.is_empty()),
                );
            }
        };
        self.known.push(name);
        let texts = items.iter().take(MAX_ENTRIES);
        let texts = texts.filter_map(|item| item.get_ref().as_str());
        let texts = texts.map(|text| text.trim().to_owned());
        texts.filter(|text| !text.is_empty()).collect()
    }

    /// A word of a closed list; an empty text is as good as none.
    pub(super) fn word<T: FromStr<Err: Display>>(
        &mut self,
        source: &mut Source,
        name: &'static str,
    ) -> Option<T> {
        let text = self.text(source, name);
        if text.is_empty() {
            return None;
        }
        text.parse()
            .map_err(|error: T::Err| self.complain(source, name, error.to_string()))
            .ok()
    }

    /// A time, as text or as TOML's own.
    pub(super) fn moment(&mut self, source: &mut Source, name: &'static str) -> Option<Moment> {
        let value = self.value(name)?;
        let text = match value.get_ref() {
            DeValue::String(text) if text.trim().is_empty() => return None,
            DeValue::String(text) => text.to_string(),
            DeValue::Datetime(at)
                if at.date.is_some() && at.offset.is_none() && at.time.is_some() =>
            {
                format!("{at}Z")
            }
            DeValue::Datetime(at) => at.to_string(),
            other => {
                source.say(
                    value.span(),
                    self.key(name),
                    format!("expected a time, not {}", article(other)),
                );
                return None;
            }
        };
        text.parse()
            .map_err(|error: <Moment as FromStr>::Err| {
                self.complain(source, name, error.to_string())
            })
            .ok()
    }

    /// A length of time: `30s`, `2m`; an empty text is as good as none.
    pub(super) fn span(
        &mut self,
        source: &mut Source,
        name: &'static str,
    ) -> Option<time::Duration> {
        let text = self.text(source, name);
        if text.is_empty() {
            return None;
        }
        let span = grader::moment::span(&text);
        if span.is_none() {
            let message = format!("`{text}` is not a duration, such as `30s` or `2m`");
            self.complain(source, name, message);
        }
        span
    }

    /// A whole number, not negative.
    pub(super) fn count(&mut self, source: &mut Source, name: &'static str) -> Option<u64> {
        let value = self.value(name)?;
        let count = match value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        if count.is_none() {
            source.say(
                value.span(),
                self.key(name),
                "expected a whole number, 0 or more",
            );
        }
        count
    }

    /// A number within a range.
    pub(super) fn number(
        &mut self,
        source: &mut Source,
        name: &'static str,
        range: Range<f64>,
    ) -> Option<f64> {
        let value = self.value(name)?;
        let number = match value.get_ref() {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .ok()
                .map(|n| n as f64),
            DeValue::Float(number) => number.as_str().parse().ok(),
            // As the template leaves it: nobody said a number yet.
            DeValue::String(text) if text.trim().is_empty() => return None,
            _ => None,
        };
        let number = number.filter(|number| range.contains(number) || *number == range.end);
        if number.is_none() {
            let message = format!("expected a number from {} to {}", range.start, range.end);
            source.say(value.span(), self.key(name), message);
        }
        number
    }

    /// The pointers: a list of texts, or one text.
    pub(super) fn evidence(&mut self, source: &mut Source) -> Vec<String> {
        let name = "evidence";
        let Some(value) = self.value(name) else {
            return Vec::new();
        };
        match value.get_ref() {
            DeValue::String(text) => vec![text.trim().to_owned()],
            DeValue::Array(items) => {
                let mut texts = Vec::new();
                for (index, item) in items.iter().enumerate().take(MAX_ENTRIES) {
                    match item.get_ref() {
                        DeValue::String(text) => texts.push(text.trim().to_owned()),
                        other => {
                            let key = format!("{}[{index}]", self.key(name));
                            source.say(
                                item.span(),
                                key,
                                format!("a pointer is a string, not {}", article(other)),
                            );
                        }
                    }
                }
                texts.retain(|text| !text.is_empty());
                texts
            }
            other => {
                source.say(
                    value.span(),
                    self.key(name),
                    format!("expected a list of pointers, not {}", article(other)),
                );
                Vec::new()
            }
        }
    }

    /// A table below; empty if there is none.
    pub(super) fn table(&mut self, source: &mut Source, name: &'static str) -> Section<'t, 'i> {
        let key = self.key(name);
        let table = self.value(name).and_then(|value| match value.get_ref() {
            DeValue::Table(table) => Some(table),
            other => {
                source.say(
                    value.span(),
                    key.clone(),
                    format!("expected a table, not {}; write `[{name}]`", article(other)),
                );
                None
            }
        });
        Section::new(key, table)
    }

    /// A list of tables below.
    pub(super) fn tables(
        &mut self,
        source: &mut Source,
        name: &'static str,
    ) -> Vec<Section<'t, 'i>> {
        let Some(value) = self.value(name) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            let message = format!("expected a list of tables; write `[[{name}]]`");
            source.say(value.span(), self.key(name), message);
            return Vec::new();
        };
        if items.len() > MAX_ENTRIES {
            source.say(
                value.span(),
                self.key(name),
                format!("{} entries; the limit is {MAX_ENTRIES}", items.len()),
            );
        }
        let mut sections = Vec::new();
        for (index, item) in items.iter().enumerate().take(MAX_ENTRIES) {
            let key = format!("{}[{index}]", self.key(name));
            match item.get_ref() {
                DeValue::Table(table) => sections.push(Section::new(key, Some(table))),
                other => source.say(
                    item.span(),
                    key,
                    format!("expected a table, not {}", article(other)),
                ),
            }
        }
        sections
    }

    /// Complains about every key that was not asked for.
    pub(super) fn finish(self, source: &mut Source) {
        let known: BTreeSet<&str> = self.known.iter().copied().collect();
        for (name, _) in self.table.into_iter().flatten() {
            if known.contains(name.get_ref().as_ref()) {
                continue;
            }
            let near = crate::scenario::nearest::nearest(name.get_ref(), known.iter().copied());
            let hint = match near.as_slice() {
                [] => format!(
                    "known keys: {}",
                    known.iter().copied().collect::<Vec<_>>().join(", ")
                ),
                [first, ..] => format!("did you mean `{first}`?"),
            };
            source.say(
                name.span(),
                self.key(name.get_ref()),
                format!("unknown key; {hint}"),
            );
        }
    }

    fn complain(&self, source: &mut Source, name: &str, message: String) {
        let span = self
            .table
            .and_then(|table| table.get(name))
            .map_or(0..0, Spanned::span);
        source.say(span, self.key(name), message);
    }
}

fn article(value: &DeValue) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
