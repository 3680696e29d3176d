//! `/query_exemplars`: the exemplars of the series that an expression selects.

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::json;

use super::answer::{Answer, Error, Pairs, Time, success};
use super::form::Form;
use super::{App, time_param};
use crate::exemplar::Exemplar;
use crate::number;
use promql::Labels;

/// Answers with every exemplar of every selector in the expression, whatever is computed from it.
pub(super) async fn query(State(app): State<App>, form: Form) -> Answer {
    let from_ms = time_param::optional(&form, "start", i64::MIN)?;
    let to_ms = time_param::optional(&form, "end", i64::MAX)?;
    if to_ms < from_ms {
        let text = "end timestamp must not be before start timestamp";
        return Err(Error::BadData(text.to_owned()));
    }
    // Unlike elsewhere in the API, the parameter is not named here.
    let sets = promql::selectors(form.get("query"));
    let sets = sets.map_err(|error| Error::BadData(error.to_string()))?;
    if sets.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let turn = app.0.turns.clone().acquire_owned();
    let Ok(Ok(turn)) = tokio::time::timeout(app.options.timeout, turn).await else {
        return Err(Error::Timeout("query timed out in query queue".to_owned()));
    };
    let task = tokio::task::spawn_blocking(move || {
        let found = app.store.exemplars(&sets, from_ms, to_ms);
        drop(turn);
        answer(&found)
    });
    task.await
        .unwrap_or_else(|error| Err(Error::Internal(error.to_string())))
}

fn answer(found: &[(Labels, Vec<Exemplar>)]) -> Answer {
    let one = |exemplar: &Exemplar| {
        json!({
            "labels": Pairs(&exemplar.labels.to_labels()),
            "value": number::api(exemplar.value),
            "timestamp": Time(exemplar.t_ms),
        })
    };
    let series = found.iter().map(|(labels, exemplars)| {
        let exemplars: Vec<_> = exemplars.iter().map(one).collect();
        json!({ "seriesLabels": Pairs(labels), "exemplars": exemplars })
    });
    success(&series.collect::<Vec<_>>())
}
