//! `/federate`: the newest sample of every selected series, for another Prometheus to scrape.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use promql::{METRIC_NAME, Matcher, Sample, Source as _, is_stale};

use super::answer::Error;
use super::form::Form;
use super::{App, selector};
use crate::number;

/// `/federate`.
pub(super) async fn federate(State(app): State<App>, form: Form) -> Response {
    let sets = match selector::sets(&form) {
        Ok(sets) => sets,
        // As plain text: whoever scrapes shows it as the reason.
        Err(Error::BadData(text)) => return (StatusCode::BAD_REQUEST, text + "\n").into_response(),
        Err(error) => return error.into_response(),
    };
    let text = tokio::task::spawn_blocking(move || written(&app, &sets)).await;
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    let headers = [(header::CONTENT_TYPE, content_type)];
    match text {
        Ok(text) => (headers, text).into_response(),
        Err(error) => Error::Internal(error.to_string()).into_response(),
    }
}

fn written(app: &App, sets: &[Vec<Matcher>]) -> String {
    let now_ms = app.now_ms();
    let from_ms = now_ms.saturating_sub(app.options.lookback_ms);
    let mut families: BTreeMap<String, BTreeMap<String, Sample>> = BTreeMap::new();
    for series in sets
        .iter()
        .flat_map(|set| app.store.select(set, from_ms, now_ms))
    {
        let newest = series
            .samples
            .last()
            .filter(|newest| !is_stale(newest.value));
        let (Some(newest), Some(name)) = (newest, series.labels.name()) else {
            continue;
        };
        let others = series
            .labels
            .iter()
            .filter(|(name, _)| *name != METRIC_NAME);
        let mut labels: Vec<String> = others
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
            .collect();
        // Without one, whoever scrapes this would take our own address for it.
        if series.labels.get("instance").is_none() {
            labels.push("instance=\"\"".to_owned());
        }
        let family = families.entry(name.to_owned()).or_default();
        family.insert(labels.join(","), *newest);
    }
    let mut text = String::new();
    for (name, family) in families {
        _ = writeln!(text, "# TYPE {name} untyped");
        for (labels, Sample { t_ms, value }) in family {
            _ = writeln!(text, "{name}{{{labels}}} {} {t_ms}", number::api(value));
        }
    }
    text
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('"', "\\\"")
}
