//! Reading a pointer. Nothing is looked up here.

use std::str::FromStr;

use super::{Expected, Pointer, Target};
use crate::closed::UnknownWord;
use crate::vocabulary::Kind;

/// Longest pointer; expressions have a limit of their own.
const MAX_BYTES: usize = 4096 + 256;

/// Why a text is not a pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// There is no `kind:` at the beginning.
    #[error(
        "the kind is missing: begin with `trace:`, `promql:`, `log:`, `deploy:`, `heap:` or `profile:`"
    )]
    NoKind,
    /// The kind is none of the six.
    #[error(transparent)]
    Kind(#[from] UnknownWord),
    /// The rest does not fit the kind.
    #[error("{0}")]
    Form(String),
}

fn form(message: impl Into<String>) -> ParseError {
    ParseError::Form(message.into())
}

impl Pointer {
    /// The kind of evidence it points to.
    pub fn kind(&self) -> Kind {
        match self.target {
            Target::Trace(_) => Kind::Trace,
            Target::Promql { .. } => Kind::Promql,
            Target::Log(_) => Kind::Log,
            Target::Deploy(_) => Kind::Deploy,
            Target::Heap { .. } => Kind::Heap,
            Target::Profile { .. } => Kind::Profile,
        }
    }
}

impl FromStr for Pointer {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.len() > MAX_BYTES {
            return Err(form(format!(
                "it has {} bytes; the limit is {MAX_BYTES}",
                text.len()
            )));
        }
        let (kind, rest) = text.split_once(':').ok_or(ParseError::NoKind)?;
        let kind: Kind = kind.trim().parse()?;
        let (body, expected) = match rest.rsplit_once("=>") {
            Some((body, value)) => match expected(kind, value.trim()) {
                Ok(expected) => (body.trim(), Some(expected)),
                // The text that a log query looks for may hold an arrow of its own.
                Err(_) if kind == Kind::Log => (rest.trim(), None),
                Err(error) => return Err(error),
            },
            None => (rest.trim(), None),
        };
        if body.is_empty() {
            return Err(form(format!("there is nothing after `{kind}:`")));
        }
        let target = match kind {
            Kind::Trace => Target::Trace(trace(body)?),
            Kind::Promql => promql(body)?,
            Kind::Log => Target::Log(body.parse().map_err(|e| form(format!("{e}")))?),
            Kind::Deploy => Target::Deploy(body.to_owned()),
            Kind::Heap => {
                let (before, after) = two(body, "snapshots: `heap:<before>..<after>`")?;
                Target::Heap { before, after }
            }
            Kind::Profile => {
                let (before, after) = two(body, "profiles: `profile:<before>..<after>`")?;
                Target::Profile { before, after }
            }
        };
        Ok(Self { target, expected })
    }
}

fn trace(body: &str) -> Result<String, ParseError> {
    let is_id = body.len() <= 32 && body.bytes().all(|b| b.is_ascii_hexdigit());
    match is_id {
        true => Ok(body.to_ascii_lowercase()),
        false => Err(form("a trace id has 32 hex digits")),
    }
}

fn promql(body: &str) -> Result<Target, ParseError> {
    let (expr, at) = body
        .rsplit_once('@')
        .ok_or_else(|| form("the time is missing; write `promql:<expression>@<time>`"))?;
    let expr = expr.trim().to_owned();
    if expr.is_empty() {
        return Err(form("there is no expression before `@`"));
    }
    let at = at.parse().map_err(|e| form(format!("{e}")))?;
    Ok(Target::Promql { expr, at })
}

fn two(body: &str, what: &str) -> Result<(String, String), ParseError> {
    let (before, after) = body
        .split_once("..")
        .filter(|(before, after)| !before.is_empty() && !after.is_empty())
        .ok_or_else(|| form(format!("name two {what}")))?;
    Ok((before.trim().to_owned(), after.trim().to_owned()))
}

