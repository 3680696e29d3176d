//! The resources and scopes that spans come from, each kept once for as long as a span refers to it.

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use prost::Message as _;

use super::codec::MixBuild;
use crate::span::Origin;

/// Prune only tables that have grown: a drill has a dozen origins of a kilobyte each.
const PRUNE_ABOVE: usize = 64;
const PRUNE_ABOVE_BYTES: usize = 256 << 10;

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
        self.bytes += cost(&key, &origin);
        self.known.insert(key.into(), origin.clone());
        origin
    }

    /// Forgets origins that no span refers to any more.
    pub(super) fn prune(&mut self) {
        if self.known.len() > PRUNE_ABOVE || self.bytes > PRUNE_ABOVE_BYTES {
            self.known.retain(|_, origin| Arc::strong_count(origin) > 1);
            let costs = self.known.iter().map(|(key, origin)| cost(key, origin));
            self.bytes = costs.sum();
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// What an attribute costs beside its text: the value, the headers of its strings, the allocator's.
const VALUE_BYTES: usize = 128;

/// The key itself, and the decoded form, whose values each have headers.
fn cost(key: &[u8], origin: &Origin) -> usize {
    let attributes = [&origin.resource.attributes, &origin.scope.attributes];
    let values: usize = attributes.into_iter().flatten().map(count_values).sum();
    key.len() * 2 + values * VALUE_BYTES + 512
}

fn count_values(attribute: &KeyValue) -> usize {
    fn within(value: &AnyValue) -> usize {
        match &value.value {
            Some(Value::ArrayValue(list)) => 1 + list.values.iter().map(within).sum::<usize>(),
            Some(Value::KvlistValue(map)) => 1 + map.values.iter().map(count_values).sum::<usize>(),
            _ => 1,
        }
    }
    attribute.value.as_ref().map_or(1, within)
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
