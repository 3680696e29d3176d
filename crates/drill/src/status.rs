//! What `status` shows: what runs, how it does, what was paged.

use futures_util::future::join_all;
use grader::evidence::red;
use shop_api::Service;
use time::Duration;

use crate::api::{Dropped, Sli, Status};
use crate::clock::now;
use crate::drill::Drill;

/// What the indicators cover.
const WINDOW: Duration = Duration::seconds(30);

/// The drill as it stands.
pub(crate) async fn status(drill: &Drill) -> Status {
    let (phase, pages) = drill.course(|course| (course.phase(), course.pages().to_vec()));
    let slis = join_all(Service::ALL.map(async |service| Sli {
        service: service.to_string(),
        red: red(&drill.sources.prometheus, service.name(), now(), WINDOW).await,
    }));
    Status {
        run: drill.scribe.run().to_owned(),
        phase: phase.name().to_owned(),
        started: drill.scribe.head.started,
        up_s: drill.up_since.elapsed().as_secs_f64(),
        pages,
        slis: slis.await,
        dropped: Dropped::ask(drill.sources.prometheus.base()).await,
        actions: drill.operator.deploys.actions(),
        blocked: drill.operator.shop.fleet.blocked(),
        services: drill.instances().await,
    }
}
