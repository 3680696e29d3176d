//! The incident console in a real browser: a drill is worked by nothing but the page.

use serde_json::json;

use super::PAGE_WITHIN;
use super::expert::cited;
use super::page::Page;
use crate::clients;
use crate::drills::{Case, PAGED_WITHIN, start};
use crate::support::{Drill, SOON, until, wait_for};
use crate::writeup::Facts;

/// The most clicks from the page to a culprit that is cited.
pub(super) const MOST_CLICKS: usize = 5;
/// What a page did wrong without anyone seeing it.
const WATCH: &str = "window.failed = [];
    addEventListener('error', (event) => failed.push(event.message));
    addEventListener('unhandledrejection', (event) => failed.push(String(event.reason)));
    addEventListener('securitypolicyviolation', (event) => failed.push(event.violatedDirective));";

/// A browser with the console open, which counts clicks.
pub(super) struct Console {
    pub(super) page: Page,
    pub(super) clicks: usize,
}

impl Console {
    pub(super) fn open(drill: &Drill) -> Self {
        Self::open_at(drill.url("console"))
    }

    pub(super) fn open_at(url: &str) -> Self {
        let mut page = Page::open();
        page.before(WATCH);
        page.go(url);
        page.until("document.querySelector('.alert h1')");
        Self { page, clicks: 0 }
    }

    /// Clicks the last of those that a selector finds whose text begins so, once it is there and can be clicked.
    pub(super) fn click(&mut self, selector: &str, text: &str) {
        self.click_one("findLast", selector, text);
    }

    /// The same with the first of them.
    pub(super) fn click_first(&mut self, selector: &str, text: &str) {
        self.click_one("find", selector, text);
    }

    fn click_one(&mut self, find: &str, selector: &str, text: &str) {
        let found = format!(
            "[...document.querySelectorAll({})].{find}((one) => one.textContent.trim().startsWith({}) && !one.disabled)",
            json!(selector),
            json!(text),
        );
        self.page.until(&found);
        self.page.value(&format!("{found}.click()"));
        self.clicks += 1;
    }

    pub(super) fn go(&mut self, part: &str) {
        self.click("#pages a", part);
    }

    /// Puts a text into a field, as typing does.
    pub(super) fn fill(&mut self, selector: &str, text: &str) {
        let field = format!("document.querySelector({})", json!(selector));
        self.page.until(&field);
        self.page.value(&format!(
            "(() => {{ const field = {field}; field.value = {}; for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, {{ bubbles: true }})); }})()",
            json!(text)
        ));
    }

    pub(super) fn did_nothing_wrong(&mut self) {
        let failed = self.page.value("failed");
        assert_eq!(failed, json!([]), "{failed}");
    }
}

/// From the page over the culprit, the action and the write-up to a passing verdict and the debrief.
pub(super) fn a_drill_is_worked_by_the_page_alone() {
    let case = Case::of("error-spike");
    let mut drill = start(case, &["--seed", "5"]);
    let paged = drill.page("ErrorBudgetBurn", PAGED_WITHIN);
    let mut facts = Facts::new(&drill, &paged);
    facts.name_releases(case.id, 5);
    let culprit = facts.fill("{{new}}");
    let mut console = Console::open(&drill);
    console.page.shows("Requests to /v1/orders are failing");
    console.page.shows("beyond the threshold of 10 %");
    console
        .page
        .until("document.querySelectorAll('.map .node.bad').length > 1");
    console.page.picture("console-incident");
    charts_lead_on(&mut console);

    console.clicks = 0;
    console.click(".happened a", &format!("checkout@{culprit}"));
    console
        .page
        .until("document.querySelector('.diff .plus')?.textContent.includes('UntilPaid')");
    console.click_first(".entry[data-pointer^='deploy:'] .pin", "pin");
    console.click("dialog button", "Pin");
    console.page.shows("Pinned:");
    assert!(console.clicks <= MOST_CLICKS, "{} clicks", console.clicks);
    let pinned = format!("deploy:checkout@{culprit}");
    assert_eq!(cited(&drill)["text"], pinned);

    trace(&mut console, &mut facts, &drill);
    snapshots(&mut console);
    console.go("Deploys");
    console.click("td a", &format!("checkout@{culprit}"));
    console.click(".entry a", "Roll back");
    console.click(".asked button", "Roll back");
    console.page.until("document.querySelector('dialog')?.textContent.includes('replace the processes of checkout (checkout-1)')");
    console.click("dialog button.primary", "Roll back");
    console.page.shows("Roll back: done");
    console.page.shows("below the threshold since");
    console.page.picture("console-acted");

    let (_, right) = &case.write_ups("right")[0];
    let right = facts.fill(right);
    console.go("Write-up");
    console.click(".tabs button", "Text");
    console.fill("textarea.whole", &right);
    let draft = drill.folder().join("draft.md");
    wait_for("the draft is saved", SOON, || {
        (std::fs::read_to_string(&draft).ok()? == right).then_some(())
    });
    console.click(".bar-tools button", "Submit");
    console.click("dialog button.primary", "Submit and end the drill");
    console.page.until("location.pathname === '/verdict'");
    console.page.shows("Passed");
    console.page.picture("console-verdict");
    assert_eq!(drill.event("verdict", SOON)["passed"], true);
    // The record is shown in the same page once it is loaded.
    console.click(".bar button", "Debrief");
    console.click("dialog button.primary", "");
    console.page.shows(&format!("checkout@{culprit}"));
    console.page.shows("What you looked at");
    console.go("Logs");
    console.page.shows("unknown variant");
    console.did_nothing_wrong();
    drop(console);
    let (code, _, _state) = drill.interrupt();
    assert_eq!(code, 0);
}

