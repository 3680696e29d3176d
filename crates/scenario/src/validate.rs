//! What cannot be right in a scenario that could be read: every problem, not the first.
//!
//! Problems are addressed by key; the draft knows where the key stands.

mod debrief;
mod timeline;

pub(crate) use timeline::{LATEST_CHANGE_S, SWAP_S};

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use shop_api::Service;
use text::Problem;

use super::parse::Draft;
use super::{Release, Remedy, Scenario, spoiler};

/// Collects problems by key.
struct Findings<'d> {
    draft: &'d Draft<'d>,
    found: Vec<Problem>,
}

impl Findings<'_> {
    /// Notes a problem, unless the key or a table around it could not be read: that is the problem then.
    fn say(&mut self, key: &str, message: impl Into<String>) {
        if !self
            .draft
            .problems
            .iter()
            .any(|form| is_within(key, &form.key))
        {
            self.found.push(self.draft.problem(key, message));
        }
    }

    /// Whether everything below a key could be read, so that what is missing there is really missing.
    fn is_read(&self, key: &str) -> bool {
        !self
            .draft
            .problems
            .iter()
            .any(|form| is_within(&form.key, key))
    }

    fn expect(&mut self, holds: bool, key: &str, message: impl Into<String>) {
        if !holds {
            self.say(key, message);
        }
    }
}

/// Whether a key is `outer` or lies below it.
fn is_within(key: &str, outer: &str) -> bool {
    let rest = if outer.is_empty() {
        None
    } else {
        key.strip_prefix(outer)
    };
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Everything that cannot be right.
pub(super) fn problems(draft: &Draft<'_>) -> Vec<Problem> {
    if !draft.is_read {
        return Vec::new();
    }
    let mut findings = Findings {
        draft,
        found: Vec::new(),
    };
    let scenario = &draft.scenario;
    header(&mut findings, scenario);
    history(&mut findings, scenario);
    timeline::check(&mut findings, scenario);
    manifest(&mut findings, scenario);
    signature(&mut findings, scenario);
    remedy(&mut findings, scenario);
    reproduction(&mut findings, scenario);
    debrief::check(&mut findings, scenario);
    for (key, message) in spoiler::problems(scenario) {
        findings.say(&key, message);
    }
    findings.found
}

const TITLE_CHARS: usize = 60;

fn header(findings: &mut Findings<'_>, scenario: &Scenario) {
    let stem = Path::new(&findings.draft.file)
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    let stem = stem.unwrap_or_default();
    findings.expect(
        scenario.id == stem,
        "id",
        format!(
            "must match the file name: write `{stem}` or rename the file to `{}.toml`",
            scenario.id
        ),
    );
    let is_kebab = scenario.id.split('-').all(|part| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    });
    findings.expect(
        is_kebab,
        "id",
        "must be lower-case words joined by `-`, such as `slow-checkout`",
    );
    let title = &scenario.title;
    let is_line =
        !title.trim().is_empty() && !title.contains('\n') && title.chars().count() <= TITLE_CHARS;
    findings.expect(
        is_line,
        "title",
        format!("must be one line of 1 to {TITLE_CHARS} characters"),
    );
    findings.expect(
        !scenario.briefing.trim().is_empty(),
        "briefing",
        "must tell the responder what is known at the start",
    );
}

