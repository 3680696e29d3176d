//! TOML text to a draft: the scenario as far as it could be read, and every problem of form.

mod event;

use std::collections::BTreeMap;

use grader::Rubric;
use loadgen::Load;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use settings::Wire;
use shop_api::Service;
use text::problem::{MOST_SYNTAX_ERRORS, Problem, position};
use text::table::{Reader, Table, place};
use toml::de::DeTable;

use crate::{
    Action, Debrief, Family, FromPool, Limit, Link, LinkKind, Manifest, Misleading, Outside, Page,
    Release, Scenario, Silence, Step, Target, recipe,
};

/// The comment line that separates what may be shown from the key.
pub const SEAL: &str = "# answers below";

/// The keys that stand above the seal.
const OPEN_KEYS: [&str; 5] = ["id", "title", "family", "level", "briefing"];

/// A scenario as far as it could be read. Values that are missing or wrong are empty, and have a problem.
#[derive(Debug)]
pub struct Draft<'t> {
    /// The file's name, as it was given.
    pub file: String,
    /// The file's text.
    pub text: &'t str,
    /// Whether it is TOML at all; if not, nothing was read.
    pub is_read: bool,
    /// What was read.
    pub scenario: Scenario,
    /// What is wrong so far.
    pub problems: Vec<Problem>,
    places: BTreeMap<String, usize>,
}

impl Draft<'_> {
    /// A problem at a key that was read, or at the table that should hold it.
    pub fn problem(&self, key: &str, message: impl Into<String>) -> Problem {
        let (line, column) = position(self.text, place(&self.places, key));
        Problem {
            file: self.file.clone(),
            line,
            column,
            key: key.to_owned(),
            message: message.into(),
        }
    }
}

/// Reads the text of a scenario file; never fails, for what is wrong is in the draft.
pub fn parse<'t>(file: &str, text: &'t str) -> Draft<'t> {
    let mut reader = Reader::new(file, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors.iter().take(MOST_SYNTAX_ERRORS) {
        let offset = error.span().map_or(0, |span| span.start);
        reader.problem_at(offset, "", format!("not TOML: {}", error.message()));
    }
    // What follows a syntax error may be misread; reporting it too would hide the one thing to repair.
    let is_read = errors.is_empty();
    let nothing = DeTable::new();
    let table = if is_read {
        document.get_ref()
    } else {
        &nothing
    };
    let form = reader.problems.len();
    let mut root = reader.root(table);
    let mut scenario = read(&mut reader, &mut root);
    if scenario.recipe.is_empty() {
        scenario.recipe = recipe::of(text);
    }
    root.finish(&mut reader);
    if is_read {
        check_seal(&mut reader, table, text);
    } else {
        reader.problems.truncate(form);
    }
    let Reader {
        places, problems, ..
    } = reader;
    Draft {
        file: file.to_owned(),
        text,
        is_read,
        scenario,
        problems,
        places,
    }
}

fn read(reader: &mut Reader<'_>, root: &mut Table<'_>) -> Scenario {
    let arranged = arranged(reader, root);
    let is_drawn = arranged.is_some();
    let Arranged {
        seed,
        recipe,
        later_s,
        names,
        own,
        authors,
        shop,
    } = arranged.unwrap_or_default();
    let mut scenario = Scenario {
        id: root.text(reader, "id"),
        title: root.text(reader, "title"),
        family: family(reader, root),
        level: level(reader, root),
        briefing: root.text(reader, "briefing"),
        load: load(reader, root),
        pool: pool(reader, root, is_drawn),
        names,
        own,
        shop: [shop, root.typed(reader, "shop").unwrap_or_default()].into(),
        // A drill of the pool may have no release of its own.
        history: match root.has("history") || !root.has("pool") {
            true => section(reader, root, "history", history).unwrap_or_default(),
            false => Vec::new(),
        },
        timeline: event::timeline(reader, root, later_s, seed),
        page: section(reader, root, "page", page).unwrap_or_default(),
        manifest: section(reader, root, "manifest", manifest).unwrap_or_default(),
        signature: root.typed(reader, "signature").unwrap_or_default(),
        overlaps: root.typed(reader, "overlaps").unwrap_or_default(),
        remedy: event::remedy(reader, root),
        rubric: rubric(reader, root),
        debrief: section(reader, root, "debrief", debrief).unwrap_or_default(),
        silence: section(reader, root, "silence", silence).unwrap_or_default(),
        recipe,
    };
    sign(&mut scenario, &authors);
    scenario
}

