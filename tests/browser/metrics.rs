//! The graph page and the alerts page, in use.

use serde_json::json;

use crate::support::{Drill, get_json, wait_for};

use super::PAGE_WITHIN;
use super::page::Page;

const RATE: &str =
    "sum%20by%20(service)%20(rate(http_server_request_duration_seconds_count%5B5s%5D))";

pub(super) fn the_graph_reads_what_people_write_and_follows_the_data() {
    let drill = Drill::start(&["up", "--seed", "11"]);
    let metrics = drill.url("prometheus").to_owned();
    // The page asks once, for steps that are whole: what there is now must have been there some seconds ago.
    let earlier = RATE.replace("%5B5s%5D", "%5B5s%5D%20offset%205s");
    wait_for("metrics of three services", PAGE_WITHIN, || {
        let found = get_json(&format!("{metrics}/api/v1/query?query={earlier}"));
        (found["data"]["result"].as_array()?.len() >= 3).then_some(())
    });
    let mut page = Page::open();
    page.go(&format!("{metrics}/graph?g0.expr={RATE}&g0.tab=0&g0.range_input=5%20min&g0.step_input=2s&g0.end_input=soon"));
    page.until("document.querySelectorAll('.legend .entry').length >= 3");
    assert_eq!(field(&mut page, "Range"), json!("5m"));
    assert_eq!(field(&mut page, "Resolution"), json!("2s"));
    page.shows("“soon” is not a time; write the end time as 00:50:30");
    typed(&mut page, "Range", "10 minutes");
    assert_eq!(field(&mut page, "Range"), json!("10m"));
    typed(&mut page, "Range", "a while");
    page.shows("“a while” is not a duration; write the range as 5m");
    assert_eq!(
        field(&mut page, "Range"),
        json!("a while"),
        "what was typed stays"
    );
    page.picture("graph-unread");
    typed(&mut page, "Range", "3m");
    typed(&mut page, "End time", "00:50:30");
    let end = field(&mut page, "End time");
    assert!(
        end.as_str().is_some_and(|end| end.ends_with(" 00:50:30")),
        "{end}"
    );
    typed(&mut page, "End time", "");
    neighbour(&mut page);
    completion(&mut page);
    tooltip(&mut page, &metrics);
    colours(&mut page, &metrics);
    marks(&drill, &mut page, &metrics);
    pointer(&mut page, &metrics);
    alerts(&mut page, &metrics);
    scripts(&mut page, &metrics);
}

fn input(label: &str) -> String {
    format!(
        "document.querySelector('input[aria-label={}]')",
        json!(label)
    )
}

fn field(page: &mut Page, label: &str) -> serde_json::Value {
    page.value(&format!("{}.value", input(label)))
}

/// Replaces what a field has, as a person does.
fn typed(page: &mut Page, label: &str, text: &str) {
    page.value(&format!("{0}.focus(); {0}.select(); 0", input(label)));
    if text.is_empty() {
        page.value(&format!(
            "{0}.value = ''; {0}.dispatchEvent(new Event('change')); 0",
            input(label)
        ));
        return;
    }
    page.type_text(text);
    page.press("Enter");
}

fn neighbour(page: &mut Page) {
    page.value("[...document.querySelectorAll('button')].find((one) => one.textContent === 'Add panel').click()");
    page.until("document.querySelectorAll('.panel').length === 2");
    let range =
        "document.querySelectorAll('.panel')[1].querySelector('input[aria-label=Range]').value";
    assert_eq!(page.value(range), json!("3m"));
}

/// A value that is taken from the list closes its quote, and uses one that is there.
fn completion(page: &mut Page) {
    for (rest, expected) in [("", "up{job=\"shop\""), ("\"}", "up{job=\"shop\"}")] {
        let text = format!("up{{job=\"sh{rest}");
        let caret = text.len() - rest.len();
        let area = "document.querySelectorAll('.panel')[1].querySelector('textarea')";
        page.value(&format!(
            "{area}.focus(); {area}.value = {}; {area}.setSelectionRange({caret}, {caret}); 0",
            json!(text)
        ));
        page.type_text("o");
        page.until("[...document.querySelectorAll('.proposals li')].some((one) => one.offsetParent && one.textContent === 'shop')");
        page.press("Enter");
        assert_eq!(page.value(&format!("{area}.value")), json!(expected));
    }
}

/// The tooltip is of the newest data under a pointer that rests.
fn tooltip(page: &mut Page, metrics: &str) {
    page.value("localStorage.setItem('metrics.refresh', '1')");
    page.go(&format!(
        "{metrics}/graph?g0.expr=time()&g0.tab=0&g0.range_input=1m"
    ));
    page.until("document.querySelectorAll('.legend .entry').length === 1");
    let place = page.value("(() => { const at = document.querySelector('canvas').getBoundingClientRect(); return [at.x + at.width / 2, at.y + at.height / 2]; })()");
    let at = |index: usize| place[index].as_f64().expect("a number");
    page.point(at(0), at(1));
    page.until("document.querySelector('.tooltip .time')?.textContent");
    let first = page.value("document.querySelector('.tooltip').textContent");
    page.until(&format!(
        "document.querySelector('.tooltip').textContent !== {first}"
    ));
    page.value("localStorage.setItem('metrics.refresh', '0')");
}

