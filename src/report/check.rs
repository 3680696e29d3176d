//! `report check`: whether the form is right, what the pointers show, and how many of the known drills would show the same.
//! It never tells which, nor whether the answer is right: it knows the page and the record, and not the drill.

mod requirement;

use std::fmt::Write as _;

use grader::alert::{self, Tried};
use grader::differential::{Claim, Shown};
use grader::evidence::Sources;
use grader::lineup::{Candidate, Lineup};
use grader::moment::{Windows, clock_text};
use grader::pointer::Executed;
use grader::verdict::Condition;
use grader::writeup::{self, Field};
use grader::{Component, Examined, Frame, WriteUp};
use schemars::JsonSchema;
use serde::Serialize;
use text::Problem;
use text::format::harmless;

use super::text::{account, conditions, mark};
use crate::call::line;
use crate::terminal::{Ink, Style};

/// What the check found.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "WriteUpCheck")]
pub struct Checked {
    /// Fields that are still empty.
    pub missing: Vec<&'static str>,
    /// Fields with more pointers than they may have.
    pub over: Vec<Problem>,
    /// Every pointer with what became of it.
    pub pointers: Vec<Pointer>,
    /// In how many of the known drills all pointers of the diagnosis together would look the same.
    pub diagnosis: Option<Alike>,
    /// The requirements of the verdict, as far as they can be known without the answer.
    pub requirements: Vec<Condition>,
    /// What effects were taken from; none before a page.
    pub windows: Option<Windows>,
    /// The proposed alert, if there is one.
    pub alert: Option<Tried>,
    /// Why the reproduction cannot be run, if it cannot.
    pub reproduction: Option<String>,
}

/// A pointer, and how many drills it fits.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "CheckedPointer")]
pub struct Pointer {
    /// What became of it.
    #[serde(flatten)]
    pub executed: Executed,
    /// In how many of the known drills it would look the same; none for one that is no part of the diagnosis.
    pub alike: Option<Alike>,
    /// Whether it shows something and yet may exclude nothing: most of it is not the named component's own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_unfocused: bool,
}

/// A number of known drills with this page, of those that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Alike {
    /// Those in which it would look the same.
    pub same: usize,
    /// All of them.
    pub of: usize,
}

/// What a responder knows as well: the record, the alert that paged, and every drill of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Its windows are of what the responder can know, and not the sealed ones.
    pub frame: &'a Frame,
    /// The alerts that paged.
    pub alerts: &'a [String],
    /// Every known drill.
    pub catalogue: &'a [Candidate],
}

/// Looks every pointer up, without regard to what is true.
pub async fn check(
    sources: &Sources,
    known: Known<'_>,
    writeup: &WriteUp,
    over: Vec<Problem>,
) -> Checked {
    let examined = grader::examine(sources, known.frame, writeup).await;
    checked(known, writeup, examined, over)
}

/// The same once everything is looked up: pure.
pub(crate) fn checked(
    known: Known<'_>,
    writeup: &WriteUp,
    examined: Examined,
    over: Vec<Problem>,
) -> Checked {
    let differential = Differential::of(known, writeup);
    let differential = differential.as_ref();
    let diagnosis = differential.and_then(|one| one.together(&examined.pointers));
    let pointer = |executed: Executed| {
        let alone = differential.and_then(|one| one.alone(&executed));
        Pointer {
            is_unfocused: alone.is_some_and(|(_, is_unfocused)| is_unfocused),
            alike: alone.map(|(alike, _)| alike),
            executed,
        }
    };
    Checked {
        missing: missing(writeup),
        requirements: requirement::all(writeup, &examined.pointers, diagnosis),
        over,
        pointers: examined.pointers.into_iter().map(pointer).collect(),
        diagnosis,
        windows: known.frame.windows,
        alert: examined.alert,
        reproduction: line::requests(&writeup.reproduction.commands).err(),
    }
}

/// The drills behind each page; which of them runs, and which page the grade is about, is not known here. So the page with the
/// most drills that look the same counts.
struct Differential {
    lineups: Vec<Lineup>,
    is_control: bool,
    incident_s: f64,
    /// The component that the write-up names.
    component: Option<Component>,
}

impl Differential {
    /// None before a page, or where no drill can be compared.
    fn of(known: Known<'_>, writeup: &WriteUp) -> Option<Self> {
        let is_control = writeup.verdict == Some(writeup::Claim::NoIncident);
        let incident = known.frame.windows?.incident;
        let lineup = |alert: &String| Lineup::of("", alert, is_control, known.catalogue);
        let lineups = known.alerts.iter().map(lineup);
        let differential = Self {
            lineups: lineups.filter(|one| comparable(one) > 0).collect(),
            is_control,
            incident_s: incident.length().as_seconds_f64(),
            component: writeup.cause.component,
        };
        (!differential.lineups.is_empty()).then_some(differential)
    }

    /// How a pointer of the diagnosis would exclude; none for another one.
    fn claim(&self, executed: &Executed) -> Option<Claim> {
        match executed.field?.field {
            Field::Cause | Field::RuledOut(_) if self.is_control => Some(Claim::Absent),
            Field::Cause => Some(Claim::Present),
            Field::RuledOut(_) => Some(Claim::Either),
            _ => None,
        }
    }

