//! Controls: what operators can do on a running service, such as emptying a cache.
//!
//! A service adds its controls when it is built; the admin port offers each below `/control/` to callers with the run's
//! token. Controls run on the service's runtime, where its database and its clients are.

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
use shop_api::problem::code;
use tokio::runtime::Handle;

use crate::Problem;

/// Timeout of a control; while all workers of the service are blocked, it does not run.
const TIMEOUT: Duration = Duration::from_secs(20);

type ControlFuture = Pin<Box<dyn Future<Output = Result<Value, Problem>> + Send>>;
type Control = Arc<dyn Fn(Value) -> ControlFuture + Send + Sync>;

/// The arguments of a control without arguments.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoArguments {}

/// The result of a control: how many entries, messages or clients it affected.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Count {
    /// Number of affected items.
    pub count: usize,
}

/// The controls of a service, by name.
#[derive(Clone, Default)]
pub struct Controls(BTreeMap<&'static str, Control>);

impl fmt::Debug for Controls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Controls {
    /// Adds a control. It takes its arguments from a JSON object and returns JSON.
    pub(crate) fn add<A, T, F>(
        &mut self,
        name: &'static str,
        work: impl Fn(A) -> F + Send + Sync + 'static,
    ) where
        A: DeserializeOwned,
        T: Serialize,
        F: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        let work = move |arguments: Value| -> ControlFuture {
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

    /// Runs a control; an empty body means no arguments.
    pub async fn call(&self, name: &str, body: &[u8]) -> Result<Value, Problem> {
        let work = self.0.get(name).ok_or_else(|| unknown(name))?;
        let arguments = match body {
            [] => Value::Object(serde_json::Map::new()),
            body => {
                serde_json::from_slice(body).map_err(|error| Problem::invalid(error.to_string()))?
            }
        };
        let answer = work(arguments).await?;
        tracing::info!(control.name = name, "ran the control `{name}`");
        Ok(answer)
    }
}

/// The controls as the admin port sees them: none until the service is built.
#[derive(Debug, Clone)]
pub(crate) struct OfferedControls {
    service: Handle,
    controls: Arc<OnceLock<Controls>>,
}

impl OfferedControls {
    /// No controls yet.
    pub(crate) fn new(service: Handle) -> Self {
        Self {
            service,
            controls: Arc::default(),
        }
    }

    /// Offers the controls of the service.
    pub(crate) fn set(&self, controls: Controls) {
        // A service is built once.
        let _ = self.controls.set(controls);
    }

    /// Runs a control on the service's runtime.
    pub(crate) async fn call(&self, name: String, body: bytes::Bytes) -> Result<Value, Problem> {
        let controls = self.controls.get().cloned();
        let controls = controls.ok_or_else(|| Problem::unavailable(code::NOT_READY, 1))?;
        let work = self
            .service
            .spawn(async move { controls.call(&name, &body).await });
        match tokio::time::timeout(TIMEOUT, work).await {
            Ok(Ok(answer)) => answer,
            // The panic hook has logged the panic.
            Ok(Err(error)) => Err(Problem::internal(error)),
            Err(_) => Err(Problem::deadline()),
        }
    }
}

fn unknown(name: &str) -> Problem {
    let detail = format!("this service has no control `{name}`");
    Problem::new(
        StatusCode::NOT_FOUND,
        code::UNKNOWN_CONTROL,
        "Control not found",
    )
    .detail(detail)
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
    async fn a_control_gets_its_arguments_and_an_unknown_name_is_not_found() {
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
