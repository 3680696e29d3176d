//! A link in the header of a page.

use serde::{Deserialize, Serialize};

/// One link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Its text.
    pub text: String,
    /// Its target.
    pub url: String,
}

/// The links that lead somewhere; a link that would run a script is left out.
pub fn safe(links: &[Link]) -> Vec<&Link> {
    let leads = |link: &&Link| {
        ["http://", "https://", "/"]
            .iter()
            .any(|start| link.url.starts_with(start))
    };
    links.iter().filter(leads).collect()
}
