//! The innocent changes that every drill draws its history and its other deploys from.

use std::sync::LazyLock;

use serde::Deserialize;
use shop_api::Service;

/// The file as it is part of the program.
pub(crate) const TEXT: &str = include_str!("../../../scenarios/pool/releases.toml");

/// All innocent changes, and what every shop runs with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Settings of every drill's shop from its oldest release on, by service.
    #[serde(default)]
    pub shop: toml::Table,
    /// Releases.
    pub release: Vec<Change>,
    /// Configuration changes without a release.
    pub push: Vec<Change>,
}

/// A change that does no harm.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// What it is made to.
    pub service: Service,
    /// The role of who made it.
    pub author: String,
    /// One line about what changed.
    pub changelog: String,
    /// The settings that it changes.
    #[serde(default)]
    pub settings: toml::Table,
    /// The code that it changes, as a unified diff; empty for a configuration change.
    #[serde(default)]
    pub diff: String,
}

/// The pool; a test holds that its file is one.
pub fn pool() -> &'static Pool {
    static POOL: LazyLock<Pool> =
        LazyLock::new(|| toml::from_str(TEXT).expect("the pool of innocent changes"));
    &POOL
}
