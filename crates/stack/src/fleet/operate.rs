//! What is done to the processes that run, instead of swapping them: controls of their admin ports.
//!
//! A list that a process is given this way is configuration, too: whatever is started later gets it at its start.

use std::time::Duration;

use anyhow::{Context, bail};
use gateway::blocked::Clients;
use serde::Deserialize;
use serde_json::{Value, json};
use settings::merge;
use shop_api::Service;

use super::Fleet;
use super::halfway::Halfway;
use crate::slot::Slot;

/// A control waits at most 20 s for its turn; a manager in between adds little.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// The setting in which the gateway has the clients that it turns away.
pub(crate) const BLOCKED: &str = "blocked";

/// What a control answers.
#[derive(Deserialize)]
struct Done {
    count: u64,
}

impl Fleet {
    /// Carries a control out on every instance of `service`; gives what they count in all.
    pub async fn control(
        &self,
        service: Service,
        name: &str,
        arguments: &Value,
    ) -> anyhow::Result<u64> {
        let _turn = self.pipeline.lock().await;
        self.ask(service, name, arguments).await
    }

    /// Blocks a client at the edge or lets it in again; false if that was so already.
    pub async fn set_blocked(&self, client: &str, is_blocked: bool) -> anyhow::Result<bool> {
        let _turn = self.pipeline.lock().await;
        let before = self.blocked();
        let mut clients = before.clone();
        clients.retain(|name| name != client);
        if is_blocked {
            clients.push(client.to_owned());
        }
        Clients::try_from(clients.clone()).map_err(Refused)?;
        if clients.len() == before.len() {
            return Ok(false);
        }
        // For what starts from now on first, so that a process that comes back meanwhile has it as well.
        self.keep_blocked(&clients).await?;
        let told = self
            .ask(Service::Gateway, "block", &json!({"clients": clients}))
            .await;
        if told.is_err() {
            self.keep_blocked(&before).await?;
        }
        told.map(|_| true)
    }

    /// The clients that are blocked.
    pub fn blocked(&self) -> Vec<String> {
        let kept = self.responder_layer.lock();
        let clients = kept
            .get(&Service::Gateway)
            .map(|kept| kept[BLOCKED].clone());
        // Written below and nowhere else.
        clients
            .and_then(|clients| serde_json::from_value(clients).ok())
            .unwrap_or_default()
    }

    async fn keep_blocked(&self, clients: &[String]) -> anyhow::Result<()> {
        merge(
            self.responder_layer
                .lock()
                .entry(Service::Gateway)
                .or_insert_with(|| json!({})),
            &json!({BLOCKED: clients}),
        );
        self.reconfigure(&self.slots_of(Service::Gateway)?).await
    }

    async fn ask(&self, service: Service, name: &str, arguments: &Value) -> anyhow::Result<u64> {
        let (mut count, mut done) = (0, Vec::new());
        for slot in self.slots_of(service)? {
            match self.ask_one(&slot, name, arguments).await {
                Ok(more) => count += more,
                Err(error) => return Err(Halfway::after(done, error)),
            }
            done.push(slot.instance.clone());
        }
        Ok(count)
    }

    /// Carries a control out on one instance.
    pub(super) async fn ask_one(
        &self,
        slot: &Slot,
        name: &str,
        arguments: &Value,
    ) -> anyhow::Result<u64> {
        let instance = &slot.instance;
        let http = crate::http::client()
            .timeout(ANSWER_WITHIN)
            .build()
            .context("HTTP client")?;
        let view = slot
            .view()
            .await
            .with_context(|| format!("`{instance}` is not running"))?;
        let answer = http
            .post(format!("http://{}/control/{name}", view.admin))
            .bearer_auth(&self.common.token)
            .json(arguments)
            .send()
            .await
            .map_err(reqwest::Error::without_url)
            .with_context(|| format!("admin port of `{instance}`"))?;
        let status = answer.status();
        if !status.is_success() {
            let said = answer.text().await.unwrap_or_default();
            bail!("`{instance}` refuses `{name}`: {status}: {}", said.trim());
        }
        let done: Done = answer
            .json()
            .await
            .with_context(|| format!("answer of `{instance}`"))?;
        Ok(done.count)
    }
}

/// Why something cannot be done, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub(crate) String);
