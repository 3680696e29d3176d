//! Naive solvers: write-ups that rest on one look. A drill's level says whether that may be enough.
//!
//! Each is given more than it has earned: a timeline, a hypothesis ruled out and the usual action, so that only its
//! reading of the incident decides.

use std::collections::BTreeMap;

use grader::evidence::{Deploy, DeployKind, SettingChange, TraceQuery};
use grader::moment::{Moment, Window};
use grader::writeup::{self, Claim, WriteUp};
use grader::{Component, Mechanism, Severity, TriggerKind};
use scenario::Scenario;
use serde::Serialize;
use time::Duration;

use crate::recorded::Recorded;

/// What a solver got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Result {
    pub(crate) passed: bool,
    /// Points, 0 to 100.
    pub(crate) score: u32,
}

/// The solvers, in the order of the table.
pub(super) const NAMES: [&str; 9] = [
    "loudest log",
    "error spans",
    "newest deploy",
    ODDEST,
    "deviation",
    "a deploy",
    "playbook",
    WIDE,
    "nothing",
];

/// It takes the change whose settings differ by the largest factor.
const ODDEST: &str = "oddest diff";

/// It does not find the cause: it is told it, as if it had guessed right.
const WIDE: &str = "wide dashboards";

/// At this level two naive looks may be enough, at the next one, and that is not the oddest diff; from [`HARD`] on, none.
const EASY: u8 = 1;
const HARD: u8 = 3;

/// What a mechanism is guessed from, in the words of a log line or a status.
const WORDS: [(&str, Mechanism); 9] = [
    ("too many open files", Mechanism::FileDescriptorsExhausted),
    ("full", Mechanism::StorageFull),
    ("unknown variant", Mechanism::VersionMismatch),
    ("429", Mechanism::ThirdPartyQuota),
    ("quota", Mechanism::ThirdPartyQuota),
    ("panic", Mechanism::ProcessCrash),
    ("connection", Mechanism::PoolTooSmall),
    ("deadline", Mechanism::ServiceOverloaded),
    ("time", Mechanism::ServiceOverloaded),
];

/// What is compared with the baseline, and the cause that a naive responder concludes from its rise.
const METRICS: [(&str, Mechanism); 12] = [
    (
        "sum(rate(http_server_request_duration_seconds_count{service=\"S\", http_response_status_code=~\"5..\"}[10s]))",
        Mechanism::DefectiveRelease,
    ),
    (
        "sum(rate(http_server_request_duration_seconds_sum{service=\"S\"}[10s])) / sum(rate(http_server_request_duration_seconds_count{service=\"S\"}[10s]))",
        Mechanism::ServiceOverloaded,
    ),
    (
        "sum(rate(db_client_operation_duration_seconds_sum{service=\"S\"}[10s])) / sum(rate(db_client_operation_duration_seconds_count{service=\"S\"}[10s]))",
        Mechanism::MissingIndex,
    ),
    (
        "sum(rate(db_client_connection_wait_time_seconds_sum{service=\"S\"}[10s])) / sum(rate(db_client_connection_wait_time_seconds_count{service=\"S\"}[10s]))",
        Mechanism::PoolTooSmall,
    ),
    (
        "sum(allocator_allocated_bytes{service=\"S\"})",
        Mechanism::CacheWithoutEviction,
    ),
    (
        "sum(process_open_fds{service=\"S\"})",
        Mechanism::FileDescriptorsExhausted,
    ),
    (
        "sum(rate(http_client_retries_total{service=\"S\"}[10s]))",
        Mechanism::RetryAmplification,
    ),
    (
        "sum(outbox_depth{service=\"S\"})",
        Mechanism::UnboundedQueue,
    ),
    (
        "sum(runtime_alive_tasks{service=\"S\"})",
        Mechanism::TasksNeverFinish,
    ),
    (
        "sum(rate(runtime_scheduler_lag_seconds_sum{service=\"S\"}[10s]))",
        Mechanism::BlockingOnAsyncWorkers,
    ),
    (
        "sum(rate(process_cpu_seconds_total{service=\"S\"}[10s]))",
        Mechanism::ServiceOverloaded,
    ),
    (
        "sum(rate(http_server_request_duration_seconds_count{service=\"S\"}[10s]))",
        Mechanism::TrafficSurge,
    ),
];

