//! `report check`: whether the form is right and the pointers resolve. It never tells whether the answer is right.

use std::fmt::Write as _;

use grader::alert::{self, Tried};
use grader::evidence::Sources;
use grader::pointer::{Executed, Outcome};
use grader::writeup::Claim;
use grader::{Frame, WriteUp};
use serde::Serialize;
use text::format::harmless;

use crate::call::line;
use crate::terminal::{Ink, Style};

/// What the check found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checked {
    /// Fields that are still empty.
    pub missing: Vec<&'static str>,
    /// Every pointer with what became of it.
    pub pointers: Vec<Executed>,
    /// The proposed alert, if there is one.
    pub alert: Option<Tried>,
    /// Why the reproduction cannot be run, if it cannot.
    pub reproduction: Option<String>,
}

/// Looks every pointer up, without regard to what is true.
pub async fn check(sources: &Sources, frame: &Frame, writeup: &WriteUp) -> Checked {
    // The sealed windows stay out, so that no answer can depend on them.
    let frame = Frame {
        windows: None,
        ..*frame
    };
    let examined = grader::examine(sources, &frame, writeup).await;
    Checked {
        missing: missing(writeup),
        pointers: examined.pointers,
        alert: examined.alert,
        reproduction: line::requests(&writeup.reproduction.commands).err(),
    }
}

impl Checked {
    /// Whether every pointer resolves with the value it claims, and the proposed alert can be evaluated.
    pub fn is_sound(&self) -> bool {
        let alert = self.alert.as_ref();
        self.pointers.iter().all(Executed::resolves)
            && self.reproduction.is_none()
            && alert.is_none_or(|tried| matches!(tried.outcome, alert::Outcome::Ran(_)))
    }

    /// For a terminal.
    pub fn text(&self, style: Style) -> String {
        let mut out = String::new();
        let width = self
            .pointers
            .iter()
            .map(|pointer| pointer.address().len())
            .max()
            .unwrap_or(0);
        for pointer in &self.pointers {
            let (mark, ink) = match &pointer.outcome {
                Outcome::Found(_) if pointer.resolves() => ("ok", Ink::Good),
                Outcome::Found(_) => ("wrong value", Ink::Error),
                Outcome::Malformed(_) => ("invalid", Ink::Error),
                Outcome::Failed(_) => ("not found", Ink::Error),
                Outcome::Unchecked(_) => ("not checked", Ink::Warning),
            };
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(
                out,
                "{}  {:width$}  {}\n{:15}{:width$}  {}",
                style.paint(ink, &format!("{mark:13}")),
                pointer.address(),
                harmless(&pointer.text),
                "",
                "",
                style.paint(Ink::Faint, &harmless(&pointer.sentence())),
            );
        }
        let good = self
            .pointers
            .iter()
            .filter(|pointer| pointer.resolves())
            .count();
        let _ = writeln!(out, "{good} of {} pointers resolve.", self.pointers.len());
        if let Some(tried) = &self.alert {
            let _ = writeln!(out, "{}", harmless(&about(tried)));
        }
        if let Some(why) = &self.reproduction {
            let _ = writeln!(out, "The reproduction cannot be run: {why}.");
        }
        if !self.missing.is_empty() {
            let _ = writeln!(out, "Still empty: {}.", self.missing.join(", "));
        }
        out
    }
}

/// Only whether it can be evaluated: when it fires in the run is for the grade.
fn about(tried: &Tried) -> String {
    match &tried.outcome {
        alert::Outcome::Ran(_) => "The proposed alert can be evaluated.".to_owned(),
        alert::Outcome::Refused(why) => format!("The proposed alert cannot be used: {why}."),
        alert::Outcome::Unchecked(why) => format!("The proposed alert was not checked: {why}."),
    }
}

fn missing(writeup: &WriteUp) -> Vec<&'static str> {
    let is_incident = writeup.verdict != Some(Claim::NoIncident);
    let fields = [
        ("verdict", writeup.verdict.is_none()),
        ("severity", writeup.severity.is_none()),
        ("summary", writeup.summary.is_empty()),
        (
            "impact.start",
            is_incident && writeup.impact.start.is_none(),
        ),
        (
            "impact.requests",
            is_incident && writeup.impact.requests.is_none(),
        ),
        ("detection", writeup.detection.at.is_none()),
        ("timeline", writeup.timeline.is_empty()),
        (
            "trigger.kind",
            is_incident && writeup.trigger.kind.is_none(),
        ),
        (
            "cause.component",
            is_incident && writeup.cause.component.is_none(),
        ),
        (
            "cause.mechanism",
            is_incident && writeup.cause.mechanism.is_none(),
        ),
        (
            "cause.evidence",
            is_incident && writeup.cause.evidence.is_empty(),
        ),
        ("ruled_out", writeup.ruled_out.is_empty()),
        (
            "mitigation.action",
            is_incident && writeup.mitigation.action.is_empty(),
        ),
        ("action_items", writeup.action_items.is_empty()),
        ("confidence", writeup.confidence.is_none()),
        ("alert.expr", is_incident && writeup.alert.expr.is_empty()),
    ];
    fields
        .into_iter()
        .filter(|(_, is_missing)| *is_missing)
        .map(|(name, _)| name)
        .collect()
}
