//! The settings of a service, as one table of dotted keys: what holds under several layers, and what a change makes of it.
//!
//! ```text
//! default < release < pushed by its owners < set by the responder
//! ```

use std::collections::BTreeMap;

use record::SettingChange;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use shop_api::Service;

/// What the network between checkout and inventory does to what it carries; the default is nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wire {
    /// How long bytes take in each direction, in milliseconds.
    pub delay_ms: u32,
    /// Share of what is sent that is lost and has to be sent again, 0 to 1.
    pub loss: f64,
}

/// The part of the settings that is about the process and not about the service.
pub const PROCESS: &str = "process";

/// Everything that can be set of a service, with the values that it starts with under these layers, later ones over
/// earlier ones. The error says which key or value the service would refuse.
pub fn resolve(service: Service, layers: &[Value]) -> Result<Value, serde_json::Error> {
    let mut settings = Value::Object(Map::new());
    for layer in layers {
        merge(&mut settings, layer);
    }
    let process: chassis::Process = match take_process(&mut settings) {
        Some(process) => serde_json::from_value(process)?,
        None => chassis::Process::default(),
    };
    let mut all = match service {
        Service::Gateway => typed::<gateway::Settings>(settings)?,
        Service::Checkout => typed::<checkout::Settings>(settings)?,
        Service::Inventory => typed::<inventory::Settings>(settings)?,
    };
    all[PROCESS] = serde_json::to_value(process)?;
    Ok(all)
}

/// Takes out how the process runs, if that is said.
pub fn take_process(settings: &mut Value) -> Option<Value> {
    settings.as_object_mut()?.remove(PROCESS)
}

fn typed<S>(settings: Value) -> Result<Value, serde_json::Error>
where
    S: serde::de::DeserializeOwned + serde::Serialize,
{
    serde_json::to_value(serde_json::from_value::<S>(settings)?)
}

/// Lays `patch` over `base`, table by table.
pub fn merge(base: &mut Value, patch: &Value) {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, patch) => *base = patch.clone(),
    }
}

/// Every value with its dotted key; a list is one value.
pub fn flat(settings: &Value) -> BTreeMap<String, Value> {
    fn walk(key: &str, value: &Value, all: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(table) => {
                for (name, value) in table {
                    let dot = if key.is_empty() { "" } else { "." };
                    walk(&format!("{key}{dot}{name}"), value, all);
                }
            }
            value => {
                all.insert(key.to_owned(), value.clone());
            }
        }
    }
    let mut all = BTreeMap::new();
    walk("", settings, &mut all);
    all
}

/// The patch that sets one dotted key.
pub fn patch(key: &str, value: Value) -> Value {
    let mut names = key.rsplit('.');
    let table =
        |name: &str, value: Value| Value::Object(Map::from_iter([(name.to_owned(), value)]));
    let last = names.next().map(|name| table(name, value));
    let whole = names.fold(last, |below, name| below.map(|below| table(name, below)));
    whole.unwrap_or_default()
}

/// Takes one dotted key out of a layer; false if it is not there.
pub fn remove(layer: &mut Value, key: &str) -> bool {
    let Some(table) = layer.as_object_mut() else {
        return false;
    };
    match key.split_once('.') {
        None => table.remove(key).is_some(),
        Some((name, rest)) => table.get_mut(name).is_some_and(|below| remove(below, rest)),
    }
}

/// What differs between two tables of resolved settings of a service that may be seen, by key.
pub fn changes(service: Service, before: &Value, after: &Value) -> Vec<SettingChange> {
    let (before, after) = (flat(before), flat(after));
    let changed = after.into_iter().filter_map(|(key, after)| {
        let before = before.get(&key).cloned().unwrap_or_default();
        let is_seen = before != after && !is_sealed(service, &key);
        is_seen.then_some(SettingChange { key, before, after })
    });
    changed.collect()
}

/// Whether a key selects code, as a release does, instead of configuring it: responders neither see it nor set it.
pub fn is_sealed(service: Service, key: &str) -> bool {
    let own: &[&str] = match service {
        Service::Gateway => &gateway::Settings::SEALED,
        Service::Checkout => &checkout::Settings::SEALED,
        Service::Inventory => &inventory::Settings::SEALED,
    };
    let of_process = key
        .strip_prefix(PROCESS)
        .and_then(|key| key.strip_prefix('.'));
    let of_process = of_process.is_some_and(|key| chassis::Process::SEALED.contains(&key));
    own.contains(&key) || of_process
}

/// The settings of each release of a service, resolved, oldest first: a release has those of the one before it, with its own over
/// them; all of them lie over `base`.
pub fn by_release<'a>(
    base: Value,
    releases: impl IntoIterator<Item = (&'a str, Value)>,
) -> Vec<(&'a str, Value)> {
    let mut all = base;
    let cumulative = releases.into_iter().map(|(release, own)| {
        merge(&mut all, &own);
        (release, all.clone())
    });
    cumulative.collect()
}