fn history(findings: &mut Findings<'_>, scenario: &Scenario) {
    for service in Service::ALL {
        differences(findings, scenario, service);
        let key = format!("history.{service}");
        let running = scenario.deployed_before(service).len();
        findings.expect(
            running > 0 || !findings.is_read(&key),
            &key,
            "needs a release with an `age`: the newest of them runs when the drill starts",
        );
        let mut ids = BTreeSet::new();
        let mut ages = BTreeSet::new();
        let releases = scenario
            .history
            .iter()
            .filter(|release| release.service == service);
        for (index, release) in releases.enumerate() {
            let key = |field: &str| format!("history.{service}[{index}].{field}");
            let id = &release.release;
            findings.expect(
                is_release_id(id),
                &key("release"),
                format!(
                    "`{id}` is not a release id; write `YEAR.MONTH.NUMBER`, such as `2026.11.3`"
                ),
            );
            findings.expect(
                ids.insert(id),
                &key("release"),
                format!("`{id}` appears twice; release ids of a service must be unique"),
            );
            for (field, text) in [
                ("author", &release.author),
                ("changelog", &release.changelog),
            ] {
                let is_line = !text.trim().is_empty() && !text.contains('\n');
                findings.expect(is_line, &key(field), "must be one non-empty line");
            }
            match release.age {
                Some(age) if age == Duration::ZERO => findings.say(&key("age"), "must be more than 0; leave it out for a release that the timeline deploys"),
                Some(age) => findings.expect(ages.insert(age), &key("age"), "is the same as another release's; it must be clear which one runs at the start"),
                None => findings.expect(
                    !findings.is_read("timeline") || scenario.deployed_at(release).is_some(),
                    &key("release"),
                    format!("`{id}` is never deployed; give it an `age`, or an event in the timeline"),
                ),
            }
        }
    }
}

/// A responder reads what each release changed: one that changed nothing is innocent at first sight.
fn differences(findings: &mut Findings<'_>, scenario: &Scenario, service: Service) {
    let key = format!("shop.{service}");
    for shop in &scenario.shop {
        let own = shop.get(service.name()).map(serde_json::to_value);
        let read = own.map(|own| own.and_then(|own| ::settings::resolve(service, &[own])));
        if let Some(Err(error)) = read {
            findings.say(&key, error.to_string());
        }
    }
    let of_service = |release: &&Release| release.service == service;
    for (index, release) in scenario.history.iter().filter(of_service).enumerate() {
        let is_oldest = scenario
            .releases_of(service)
            .first()
            .is_none_or(|first| *first == release);
        let key = format!("history.{service}[{index}].settings");
        // Settings that cannot be read have been said.
        let changes = scenario.changes_of(release).unwrap_or_default();
        findings.expect(
            is_oldest || !changes.is_empty() || !release.diff.is_empty() || !findings.is_read(&key),
            &key,
            "are those of the previous release, and there is no `diff`; each release must change what its changelog says",
        );
    }
}

/// `2026.11.3`: year, month and a number.
fn is_release_id(id: &str) -> bool {
    let parts: Vec<Option<u32>> = id
        .split('.')
        .map(|part| {
            part.parse()
                .ok()
                .filter(|_| !part.starts_with('0') && !part.starts_with('+'))
        })
        .collect();
    matches!(parts.as_slice(), [Some(2000..=9999), Some(1..=12), Some(_)])
}

fn manifest(findings: &mut Findings<'_>, scenario: &Scenario) {
    let manifest = &scenario.manifest;
    findings.expect(
        !scenario.page.alert.trim().is_empty(),
        "page.alert",
        "must name the alert rule that pages",
    );
    promql(findings, "manifest.indicator", &manifest.indicator);
    findings.expect(
        manifest.before_below > 0.0,
        "manifest.before_below",
        "must be more than 0, or no baseline could meet it",
    );
    findings.expect(
        manifest.after_below > 0.0,
        "manifest.after_below",
        "must be more than 0, or no recovery could meet it",
    );
    match (scenario.is_control(), manifest.during_above) {
        (true, Some(_)) => findings.say(
            "manifest.during_above",
            "must be left out: this is a control, so there is no symptom",
        ),
        (false, None) => findings.say(
            "manifest.during_above",
            "is missing; give the value above which the symptom shows",
        ),
        (false, Some(during)) => {
            for (key, quiet) in [
                ("before_below", manifest.before_below),
                ("after_below", manifest.after_below),
            ] {
                findings.expect(
                    during > quiet,
                    "manifest.during_above",
                    format!(
                        "must be more than `{key}` ({quiet}), to tell the symptom from the baseline"
                    ),
                );
            }
        }
        (true, None) => {}
    }
    findings.expect(
        manifest.hold_s > 0.0,
        "manifest.hold_s",
        "must be more than 0",
    );
    findings.expect(
        manifest.settle_s > manifest.hold_s && manifest.settle_s <= LONGEST_SETTLE_S,
        "manifest.settle_s",
        format!(
            "must be more than `hold_s` ({}) and at most {LONGEST_SETTLE_S}",
            manifest.hold_s
        ),
    );
}

