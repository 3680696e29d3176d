//! Blocked clients: the gateway rejects all their requests.
//!
//! The list is part of the settings, and a control replaces it at run time.

use std::collections::BTreeSet;

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use crate::caller::MAX_NAME;

/// Maximum number of names on a list: it is searched for every request and does not replace the rate limit.
const MAX_CLIENTS: usize = 64;

/// A list of clients, by their names in `x-client-id`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Clients(BTreeSet<String>);

impl Clients {
    /// Number of clients.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<Vec<String>> for Clients {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        let can_be_sent =
            |name: &String| (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_plain);
        if let Some(name) = names.iter().find(|name| !can_be_sent(name)) {
            return Err(format!(
                "`{}` is not a client name: it must have 1 to {MAX_NAME} visible ASCII characters",
                name.escape_debug()
            ));
        }
        let names: BTreeSet<String> = names.into_iter().collect();
        match names.len() {
            0..=MAX_CLIENTS => Ok(Self(names)),
            more => Err(format!(
                "{more} clients are too many: a list may have at most {MAX_CLIENTS}"
            )),
        }
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte == b' '
}

/// The current list of blocked clients.
#[derive(Debug, Default)]
pub struct BlockList(RwLock<Clients>);

impl BlockList {
    /// Starts with a list.
    pub fn new(clients: Clients) -> Self {
        Self(RwLock::new(clients))
    }

    /// Whether a client is blocked.
    pub fn contains(&self, client: &str) -> bool {
        self.0.read().0.contains(client)
    }

    /// Replaces the list.
    pub fn replace(&self, clients: Clients) {
        *self.0.write() = clients;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Result<Clients, String> {
        Clients::try_from(names.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn a_list_has_a_maximum_length_and_only_valid_names() {
        let many: Vec<String> = (0..=MAX_CLIENTS)
            .map(|number| format!("c-{number}"))
            .collect();
        let long = "x".repeat(MAX_NAME + 1);
        for wrong in [&[""][..], &[long.as_str()], &["a\nb"], &["ä"]] {
            assert!(list(wrong).is_err(), "{wrong:?}");
        }
        assert!(Clients::try_from(many.clone()).is_err(), "one too many");
        assert!(
            Clients::try_from(many[1..].to_vec()).is_ok(),
            "exactly the maximum"
        );
        assert_eq!(list(&["a", "a"]).map(|list| list.len()), Ok(1));
    }

    #[test]
    fn a_new_list_replaces_the_old_one() {
        let blocked = BlockList::new(list(&["a"]).expect("a valid name"));
        assert!(blocked.contains("a") && !blocked.contains("b"));
        blocked.replace(list(&["b"]).expect("a valid name"));
        assert!(!blocked.contains("a") && blocked.contains("b"));
    }
}