    fn shown(&self, lineup: &Lineup, executed: &Executed) -> Option<Shown> {
        let finding = executed.finding().filter(|_| executed.resolves())?;
        let here = Some(finding.effect.clone());
        let probe = finding.probe.as_ref();
        let address = executed.address();
        Some(lineup.shown(&address, here, probe, self.component))
    }

    /// How many drills it fits, and whether it may exclude none because of what it is about.
    fn alone(&self, executed: &Executed) -> Option<(Alike, bool)> {
        let claim = self.claim(executed)?;
        let in_one = |lineup: &Lineup| {
            let shown = self.shown(lineup, executed)?;
            let alike = Alike {
                same: lineup.alike(claim, &shown, self.incident_s).len(),
                of: comparable(lineup),
            };
            Some((alike, claim == Claim::Present && shown.is_unfocused()))
        };
        let all: Vec<(Alike, bool)> = self.lineups.iter().filter_map(in_one).collect();
        let is_unfocused = all.iter().all(|(_, is_unfocused)| *is_unfocused);
        let alike = all.into_iter().map(|(alike, _)| alike).max()?;
        Some((alike, is_unfocused))
    }

    /// What is ruled out excludes the one that it names; to count it would tell which ones there are.
    fn together(&self, pointers: &[Executed]) -> Option<Alike> {
        let is_counted = |claim: &Claim| *claim != Claim::Either;
        let in_one = |lineup: &Lineup| {
            let shown = pointers.iter().filter_map(|one| {
                let claim = self.claim(one).filter(is_counted)?;
                Some((claim, self.shown(lineup, one)?))
            });
            let shown: Vec<(Claim, Shown)> = shown.collect();
            let claims = shown.iter().map(|(claim, shown)| (*claim, shown));
            let claims: Vec<(Claim, &Shown)> = claims.collect();
            let rows = lineup.table(self.incident_s, |_| claims.clone());
            (!claims.is_empty()).then_some(Alike {
                same: rows.iter().filter(|row| row.outcome.stands()).count(),
                of: comparable(lineup),
            })
        };
        self.lineups.iter().filter_map(in_one).max()
    }
}

fn comparable(lineup: &Lineup) -> usize {
    let rivals = lineup.rivals().iter();
    rivals.filter(|rival| rival.reference.is_ok()).count()
}

impl Checked {
    /// Whether every pointer resolves with the value it claims, no field has too many, and the proposed alert can be evaluated.
    pub fn is_sound(&self) -> bool {
        let alert = self.alert.as_ref();
        self.pointers
            .iter()
            .all(|pointer| pointer.executed.resolves())
            && self.over.is_empty()
            && self.reproduction.is_none()
            && alert.is_none_or(|tried| matches!(tried.outcome, alert::Outcome::Ran(_)))
    }

    /// For a terminal of so many columns.
    pub fn text(&self, style: Style, width: usize) -> String {
        let width = width.clamp(60, 140);
        let mut out = String::new();
        self.each(&mut out, style);
        // Writing to a String cannot fail, here and below.
        for problem in &self.over {
            let problem = harmless(&problem.to_string()).into_owned();
            let _ = writeln!(out, "{}", style.paint(Ink::Error, &problem));
        }
        let good = self
            .pointers
            .iter()
            .filter(|one| one.executed.resolves())
            .count();
        let _ = match self.pointers.len() {
            0 => writeln!(out, "The write-up has no pointers yet."),
            all => writeln!(out, "{good} of {all} pointers resolve."),
        };
        let _ = writeln!(out, "{}\n", self.compared());
        conditions(&mut out, &self.requirements, style, width);
        out.push('\n');
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

    fn each(&self, out: &mut String, style: Style) {
        let addresses = self.pointers.iter().map(|one| one.executed.address().len());
        let width = addresses.max().unwrap_or(0);
        for Pointer {
            executed,
            alike,
            is_unfocused,
        } in &self.pointers
        {
            let (mark, ink) = mark(executed);
            let mut what = match self.windows {
                Some(_) => account(executed),
                // There is nothing yet to differ from.
                None => executed.sentence(),
            };
            if let Some(Alike { same, of }) = alike {
                what += &format!(" The same in {same} of {of}.");
            }
            if *is_unfocused {
                what += " Most of it is not the named component's own, or is what the alert itself says, so it excludes nothing: narrow the expression.";
            }
            let _ = writeln!(
                out,
                "{}  {:width$}  {}\n{:9}{:width$}  {}",
                style.paint(ink, &format!("{mark:7}")),
                executed.address(),
                harmless(&executed.text),
                "",
                "",
                style.paint(Ink::Faint, &harmless(&what)),
            );
        }
    }

    /// What effects were taken from.
    fn compared(&self) -> String {
        let Some(windows) = self.windows else {
            return "There has been no page yet; what pointers show is told from then on."
                .to_owned();
        };
        format!(
            "Effects compare {} to {} with {} to {}; the grade knows when the change was, and may see more or less.",
            clock_text(windows.baseline.from),
            clock_text(windows.baseline.to),
            clock_text(windows.shown().from),
            clock_text(windows.shown().to)
        )
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
    let is_incident = writeup.verdict != Some(writeup::Claim::NoIncident);
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
            is_incident && writeup.impact.requests.is_none() && writeup.impact.failed != Some(0),
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
