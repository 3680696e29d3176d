//! The parameter `match[]`: series selectors.

use promql_parser::parser::{self, Expr};

use super::answer::Error;
use super::form::Form;
use crate::promql::{METRIC_NAME, MatchOp, Matcher};

/// The sets of matchers in `match[]`: a series is meant if it satisfies all of any set.
pub(super) fn sets(form: &Form) -> Result<Vec<Vec<Matcher>>, Error> {
    let mut sets = Vec::new();
    for text in form.all("match[]") {
        sets.extend(selector(text).map_err(wrong)?);
    }
    let selects = |set: &Vec<Matcher>| set.iter().any(|matcher| !matcher.is_match(""));
    if !sets.iter().all(selects) {
        return Err(wrong(EMPTY.to_owned()));
    }
    Ok(sets)
}

const EMPTY: &str = "match[] must contain at least one non-empty matcher";

fn wrong(what: String) -> Error {
    // The parser refuses a selector that selects everything in its own words.
    let is_empty = what.contains("must contain at least one non-empty matcher");
    Error::parameter("match[]", if is_empty { EMPTY } else { &what })
}

fn selector(text: &str) -> Result<Vec<Vec<Matcher>>, String> {
    let Expr::VectorSelector(found) = parser::parse(text)? else {
        return Err(format!("{text:?} is not a series selector"));
    };
    if found.offset.is_some() || found.at.is_some() {
        return Err(format!("{text:?}: a series selector takes no modifiers"));
    }
    let name = found.name.iter();
    let name = name.map(|name| Matcher::new(MatchOp::Equal, METRIC_NAME, name));
    let name: Vec<Matcher> = name.collect();
    let mut alternatives = found.matchers.or_matchers;
    if alternatives.is_empty() {
        alternatives.push(found.matchers.matchers);
    }
    let with_name = |set: Vec<Matcher>| name.iter().cloned().chain(set).collect();
    Ok(alternatives.into_iter().map(with_name).collect())
}
