//! The handling of a request: ids, problems, panics, deadlines.

use reqwest::blocking::Response;
use serde_json::{Value, json};

use crate::mini::{Start, until};

fn problem(answer: Response, status: u16, code: &str) -> Value {
    assert_eq!(answer.status(), status);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let document: Value = answer.json().expect("a problem document");
    assert_eq!(document["code"], code, "{document}");
    document
}

#[test]
fn a_panic_is_one_log_line_and_a_500() {
    let mini = Start::default().run();
    let document = problem(mini.get("/panic"), 500, "internal");
    until("the panic is logged", || {
        mini.logs().iter().any(|line| line["level"] == "error")
    });
    assert_eq!(mini.get("/hello").status(), 200, "the service stays up");
    let lines = mini.logs();
    let errors: Vec<_> = lines.iter().filter(|l| l["level"] == "error").collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let line = errors[0];
    assert_eq!(line["request_id"], document["request_id"]);
    let location = line["panic.location"].as_str().expect("a location");
    assert!(location.contains("tests/mini.rs:"), "{location}");
    let message = line["message"].as_str().expect("a message");
    assert!(message.contains("a price for every product"), "{message}");
    assert!(!document.to_string().contains("price"), "{document}");
}

#[test]
fn an_unmatched_request_keeps_its_id_and_gets_a_problem() {
    let mini = Start::default().run();
    let url = format!("http://{}/nowhere", mini.addr("listen"));
    let answer = mini.http.get(url).header("x-request-id", "mine-1").send();
    let answer = answer.expect("an answer");
    assert_eq!(answer.headers()["x-request-id"], "mine-1");
    let document = problem(answer, 404, "not-found");
    assert_eq!(document["instance"], "/nowhere");
    assert_eq!(document["request_id"], "mine-1");
}

#[test]
fn a_deadline_applies_over_several_hops() {
    let last = Start::default().run();
    let upstreams = json!({ "next": [last.addr("listen")] });
    let first = Start::default()
        .change(json!({ "upstreams": upstreams }))
        .run();
    let get = |mini: &crate::mini::Mini, path: &str, ms: &str| {
        let url = format!("http://{}{path}", mini.addr("listen"));
        let request = mini.http.get(url).header("x-request-deadline-ms", ms);
        request.send().expect("an answer")
    };
    problem(get(&last, "/wait/60000", "50"), 504, "deadline-exceeded");
    problem(get(&last, "/hello", "0"), 504, "deadline-exceeded");
    assert_eq!(get(&first, "/chain/sku-1", "5000").status(), 200);
    problem(get(&first, "/chain/sku-1", "0"), 504, "deadline-exceeded");
}

#[test]
fn an_unreachable_upstream_is_retried_and_gives_503() {
    // Bound and closed again, so nothing listens there.
    let unused = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    let upstreams = json!({ "next": [unused.expect("a free port")] });
    let mini = Start::default()
        .change(json!({ "upstreams": upstreams }))
        .run();
    let answer = mini.get("/chain/sku-1");
    assert_eq!(answer.headers()["retry-after"], "1");
    problem(answer, 503, "upstream-unreachable");
    let retries = mini.metric("http_client_retries_total{reason=\"connect\",target=\"next\"}");
    assert_eq!(retries, Some(2.0));
    until("the failure is logged", || {
        mini.logs()
            .iter()
            .any(|line| line["code"] == "upstream-unreachable")
    });
}
