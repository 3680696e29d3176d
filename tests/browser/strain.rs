//! The console with much on screen, and with a connection that comes and goes.

use std::io::{Write as _, copy};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::console::Console;
use crate::support::{Drill, SOON, http, until};

const LINES: usize = 10_000;
const SPANS: usize = 2_000;
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
/// Rows in the document, whatever the length of the list: what is in sight, and some to spare.
const MOST_ROWS: u64 = 120;

/// Does something to a list again and again, and answers for how long the page was busy each time until it could be painted,
/// in milliseconds, the fastest first. A frame is 17 ms.
const TIMED: &str = "window.timed = async (act) => {
    const times = [];
    for (let round = 0; round < 40; round += 1) {
        const start = performance.now();
        act(round);
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        times.push(performance.now() - start);
    }
    return times.sort((one, other) => one - other);
}; 0";

/// Ten thousand lines and a trace of two thousand spans are scrolled, opened and filtered; what it took is printed, for
/// how busy the machine is, is not the page's doing.
pub(super) fn long_logs_and_large_traces_draw_what_is_in_sight() {
    let drill = Drill::start(&["up", "--seed", "11"]);
    sends_a_large_trace(&drill);
    writes_many_lines(&drill);
    let mut console = Console::open(&drill);
    console.page.value(TIMED);
    console.go("Logs");
    console.click("main button", "Load 10,000");
    console
        .page
        .until("document.querySelector('.list-inner')?.clientHeight > 250000");
    rows_in_sight(&mut console, "[data-index]");
    told(
        &mut console,
        "scroll 10,000 lines",
        "document.querySelector('.list').scrollTop = (round * 7919 * 13) % 250000",
    );
    told(
        &mut console,
        "open a line",
        "[...document.querySelectorAll('.list [data-index] button')].at(round % 20)?.click()",
    );

    let path = json!(format!("/trace/{TRACE}"));
    console.page.value(&format!(
        "history.pushState(null, '', {path}); dispatchEvent(new PopStateEvent('popstate'))"
    ));
    console
        .page
        .until("document.querySelector('.list-inner')?.clientHeight > 50000");
    console.page.shows("2001 spans");
    rows_in_sight(&mut console, ".span-row");
    told(
        &mut console,
        "scroll 2,000 spans",
        "document.querySelector('.list').scrollTop = (round * 7919) % 50000",
    );
    told(
        &mut console,
        "open a span",
        "[...document.querySelectorAll('.span-name')].at(round % 20).click()",
    );
    console.fill("input[type=search]", "step-1999");
    console
        .page
        .until("document.querySelectorAll('.span-row').length === 1");
    console.did_nothing_wrong();
}

fn rows_in_sight(console: &mut Console, selector: &str) {
    let rows = console.page.value(&format!(
        "document.querySelectorAll({}).length",
        json!(selector)
    ));
    let rows = rows.as_u64().expect("a count");
    assert!((5..MOST_ROWS).contains(&rows), "{selector}: {rows}");
}

/// Prints the median and the 95th percentile of what an action takes.
fn told(console: &mut Console, what: &str, action: &str) {
    let times = console.page.value(&format!("timed((round) => {action})"));
    let times: Vec<f64> = serde_json::from_value(times).expect("numbers");
    eprintln!(
        "{what}: median {:.0} ms, 95th percentile {:.0} ms",
        times[20], times[38]
    );
}

fn sends_a_large_trace(drill: &Drill) {
    let now = since_1970().as_nanos() as u64;
    let span = |number: usize| {
        let parent = if number == 0 {
            String::new()
        } else {
            format!("{:016x}", 1 + number / 3)
        };
        let start = now - 1_000_000_000 + number as u64 * 400_000;
        json!({
            "traceId": TRACE, "spanId": format!("{:016x}", number + 1), "parentSpanId": parent, "name": format!("step-{number}"),
            "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 3_000_000).to_string(),
            "attributes": [{"key": "step", "value": {"intValue": number.to_string()}}],
        })
    };
    let spans: Vec<Value> = (0..=SPANS).map(span).collect();
    let service = json!({"key": "service.name", "value": {"stringValue": "gateway"}});
    let body = json!({"resourceSpans": [{"resource": {"attributes": [service]}, "scopeSpans": [{"spans": spans}]}]});
    let url = format!("{}/v1/traces", drill.url("otlp_http"));
    let answer = http()
        .post(url)
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .expect("the collector answers");
    assert_eq!(answer.status(), 200);
}

/// Appends lines to a service's log, as the service does.
fn writes_many_lines(drill: &Drill) {
    let at = text::format::rfc3339(time::OffsetDateTime::now_utc());
    let line = |number: usize| {
        let line = json!({
            "timestamp": at, "level": "info", "service": "gateway", "instance": "gateway-1", "version": "2026.11.1",
            "target": "gateway::probe", "message": format!("line {number} of many"), "number": number,
        });
        format!("{line}\n")
    };
    let text: String = (0..=LINES).map(line).collect();
    let path = drill.folder().join("logs/gateway-1.jsonl");
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(path)
        .expect("the log");
    file.write_all(text.as_bytes())
        .expect("the log takes lines");
}

fn since_1970() -> std::time::Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
}

/// A connection that is lost is told, and what happened meanwhile is there when it is found again.
pub(super) fn a_lost_connection_is_told_and_found_again() {
    let drill = Drill::start(&["up", "--seed", "11"]);
    let url = drill.url("console");
    let (origin, rest) = url.split_once("/?").expect("an address with a token");
    let address = origin
        .trim_start_matches("http://")
        .parse()
        .expect("an address");
    let line = Line::to(address);
    let mut console = Console::open_at(&format!("http://{}/?{rest}", line.address));
    console
        .page
        .until("document.querySelectorAll('.happened li').length > 0");
    console.go("Write-up");
    console.click("main button", "Start");
    console.page.until("document.querySelector('.tabs')");
    console.click(".tabs button", "Text");
    console
        .page
        .until("document.querySelector('textarea.whole')");
    line.cut();
    console.page.shows("The connection to the console is lost");
    console
        .page
        .until("document.body.classList.contains('lost')");
    let text = console
        .page
        .value("document.querySelector('textarea.whole').value");
    let text = text
        .as_str()
        .expect("the draft")
        .replace("summary = \"\"", "summary = \"written meanwhile\"");
    console.fill("textarea.whole", &text);
    drill.ok(&["restart", "checkout"]);
    line.mend();
    console
        .page
        .until("!document.body.classList.contains('lost')");
    console.go("Act");
    console
        .page
        .until("document.querySelector('.happened .own')?.textContent.includes('restart')");
    let draft = drill.folder().join("draft.md");
    until("the draft is saved", SOON, || {
        std::fs::read_to_string(&draft).is_ok_and(|draft| draft.contains("written meanwhile"))
    });
    console.did_nothing_wrong();
}

/// A line between the browser and the console that can be cut.
struct Line {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    is_cut: bool,
    open: Vec<TcpStream>,
}

impl Line {
    fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        // It ends with the test's process.
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
                // A connection that is dropped at once is one that was refused.
                if state.is_cut {
                    continue;
                }
                let Ok(far) = TcpStream::connect(target) else {
                    continue;
                };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let clone = |stream: &TcpStream| stream.try_clone().expect("a descriptor");
                    let (mut from, mut to) = (clone(from), clone(to));
                    std::thread::spawn(move || {
                        // Either end may go at any time.
                        let _ = copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                state.open.extend([near, far]);
            }
        });
        Self { address, state }
    }

    fn cut(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_cut = true;
        for stream in state.open.drain(..) {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_cut = false;
    }
}
