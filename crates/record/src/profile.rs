//! CPU profiles of a run: `profile/<name>.folded` (one stack a line, with its samples), and beside it `<name>.json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::file::Error;
use crate::named::{Meta, Named};

/// What is known of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    /// The name it is pointed to by, unique in the run.
    pub name: String,
    /// Service.
    pub service: String,
    /// Process, `inventory-1`.
    pub instance: String,
    /// Release that ran.
    pub release: String,
    /// When it was complete.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "crate::instant::Text")]
    pub at: OffsetDateTime,
    /// For how long it was sampled.
    pub seconds: u32,
}

impl Meta for Profile {
    const FOLDER: &'static str = "profile";
    const KIND: &'static str = "profile";
    const ENDING: &'static str = "folded";

    fn name(&self) -> &str {
        &self.name
    }

    fn at(&self) -> OffsetDateTime {
        self.at
    }
}

/// Reader and writer of a run's profiles.
pub type Profiles = Named<Profile>;

impl Profiles {
    /// Its stacks: outermost function first, joined by `;`, and how many samples had them.
    pub fn folded(&self, name: &str) -> Result<String, Error> {
        let text = String::from_utf8(self.bytes(name)?);
        text.map_err(|error| Error::Name(format!("profile `{name}`: {error}")))
    }
}