/// A diamond of the latency chart leads to its trace, a mark to its deploy.
fn charts_lead_on(console: &mut Console) {
    for (title, path) in [
        ("Latency, 99th percentile", "/trace/"),
        ("Requests", "/deploys"),
    ] {
        let title = json!(title);
        let is_mark = path == "/deploys";
        // Where the pointer becomes a hand, something leads on: a mark over the whole height, a diamond at its place.
        let found = format!(
            "(() => {{
                const canvas = [...document.querySelectorAll('canvas')].find((one) => one.ariaLabel === {title});
                if (!canvas) return false;
                canvas.scrollIntoView({{ block: 'center' }});
                const box = canvas.getBoundingClientRect();
                const leads = (x, y) => {{
                    canvas.dispatchEvent(new PointerEvent('pointermove', {{ clientX: box.x + x, clientY: box.y + y }}));
                    return canvas.classList.contains('leads');
                }};
                for (let x = box.width - 8; x > 70; x -= 3) {{
                    if (leads(x, 1) !== {is_mark}) continue;
                    for (let y = 30; y < box.height - 30; y += 6) if (leads(x, y)) {{
                        window.led = [box.x + x, box.y + y];
                        return true;
                    }}
                }}
                return false;
            }})()"
        );
        let begins = format!("location.pathname.startsWith({})", json!(path));
        // The chart goes on while it is clicked.
        until(path, PAGE_WITHIN, || {
            if console.page.value(&found) == json!(true) {
                let led = console.page.value("led");
                let [x, y] = [&led[0], &led[1]].map(|one| one.as_f64().expect("a place"));
                console.page.point(x, y);
                console.page.click_at(x, y);
            }
            console.page.value(&begins) == json!(true)
        });
        console.go("Incident");
        console.page.until("document.querySelector('.alert h1')");
    }
}

/// Finds a failed order and looks at its waterfall.
fn trace(console: &mut Console, facts: &mut Facts, drill: &Drill) {
    facts.find_trace(drill, crate::drills::FAILED_ORDER);
    let id = facts.fill("{{trace}}");
    console.go("Compare");
    console.click(".tabs button", "Failed");
    console.page.shows("failed requests");
    console.page.shows("POST → inventory");
    let path = json!(format!("/trace/{id}"));
    console.page.value(&format!(
        "history.pushState(null, '', {path}); dispatchEvent(new PopStateEvent('popstate'))"
    ));
    console
        .page
        .until("document.querySelectorAll('.span-row').length > 5");
    console.click(".span-name", "inventory POST");
    console.page.shows("http.response.status_code");
}

fn snapshots(console: &mut Console) {
    console.go("Heap & CPU");
    for name in ["early", "late"] {
        console.fill("select.whom", "checkout");
        console.fill("input[aria-label=Name]", name);
        console.click("button.primary", "Take a snapshot");
        console
            .page
            .shows(&format!("Snapshot {name} of checkout-1"));
        // The form is drawn anew with the list.
        console.page.until(&format!(
            "[...document.querySelectorAll('.taken th')].some((one) => one.textContent === {})",
            json!(name)
        ));
    }
    console.page.shows("by function");
}

