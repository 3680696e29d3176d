use super::*;
use crate::exemplar::{Exemplar, ExemplarLabels};
use crate::store::{Kind, Limits, Metadata};
use axum::body::{Body, to_bytes};
use http::{Request, StatusCode, header};
use promql::{Labels, Sample};
use serde_json::{Value, json};
use tower::ServiceExt;

const RULES: &str = "groups:\n- name: g\n  rules:\n  - alert: High\n    expr: load > 1\n    labels: {severity: page}\n    annotations: {summary: 'is {{ $value }}'}\n  - record: twice\n    expr: load * 2\n";

fn app() -> Router {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yml");
    std::fs::write(&path, RULES).unwrap();
    let store = Arc::new(Store::new(Limits::default()));
    let mut batch = store.batch();
    for (service, factor) in [("a", 1.0), ("b", 0.25)] {
        let labels = Labels::new([("__name__", "load"), ("service", service)]);
        let id = batch.series(&labels).unwrap();
        for second in 0..=10 {
            let value = second as f64 * factor;
            let t_ms = 1_700_000_000_000 + second * 1_000;
            batch.append(id, Sample { t_ms, value });
        }
    }
    drop(batch);
    let mut batch = store.batch();
    for (service, le) in [("b", "1.0"), ("a", "+Inf"), ("a", "1.0")] {
        let labels = Labels::new([
            ("__name__", "took_bucket"),
            ("service", service),
            ("le", le),
        ]);
        let id = batch.series(&labels).unwrap();
        for second in [2, 4] {
            let ids = [("trace_id", "a\"b"), ("part", "1")];
            let exemplar = Exemplar {
                labels: ExemplarLabels::new(ids.into_iter()),
                value: 0.5,
                t_ms: 1_700_000_000_250 + second * 1_000,
            };
            batch.exemplar(id, &exemplar);
        }
    }
    drop(batch);
    let metadata = Metadata {
        kind: Kind::Gauge,
        help: "How much.".to_owned(),
        unit: String::new(),
    };
    store.describe("load", metadata);
    let options = promql::Options::default();
    let second = Duration::from_secs(1);
    let rules = Rules::load(&[path], Arc::clone(&store), second, options.clone()).unwrap();
    rules.evaluate(1_700_000_010_000);
    router(Sources {
        store,
        rules: Arc::new(rules),
        scraper: None,
        options,
        queries: 2,
        run: "run-1".to_owned(),
        started_ms: 1_700_000_000_000,
        rule_files: vec!["rules.yml".to_owned()],
        evaluation_interval: second,
        fixed_now_ms: Some(1_700_000_010_000),
        more_metrics: MoreMetrics(Box::new(|| "more 1\n".to_owned())),
    })
}

async fn send(request: Request<Body>) -> (StatusCode, String) {
    let response = app().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn get(path: &str) -> (StatusCode, Value) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let (status, body) = send(request).await;
    (status, serde_json::from_str(&body).unwrap())
}

async fn data(path: &str) -> Value {
    let (status, body) = get(path).await;
    assert_eq!(
        (status, &body["status"]),
        (StatusCode::OK, &json!("success")),
        "{body}"
    );
    body["data"].clone()
}

async fn error(path: &str) -> (u16, String) {
    let (status, body) = get(path).await;
    assert_eq!(body["status"], "error", "{body}");
    let text = |key: &str| body[key].as_str().unwrap().to_owned();
    (
        status.as_u16(),
        format!("{}: {}", text("errorType"), text("error")),
    )
}

/// Checks that an address, its blanks not escaped, has this data.
async fn check(path: &str, expected: Value) {
    assert_eq!(data(&escaped(path)).await, expected, "{path}");
}

/// Checks that each address of `CODE ADDRESS => TEXT`, one a line, is refused with a text that begins so.
async fn check_refusals(cases: &str) {
    for case in cases.trim().lines() {
        let (asked, expected) = case.trim().split_once(" => ").unwrap();
        let (code, path) = asked.split_once(' ').unwrap();
        let (found, message) = error(&escaped(path)).await;
        assert_eq!(found.to_string(), code, "{path}");
        assert!(message.starts_with(expected), "{path}: {message}");
    }
}

fn escaped(path: &str) -> String {
    let signs = [
        (' ', "%20"),
        ('{', "%7B"),
        ('}', "%7D"),
        ('"', "%22"),
        ('+', "%2B"),
        ('>', "%3E"),
    ];
    let path = signs.iter().fold(path.to_owned(), |path, (sign, code)| {
        path.replace(*sign, code)
    });
    format!("/api/v1/{path}")
}

