//! The deploy log beside the metrics, for the marks on the graph: it knows when a deploy was complete, and scrapes learn
//! of it later.

use std::path::PathBuf;

use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use record::{Deploy, DeployKind, Deploys};
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

/// `/deploys.json` of a run's folder; not found where it has no deploy log.
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
    Router::new().route("/deploys.json", get(answer))
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
    async fn marks_have_the_times_of_the_log() {
        let folder = tempfile::tempdir().expect("a folder");
        let entry = r#"{"id":"a@2","service":"a","release":"2","at":"2026-11-23T10:00:01.25Z","role":"x","kind":"rollback"}"#;
        std::fs::write(record::DEPLOYS.path(folder.path()), format!("{entry}\n")).expect("a log");
        let request = || {
            Request::get("/deploys.json")
                .body(Body::empty())
                .expect("a request")
        };
        let router = router(Some(folder.path().to_owned()));
        let answer = router.oneshot(request()).await.expect("an answer");
        let body = to_bytes(answer.into_body(), 1 << 16).await.expect("a body");
        assert_eq!(
            String::from_utf8_lossy(&body),
            r#"[{"at":"2026-11-23T10:00:01.25Z","service":"a","release":"2","kind":"rollback"}]"#
        );
        let nowhere = super::router(None).oneshot(request()).await;
        assert_eq!(nowhere.expect("an answer").status(), StatusCode::NOT_FOUND);
    }
}
