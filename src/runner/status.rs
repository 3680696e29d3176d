//! What `firedrill status` shows: what runs, how it does, what was paged.

use grader::evidence::Sources;
use record::{Action, instant};
use shop_api::Service;

use super::drill::Drill;
use crate::clock::now;
use crate::control::{Sli, Status, Taken};

impl Drill {
    /// The drill as it stands.
    pub(crate) async fn status(&self) -> Status {
        let (phase, pages) = self.update(|state| (state.phase, state.pages.clone()));
        let taken = |action: Action| Taken {
            at: instant::text(action.at),
            what: action.what,
        };
        let slis =
            futures_util::future::join_all(Service::ALL.map(|service| sli(&self.sources, service)));
        Status {
            run: self.run(),
            phase: phase.name().to_owned(),
            started: instant::text(self.started.0),
            up_s: self.started.1.elapsed().as_secs_f64(),
            pages,
            slis: slis.await,
            actions: self.deploys.actions().into_iter().map(taken).collect(),
            blocked: self.fleet.blocked(),
            services: self.instances().await,
        }
    }
}

async fn sli(sources: &Sources, service: Service) -> Sli {
    let requests = format!("http_server_request_duration_seconds_count{{service=\"{service}\"}}");
    let errors = format!(
        "http_server_request_duration_seconds_count{{service=\"{service}\",http_response_status_code=~\"5..\"}}"
    );
    let buckets = format!("http_server_request_duration_seconds_bucket{{service=\"{service}\"}}");
    let (rate, errors, p99_s) = tokio::join!(
        number(sources, format!("sum(rate({requests}[30s]))")),
        number(
            sources,
            format!("(sum(rate({errors}[30s])) or vector(0)) / sum(rate({requests}[30s]))")
        ),
        number(
            sources,
            format!("histogram_quantile(0.99, sum by (le) (rate({buckets}[30s])))")
        ),
    );
    Sli {
        service: service.to_string(),
        rate,
        errors,
        p99_s,
    }
}

/// One number, or nothing where there is none yet or Prometheus does not answer.
async fn number(sources: &Sources, expr: String) -> Option<f64> {
    let value = sources.prometheus.query(&expr, now()).await.ok()?;
    value.single().filter(|value| value.is_finite())
}
