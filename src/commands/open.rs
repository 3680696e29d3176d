//! `firedrill open`: the evidence of an ended run, in the same Jaeger UI and Prometheus API, with no service running.

use std::path::Path;

use anyhow::Context as _;
use record::{Urls, run_of};
use stack::backend::{self, Backend};
use tokio::signal::unix::{SignalKind, signal};

use stack::port::Choice;

use super::console::{self, Console, Execute};
use super::run::LOCAL_TIME;
use crate::cli::drill::{Open, Ports};
use crate::context::{Context, Opened};
use crate::error::Outcome;
use crate::recorded::ForeignBackends;
use crate::terminal::Terminal;

/// Serves the run until it is interrupted.
pub(super) fn run(context: &Context, args: &Open, execute: Execute) -> anyhow::Result<Outcome> {
    let hint = "`firedrill status` shows where its evidence is";
    let folder = context.ended(args.run.as_deref(), hint)?;
    if let Some(foreign) = ForeignBackends::of(&folder) {
        return Err(foreign.refusal(&run_of(&folder)).into());
    }
    let json = args.format.json;
    let port = match args.ports {
        Ports::Standard => Choice::Preferred(console::PORT),
        Ports::Auto => Choice::Free,
    };
    serve(&context.terminal, &folder, args.ports, |urls| {
        let opened = Opened {
            folder: folder.clone(),
            urls: urls.clone(),
        };
        let place = context.again(context.terminal.clone()).opening(opened);
        let console = Console::start(&place, port, execute)?.url();
        if json {
            let event = serde_json::json!({"event": "ready", "run": run_of(&folder), "urls": {"jaeger": urls.jaeger, "prometheus": urls.prometheus, "console": console}});
            return Ok(format!("{event}\n"));
        }
        Ok(format!(
            "run {}\n\n  console  {console}\n  traces   {}/search  {LOCAL_TIME}\n  metrics  {}/graph\n  folder   {}\n\nCtrl-C ends it.\n",
            run_of(&folder),
            urls.jaeger,
            urls.prometheus,
            folder.display()
        ))
    })
}

/// Starts the backends over a recorded run, prints what `text` makes of their addresses, and stays until interrupted.
pub(super) fn serve(
    terminal: &Terminal,
    folder: &Path,
    ports: Ports,
    text: impl FnOnce(&Urls) -> anyhow::Result<String>,
) -> anyhow::Result<Outcome> {
    let ports = match ports {
        Ports::Standard => backend::Ports::well_known(),
        Ports::Auto => backend::Ports::free(),
    };
    let runtime = crate::runtime::on_this_thread()?;
    runtime.block_on(async {
        let mut interrupts = signal(SignalKind::interrupt()).context("interrupt signal")?;
        let mut terminations = signal(SignalKind::terminate()).context("termination signal")?;
        let progress = terminal.progress("loading the run");
        let backend = Backend::replay(&run_of(folder), folder, ports).await?;
        drop(progress);
        terminal.print(&text(&backend.urls())?)?;
        let ended = backend.exited();
        tokio::select! {
            _ = interrupts.recv() => {}
            _ = terminations.recv() => {}
            _ = ended => anyhow::bail!("the backend ended"),
        }
        backend.stop().await;
        Ok(Outcome::Done)
    })
}
