//! Clients that the shop turns away, whatever they ask for.
//!
//! The list is configuration: it comes with the settings of the process, and can be replaced while it runs.

use std::{
    collections::BTreeSet,
    sync::{PoisonError, RwLock},
};

use serde::{Deserialize, Serialize};

use crate::caller::MAX_NAME;

/// Names on a list at most: it is read for every request, and it is no substitute for a limit.
const MAX_CLIENTS: usize = 64;

/// A list of clients, by the names that they give themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Clients(BTreeSet<String>);

impl Clients {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
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
                "no client can be called `{}`: 1 to {MAX_NAME} visible ASCII characters",
                name.escape_debug()
            ));
        }
        let names: BTreeSet<String> = names.into_iter().collect();
        match names.len() {
            0..=MAX_CLIENTS => Ok(Self(names)),
            more => Err(format!("{more} clients; a list has {MAX_CLIENTS} at most")),
        }
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte == b' '
}

/// The list as it is in force.
#[derive(Debug, Default)]
pub struct Blocked(RwLock<Clients>);

impl Blocked {
    /// Begins with a list.
    pub fn new(clients: Clients) -> Self {
        Self(RwLock::new(clients))
    }

    /// Whether a client is turned away.
    pub fn has(&self, client: &str) -> bool {
        // A list is replaced as a whole, so a panic elsewhere does not spoil it.
        let clients = self.0.read().unwrap_or_else(PoisonError::into_inner);
        clients.0.contains(client)
    }

    /// Takes another list from now on.
    pub fn replace(&self, clients: Clients) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = clients;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Result<Clients, String> {
        Clients::try_from(names.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn a_list_is_bounded_and_names_only_what_can_be_sent() {
        let many: Vec<String> = (0..=MAX_CLIENTS)
            .map(|number| format!("c-{number}"))
            .collect();
        let long = "x".repeat(MAX_NAME + 1);
        for wrong in [&[""][..], &[long.as_str()], &["a\nb"], &["ä"]] {
            assert!(list(wrong).is_err(), "{wrong:?}");
        }
        assert!(Clients::try_from(many.clone()).is_err(), "one too many");
        assert!(Clients::try_from(many[1..].to_vec()).is_ok(), "just enough");
        assert_eq!(list(&["a", "a"]).map(|list| list.len()), Ok(1));
    }

    #[test]
    fn a_list_holds_until_the_next_one() {
        let blocked = Blocked::new(list(&["a"]).expect("a good name"));
        assert!(blocked.has("a") && !blocked.has("b"));
        blocked.replace(list(&["b"]).expect("a good name"));
        assert!(!blocked.has("a") && blocked.has("b"));
    }
}