const SERVICES: [(&str, Component); 3] = [
    ("gateway", Component::Gateway),
    ("checkout", Component::Checkout),
    ("inventory", Component::Inventory),
];

/// What one look gave.
#[derive(Debug, Clone, Default)]
struct Guess {
    component: Option<Component>,
    mechanism: Option<Mechanism>,
    evidence: Vec<String>,
}

/// Lets every solver write up one run, and grades them; `nothing` is the empty write-up.
pub(super) async fn all(
    record: &Recorded,
    nothing: &WriteUp,
) -> anyhow::Result<BTreeMap<&'static str, Result>> {
    let deploys = in_the_drill(record);
    let (first, newest) = (deploys.first(), deploys.last());
    let odd = |deploy: &&&Deploy| {
        let factors = deploy.changes.iter().map(SettingChange::factor);
        factors.fold(1.0, f64::max)
    };
    let oddest = deploys
        .iter()
        .max_by(|one, other| odd(one).total_cmp(&odd(other)));
    let (log, spans) = (loudest_log(record)?, most_error_spans(record).await?);
    let deviations = deviations(record).await?;
    let playbook = playbook(&deviations, &spans, &log);
    let largest = deviations.into_iter().next();
    let guesses = [
        (log, newest),
        (spans, newest),
        (of_deploy(newest), newest),
        (of_deploy(oddest), oddest),
        (largest.unwrap_or_default(), newest),
        (of_deploy(first), first),
        (playbook, newest),
        (wide_dashboards(record), newest),
    ];
    let mut results = BTreeMap::new();
    for (name, (guess, deploy)) in NAMES.into_iter().zip(guesses) {
        let writeup = write_up(record, guess, deploy);
        results.insert(name, graded(record, &writeup).await);
    }
    results.insert("nothing", graded(record, nothing).await);
    Ok(results)
}

async fn graded(record: &Recorded, writeup: &WriteUp) -> Result {
    let verdict = record.grade(writeup).await;
    Result {
        passed: verdict.passed,
        score: verdict.score,
    }
}

/// Which solvers passed although the level says that none does.
pub(super) fn problems(
    scenario: &Scenario,
    results: &BTreeMap<&'static str, Result>,
) -> Vec<String> {
    let passed: Vec<&str> = results
        .iter()
        .filter(|(_, result)| result.passed)
        .map(|(name, _)| *name)
        // Being told the cause is no naive look: it counts where nothing but evidence may decide.
        .filter(|name| *name != WIDE || scenario.level >= HARD)
        .collect();
    let allowed = match scenario.level {
        _ if scenario.is_control() => 0,
        level if level <= EASY => 2,
        level if level >= HARD => 0,
        _ => 1,
    };
    let is_odd = scenario.level > EASY && passed.contains(&ODDEST);
    match passed.len() > allowed || is_odd {
        true => vec![format!(
            "level {} is passed by {}",
            scenario.level,
            passed.join(", ")
        )],
        false => Vec::new(),
    }
}

/// Deploys and pushes of the drill itself up to the page, oldest first; what the responder and the runner did is later.
fn in_the_drill(record: &Recorded) -> Vec<&Deploy> {
    let frame = &record.facts.frame;
    let until = frame.page.unwrap_or(frame.ended);
    let deploys = record.facts.deploys.iter();
    deploys
        .filter(|deploy| deploy.at >= frame.started && deploy.at <= until)
        .collect()
}

/// The last ten seconds before the write-up: what a look shows now.
fn incident(record: &Recorded) -> Window {
    let frame = &record.facts.frame;
    Window {
        from: frame.ended - Duration::seconds(10),
        to: frame.ended,
    }
}

fn mechanism_of(text: &str) -> Mechanism {
    let text = text.to_lowercase();
    let known = WORDS.iter().find(|(word, _)| text.contains(word));
    known.map_or(Mechanism::DefectiveRelease, |(_, mechanism)| *mechanism)
}

fn component_of(service: &str) -> Option<Component> {
    let known = SERVICES.iter().find(|(name, _)| *name == service);
    known.map(|(_, component)| *component)
}