/// A drill whose recovery takes longer than this would keep a responder waiting for nothing.
const LONGEST_SETTLE_S: f64 = 600.0;

fn promql(findings: &mut Findings<'_>, key: &str, expr: &str) {
    if let Err(error) = promql::parse(expr) {
        findings.say(key, format!("is not PromQL: {error}"));
    }
}

fn signature(findings: &mut Findings<'_>, scenario: &Scenario) {
    let signs = &scenario.signature;
    let message = match scenario.is_control() {
        true => "must be left out: a control has nothing to show",
        false => "is missing; add a `[[signature]]` that only this incident matches",
    };
    if findings.is_read("signature") && findings.is_read("rubric") {
        findings.expect(
            signs.is_empty() == scenario.is_control(),
            "signature",
            message,
        );
    }
    for (index, sign) in signs.iter().enumerate() {
        let key = format!("signature[{index}]");
        findings.expect(
            sign.promql.is_some() != sign.log.is_some(),
            &key,
            "must have one of `promql` and `log`",
        );
        findings.expect(
            sign.above.is_some() != sign.below.is_some(),
            &key,
            "must have one of `above` and `below`",
        );
        if let Some(Err(error)) = sign
            .log
            .as_deref()
            .map(str::parse::<grader::log_query::Query>)
        {
            findings.say(&format!("{key}.log"), error.to_string());
        }
    }
    for (index, overlap) in scenario.overlaps.iter().enumerate() {
        findings.expect(
            overlap.because.split_whitespace().count() >= 3,
            &format!("overlaps[{index}].because"),
            "must give the reason in at least three words",
        );
    }
}

fn remedy(findings: &mut Findings<'_>, scenario: &Scenario) {
    if scenario.is_control() {
        findings.expect(
            scenario.remedy.is_empty(),
            "remedy",
            "must be left out: a control has no cause to remove",
        );
        return;
    }
    findings.expect(
        !scenario.remedy.is_empty(),
        "remedy",
        "is missing; add a `[[remedy]]` that removes the cause",
    );
    for (index, remedy) in scenario.remedy.iter().enumerate() {
        let key = |field: &str| format!("remedy[{index}].{field}");
        match remedy {
            Remedy::Rollback { service } => findings.expect(
                timeline::ever_deployed(scenario, *service) > 1 || !findings.is_read("history"),
                &key("service"),
                format!("`{service}` has only one release, so it cannot be rolled back"),
            ),
            Remedy::Deploy { service, release } => findings.expect(
                scenario.release(*service, release).is_some(),
                &key("release"),
                unknown_release(scenario, *service, release),
            ),
            Remedy::Config { settings, .. } => findings.expect(
                !settings.is_empty(),
                &key("settings"),
                "is missing; add the values that `config set` sets, as texts by dotted key",
            ),
            Remedy::Restart { .. } | Remedy::Skip | Remedy::Replay | Remedy::Revert => {}
        }
    }
}

/// The rubric knows of no shop, so whose metric it names is looked at here.
fn reproduction(findings: &mut Findings<'_>, scenario: &Scenario) {
    let symptom = scenario.rubric.reproduction.as_ref();
    let Some(growth) = symptom.and_then(|symptom| symptom.growth.as_ref()) else {
        return;
    };
    let names = Service::ALL.map(Service::name);
    findings.expect(
        names.contains(&growth.service.as_str()),
        "rubric.reproduction.growth.service",
        format!(
            "`{}` is not a service; the services are `{}`",
            growth.service,
            names.join("`, `")
        ),
    );
}

fn unknown_release(scenario: &Scenario, service: Service, release: &str) -> String {
    let releases = scenario
        .history
        .iter()
        .filter(|known| known.service == service);
    let known: Vec<&str> = releases.map(|known| known.release.as_str()).collect();
    match known.as_slice() {
        [] => format!("`{service}` has no releases; add them as `[[history.{service}]]`"),
        known => format!(
            "`{release}` is not in the history of `{service}`: {}",
            known.join(", ")
        ),
    }
}
