//! The release binary as a process: started, listened to, ended by its id.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

/// A stack that is not up by then never will be; the first one of all prepares the catalogue.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(120);
/// Longer than the runner itself waits for its children.
const ENDED_WITHIN: Duration = Duration::from_secs(30);

/// Folders of our own for everything that the binary writes; removed at the end.
#[derive(Debug)]
pub(crate) struct Home {
    root: tempfile::TempDir,
}

impl Home {
    /// An empty home whose cache is filled, so that no measurement but that of the fill contains it.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let root = tempfile::Builder::new().prefix("figures-").tempdir()?;
        let home = Self { root };
        let mut first = Drill::start(&home, &["up"])?;
        first.ready()?;
        eprintln!(
            "first start of all, catalogue included: {:.1} s",
            first.age().as_secs_f64()
        );
        first.end()?;
        Ok(home)
    }

    /// What is prepared once and kept between runs.
    pub(crate) fn cache(&self) -> PathBuf {
        self.root.path().join("cache")
    }

    /// A new folder for what one run leaves.
    fn fresh(&self) -> anyhow::Result<tempfile::TempDir> {
        tempfile::Builder::new()
            .prefix("run-")
            .tempdir_in(self.root.path())
            .context("folder of a run")
    }
}

/// A running `firedrill`. Dropping it kills the runner, and its children end with it.
#[derive(Debug)]
pub(crate) struct Drill {
    child: Child,
    started: Instant,
    events: Receiver<Value>,
    folder: tempfile::TempDir,
    ready: Value,
}

impl Drill {
    /// Starts `firedrill ARGS --ports auto --json` and does not wait for it.
    pub(crate) fn start(home: &Home, args: &[&str]) -> anyhow::Result<Self> {
        let folder = home.fresh()?;
        let temporary = folder.path().join("tmp");
        std::fs::create_dir(&temporary).context("folder for temporary files")?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill"));
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("OTEL_") {
                command.env_remove(key);
            }
        }
        command
            .args(args)
            .args(["--ports", "auto", "--json"])
            .env("FIREDRILL_STATE_DIR", folder.path().join("state"))
            .env("XDG_CACHE_HOME", home.cache())
            .env("TMPDIR", &temporary)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        let started = Instant::now();
        let mut child = command.spawn().context("release binary")?;
        let stdout = child.stdout.take().context("its output is piped")?;
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or_default();
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            child,
            started,
            events,
            folder,
            ready: Value::Null,
        })
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn up(home: &Home, args: &[&str]) -> anyhow::Result<Self> {
        let mut drill = Self::start(home, &[&["up"], args].concat())?;
        drill.ready()?;
        Ok(drill)
    }

    /// Waits for the ready event.
    pub(crate) fn ready(&mut self) -> anyhow::Result<()> {
        self.ready = self.event("ready", READY_WITHIN)?;
        Ok(())
    }

    /// Waits for an event of that name.
    pub(crate) fn event(&self, name: &str, within: Duration) -> anyhow::Result<Value> {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) if event["event"] == name => return Ok(event),
                Ok(event) if event["event"] == "void" => bail!("the drill is void: {event}"),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => bail!("no `{name}` within {within:?}"),
                Err(RecvTimeoutError::Disconnected) => bail!("it ended before `{name}`"),
            }
        }
    }

    /// Time since just before the process was started.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// The runner's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An address of the ready event, as a URL.
    pub(crate) fn url(&self, name: &str) -> anyhow::Result<&str> {
        self.ready["urls"][name]
            .as_str()
            .with_context(|| format!("no URL `{name}` in {}", self.ready))
    }

    /// An address of the ready event.
    pub(crate) fn addr(&self, name: &str) -> anyhow::Result<SocketAddr> {
        let url = self.url(name)?;
        url.trim_start_matches("http://")
            .parse()
            .with_context(|| format!("address `{url}`"))
    }

    /// The folder of the run, from the ready event.
    pub(crate) fn run_folder(&self) -> anyhow::Result<PathBuf> {
        let folder = self.ready["folder"].as_str();
        folder
            .map(PathBuf::from)
            .context("the ready event names the folder")
    }

    /// The folder that holds all that this process may have written, the cache apart.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Kills the runner alone, and waits until it is gone.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().context("kill the runner")?;
        self.child.wait().context("end of the runner")?;
        Ok(())
    }

    /// Asks it to end as Ctrl-C does, and waits; what it wrote stays until this value is dropped.
    pub(crate) fn end(&mut self) -> anyhow::Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        let pid = rustix::process::Pid::from_raw(self.child.id().cast_signed());
        let pid = pid.context("a child's id is not 0")?;
        rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
        let deadline = Instant::now() + ENDED_WITHIN;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                self.kill()?;
                bail!("it did not end within {ENDED_WITHIN:?} of an interrupt");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Drill {
    fn drop(&mut self) {
        // A figure that failed has said so already.
        let _ = self.end();
    }
}

/// A loopback port that nothing listens on.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("a free port")?;
    Ok(listener.local_addr().context("a free port")?.port())
}
