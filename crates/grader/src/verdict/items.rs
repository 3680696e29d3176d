//! The smaller parts of the write-up, each with its points and the reason for them.

use std::collections::BTreeSet;

use time::Duration;

use super::response::like;
use super::{Case, Item, settled};
use crate::differential::Standing;
use crate::moment::clock_text;
use crate::pointer::{Detail, Executed};
use crate::vocabulary::{Kind, Severity};
use crate::writeup::{Field, RuledOut};
use text::format::counted;

/// The part about all pointers together.
pub(super) const EVIDENCE: &str = "evidence";
/// The share of the points for pointers that is lost when none of the cause's shows anything.
const IDLE: f64 = 0.25;
/// A time in a write-up may be off by this much.
const NEAR: Duration = Duration::seconds(60);

pub(super) fn severity(case: &Case) -> Item {
    let weight = case.rubric.weights.severity;
    let rank = |severity: Severity| {
        Severity::ALL
            .iter()
            .position(|other| *other == severity)
            .unwrap_or(0)
    };
    let accepted = &case.rubric.severity;
    let words: Vec<&str> = accepted.iter().map(|severity| severity.as_str()).collect();
    let words = words.join(" or ");
    let (share, why) = match case.writeup.severity {
        None => (0.0, format!("No severity is given; it was {words}.")),
        Some(said) if accepted.contains(&said) => (1.0, format!("{said} fits the impact.")),
        Some(said) => {
            let off = accepted
                .iter()
                .map(|other| rank(*other).abs_diff(rank(said)))
                .min()
                .unwrap_or(9);
            (
                if off == 1 { 0.4 } else { 0.0 },
                format!("You say {said}; by its impact it was {words}."),
            )
        }
    };
    Item::graded("severity", share, weight, why)
}

pub(super) fn detection(case: &Case) -> Item {
    let weight = case.rubric.weights.detection;
    let said = &case.writeup.detection;
    let Some(page) = case.facts.frame.page else {
        return Item::unchecked("detection", "There was no page in this run; not counted.");
    };
    let Some(at) = said.at.map(|at| at.resolve(&case.facts.frame)) else {
        return Item::graded(
            "detection",
            0.0,
            weight,
            format!(
                "No detection time is given; the page came at {}.",
                clock_text(page)
            ),
        );
    };
    let near = (at - page).abs() <= NEAR;
    let named = !said.by.trim().is_empty();
    let share = 0.6 * f64::from(u8::from(near)) + 0.4 * f64::from(u8::from(named));
    let by = if named {
        "and you name the alert"
    } else {
        "but you do not name what detected it"
    };
    let why = format!(
        "The page came at {}, you say {}, {by}.",
        clock_text(page),
        clock_text(at)
    );
    Item::graded("detection", share, weight, why)
}

pub(super) fn timeline(case: &Case) -> Item {
    let weight = case.rubric.weights.timeline;
    let frame = &case.facts.frame;
    let (mut good, mut elsewhere) = (Vec::new(), 0);
    for (index, event) in case.writeup.timeline.iter().enumerate() {
        let Some(at) = event.at.map(|at| at.resolve(frame)) else {
            continue;
        };
        let found: Vec<_> = case
            .of(Field::Timeline(index))
            .filter(|pointer| pointer.resolves())
            .collect();
        // The last line of a log query may lie anywhere; the other kinds have one time of their own.
        let is_there = found.iter().any(|pointer| {
            let at_found = pointer.finding().and_then(|finding| finding.at);
            pointer.kind == Some(Kind::Log)
                || at_found.is_none_or(|found| (found - at).abs() <= NEAR)
        });
        elsewhere += usize::from(!found.is_empty() && !is_there);
        if is_there && !event.what.trim().is_empty() {
            good.push((at, index));
        }
    }
    let has = |wanted: Option<time::OffsetDateTime>, is_it: &dyn Fn(usize) -> bool| {
        let mut near = good.iter();
        wanted.map(|wanted| near.any(|(at, index)| (*at - wanted).abs() <= NEAR && is_it(*index)))
    };
    let change = has(case.facts.trigger_at, &|index| is_change(case, index));
    let page = has(frame.page, &|_| true);
    let marks: Vec<bool> = [change, page].into_iter().flatten().collect();
    let marked = match marks.len() {
        0 => 1.0,
        all => marks.iter().filter(|mark| **mark).count() as f64 / all as f64,
    };
    let share = 0.4 * (good.len() as f64 / 3.0).min(1.0) + 0.6 * marked;
    let mut why = match case.writeup.timeline.len() {
        0 => "The timeline is empty".to_owned(),
        all => format!(
            "{} of {all} entries have a pointer close to their time",
            good.len()
        ),
    };
    let behind = case.facts.trigger_at.map_or_else(String::new, |at| {
        format!("the change behind it, at {},", clock_text(at))
    });
    for (mark, what) in [(change, behind.as_str()), (page, "the page")] {
        if let Some(mark) = mark {
            why += &format!(
                "; {what} {}",
                if mark { "is included" } else { "is missing" }
            );
        }
    }
    if elsewhere > 0 {
        why += &format!("; {elsewhere} point to another time");
    }
    let share = if good.is_empty() { 0.0 } else { share };
    let hint = (share < 1.0).then(|| {
        "three entries with evidence are enough: the change, the first symptom, the page".to_owned()
    });
    Item::graded("timeline", share, weight, why + ".").hint(hint)
}

