//! The console's listener: routes, and the thread that serves them.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Json, Router};
use futures_util::Stream;
use futures_util::stream::unfold;
use ingress::Server;
use tokio_util::sync::CancellationToken;

use super::access::{self, JsonBody, Role, refuse};
use super::command::{COMMANDS, Effect};
use super::{Desk, call, draft, incident, openapi, page};
use crate::error::Error;

/// The largest body: a write-up of the largest size, and what JSON adds to it.
const LARGEST_BODY: usize = 1 << 20;
/// How often a page is told how the incident stands.
const EVERY: Duration = Duration::from_secs(2);
/// A page that repeats a request by itself says so, and its reading is no look of the responder's.
const BACKGROUND: &str = "firedrill-background";
/// Connections at a time: a browser opens six, an observer as many, and the files that the runner may open are few.
const MOST: usize = 12;
/// Commands that run at a time; more wait.
const AT_A_TIME: usize = 3;

/// Serves on a thread of its own until the process ends.
pub(super) fn start(
    listener: TcpListener,
    addr: SocketAddr,
    desk: Arc<Desk>,
) -> anyhow::Result<()> {
    listener.set_nonblocking(true).context("the console")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(AT_A_TIME)
        .build()
        .context("the console")?;
    let router = router(desk, addr);
    let serve = move || {
        runtime.block_on(async {
            if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                let server = Server {
                    most: MOST,
                    ..Server::new(router)
                };
                // It ends with the process.
                let _ = server.run(listener, CancellationToken::new()).await;
            }
        });
    };
    let thread = std::thread::Builder::new().name("console".to_owned());
    thread.spawn(serve).context("the console")?;
    Ok(())
}

fn router(desk: Arc<Desk>, addr: SocketAddr) -> Router {
    let inside = Router::new()
        .route("/api/openapi.json", get(openapi::document))
        .route("/api/incident", get(standing))
        .route("/api/events", get(events))
        .route("/api/grading", get(grading))
        .route("/api/verdict", get(verdict))
        .route("/api/draft", get(read_draft).put(write_draft))
        .route("/api/{*command}", any(unknown))
        .merge(commands())
        .merge(page::routes())
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn_with_state(Arc::clone(&desk), access::admit))
        .with_state(desk);
    ingress::guard(inside.merge(page::assets()), addr)
}

/// A route for each command, with the one method that it has.
fn commands() -> Router<Arc<Desk>> {
    let mut router = Router::new();
    for (command, effect, _) in COMMANDS {
        let handler = match effect {
            Effect::Reads => {
                get(move |state, role, query, headers| read(command, state, role, query, headers))
            }
            Effect::Changes => post(move |state, body| change(command, state, body)),
        };
        router = router.route(&format!("/api/{command}"), handler);
    }
    router
}

/// A command that reads.
async fn read(
    command: &'static str,
    State(desk): State<Arc<Desk>>,
    Extension(role): Extension<Role>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let fields = call::of_query(query.as_deref().unwrap_or_default());
    let looks = role == Role::Responder && !headers.contains_key(BACKGROUND);
    run(desk, move |desk| {
        call::answer(desk, command, &fields, looks)
    })
    .await
}

/// A command that changes something.
async fn change(
    command: &'static str,
    State(desk): State<Arc<Desk>>,
    JsonBody(body): JsonBody,
) -> Response {
    match call::of_body(command, &body) {
        Ok(fields) => run(desk, move |desk| call::answer(desk, command, &fields, true)).await,
        Err(message) => refuse(
            StatusCode::BAD_REQUEST,
            &message,
            "`/api/openapi.json` has the fields of every command",
        ),
    }
}

async fn unknown(Path(command): Path<String>) -> Response {
    let names = COMMANDS.iter().map(|(name, ..)| *name);
    let error = Error::unknown("command", &command, names);
    let hint = error.hint().unwrap_or_default();
    refuse(StatusCode::NOT_FOUND, &error.to_string(), &hint)
}

async fn not_allowed(method: Method, uri: Uri) -> Response {
    refuse(
        StatusCode::METHOD_NOT_ALLOWED,
        &format!("`{}` has no {method}", uri.path()),
        "commands that read want GET; those that change something POST, with a JSON object",
    )
}

async fn standing(State(desk): State<Arc<Desk>>, Extension(role): Extension<Role>) -> Response {
    run(desk, move |desk| match incident::read(desk, role) {
        Ok(incident) => Json(incident).into_response(),
        Err(error) => call::failed(&error),
    })
    .await
}

/// How far the grade is; empty before a write-up is submitted.
async fn grading(State(desk): State<Arc<Desk>>) -> Response {
    run(desk, |desk| Json(incident::grading(desk)).into_response()).await
}

/// The verdict on record, as `submit` answered it; null before one.
async fn verdict(State(desk): State<Arc<Desk>>) -> Response {
    run(desk, |desk| match incident::verdict(desk) {
        Ok(verdict) => Json(verdict).into_response(),
        Err(error) => call::failed(&error),
    })
    .await
}

async fn read_draft(State(desk): State<Arc<Desk>>) -> Response {
    run(desk, draft::read).await
}

async fn write_draft(State(desk): State<Arc<Desk>>, JsonBody(body): JsonBody) -> Response {
    run(desk, move |desk| draft::write(desk, &body)).await
}

/// Has it done where it may take its time.
async fn run(desk: Arc<Desk>, work: impl FnOnce(&Desk) -> Response + Send + 'static) -> Response {
    let done = tokio::task::spawn_blocking(move || work(&desk)).await;
    done.unwrap_or_else(|_| {
        let hint = "the terminal that runs the drill may say more";
        refuse(StatusCode::INTERNAL_SERVER_ERROR, "unexpected error", hint)
    })
}

/// The incident as it stands, whenever it is another than before.
async fn events(
    State(desk): State<Arc<Desk>>,
    Extension(role): Extension<Role>,
) -> impl IntoResponse {
    desk.was_visited.store(true, Ordering::Relaxed);
    let stream = changes(desk, role);
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    (no_store, Sse::new(stream).keep_alive(KeepAlive::default()))
}

fn changes(desk: Arc<Desk>, role: Role) -> impl Stream<Item = Result<Event, Infallible>> {
    unfold(
        (desk, None::<String>),
        move |(desk, mut before)| async move {
            loop {
                if before.is_some() {
                    tokio::time::sleep(EVERY).await;
                }
                let place = Arc::clone(&desk);
                let read = tokio::task::spawn_blocking(move || incident::read(&place, role));
                // While one run ends and its record is loaded, there is none to tell of.
                let incident = read.await.ok().and_then(Result::ok);
                let text = incident.and_then(|incident| serde_json::to_string(&incident).ok());
                if let Some(text) = text.filter(|text| before.as_ref() != Some(text)) {
                    let event = Event::default().event("incident").data(&text);
                    return Some((Ok(event), (desk, Some(text))));
                }
                before.get_or_insert_default();
            }
        },
    )
}
