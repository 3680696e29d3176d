//! The settings that processes run with: where each comes from, and changes of them while the shop runs.

use std::collections::BTreeMap;

use anyhow::Context;
use parking_lot::Mutex;
use record::{Origin, Setting, SettingChange};
use serde_json::{Value, json};
use settings::{changes, flat, is_sealed, meanings, merge, patch, remove, resolve};
use shop_api::Service;
use text::nearest;

use super::Fleet;
use super::halfway::Halfway;
use super::operate::BLOCKED;

/// From the lowest layer to the highest.
const LAYERS: [Origin; 3] = [Origin::Release, Origin::Pushed, Origin::Responder];

/// A change of settings that cannot be, in words, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// What cannot be.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Fleet {
    /// Every setting of the release that `service` runs, but for what is sealed.
    pub fn settings(&self, service: Service, release: &str) -> anyhow::Result<Vec<Setting>> {
        let layers = self.layers(service, release)?;
        let defaults = flat(&resolve(service, &[])?);
        let said: Vec<_> = layers.iter().map(flat).collect();
        let origin = |key: &str| {
            let last = said.iter().rposition(|layer| layer.contains_key(key));
            last.map_or(Origin::Default, |at| LAYERS[at])
        };
        let all = flat(&resolve(service, &layers)?).into_iter();
        let all = all.filter(|(key, _)| !is_sealed(service, key));
        let setting = |(key, value): (String, Value)| {
            let from = origin(&key);
            let brought = (from == Origin::Release).then(|| self.brought(service, release, &key));
            Setting {
                default: defaults.get(&key).cloned().unwrap_or_default(),
                release: brought,
                from,
                key,
                value,
            }
        };
        Ok(all.map(setting).collect())
    }

    /// The release that brought what `release` says of a key: the oldest from which on all releases say the same.
    fn brought(&self, service: Service, release: &str, key: &str) -> String {
        let version = |name: &str| -> Vec<u32> {
            let parts = name.split('.').map(|part| part.parse().unwrap_or(0));
            parts.collect()
        };
        let own = self.releases.iter().filter(|((of, _), _)| *of == service);
        let mut older: Vec<_> = own
            .map(|((_, name), settings)| (version(name), name, flat(settings).remove(key)))
            .filter(|(at, ..)| *at <= version(release))
            .collect();
        older.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        let value = older.last().and_then(|(.., value)| value.clone());
        let same = older.iter().rev().take_while(|(.., said)| *said == value);
        let oldest = same.last().map(|(_, name, _)| (*name).clone());
        oldest.unwrap_or_else(|| release.to_owned())
    }

    /// What processes of `service` run with differently under `after` than under `before`, both releases of it.
    pub fn release_changes(
        &self,
        service: Service,
        before: &str,
        after: &str,
    ) -> anyhow::Result<Vec<SettingChange>> {
        let of = |release| anyhow::Ok(resolve(service, &self.layers(service, release)?)?);
        Ok(changes(service, &of(before)?, &of(after)?))
    }

    /// Pushes configuration to `service`, as its owners do, over what they pushed before, and swaps its instances; gives what
    /// that changed.
    pub async fn push(
        &self,
        service: Service,
        release: &str,
        settings: Value,
    ) -> anyhow::Result<Vec<SettingChange>> {
        let _turn = self.pipeline.lock().await;
        let mut kept = layer_of(&self.owner_layer, service);
        merge(&mut kept, &settings);
        self.replace_layer(service, release, &self.owner_layer, kept)
            .await
    }

    /// Sets these keys for the responder and swaps the instances; gives what that changed, nothing where all was so.
    pub async fn set(
        &self,
        service: Service,
        release: &str,
        pairs: &BTreeMap<String, String>,
    ) -> anyhow::Result<Vec<SettingChange>> {
        let _turn = self.pipeline.lock().await;
        let mut kept = layer_of(&self.responder_layer, service);
        let layers = self.layers(service, release)?;
        for (key, text) in pairs {
            settable(service, key)?;
            let attempt = |value: Value| {
                let mut tried = kept.clone();
                merge(&mut tried, &patch(key, value));
                let [release, pushed, _] = &layers;
                let layers = [release.clone(), pushed.clone(), tried.clone()];
                resolve(service, &layers).map(|_| tried)
            };
            let mut tries = meanings(text).into_iter().map(attempt);
            let first = tries.next().context("a word means something")?;
            kept = match first {
                Ok(kept) => kept,
                Err(error) => tries.find_map(Result::ok).ok_or_else(|| Refused {
                    message: format!("`{key}` of `{service}` cannot be `{text}`: {error}"),
                    hint: format!("`firedrill config show {service}` shows its value"),
                })?,
            };
        }
        self.replace_layer(service, release, &self.responder_layer, kept)
            .await
    }

    /// Takes back what the responder set of these keys; gives what that changed.
    pub async fn unset(
        &self,
        service: Service,
        release: &str,
        keys: &[String],
    ) -> anyhow::Result<Vec<SettingChange>> {
        let _turn = self.pipeline.lock().await;
        let mut kept = layer_of(&self.responder_layer, service);
        for key in keys {
            settable(service, key)?;
            if !remove(&mut kept, key) {
                let message = format!("`{key}` of `{service}` was not set with `config set`");
                let hint =
                    format!("`firedrill config show {service}` shows where each value comes from");
                return Err(Refused { message, hint }.into());
            }
        }
        self.replace_layer(service, release, &self.responder_layer, kept)
            .await
    }

    /// What lies over the defaults: the release's own settings, what was pushed, what the responder set.
    pub(super) fn layers(&self, service: Service, release: &str) -> anyhow::Result<[Value; 3]> {
        let key = (service, release.to_owned());
        let own = self
            .releases
            .get(&key)
            .with_context(|| format!("`{service}` has no release `{release}`"))?;
        Ok([
            own.clone(),
            layer_of(&self.owner_layer, service),
            layer_of(&self.responder_layer, service),
        ])
    }

    /// Puts a layer of `service` in place and swaps its instances if that changes anything. The caller has the pipeline.
    async fn replace_layer(
        &self,
        service: Service,
        release: &str,
        layers: &Mutex<BTreeMap<Service, Value>>,
        layer: Value,
    ) -> anyhow::Result<Vec<SettingChange>> {
        let put = |layer: Option<Value>| {
            let mut layers = layers.lock();
            match layer {
                Some(layer) => layers.insert(service, layer),
                None => layers.remove(&service),
            }
        };
        let resolved = || anyhow::Ok(resolve(service, &self.layers(service, release)?)?);
        let before = resolved()?;
        let former = put(Some(layer));
        let after = resolved()?;
        if before == after {
            return Ok(Vec::new());
        }
        if let Err(error) = self.renew(service).await {
            // What did not come up with the new settings runs on with the old; what did is taken back.
            put(former);
            return Err(match self.renew(service).await {
                Ok(()) => Halfway::less(error, |_| true),
                Err(back) => {
                    let done = back.downcast_ref::<Halfway>().map(|back| &*back.done);
                    let done = done.unwrap_or_default();
                    Halfway::less(error, |instance| done.iter().any(|one| one == instance))
                }
            });
        }
        Ok(changes(service, &before, &after))
    }
}

