//! The resources and scopes that spans come from, each kept once for as long as a span refers to it.

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use prost::Message as _;

use super::codec::MixBuild;
use super::dictionary::from_proto;
use crate::span::{Attribute, Origin, Value};

/// Prune only tables that have grown: a drill has a dozen origins.
const PRUNE_ABOVE: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Table {
    /// By the encoded resource and scope.
    known: HashMap<Box<[u8]>, Arc<Origin>, MixBuild>,
    bytes: usize,
}

impl Table {
    pub(super) fn intern(&mut self, resource: &ResourceSpans, scope: &ScopeSpans) -> Arc<Origin> {
        let key = key_of(resource, scope);
        if let Some(known) = self.known.get(key.as_slice()) {
            return known.clone();
        }
        let origin = Arc::new(read(resource, scope));
        self.bytes += cost(&key);
        self.known.insert(key.into(), origin.clone());
        origin
    }

    /// Forgets origins that no span refers to any more.
    pub(super) fn prune(&mut self) {
        if self.known.len() > PRUNE_ABOVE {
            self.known.retain(|_, origin| Arc::strong_count(origin) > 1);
            self.bytes = self.known.keys().map(|key| cost(key)).sum();
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// The key itself, and the decoded form, whose strings each have a header.
fn cost(key: &[u8]) -> usize {
    key.len() * 4 + 512
}

fn key_of(resource: &ResourceSpans, scope: &ScopeSpans) -> Vec<u8> {
    let mut key = Vec::new();
    let parts = [
        resource
            .resource
            .as_ref()
            .map(|part| part.encode_to_vec())
            .unwrap_or_default(),
        scope
            .scope
            .as_ref()
            .map(|part| part.encode_to_vec())
            .unwrap_or_default(),
        resource.schema_url.clone().into_bytes(),
        scope.schema_url.clone().into_bytes(),
    ];
    for part in parts {
        super::codec::put_bytes(&mut key, &part);
    }
    key
}

fn read(resource: &ResourceSpans, scope: &ScopeSpans) -> Origin {
    let attributes = resource
        .resource
        .as_ref()
        .map_or(&[][..], |part| &part.attributes);
    let mut resource_attributes = attributes_of(attributes);
    let instrumentation = scope.scope.clone().unwrap_or_default();
    Origin {
        service: service_of(&mut resource_attributes),
        resource: resource_attributes,
        resource_schema: resource.schema_url.clone(),
        scope_name: instrumentation.name,
        scope_version: instrumentation.version,
        scope_attributes: attributes_of(&instrumentation.attributes),
        scope_schema: scope.schema_url.clone(),
    }
}

fn attributes_of(attributes: &[KeyValue]) -> Vec<Attribute> {
    let read = |entry: &KeyValue| (entry.key.clone(), from_proto(entry.value.as_ref()));
    attributes.iter().map(read).collect()
}

/// The name of the service. A resource without one gets the stand-in that Jaeger gives it.
fn service_of(resource: &mut Vec<Attribute>) -> String {
    let known = resource.iter_mut().find(|(key, _)| key == "service.name");
    let stand_in = match &known {
        Some((_, Value::Text(name))) if name.is_empty() => "empty-service-name",
        Some((_, Value::Text(name))) => return name.clone(),
        Some(_) => "service-name-wrong-type",
        None => "missing-service-name",
    };
    let value = Value::Text(stand_in.to_owned());
    match known {
        Some((_, known)) => *known = value,
        None => resource.push(("service.name".to_owned(), value)),
    }
    stand_in.to_owned()
}