/// Text of the shop stays text; keys lead everywhere; an observer beside the responder sees the same and has no buttons.
pub(super) fn what_is_logged_is_text_and_an_observer_only_looks() {
    let drill = Drill::start(&["up", "--seed", "11"]);
    let mut console = Console::open(&drill);
    shows_markup_as_text(&mut console, &drill);
    is_worked_by_keys(&mut console);
    console.did_nothing_wrong();
    assert_eq!(console.page.value("document.images.length"), 0);
    let origin = drill.url("console").split("/?").next().expect("an origin");
    // A browser has six connections for one host: documents that were left keep none of them.
    for path in [
        "/",
        "/traces",
        "/logs",
        "/deploys",
        "/act",
        "/drills",
        "/write-up",
        "/traces",
    ] {
        console.page.go(&format!("{origin}{path}"));
        console
            .page
            .until("document.querySelector('#main').childElementCount > 0");
    }
    console
        .page
        .until("document.querySelectorAll('tbody tr').length > 10");
    an_observer_only_looks(&drill, origin);
}

fn shows_markup_as_text(console: &mut Console, drill: &Drill) {
    let markup = "<img/src=x/onerror=failed.push(1)>";
    let header = format!("x-client-id: {markup}");
    drill.ok(&["request", "GET", "/v1/products", "-H", &header]);
    console.go("Traces");
    let term = format!("http.request.header.x-client-id={markup}");
    console.fill("input[type=search]", &term);
    console
        .page
        .until("document.querySelectorAll('tbody tr').length === 1");
    console.click("tbody a", "gateway");
    console.click(".span-name", "gateway GET /v1/products");
    console.page.shows(markup);
}

fn is_worked_by_keys(console: &mut Console) {
    console.go("Traces");
    let page = &mut console.page;
    page.until("document.querySelectorAll('tbody tr').length > 10");
    page.value("document.activeElement.blur()");
    page.press("j");
    page.until("document.activeElement.matches('tr[data-row]')");
    page.press("Enter");
    page.until("location.pathname.startsWith('/trace/')");
    for (key, path) in [
        ("l", "/logs"),
        ("c", "/compare"),
        ("d", "/deploys"),
        ("a", "/act"),
        ("i", "/"),
    ] {
        page.press("g");
        page.press(key);
        page.until(&format!("location.pathname === {}", json!(path)));
    }
    page.press("?");
    page.until("document.querySelector('dialog[open]')");
}

fn an_observer_only_looks(drill: &Drill, origin: &str) {
    let incident = crate::console::Console::of(drill).json("/api/incident");
    let path = incident["links"]["observer"].as_str().expect("a path");
    let mut observing = Page::open();
    observing.before(WATCH);
    observing.go(&format!("{origin}{path}"));
    observing.shows("observer");
    observing.value("document.querySelector('#pages a[href=\"/act\"]').click()");
    observing.shows("An observer sees what is done");
    let buttons = observing.value("document.querySelectorAll('main .cards button').length");
    assert_eq!(buttons, 0);
    assert_eq!(observing.value("failed"), json!([]));
}

/// The parts, as their addresses name them; a trace is added.
const PARTS: [&str; 11] = [
    "/",
    "/compare",
    "/traces",
    "/logs",
    "/deploys",
    "/profiles",
    "/act",
    "/write-up",
    "/write-up?tab=text",
    "/verdict",
    "/drills",
];

/// Axe finds nothing in any part, and none is wider than its window: on a screen, and on a phone in the dark.
pub(super) fn every_part_is_accessible_and_fits_a_phone() {
    let drill = Drill::start(&["up", "--seed", "11"]);
    let axe =
        std::fs::read_to_string(clients::folder().join("node/node_modules/axe-core/axe.min.js"));
    let axe = axe.expect("axe-core");
    let (status, _) = crate::console::Console::of(&drill).post("report/new", &json!({}));
    assert_eq!(status, 200);
    let trace = wait_for("an order", SOON, || drill.newest_order());
    let mut console = Console::open(&drill);
    let parts: Vec<String> = PARTS
        .map(str::to_owned)
        .into_iter()
        .chain([format!("/trace/{trace}")])
        .collect();
    for (width, scheme) in [(1280, "light"), (768, "dark"), (390, "dark")] {
        console.page.looks(width, scheme);
        for part in &parts {
            console.page.value(&format!("history.pushState(null, '', {part:?}); dispatchEvent(new PopStateEvent('popstate'))"));
            console.page.until("document.querySelector('#main').childElementCount > 0 && !document.querySelector('[aria-busy=true]')");
            console.page.value(&axe);
            let found = console.page.value(
                "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)}`))",
            );
            assert_eq!(found, json!([]), "{part} at {width}, {scheme}");
            let wide = console.page.value("document.documentElement.scrollWidth");
            assert!(
                wide.as_u64().is_some_and(|wide| wide <= width),
                "{part}: {wide} of {width}"
            );
            console.page.picture(&format!(
                "console{}-{width}",
                part.replace(['/', '?', '='], "-")
            ));
        }
    }
    console.did_nothing_wrong();
}
