//! The commands that the console has: what each does to the drill, and what it answers.

use std::any::TypeId;

use clap::{Arg, ArgAction, CommandFactory as _};
use drill::api::{Change, Status, Submitted};
use grader::evidence::prometheus::{Alert, Exemplars};
use grader::evidence::{Deploy, LogLine, Trace};
use grader::heap::Diff;
use record::{Settings, Site};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::cli::Cli;
use crate::commands::{
    compare, debrief, deploys, heap, list, logs, metrics, next, profile, query, request, traces,
};
use crate::history::Graded;
use crate::report::check::Checked;
use crate::terminal::Printed;

use Effect::{Changes, Reads};

/// What a command does to the drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing: a GET.
    Reads,
    /// Something: a POST.
    Changes,
}

/// The schema of an answer; what it names goes to the generator's definitions.
pub(super) type Answer = fn(&mut SchemaGenerator) -> Schema;

/// Those that work an incident, and those that choose and review one.
pub(super) const COMMANDS: [(&str, Effect, Answer); 43] = [
    ("status", Reads, of::<Status>),
    ("alerts", Reads, of::<Vec<Alert>>),
    ("logs", Reads, of::<Lines>),
    ("traces", Reads, of::<Vec<traces::Row>>),
    ("trace", Reads, of::<Trace>),
    ("metrics", Reads, of::<Vec<metrics::Family>>),
    ("compare/metrics", Reads, of::<Vec<compare::metrics::Row>>),
    ("compare/spans", Reads, of::<compare::spans::Compared>),
    ("compare/logs", Reads, of::<Vec<compare::logs::Row>>),
    ("query", Reads, of::<Queried>),
    ("deploys", Reads, of::<Vec<Deploy>>),
    ("deploys/show", Reads, of::<deploys::show::Shown>),
    ("heap/list", Reads, of::<Vec<heap::Taken>>),
    ("heap/show", Reads, of::<Vec<Site>>),
    ("heap/diff", Reads, of::<Diff>),
    ("profile/list", Reads, of::<Vec<profile::shown::Listed>>),
    ("profile/show", Reads, of::<profile::shown::Shown>),
    ("profile/diff", Reads, of::<profile::shown::Compared>),
    ("config/show", Reads, of::<Settings>),
    ("report/check", Reads, of::<Checked>),
    ("list", Reads, of::<Vec<list::Row<'_>>>),
    ("history", Reads, of::<Vec<Graded>>),
    ("next", Reads, of::<next::Proposal>),
    ("heap/snapshot", Changes, of::<heap::Taken>),
    ("profile/cpu", Changes, of::<profile::Drawn>),
    ("request", Changes, of::<Sent>),
    ("rollback", Changes, of::<Change>),
    ("restart", Changes, of::<Change>),
    ("deploy", Changes, of::<Change>),
    ("flush", Changes, of::<Change>),
    ("outbox/skip", Changes, of::<Change>),
    ("outbox/replay", Changes, of::<Change>),
    ("prices/revert", Changes, of::<Change>),
    ("block", Changes, of::<Change>),
    ("unblock", Changes, of::<Change>),
    ("config/set", Changes, of::<Change>),
    ("config/unset", Changes, of::<Change>),
    ("scale", Changes, of::<Change>),
    ("report/new", Changes, of::<Printed>),
    ("report/pin", Changes, of::<Printed>),
    ("report/set", Changes, of::<Printed>),
    ("submit", Changes, of::<Submitted>),
    // After it, the write-up cannot be amended.
    ("debrief", Changes, of::<debrief::Told<'_>>),
];

/// Arguments that are of the terminal, or name files there.
const NOT_HERE: [&str; 10] = [
    "json",
    "color",
    "state_dir",
    "follow",
    "watch",
    "svg",
    "no_serve",
    "help",
    "version",
    "give_up",
];
/// Arguments that name the write-up: here there is one, the draft of the run.
pub(super) const DRAFT: [&str; 1] = ["file"];
/// Where a command writes to: the draft for a write-up, and the run's folder for everything else.
pub(super) const OUTPUT: &str = "output";

/// The schema of a type as it is written.
pub(super) fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Log lines, or with `by` how many say the same.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "only its schema is asked for")]
enum Lines {
    Lines(Vec<LogLine>),
    Groups(Vec<logs::group::Group>),
}

/// What an expression evaluates to, or with `exemplars` the requests behind it.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "only its schema is asked for")]
enum Queried {
    Result(query::Wire<'static>),
    Exemplars(Vec<Exemplars>),
}

/// The answer of one request, or with `times` a count of many.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "only its schema is asked for")]
enum Sent {
    One(request::Answer),
    Many(request::Counted),
}

/// The definition of a command, by its name in the API.
pub(super) fn definition(command: &str) -> Option<clap::Command> {
    let mut found = Cli::command();
    found.build();
    for word in command.split('/') {
        found = found.find_subcommand(word)?.clone();
    }
    Some(found)
}

/// Whether it answers data; else it answers the text that it prints.
pub(super) fn prints_json(command: &str) -> bool {
    definition(command).is_some_and(|command| {
        command
            .get_arguments()
            .any(|argument| argument.get_id() == "json")
    })
}

/// The arguments of a command that a request may have.
pub(super) fn arguments(command: &clap::Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| {
        let id = argument.get_id().as_str();
        !NOT_HERE.contains(&id) && !DRAFT.contains(&id) && id != OUTPUT
    })
}

/// What a value of an argument is in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `true` or `false`.
    Flag,
    /// A number, which may be written as a text.
    Number,
    /// A text.
    Text,
}

impl Shape {
    pub(super) fn of(argument: &Arg) -> Self {
        let id = argument.get_value_parser().type_id();
        let numbers = [
            TypeId::of::<u8>(),
            TypeId::of::<u16>(),
            TypeId::of::<u32>(),
            TypeId::of::<usize>(),
            TypeId::of::<f64>(),
        ];
        match argument.get_action() {
            ArgAction::SetTrue => Self::Flag,
            _ if numbers.iter().any(|number| id == *number) => Self::Number,
            _ => Self::Text,
        }
    }
}

/// Whether an argument takes several values.
pub(super) fn is_list(argument: &Arg) -> bool {
    let most = argument
        .get_num_args()
        .map_or(1, |range| range.max_values());
    matches!(argument.get_action(), ArgAction::Append) || most > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_the_console_is_one_of_the_terminal() {
        for (name, ..) in COMMANDS {
            assert!(definition(name).is_some(), "{name}");
        }
    }
}
