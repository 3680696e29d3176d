//! The write-up as it is written on the page: a file of the run's folder, which the terminal's commands take as well.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use record::DRAFT;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Desk;
use super::access::refuse;
use super::call::failed;
use crate::commands::source::Place;
use crate::context::Context;
use crate::error::Error;
use crate::report::file;
use crate::terminal::Terminal;

/// The draft as it is.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Draft {
    /// Its file, for the terminal.
    path: PathBuf,
    /// None before it is begun.
    text: Option<String>,
    /// What a change must name, so that none is made to a text that another has changed meanwhile.
    version: String,
}

/// A change of the whole text.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DraftEdit")]
pub(super) struct Edit {
    text: String,
    version: String,
}

/// The file of the draft; none without a run.
pub(super) fn path(context: &Context) -> anyhow::Result<Option<PathBuf>> {
    let place = Place::of(context, None);
    Ok(place.ok().map(|place| place.folder.join(DRAFT)))
}

/// Answers the draft.
pub(super) fn read(desk: &Desk) -> Response {
    match of(desk) {
        Ok(draft) => Json(draft).into_response(),
        Err(error) => failed(&error),
    }
}

/// Takes a new text, unless the old one is not the one that it was made from.
pub(super) fn write(desk: &Desk, body: &[u8]) -> Response {
    let edit: Edit = match serde_json::from_slice(body) {
        Ok(edit) => edit,
        Err(error) => {
            let hint = "send the text, and the version that it was made from";
            return refuse(StatusCode::BAD_REQUEST, &format!("the body: {error}"), hint);
        }
    };
    match of(desk) {
        Ok(draft) if draft.version != edit.version => {
            let hint = "read it again, and make the change there";
            refuse(
                StatusCode::CONFLICT,
                "the draft was changed elsewhere",
                hint,
            )
        }
        Ok(draft) => match record::replace(&draft.path, edit.text.as_bytes()) {
            Ok(()) => read(desk),
            Err(error) => failed(&error.into()),
        },
        Err(error) => failed(&error),
    }
}

fn of(desk: &Desk) -> anyhow::Result<Draft> {
    let (terminal, _) = Terminal::kept();
    let context = desk.context(terminal, false);
    let path = path(&context)?.ok_or_else(|| {
        Error::usage(
            "no run is there to write up",
            "`firedrill run` starts a drill",
        )
    })?;
    let text = match path.exists() {
        true => Some(file::regular(&path)?),
        false => None,
    };
    Ok(Draft {
        version: version(text.as_deref()),
        path,
        text,
    })
}

fn version(text: Option<&str>) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_another_version() {
        let versions = [None, Some(""), Some("a"), Some("b")].map(version);
        for (index, one) in versions.iter().enumerate() {
            assert!(!versions[index + 1..].contains(one), "{index}");
        }
        assert_eq!(version(Some("a")), version(Some("a")));
    }
}
