//! The settings that each service ran with last.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The settings of a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// The service.
    pub service: String,
    /// The release that it runs.
    pub release: String,
    /// Every setting, by key.
    pub settings: Vec<Setting>,
}

/// A setting, and who says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Setting {
    /// Its name, with the tables that it is in: `cache.capacity`.
    pub key: String,
    /// What it is; null where it is not set.
    pub value: Value,
    /// Its value if nothing sets it.
    pub default: Value,
    /// Who says so last.
    pub from: Origin,
    /// The release that brought the value; none for what no release says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
}

/// Who says what a setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Nothing sets it.
    Default,
    /// The release that runs.
    Release,
    /// Those who own the service, since.
    Pushed,
    /// The responder.
    Responder,
}