/// Gives the drill's own changes the authors that were drawn for them.
fn sign(scenario: &mut Scenario, authors: &BTreeMap<String, String>) {
    for release in &mut scenario.history {
        if let Some(drawn) = authors.get(&release.id()) {
            release.author.clone_from(drawn);
        }
    }
    for event in scenario.timeline.iter_mut().filter(|event| event.change) {
        if let Action::Config {
            target: Target::Service(service),
            author: Some(author),
            ..
        } = &mut event.action
            && let Some(drawn) = authors.get(service.name())
        {
            author.clone_from(drawn);
        }
    }
}

/// What `[arranged]` says, which is written by the program.
#[derive(Default, Deserialize)]
struct Arranged {
    seed: u64,
    recipe: String,
    later_s: f64,
    names: BTreeMap<String, String>,
    #[serde(default)]
    own: Vec<String>,
    #[serde(default)]
    authors: BTreeMap<String, String>,
    shop: toml::Table,
}

fn arranged(reader: &mut Reader<'_>, root: &mut Table<'_>) -> Option<Arranged> {
    if !root.has("arranged") {
        return None;
    }
    root.typed(reader, "arranged")
}

fn pool(reader: &mut Reader<'_>, root: &mut Table<'_>, is_drawn: bool) -> Option<FromPool> {
    let mut node = root.optional_table(reader, "pool")?;
    let avoid = node.optional_texts(reader, "avoid").unwrap_or_default();
    node.finish(reader);
    Some(FromPool { avoid, is_drawn })
}

/// A table that must be there, read to its last key.
fn section<T>(
    reader: &mut Reader<'_>,
    root: &mut Table<'_>,
    key: &'static str,
    read: impl Fn(&mut Reader<'_>, &mut Table<'_>) -> T,
) -> Option<T> {
    let mut node = root.table(reader, key)?;
    let value = read(reader, &mut node);
    node.finish(reader);
    Some(value)
}

fn family(reader: &mut Reader<'_>, root: &mut Table<'_>) -> Family {
    let known = Family::ALL.map(|family| (family.name(), family));
    root.choice(reader, "family", &known).unwrap_or_default()
}

fn level(reader: &mut Reader<'_>, root: &mut Table<'_>) -> u8 {
    let Some(level) = root.whole(reader, "level") else {
        return 0;
    };
    if !(1..=4).contains(&level) {
        reader.problem("level", format!("must be 1, 2, 3 or 4, not {level}"));
    }
    u8::try_from(level).unwrap_or_default()
}

/// The load generator's own type reads its table and says what cannot be right in it.
fn load(reader: &mut Reader<'_>, root: &mut Table<'_>) -> Load {
    if !root.has("load") {
        reader.problem(
            "load",
            "is missing; add a table `[load]` with at least `rate`",
        );
    }
    let Some(load) = root.typed::<Load>(reader, "load") else {
        return Load::default();
    };
    for problem in load.problems() {
        reader.problem(&format!("load.{}", problem.key), problem.message);
    }
    load
}

fn history(reader: &mut Reader<'_>, node: &mut Table<'_>) -> Vec<Release> {
    let mut releases = Vec::new();
    for service in Service::ALL {
        for mut row in node.tables(reader, service.name()) {
            releases.push(release(reader, &mut row, service));
            row.finish(reader);
        }
    }
    releases
}

fn release(reader: &mut Reader<'_>, row: &mut Table<'_>, service: Service) -> Release {
    Release {
        service,
        release: row.text(reader, "release"),
        author: row.text(reader, "author"),
        changelog: row.text(reader, "changelog"),
        diff: row.optional_text(reader, "diff").unwrap_or_default(),
        age: row.duration(reader, "age"),
        settings: settings(reader, row, Target::Service(service)),
    }
}

/// Settings as they are written, once the service's own type has read them; those of one of our services
/// may have a table `process` with how the process itself runs.
fn settings(reader: &mut Reader<'_>, row: &mut Table<'_>, target: Target) -> toml::Table {
    let read = match target {
        Target::Service(Service::Gateway) => ours::<gateway::Settings>(reader, row),
        Target::Service(Service::Checkout) => ours::<checkout::Settings>(reader, row),
        Target::Service(Service::Inventory) => ours::<inventory::Settings>(reader, row),
        Target::Outside(Outside::Payment) => {
            row.typed::<payment::Settings>(reader, "settings").map(drop)
        }
        Target::Outside(Outside::Wire) => row.typed::<Wire>(reader, "settings").map(drop),
    };
    read.and_then(|()| row.typed(reader, "settings"))
        .unwrap_or_default()
}

