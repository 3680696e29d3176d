//! The fields of a write-up as they are named on a command line: `cause.component`, `ruled_out[1].because`.

use std::fmt;
use std::str::FromStr;

use toml_edit::{Array, Value};

use crate::error::Error;

/// The parts that have entries.
pub const LISTS: [&str; 4] = ["timeline", "contributing", "ruled_out", "action_items"];

/// A field of a write-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The part that it belongs to; empty at the top.
    pub section: &'static str,
    /// Which entry of that part; none where a part has no entries.
    pub entry: Option<Entry>,
    /// Its name within the part.
    pub name: &'static str,
    kind: Kind,
}

/// An entry of a part that has several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// The last one.
    Last,
    /// By number, from 0.
    At(usize),
    /// Another one; the template's, as long as that is empty.
    New,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Count,
    Number,
    List,
}

/// Every field but the ones that are text; these are below.
const OTHERS: [(&str, Kind); 15] = [
    ("confidence", Kind::Number),
    ("impact.requests", Kind::Count),
    ("impact.failed", Kind::Count),
    ("impact.slow", Kind::Count),
    ("impact.p99_ms", Kind::Number),
    ("reproduction.command", Kind::List),
    ("impact.evidence", Kind::List),
    ("detection.evidence", Kind::List),
    ("timeline.evidence", Kind::List),
    ("trigger.evidence", Kind::List),
    ("cause.evidence", Kind::List),
    ("contributing.evidence", Kind::List),
    ("ruled_out.evidence", Kind::List),
    ("reproduction.evidence", Kind::List),
    ("mitigation.evidence", Kind::List),
];
const TEXTS: [&str; 32] = [
    "verdict",
    "severity",
    "summary",
    "not_known",
    "impact.start",
    "impact.end",
    "impact.description",
    "detection.at",
    "detection.by",
    "timeline.at",
    "timeline.what",
    "trigger.kind",
    "trigger.deploy",
    "trigger.at",
    "trigger.explanation",
    "cause.component",
    "cause.mechanism",
    "cause.explanation",
    "contributing.what",
    "contributing.component",
    "contributing.mechanism",
    "ruled_out.component",
    "ruled_out.mechanism",
    "ruled_out.hypothesis",
    "ruled_out.because",
    "reproduction.shows",
    "mitigation.action",
    "mitigation.at",
    "action_items.what",
    "action_items.owner",
    "alert.expr",
    "alert.for",
];

impl Key {
    /// The field of pointers of a part: `cause`, `ruled_out[0]`, `cause.evidence`. An entry of the timeline is a new one
    /// unless it is named.
    pub fn of_pointers(part: &str) -> Result<Self, Error> {
        let part = part.strip_suffix(".evidence").unwrap_or(part);
        let key: Result<Self, Error> = format!("{part}.evidence").parse();
        let mut key = key.map_err(|error| {
            let known = OTHERS
                .iter()
                .filter_map(|(key, _)| key.strip_suffix(".evidence"));
            match error {
                Error::UnknownName { .. } => Error::unknown("part with evidence", part, known),
                other => other,
            }
        })?;
        if key.section == "timeline" && key.entry == Some(Entry::Last) {
            key.entry = Some(Entry::New);
        }
        Ok(key)
    }

    /// A value of this field's type, read from how it is typed.
    pub(super) fn value(&self, text: &str) -> Result<Value, Error> {
        let wrong = |what: &str, example: &str| {
            Error::usage(
                format!("`{self}`: `{text}` is not {what}"),
                format!("write `{self}={example}`"),
            )
        };
        match self.kind {
            Kind::Text => Ok(text.into()),
            Kind::Count => {
                let count: i64 = text.parse().map_err(|_| wrong("a whole number", "94"))?;
                Ok(count.into())
            }
            Kind::Number => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(number.into()),
                _ => Err(wrong("a number", "0.8")),
            },
            Kind::List => Ok(Array::from_iter([text]).into()),
        }
    }
}

impl FromStr for Key {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (place, rest) = match text.split_once('[') {
            Some((section, rest)) => {
                let (entry, rest) = rest.split_once(']').unwrap_or((rest, ""));
                (Some(entry), format!("{section}{rest}"))
            }
            None => (None, text.to_owned()),
        };
        let texts = TEXTS.iter().map(|key| (*key, Kind::Text));
        let mut fields = texts.chain(OTHERS);
        let (known, kind) = fields
            .find(|(key, _)| *key == rest)
            .ok_or_else(|| unknown(text, &rest))?;
        let (section, name) = known.split_once('.').unwrap_or(("", known));
        let is_list = LISTS.contains(&section);
        let entry = match place {
            None => is_list.then_some(Entry::Last),
            Some("+") if is_list => Some(Entry::New),
            Some(number) if is_list => Some(Entry::At(number.parse().map_err(|_| {
                Error::usage(
                    format!("`{text}`: `{number}` is not the number of an entry"),
                    format!("`{section}[0]` is the first, `{section}[+]` a new one"),
                )
            })?)),
            Some(_) => {
                let hint = format!("write `{known}`");
                return Err(Error::usage(format!("`{section}` has no entries"), hint));
            }
        };
        Ok(Self {
            section,
            entry,
            name,
            kind,
        })
    }
}

/// The last word of a key is what people remember: `component` for `cause.component`.
fn unknown(text: &str, key: &str) -> Error {
    let known = || TEXTS.into_iter().chain(OTHERS.iter().map(|(key, _)| *key));
    let word = key.rsplit('.').next().unwrap_or(key);
    let mut nearest: Vec<&str> = known()
        .filter(|known| known.rsplit('.').next() == Some(word))
        .collect();
    if nearest.is_empty() {
        nearest = text::nearest(key, known());
    }
    Error::UnknownName {
        kind: "field",
        name: text.to_owned(),
        nearest: nearest.into_iter().take(3).map(str::to_owned).collect(),
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { section, name, .. } = self;
        match self.entry {
            _ if section.is_empty() => f.write_str(name),
            None | Some(Entry::Last) => write!(f, "{section}.{name}"),
            Some(Entry::At(at)) => write!(f, "{section}[{at}].{name}"),
            Some(Entry::New) => write!(f, "{section}[+].{name}"),
        }
    }
}

/// Every field there is.
#[cfg(test)]
pub(super) fn all() -> Vec<Key> {
    let names = TEXTS.into_iter().chain(OTHERS.map(|(key, _)| key));
    names
        .map(|name| name.parse().expect("it is known"))
        .collect()
}
