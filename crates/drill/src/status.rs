//! What `status` shows: what runs, how it does, what was paged.

use futures_util::future::join_all;
use grader::evidence::Sources;
use shop_api::Service;

use crate::api::{Sli, Status};
use crate::clock::now;
use crate::drill::Drill;

/// The drill as it stands.
pub(crate) async fn status(drill: &Drill) -> Status {
    let (phase, pages) = drill.course(|course| (course.phase(), course.pages().to_vec()));
    let slis = join_all(Service::ALL.map(|service| sli(&drill.sources, service)));
    Status {
        run: drill.scribe.run().to_owned(),
        phase: phase.name().to_owned(),
        started: drill.scribe.head.started,
        up_s: drill.up_since.elapsed().as_secs_f64(),
        pages,
        slis: slis.await,
        actions: drill.operator.deploys.actions(),
        blocked: drill.operator.shop.fleet.blocked(),
        services: drill.instances().await,
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