fn ours<S: DeserializeOwned>(reader: &mut Reader<'_>, row: &mut Table<'_>) -> Option<()> {
    row.typed_but_for::<S, chassis::Process>(reader, "settings", "process")
        .map(drop)
}

fn page(reader: &mut Reader<'_>, node: &mut Table<'_>) -> Page {
    Page {
        alert: node.text(reader, "alert"),
    }
}

fn manifest(reader: &mut Reader<'_>, node: &mut Table<'_>) -> Manifest {
    Manifest {
        indicator: node.text(reader, "indicator"),
        before_below: node.number(reader, "before_below"),
        during_above: node.optional_number(reader, "during_above"),
        after_below: node.number(reader, "after_below"),
        hold_s: node.number(reader, "hold_s"),
        settle_s: node.number(reader, "settle_s"),
    }
}

/// The grader's own type reads its table and says what cannot be right in it.
fn rubric(reader: &mut Reader<'_>, root: &mut Table<'_>) -> Rubric {
    if !root.has("rubric") {
        reader.problem("rubric", "is missing; add a table `[rubric]`");
    }
    let Some(rubric) = root.typed::<Rubric>(reader, "rubric") else {
        return unread_rubric();
    };
    for problem in rubric.problems() {
        reader.problem(&format!("rubric.{}", problem.key), problem.message);
    }
    rubric
}

/// Stands for a rubric that could not be read; no scenario with one leaves this module.
fn unread_rubric() -> Rubric {
    toml::from_str("severity = []").expect("all other keys have defaults")
}

fn debrief(reader: &mut Reader<'_>, node: &mut Table<'_>) -> Debrief {
    let path = node.tables(reader, "path").into_iter().map(|mut row| {
        let step = Step {
            step: row.text(reader, "step"),
            why: row.text(reader, "why"),
            link: link(reader, &mut row),
        };
        row.finish(reader);
        step
    });
    let path = path.collect();
    let misled = node.tables(reader, "misled").into_iter().map(|mut row| {
        let misleading = Misleading {
            text: row.text(reader, "text"),
            link: link(reader, &mut row),
            limit: limit(reader, &mut row),
        };
        row.finish(reader);
        misleading
    });
    let misled = misled.collect();
    Debrief {
        happened: node.text(reader, "happened"),
        path,
        misled,
    }
}

fn limit(reader: &mut Reader<'_>, row: &mut Table<'_>) -> Option<Limit> {
    let above = row.optional_number(reader, "above");
    let below = row.optional_number(reader, "below");
    if above.is_some() && below.is_some() {
        reader.problem(&row.key("below"), "must be left out where there is `above`");
    }
    above.map(Limit::Above).or(below.map(Limit::Below))
}

fn link(reader: &mut Reader<'_>, row: &mut Table<'_>) -> Option<Link> {
    let mut node = row.optional_table(reader, "link")?;
    let kinds = [
        ("jaeger", LinkKind::Jaeger),
        ("prometheus", LinkKind::Prometheus),
        ("log", LinkKind::Log),
        ("deploy", LinkKind::Deploy),
        ("heap", LinkKind::Heap),
        ("command", LinkKind::Command),
    ];
    let kind = node.choice(reader, "kind", &kinds);
    let target = node.text(reader, "target");
    node.finish(reader);
    Some(Link {
        kind: kind?,
        target,
    })
}

fn silence(reader: &mut Reader<'_>, node: &mut Table<'_>) -> Silence {
    Silence {
        words: node.texts(reader, "words"),
    }
}

/// Everything but the header stands below the seal, so that someone who opens the file by accident can stop in time.
fn check_seal(reader: &mut Reader<'_>, table: &DeTable<'_>, text: &str) {
    let mut offset = 0;
    let seal = text.split_inclusive('\n').find_map(|line| {
        let start = offset;
        offset += line.len();
        line.trim_start().starts_with(SEAL).then_some(start)
    });
    let Some(seal) = seal else {
        reader.problem_at(
            0,
            "",
            format!("has no line `{SEAL}`; put one between `briefing` and the first table"),
        );
        return;
    };
    for key in table.keys() {
        let (name, at) = (key.get_ref().as_ref(), key.span().start);
        match (OPEN_KEYS.contains(&name), at > seal) {
            (true, true) => reader.problem_at(
                at,
                name,
                format!("is an open key; move it above the line `{SEAL}`"),
            ),
            (false, false) => reader.problem_at(
                at,
                name,
                format!("is a sealed key; move it below the line `{SEAL}`"),
            ),
            _ => {}
        }
    }
}
