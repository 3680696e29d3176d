//! The slots of a drill in their places: bound here, or taken from the managers of other containers.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use futures_util::future::join_all;
use shop_api::Service;
use tokio_util::sync::CancellationToken;

use super::log_file::LogFile;
use super::placement::Placement;
use super::port::{Choice, to_bind};
use super::remote::{Claim, Managers, Remote};
use super::slot::{Role, Slot};
use super::{Plan, instances};
use crate::error::Error;

/// All slots, and the managers among their places.
pub(super) struct Placed {
    pub(super) slots: Vec<Slot>,
    pub(super) remotes: Vec<Arc<Remote>>,
}

/// Makes the slots that the plan asks for.
pub(super) async fn slots(
    plan: &Plan,
    logs: &Path,
    environment: &[(String, String)],
    wanted: &CancellationToken,
) -> anyhow::Result<Placed> {
    match &plan.managers {
        None => Ok(Placed {
            slots: here(plan, logs, environment)?,
            remotes: Vec::new(),
        }),
        Some(managers) => there(plan, managers, logs, environment, wanted).await,
    }
}

fn here(plan: &Plan, logs: &Path, environment: &[(String, String)]) -> anyhow::Result<Vec<Slot>> {
    let mut slots = Vec::new();
    for (service, instance) in instances() {
        let choice = if service == Service::Gateway {
            plan.gateway
        } else {
            Choice::Free
        };
        let addr = to_bind(choice, "the gateway")?;
        let log = LogFile::open_late(logs, instance, plan.gaps.logs_late)?;
        let placement = Placement::here(addr, log)
            .with_context(|| format!("public socket of `{service}` at {addr}"))?;
        slots.push(Slot::new(
            Role::Service(service),
            instance.to_owned(),
            placement,
            environment.to_vec(),
        ));
    }
    Ok(slots)
}

async fn there(
    plan: &Plan,
    managers: &Managers,
    logs: &Path,
    environment: &[(String, String)],
    wanted: &CancellationToken,
) -> anyhow::Result<Placed> {
    let takes = instances().map(|(service, instance)| async move {
        let claim = Claim {
            run: plan.run.clone(),
            is_drill: plan.is_drill,
            wanted: wanted.clone(),
        };
        let log = LogFile::open_late(logs, instance, plan.gaps.logs_late)?;
        let remote = Remote::connect(managers, service, instance, claim, log).await?;
        anyhow::Ok((service, instance.to_owned(), Arc::new(remote)))
    });
    // All at once: waiting for one of them means waiting for all.
    let (mut taken, mut failed) = (Vec::new(), None);
    for outcome in join_all(takes).await {
        match outcome {
            Ok(place) => taken.push(place),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    let remotes: Vec<Arc<Remote>> = taken
        .iter()
        .map(|(_, _, remote)| Arc::clone(remote))
        .collect();
    if let Some(error) = failed {
        // A retry does not have to wait for these leases to end.
        join_all(remotes.iter().map(|remote| remote.release())).await;
        return Err(error);
    }
    let slot = |(service, instance, remote): (Service, String, Arc<Remote>)| {
        let placement = Placement::There(remote);
        Slot::new(
            Role::Service(service),
            instance,
            placement,
            environment.to_vec(),
        )
    };
    Ok(Placed {
        slots: taken.into_iter().map(slot).collect(),
        remotes,
    })
}

/// The manager that prepares the catalogue: the replicas of inventory share one folder, so one of them does.
pub(super) fn holder_of_the_catalogue(remotes: &[Arc<Remote>]) -> Option<&Arc<Remote>> {
    remotes
        .iter()
        .find(|remote| remote.service() == Service::Inventory)
}

/// The address at which services elsewhere reach what listens here at `addr`.
pub(super) fn seen_by_services(
    addr: SocketAddr,
    remotes: &[Arc<Remote>],
) -> anyhow::Result<SocketAddr> {
    let Some(remote) = remotes.first() else {
        return Ok(addr);
    };
    let seen = remote.seen_from_there()?;
    if addr.ip().is_loopback() && !seen.is_loopback() {
        return Err(Error::usage(
            "the services run on other hosts and cannot reach the payment provider on loopback",
            format!("let it listen on an address that they can reach: `--bind {seen}`"),
        )
        .into());
    }
    let ip = if addr.ip().is_unspecified() {
        seen
    } else {
        addr.ip()
    };
    Ok((ip, addr.port()).into())
}
