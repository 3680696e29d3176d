//! Nothing that a responder can see names the cause: everything exported by a running drill is searched, as
//! `firedrill verify` does, and also what its commands print.

use drill::session::StateDir;
use firedrill::verify::silence;
use scenario::{Scenario, catalogue};
use serde_json::Value;

use crate::support::Drill;

/// Searches everything; panics with where a word was found.
pub(crate) fn check(drill: &Drill, id: &str) {
    let session = StateDir::locate(Some(drill.state()), |_| None)
        .and_then(|state| state.load())
        .expect("the session file");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let searched = runtime
        .block_on(silence::search(&session, &scenario(id)))
        .expect("everything can be read");
    assert!(searched.found.is_empty(), "{:#?}", searched.found);
    assert!(
        searched.bytes > 100_000,
        "only {} bytes were there to be searched",
        searched.bytes
    );
    let printed = [
        &["deploys"][..],
        &["status"],
        &["logs", "--limit", "5000"],
        &["compare", "metrics", "-n", "1000"],
        &["compare", "logs", "-n", "1000"],
    ];
    let printed = printed.map(|args| drill.ok(args));
    for text in printed.iter().chain([&open_part(&drill.ready)]) {
        let text = text.to_lowercase();
        for word in sealed_words(id) {
            assert!(!text.contains(&word), "`{word}` is printed: {text}");
        }
    }
}

/// What the scenario file seals.
pub(crate) fn sealed_words(id: &str) -> Vec<String> {
    scenario(id).silence.words
}

fn scenario(id: &str) -> Scenario {
    catalogue::load(id).expect("a scenario of the catalogue")
}

/// The ready event without the folder, whose temporary name is this test's.
fn open_part(ready: &Value) -> String {
    let mut ready = ready.clone();
    ready["folder"] = Value::Null;
    ready.to_string()
}
