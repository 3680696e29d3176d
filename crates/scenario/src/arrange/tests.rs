use std::path::Path;

use record::{Deploy, DeployKind, GAME_MASTER};
use serde_json::{Value, json};
use settings::{changes, resolve};

use super::*;
use crate::catalogue;

/// Seeds by which every drill of the catalogue is drawn.
const SEEDS: std::ops::Range<u64> = 0..20;

#[test]
fn a_seed_makes_one_drill_and_another_seed_another() {
    for file in catalogue::FILES {
        let draw = |seed| arrange(file.path, file.text, seed).expect(file.id);
        let drawn = draw(7);
        assert_eq!(drawn, draw(7), "{}", file.id);
        let (own, other) = (drawn.lines().count(), draw(8));
        let common = drawn.lines().zip(other.lines());
        let common = common.filter(|(one, other)| one == other).count();
        assert!(common < own - 20, "{}: {common} of {own} lines", file.id);
        assert_eq!(arrange(file.path, &drawn, 8), Ok(drawn), "{}", file.id);
    }
}

#[test]
fn a_file_without_a_pool_stays_as_it_is() {
    let file = catalogue::file("orders-queue").expect("a drill");
    let own = file.text.replace("[pool]", "[[pool]]");
    let problems = arrange(file.path, &own, 1).expect_err("no table");
    assert_eq!(problems[0].key, "pool");
    let (_, complete) = file.drill(3).expect("it is valid");
    assert_eq!(arrange(file.path, &complete, 4), Ok(complete));
}

/// What an entry of the deploy log shows.
struct Shown<'d> {
    is_change: bool,
    changes: Vec<record::SettingChange>,
    service: Service,
    author: &'d str,
}

/// What the deploy log shows of a drill while it runs, oldest first.
fn log(drill: &Scenario) -> Vec<Shown<'_>> {
    let shown = drill.timeline.iter().filter_map(|event| {
        let (service, author, changes) = match &event.action {
            Action::Deploy {
                service, release, ..
            } => {
                let release = drill.release(*service, release).expect("in the history");
                let changes = drill.changes_of(release).expect("its settings are read");
                (*service, release.author.as_str(), changes)
            }
            Action::Config {
                target: Target::Service(service),
                settings,
                author,
                ..
            } => {
                let of = |layer: Value| resolve(*service, &[layer]).expect("its settings are read");
                let changes = changes(*service, &of(json!({})), &of(json!(settings)));
                (*service, author.as_deref().unwrap_or_default(), changes)
            }
            _ => return None,
        };
        Some(Shown {
            is_change: event.change,
            changes,
            service,
            author,
        })
    });
    shown.collect()
}

