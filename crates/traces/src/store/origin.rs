//! The resources and scopes that spans come from, each kept once for as long as a span refers to it.

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use prost::Message as _;

use super::codec::MixBuild;
use crate::span::Origin;

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
    let mut own = resource.resource.clone().unwrap_or_default();
    Origin {
        service: service_of(&mut own.attributes),
        resource: own,
        resource_schema: resource.schema_url.clone(),
        scope: scope.scope.clone().unwrap_or_default(),
        scope_schema: scope.schema_url.clone(),
    }
}

/// The name of the service. A resource without one gets the stand-in that Jaeger gives it.
fn service_of(resource: &mut Vec<KeyValue>) -> String {
    let known = resource
        .iter_mut()
        .find(|entry| entry.key == "service.name");
    let value = known
        .as_ref()
        .map(|known| known.value.clone().unwrap_or_default().value);
    let stand_in = match value {
        Some(Some(Value::StringValue(name))) if name.is_empty() => "empty-service-name",
        Some(Some(Value::StringValue(name))) => return name,
        Some(_) => "service-name-wrong-type",
        None => "missing-service-name",
    };
    let entry = KeyValue {
        key: "service.name".to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(stand_in.to_owned())),
        }),
        ..KeyValue::default()
    };
    match known {
        Some(known) => *known = entry,
        None => resource.push(entry),
    }
    stand_in.to_owned()
}
