//! `logs --by`: how many of the matching lines say the same, from when to when.

use std::collections::BTreeMap;

use grader::effect::log::Pattern;
use grader::evidence::LogLine;
use schemars::JsonSchema;
use serde::Serialize;
use text::format;
use time::OffsetDateTime;

use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Style};

/// Lines that have the same in a field.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "LogGroup")]
pub(in crate::commands) struct Group {
    count: usize,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<record::instant::Text>")]
    first: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<record::instant::Text>")]
    last: Option<OffsetDateTime>,
    level: String,
    service: String,
    /// The value of the field; of a message, the newest one of its kind.
    value: String,
}

/// The groups of `lines` by `field`, the largest first. Messages count as the same where only numbers, ids and quoted parts
/// differ.
pub(super) fn group(lines: &[LogLine], field: &str) -> Vec<Group> {
    let mut groups: BTreeMap<(String, String, String), Group> = BTreeMap::new();
    for line in lines {
        let Pattern {
            service,
            level,
            text,
        } = Pattern::of(line);
        let value = line.text(field);
        let key = match field {
            "message" => text,
            _ => value.clone(),
        };
        let group = groups
            .entry((service.clone(), level.clone(), key))
            .or_insert(Group {
                count: 0,
                first: line.at,
                last: line.at,
                level,
                service,
                value: String::new(),
            });
        group.count += 1;
        group.first = group.first.min(line.at);
        group.last = group.last.max(line.at);
        group.value = value;
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

pub(super) fn render(groups: &[Group], style: Style, columns: usize) -> String {
    let mut table = Table::new(&[
        ("COUNT", Align::Right),
        ("FIRST (UTC)", Align::Left),
        ("LAST", Align::Left),
        ("LEVEL", Align::Left),
        ("SERVICE", Align::Left),
        ("VALUE", Align::Left),
    ]);
    let clock = |at: Option<OffsetDateTime>| {
        Cell::new(Ink::Faint, at.map(format::clock).unwrap_or_default())
    };
    for group in groups {
        table.row([
            Cell::new(Ink::Strong, group.count.to_string()),
            clock(group.first),
            clock(group.last),
            Cell::new(super::level_ink(&group.level), group.level.to_uppercase()),
            Cell::new(Ink::Heading, group.service.as_str()),
            group.value.as_str().into(),
        ]);
    }
    table.render(style, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_differ_in_numbers_are_one_group() {
        let line = |second: u8, level: &str, message: &str, code: u16| {
            let text = format!(
                r#"{{"timestamp":"2026-11-23T14:05:{second:02}Z","level":"{level}","service":"gateway","message":"{message}","status":{code}}}"#
            );
            LogLine::parse(&text).expect("line")
        };
        let lines = [
            line(1, "error", "order 17 failed", 500),
            line(2, "info", "listening", 0),
            line(9, "error", "order 18 failed", 503),
        ];
        insta::assert_snapshot!(render(&group(&lines, "message"), Style::PLAIN, 100), @r"
        COUNT  FIRST (UTC)   LAST          LEVEL  SERVICE  VALUE
            2  14:05:01.000  14:05:09.000  ERROR  gateway  order 18 failed
            1  14:05:02.000  14:05:02.000  INFO   gateway  listening
        ");
        let by_status = group(&lines[..1], "status");
        assert_eq!(by_status[0].value, "500");
    }
}
