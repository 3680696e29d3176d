//! The values of a table's keys: texts, numbers, words and lists of them.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use toml::de::{DeArray, DeValue};

use super::value::{describe, number, one_of, text, time, unknown_word, whole};
use super::{Reader, Table};
use crate::duration;

/// What a text should be.
const TEXT: &str = "a string";

/// A list of texts, or one text.
enum Either<'a> {
    Many(&'a DeArray<'a>),
    One(String),
}

impl<'a> Table<'a> {
    /// A text that must be there.
    pub fn text(&mut self, reader: &mut Reader<'_>, key: &'static str) -> String {
        self.need(reader, key, TEXT, text).unwrap_or_default()
    }

    /// A text that may be absent.
    pub fn optional_text(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<String> {
        self.may(reader, key, TEXT, text)
    }

    /// A text without the space around it; empty if there is none.
    pub fn line(&mut self, reader: &mut Reader<'_>, key: &'static str) -> String {
        let text = self.optional_text(reader, key).unwrap_or_default();
        text.trim().to_owned()
    }

    /// A value that its own type reads from a text; an empty text is as good as none.
    pub fn parsed<T: FromStr<Err: Display>>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
    ) -> Option<T> {
        let line = self.line(reader, key);
        self.parse(reader, key, &line)
    }

    /// The same for what may also be written as a date of TOML, without quotes.
    pub fn parsed_time<T: FromStr<Err: Display>>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
    ) -> Option<T> {
        let line = self.may(reader, key, "a time", time)?;
        self.parse(reader, key, line.trim())
    }

    /// A duration; an empty text is as good as none.
    pub fn duration(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<Duration> {
        let line = self.line(reader, key);
        let read = duration::parse(&line);
        if let (Err(message), false) = (&read, line.is_empty()) {
            reader.problem_at(self.start(key), &self.key(key), message.as_str());
        }
        read.ok()
    }

    fn parse<T: FromStr<Err: Display>>(
        &self,
        reader: &mut Reader<'_>,
        key: &'static str,
        line: &str,
    ) -> Option<T> {
        if line.is_empty() {
            return None;
        }
        line.parse()
            .map_err(|error: T::Err| {
                reader.problem_at(self.start(key), &self.key(key), error.to_string())
            })
            .ok()
    }

    /// A number that must be there.
    pub fn number(&mut self, reader: &mut Reader<'_>, key: &'static str) -> f64 {
        self.need(reader, key, "a number", number)
            .unwrap_or_default()
    }

    /// A number that may be absent.
    pub fn optional_number(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<f64> {
        self.may(reader, key, "a number", number)
    }

    /// A number within a range; an empty text, as a template leaves it, is as good as none.
    pub fn number_within(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        range: RangeInclusive<f64>,
    ) -> Option<f64> {
        let what = format!("a number, {} to {}", range.start(), range.end());
        let within = |value: &DeValue<'_>| match value {
            DeValue::String(text) if text.trim().is_empty() => Some(None),
            value => number(value)
                .filter(|number| range.contains(number))
                .map(Some),
        };
        self.may(reader, key, &what, within).flatten()
    }

    /// A whole number that must be there.
    pub fn whole(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<i64> {
        self.need(reader, key, "a whole number", whole)
    }

    /// A whole number, 0 or more, that may be absent.
    pub fn count(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<u64> {
        let count = |value: &DeValue<'_>| u64::try_from(whole(value)?).ok();
        self.may(reader, key, "a whole number, 0 or more", count)
    }

    /// A truth that is false when it is absent.
    pub fn optional_bool(&mut self, reader: &mut Reader<'_>, key: &'static str) -> bool {
        self.may(reader, key, "`true` or `false`", DeValue::as_bool)
            .unwrap_or_default()
    }

    /// A list of texts that may be absent.
    pub fn optional_texts(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
    ) -> Option<Vec<String>> {
        let items = self.may(reader, key, "a list of strings", DeValue::as_array)?;
        Some(self.items(reader, key, items))
    }

    /// A list of texts that must be there.
    pub fn texts(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Vec<String> {
        if !self.has(key) {
            reader.problem(&self.key(key), "is missing; add a list of strings");
        }
        self.optional_texts(reader, key).unwrap_or_default()
    }

    /// Texts without the space around them: a list of them or one; empty ones count for nothing.
    pub fn lines(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Vec<String> {
        let either = |value: &'a DeValue<'a>| match value.as_array() {
            Some(items) => Some(Either::Many(items)),
            None => text(value).map(Either::One),
        };
        let texts = match self.may(reader, key, "a list of strings, or one string", either) {
            Some(Either::Many(items)) => self.items(reader, key, items),
            Some(Either::One(text)) => vec![text],
            None => Vec::new(),
        };
        let lines = texts.into_iter().map(|text| text.trim().to_owned());
        lines.filter(|line| !line.is_empty()).collect()
    }

    /// The texts of a list. What is none has a problem and counts as empty, so that the others keep their numbers.
    fn items(
        &self,
        reader: &mut Reader<'_>,
        key: &'static str,
        items: &DeArray<'_>,
    ) -> Vec<String> {
        let items = items.iter().take(reader.most_entries).enumerate();
        items
            .map(|(index, item)| {
                let read = text(item.get_ref());
                if read.is_none() {
                    let key = format!("{}[{index}]", self.key(key));
                    let found = describe(item.get_ref());
                    reader.problem_at(
                        item.span().start,
                        &key,
                        format!("must be {TEXT}, not {found}"),
                    );
                }
                read.unwrap_or_default()
            })
            .collect()
    }

    /// One of some words.
    pub fn choice<T: Copy>(
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
            reader.problem_at(self.start(key), &self.key(key), message);
        }
        known.map(|(_, value)| *value)
    }
}
