//! What the Monitor page asks, against a stand-in of the metrics half.

use super::*;

/// Answers one series, and says in a label of it what was asked.
fn stand_in() -> Router {
    let answer = async |RawQuery(query): RawQuery| {
        let query = query.unwrap_or_default();
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let get = |key: &str| {
            pairs
                .iter()
                .find(|(own, _)| own == key)
                .map(|(_, value)| value.clone())
        };
        let times = [get("start"), get("end"), get("step")].map(Option::unwrap_or_default);
        let labels = json!({
            "service": get("query"), "http_request_method": "GET", "http_route": times.join(" "),
        });
        let values = json!([[1_700_000_000.5, "0.25"], [1_700_000_005, "NaN"]]);
        Json(
            json!({"status": "success", "data": {"result": [{"metric": labels, "values": values}]}}),
        )
    };
    Router::new().route("/api/v1/query_range", get(answer))
}

async fn ask(path: &str) -> (u16, Value) {
    let request = Request::get(format!("/api/metrics/{path}")).body(Body::empty());
    let response = router(stand_in())
        .oneshot(request.expect("a request"))
        .await;
    let (head, body) = response.expect("an answer").into_parts();
    let bytes = to_bytes(body, 1 << 20).await.expect("a body");
    (
        head.status.as_u16(),
        serde_json::from_slice(&bytes).expect("JSON"),
    )
}

const TIMES: &str = "endTs=1700000060000&lookback=60000&step=5000&ratePer=15000";

#[tokio::test]
async fn each_question_becomes_an_expression() {
    async fn check(path: &str, name: &str, expression: &str) {
        let (status, body) = ask(&format!("{path}&{TIMES}")).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["name"], name);
        let labels = body["metrics"][0]["labels"].as_array().expect("labels");
        let asked = labels.iter().find(|label| label["name"] == "service_name");
        assert_eq!(asked.expect("a service")["value"], expression);
    }
    let count = "rate(http_server_request_duration_seconds_count{service=~\"gateway\"}[15000ms])";
    check(
        "calls?service=gateway&spanKind=server",
        "service_call_rate",
        &format!("sum by (service) ({count})"),
    )
    .await;
    check(
        "calls?service=gateway&groupByOperation=true",
        "service_operation_call_rate",
        &format!("sum by (service, http_request_method, http_route) ({count})"),
    )
    .await;
    check(
        "errors?service=gateway",
        "service_error_rate",
        &format!("(sum by (service) (rate(http_server_request_duration_seconds_count{{service=~\"gateway\", http_response_status_code=~\"5..\"}}[15000ms])) or 0 * sum by (service) ({count})) / (sum by (service) ({count}) > 0)"),
    )
    .await;
    check(
        "latencies?service=a.b&quantile=0.95&spanKind=client",
        "service_latencies",
        "1000 * histogram_quantile(0.95, sum by (le, service) (rate(http_client_request_duration_seconds_bucket{service=~\"a\\\\.b\"}[15000ms])))",
    )
    .await;
}

#[tokio::test]
async fn an_answer_has_jaegers_form() {
    let (_, body) = ask(&format!("calls?service=a&groupByOperation=true&{TIMES}")).await;
    let metric = &body["metrics"][0];
    assert_eq!(
        metric["labels"][0],
        json!({"name": "operation", "value": "GET 1700000000.000 1700000060.000 5.000"})
    );
    assert_eq!(
        metric["metricPoints"],
        json!([{"gaugeValue": {"doubleValue": 0.25}, "timestamp": "2023-11-14T22:13:20.5Z"}])
    );
    let (_, none) = ask(&format!("calls?service=a&spanKind=producer&{TIMES}")).await;
    assert_eq!(none["metrics"], json!([]));
    let (status, least) = ask("minstep").await;
    assert_eq!((status, &least["data"]), (200, &json!(1_000)));
}

#[tokio::test]
async fn what_cannot_be_answered_is_said() {
    for (path, status, message) in [
        ("calls", 400, "parameter 'service' is required"),
        (
            "latencies?service=a",
            400,
            "parameter 'quantile' is required",
        ),
        (
            "calls?service=a&step=x",
            400,
            "unable to parse param 'step': it is not a number",
        ),
        (
            "other?service=a",
            404,
            "there is no `/api/metrics/other` here",
        ),
    ] {
        let (found, body) = ask(path).await;
        assert_eq!(
            (found, &body["errors"][0]["msg"]),
            (status, &json!(message)),
            "{path}"
        );
    }
}
