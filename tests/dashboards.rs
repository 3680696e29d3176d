//! Grafana's dashboards and their provisioning: valid, whole, naming only what services emit, and never empty.
//!
//! ```text
//! dashboards/*.json ─► model ─┬─► layout, texts, links, silence         (here)
//!                             ├─► Grafana's published schema            (schema: needs node and npm)
//!                             ├─► docs/telemetry.md                     (reference; alert rules, too)
//!                             └─► every query against a running drill   (live)
//! ```

mod live;
mod model;
mod reference;
mod schema;

use std::collections::BTreeSet;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::silence::sealed_words;
use crate::support::{claims, has_program, wanting};
use live::no_query_is_empty_in_a_drill;
use model::{Board, Panel, Provisioned, Source, boards};
use reference::Reference;
use schema::grafanas_published_schema_accepts_them;

/// Columns of Grafana's grid.
const COLUMNS: u32 = 24;

/// A dashboard with more is two.
const MOST_PANELS: usize = 12;

/// Nothing that a responder reads may hint at a cause, or at a culprit.
const HINTS: [&str; 9] = [
    "fault", "inject", "chaos", "leak", "slow", "bad", "sabotage", "broken", "bug",
];

pub(crate) fn trials() -> Vec<Trial> {
    let has_node = has_program("node") && has_program("npm");
    let mut trials = wanting(has_node, claims![grafanas_published_schema_accepts_them]);
    trials.extend(claims![
        each_panel_is_a_question_in_a_place_of_its_own,
        what_they_name_is_what_the_services_emit,
        nothing_in_them_hints_at_a_cause,
        provisioning_points_at_what_is_there,
        no_query_is_empty_in_a_drill,
    ]);
    trials
}

fn each_panel_is_a_question_in_a_place_of_its_own() {
    let boards = boards();
    let provisioned = Provisioned::read();
    assert!(boards.len() >= 4, "{} dashboards", boards.len());
    let uids: BTreeSet<&str> = boards.iter().map(|board| board.uid.as_str()).collect();
    let titles: BTreeSet<&str> = boards.iter().map(|board| board.title.as_str()).collect();
    assert_eq!((uids.len(), titles.len()), (boards.len(), boards.len()));
    for board in &boards {
        assert_eq!(board.uid, format!("firedrill-{}", board.file));
        assert!(
            board.panels.len() <= MOST_PANELS,
            "{}: too much",
            board.title
        );
        let ids: BTreeSet<u32> = board.panels.iter().map(|panel| panel.id).collect();
        assert_eq!(ids.len(), board.panels.len(), "{}: ids", board.title);
        for panel in &board.panels {
            let problems = problems(panel, board, &provisioned);
            let place = format!("{}: {}", board.title, panel.title);
            assert!(problems.is_empty(), "{place}: {problems:?}");
        }
        for annotation in &board.annotations.list {
            provisioned.has(&annotation.datasource, board, "prometheus");
        }
        overlaps(board);
        links(board, &uids);
    }
}

/// Everything that is not as it should be in one panel.
fn problems(panel: &Panel, board: &Board, provisioned: &Provisioned) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut want = |holds: bool, problem| {
        if !holds {
            found.push(problem);
        }
    };
    want(panel.title.ends_with('?'), "the title is not a question");
    let defaults = &panel.field_config.defaults;
    want(
        defaults.unit.as_ref().is_some_and(|unit| !unit.is_empty()),
        "no unit",
    );
    want(!panel.targets.is_empty(), "no query");
    let description = panel.description.as_deref().unwrap_or("It is clear.");
    want(
        description.ends_with('.'),
        "the description is not a sentence",
    );
    let steps = defaults.thresholds.as_ref().map(|all| all.steps.as_slice());
    let is_rising = |steps: &[model::Step]| {
        steps[0].value.is_none() && steps[1..].is_sorted_by_key(|step| step.value)
    };
    want(steps.is_none_or(is_rising), "thresholds out of order");
    let letters: BTreeSet<&str> = panel
        .targets
        .iter()
        .map(|one| one.ref_id.as_str())
        .collect();
    want(
        letters.len() == panel.targets.len(),
        "two queries of a name",
    );
    for target in &panel.targets {
        provisioned.has(&target.datasource, board, "prometheus");
        want(!target.legend_format.is_empty(), "a query without a legend");
        let can_have = panel.kind == "timeseries" && target.expr.contains("_bucket{");
        want(
            target.exemplar == can_have,
            "exemplars belong to histograms over time, and only there",
        );
    }
    provisioned.has(&panel.datasource, board, "prometheus");
    found
}

fn overlaps(board: &Board) {
    let mut taken = BTreeSet::new();
    for panel in &board.panels {
        let at = &panel.grid_pos;
        let place = format!("{}: {}", board.title, panel.title);
        assert!(at.w > 0 && at.h > 0 && at.x + at.w <= COLUMNS, "{place}");
        for (x, y) in (at.x..at.x + at.w).flat_map(|x| (at.y..at.y + at.h).map(move |y| (x, y))) {
            assert!(taken.insert((x, y)), "{place} lies over another panel");
        }
    }
}

