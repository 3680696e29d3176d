//! Write-ups as test data: Markdown with `{{name}}` where a fact of the run belongs.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{Drill, SOON, wait_for};

/// What a responder found, by name.
pub(crate) struct Facts(BTreeMap<String, String>);

impl Facts {
    /// What the page says.
    pub(crate) fn new(drill: &Drill, page: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let known = [
            ("page", &page["at"]),
            ("alert", &page["alert"]),
            ("run", &drill.ready["run"]),
        ];
        Self(
            known
                .map(|(name, value)| (name.to_owned(), text(value)))
                .into(),
        )
    }

    /// The releases of the drill, [as a write-up names them](scenario::Scenario::named_releases).
    pub(crate) fn name_releases(&mut self, id: &str, seed: u64) {
        let drill = scenario::catalogue::load_for(id, seed).expect("a drill");
        self.0.extend(drill.named_releases());
    }

    /// Looks for a trace as a responder would, and keeps the newest one's id as `trace`.
    pub(crate) fn find_trace(&mut self, drill: &Drill, filters: &[&str]) {
        let id = wait_for("a trace for the write-up", SOON, || {
            let found =
                drill.json(&[&["traces"], filters, &["--since", "1m", "--limit", "1"]].concat());
            Some(found.as_array()?.first()?["id"].as_str()?.to_owned())
        });
        self.0.insert("trace".to_owned(), id);
    }

    /// The write-up with every fact in its place.
    pub(crate) fn fill(&self, template: &str) -> String {
        let mut text = template.to_owned();
        for (name, value) in &self.0 {
            text = text.replace(&format!("{{{{{name}}}}}"), value);
        }
        assert!(!text.contains("{{"), "a fact is missing: {text}");
        text
    }
}