/// What a layer says of a service.
fn layer_of(layers: &Mutex<BTreeMap<Service, Value>>, service: Service) -> Value {
    let layers = layers.lock();
    layers.get(&service).cloned().unwrap_or_else(|| json!({}))
}

/// Whether a key is one that can be set, in words if not.
fn settable(service: Service, key: &str) -> anyhow::Result<()> {
    if key == BLOCKED {
        let message = format!("`{BLOCKED}` cannot be set with `config set`");
        let hint = "use `firedrill block` and `unblock`".to_owned();
        return Err(Refused { message, hint }.into());
    }
    let mut known = flat(&resolve(service, &[])?);
    known.retain(|key, _| !is_sealed(service, key));
    if known.contains_key(key) {
        return Ok(());
    }
    let table = format!("{key}.");
    let inside: Vec<&str> = known
        .keys()
        .map(String::as_str)
        .filter(|known| known.starts_with(&table))
        .collect();
    let message = match inside.first() {
        Some(first) => {
            format!("`{key}` of `{service}` is a table; set a key in it, such as `{first}`")
        }
        None => format!("`{service}` has no setting `{key}`"),
    };
    let hint = match nearest(key, known.keys().map(String::as_str)).first() {
        Some(near) if inside.is_empty() => format!("did you mean `{near}`?"),
        _ => format!("`firedrill config show {service}` lists them"),
    };
    Err(Refused { message, hint }.into())
}
