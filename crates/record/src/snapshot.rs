//! Heap snapshots of a run: `heap/<name>.pb.gz`, and beside it `<name>.json` (what is known of it) and `<name>.sites`
//! (its allocation sites by function, for when the executable is gone).

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::file::Error;
use crate::named::{Meta, Named};

/// The ending of the file with a snapshot's sites.
const SITES: &str = "sites";

/// What is known of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// The name the responder gave, unique in the run.
    pub name: String,
    /// Service.
    pub service: String,
    /// Process, `inventory-1`.
    pub instance: String,
    /// Release that ran.
    pub release: String,
    /// When it was taken.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "crate::instant::Text")]
    pub at: OffsetDateTime,
    /// The executable whose symbols name its addresses.
    pub executable: PathBuf,
}

/// Live memory by allocation site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "HeapSite")]
pub struct Site {
    /// First function of the shop on the stack, or the innermost that is not an allocator.
    pub function: String,
    /// Bytes in use.
    pub bytes: i64,
    /// Objects in use, if the profile counts them.
    pub objects: Option<i64>,
    /// The stack that holds most of it, innermost first, shortened to frames outside of the allocator.
    pub stack: Vec<String>,
}

impl Meta for Snapshot {
    const FOLDER: &'static str = "heap";
    const KIND: &'static str = "snapshot";
    const WHOLE_KIND: &'static str = "heap snapshot";
    const ENDING: &'static str = "pb.gz";

    fn name(&self) -> &str {
        &self.name
    }

    fn at(&self) -> OffsetDateTime {
        self.at
    }
}

/// Reader and writer of a run's snapshots, pprof protobuf as it was taken.
pub type Snapshots = Named<Snapshot>;

impl Snapshots {
    /// Its allocation sites as they were read when it was taken; `None` if they were not.
    pub fn sites(&self, name: &str) -> Result<Option<Vec<Site>>, Error> {
        match self.json(name, SITES) {
            Ok(sites) => Ok(Some(sites)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Stores the sites of a snapshot beside it.
    pub fn save_sites(&self, name: &str, sites: &[Site]) -> Result<(), Error> {
        let path = self.path(name, SITES)?;
        let bytes = serde_json::to_vec(sites).map_err(|error| Error::file(&path, error))?;
        std::fs::write(&path, bytes).map_err(|error| Error::file(&path, error))
    }
}