/// Links to dashboards lead to one that is there; what is filled in is known to Grafana or to the dashboard.
fn links(board: &Board, uids: &BTreeSet<&str>) {
    let panels = board.panels.iter();
    let links = panels.filter_map(|panel| panel.field_config.defaults.links.as_ref());
    for link in links.flatten() {
        let target = link.url.strip_prefix("/d/").map(|rest| {
            let end = rest.find('?').unwrap_or(rest.len());
            &rest[..end]
        });
        let leads = target.map_or(link.url.starts_with("${jaeger:raw}/"), |uid| {
            uids.contains(uid)
        });
        assert!(leads, "{}: {} leads nowhere", board.title, link.url);
        assert!(!link.title.is_empty(), "{}: a link's title", board.title);
    }
    let own = board.templating.list.iter().map(|one| one.name.as_str());
    let known: BTreeSet<&str> = own.collect();
    for used in variables(&board.text) {
        assert!(
            used.starts_with("__") || known.contains(used.as_str()),
            "{}: no variable `{used}`",
            board.title
        );
    }
}

/// The names behind each `$` of a dashboard.
fn variables(text: &str) -> Vec<String> {
    let behind = text.split('$').skip(1);
    let name = |rest: &str| {
        let rest = rest.trim_start_matches('{');
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        rest.chars().take_while(|c| is_of_name(*c)).collect()
    };
    behind.map(name).collect()
}

fn what_they_name_is_what_the_services_emit() {
    let reference = Reference::read();
    let mut problems = Vec::new();
    let mut check = |place: &str, expr: &str| {
        if let Err(problem) = reference.check(expr) {
            problems.push(format!("{place}: {problem}"));
        }
    };
    let mut queries = 0;
    for board in boards() {
        for (place, expr) in board.expressions() {
            check(&place, &live::substitute(&expr, "gateway"));
            queries += 1;
        }
    }
    for (name, query) in Provisioned::read().span_queries() {
        check(&name, &live::substitute(&query, "gateway"));
    }
    for rule in reference::rules() {
        check(&rule.alert, &rule.expr);
        for text in rule.annotations.values() {
            for label in text.split("$labels.").skip(1) {
                let end = label.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let label = &label[..end.unwrap_or(label.len())];
                let problem = format!("{{{{ $labels.{label} }}}} is not a label");
                assert!(reference.has_label(label), "{}: {problem}", rule.alert);
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(queries > 40, "only {queries} queries");
    // The check itself can fail.
    for wrong in [
        "http_server_requests_total",
        "up_bucket",
        "orders_total{outcome=\"placed\"}",
        "orders_total{result=\"won\"}",
        "sum by (route) (rate(orders_total[1m]))",
        "orders_total / on (route) up",
        "sum(rate(http_server_request_duration_seconds[1m]))",
        "sum(",
    ] {
        assert!(reference.check(wrong).is_err(), "`{wrong}` is accepted");
    }
}

fn nothing_in_them_hints_at_a_cause() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let files = std::fs::read_dir(folder).expect("scenarios").flatten();
    let names = files.filter_map(|file| file.file_name().into_string().ok());
    let ids: Vec<String> = names
        .filter_map(|name| Some(name.strip_suffix(".toml")?.to_owned()))
        .collect();
    assert!(ids.len() >= 4, "{ids:?}");
    let mut words: Vec<String> = HINTS.map(str::to_owned).into();
    words.extend(ids.iter().flat_map(|id| sealed_words(id)));
    words.extend(ids);
    for board in boards() {
        let text = board.text.to_lowercase().replace("default", "");
        let found = words.iter().find(|word| text.contains(word.as_str()));
        assert_eq!(found, None, "{}", board.title);
    }
}

fn provisioning_points_at_what_is_there() {
    let provisioned = Provisioned::read();
    let is = |uid: &Value, kind: &str| {
        let found = provisioned.kind(uid.as_str().expect("a uid"));
        assert_eq!(found, Some(kind), "{uid}");
    };
    let prometheus = &provisioned.source("prometheus")["jsonData"];
    let destinations = prometheus["exemplarTraceIdDestinations"].as_array();
    let destination = &destinations.expect("destinations")[0];
    assert_eq!(destination["name"], "trace_id");
    assert_eq!(
        prometheus["timeInterval"],
        format!("{}s", live::STEP_S),
        "the step that the test of all queries goes by"
    );
    is(&destination["datasourceUid"], "jaeger");
    let spans = &provisioned.source("jaeger")["jsonData"]["tracesToMetrics"];
    is(&spans["datasourceUid"], "prometheus");
    let queries = provisioned.span_queries();
    assert!(queries.len() >= 3, "{queries:?}");
    // The dashboards are looked for where the comment says that they are to be mounted.
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/compose/grafana");
    let read = |name: &str| {
        std::fs::read_to_string(format!("{root}/{name}")).unwrap_or_else(|_| panic!("`{name}`"))
    };
    let ini = read("grafana.ini");
    let home = "default_home_dashboard_path = /etc/grafana/dashboards/";
    let home = ini.lines().find_map(|line| line.strip_prefix(home));
    let home = home.expect("a first dashboard");
    assert!(
        boards()
            .iter()
            .any(|board| format!("{}.json", board.file) == home)
    );
    for wanted in ["org_role = Viewer", "[auth.anonymous]\nenabled = true"] {
        assert!(ini.contains(wanted), "no `{wanted}`");
    }
    let folders = read("provisioning/dashboards/firedrill.yaml");
    let folders: Value = serde_yaml_ng::from_str(&folders).expect("YAML");
    let provider = &folders["providers"][0];
    assert_eq!(provider["options"]["path"], "/etc/grafana/dashboards");
    assert_eq!(provider["type"], "file");
}

/// Whether the source of this uid, or of the variable's value, is provisioned.
impl Provisioned {
    fn has(&self, source: &Source, board: &Board, kind: &str) {
        let uid = board.resolve(&source.uid);
        assert_eq!(source.kind, kind, "{}", board.title);
        assert_eq!(self.kind(&uid), Some(kind), "{}: `{uid}`", board.title);
    }
}
