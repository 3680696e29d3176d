//! Evaluating expressions.

use std::time::{Duration, Instant};

use axum::extract::State;

use super::answer::{self, Answer, Error, success};
use super::form::Form;
use super::time_param;
use super::{App, own};

/// Points of one series that a range query may yield.
const MAX_POINTS: i64 = 11_000;

/// `/query`.
pub(super) async fn instant(State(app): State<App>, form: Form) -> Answer {
    let limit = form.limit()?;
    let at_ms = time_param::optional(&form, "time", app.now_ms())?;
    let options = options(&app, &form)?;
    let query = form.get("query").to_owned();
    evaluate(
        app,
        limit,
        own::Kind::Instant,
        options,
        move |app, options| promql::instant(&*app.store, &query, at_ms, options),
    )
    .await
}

/// `/query_range`.
pub(super) async fn range(State(app): State<App>, form: Form) -> Answer {
    let limit = form.limit()?;
    let start_ms = time_param::required(&form, "start")?;
    let end_ms = time_param::required(&form, "end")?;
    if end_ms < start_ms {
        let what = "end timestamp must not be before start time";
        return Err(Error::parameter("end", what));
    }
    let step_ms = time_param::duration_ms(form.get("step"));
    let step_ms = step_ms.map_err(|what| Error::parameter("step", what))?;
    if step_ms <= 0 {
        let what = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(Error::parameter("step", what));
    }
    if (end_ms - start_ms) / step_ms > MAX_POINTS {
        let what = "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)";
        return Err(Error::BadData(what.to_owned()));
    }
    let options = options(&app, &form)?;
    let query = form.get("query").to_owned();
    evaluate(
        app,
        limit,
        own::Kind::Range,
        options,
        move |app, options| promql::range(&*app.store, &query, start_ms, end_ms, step_ms, options),
    )
    .await
}

/// The bounds of this query: those of the configuration, narrowed by its parameters.
fn options(app: &App, form: &Form) -> Result<promql::Options, Error> {
    let mut options = app.options.clone();
    if let Some(timeout) = time_param::optional_duration(form, "timeout")? {
        options.timeout = options.timeout.min(timeout);
    }
    let lookback = form.get("lookback_delta");
    if !lookback.is_empty() {
        let wrong = |what| Error::BadData(format!("error parsing lookback delta duration: {what}"));
        options.lookback_ms = time_param::duration_ms(lookback).map_err(wrong)?;
        if options.lookback_ms <= 0 {
            let text = "lookback delta must be a positive duration";
            return Err(Error::BadData(text.to_owned()));
        }
    }
    Ok(options)
}

/// Waits for a turn and evaluates on a blocking thread.
async fn evaluate(
    app: App,
    limit: usize,
    kind: own::Kind,
    mut options: promql::Options,
    run: impl FnOnce(&App, &promql::Options) -> Result<promql::Answer, promql::Error> + Send + 'static,
) -> Answer {
    let asked = Instant::now();
    let turn = tokio::time::timeout(options.timeout, app.0.turns.clone().acquire_owned()).await;
    let Ok(Ok(turn)) = turn else {
        return Err(Error::Timeout("query timed out in query queue".to_owned()));
    };
    // The time in the queue is part of the time that the query may take.
    options.timeout = options
        .timeout
        .saturating_sub(asked.elapsed())
        .max(Duration::from_millis(1));
    let task = tokio::task::spawn_blocking(move || {
        let started = Instant::now();
        let result = run(&app, &options).map_err(Error::from);
        let result = result.and_then(|found| answer::query(&found, limit));
        app.0.counts.query(kind, started.elapsed(), result.is_ok());
        drop(turn);
        result
    });
    task.await.unwrap_or_else(|error| {
        tracing::error!("a query panicked: {error}");
        Err(Error::Internal("the query failed unexpectedly".to_owned()))
    })
}

/// `/format_query`.
pub(super) async fn format(form: Form) -> Answer {
    success(&promql::parse(form.get("query"))?.prettify())
}