#[tokio::test]
async fn instant_queries_have_prometheus_shapes() {
    let vector = json!({"resultType": "vector", "result": [
        {"metric": {"__name__": "load", "service": "b"}, "value": [1_700_000_004.5, "1"]},
    ]});
    check(
        r#"query?query=load{service="b"}&time=1700000004.5"#,
        vector.clone(),
    )
    .await;
    check(
        r#"query?query=load{service="b"}&time=2023-11-14T22:13:24.5Z"#,
        vector,
    )
    .await;
    let scalar = json!({"resultType": "scalar", "result": [1_700_000_010, "+Inf"]});
    check("query?query=1/0", scalar).await;
    let string = json!({"resultType": "string", "result": [7, "a\"b"]});
    check(r#"query?query='a"b'&time=7"#, string).await;
    let matrix = json!({"resultType": "matrix", "result": [{
        "metric": {"__name__": "load", "service": "a"},
        "values": [[1_700_000_009, "9"], [1_700_000_010, "10"]],
    }]});
    check(r#"query?query=load{service="a"}[2s]"#, matrix).await;
}

#[tokio::test]
async fn a_query_may_be_posted() {
    let request = Request::post("/api/v1/query?query=1")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("query=1%2B1&time=5"))
        .unwrap();
    let (status, body) = send(request).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body,
        r#"{"status":"success","data":{"resultType":"scalar","result":[5,"2"]}}"#
    );
}

#[tokio::test]
async fn range_queries_step_through_time() {
    let path = "/api/v1/query_range?query=load&start=1700000000&end=1700000010&step=5s&limit=1";
    let (_, body) = get(path).await;
    assert_eq!(body["warnings"], json!(["results truncated due to limit"]));
    assert_eq!(body["data"]["resultType"], "matrix");
    let expected = json!([
        [1_700_000_000, "0"],
        [1_700_000_005, "5"],
        [1_700_000_010, "10"]
    ]);
    assert_eq!(body["data"]["result"][0]["values"], expected);
    assert_eq!(body["data"]["result"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn wrong_requests_are_answered_as_prometheus_does() {
    let range = "query_range?query=up&start=0&end";
    check_refusals(&format!(
        r#"
400 query?query=up&time=soon => bad_data: invalid parameter "time": invalid time value for 'time': cannot parse "soon" to a valid timestamp
400 {range}=10&step= => bad_data: invalid parameter "step": cannot parse "" to a valid duration
400 {range}=10&step=0 => bad_data: invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer
400 {range}=-1&step=1 => bad_data: invalid parameter "end": end timestamp must not be before start time
400 {range}=11001&step=1 => bad_data: exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)
400 query?query=1&limit=-1 => bad_data: invalid parameter "limit": limit must be non-negative
400 series => bad_data: no match[] parameter provided
400 series?match[]={{a=""}} => bad_data: invalid parameter "match[]": match[] must contain at least one non-empty matcher
400 query?query=up + => bad_data: invalid parameter "query":
400 status/tsdb?limit=0 => bad_data: limit must be a positive number
400 status/tsdb?limit=10001 => bad_data: limit must not exceed 10000
400 rules?type=x => bad_data: invalid parameter "type": not supported value "x"
422 query?query=load * on() load => execution:
"#
    ))
    .await;
}

#[tokio::test]
async fn expressions_that_crash_the_parser_are_refused_at_every_entry() {
    let nested = format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000));
    let parameters = [
        ("query", "query"),
        ("query_exemplars?start=0&end=1", "query"),
        ("format_query", "query"),
        ("series", "match[]"),
        ("labels", "match[]"),
        ("label/service/values", "match[]"),
        ("rules", "match[]"),
    ];
    for (path, parameter) in parameters {
        for expr in ["load%20offset%20NaN", "load%5B1e400%5D", &nested] {
            let join = if path.contains('?') { '&' } else { '?' };
            let path = format!("/api/v1/{path}{join}{parameter}={expr}");
            let (code, message) = error(&path).await;
            let refusal = match path.contains("exemplars") {
                // As in Prometheus, which names the parameter everywhere else.
                true => "bad_data: ".to_owned(),
                false => format!("bad_data: invalid parameter {parameter:?}: "),
            };
            assert_eq!(code, 400, "{path}: {message}");
            assert!(message.starts_with(&refusal), "{path}: {message}");
            assert!(message.contains("parse error: "), "{path}: {message}");
        }
    }
}

