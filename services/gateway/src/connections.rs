//! Separate upstream connections for each client of the shop, so that clients do not queue behind each other.

use std::{collections::HashMap, convert::Infallible};

use axum::{extract::FromRequestParts, http::request::Parts};
use chassis::Client;
use parking_lot::Mutex;

use crate::{Gateway, caller};

/// The client for the upstream calls of one request.
#[derive(Debug)]
pub(crate) struct Upstreams(pub(crate) Client);

impl FromRequestParts<Gateway> for Upstreams {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Infallible> {
        Ok(Self(match &gateway.client_connections {
            None => gateway.client.clone(),
            Some(connections) => connections.of(caller::name(&parts.headers)),
        }))
    }
}

/// The connections of each client, created with its first request.
#[derive(Debug)]
pub(crate) struct ClientConnections {
    /// The client whose upstreams and metrics the others share.
    template: Client,
    clients: Mutex<HashMap<String, Client>>,
}

impl ClientConnections {
    /// No connections yet.
    pub(crate) fn new(template: Client) -> Self {
        Self {
            template,
            clients: Mutex::default(),
        }
    }

    /// The connections of the client with this name.
    pub(crate) fn of(&self, name: &str) -> Client {
        let mut clients = self.clients.lock();
        if let Some(client) = clients.get(name) {
            return client.clone();
        }
        let client = self.template.with_own_connections();
        clients.insert(name.to_owned(), client.clone());
        client
    }
}