fn loudest_log(record: &Recorded) -> anyhow::Result<Guess> {
    let query: grader::log_query::Query = "level>=warn".parse()?;
    let query = query.since(Moment::Absolute(incident(record).from));
    let found = record
        .sources
        .logs
        .search(&query, &record.facts.frame, 2_000)?;
    // Messages differ in their numbers and ids; their beginnings do not.
    let mut counts: BTreeMap<(String, String), (usize, String)> = BTreeMap::new();
    for line in &found.lines {
        let message = line.text("message");
        let begins: Vec<&str> = message.split_whitespace().take(4).collect();
        let entry = counts
            .entry((line.text("service"), begins.join(" ")))
            .or_insert((0, format!("{message} {}", line.text("error"))));
        entry.0 += 1;
    }
    let loudest = counts.into_iter().max_by_key(|(_, (count, _))| *count);
    Ok(
        loudest.map_or_else(Guess::default, |((service, _), (_, text))| Guess {
            component: component_of(&service),
            mechanism: Some(mechanism_of(&text)),
            evidence: vec![format!("log:service={service} level>=warn")],
        }),
    )
}

async fn most_error_spans(record: &Recorded) -> anyhow::Result<Guess> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut example: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut query = TraceQuery::new("gateway", incident(record));
    query.limit = 300;
    for trace in record.sources.jaeger.find(&query).await? {
        for span in trace.spans.iter().filter(|span| span.is_error) {
            *counts.entry(span.service.clone()).or_default() += 1;
            let text = std::iter::once(&span.status).chain(span.attributes.values());
            let text = text.map(String::as_str).collect::<Vec<_>>().join(" ");
            example
                .entry(span.service.clone())
                .or_insert((trace.id.clone(), text));
        }
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    let Some((service, _)) = most else {
        return Ok(Guess::default());
    };
    let (id, text) = example.remove(&service).unwrap_or_default();
    Ok(Guess {
        component: component_of(&service),
        mechanism: Some(mechanism_of(&text)),
        evidence: vec![format!("trace:{id}")],
    })
}

fn of_deploy(deploy: Option<&&Deploy>) -> Guess {
    deploy.map_or_else(Guess::default, |deploy| Guess {
        component: component_of(&deploy.service),
        mechanism: Some(Mechanism::DefectiveRelease),
        evidence: vec![format!("deploy:{}", deploy.id), errors_of(&deploy.service)],
    })
}

fn errors_of(service: &str) -> String {
    format!(
        "promql:sum(rate(http_server_request_duration_seconds_count{{service=\"{service}\", http_response_status_code=~\"5..\"}}[20s]))@page"
    )
}

/// Every metric that rose, the one that rose most first.
async fn deviations(record: &Recorded) -> anyhow::Result<Vec<Guess>> {
    let Some(windows) = record.facts.frame.windows else {
        return Ok(Vec::new());
    };
    let at = text::format::rfc3339(incident(record).to);
    let mut found: Vec<(f64, Guess)> = Vec::new();
    for (template, mechanism) in METRICS {
        for (service, component) in SERVICES {
            let expr = template.replace("=\"S\"", &format!("=\"{service}\""));
            let before = mean(record, &expr, windows.baseline).await?;
            let now = mean(record, &expr, incident(record)).await?;
            // What was not there before is compared with a hundredth: it deviates, but not without end.
            let guess = Guess {
                component: Some(component),
                mechanism: Some(mechanism),
                evidence: vec![format!("promql:{expr}@{at}")],
            };
            found.push((now / before.max(0.01), guess));
        }
    }
    found.retain(|(ratio, _)| *ratio > 1.0);
    found.sort_by(|one, other| other.0.total_cmp(&one.0));
    Ok(found.into_iter().map(|(_, guess)| guess).collect())
}

/// A fixed routine that understands nothing: all dashboards and one failed trace as evidence, the place by the failed spans,
/// the mechanism by a table of words, or by the metric that rose most.
fn playbook(deviations: &[Guess], spans: &Guess, log: &Guess) -> Guess {
    let largest = deviations.first();
    let by_words = [spans.mechanism, log.mechanism].into_iter().flatten();
    let mut named = by_words.filter(|mechanism| *mechanism != Mechanism::DefectiveRelease);
    let dashboards = deviations.iter().flat_map(|guess| guess.evidence.clone());
    let most = grader::writeup::Field::Cause.limit().most;
    Guess {
        component: spans
            .component
            .or(largest.and_then(|guess| guess.component)),
        mechanism: named.next().or(largest.and_then(|guess| guess.mechanism)),
        evidence: spans
            .evidence
            .iter()
            .cloned()
            .chain(dashboards)
            .take(most)
            .collect(),
    }
}

