//! The incident console: one page in the browser on which an incident is worked.
//!
//! ```text
//! browser ─► access: token, origin, role ─► page: one document, its scripts
//!                                        ├► call: /api/COMMAND ─► clap ─► the command ─► its JSON
//!                                        ├► incident, draft: what a page needs and a terminal has
//!                                        └► events: the incident, whenever it changed
//! ```
//! The API is the command line over HTTP: what the page shows is what the terminal prints with `--json`, because the same
//! code answers both. So there is nothing that only one of them can do, and nothing in which they can disagree.

mod access;
mod call;
mod command;
mod draft;
mod incident;
mod openapi;
mod page;
mod server;

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use parking_lot::Mutex;
use record::{Urls, run_of};
use stack::backend::{self, Backend};
use stack::port::{self, Choice};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Command;
use crate::context::{Context, Opened};
use crate::error::Outcome;
use crate::terminal::Terminal;
use access::Tokens;

/// The console's well-known port.
pub(super) const PORT: u16 = 8088;

/// Runs a command: what the console asks for is done by what a terminal would have asked.
pub(super) type Execute = fn(&Context, Command) -> anyhow::Result<Outcome>;

/// A console that is being served, until its process ends.
#[derive(Debug)]
pub(super) struct Console {
    desk: Arc<Desk>,
    /// Its address, without a path.
    origin: String,
}

/// What every request is answered from.
#[derive(Debug)]
struct Desk {
    /// The place that commands are run in.
    context: Context,
    /// The ended run that is shown; none while a drill runs.
    opened: Mutex<Option<Opened>>,
    tokens: Tokens,
    execute: Execute,
    /// Whether a page was opened: then someone may still be reading when the drill is over.
    was_visited: AtomicBool,
}

impl Console {
    /// Listens and serves, on a thread of its own.
    pub(super) fn start(context: &Context, port: Choice, execute: Execute) -> anyhow::Result<Self> {
        let addr = port::to_bind(port, "the console")?;
        let listener = TcpListener::bind(addr).context("port of the console")?;
        let addr = listener.local_addr().context("port of the console")?;
        let (terminal, _) = Terminal::kept();
        let desk = Arc::new(Desk {
            context: context.again(terminal),
            opened: Mutex::new(context.opened.clone()),
            tokens: Tokens::random(addr.port()),
            execute,
            was_visited: AtomicBool::new(false),
        });
        server::start(listener, addr, Arc::clone(&desk))?;
        Ok(Self {
            desk,
            origin: format!("http://{addr}"),
        })
    }

    /// The address to open, which lets a responder in.
    pub(super) fn url(&self) -> String {
        self.desk.tokens.link(&self.origin, access::Role::Responder)
    }

    /// From now on an ended run is shown.
    pub(super) fn open(&self, folder: &Path, urls: &Urls) {
        *self.desk.opened.lock() = Some(Opened {
            folder: folder.to_owned(),
            urls: urls.clone(),
        });
    }

    /// Goes on with the run that has just ended, for whoever has the page open, until interrupted. Returns at once if no
    /// page was opened, or if there is nothing on record.
    pub(super) fn linger(&self, context: &Context) -> anyhow::Result<()> {
        if !self.desk.was_visited.load(Ordering::Relaxed) {
            return Ok(());
        }
        let folder = context.evidence(None)?;
        if crate::recorded::ForeignBackends::of(&folder).is_some() {
            return Ok(());
        }
        let runtime = crate::runtime::on_this_thread()?;
        runtime.block_on(async {
            let mut interrupts = signal(SignalKind::interrupt()).context("interrupt signal")?;
            let mut terminations = signal(SignalKind::terminate()).context("termination signal")?;
            let run = run_of(&folder);
            let backend = Backend::replay(&run, &folder, backend::Ports::free()).await?;
            self.open(&folder, &backend.urls());
            let note = format!(
                "the console at {} still shows this run; Ctrl-C ends it",
                self.origin
            );
            context.terminal.note(&note);
            let ended = backend.exited();
            tokio::select! {
                _ = interrupts.recv() => {}
                _ = terminations.recv() => {}
                _ = ended => {}
            }
            // A request in flight gets this long to be answered.
            tokio::time::sleep(Duration::from_millis(50)).await;
            backend.stop().await;
            Ok(())
        })
    }
}

impl Desk {
    /// A place for one command; `looks` says whether what it reads counts as opened by the responder.
    fn context(&self, terminal: Terminal, looks: bool) -> Context {
        let mut context = self.context.again(terminal);
        context.looks = looks;
        context.opened = self.opened.lock().clone();
        context
    }
}
