//! `firedrill verify`: whether the drills of the catalogue are sound, proved on real runs.
//!
//! ```text
//! for each drill, some side by side:
//!   run ─── page ── search everything that can be seen ── submit "nothing was wrong" ── the runner removes the cause
//!     │                      (silence)                                                     (before, during, after)
//!     └── its record ── signatures of every drill, second by second ── naive solvers, graded ── run to its page again: the same?
//!              └── what its reference shows and its debrief says: so here?   (references alone: does a step exclude each rival?)
//! ```
//! Everything after the drill is read from its record over the APIs of Jaeger and Prometheus, with nothing running.

mod child;
mod heap;
mod likeness;
mod reference;
mod repeat;
mod report;
mod rival;
mod signature;
pub mod silence;
mod solver;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use grader::verdict::VERDICT;
use grader::{Verdict, WriteUp};
use parking_lot::Mutex;
use serde::Serialize;

use child::Purpose;
use grader::lineup::Row;
use scenario::{Scenario, references};

pub(crate) use reference::record;
pub(crate) use report::text;

/// What is to be verified.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The drills to run.
    pub(crate) drills: Vec<Scenario>,
    /// The drills whose signatures are looked for in each of them.
    pub(crate) catalogue: Vec<Scenario>,
    /// Of traffic and data.
    pub(crate) seed: u64,
    /// Drills side by side.
    pub(crate) jobs: usize,
    /// Whether each is run to its page a second time.
    pub(crate) twice: bool,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Whether every drill is as it should be.
    pub(crate) sound: bool,
    /// The drills in the order in which they were asked for.
    pub(crate) drills: Vec<Checked>,
    /// How long it took, in seconds.
    pub(crate) seconds: f64,
}

/// One drill.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    pub(crate) id: String,
    pub(crate) level: u8,
    pub(crate) control: bool,
    /// What is not as it should be; a drill without any is sound.
    pub(crate) problems: Vec<String>,
    /// The indicator in the steady state, at its worst, and without the cause, as far as the drill came.
    pub(crate) measured: BTreeMap<String, f64>,
    /// The limits that the scenario sets for them.
    pub(crate) limits: Limits,
    /// Seconds from the start of the traffic to the page.
    pub(crate) page_s: Option<f64>,
    /// Why a first run did not count, if one did not; a second one then did, or its problem is told.
    pub(crate) void: Option<String>,
    /// Bytes that were searched for words that give the answer away.
    pub(crate) searched: usize,
    /// For how long each drill's signature showed in this one, in seconds: before the change, and from then on.
    pub(crate) signatures: BTreeMap<String, signature::Shown>,
    /// Its rivals, and the steps of its debrief that exclude each, as the references show it.
    pub(crate) rivals: Vec<Row>,
    /// What of its own evidence this run shows otherwise than its reference or its debrief says.
    pub(crate) differs: Vec<String>,
    /// The naive solvers by name.
    pub(crate) solvers: BTreeMap<&'static str, solver::Result>,
    /// Whether a second run with the same seed was the same; absent if there was none.
    pub(crate) repeats: Option<bool>,
}

/// The limits of a drill's indicator.
#[derive(Debug, Serialize)]
pub(crate) struct Limits {
    pub(crate) before_below: f64,
    pub(crate) during_above: Option<f64>,
    pub(crate) after_below: f64,
}

/// Runs all drills of the plan; `progress` hears of every one that is done.
pub(crate) fn run(plan: &Plan, progress: &(dyn Fn(&Checked) + Sync)) -> anyhow::Result<Report> {
    let began = std::time::Instant::now();
    let drills = side_by_side(&plan.drills, plan.jobs, |scenario| {
        let checked = check(plan, scenario);
        if let Ok(checked) = &checked {
            progress(checked);
        }
        checked
    });
    let drills: Vec<Checked> = drills.into_iter().collect::<anyhow::Result<_>>()?;
    Ok(Report {
        sound: drills.iter().all(|drill| drill.problems.is_empty()),
        drills,
        seconds: began.elapsed().as_secs_f64(),
    })
}

/// Works on some drills at a time; the answers have the order of the drills.
fn side_by_side<T: Send>(
    drills: &[Scenario],
    jobs: usize,
    work: impl Fn(&Scenario) -> T + Sync,
) -> Vec<T> {
    let queue: Mutex<VecDeque<usize>> = Mutex::new((0..drills.len()).collect());
    let done: Mutex<BTreeMap<usize, T>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                // In a condition of `while` the lock would be held for as long as the drill.
                let next = || queue.lock().pop_front();
                while let Some(next) = next() {
                    let answer = work(&drills[next]);
                    done.lock().insert(next, answer);
                }
            });
        }
    });
    done.into_inner().into_values().collect()
}

