//! `firedrill open`: the evidence of an ended run, in the same Jaeger UI and Prometheus API, with no service running.

use std::path::Path;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::drill::{Open, Ports};
use crate::console::Console;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::session::Urls;
use crate::stack::backend::{self, Backend, Work};
use crate::stack::log_file::LogFile;

/// Serves the run until it is interrupted.
pub(super) fn run(context: &Context, args: &Open) -> anyhow::Result<Outcome> {
    let folder = match &args.run {
        Some(run) => context.state.run_folder(run)?,
        None => context.state.evidence(None)?,
    };
    if context
        .state
        .find()?
        .is_some_and(|session| session.folder == folder)
    {
        return Err(Error::usage(
            "this run is still running",
            "`firedrill status` shows where its evidence is",
        )
        .into());
    }
    let json = args.format.json;
    serve(&context.console, &folder, args.ports, |urls| {
        if json {
            let event = serde_json::json!({"event": "ready", "run": run_of(&folder), "urls": {"jaeger": urls.jaeger, "prometheus": urls.prometheus}});
            return Ok(format!("{event}\n"));
        }
        Ok(format!(
            "run {}\n\n  traces   {}/search\n  metrics  {}/graph\n  folder   {}\n\nCtrl-C ends it.\n",
            run_of(&folder),
            urls.jaeger,
            urls.prometheus,
            folder.display()
        ))
    })
}

/// Starts the backends over a recorded run, prints what `text` makes of their addresses, and stays until interrupted.
pub(super) fn serve(
    console: &Console,
    folder: &Path,
    ports: Ports,
    text: impl FnOnce(&Urls) -> anyhow::Result<String>,
) -> anyhow::Result<Outcome> {
    let ports = match ports {
        Ports::Standard => backend::Ports::well_known(),
        Ports::Auto => backend::Ports::free(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("runtime")?;
    runtime.block_on(async {
        let mut interrupts = signal(SignalKind::interrupt()).context("interrupt signal")?;
        let mut terminations = signal(SignalKind::terminate()).context("termination signal")?;
        let progress = console.progress("loading the run");
        let work = Work {
            run: &run_of(folder),
            folder,
            live: None,
        };
        let backend = Backend::start(work, ports, LogFile::in_memory("backend")).await?;
        drop(progress);
        console.print(&text(&backend.urls())?)?;
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

/// The id of the run that a folder holds.
pub(super) fn run_of(folder: &Path) -> String {
    folder
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
