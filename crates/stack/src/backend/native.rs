//! Native backends: the real Jaeger and Prometheus, and an Alertmanager where there is one, started for one drill.
//!
//! Each is a child of a keeper (`keeper`), which is a child of the runner, so that none outlives it. One that ends by
//! itself is started again on its port: Prometheus goes on with its database, Jaeger's memory is lost.

pub(super) mod keeper;
mod member;
mod program;
mod settings;

use std::net::SocketAddr;
use std::sync::Arc;

use record::{BackendKind, Backends, Program, Urls};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use program::Wanted;

use super::probe::Probe;
use super::{Live, Ports};
use crate::error::Error;
use crate::port::{Choice, choose};
use crate::slot::Notice;
use member::{Member, Proof};
use program::Programs;
use settings::Places;

/// Another program may take a free port before the program binds it.
const ATTEMPTS: usize = 3;

/// Where the programs listen.
#[derive(Clone, Copy, Debug)]
struct Addresses {
    pub jaeger: SocketAddr,
    otlp_grpc: SocketAddr,
    otlp_http: SocketAddr,
    pub prometheus: SocketAddr,
    alertmanager: Option<SocketAddr>,
}

/// The running programs.
#[derive(Debug)]
pub struct Native {
    programs: Programs,
    at: Addresses,
    members: Vec<Arc<Member>>,
    supervisors: JoinSet<()>,
}

impl Native {
    /// Finds, configures and starts the programs, and waits until each answers as the one that was started.
    pub(super) async fn start(
        wanted: &Wanted,
        live: &Live<'_>,
        ports: Ports,
    ) -> anyhow::Result<Self> {
        let programs = program::find(wanted).await?;
        let mut attempt = 1;
        loop {
            match Self::launch(&programs, live, ports).await {
                Err(error) if attempt < ATTEMPTS && lost_a_port(&error) => attempt += 1,
                other => return other,
            }
        }
    }

    async fn launch(programs: &Programs, live: &Live<'_>, ports: Ports) -> anyhow::Result<Self> {
        let at = Addresses::choose(ports, programs.alertmanager.is_some())?;
        let members = members(programs, live, &at)?;
        let starts = members.iter().map(|member| member.start());
        let started = futures_util::future::join_all(starts).await;
        if let Some(error) = started.into_iter().find_map(Result::err) {
            futures_util::future::join_all(members.iter().map(|member| member.close())).await;
            return Err(error);
        }
        Ok(Self {
            programs: programs.clone(),
            at,
            members,
            supervisors: JoinSet::new(),
        })
    }

    /// Restarts each program whenever it exits unexpectedly.
    pub(super) fn supervise(&mut self, notices: &mpsc::Sender<Notice>) {
        for member in &self.members {
            let supervision = Arc::clone(member).supervise(notices.clone());
            self.supervisors.spawn(supervision);
        }
    }

    pub(super) fn urls(&self) -> Urls {
        Urls {
            gateway: String::new(),
            jaeger: format!("http://{}", self.at.jaeger),
            prometheus: format!("http://{}", self.at.prometheus),
            otlp_grpc: format!("http://{}", self.at.otlp_grpc),
            otlp_http: format!("http://{}", self.at.otlp_http),
            console: String::new(),
        }
    }

    pub(super) fn about(&self) -> Backends {
        let Programs {
            jaeger,
            prometheus,
            alertmanager,
        } = &self.programs;
        let programs = [Some(jaeger), Some(prometheus), alertmanager.as_ref()];
        let programs = programs.into_iter().flatten().map(|found| Program {
            name: found.name.to_owned(),
            version: found.version.clone(),
            path: Some(found.path.display().to_string()),
        });
        Backends {
            kind: BackendKind::Native,
            programs: programs.collect(),
            alertmanager: self.at.alertmanager.map(|at| format!("http://{at}")),
            targets: None,
        }
    }

    pub(super) async fn stop(mut self) {
        futures_util::future::join_all(self.members.iter().map(|member| member.close())).await;
        self.supervisors.shutdown().await;
    }
}

impl Addresses {
    fn choose(ports: Ports, has_alertmanager: bool) -> anyhow::Result<Self> {
        let alertmanager = has_alertmanager.then(|| choose(Choice::Free, "Alertmanager"));
        Ok(Self {
            jaeger: choose(ports.jaeger, "the Jaeger UI")?,
            otlp_grpc: choose(ports.otlp_grpc, "OTLP over gRPC")?,
            otlp_http: choose(ports.otlp_http, "OTLP over HTTP")?,
            prometheus: choose(ports.prometheus, "the Prometheus API")?,
            alertmanager: alertmanager.transpose()?,
        })
    }
}

fn members(
    programs: &Programs,
    live: &Live<'_>,
    at: &Addresses,
) -> anyhow::Result<Vec<Arc<Member>>> {
    let probe = Probe::new()?;
    let places = Places::of(live)?;
    let member = |found: &program::Found, arguments, proof| {
        let order = keeper::Order::Keep {
            program: keeper::Program {
                path: found.path.clone(),
                arguments,
            },
            run: live.run.to_owned(),
            // The last one to write into it removes it; it is harmless that both try.
            remove: Some(live.scratch.clone()),
        };
        Member::new(found.name, &order, proof, probe.clone(), &places.files)
    };
    let (jaeger, prometheus) = (at.jaeger, at.prometheus);
    let proof = Proof::Header {
        url: format!("http://{jaeger}/api/v3/services"),
        run: live.run.to_owned(),
    };
    let mut members = vec![member(
        &programs.jaeger,
        settings::jaeger(&places, live.run, at)?,
        proof,
    )?];
    let proof = Proof::Flag {
        ready: format!("http://{prometheus}/-/ready"),
        url: format!("http://{prometheus}/api/v1/status/flags"),
        data: places.prometheus_data(),
    };
    members.push(member(
        &programs.prometheus,
        settings::prometheus(&places, live, at)?,
        proof,
    )?);
    if let (Some(found), Some(at)) = (&programs.alertmanager, at.alertmanager) {
        let proof = Proof::Answer {
            url: format!("http://{at}/-/ready"),
        };
        members.push(member(
            found,
            settings::alertmanager(&places, live.pager.as_ref(), at)?,
            proof,
        )?);
    }
    Ok(members.into_iter().map(Arc::new).collect())
}

/// Whether a program did not come up because a port that was free is not free any more.
fn lost_a_port(error: &anyhow::Error) -> bool {
    let log = match error.downcast_ref::<Error>() {
        Some(Error::Start { log, .. }) => log.join("\n"),
        _ => return false,
    };
    log.contains("address already in use")
}
