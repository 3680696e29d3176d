//! Which series, labels and families there are.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Path, State};

use super::answer::{Answer, Error, Pairs, success, success_cut};
use super::form::Form;
use super::{App, selector, time_param};
use crate::store::Metadata;

/// The times of a request; all time if it names none.
fn bounds(form: &Form) -> Result<(i64, i64), Error> {
    let from_ms = time_param::optional(form, "start", i64::MIN)?;
    let to_ms = time_param::optional(form, "end", i64::MAX)?;
    if to_ms < from_ms {
        let what = "end timestamp must not be before start time";
        return Err(Error::parameter("end", what));
    }
    Ok((from_ms, to_ms))
}

/// Cuts to `limit` unless that is 0; says whether it did.
fn cut<T>(found: &mut Vec<T>, limit: usize) -> bool {
    let is_cut = limit > 0 && found.len() > limit;
    if is_cut {
        found.truncate(limit);
    }
    is_cut
}

/// `/labels`.
pub(super) async fn label_names(State(app): State<App>, form: Form) -> Answer {
    let limit = form.limit()?;
    let (from_ms, to_ms) = bounds(&form)?;
    let sets = selector::sets(&form)?;
    let mut names: BTreeSet<String> = BTreeSet::new();
    app.store.visit(&sets, from_ms, to_ms, |labels| {
        for (name, _) in labels.iter() {
            if !names.contains(name) {
                names.insert(name.to_owned());
            }
        }
    });
    let mut names: Vec<String> = names.into_iter().collect();
    let is_cut = cut(&mut names, limit);
    success_cut(&names, is_cut)
}

/// `/label/{name}/values`.
pub(super) async fn label_values(
    State(app): State<App>,
    Path(name): Path<String>,
    form: Form,
) -> Answer {
    if name.is_empty() {
        return Err(Error::BadData(format!("invalid label name: {name:?}")));
    }
    let limit = form.limit()?;
    let (from_ms, to_ms) = bounds(&form)?;
    let sets = selector::sets(&form)?;
    let mut values: BTreeSet<String> = BTreeSet::new();
    app.store.visit(&sets, from_ms, to_ms, |labels| {
        if let Some(value) = labels.get(&name)
            && !values.contains(value)
        {
            values.insert(value.to_owned());
        }
    });
    let mut values: Vec<String> = values.into_iter().collect();
    let is_cut = cut(&mut values, limit);
    success_cut(&values, is_cut)
}

/// `/series`.
pub(super) async fn series(State(app): State<App>, form: Form) -> Answer {
    let limit = form.limit()?;
    let sets = selector::sets(&form)?;
    if sets.is_empty() {
        return Err(Error::BadData("no match[] parameter provided".to_owned()));
    }
    let (from_ms, to_ms) = bounds(&form)?;
    let mut found = app.store.label_sets(&sets, from_ms, to_ms);
    let is_cut = cut(&mut found, limit);
    let found: Vec<_> = found.iter().map(Pairs).collect();
    success_cut(&found, is_cut)
}

/// `/metadata`.
pub(super) async fn metadata(State(app): State<App>, form: Form) -> Answer {
    let number = |name: &str| match form.get(name) {
        "" => Ok(None),
        text => match text.parse::<i64>() {
            // A negative number means no limit.
            Ok(number) => Ok(usize::try_from(number).ok()),
            Err(_) => Err(Error::BadData(format!("{name} must be a number"))),
        },
    };
    let limit = number("limit")?.unwrap_or(usize::MAX);
    let per_metric = number("limit_per_metric")?.filter(|limit| *limit > 0);
    let metric = Some(form.get("metric")).filter(|metric| !metric.is_empty());
    let found = app.store.metadata(metric).into_iter().take(limit);
    let mut found: BTreeMap<String, Vec<Metadata>> = found
        .map(|(family, versions)| (family.to_string(), versions))
        .collect();
    for versions in found.values_mut() {
        versions.truncate(per_metric.unwrap_or(usize::MAX));
    }
    success(&found)
}