/// The right cause, and for evidence what everybody can show whatever happened. In a control there is no cause to be told.
fn wide_dashboards(record: &Recorded) -> Guess {
    let at = text::format::rfc3339(incident(record).to);
    let cause = record.scenario.rubric.cause.as_ref();
    let dashboards = scenario::references::WIDE_DASHBOARDS.iter();
    Guess {
        component: cause.map(|cause| cause.component),
        mechanism: cause.map(|cause| cause.mechanism),
        evidence: dashboards
            .map(|expr| format!("promql:{expr}@{at}"))
            .collect(),
    }
}

/// The mean of an expression's values; 0 of none.
async fn mean(record: &Recorded, expr: &str, window: Window) -> anyhow::Result<f64> {
    let prometheus = &record.sources.prometheus;
    let series = prometheus
        .query_range(expr, window, Duration::SECOND)
        .await?;
    let values: Vec<f64> = series
        .iter()
        .flat_map(|series| series.samples.iter().map(|sample| sample.value))
        .filter(|value| value.is_finite())
        .collect();
    let count = values.len().max(1) as f64;
    Ok(values.iter().sum::<f64>() / count)
}

/// What is done about a deploy without looking further.
fn usual_action(deploy: &Deploy) -> String {
    match deploy.kind {
        DeployKind::Config => format!("restart {}", deploy.service),
        _ => format!("rollback {}", deploy.service),
    }
}

/// The write-up around a guess, with everything that comes without looking.
fn write_up(record: &Recorded, guess: Guess, deploy: Option<&&Deploy>) -> WriteUp {
    let frame = &record.facts.frame;
    let page = frame.page.unwrap_or(frame.ended);
    let at = |offset_s: i64| Some(Moment::Absolute(page + Duration::seconds(offset_s)));
    let alert = "promql:ALERTS{alertstate=\"firing\"}@page+3s".to_owned();
    let of_deploy = deploy.map(|deploy| format!("deploy:{}", deploy.id));
    let event = |at, what: &str, evidence: Vec<String>| writeup::Event {
        at,
        what: what.to_owned(),
        evidence,
    };
    WriteUp {
        verdict: Some(Claim::Incident),
        severity: Some(Severity::Sev2),
        summary: "What is seen first is taken for the cause.".to_owned(),
        impact: writeup::Impact {
            start: at(-15),
            ..writeup::Impact::default()
        },
        detection: writeup::Detection {
            at: at(0),
            by: record.scenario.page.alert.clone(),
            evidence: vec![alert.clone()],
        },
        timeline: vec![
            event(
                deploy.map(|deploy| Moment::Absolute(deploy.at)),
                "a deploy",
                of_deploy.iter().cloned().collect(),
            ),
            event(at(0), "paged", vec![alert]),
        ],
        trigger: writeup::Trigger {
            kind: Some(TriggerKind::Deploy),
            deploy: deploy.map(|deploy| deploy.id.clone()),
            evidence: of_deploy.iter().cloned().collect(),
            ..writeup::Trigger::default()
        },
        ruled_out: vec![writeup::RuledOut {
            component: Some(Component::Clients),
            mechanism: Some(Mechanism::TrafficSurge),
            hypothesis: "More traffic than usual.".to_owned(),
            because: "The request rate is what it was.".to_owned(),
            evidence: vec![
                "promql:sum(rate(http_server_request_duration_seconds_count{service=\"gateway\"}[20s]))@page"
                    .to_owned(),
                "log:service=checkout level=info".to_owned(),
            ],
        }],
        mitigation: writeup::Mitigation {
            action: deploy.map(|deploy| usual_action(deploy)).unwrap_or_default(),
            at: at(5),
            evidence: Vec::new(),
        },
        cause: writeup::Cause {
            component: guess.component,
            mechanism: guess.mechanism,
            explanation: "It is what stands out.".to_owned(),
            evidence: guess.evidence,
        },
        action_items: vec![writeup::ActionItem {
            what: "Look more closely next time".to_owned(),
            owner: "on call".to_owned(),
        }],
        ..WriteUp::default()
    }
}
