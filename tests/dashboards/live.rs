//! Every query of every dashboard against a running drill, with Grafana's variables filled in as Grafana would: in a
//! healthy shop no panel is empty, and in an incident the panels that should show it do.

use std::collections::BTreeSet;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::drills::PAGED_WITHIN;
use crate::prometheus::{Readings, readings};
use crate::support::{Drill, SOON, get_json, wait_for};

use super::model::{Board, Panel, Provisioned, Target, boards};

/// The distance of two points, in seconds: the data source's `timeInterval`, which is more than what a graph's width
/// would ask for.
pub(super) const STEP_S: u64 = 5;

/// The dashboards' range, in seconds: `now-15m`.
const RANGE_S: u64 = 15 * 60;

/// The expression with its variables filled in.
pub(super) fn substitute(expr: &str, service: &str) -> String {
    // Grafana's own rule: room for four scrapes, and no gap between two points.
    let rate_s = (2 * STEP_S).max(4 * STEP_S);
    let filled = [
        ("$__rate_interval", format!("{rate_s}s")),
        ("$__range", format!("{RANGE_S}s")),
        ("$__interval", format!("{STEP_S}s")),
        ("$__tags", format!("service=\"{service}\"")),
        ("$service", service.to_owned()),
    ];
    let filled = filled.iter().fold(expr.to_owned(), |text, (name, value)| {
        text.replace(name, value)
    });
    assert!(!filled.contains('$'), "a variable is left: {filled}");
    filled
}

pub(super) fn no_query_is_empty_in_a_drill() {
    let mut drill = Drill::start(&["run", "error-spike", "--pace", "fast", "--seed", "8"]);
    let url = drill.url("prometheus").to_owned();
    drill.event("steady", SOON);
    let mut screen = Screen::new(&url);
    screen.is_full("a healthy shop");
    drill.page("ErrorBudgetBurn", PAGED_WITHIN);
    screen.is_full("an incident");
    screen.shows_the_incident();
    let missing: Vec<&(String, String)> = screen.wanted.difference(&screen.labelled).collect();
    assert!(
        missing.is_empty(),
        "legends name what is not there: {missing:?}"
    );
}

/// The dashboards as a responder sees them who has all of them open.
struct Screen<'a> {
    prometheus: &'a str,
    boards: Vec<Board>,
    services: Vec<String>,
    /// Panels and the labels that their legends name.
    wanted: BTreeSet<(String, String)>,
    /// Those of them that a series had.
    labelled: BTreeSet<(String, String)>,
}

impl<'a> Screen<'a> {
    fn new(prometheus: &'a str) -> Self {
        let mut screen = Self {
            prometheus,
            boards: boards(),
            services: Vec::new(),
            wanted: BTreeSet::new(),
            labelled: BTreeSet::new(),
        };
        let variables = screen.boards.iter().flat_map(|one| &one.templating.list);
        let mut queries = variables.filter_map(|one| one.query["query"].as_str());
        let query = queries.next().expect("the variable of services").to_owned();
        assert!(queries.next().is_none(), "one variable is asked for");
        screen.services = wait_for("the services to choose from", SOON, || {
            let found = screen.choices(&query);
            (found == ["checkout", "gateway", "inventory"]).then_some(found)
        });
        screen
    }

    /// What Grafana offers for `label_values(METRIC, LABEL)`.
    fn choices(&self, query: &str) -> Vec<String> {
        let inner = query.strip_prefix("label_values(");
        let inner = inner.and_then(|rest| rest.strip_suffix(')'));
        let (metric, label) = inner.and_then(|inner| inner.split_once(", ")).expect(query);
        let url = format!("{}/api/v1/label/{label}/values", self.prometheus);
        let found = get_json(&format!("{url}?match[]={metric}"));
        serde_json::from_value(found["data"].clone()).expect("values")
    }

    /// What a query of a panel gets.
    fn ask_for(&self, target: &Target, service: &str) -> Readings {
        if !target.instant {
            return self.ask(&target.expr, service);
        }
        let expr = substitute(&target.expr, service);
        let mut found = readings(self.prometheus, "query", &expr, "");
        found.retain(|_, values| values.iter().any(|value| value.is_finite()));
        found
    }

