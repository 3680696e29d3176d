//! The scrape targets, in the format of Prometheus's file-based service discovery,
//! so that the embedded scraper and a real Prometheus read the same file.

use std::path::Path;

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
    let text = serde_json::to_string_pretty(&targets)?;
    Ok(record::replace(path, text.as_bytes())?)
}
