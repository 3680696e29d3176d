//! The profiles of a run: which there are, what one says by function, and what changed between two.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use grader::effect::profile::{MIN_SAMPLES, Shares, stacks};
use grader::evidence::{Look, LookKind};
use record::{Profile, Profiles};
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::Recorded;
use crate::cli::profile::{ProfileDiff, ProfileShow};
use crate::commands::source::{Place, explain};
use crate::commands::taken;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::terminal::Ink;
use crate::terminal::table::{Align, Cell, Table};

/// A profile, and how much it saw.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ProfileListed")]
pub(in crate::commands) struct Listed {
    #[serde(flatten)]
    meta: Profile,
    /// `None` if its file cannot be read.
    samples: Option<u64>,
}

/// What a profile says.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ProfileShown")]
pub(in crate::commands) struct Shown {
    #[serde(flatten)]
    meta: Profile,
    samples: u64,
    /// Those with the most samples of their own first.
    functions: Vec<Used>,
    /// Those with the most samples first.
    stacks: Vec<Stack>,
}

/// The samples of a function.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ProfileUsed")]
struct Used {
    function: String,
    /// Samples in the function itself.
    own: u64,
    /// Samples in the function or in what it calls.
    total: u64,
}

/// A stack, outermost function first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ProfileStack")]
struct Stack {
    frames: Vec<String>,
    samples: u64,
}

/// What changed between two profiles.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ProfileCompared")]
pub(in crate::commands) struct Compared {
    samples_before: u64,
    samples_after: u64,
    /// Those whose share grew most first.
    functions: Vec<Changed>,
}

/// A function's share of the samples, between 0 and 1, with what it calls.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "ProfileChanged")]
struct Changed {
    function: String,
    before: f64,
    after: f64,
}

/// Prints the profiles of a run.
pub(super) fn list(context: &Context, args: &Recorded) -> anyhow::Result<Outcome> {
    let place = Place::of(context, args.run.as_deref())?;
    let profiles = Profiles::open(&place.folder);
    let listed = |meta: Profile| {
        let folded = profiles.folded(&meta.name).ok();
        let samples = folded.map(|folded| super::samples(&folded));
        Listed { meta, samples }
    };
    let known = profiles.list().map_err(explain)?;
    let all: Vec<Listed> = known.into_iter().map(listed).collect();
    if args.format.json {
        context.terminal.json(&all)?;
        return Ok(Outcome::Done);
    }
    let rows = all.iter().map(|Listed { meta, samples }| taken::Row {
        name: &meta.name,
        instance: &meta.instance,
        release: &meta.release,
        at: meta.at,
        numbers: [
            meta.seconds.to_string(),
            taken::number(*samples, |samples| samples.to_string()),
        ],
    });
    let advice = "no profiles yet: `firedrill profile cpu SERVICE --name NAME` takes one";
    taken::print(context, ["SECONDS", "SAMPLES"], rows, advice)
}

/// Prints the functions of a profile.
pub(super) fn show(context: &Context, args: &ProfileShow) -> anyhow::Result<Outcome> {
    let place = Place::of(context, args.recorded.run.as_deref())?;
    let profiles = Profiles::open(&place.folder);
    let meta = known(&profiles, &args.name)?;
    let folded = profiles.folded(&args.name).map_err(explain)?;
    let what = format!("functions of {}", args.name);
    place.note(&Look::by_command(LookKind::Profile, what, context.now));
    let samples = super::samples(&folded);
    let mut functions = used(&folded);
    functions.truncate(args.top);
    if args.recorded.format.json {
        let stacks = most(&folded, args.top);
        let shown = Shown {
            meta,
            samples,
            functions,
            stacks,
        };
        context.terminal.json(&shown)?;
        return Ok(Outcome::Done);
    }
    let mut table = Table::new(&[
        ("OWN", Align::Right),
        ("WITH CALLS", Align::Right),
        ("FUNCTION", Align::Left),
    ]);
    for one in &functions {
        table.row([
            Cell::new(Ink::Heading, percent(share(one.own, samples))),
            percent(share(one.total, samples)).into(),
            one.function.as_str().into(),
        ]);
    }
    let head = format!(
        "{} on {} ({}): {samples} samples in {} s\n",
        meta.name, meta.instance, meta.release, meta.seconds
    );
    let table = table.render(context.terminal.out, context.terminal.width);
    context.terminal.print(&format!("{head}{table}"))?;
    Ok(Outcome::Done)
}