/// `0.48`, `480ms`, `12%`, `40MB`: a number in the unit of its kind.
fn expected(kind: Kind, text: &str) -> Result<Expected, ParseError> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && !"+-.eE_".contains(c))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number
        .replace('_', "")
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
        .ok_or_else(|| form(format!("`{text}` is not a number")))?;
    let factor = factor(kind, unit.trim())
        .ok_or_else(|| form(format!("`{}` is not a unit of a {kind} value", unit.trim())))?;
    Ok(Expected {
        value: number * factor,
        text: text.to_owned(),
    })
}

fn factor(kind: Kind, unit: &str) -> Option<f64> {
    let seconds = match unit {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        _ => 0.0,
    };
    let bytes = match unit {
        "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        _ => 0.0,
    };
    let factor = match (kind, unit) {
        (Kind::Deploy | Kind::Profile, _) => return None,
        (_, "") => 1.0,
        (Kind::Trace, _) => seconds * 1e3,
        (Kind::Promql, "%") => 0.01,
        (Kind::Promql, "/s") => 1.0,
        (Kind::Promql, _) => seconds + bytes,
        (Kind::Heap, _) => bytes,
        (Kind::Log, _) => f64::from(u8::from(matches!(unit, "lines" | "line"))),
    };
    (factor > 0.0).then_some(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_read_by_kind() {
        fn check(text: &str, kind: Kind, expected: Option<f64>) {
            let pointer: Pointer = text.parse().expect(text);
            assert_eq!(pointer.kind(), kind, "{text}");
            assert_eq!(
                pointer.expected.map(|e| (e.value * 1e6).round() / 1e6),
                expected,
                "{text}"
            );
        }
        check("trace:4BF92F3577B34DA6A3CE929D0E0E4736", Kind::Trace, None);
        check(
            "trace:4bf92f3577b34da6a3ce929d0e0e4736 => 0.48s",
            Kind::Trace,
            Some(480.0),
        );
        check("promql:sum(up)@page+30s", Kind::Promql, None);
        check(
            "promql:x{a=~\"b\"} >= 3 @ 10:02:30 => 12%",
            Kind::Promql,
            Some(0.12),
        );
        check("promql:x @ 10:02 => 480ms", Kind::Promql, Some(0.48));
        check(
            "promql:x[5m:1s] @ 1764 @ page => -4e3",
            Kind::Promql,
            Some(-4000.0),
        );
        check("log:level=error \"a => b\" => 12", Kind::Log, Some(12.0));
        check("log:\"a => b\"", Kind::Log, None);
        check("log:service=checkout", Kind::Log, None);
        check("deploy:inventory@2026.11.4", Kind::Deploy, None);
        check("heap:early..late => 40MiB", Kind::Heap, Some(41_943_040.0));
        check("profile:calm..busy", Kind::Profile, None);
    }

    #[test]
    fn what_is_no_pointer_says_why() {
        fn check(text: &str, expected: &str) {
            let error = text.parse::<Pointer>().expect_err(text);
            assert_eq!(error.to_string(), expected, "{text}");
        }
        check(
            "unknown",
            "the kind is missing: begin with `trace:`, `promql:`, `log:`, `deploy:`, `heap:` or `profile:`",
        );
        check("http://127.0.0.1/x", "`http` is not a kind of evidence");
        check(
            "tracer:1",
            "`tracer` is not a kind of evidence; did you mean `trace`?",
        );
        check(
            "file:///etc/passwd",
            "`file` is not a kind of evidence; did you mean `profile`?",
        );
        check("trace:../../etc", "a trace id has 32 hex digits");
        check("trace:", "there is nothing after `trace:`");
        check(
            "promql:up",
            "the time is missing; write `promql:<expression>@<time>`",
        );
        check("promql:@page", "there is no expression before `@`");
        check(
            "promql:up@later",
            "`later` is not a time; write `10:02:30` (UTC), `page+30s` or `2026-11-23T10:02:30Z`",
        );
        check("promql:up@page => many", "`many` is not a number");
        check("trace:ab => 3 MB", "`MB` is not a unit of a trace value");
        check("heap:one", "name two snapshots: `heap:<before>..<after>`");
        check(
            "log:\"open",
            "the quote is never closed at character 1 of the query",
        );
    }
}
