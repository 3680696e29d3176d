//! Connections that belong to one client of the shop, so that its requests meet no queue of others.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Mutex, PoisonError},
};

use axum::{extract::FromRequestParts, http::request::Parts};
use chassis::Client;

use crate::{State, caller};

/// What a request calls the services behind with.
#[derive(Debug)]
pub(crate) struct Upstreams(pub(crate) Client);

impl FromRequestParts<State> for Upstreams {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Infallible> {
        Ok(Self(match &state.own {
            None => state.client.clone(),
            Some(own) => own.of(caller::name(&parts.headers)),
        }))
    }
}

/// The connections of every client that came, made with its first request.
#[derive(Debug)]
pub(crate) struct OwnConnections {
    /// The upstreams, and what is measured of them.
    template: Client,
    clients: Mutex<HashMap<String, Client>>,
}

impl OwnConnections {
    /// Nobody's connections yet.
    pub(crate) fn new(template: Client) -> Self {
        Self {
            template,
            clients: Mutex::default(),
        }
    }

    /// The connections of the client of that name.
    pub(crate) fn of(&self, name: &str) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(name) {
            return client.clone();
        }
        let client = self.template.with_own_connections();
        clients.insert(name.to_owned(), client.clone());
        client
    }
}