#[tokio::test]
async fn series_and_labels_can_be_listed() {
    let names = json!(["__name__", "alertname", "alertstate", "service", "severity"]);
    check("labels", names).await;
    check("labels?match[]=load", json!(["__name__", "service"])).await;
    check("label/service/values?match[]=load", json!(["a", "b"])).await;
    check("label/service/values?limit=1", json!(["a"])).await;
    check("label/service/values?end=5", json!([])).await;
    let series = json!([{"__name__": "load", "service": "b"}]);
    check(r#"series?match[]=load{service="b"}"#, series).await;
    let metadata = json!({"load": [{"type": "gauge", "help": "How much.", "unit": ""}]});
    check("metadata?metric=load", metadata).await;
}

#[tokio::test]
async fn rules_and_alerts_have_prometheus_shapes() {
    let alerts = data("/api/v1/alerts").await;
    let high = json!({
        "labels": {"alertname": "High", "service": "a", "severity": "page"},
        "annotations": {"summary": "is 10"},
        "state": "firing",
        "activeAt": "2023-11-14T22:13:30Z",
        "value": "1e+01",
    });
    assert_eq!(alerts["alerts"][0], high);
    let groups = data("/api/v1/rules").await["groups"].clone();
    let (alerting, recording) = (&groups[0]["rules"][0], &groups[0]["rules"][1]);
    assert_eq!(groups[0]["interval"], json!(1.0));
    assert_eq!(alerting["type"], "alerting");
    assert_eq!(alerting["query"], "load > 1");
    assert_eq!(alerting["state"], "firing");
    assert_eq!(alerting["health"], "ok");
    assert_eq!(alerting["alerts"][0], high);
    assert_eq!(
        alerting["annotations"],
        json!({"summary": "is {{ $value }}"})
    );
    assert_eq!(
        (&recording["type"], &recording["name"]),
        (&json!("recording"), &json!("twice"))
    );
    assert_eq!(recording.get("alerts"), None);
    let only = data("/api/v1/rules?type=record&rule_name[]=twice").await;
    assert_eq!(only["groups"][0]["rules"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn exemplars_have_prometheus_shapes() {
    let exemplar = |t: f64| json!({"labels": {"part": "1", "trace_id": "a\"b"}, "value": "0.5", "timestamp": t});
    let series = |le: &str, service: &str, exemplars: &[f64]| {
        let exemplars: Vec<Value> = exemplars.iter().map(|t| exemplar(*t)).collect();
        json!({"seriesLabels": {"__name__": "took_bucket", "le": le, "service": service}, "exemplars": exemplars})
    };
    let both = [1_700_000_002.25, 1_700_000_004.25];
    let all = json!([
        series("+Inf", "a", &both),
        series("1.0", "a", &both),
        series("1.0", "b", &both),
    ]);
    check("query_exemplars?query=took_bucket", all.clone()).await;
    // Whatever is computed from it, and wherever it stands.
    let computed = "topk(scalar(nothing),sum(rate(took_bucket[1m] offset 1h)) by(le))";
    check(&format!("query_exemplars?query={computed}"), all).await;
    let one = json!([series("1.0", "b", &both[1..])]);
    let bounds = "&start=1700000003&end=1700000009";
    let selector = r#"took_bucket{service="b"}"#;
    for query in [selector.to_owned(), format!("{selector} / {selector}")] {
        check(
            &format!("query_exemplars?query={query}{bounds}"),
            one.clone(),
        )
        .await;
    }
    check("query_exemplars?query=load", json!([])).await;
    let nothing = Request::get("/api/v1/query_exemplars?query=1").body(Body::empty());
    let (status, body) = send(nothing.unwrap()).await;
    assert_eq!((status, &*body), (StatusCode::NO_CONTENT, ""));
    check_refusals(
        r#"
400 query_exemplars?query=load&start=5&end=4 => bad_data: end timestamp must not be before start timestamp
400 query_exemplars?query=load&start=x => bad_data: invalid parameter "start": invalid time value for 'start': cannot parse "x"
400 query_exemplars?query=sum( => bad_data: 1:5: parse error: unclosed left parenthesis
400 query_exemplars?query= => bad_data: 1:1: parse error: no expression found in input
"#,
    )
    .await;
}

#[tokio::test]
async fn the_newest_samples_can_be_scraped_from_here() {
    let ask = async |query: &str| {
        let path = format!("/federate?{query}");
        send(Request::get(path).body(Body::empty()).unwrap()).await
    };
    let (status, text) = ask("match[]=load&match[]=%7Bservice=%22b%22%7D").await;
    let expected = "# TYPE load untyped\n\
                    load{service=\"a\",instance=\"\"} 10 1700000010000\n\
                    load{service=\"b\",instance=\"\"} 2.5 1700000010000\n";
    let load: String = text
        .lines()
        .filter(|line| line.contains("load"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!((status, &*load), (StatusCode::OK, expected), "{text}");
    assert_eq!(ask("").await, (StatusCode::OK, String::new()));
    let (status, text) = ask("match[]=(").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.contains("parse error"), "{text}");
}

#[tokio::test]
async fn expressions_are_shown_as_trees() {
    let tree = data(&escaped(
        r#"parse_query?query=sum by (a) (rate(load{b!="x"}[5m] offset -1m)) > bool 1"#,
    ))
    .await;
    assert_eq!(
        (&tree["type"], &tree["bool"], &tree["matching"]),
        (&json!("binaryExpr"), &json!(true), &Value::Null)
    );
    let sum = &tree["lhs"];
    assert_eq!(
        (&sum["op"], &sum["grouping"], &sum["without"]),
        (&json!("sum"), &json!(["a"]), &json!(false))
    );
    let range = &sum["expr"]["args"][0];
    assert_eq!(
        (&range["range"], &range["offset"]),
        (&json!(300_000), &json!(-60_000))
    );
    let matchers = json!([
        {"name": "b", "value": "x", "type": "!="},
        {"name": "__name__", "value": "load", "type": "="},
    ]);
    assert_eq!(range["matchers"], matchers);
}

#[tokio::test]
async fn unknown_paths_are_named() {
    for path in ["/api/v1/nothing", "/nothing", "/api/v2"] {
        let (code, message) = error(path).await;
        assert_eq!(code, 404);
        assert!(
            message.starts_with(&format!("not_found: there is no `{path}` here")),
            "{message}"
        );
    }
}

#[tokio::test]
async fn the_rest_of_the_api_answers() {
    check("targets/metadata", json!([])).await;
    let features = data("/api/v1/features").await;
    assert_eq!(features["promql"]["subqueries"], json!(true));
    let formatted = json!("sum by (service) (load)");
    check("format_query?query=sum(load)by(service)", formatted).await;
    let targets = json!({"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}});
    check("targets", targets).await;
    let none = json!({"activeAlertmanagers": [], "droppedAlertmanagers": []});
    check("alertmanagers", none).await;
    check("scrape_pools", json!({"scrapePools": []})).await;
    let one = |name: &str, value: usize| json!([{"name": name, "value": value}]);
    let tsdb = json!({
        "headStats": {
            "numSeries": 11,
            "numLabelPairs": 12,
            "chunkCount": 8,
            "minTime": 1_700_000_000_000_i64,
            "maxTime": 1_700_000_010_000_i64,
        },
        "seriesCountByMetricName": one("took_bucket", 3),
        "labelValueCountByLabelName": one("__name__", 5),
        "memoryInBytesByLabelName": one("__name__", 95),
        "seriesCountByLabelValuePair": one("service=a", 6),
    });
    check("status/tsdb?limit=1", tsdb).await;
    let version = data("/api/v1/status/buildinfo").await["version"].to_string();
    assert!(version.starts_with("\"3."), "{version}");
    for (page, key, expected) in [
        ("flags", "query.lookback-delta", "5m"),
        ("flags", "storage.tsdb.retention.time", "6h"),
        ("flags", "storage.tsdb.retention.size", "48MiB"),
        ("runtimeinfo", "storageRetention", "6h or 48MiB"),
        ("runtimeinfo", "startTime", "2023-11-14T22:13:20Z"),
    ] {
        let data = data(&format!("/api/v1/status/{page}")).await;
        assert_eq!(data[key], expected, "{key}");
    }
    let config = data("/api/v1/status/config").await["yaml"].to_string();
    assert!(config.contains("rule_files:"), "{config}");
    let ready = Request::get("/-/ready").body(Body::empty()).unwrap();
    let response = app().oneshot(ready).await.unwrap();
    assert_eq!(response.headers()["x-firedrill-run"], "run-1");
    let (_, own) = send(Request::get("/metrics").body(Body::empty()).unwrap()).await;
    assert!(
        own.contains("prometheus_tsdb_head_series 11\n") && own.ends_with("more 1\n"),
        "{own}"
    );
}

#[tokio::test]
async fn its_own_metrics_follow_the_format() {
    use crate::exposition::{Description, Exemplar, Format, Label, Visitor, parse};
    struct Ignore;
    impl Visitor for Ignore {
        fn recall(&mut self, _: &str) -> Option<usize> {
            None
        }
        fn series(&mut self, _: &str, _: &[Label<'_>]) {}
        fn sample(&mut self, _: f64, _: Option<i64>) {}
        fn exemplar(&mut self, _: Exemplar<'_>) {}
        fn describe(&mut self, _: &str, _: Description<'_>) {}
    }
    let (_, own) = send(Request::get("/metrics").body(Body::empty()).unwrap()).await;
    assert_eq!(parse(own.as_bytes(), Format::Text, &mut Ignore), Ok(()));
}
