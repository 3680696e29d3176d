//! Rule files: YAML to groups, with every problem named by file and line.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_yaml_ng::Value;

use super::group::{AlertRule, Group, Rule, RuleKind};
use super::template::Template;
use crate::duration;
use promql::{Labels, METRIC_NAME};

/// Something wrong with a rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; none if it is about the whole file.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    groups: Vec<RawGroup>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    name: Text,
    interval: Option<Text>,
    query_offset: Option<Text>,
    #[serde(default)]
    limit: usize,
    #[serde(default)]
    labels: BTreeMap<String, Text>,
    #[serde(default)]
    rules: Vec<RawRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    record: Option<Text>,
    alert: Option<Text>,
    expr: Text,
    #[serde(rename = "for")]
    hold: Option<Text>,
    keep_firing_for: Option<Text>,
    #[serde(default)]
    labels: BTreeMap<String, Text>,
    #[serde(default)]
    annotations: BTreeMap<String, Text>,
}

/// A scalar; YAML may have read it as a number or a truth value.
#[derive(Deserialize)]
#[serde(try_from = "Value")]
struct Text(String);

impl TryFrom<Value> for Text {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Text, &'static str> {
        match value {
            Value::String(text) => Ok(Text(text)),
            Value::Bool(truth) => Ok(Text(truth.to_string())),
            Value::Number(number) => Ok(Text(number.to_string())),
            _ => Err("expected a text"),
        }
    }
}

fn plain(texts: &BTreeMap<String, Text>) -> BTreeMap<String, String> {
    let texts = texts.iter();
    texts
        .map(|(name, text)| (name.clone(), text.0.clone()))
        .collect()
}

/// Reads one rule file.
pub(super) fn load(path: &Path, interval: Duration) -> Result<Vec<Group>, Vec<Problem>> {
    let problem = |line, what| Problem {
        file: path.to_owned(),
        line,
        what,
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| vec![problem(None, format!("failed to read: {error}"))])?;
    parse(path, &text, interval)
}

/// Reads the text of a rule file; `path` is for messages and for the API.
pub(super) fn parse(
    path: &Path,
    text: &str,
    interval: Duration,
) -> Result<Vec<Group>, Vec<Problem>> {
    let raw: RawFile = serde_yaml_ng::from_str(text).map_err(|error| {
        vec![Problem {
            file: path.to_owned(),
            line: error.location().map(|location| location.line()),
            what: error.to_string(),
        }]
    })?;
    let mut reader = Reader {
        file: path,
        interval,
        lines: rule_lines(text),
        problems: Vec::new(),
    };
    let mut groups: Vec<Group> = Vec::new();
    for raw in raw.groups {
        if groups.iter().any(|group| group.name == raw.name.0) {
            let what = format!("group `{}` occurs twice", raw.name.0);
            reader.report(None, what);
        }
        let group = reader.group(raw);
        groups.push(group);
    }
    if reader.problems.is_empty() {
        Ok(groups)
    } else {
        Err(reader.problems)
    }
}

/// The lines that name a rule, in order: the parser of YAML does not keep where rules stand.
fn rule_lines(text: &str) -> std::vec::IntoIter<usize> {
    let names_rule = |line: &str| {
        let line = line.trim_start().trim_start_matches("- ").trim_start();
        line.starts_with("alert:") || line.starts_with("record:")
    };
    let numbered = text.lines().zip(1..);
    let named = numbered.filter(|(line, _)| names_rule(line));
    named
        .map(|(_, number)| number)
        .collect::<Vec<_>>()
        .into_iter()
}

struct Reader<'a> {
    file: &'a Path,
    interval: Duration,
    lines: std::vec::IntoIter<usize>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn report(&mut self, line: Option<usize>, what: String) {
        self.problems.push(Problem {
            file: self.file.to_owned(),
            line,
            what,
        });
    }

    fn duration(
        &mut self,
        line: Option<usize>,
        key: &str,
        text: Option<&Text>,
    ) -> Option<Duration> {
        let text = &text?.0;
        let found = duration::parse(text);
        if found.is_none() {
            self.report(line, format!("{key}: `{text}` is not a duration"));
        }
        found
    }

    fn group(&mut self, raw: RawGroup) -> Group {
        let name = raw.name.0;
        let interval = self.duration(None, "interval", raw.interval.as_ref());
        let interval = interval.filter(|interval| !interval.is_zero());
        let offset = self.duration(None, "query_offset", raw.query_offset.as_ref());
        let rules: Vec<Rule> = raw
            .rules
            .into_iter()
            .filter_map(|rule| self.rule(rule, &raw.labels))
            .collect();
        Group {
            name,
            file: self.file.display().to_string(),
            interval: interval.unwrap_or(self.interval),
            offset: offset.unwrap_or_default(),
            limit: raw.limit,
            rules,
            ..Group::default()
        }
    }

    fn rule(&mut self, raw: RawRule, group_labels: &BTreeMap<String, Text>) -> Option<Rule> {
        let line = self.lines.next();
        let before = self.problems.len();
        let query = raw.expr.0.trim().to_owned();
        if let Err(error) = promql::parse(&query) {
            self.report(line, format!("expr: {error}"));
        }
        let mut labels: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in group_labels.iter().chain(&raw.labels) {
            if !is_label_name(name) || name == METRIC_NAME {
                self.report(line, format!("labels: `{name}` is not a label name"));
            }
            labels.insert(name.clone(), value.0.clone());
        }
        let hold = self.duration(line, "for", raw.hold.as_ref());
        let keep = self.duration(line, "keep_firing_for", raw.keep_firing_for.as_ref());
        let annotations = plain(&raw.annotations);
        let (name, kind) = match (raw.alert, raw.record) {
            (Some(alert), None) => {
                let rule = AlertRule {
                    hold: hold.unwrap_or_default(),
                    keep_firing_for: keep.unwrap_or_default(),
                    labels: self.templates(line, "labels", &labels),
                    annotations: self.templates(line, "annotations", &annotations),
                    annotation_sources: annotations.into_iter().collect(),
                };
                (alert.0, RuleKind::Alert(Box::new(rule)))
            }
            (None, Some(record)) => {
                let has_alert_keys = hold.is_some() || keep.is_some() || !annotations.is_empty();
                if has_alert_keys {
                    let keys = "`for`, `keep_firing_for` and `annotations`";
                    self.report(
                        line,
                        format!("{keys} belong to alerts, not to recording rules"),
                    );
                }
                if !is_metric_name(&record.0) {
                    self.report(line, format!("record: `{}` is not a metric name", record.0));
                }
                (record.0, RuleKind::Record)
            }
            _ => {
                let what = "a rule needs `alert` or `record`, and not both";
                self.report(line, what.to_owned());
                return None;
            }
        };
        let is_sound = self.problems.len() == before;
        is_sound.then(|| Rule::new(name, query, Labels::new(labels), kind))
    }

    fn templates(
        &mut self,
        line: Option<usize>,
        key: &str,
        texts: &BTreeMap<String, String>,
    ) -> Vec<(String, Template)> {
        let mut templates = Vec::with_capacity(texts.len());
        for (name, text) in texts {
            match Template::parse(text) {
                Ok(template) => templates.push((name.clone(), template)),
                Err(error) => self.report(line, format!("{key}.{name}: {error}")),
            }
        }
        templates
    }
}

fn is_label_name(name: &str) -> bool {
    !name.contains(':') && is_metric_name(name)
}

fn is_metric_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    name.bytes().all(is_part)
        && name
            .bytes()
            .next()
            .is_some_and(|byte| !byte.is_ascii_digit())
}
