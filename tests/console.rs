//! The incident console over HTTP: who gets in, who may act, and that it answers what the terminal prints.

use libtest_mimic::Trial;
use reqwest::Method;
use reqwest::blocking::{Client, Response};
use reqwest::redirect::Policy;
use serde_json::{Value, json};

use crate::support::{Drill, SOON, claims, until, wait_for};

pub(crate) fn trials() -> Vec<Trial> {
    claims![
        only_a_token_lets_in_and_only_a_responder_acts,
        the_page_is_answered_what_the_terminal_prints,
        the_draft_is_changed_by_one_at_a_time,
    ]
}

/// The console of a running drill, as a program asks it.
pub(crate) struct Console {
    http: Client,
    pub(crate) origin: String,
    pub(crate) token: String,
}

impl Console {
    pub(crate) fn of(drill: &Drill) -> Self {
        Self::at(drill.url("console"))
    }

    /// The one at this address, which has a token.
    pub(crate) fn at(url: &str) -> Self {
        let (origin, token) = url.split_once("/?token=").expect("an address with a token");
        let http = Client::builder().no_proxy().redirect(Policy::none());
        Self {
            http: http.build().expect("an HTTP client"),
            origin: origin.to_owned(),
            token: token.to_owned(),
        }
    }

    /// The same console, as an observer asks it.
    pub(crate) fn of_observer(&self) -> Self {
        let incident = self.json("/api/incident");
        let link = incident["links"]["observer"].as_str().expect("a link");
        let (_, token) = link.split_once("token=").expect("a token");
        Self {
            http: self.http.clone(),
            origin: self.origin.clone(),
            token: token.to_owned(),
        }
    }

    fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Response {
        let url = format!("{}{path}", self.origin);
        let mut request = self.http.request(method.clone(), &url);
        if method != Method::GET {
            request = request.body(body.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request
            .send()
            .unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    pub(crate) fn with_token(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let response = self.ask(method, path, &headers, body);
        (
            response.status().as_u16(),
            response.json().unwrap_or(Value::Null),
        )
    }

    /// What a browser keeps after it opened the address.
    fn cookie(&self) -> String {
        let path = format!("/?token={}", self.token);
        let entered = self.ask(Method::GET, &path, &[], &Value::Null);
        assert_eq!(entered.status(), 303);
        assert_eq!(entered.headers()["location"], "/");
        let cookie = entered.headers()["set-cookie"].to_str();
        let cookie = cookie.expect("a text").to_owned();
        assert!(
            cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"),
            "{cookie}"
        );
        cookie.split(';').next().expect("a cookie").to_owned()
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        let (status, body) = self.with_token(Method::GET, path, &Value::Null);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub(crate) fn post(&self, command: &str, body: &Value) -> (u16, Value) {
        self.with_token(Method::POST, &format!("/api/{command}"), body)
    }
}

/// Who asks: with which of the two tokens, and how it is sent.
const RESPONDER: &str = "responder";
const OBSERVER: &str = "observer";
const BY_COOKIE: &str = "responder's cookie";
const OBSERVING: &str = "observer's cookie";
const JSON: &str = "application/json";

/// Method, path, who asks, another header, the expected status. A change is a rollback of the gateway.
type Asked = (
    &'static str,
    &'static str,
    &'static str,
    (&'static str, &'static str),
    u16,
);

const ASKED: [Asked; 19] = [
    ("GET", "/", "", ("", ""), 401),
    (
        "GET",
        "/?token=0123456789abcdef0123456789abcdef",
        "",
        ("", ""),
        401,
    ),
    ("GET", "/", BY_COOKIE, ("", ""), 200),
    ("GET", "/logs", OBSERVING, ("", ""), 200),
    ("GET", "/api/status", "", ("", ""), 401),
    ("GET", "/api/status", "", ("authorization", "Bearer x"), 401),
    ("GET", "/api/status", RESPONDER, ("", ""), 200),
    (
        "GET",
        "/api/status",
        RESPONDER,
        ("host", "evil.example"),
        403,
    ),
    (
        "GET",
        "/api/rollback?service=gateway",
        RESPONDER,
        ("", ""),
        405,
    ),
    ("GET", "/api/debrief", RESPONDER, ("", ""), 405),
    ("GET", "/api/nothing", RESPONDER, ("", ""), 404),
    ("POST", "/api/rollback", "", ("content-type", JSON), 401),
    ("POST", "/api/rollback", RESPONDER, ("", ""), 415),
    (
        "POST",
        "/api/rollback",
        BY_COOKIE,
        ("content-type", "text/plain"),
        415,
    ),
    (
        "POST",
        "/api/rollback",
        OBSERVING,
        ("content-type", JSON),
        403,
    ),
    ("POST", "/api/submit", OBSERVER, ("content-type", JSON), 403),
    ("PUT", "/api/draft", OBSERVING, ("content-type", JSON), 403),
    // The answer is for those who ended the drill.
    (
        "POST",
        "/api/debrief",
        BY_COOKIE,
        ("content-type", JSON),
        400,
    ),
    (
        "POST",
        "/api/report/check",
        BY_COOKIE,
        ("content-type", JSON),
        405,
    ),
];

fn only_a_token_lets_in_and_only_a_responder_acts() {
    let drill = Drill::start(&["run", "error-spike", "--pace", "fast", "--seed", "5"]);
    let console = Console::of(&drill);
    let observer = console.of_observer();
    let bearer = |who: &Console| ("authorization", format!("Bearer {}", who.token));
    let known = [
        (RESPONDER, bearer(&console)),
        (OBSERVER, bearer(&observer)),
        (BY_COOKIE, ("cookie", console.cookie())),
        (OBSERVING, ("cookie", observer.cookie())),
    ];
    let rollback = json!({"service": "gateway"});
    let count = || console.json("/api/deploys").as_array().map(Vec::len);
    let before = count();
    for (method, path, who, header, expected) in ASKED {
        let method: Method = method.parse().expect("a method");
        let token = known.iter().find(|(name, _)| *name == who);
        let token = token.map(|(_, (name, value))| (*name, value.as_str()));
        let more = (!header.0.is_empty()).then_some(header);
        let headers: Vec<(&str, &str)> = token.into_iter().chain(more).collect();
        let response = console.ask(method.clone(), path, &headers, &rollback);
        let status = response.status().as_u16();
        assert_eq!(
            status, expected,
            "{method} {path} by `{who}` with {header:?}"
        );
    }
    let foreign = [known[2].1.0, "content-type", "origin"];
    let values = [known[2].1.1.as_str(), JSON, "https://evil.example"];
    let headers: Vec<(&str, &str)> = foreign.into_iter().zip(values).collect();
    let response = console.ask(Method::POST, "/api/rollback", &headers, &rollback);
    assert_eq!(response.status(), 403, "a page of another origin");
    assert_eq!(count(), before, "nothing was done");
    assert!(observer.json("/api/incident")["links"]["observer"].is_null());
    // What an observer reads is no look of the responder's, who reads the same once.
    observer.json("/api/logs?query=seen-by-observer");
    console.json("/api/logs?query=seen-by-responder");
    let looks = std::fs::read_to_string(drill.folder().join("queries.jsonl"));
    let looks = looks.expect("the looks");
    assert!(looks.contains("seen-by-responder"), "{looks}");
    assert!(!looks.contains("seen-by-observer"), "{looks}");
    for asked in [
        "/api/logs?run=/etc/passwd",
        "/api/debrief?give_up=true",
        "/api/report/check?file=/etc/passwd",
    ] {
        let (status, body) = observer.with_token(Method::GET, asked, &Value::Null);
        assert!(status == 400 || status == 405, "{asked}: {status} {body}");
    }
}

fn the_page_is_answered_what_the_terminal_prints() {
    let drill = Drill::start(&["up", "--seed", "5"]);
    let console = Console::of(&drill);
    drill.await_scrapes();
    let same = |words: &[&str], path: &str| {
        wait_for(&format!("the same answer from {path}"), SOON, || {
            (drill.json(words) == console.json(path)).then_some(())
        });
    };
    same(&["deploys"], "/api/deploys");
    same(
        &["config", "show", "gateway"],
        "/api/config/show?service=gateway",
    );
    same(&["metrics", "pool"], "/api/metrics?pattern=pool");
    same(&["list"], "/api/list");
    let (status, change) = console.post("restart", &json!({"service": "checkout"}));
    assert_eq!((status, &change["what"]), (200, &json!("restart checkout")));
    let (status, set) = console.post(
        "config/set",
        &json!({"service": "checkout", "settings": ["outbox.concurrency=7"]}),
    );
    assert_eq!(status, 200, "{set}");
    same(
        &["config", "show", "checkout"],
        "/api/config/show?service=checkout",
    );
    let (status, problem) = console.post("scale", &json!({"service": "checkout", "replicas": 9}));
    assert_eq!(status, 400, "{problem}");
    assert!(
        problem["message"]
            .as_str()
            .is_some_and(|text| text.contains('9')),
        "{problem}"
    );
    let openapi = console.json("/api/openapi.json");
    for (path, methods) in openapi["paths"].as_object().expect("paths") {
        // What reads and needs no field is answered.
        let needs = methods["get"]["parameters"]
            .to_string()
            .contains("\"required\":true");
        if methods["get"].is_object() && !needs && !path.starts_with("/api/report") {
            // There may be no slow request yet.
            until(&format!("an answer from {path}"), SOON, || {
                console.with_token(Method::GET, path, &Value::Null).0 == 200
            });
        }
    }
}

fn the_draft_is_changed_by_one_at_a_time() {
    let drill = Drill::start(&["up", "--seed", "5"]);
    let console = Console::of(&drill);
    let empty = console.json("/api/draft");
    assert!(empty["text"].is_null(), "{empty}");
    let (status, started) = console.post("report/new", &json!({}));
    assert_eq!(status, 200, "{started}");
    let draft = console.json("/api/draft");
    let text = draft["text"].as_str().expect("a text");
    let write = |text: &str, version: &Value| {
        console.with_token(
            Method::PUT,
            "/api/draft",
            &json!({"text": text, "version": version}),
        )
    };
    let (status, changed) = write(&format!("{text}\nA sentence.\n"), &draft["version"]);
    assert_eq!(status, 200, "{changed}");
    let (status, problem) = write("another text", &draft["version"]);
    assert_eq!(status, 409, "{problem}");
    let path = changed["path"].as_str().expect("a path");
    // What the terminal changes is the same file.
    drill.ok(&["report", "set", "severity=sev2", "--file", path]);
    let draft = console.json("/api/draft");
    let text = draft["text"].as_str().expect("a text");
    assert!(
        text.contains("severity = \"sev2\"") && text.ends_with("A sentence.\n"),
        "{text}"
    );
    let (status, set) = console.post("report/set", &json!({"fields": ["severity=sev1"]}));
    assert_eq!(status, 200, "{set}");
    let kept = std::fs::read_to_string(path).expect("the draft");
    assert!(kept.contains("severity = \"sev1\""), "{kept}");
}
