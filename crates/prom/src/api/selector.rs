//! The parameter `match[]`: series selectors.

use super::answer::Error;
use super::form::Form;
use promql::Matcher;

/// The sets of matchers in `match[]`: a series is meant if it satisfies all of any set.
pub(super) fn sets(form: &Form) -> Result<Vec<Vec<Matcher>>, Error> {
    let sets = form
        .all("match[]")
        .map(|text| promql::selector(text).map_err(|error| wrong(&error.to_string())))
        .collect::<Result<Vec<Vec<Matcher>>, Error>>()?;
    let selects = |set: &Vec<Matcher>| set.iter().any(|matcher| !matcher.is_match(""));
    if !sets.iter().all(selects) {
        return Err(wrong(EMPTY));
    }
    Ok(sets)
}

const EMPTY: &str = "match[] must contain at least one non-empty matcher";

fn wrong(what: &str) -> Error {
    // The parser refuses a selector that selects everything in its own words.
    let is_empty = what.contains("must contain at least one non-empty matcher");
    Error::parameter("match[]", if is_empty { EMPTY } else { what })
}