/// A value as it is written on the command line; all that it may mean, the likeliest first.
pub fn meanings(text: &str) -> Vec<Value> {
    let literal = serde_json::from_str(text)
        .ok()
        .filter(|value: &Value| !value.is_null());
    let absent = (text == "none").then_some(Value::Null);
    let plain = Value::String(text.to_owned());
    literal.into_iter().chain([plain]).chain(absent).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn later_layers_lie_over_earlier_ones_and_what_nobody_says_is_the_default() {
        let layers = [
            json!({"cache": {"ttl_ms": 300, "capacity": 10}, "readers": 4}),
            json!({"cache": {"ttl_ms": 5}, "process": {"workers": 3}}),
        ];
        let all = flat(&resolve(Service::Inventory, &layers).expect("known keys"));
        for (key, expected) in [
            ("cache.ttl_ms", json!(5)),
            ("cache.capacity", json!(10)),
            ("readers", json!(4)),
            ("process.workers", json!(3)),
            ("acquire_ms", json!(5_000)),
            ("packed_lines", Value::Null),
        ] {
            assert_eq!(all[key], expected, "{key}");
        }
    }

    #[test]
    fn what_a_service_would_refuse_is_refused() {
        for (layer, said) in [
            (json!({"cach": {}}), "unknown field `cach`"),
            (json!({"readers": "many"}), "invalid type"),
            (
                json!({"process": {"threads": 1}}),
                "unknown field `threads`",
            ),
        ] {
            let error = resolve(Service::Inventory, &[layer]).expect_err("refused");
            assert!(error.to_string().contains(said), "{error}");
        }
    }

    #[test]
    fn changes_are_told_by_key_with_numbers_as_numbers() {
        let base = resolve(Service::Gateway, &[]).expect("defaults");
        let layer = json!({"limiter": {"burst": 5000}, "pages": {"capacity": null}});
        let after = resolve(Service::Gateway, &[layer]).expect("known keys");
        let told: Vec<String> = changes(Service::Gateway, &base, &after)
            .into_iter()
            .map(|changed| format!("{} {} {}", changed.key, changed.before, changed.after))
            .collect();
        assert_eq!(
            told,
            ["limiter.burst 4000.0 5000.0", "pages.capacity 64 null"]
        );
        // The same number in another spelling is not a change.
        let same = resolve(Service::Gateway, &[json!({"limiter": {"burst": 4000}})]);
        let same = same.expect("known keys");
        assert_eq!(changes(Service::Gateway, &base, &same), []);
    }

    #[test]
    fn what_selects_code_is_a_key_of_its_service_and_no_change_that_is_seen() {
        for service in Service::ALL {
            let known = flat(&resolve(service, &[]).expect("defaults"));
            let sealed = known.keys().filter(|key| is_sealed(service, key)).count();
            let own = match service {
                Service::Gateway => gateway::Settings::SEALED.len(),
                Service::Checkout => checkout::Settings::SEALED.len(),
                Service::Inventory => inventory::Settings::SEALED.len(),
            };
            // A name that no setting has would seal nothing.
            assert_eq!(sealed, own + chassis::Process::SEALED.len(), "{service}");
        }
        let base = resolve(Service::Checkout, &[]).expect("defaults");
        let layer = json!({"cart_view": "until_paid", "readers": 1});
        let after = resolve(Service::Checkout, &[layer]).expect("known keys");
        let told = changes(Service::Checkout, &base, &after);
        let keys: Vec<&str> = told.iter().map(|change| change.key.as_str()).collect();
        assert_eq!(keys, ["readers"]);
    }

    #[test]
    fn keys_are_set_and_taken_out_one_by_one() {
        let mut layer = patch("cache.ttl_ms", json!(5));
        merge(&mut layer, &patch("readers", json!(1)));
        assert_eq!(layer, json!({"cache": {"ttl_ms": 5}, "readers": 1}));
        assert!(remove(&mut layer, "cache.ttl_ms"));
        assert!(!remove(&mut layer, "cache.ttl_ms"));
        assert_eq!(layer, json!({"cache": {}, "readers": 1}));
    }

    #[test]
    fn a_release_has_what_those_before_it_have() {
        let releases = [
            ("1", json!({"readers": 3})),
            ("2", json!({})),
            ("3", json!({"readers": 4, "cache": {"ttl_ms": 1}})),
        ];
        let all = by_release(json!({"schema": 1}), releases);
        assert_eq!(all[1], ("2", json!({"schema": 1, "readers": 3})));
        let last = json!({"schema": 1, "readers": 4, "cache": {"ttl_ms": 1}});
        assert_eq!(all[2], ("3", last));
    }

    #[test]
    fn words_mean_words_unless_they_are_numbers() {
        for (text, expected) in [
            ("5", vec![json!(5), json!("5")]),
            ("true", vec![json!(true), json!("true")]),
            ("uri", vec![json!("uri")]),
            ("none", vec![json!("none"), Value::Null]),
        ] {
            assert_eq!(meanings(text), expected, "{text}");
        }
    }
}
