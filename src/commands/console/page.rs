//! The page: one document for every address, whose scripts draw the part that the address names.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::html;
use record::VERDICT_PAGE;
use web::Page;

use super::Desk;
use crate::commands::source::Place;
use crate::terminal::Terminal;

/// The parts of the page, as their addresses and the navigation have them.
const PARTS: [(&str, &str); 9] = [
    ("/", "Incident"),
    ("/compare", "Compare"),
    ("/traces", "Traces"),
    ("/logs", "Logs"),
    ("/deploys", "Deploys"),
    ("/profiles", "Heap & CPU"),
    ("/act", "Act"),
    ("/write-up", "Write-up"),
    ("/drills", "Drills"),
];

/// Below `/assets/console/`.
const SCRIPTS: [(&str, &str); 38] = [
    ("act.js", include_str!("asset/act.js")),
    ("actions.js", include_str!("asset/actions.js")),
    ("client.js", include_str!("asset/client.js")),
    ("compare.js", include_str!("asset/compare.js")),
    ("cpu.js", include_str!("asset/cpu.js")),
    ("debrief.js", include_str!("asset/debrief.js")),
    ("deploys.js", include_str!("asset/deploys.js")),
    ("differs.js", include_str!("asset/differs.js")),
    ("draft.js", include_str!("asset/draft.js")),
    ("drills.js", include_str!("asset/drills.js")),
    ("effect.js", include_str!("asset/effect.js")),
    ("flame.js", include_str!("asset/flame.js")),
    ("form.js", include_str!("asset/form.js")),
    ("frontmatter.js", include_str!("asset/frontmatter.js")),
    ("heap.js", include_str!("asset/heap.js")),
    ("heatmap.js", include_str!("asset/heatmap.js")),
    ("incident.js", include_str!("asset/incident.js")),
    ("list.js", include_str!("asset/list.js")),
    ("logline.js", include_str!("asset/logline.js")),
    ("logs.js", include_str!("asset/logs.js")),
    ("main.js", include_str!("asset/main.js")),
    ("map.js", include_str!("asset/map.js")),
    ("merge.js", include_str!("asset/merge.js")),
    ("path.js", include_str!("asset/path.js")),
    ("pin.js", include_str!("asset/pin.js")),
    ("pointer.js", include_str!("asset/pointer.js")),
    ("profiles.js", include_str!("asset/profiles.js")),
    ("scatter.js", include_str!("asset/scatter.js")),
    ("settings.js", include_str!("asset/settings.js")),
    ("strength.js", include_str!("asset/strength.js")),
    ("submit.js", include_str!("asset/submit.js")),
    ("svg.js", include_str!("asset/svg.js")),
    ("trace.js", include_str!("asset/trace.js")),
    ("traces.js", include_str!("asset/traces.js")),
    ("verdict.js", include_str!("asset/verdict.js")),
    ("view.js", include_str!("asset/view.js")),
    ("writeup.js", include_str!("asset/writeup.js")),
    ("writeup-form.js", include_str!("asset/writeup-form.js")),
];

const STYLE: &str = concat!(
    include_str!("asset/console.css"),
    include_str!("asset/evidence.css"),
    include_str!("asset/work.css"),
    include_str!("asset/writeup.css"),
);

/// Of the verdict's page: it has its style in it, runs no script and loads nothing.
const VERDICT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'self'";

/// The addresses of the page.
pub(super) fn routes() -> Router<Arc<Desk>> {
    let router = PARTS.iter().fold(Router::new(), |router, (path, _)| {
        router.route(path, get(document))
    });
    router
        .route("/trace/{id}", get(document))
        .route("/verdict", get(document))
        .route("/verdict.html", get(verdict))
}

/// Scripts and style, which tell nothing and need no token.
pub(super) fn assets() -> Router {
    let router = web::assets().route(
        "/assets/console/console.css",
        get(|| async { web::answer("text/css; charset=utf-8", STYLE) }),
    );
    SCRIPTS.into_iter().fold(router, |router, (name, content)| {
        web::script(router, &format!("console/{name}"), content)
    })
}

async fn document() -> Response {
    let navigation = html! {
        @for (path, name) in PARTS {
            a href=(path) { (name) }
        }
    };
    let page = Page {
        title: "Firedrill",
        home: "/",
        script: "console/main.js",
        style: Some("console/console.css"),
        fallback: "The console needs JavaScript; everything in it can be done in the terminal, see `firedrill --help`.",
    };
    page.answer(&navigation)
}

/// The verdict as it is on record.
async fn verdict(State(desk): State<Arc<Desk>>) -> Response {
    let (terminal, _) = Terminal::kept();
    let place = Place::of(&desk.context(terminal, false), None);
    let page = place.and_then(|place| Ok(std::fs::read(place.folder.join(VERDICT_PAGE))?));
    match page {
        Ok(page) => {
            let headers = [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CONTENT_SECURITY_POLICY, VERDICT_POLICY),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (headers, page).into_response()
        }
        Err(_) => (StatusCode::NOT_FOUND, "this run has no verdict\n").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_that_a_script_imports_is_served() {
        let names: Vec<&str> = SCRIPTS.iter().map(|(name, _)| *name).collect();
        for (script, content) in SCRIPTS {
            let imported = content
                .split(['"'])
                .filter_map(|text| text.strip_prefix("./"));
            for name in imported.filter(|text| text.ends_with(".js")) {
                assert!(names.contains(&name), "{script} imports {name}");
            }
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/commands/console/asset");
        let files = std::fs::read_dir(folder).expect("the scripts").flatten();
        let scripts = files.filter(|file| file.path().extension().is_some_and(|end| end == "js"));
        assert_eq!(scripts.count(), SCRIPTS.len(), "a script is not served");
    }

    #[test]
    fn all_that_a_page_loads_is_light() {
        let bytes: usize = SCRIPTS.iter().map(|(_, content)| content.len()).sum();
        assert!(bytes + STYLE.len() < 300_000, "{bytes}");
    }
}
