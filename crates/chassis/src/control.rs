//! What a service lets its operators do to it while it runs, such as dropping what it has cached.
//!
//! A service names its controls when it is built; the admin port offers each below `/control/` to whoever has the
//! run's token. The work runs on the service's own runtime, where its database and its clients live.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::StatusCode;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::runtime::Handle;

use crate::Problem;

/// How long the work may take; a service whose workers are all held does not get to it.
const WITHIN: Duration = Duration::from_secs(20);

type Answer = Pin<Box<dyn Future<Output = Result<Value, Problem>> + Send>>;
type Work = Arc<dyn Fn(Value) -> Answer + Send + Sync>;

/// The arguments of a control that takes none.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// What a control answers: how many things it was about.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Done {
    /// How many.
    pub count: usize,
}

/// The controls of a service, by name.
#[derive(Clone, Default)]
pub struct Controls(BTreeMap<&'static str, Work>);

impl fmt::Debug for Controls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Controls {
    /// Adds one. Its arguments come as a JSON object, its answer goes out as JSON.
    pub(crate) fn add<A, T, F>(
        &mut self,
        name: &'static str,
        work: impl Fn(A) -> F + Send + Sync + 'static,
    ) where
        A: DeserializeOwned,
        T: Serialize,
        F: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        let work = move |arguments: Value| -> Answer {
            let arguments = match serde_json::from_value(arguments) {
                Ok(arguments) => arguments,
                Err(error) => {
                    let refusal = Problem::invalid(error.to_string());
                    return Box::pin(async { Err(refusal) });
                }
            };
            let answer = work(arguments);
            Box::pin(async move { serde_json::to_value(answer.await?).map_err(Problem::internal) })
        };
        self.0.insert(name, Arc::new(work));
    }

    /// Does what is asked for; an empty body stands for no arguments.
    pub async fn call(&self, name: &str, body: &[u8]) -> Result<Value, Problem> {
        let work = self.0.get(name).ok_or_else(|| unknown(name))?;
        let arguments = match body {
            [] => Value::Object(serde_json::Map::new()),
            body => {
                serde_json::from_slice(body).map_err(|error| Problem::invalid(error.to_string()))?
            }
        };
        let answer = work(arguments).await?;
        tracing::info!(control.name = name, "carried out the control `{name}`");
        Ok(answer)
    }
}

/// What the admin port has of them: nothing until the service is built.
#[derive(Debug, Clone)]
pub(crate) struct Offered {
    service: Handle,
    controls: Arc<OnceLock<Controls>>,
}

impl Offered {
    /// None yet.
    pub(crate) fn new(service: Handle) -> Self {
        Self {
            service,
            controls: Arc::default(),
        }
    }

    /// Offers them from now on.
    pub(crate) fn set(&self, controls: Controls) {
        // A service is built once.
        let _ = self.controls.set(controls);
    }

    /// Does what is asked for, on the service's runtime.
    pub(crate) async fn call(&self, name: String, body: bytes::Bytes) -> Result<Value, Problem> {
        let controls = self.controls.get().cloned();
        let controls = controls.ok_or_else(|| Problem::unavailable("not-ready", 1))?;
        let work = self
            .service
            .spawn(async move { controls.call(&name, &body).await });
        match tokio::time::timeout(WITHIN, work).await {
            Ok(Ok(answer)) => answer,
            // A panic was logged by the hook.
            Ok(Err(error)) => Err(Problem::internal(error)),
            Err(_) => Err(Problem::deadline()),
        }
    }
}

fn unknown(name: &str) -> Problem {
    let title = "The service has no such control";
    Problem::new(StatusCode::NOT_FOUND, "no-control", title).detail(format!("not `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Add {
        #[serde(default)]
        by: u32,
    }

    #[tokio::test]
    async fn a_control_gets_its_arguments_and_an_unknown_one_is_refused() {
        let mut controls = Controls::default();
        controls.add("add", async |add: Add| Ok(40 + add.by));
        for (name, body, expected) in [
            ("add", "", Ok(Value::from(40))),
            ("add", r#"{"by":2}"#, Ok(Value::from(42))),
            ("add", r#"{"to":2}"#, Err(400)),
            ("add", "{", Err(400)),
            ("drop", "", Err(404)),
        ] {
            let answer = controls.call(name, body.as_bytes()).await;
            let answer = answer.map_err(|problem| problem.status().as_u16());
            assert_eq!(answer, expected, "{name} {body}");
        }
    }
}