    /// What a graph of that expression gets.
    fn ask(&self, expr: &str, service: &str) -> Readings {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let end = now.expect("it is after 1970").as_secs() / STEP_S * STEP_S;
        let period = format!("start={}&end={end}&step={STEP_S}", end - RANGE_S);
        let expr = substitute(expr, service);
        let mut found = readings(self.prometheus, "query_range", &expr, &period);
        found.retain(|_, values| values.iter().any(|value| value.is_finite()));
        found
    }

    /// Waits until nothing is empty; panics with what is.
    fn is_full(&mut self, when: &str) {
        let deadline = Instant::now() + SOON;
        let empty = wait_for(when, SOON * 2, || {
            let empty = self.empty();
            (empty.is_empty() || Instant::now() > deadline).then_some(empty)
        });
        assert!(empty.is_empty(), "empty in {when}:\n{}", empty.join("\n"));
    }

    /// The panels that say "No data" for some service, and the queries that do so for every service.
    fn empty(&mut self) -> Vec<String> {
        let mut empty = Vec::new();
        let boards = std::mem::take(&mut self.boards);
        for board in &boards {
            for panel in &board.panels {
                empty.extend(self.empty_in(&board.title, panel));
            }
        }
        self.boards = boards;
        for (name, query) in Provisioned::read().span_queries() {
            if self.ask(&query, "gateway").is_empty() {
                empty.push(format!("from spans to metrics: {name}"));
            }
        }
        empty
    }

    fn empty_in(&mut self, board: &str, panel: &Panel) -> Vec<String> {
        let mut empty = Vec::new();
        let is_of_service = panel
            .targets
            .iter()
            .any(|one| one.expr.contains("$service"));
        let services = match is_of_service {
            true => self.services.clone(),
            false => vec![String::new()],
        };
        let place = format!("{board}: {}", panel.title);
        let mut answered = BTreeSet::new();
        for service in services {
            let before = answered.len();
            let mut is_empty = true;
            for target in &panel.targets {
                let found = self.ask_for(target, &service);
                if found.is_empty() {
                    continue;
                }
                is_empty = false;
                answered.insert(target.ref_id.as_str());
                for label in legend(&target.legend_format) {
                    let entry = (place.clone(), label.clone());
                    self.wanted.insert(entry.clone());
                    if found.keys().any(|series| series.contains_key(&label)) {
                        self.labelled.insert(entry);
                    }
                }
            }
            if is_empty && before == answered.len() {
                empty.push(format!("{place} {service}"));
            }
        }
        let silent = panel.targets.iter().map(|one| one.ref_id.as_str());
        let silent = silent.filter(|name| !answered.contains(name));
        empty.extend(silent.map(|name| format!("{place} {name}, for every service")));
        empty
    }

    /// The largest value that a panel shows.
    fn most(&self, title: &str, service: &str) -> f64 {
        let panels = self.boards.iter().flat_map(|board| &board.panels);
        let panel = panels.into_iter().find(|panel| panel.title == title);
        let panel = panel.unwrap_or_else(|| panic!("no panel `{title}`"));
        let found = self.ask(&panel.targets[0].expr, service);
        let values = found.values().flatten().copied();
        values.filter(|value| value.is_finite()).fold(0.0, f64::max)
    }

    /// What a responder who was paged for failing orders looks at.
    fn shows_the_incident(&self) {
        for (title, service, least) in [
            ("How many alerts are firing?", "", 1.0),
            ("What share of requests fails?", "", 0.005),
            ("How fast do the error budgets burn?", "", 100.0),
            ("Which routes fail?", "", 0.1),
            ("Which services fail?", "", 0.01),
            ("Which responses are errors?", "gateway", 0.1),
            ("Which calls fail?", "", 0.1),
            ("Which alerts were pending or firing?", "", 2.0),
        ] {
            wait_for(title, SOON, || {
                (self.most(title, service) >= least).then_some(())
            });
        }
        let marks = self.boards.iter().flat_map(|board| &board.annotations.list);
        for annotation in marks {
            let found = self.ask(&annotation.target.expr, "");
            assert!(!found.is_empty(), "no mark of `{}`", annotation.name);
            for label in legend(&annotation.title_format) {
                let has = found.keys().all(|series| series.contains_key(&label));
                assert!(has, "a mark of `{}` has no `{label}`", annotation.name);
            }
        }
    }
}

/// The labels that a legend is made of.
fn legend(format: &str) -> Vec<String> {
    let parts = format.split("{{").skip(1);
    let names = parts.filter_map(|rest| rest.split("}}").next());
    names.map(|name| name.trim().to_owned()).collect()
}