/// Whether an entry of the timeline is the change that set it off: where that was a deploy, it points to it.
fn is_change(case: &Case, entry: usize) -> bool {
    let wanted = case.rubric.trigger.as_ref();
    let Some(pattern) = wanted.and_then(|trigger| trigger.deploy.as_deref()) else {
        return true;
    };
    let pointers = case.of(Field::Timeline(entry));
    pointers.filter_map(|pointer| pointer.finding()).any(
        |finding| matches!(&finding.detail, Detail::Deploy(deploy) if like(pattern, &deploy.id)),
    )
}

pub(super) fn contributing(case: &Case) -> Item {
    if case.rubric.contributing.is_empty() {
        return Item::unchecked("contributing causes", "This drill has none; not counted.");
    }
    let weight = case.rubric.weights.contributing;
    let found = case
        .writeup
        .contributing
        .iter()
        .enumerate()
        .find_map(|(index, said)| {
            let known = case.rubric.contributing.iter().find(|known| {
                (known.mechanism.is_some() && known.mechanism == said.mechanism)
                    || names(&known.words, &[&said.what])
            })?;
            let proven = case
                .of(Field::Contributing(index))
                .any(|pointer| pointer.resolves());
            Some((known, proven))
        });
    let (share, why) = match found {
        Some((known, true)) => (
            1.0,
            format!(
                "You name one with evidence: {}.",
                known.about.trim_end_matches('.')
            ),
        ),
        Some((known, false)) => (
            0.5,
            format!(
                "You name one, but without evidence that resolves: {}.",
                known.about
            ),
        ),
        None if case.writeup.contributing.is_empty() => (0.0, "None is named.".to_owned()),
        None => (
            0.0,
            "What you name did not make this possible or worse.".to_owned(),
        ),
    };
    Item::graded("contributing causes", share, weight, why)
}

/// A hypothesis counts when its own evidence excludes what it names.
pub(super) fn ruled_out(case: &Case) -> Item {
    let weight = case.rubric.weights.ruled_out;
    let (mut excluded, mut by, mut open, mut other) = (BTreeSet::new(), vec![], vec![], vec![]);
    for (index, entry) in case.writeup.ruled_out.iter().enumerate() {
        let rivals = meant(case, entry);
        let field = Field::RuledOut(index).to_string();
        let own = format!("{field}.");
        let is_by =
            |by: &[crate::differential::Exclusion]| by.iter().any(|by| by.field.starts_with(&own));
        let gone = rivals.iter().filter(|row| match &row.outcome.standing {
            Standing::Excluded { by } => is_by(by),
            Standing::Unchecked { .. } => true,
            Standing::Standing => false,
        });
        let gone: Vec<&str> = gone.map(|row| row.title.as_str()).collect();
        let has_proof = case
            .of(Field::RuledOut(index))
            .any(|pointer| pointer.resolves());
        match (rivals.is_empty(), gone.is_empty()) {
            (_, false) => {
                excluded.extend(gone);
                by.push(field);
            }
            (true, true) if has_proof => other.push(field),
            _ => open.push(field),
        }
    }
    let needed = case.rubric.rule_out.max(1);
    let earned = excluded.len() as f64 + if other.is_empty() { 0.0 } else { 0.5 };
    let share = (earned / needed as f64).min(1.0);
    let mut why = format!(
        "{} that could be behind `{}` {} excluded{}; {needed} required",
        counted(excluded.len() as u64, "cause"),
        case.lineup.page(),
        if excluded.len() == 1 { "is" } else { "are" },
        match by.is_empty() {
            true => String::new(),
            false => format!(" by {}", by.join(", ")),
        }
    );
    if !other.is_empty() {
        let count = if other.len() == 1 { "counts" } else { "count" };
        why += &format!("; {}: no known cause of it, {count} half", other.join(", "));
    }
    if !open.is_empty() {
        why += &format!("; {}: it would look the same", open.join(", "));
    }
    let hint = (share < 1.0).then(|| {
        "name a component and a mechanism, and point to what would be different if it were that"
            .to_owned()
    });
    Item::graded("ruled out", share, weight, why + ".").hint(hint)
}