/// Forty lines have forty colours.
fn colours(page: &mut Page, metrics: &str) {
    page.go(&format!("{metrics}/graph?g0.expr=topk(40%2C%20http_server_request_duration_seconds_bucket)&g0.tab=0&g0.range_input=1m"));
    page.until("document.querySelectorAll('.legend .entry').length >= 40");
    page.picture("graph-colours");
    let colours =
        "[...document.querySelectorAll('.legend .swatch')].map((one) => one.style.background)";
    let all = page.value(&format!("{colours}.length"));
    assert_eq!(page.value(&format!("new Set({colours}).size")), all);
    // A histogram's exemplars leave the lines in sight.
    page.go(&format!("{metrics}/graph?g0.expr=histogram_quantile(0.99%2C%20sum%20by%20(le%2C%20service)%20(rate(http_server_request_duration_seconds_bucket%5B5s%5D)))&g0.tab=0&g0.range_input=6m"));
    page.until("document.querySelectorAll('.legend .entry').length >= 3");
    page.picture("graph-exemplars");
}

/// A mark stands where the deploy log has it, to the second and less.
fn marks(drill: &Drill, page: &mut Page, metrics: &str) {
    let done = drill.cli(&["restart", "checkout"]);
    assert!(done.status.success(), "{done:?}");
    page.go(&format!(
        "{metrics}/graph?g0.expr={RATE}&g0.tab=0&g0.range_input=5m"
    ));
    page.until("document.querySelectorAll('.legend .entry').length >= 3");
    let expected = drill.cli(&["deploys", "--json"]);
    let deploys: serde_json::Value = serde_json::from_slice(&expected.stdout).expect("JSON");
    let last = deploys
        .as_array()
        .and_then(|all| all.last())
        .expect("a deploy")
        .clone();
    let marks = page.value(
        "import('/assets/marks.js').then(({ deployMarks }) => deployMarks({ start: Date.now() / 1000 - 600, end: Date.now() / 1000, step: 1 }))",
    );
    let mark = marks
        .as_array()
        .and_then(|all| all.last())
        .expect("a mark")
        .clone();
    assert_eq!(mark["text"], "checkout restart");
    let at = page.value(&format!("Date.parse({}) / 1000", last["at"]));
    assert_eq!(mark["t"], at);
    page.picture("graph-marks");
}

/// A key copies the pointer of the moment under the crosshair, a button that of the end of the range.
fn pointer(page: &mut Page, metrics: &str) {
    page.go(&format!(
        "{metrics}/graph?g0.expr=vector(1)&g0.tab=0&g0.range_input=1m&g0.end_input=2026-11-23%2012:01:00"
    ));
    page.until("document.querySelectorAll('.legend .entry').length === 1");
    page.value("window.copied = []; Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => { copied.push(text); } } }); 0");
    let place = page.value("(() => { const at = document.querySelector('canvas').getBoundingClientRect(); return [at.x + at.width / 2, at.y + at.height / 2]; })()");
    let at = |index: usize| place[index].as_f64().expect("a number");
    page.point(at(0), at(1));
    page.until("document.querySelector('.tooltip .time')?.textContent");
    let shown = page.value("document.querySelector('.tooltip .time').textContent.slice(-8)");
    page.value("dispatchEvent(new KeyboardEvent('keydown', { key: 'c' })); 0");
    page.until("window.copied.length === 1");
    page.value("[...document.querySelectorAll('button')].find((one) => one.textContent === 'Copy pointer').click()");
    page.until("window.copied.length === 2");
    let shown = shown.as_str().unwrap_or_default();
    let expected = [
        format!("promql:vector(1)@{shown}"),
        "promql:vector(1)@12:01:00".to_owned(),
    ];
    assert_eq!(page.value("window.copied"), json!(expected));
    page.until("document.querySelector('.panel .quiet').textContent === 'copied promql:vector(1)@12:01:00'");
    page.picture("graph-pointer");
}

/// A selection and the focus outlive the refresh; a link leads to the line, not to the alert.
fn alerts(page: &mut Page, metrics: &str) {
    page.go(&format!("{metrics}/alerts"));
    page.until("document.querySelectorAll('section a').length >= 3");
    page.value(
        "window.link = document.querySelectorAll('section a')[2]; getSelection().selectAllChildren(link); link.focus();
         window.answers = performance.getEntriesByType('resource').filter((one) => one.name.includes('/rules')).length; 0",
    );
    let state = "(() => { const plain = (text) => text.replace(/\\s+/g, ' ').trim(); return [document.activeElement === link, plain(getSelection().toString()) === plain(link.textContent), link.isConnected]; })()";
    assert_eq!(page.value(state), json!([true, true, true]), "at first");
    page.until("performance.getEntriesByType('resource').filter((one) => one.name.includes('/rules')).length >= window.answers + 2");
    assert_eq!(
        page.value(state),
        json!([true, true, true]),
        "after two refreshes"
    );
    let compared = "[...document.querySelectorAll('section a')].filter((one) => /[<>]|==/.test(new URLSearchParams(one.search).get('g0.expr'))).map((one) => /\\band\\b/.test(one.textContent))";
    assert_eq!(
        page.value(compared),
        json!([true, true]),
        "only conditions of two parts keep their comparisons"
    );
    page.picture("alerts");
}

/// The small tools behind the pages, each against a list.
fn scripts(page: &mut Page, metrics: &str) {
    page.go(&format!("{metrics}/graph"));
    page.until("document.querySelector('.panel')");
    let wrong = page.value(include_str!("scripts.js"));
    assert_eq!(wrong, json!([]));
}
