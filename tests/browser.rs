//! What a person sees: the pages in a real browser, over a running shop. Skipped without Chromium.

mod console;
mod expert;
mod jaeger;
mod metrics;
mod page;
mod strain;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use libtest_mimic::Trial;

use console::{
    a_drill_is_worked_by_the_page_alone, every_part_is_accessible_and_fits_a_phone,
    what_is_logged_is_text_and_an_observer_only_looks,
};
use jaeger::search_download_monitor_and_linked_traces_work;
use metrics::the_graph_reads_what_people_write_and_follows_the_data;
use strain::{
    a_lost_connection_is_told_and_found_again, long_logs_and_large_traces_draw_what_is_in_sight,
};

use crate::clients;
use crate::support::{Drill, claims, get_json, has_program, wait_for, wanting};

/// Debian's name of the browser.
const CHROMIUM: &str = "chromium";
/// A cold browser in a debug build beside three drills.
const PAGE_WITHIN: Duration = Duration::from_secs(90);

pub(crate) fn trials() -> Vec<Trial> {
    let has_axe = has_program(CHROMIUM) && clients::installed().is_some();
    let mut trials = wanting(has_axe, claims![every_part_is_accessible_and_fits_a_phone]);
    trials.extend(wanting(
        has_program(CHROMIUM),
        claims![
            jaeger_s_pages_and_the_graph_page_show_the_shop,
            search_download_monitor_and_linked_traces_work,
            the_graph_reads_what_people_write_and_follows_the_data,
            a_drill_is_worked_by_the_page_alone,
            what_is_logged_is_text_and_an_observer_only_looks,
            long_logs_and_large_traces_draw_what_is_in_sight,
            a_lost_connection_is_told_and_found_again,
        ],
    ));
    trials.extend(wanting(has_program(CHROMIUM), expert::trials()));
    trials
}

fn jaeger_s_pages_and_the_graph_page_show_the_shop() {
    let drill = Drill::start(&["up", "--seed", "11"]);
    traces(&drill);
    graph(&drill);
}

fn traces(drill: &Drill) {
    let jaeger = drill.url("jaeger");
    let ids = wait_for("two traces of orders", PAGE_WITHIN, || {
        let found = drill.order_traces("2")?;
        let ids: Vec<String> = found
            .iter()
            .filter_map(|trace| Some(trace["id"].as_str()?.to_owned()))
            .collect();
        (ids.len() == 2).then_some(ids)
    });
    for service in ["gateway", "checkout", "inventory"] {
        let page =
            format!("{jaeger}/search?service={service}&minDuration=1us&limit=20&lookback=1h");
        see(&page, &["20 Traces", service]);
    }
    // Result rows are drawn only where a window shows them; the count tells as much, both ways.
    let by_tag = |value: &str| {
        let tags = format!("%7B%22http.request.method%22%3A%22{value}%22%7D");
        format!("{jaeger}/search?service=gateway&tags={tags}&limit=20&lookback=1h")
    };
    see(&by_tag("POST"), &["20 Traces"]);
    see(&by_tag("PURGE"), &["No trace results"]);
    let by_duration = |least: &str| {
        format!("{jaeger}/search?service=gateway&minDuration={least}&limit=20&lookback=1h")
    };
    see(&by_duration("100us"), &["20 Traces"]);
    see(&by_duration("900s"), &["No trace results"]);
    see(
        &format!("{jaeger}/trace/{}", ids[0]),
        &["gateway", "checkout", "inventory", "Trace Timeline"],
    );
    see(
        &format!("{jaeger}/trace/{}...{}", ids[0], ids[1]),
        &["POST /v1/orders"],
    );
    see(
        &format!("{jaeger}/dependencies"),
        &["gateway", "checkout", "inventory"],
    );
}

fn graph(drill: &Drill) {
    let services = get_json(&format!(
        "{}/api/v1/label/service/values",
        drill.url("prometheus")
    ));
    assert!(
        services["data"]
            .as_array()
            .is_some_and(|all| all.len() >= 3),
        "{services}"
    );
    let p99 = "histogram_quantile(0.99%2C%20sum%20by%20(le%2C%20service)%20(rate(http_server_request_duration_seconds_bucket%5B30s%5D)))";
    let graph = format!(
        "{}/graph?g0.expr={p99}&g0.tab=0&g0.range_input=5m",
        drill.url("prometheus")
    );
    see(
        &graph,
        &[
            "class=\"value\">\"gateway\"",
            "class=\"value\">\"checkout\"",
            "class=\"value\">\"inventory\"",
        ],
    );
}

/// Loads the page until the document holds all of these texts.
fn see(url: &str, texts: &[&str]) {
    let profile = tempfile::tempdir().expect("a temporary folder");
    let mut last = String::new();
    wait_for(&format!("{texts:?} on {url}"), PAGE_WITHIN, || {
        last = document(url, profile.path());
        let plain = last.replace("&quot;", "\"");
        let missing: Vec<_> = texts
            .iter()
            .filter(|text| !plain.contains(**text))
            .collect();
        if missing.is_empty() {
            return Some(());
        }
        eprintln!("{url}: not there yet: {missing:?} in {} bytes", last.len());
        None
    });
}

/// A browser that asks nobody but the page's own server.
fn chromium(profile: &Path) -> Command {
    let mut command = Command::new(CHROMIUM);
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .arg(format!("--user-data-dir={}", profile.display()));
    command
}

/// The document after its scripts have run.
fn document(url: &str, profile: &Path) -> String {
    let output = chromium(profile)
        .args([
            "--window-size=1400,2000",
            "--virtual-time-budget=8000",
            "--timeout=20000",
            "--dump-dom",
            url,
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .expect("Chromium starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