/// A void run says that its machine was busy, or that the drill is unsound: a second run shows which.
fn run_until_it_counts(
    scenario: &Scenario,
    seed: u64,
    purpose: Purpose,
) -> anyhow::Result<(child::Run, Option<String>)> {
    let first = child::run(scenario, seed, purpose);
    let void = match &first {
        Err(error) => Some(format!("{error:#}")),
        Ok(run) => run
            .problems
            .iter()
            .find(|one| one.starts_with("void"))
            .cloned(),
    };
    match void {
        None => Ok((first?, None)),
        Some(why) => Ok((child::run(scenario, seed, purpose)?, Some(why))),
    }
}

/// What the drill was submitted with, read.
fn nothing() -> anyhow::Result<WriteUp> {
    crate::report::parse("nothing", child::NOTHING)
        .map_err(|problems| anyhow::anyhow!("the write-up that says nothing: {problems:?}"))
}

/// Whether the record gives another verdict than the drill did.
fn another_verdict(folder: &Path, again: &Verdict) -> anyhow::Result<Option<String>> {
    let verdict = VERDICT.read(folder)?;
    let is_same = verdict.passed == again.passed && verdict.score == again.score;
    Ok((!is_same).then(|| {
        format!(
            "graded again, it got {} points instead of {}",
            again.score, verdict.score
        )
    }))
}

/// How the same drill with the same seed differs from one that was run. A busy machine can make two differ by chance, so
/// what differs is run a second time: a drill that does not repeat differs again.
fn differences(scenario: &Scenario, seed: u64, run: &child::Run) -> anyhow::Result<Vec<String>> {
    let compared = || match child::run_to_page(scenario, seed) {
        Ok(again) => repeat::differences(run, &again),
        Err(error) => Ok(vec![format!("second run: {error:#}")]),
    };
    let first = compared()?;
    if first.is_empty() {
        Ok(first)
    } else {
        compared()
    }
}

/// Runs one drill, twice if asked to, and looks at its record.
fn check(plan: &Plan, scenario: &Scenario) -> anyhow::Result<Checked> {
    let manifest = &scenario.manifest;
    let mut checked = Checked {
        id: scenario.id.clone(),
        level: scenario.level,
        control: scenario.is_control(),
        problems: Vec::new(),
        measured: BTreeMap::new(),
        limits: Limits {
            before_below: manifest.before_below,
            during_above: manifest.during_above,
            after_below: manifest.after_below,
        },
        page_s: None,
        void: None,
        searched: 0,
        signatures: BTreeMap::new(),
        rivals: Vec::new(),
        differs: Vec::new(),
        solvers: BTreeMap::new(),
        repeats: None,
    };
    let own = references::own(scenario);
    checked.rivals = own.told_apart(references::candidates());
    checked
        .problems
        .extend(rival::problems(&own, &checked.rivals));
    let run = match run_until_it_counts(scenario, plan.seed, Purpose::Check) {
        Ok((run, void)) => {
            checked.void = void;
            run
        }
        Err(error) => {
            checked.problems.push(format!("{error:#}"));
            return Ok(checked);
        }
    };
    checked.measured.clone_from(&run.measured);
    checked.page_s = Some(run.page_s);
    checked.searched = run.silence.bytes;
    checked.problems.extend(run.problems.iter().cloned());
    checked.problems.extend(run.silence.found.iter().cloned());
    crate::runtime::on_this_thread()?.block_on(look(plan, scenario, &run, &mut checked))?;
    let told_apart = signature::problems(scenario, &plan.catalogue, &checked.signatures);
    let withstands = solver::problems(scenario, &checked.solvers);
    checked.problems.extend(told_apart);
    checked.problems.extend(withstands);
    checked.problems.extend(likeness::problem(&checked.differs));
    if plan.twice {
        let differs = differences(scenario, plan.seed, &run)?;
        checked.repeats = Some(differs.is_empty());
        checked.problems.extend(differs);
    }
    Ok(checked)
}

/// What the record of a run shows, with nothing running.
async fn look(
    plan: &Plan,
    scenario: &Scenario,
    run: &child::Run,
    checked: &mut Checked,
) -> anyhow::Result<()> {
    let write_up = nothing()?;
    let record = crate::recorded::Recorded::open(&run.folder).await?;
    checked.signatures = signature::all(&record, &plan.catalogue).await?;
    checked.solvers = solver::all(&record, &write_up).await?;
    if let Ok(known) = &references::own(scenario).reference {
        let fresh = reference::of_run(&record, scenario, run).await?;
        checked.differs = likeness::differences(scenario, known, &fresh);
    }
    let again = record.grade(&write_up).await;
    record.close().await;
    checked
        .problems
        .extend(another_verdict(&run.folder, &again)?);
    Ok(())
}
