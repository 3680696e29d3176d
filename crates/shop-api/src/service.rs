//! The services of the shop: which there are, what they are called, and how many replicas of each run.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A service of the shop: it can be deployed, restarted and rolled back.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// The public API.
    Gateway,
    /// Carts and orders.
    Checkout,
    /// Products, prices and stock.
    Inventory,
}

impl Service {
    /// Every service, from the edge inwards.
    pub const ALL: [Self; 3] = [Self::Gateway, Self::Checkout, Self::Inventory];

    /// The most replicas that a service can be scaled to.
    pub const MOST_REPLICAS: u8 = 3;

    /// The name used in telemetry, in scenario files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Checkout => "checkout",
            Self::Inventory => "inventory",
        }
    }

    /// The replicas that a shop starts with. Inventory carries most of the load and runs twice, so that a rollout
    /// passes through a mixed state, as in production.
    pub const fn instances(self) -> &'static [&'static str] {
        match self {
            Self::Gateway => &["gateway-1"],
            Self::Checkout => &["checkout-1"],
            Self::Inventory => &["inventory-1", "inventory-2"],
        }
    }

    /// The service of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_written_as_it_is_named() {
        for service in Service::ALL {
            let written = serde_json::to_value(service).expect("a name");
            assert_eq!(written, service.name());
            assert_eq!(Service::from_name(service.name()), Some(service));
            let is_own = |instance: &&str| instance.starts_with(service.name());
            assert!(service.instances().iter().all(is_own), "{service}");
        }
        assert_eq!(Service::from_name("payment"), None);
    }
}
