//! What a scenario may change while a load runs: its rate, and what one client asks for.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::{Problem, load::is_rate};

/// The traffic from a moment on; the default is that of the load.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Traffic {
    /// Requests per second over all routes; those of the load when absent.
    pub rate: Option<f64>,
    /// A client that some of the orders come from; none when absent.
    pub partner: Option<Partner>,
}

/// A client whose orders ask for something that those of others do not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partner {
    /// Its name (header `x-client-id`).
    pub client: String,
    /// Share of new orders that are its own, above 0 and up to 1.
    pub share: f64,
    /// What its orders carry in addition, by the name of the header.
    pub headers: BTreeMap<String, String>,
}

impl Traffic {
    /// All mistakes in it; keys are relative to its own table.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !self.rate.is_none_or(is_rate) {
            problems.push(Problem::new("rate", "is out of range"));
        }
        let Some(partner) = &self.partner else {
            return problems;
        };
        if !(partner.share > 0.0 && partner.share <= 1.0) {
            problems.push(Problem::new(
                "partner.share",
                "must be above 0 and at most 1",
            ));
        }
        if partner.client.is_empty() || HeaderValue::from_str(&partner.client).is_err() {
            problems.push(Problem::new(
                "partner.client",
                "must be a name that a header can carry",
            ));
        }
        for (name, value) in &partner.headers {
            let is_valid =
                HeaderName::try_from(name).is_ok() && HeaderValue::from_str(value).is_ok();
            if !is_valid {
                problems.push(Problem::new(
                    format!("partner.headers.{name}"),
                    "is not a header",
                ));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_sent_is_named() {
        for (client, share, header, expected) in [
            ("tests", 0.5, ("prefer", "wait=3"), vec![]),
            ("tests", 0.0, ("prefer", "wait=3"), vec!["partner.share"]),
            (
                "tests",
                f64::NAN,
                ("prefer", "wait=3"),
                vec!["partner.share"],
            ),
            ("", 1.0, ("prefer", "wait=3"), vec!["partner.client"]),
            ("tests", 1.0, ("a b", "1"), vec!["partner.headers.a b"]),
            (
                "tests",
                1.0,
                ("prefer", "a\nb"),
                vec!["partner.headers.prefer"],
            ),
        ] {
            let traffic = Traffic {
                rate: Some(10.0),
                partner: Some(Partner {
                    client: client.to_owned(),
                    share,
                    headers: BTreeMap::from([(header.0.to_owned(), header.1.to_owned())]),
                }),
            };
            let keys: Vec<_> = traffic.problems().into_iter().map(|one| one.key).collect();
            assert_eq!(keys, expected, "{traffic:?}");
        }
    }
}