/// Prints what changed between two profiles.
pub(super) fn diff(context: &Context, args: &ProfileDiff) -> anyhow::Result<Outcome> {
    let place = Place::of(context, args.recorded.run.as_deref())?;
    let profiles = Profiles::open(&place.folder);
    let [before, after] = [&args.before, &args.after].map(|name| known(&profiles, name));
    let (before, after) = (before?, after?);
    let shares = |meta: &Profile| profiles.folded(&meta.name).map(|text| Shares::of(&text));
    let old = shares(&before).map_err(explain)?;
    let new = shares(&after).map_err(explain)?;
    let what = format!("{}..{}", args.before, args.after);
    place.note(&Look::by_command(LookKind::Profile, what, context.now));
    let mut functions = changed(&old, &new);
    functions.truncate(args.top);
    if args.recorded.format.json {
        let compared = Compared {
            samples_before: old.samples,
            samples_after: new.samples,
            functions,
        };
        context.terminal.json(&compared)?;
        return Ok(Outcome::Done);
    }
    let mut table = Table::new(&[
        ("CHANGE", Align::Right),
        ("BEFORE", Align::Right),
        ("AFTER", Align::Right),
        ("FUNCTION", Align::Left),
    ]);
    for one in &functions {
        let change = one.after - one.before;
        let ink = match change > 0.0 {
            true => Ink::Warning,
            false => Ink::Good,
        };
        let sign = if change > 0.0 { "+" } else { "" };
        table.row([
            Cell::new(ink, format!("{sign}{}", percent(change))),
            percent(one.before).into(),
            percent(one.after).into(),
            one.function.as_str().into(),
        ]);
    }
    let head = format!(
        "{} ({}) → {} ({}), {} and {} samples\n",
        before.instance, before.release, after.instance, after.release, old.samples, new.samples
    );
    let table = table.render(context.terminal.out, context.terminal.width);
    context.terminal.print(&format!("{head}{table}"))?;
    for note in doubts(&before, &after, old.samples.min(new.samples)) {
        context.terminal.note(&note);
    }
    Ok(Outcome::Done)
}

/// Why two profiles are no evidence together.
fn doubts(before: &Profile, after: &Profile, fewest: u64) -> Vec<String> {
    let mut doubts = Vec::new();
    if before.service != after.service {
        let (one, other) = (&before.service, &after.service);
        doubts.push(format!(
            "they are of different services, {one} and {other}, and no evidence together"
        ));
    }
    if fewest < MIN_SAMPLES {
        doubts.push(format!(
            "one has {fewest} samples; {MIN_SAMPLES} are the least for evidence"
        ));
    }
    doubts
}

fn known(profiles: &Profiles, name: &str) -> anyhow::Result<Profile> {
    let all = profiles.list().map_err(explain)?;
    let names = all.iter().map(|meta| meta.name.as_str());
    match all.iter().find(|meta| meta.name == name) {
        Some(meta) => Ok(meta.clone()),
        None => Err(Error::unknown("profile", name, names).into()),
    }
}

fn used(folded: &str) -> Vec<Used> {
    let mut own: BTreeMap<&str, u64> = BTreeMap::new();
    for (stack, samples) in stacks(folded) {
        let innermost = stack.rsplit(';').next().unwrap_or(stack);
        *own.entry(innermost).or_default() += samples;
    }
    let functions = Shares::of(folded).functions.into_iter();
    let mut used: Vec<Used> = functions
        .map(|(function, total)| Used {
            own: own.get(function.as_str()).copied().unwrap_or(0),
            function,
            total,
        })
        .collect();
    used.sort_by_key(|one| Reverse((one.own, one.total)));
    used
}

fn most(folded: &str, top: usize) -> Vec<Stack> {
    let mut all: Vec<(&str, u64)> = stacks(folded).collect();
    all.sort_by_key(|(_, samples)| Reverse(*samples));
    let stack = |(stack, samples): (&str, u64)| Stack {
        frames: stack.split(';').map(str::to_owned).collect(),
        samples,
    };
    all.into_iter().take(top).map(stack).collect()
}

/// Functions that are on more or fewer of the stacks than before; those that grew most first.
fn changed(before: &Shares, after: &Shares) -> Vec<Changed> {
    let mut names: Vec<&String> = before
        .functions
        .keys()
        .chain(after.functions.keys())
        .collect();
    names.sort();
    names.dedup();
    let mut all: Vec<Changed> = names
        .into_iter()
        .map(|function| Changed {
            function: function.clone(),
            before: before.share(function),
            after: after.share(function),
        })
        .filter(|one| one.before != one.after)
        .collect();
    let growth = |one: &Changed| one.after - one.before;
    all.sort_by(|one, other| growth(other).total_cmp(&growth(one)));
    all
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "main;serve;read 50\nmain;serve;write 50\n";
    const AFTER: &str = "main;serve;read 20\nmain;serve 20\nmain;serve;read;scan 60\n";

    #[test]
    fn functions_are_sorted_by_their_own_samples() {
        let rows = used(AFTER);
        let rows: Vec<(&str, u64, u64)> = rows
            .iter()
            .map(|one| (one.function.as_str(), one.own, one.total))
            .collect();
        let expected = [
            ("scan", 60, 60),
            ("serve", 20, 100),
            ("read", 20, 80),
            ("main", 0, 100),
        ];
        assert_eq!(rows, expected);
        assert_eq!(most(AFTER, 1)[0].frames, ["main", "serve", "read", "scan"]);
    }

    #[test]
    fn what_grew_comes_before_what_shrank() {
        let rows = changed(&Shares::of(BEFORE), &Shares::of(AFTER));
        let rows: Vec<(&str, f64, f64)> = rows
            .iter()
            .map(|one| (one.function.as_str(), one.before, one.after))
            .collect();
        assert_eq!(
            rows,
            [("scan", 0.0, 0.6), ("read", 0.5, 0.8), ("write", 0.5, 0.0)]
        );
    }
}