/// The rivals that a hypothesis names; where nothing is claimed to be wrong it is about all of them.
fn meant<'a>(case: &'a Case, entry: &RuledOut) -> Vec<&'a crate::lineup::Row> {
    let says_incident = case.says_incident() != Some(false);
    let rivals = case.lineup.rivals().iter().zip(case.rows);
    let meant = rivals.filter(|(rival, _)| !says_incident || settled::names(entry, rival));
    meant.map(|(_, row)| row).collect()
}

fn names(words: &[String], texts: &[&str]) -> bool {
    let texts: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
    words.iter().any(|word| {
        let word = word.to_lowercase();
        texts.iter().any(|text| text.contains(&word))
    })
}

pub(super) fn evidence(case: &Case) -> Item {
    let weight = case.rubric.weights.evidence;
    let all = case.pointers.len();
    let unchecked = case.unchecked();
    if all > 0 && unchecked == all {
        return Item::unchecked(
            EVIDENCE,
            "No pointer could be checked: the backends do not answer.",
        );
    }
    let good = case
        .pointers
        .iter()
        .filter(|pointer| pointer.resolves())
        .count();
    let checked = all - unchecked;
    let resolved = match checked {
        0 => 0.0,
        checked => good as f64 / checked as f64,
    };
    let (idle, chosen) = idle(case);
    let resolved = resolved * (1.0 - IDLE * idle as f64 / chosen.max(1) as f64);
    let practice = &case.rubric.practice;
    let is_done = |kind: &&Kind| {
        case.pointers
            .iter()
            .any(|one| one.kind == Some(**kind) && one.shows())
    };
    let missing: Vec<&str> = practice
        .iter()
        .filter(|kind| !is_done(kind))
        .map(|kind| kind.as_str())
        .collect();
    let share = match practice.len() {
        0 => resolved,
        all => 0.5 * resolved + 0.5 * (all - missing.len()) as f64 / all as f64,
    };
    let mut why = match all {
        0 => "There are no pointers".to_owned(),
        _ => format!("{good} of {checked} pointers resolve, with the values they claim"),
    };
    if idle > 0 {
        why += &format!(
            "; {idle} of {} of the cause {} no difference from the baseline",
            counted(chosen as u64, "pointer"),
            if idle == 1 { "shows" } else { "show" }
        );
    }
    if !missing.is_empty() {
        why += &format!(
            "; none of kind {} shows a difference, and that is what this drill practises",
            missing.join(", ")
        );
    }
    if unchecked > 0 {
        why += &format!("; {unchecked} could not be checked and are not counted");
    }
    let hint = (share < 1.0).then(|| {
        "`firedrill report check` shows which pointers resolve; run it before you submit".to_owned()
    });
    Item::graded(EVIDENCE, share, weight, why + ".").hint(hint)
}

/// Pointers of the cause that resolve and show nothing, and how many there are: each weakens what is pointed at. Where
/// nothing is claimed to be wrong, what shows nothing is the evidence.
fn idle(case: &Case) -> (usize, usize) {
    if case.says_incident() == Some(false) {
        return (0, 0);
    }
    let shows_nothing = |one: &&Executed| one.resolves() && !one.shows();
    let idle = case.of(Field::Cause).filter(shows_nothing).count();
    (idle, case.of(Field::Cause).count())
}

pub(super) fn action_items(case: &Case) -> Item {
    let weight = case.rubric.weights.action_items;
    let needed = case.rubric.action_items.max(1);
    let items = case
        .writeup
        .action_items
        .iter()
        .filter(|item| item.what.split_whitespace().count() >= 3);
    let (mut owned, mut whats) = (0.0, BTreeSet::new());
    for item in items {
        if whats.insert(item.what.trim().to_lowercase()) {
            owned += if item.owner.trim().is_empty() {
                0.5
            } else {
                1.0
            };
        }
    }
    let share = (owned / needed as f64).min(1.0);
    let why = format!(
        "{} given with at least three words, {needed} required; one without an owner counts half.",
        whats.len()
    );
    Item::graded("action items", share, weight, why)
}
