//! The bundled Jaeger UI where it had blank pages, a spinner for ever, or a mark that was not so.

use serde_json::json;

use crate::support::{Drill, Opened, get_json, wait_for};

use super::PAGE_WITHIN;
use super::page::Page;

pub(super) fn search_download_monitor_and_linked_traces_work() {
    let drill = Drill::start(&["up", "--seed", "11"]);
    let jaeger = drill.url("jaeger").to_owned();
    wait_for("traces of orders", PAGE_WITHIN, || {
        let found = drill.order_traces("2")?;
        (found.len() == 2).then_some(())
    });
    let mut page = Page::open();
    search(&mut page, &jaeger);
    download(&mut page);
    linked(&mut page, &jaeger);
    monitor(&mut page, &jaeger);
    clock(&mut page, &jaeger);
    indented(&jaeger);
    let (_, folder, state) = drill.interrupt();
    let run = folder.file_name().and_then(|run| run.to_str());
    let opened = Opened::start(state.path(), run.expect("an id is text"));
    // The clock of this page is ahead already.
    let ended = opened.url("jaeger");
    searched(&mut page, ended, "jaeger-opened");
    page.go(&format!("{ended}/monitor"));
    page.shows("POST /internal/orders");
    compare(&mut page, ended);
}

fn compare(page: &mut Page, jaeger: &str) {
    let found = get_json(&format!(
        "{jaeger}/api/traces?service=gateway&operation=POST%20/v1/orders&limit=2"
    ));
    let ids: Vec<&str> = (0..2)
        .filter_map(|at| found["data"][at]["traceID"].as_str())
        .collect();
    let [one, other] = [ids[0], ids[1]];
    page.go(&format!(
        "{jaeger}/trace/{one}...{other}?cohort={one}&cohort={other}"
    ));
    page.shows("POST /v1/orders");
    // The graph of both is laid out by a worker.
    page.shows("POST /internal/orders");
    page.picture("jaeger-compare");
}

/// The address names another service than the one that was searched last.
fn search(page: &mut Page, jaeger: &str) {
    page.go(&format!(
        "{jaeger}/search?service=gateway&limit=20&lookback=1h"
    ));
    page.shows("20 Traces");
    page.value("localStorage.setItem('lastSearch', JSON.stringify({service: 'gateway', operation: 'all'}))");
    page.go(&format!(
        "{jaeger}/search?service=checkout&limit=20&lookback=1h"
    ));
    page.until("location.search.includes('checkout')");
    page.shows("20 Traces");
    page.until("document.querySelector('form') && document.body.innerText.includes('Find Traces')");
    page.picture("jaeger-search");
}

/// The file is caught on its way out of the page, and is what the API answers.
fn download(page: &mut Page) {
    page.value(
        "window.caught = null; const own = URL.createObjectURL;
         URL.createObjectURL = (blob) => { blob.text().then((text) => { window.caught = text; }); return own.call(URL, blob); }; 0",
    );
    page.value("[...document.querySelectorAll('button')].find((one) => one.innerText.includes('Download Results')).click()");
    page.until("window.caught !== null");
    assert_eq!(
        page.value("JSON.parse(window.caught).data.length"),
        json!(20)
    );
    let spans = page.value("JSON.parse(window.caught).data[0].spans[0].operationName");
    assert!(spans.is_string(), "{spans}");
}

/// A consumer's root leads to the trace of its producer, and no span is missing.
fn linked(page: &mut Page, jaeger: &str) {
    let operation = "process%20order.placed";
    let query = format!("service=checkout&operation={operation}&limit=20&lookback=1h");
    wait_for("traces of consumers", PAGE_WITHIN, || {
        let found = get_json(&format!("{jaeger}/api/traces?{query}"));
        let traces = found["data"].as_array()?;
        let refers = |trace: &serde_json::Value| {
            !trace["spans"][0]["references"]
                .as_array()
                .is_none_or(Vec::is_empty)
        };
        (traces.len() > 2 && traces.iter().any(refers)).then_some(())
    });
    page.go(&format!("{jaeger}/search?{query}"));
    page.shows("process order.placed");
    page.picture("jaeger-linked");
    assert_eq!(
        page.value("document.body.innerText.includes('Incomplete')"),
        json!(false)
    );
}

fn monitor(page: &mut Page, jaeger: &str) {
    page.value("localStorage.setItem('lastAtmSearchTimeframe', '300000'); localStorage.setItem('lastAtmSearchService', '\"gateway\"')");
    page.go(&format!("{jaeger}/monitor"));
    page.shows("POST /v1/orders");
    page.until(
        "document.querySelectorAll('.recharts-surface, .rv-xy-plot, canvas, svg').length > 2",
    );
    page.picture("jaeger-monitor");
    assert_eq!(
        page.value("document.body.innerText.includes('No data yet')"),
        json!(false)
    );
}

/// The browser's clock is three days ahead of the drill's.
fn clock(page: &mut Page, jaeger: &str) {
    page.before(
        "{ const own = Date.now.bind(Date), ahead = 3 * 86400000; const Own = Date;
           window.Date = new Proxy(Own, { construct: (target, given) => new target(...(given.length ? given : [own() + ahead])),
             get: (target, name) => (name === 'now' ? () => own() + ahead : Reflect.get(target, name)) }); }",
    );
    searched(page, jaeger, "jaeger-clock");
}

/// By address and by hand: then the page takes the time from the browser.
fn searched(page: &mut Page, jaeger: &str, picture: &str) {
    page.go(&format!(
        "{jaeger}/search?service=gateway&limit=20&lookback=1h"
    ));
    page.shows("20 Traces");
    // A page that is still being built has no such button yet.
    page.until("[...document.querySelectorAll('button')].filter((one) => one.innerText.includes('Find Traces')).map((one) => one.click()).length > 0");
    page.until("new URLSearchParams(location.search).has('end')");
    page.shows("20 Traces");
    page.until("document.querySelectorAll('.recharts-scatter-symbol').length >= 20");
    page.picture(picture);
}

fn indented(jaeger: &str) {
    let address = format!("{jaeger}/api/services?prettyPrint=true");
    let text = reqwest::blocking::get(&address)
        .and_then(|answer| answer.text())
        .expect("an answer");
    assert!(text.starts_with("{\n    \"data\": [\n        \""), "{text}");
}
