//! The deploy log and the pages, for the marks on the graph. They have the exact times; a scrape sees a deploy only later.

use std::path::PathBuf;

use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use record::{Deploy, DeployKind, Deploys, Event, TIMELINE};
use serde::Serialize;
use time::OffsetDateTime;

/// What a mark says.
#[derive(Debug, Serialize)]
struct Mark {
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    service: String,
    release: String,
    kind: DeployKind,
}

/// A page of the responder.
#[derive(Debug, Serialize)]
struct Page {
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    alert: String,
}

/// `/deploys.json` and `/pages.json` of a run's folder; not found where it has no such log.
pub(crate) fn router(folder: Option<PathBuf>) -> Router {
    let Some(folder) = folder else {
        return Router::new();
    };
    let log = Deploys::open(&folder);
    let answer = async move || {
        let read = tokio::task::spawn_blocking(move || log.all()).await;
        match read {
            Ok(Ok(deploys)) => Ok(Json(
                deploys.into_iter().map(Mark::from).collect::<Vec<_>>(),
            )),
            _ => Err(StatusCode::NOT_FOUND),
        }
    };
    let pages = async move || {
        let read = tokio::task::spawn_blocking(move || TIMELINE.readable(&folder)).await;
        match read {
            Ok(Ok(events)) => Ok(Json(
                events.into_iter().filter_map(page).collect::<Vec<_>>(),
            )),
            _ => Err(StatusCode::NOT_FOUND),
        }
    };
    Router::new()
        .route("/deploys.json", get(answer))
        .route("/pages.json", get(pages))
}

fn page(event: Event) -> Option<Page> {
    match event {
        Event::Page { at, alert, .. } => Some(Page { at, alert }),
        _ => None,
    }
}

impl From<Deploy> for Mark {
    fn from(deploy: Deploy) -> Self {
        let Deploy {
            at,
            service,
            release,
            kind,
            ..
        } = deploy;
        Self {
            at,
            service,
            release,
            kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::Request;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn marks_have_the_times_of_the_logs() {
        let folder = tempfile::tempdir().expect("a folder");
        let entry = r#"{"id":"a@2","service":"a","release":"2","at":"2026-11-23T10:00:01.25Z","role":"x","kind":"rollback"}"#;
        std::fs::write(record::DEPLOYS.path(folder.path()), format!("{entry}\n")).expect("a log");
        let events = "{\"event\":\"steady\",\"at\":\"2026-11-23T09:59:00Z\"}\n\
            {\"event\":\"page\",\"at\":\"2026-11-23T10:02:00.5Z\",\"alert\":\"A\",\"labels\":{},\"summary\":\"\",\"description\":\"\"}\n";
        std::fs::write(TIMELINE.path(folder.path()), events).expect("a log");
        let request = |path: &str| Request::get(path).body(Body::empty()).expect("a request");
        for (path, expected) in [
            (
                "/deploys.json",
                r#"[{"at":"2026-11-23T10:00:01.25Z","service":"a","release":"2","kind":"rollback"}]"#,
            ),
            (
                "/pages.json",
                r#"[{"at":"2026-11-23T10:02:00.5Z","alert":"A"}]"#,
            ),
        ] {
            let router = router(Some(folder.path().to_owned()));
            let answer = router.oneshot(request(path)).await.expect("an answer");
            let body = to_bytes(answer.into_body(), 1 << 16).await.expect("a body");
            assert_eq!(String::from_utf8_lossy(&body), expected, "{path}");
            let nowhere = super::router(None).oneshot(request(path)).await;
            assert_eq!(nowhere.expect("an answer").status(), StatusCode::NOT_FOUND);
        }
    }
}
