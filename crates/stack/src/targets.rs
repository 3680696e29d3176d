//! The scrape targets, in the format of Prometheus's file-based service discovery,
//! so that the embedded scraper and a real Prometheus read the same file.

use std::path::Path;

use anyhow::Context;
use serde_json::json;

use super::slot::View;

/// Replaces the targets file in one step: a reader sees the old or the new one, never half of it.
pub(crate) fn write(path: &Path, views: &[View]) -> anyhow::Result<()> {
    let targets: Vec<_> = views
        .iter()
        .map(|view| {
            json!({
                "targets": [view.admin.to_string()],
                "labels": {"job": "shop", "service": view.service, "instance": view.instance},
            })
        })
        .collect();
    replace(path, serde_json::to_string_pretty(&targets)?.as_bytes())
}

/// Writes a file beside `path` and renames it over.
pub fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let next = path.with_extension("next");
    std::fs::write(&next, bytes).with_context(|| format!("file `{}`", next.display()))?;
    std::fs::rename(&next, path).with_context(|| format!("file `{}`", path.display()))
}
