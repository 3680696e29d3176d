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

#[tokio::test]
async fn instant_queries_have_prometheus_shapes() {
    let vector = json!({"resultType": "vector", "result": [
        {"metric": {"__name__": "load", "service": "b"}, "value": [1_700_000_004.5, "1"]},
    ]});
    assert_eq!(
        data("/api/v1/query?query=load%7Bservice%3D%22b%22%7D&time=1700000004.5").await,
        vector
    );
    assert_eq!(
        data("/api/v1/query?query=load%7Bservice%3D%22b%22%7D&time=2023-11-14T22:13:24.5Z").await,
        vector
    );
    let scalar = json!({"resultType": "scalar", "result": [1_700_000_010, "+Inf"]});
    assert_eq!(data("/api/v1/query?query=1/0").await, scalar);
    let string = json!({"resultType": "string", "result": [7, "a\"b"]});
    assert_eq!(data("/api/v1/query?query=%27a%22b%27&time=7").await, string);
    let matrix = data("/api/v1/query?query=load%7Bservice%3D%22a%22%7D%5B2s%5D").await;
    assert_eq!(matrix["resultType"], "matrix");
    assert_eq!(
        matrix["result"][0]["values"],
        json!([[1_700_000_009, "9"], [1_700_000_010, "10"]])
    );
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
    let range = "/api/v1/query_range?query=up&start=0&end=";
    let cases = [
        (
            "/api/v1/query?query=up&time=soon".to_owned(),
            400,
            "bad_data: invalid parameter \"time\": invalid time value for 'time': cannot parse \"soon\" to a valid timestamp",
        ),
        (
            format!("{range}10&step="),
            400,
            "bad_data: invalid parameter \"step\": cannot parse \"\" to a valid duration",
        ),
        (
            format!("{range}10&step=0"),
            400,
            "bad_data: invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
        ),
        (
            format!("{range}-1&step=1"),
            400,
            "bad_data: invalid parameter \"end\": end timestamp must not be before start time",
        ),
        (
            format!("{range}11001&step=1"),
            400,
            "bad_data: exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ),
        (
            "/api/v1/query?query=1&limit=-1".to_owned(),
            400,
            "bad_data: invalid parameter \"limit\": limit must be non-negative",
        ),
        (
            "/api/v1/series".to_owned(),
            400,
            "bad_data: no match[] parameter provided",
        ),
        (
            "/api/v1/series?match[]=%7Ba%3D%22%22%7D".to_owned(),
            400,
            "bad_data: invalid parameter \"match[]\": match[] must contain at least one non-empty matcher",
        ),
        (
            "/api/v1/query?query=up%20%2B".to_owned(),
            400,
            "bad_data: invalid parameter \"query\": ",
        ),
        (
            "/api/v1/rules?type=x".to_owned(),
            400,
            "bad_data: invalid parameter \"type\": not supported value \"x\"",
        ),
    ];
    for (path, code, text) in cases {
        let (found, message) = error(&path).await;
        assert_eq!(found, code, "{path}");
        assert!(message.starts_with(text), "{path}: {message}");
    }
    let many = "/api/v1/query?query=load%20*%20on()%20load";
    let (code, message) = error(many).await;
    assert_eq!(code, 422, "{message}");
    assert!(message.starts_with("execution: "), "{message}");
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
    assert_eq!(
        data("/api/v1/labels").await,
        json!(["__name__", "alertname", "alertstate", "service", "severity"])
    );
    assert_eq!(
        data("/api/v1/labels?match[]=load").await,
        json!(["__name__", "service"])
    );
    assert_eq!(
        data("/api/v1/label/service/values?match[]=load").await,
        json!(["a", "b"])
    );
    assert_eq!(
        data("/api/v1/label/service/values?limit=1").await,
        json!(["a"])
    );
    assert_eq!(data("/api/v1/label/service/values?end=5").await, json!([]));
    let series = json!([{"__name__": "load", "service": "b"}]);
    assert_eq!(
        data("/api/v1/series?match[]=load%7Bservice%3D%22b%22%7D").await,
        series
    );
    let metadata = json!({"load": [{"type": "gauge", "help": "How much.", "unit": ""}]});
    assert_eq!(data("/api/v1/metadata?metric=load").await, metadata);
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
    let of = |query: &str, more: &str| format!("/api/v1/query_exemplars?query={query}{more}");
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
    assert_eq!(data(&of("took_bucket", "")).await, all);
    // Whatever is computed from it, and wherever it stands.
    let computed = "topk(scalar(nothing),sum(rate(took_bucket[1m]%20offset%201h))%20by(le))";
    assert_eq!(data(&of(computed, "")).await, all);
    let one = json!([series("1.0", "b", &both[1..])]);
    let bounds = "&start=1700000003&end=1700000009";
    let selector = "took_bucket%7Bservice%3D%22b%22%7D";
    assert_eq!(data(&of(selector, bounds)).await, one);
    let twice = format!("{selector}%20/%20{selector}");
    assert_eq!(data(&of(&twice, bounds)).await, one);
    assert_eq!(data(&of("load", "")).await, json!([]));
    let (status, body) = send(Request::get(of("1", "")).body(Body::empty()).unwrap()).await;
    assert_eq!((status, &*body), (StatusCode::NO_CONTENT, ""));
    for (path, expected) in [
        (
            of("load", "&start=5&end=4"),
            "bad_data: end timestamp must not be before start timestamp",
        ),
        (
            of("load", "&start=x"),
            "bad_data: invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\"",
        ),
        (
            of("sum(", ""),
            "bad_data: 1:5: parse error: unclosed left parenthesis",
        ),
        (
            of("", ""),
            "bad_data: 1:1: parse error: no expression found in input",
        ),
    ] {
        let (code, message) = error(&path).await;
        assert_eq!(code, 400, "{path}");
        assert!(message.starts_with(expected), "{path}: {message}");
    }
}

#[tokio::test]
async fn the_rest_of_the_api_answers() {
    assert_eq!(
        data("/api/v1/format_query?query=sum(load)by(service)").await,
        "sum by (service) (load)"
    );
    let targets = json!({"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}});
    assert_eq!(data("/api/v1/targets").await, targets);
    assert_eq!(
        data("/api/v1/alertmanagers").await["activeAlertmanagers"],
        json!([])
    );
    assert!(
        data("/api/v1/status/buildinfo").await["version"]
            .as_str()
            .unwrap()
            .starts_with("3.")
    );
    let flags = data("/api/v1/status/flags").await;
    assert_eq!(flags["query.lookback-delta"], "5m");
    assert_eq!(flags["storage.tsdb.retention.time"], "6h");
    assert_eq!(flags["storage.tsdb.retention.size"], "48MiB");
    assert!(
        data("/api/v1/status/config").await["yaml"]
            .as_str()
            .unwrap()
            .contains("rule_files:")
    );
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