/// Whoever picks by such a rule finds the change no more often than by drawing one of the deploys: two standard deviations
/// above at most, over all incidents and seeds.
fn finds_no_more_than_chance(rule: &str, pick: impl Fn(&[Shown<'_>]) -> usize) {
    let (mut found, mut expected, mut variance) = (0.0, 0.0, 0.0);
    for (file, seed) in catalogue::FILES
        .iter()
        .flat_map(|file| SEEDS.map(move |seed| (file, seed)))
    {
        let (drill, _) = file.drill(seed).expect(file.id);
        if drill.is_control() {
            continue;
        }
        let log = log(&drill);
        let chance = 1.0 / log.len() as f64;
        found += f64::from(u8::from(log[pick(&log)].is_change));
        expected += chance;
        variance += chance * (1.0 - chance);
    }
    let most = expected + 2.0 * variance.sqrt();
    assert!(
        found <= most,
        "{rule}: {found} found, {expected:.1} by chance, {most:.1} at most"
    );
}

#[test]
fn neither_the_oddest_diff_nor_the_newest_deploy_is_the_change_more_often_than_by_chance() {
    finds_no_more_than_chance("oddest", |log| {
        let odd = log.iter().enumerate().map(|(at, shown)| {
            let odd = shown
                .changes
                .iter()
                .map(record::SettingChange::factor)
                .fold(0.0, f64::max);
            (odd, at)
        });
        let oddest = odd.max_by(|one, other| one.0.total_cmp(&other.0));
        oddest.map_or(0, |(_, at)| at)
    });
    finds_no_more_than_chance("newest", |log| log.len() - 1);
    finds_no_more_than_chance("oldest", |_| 0);
    finds_no_more_than_chance("without settings", |log| {
        let bare = log.iter().rposition(|shown| shown.changes.is_empty());
        bare.unwrap_or(0)
    });
    finds_no_more_than_chance("newest by the service's own team", |log| {
        let is_own = |shown: &Shown<'_>| {
            let team = match shown.service {
                Service::Gateway => "edge engineer",
                Service::Checkout => "checkout engineer",
                Service::Inventory => "inventory engineer",
            };
            shown.author == team
        };
        log.iter().rposition(is_own).unwrap_or(0)
    });
}

/// A hunk: the file that it is of, and its lines with their signs.
fn hunks(diff: &str) -> Vec<(String, Vec<&str>)> {
    let mut hunks: Vec<(String, Vec<&str>)> = Vec::new();
    let mut file = String::new();
    for line in diff.lines() {
        if let Some(name) = line.strip_prefix("+++ b/") {
            name.clone_into(&mut file);
        } else if line.starts_with("@@ ") && line.ends_with(" @@") {
            hunks.push((file.clone(), Vec::new()));
        } else if !line.starts_with("--- a/") {
            let (_, lines) = hunks.last_mut().expect("a hunk has a head");
            lines.push(line);
        }
    }
    hunks
}

fn source(file: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(file);
    let text = std::fs::read_to_string(path).expect(file);
    text.lines().map(str::to_owned).collect()
}

/// An innocent change is in today's code: what its diff leads to stands there, line by line.
#[test]
fn what_an_innocent_diff_leads_to_is_in_the_file_that_it_names() {
    let pool = pool();
    assert!(pool.release.len() + pool.push.len() >= 60);
    for change in &pool.release {
        for (file, hunk) in hunks(&change.diff) {
            let source = source(&file);
            let after: Vec<&str> = hunk
                .iter()
                .filter(|line| !line.starts_with('-'))
                .map(|line| line.get(1..).unwrap_or_default())
                .collect();
            let is_there = source.windows(after.len()).any(|lines| lines == after);
            assert!(
                is_there,
                "`{}`: not in {file}: {after:#?}",
                change.changelog
            );
        }
    }
}

/// A drill's own change selects code that is there, behind a setting: the lines around it stand in the file, in that order.
#[test]
fn the_lines_around_a_drill_s_own_diff_are_in_the_file_that_it_names() {
    let mut checked = 0;
    for file in catalogue::FILES {
        let (drill, _) = file.drill(0).expect(file.id);
        let is_own = |one: &&Release| drill.own.contains(&one.id()) && !one.diff.is_empty();
        let own = drill.history.iter().filter(is_own);
        for (path, hunk) in own.flat_map(|release| hunks(&release.diff)) {
            let source = source(&path);
            let mut lines = source.iter();
            for line in hunk.iter().filter_map(|line| line.strip_prefix(' ')) {
                let is_there = lines.any(|other| other == line);
                assert!(is_there, "{}: not in {path}: `{line}`", file.id);
                checked += 1;
            }
        }
    }
    assert!(checked > 30, "{checked} lines");
}

/// The deploy log of a drill that was played to its end.
fn played(drill: &Scenario) -> Vec<Deploy> {
    let entries = drill.timeline.iter().filter_map(|event| {
        let (service, kind, release, summary) = match &event.action {
            Action::Deploy {
                service, release, ..
            } => {
                let known = drill.release(*service, release).expect("in the history");
                (
                    service,
                    DeployKind::Deploy,
                    release.as_str(),
                    &known.changelog,
                )
            }
            Action::Config {
                target: Target::Service(service),
                summary,
                ..
            } => (service, DeployKind::Config, "", summary.as_ref()?),
            _ => return None,
        };
        Some(Deploy {
            id: format!("{service}@{release}"),
            service: service.to_string(),
            release: release.to_owned(),
            at: time::OffsetDateTime::UNIX_EPOCH,
            role: "engineer".to_owned(),
            summary: summary.clone(),
            kind,
            diff: String::new(),
            changes: Vec::new(),
            command: None,
        })
    });
    entries.collect()
}

#[test]
fn the_innocent_changes_of_a_drill_are_those_that_were_drawn_and_made() {
    // Among so many some have a release of another service with the name of the drill's own.
    let files = catalogue::FILES.iter();
    for (file, seed) in files.flat_map(|file| (0..6).map(move |seed| (file, seed))) {
        let (drill, _) = file.drill(seed).expect(file.id);
        let changes = drill
            .timeline
            .iter()
            .filter(|event| changed(event).is_some());
        let own = changes.clone().filter(|event| match &event.action {
            Action::Deploy {
                service, release, ..
            } => drill.own.contains(&format!("{service}@{release}")),
            _ => event.change,
        });
        let mut log = played(&drill);
        let innocent = drill.innocent(&log).len();
        assert_eq!(
            innocent,
            changes.clone().count() - own.count(),
            "{}",
            file.id
        );
        assert!(innocent >= 2, "{}: {innocent}", file.id);
        // Neither what was not made any more, nor the same release again by somebody else.
        let last = log.pop().expect("an entry");
        let less = drill.innocent(&log).len();
        log.push(Deploy {
            command: Some("deploy".to_owned()),
            ..last.clone()
        });
        log.push(Deploy {
            role: GAME_MASTER.to_owned(),
            ..last.clone()
        });
        assert_eq!(drill.innocent(&log).len(), less, "{}", file.id);
        log.push(last);
        assert_eq!(drill.innocent(&log).len(), innocent, "{}", file.id);
    }
}

/// What a rollback leads to has nothing of the change in it.
#[test]
fn the_release_before_the_change_has_none_of_its_settings() {
    let drills = catalogue::FILES
        .iter()
        .flat_map(|file| SEEDS.map(move |seed| file.drill(seed)));
    let mut checked = 0;
    for (drill, _) in drills.map(|drill| drill.expect("it is valid")) {
        let change = drill.change().map(|event| &event.action);
        let Some(Action::Deploy {
            service, release, ..
        }) = change
        else {
            continue;
        };
        let all = drill.settings_of(*service).expect("its settings are read");
        let at = all
            .iter()
            .position(|(name, _)| name == release)
            .expect("it is there");
        let own = drill.release(*service, release).expect("it is there");
        let own = settings::flat(&json!(own.settings));
        for (name, before) in &all[..at] {
            let before = settings::flat(before);
            let shared = own
                .iter()
                .filter(|(key, value)| before.get(*key) == Some(value));
            assert_eq!(shared.count(), 0, "{}: {service} {name}", drill.id);
            checked += 1;
        }
        assert!(at > 0, "{}: nothing to roll back to", drill.id);
    }
    assert!(checked > 100, "{checked} releases");
}
