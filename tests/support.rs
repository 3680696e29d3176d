//! A real drill under test: the built binary, a state folder of its own, free ports, deadlines instead of sleeps.

use std::io::{BufRead, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

pub(crate) use firedrill::verify::silence::children_of;
use libtest_mimic::Trial;
use serde_json::Value;

mod clock;
mod process;
mod program;

pub(crate) use clock::Clock;
pub(crate) use process::status_kib;
pub(crate) use program::{PROGRAM, has_program, is_built, tool, wanting};

/// Long enough for a debug build beside three other drills on two cores.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A running `firedrill run` or `firedrill up`. Dropping it ends it.
pub(crate) struct Drill {
    child: Child,
    events: Receiver<Value>,
    state: tempfile::TempDir,
    /// What all of its processes and commands are started with.
    environment: Vec<(&'static str, PathBuf)>,
    /// The ready event.
    pub(crate) ready: Value,
    /// Every event so far, oldest first.
    pub(crate) seen: Vec<Value>,
}

impl Drill {
    /// Starts `firedrill ARGS --ports auto --json` and waits until it is ready.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a temporary state folder"), args)
    }

    /// The same with a state folder that has something in it already.
    pub(crate) fn start_in(state: tempfile::TempDir, args: &[&str]) -> Self {
        Self::launch(state, Vec::new(), args)
    }

    /// The same with a wall clock of its own.
    pub(crate) fn start_at(clock: &Clock, args: &[&str]) -> Self {
        let state = tempfile::tempdir().expect("a temporary state folder");
        Self::launch(state, clock.environment().into(), args)
    }

    fn launch(
        state: tempfile::TempDir,
        environment: Vec<(&'static str, PathBuf)>,
        args: &[&str],
    ) -> Self {
        let mut child = firedrill(state.path())
            .envs(environment.iter().cloned())
            .args(args)
            .args(["--ports", "auto", "--json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the binary under test starts");
        let stdout = child.stdout.take().expect("its output is piped");
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line)
                    .unwrap_or_else(|_| panic!("not a JSON line: {line}"));
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        let mut drill = Self {
            child,
            events,
            state,
            environment,
            ready: Value::Null,
            seen: Vec::new(),
        };
        drill.ready = drill.event("ready", SOON);
        drill
    }

    /// Waits for the next event of that name; panics with what came instead.
    pub(crate) fn event(&mut self, name: &str, within: Duration) -> Value {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) => {
                    self.seen.push(event.clone());
                    if event["event"] == name {
                        return event;
                    }
                    assert_ne!(event["event"], "void", "the drill is void: {event}");
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("no `{name}` within {within:?}; seen: {:#?}", self.seen)
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("ended before `{name}`; seen: {:#?}", self.seen)
                }
            }
        }
    }

    /// Waits for the page of that alert.
    pub(crate) fn page(&mut self, alert: &str, within: Duration) -> Value {
        let deadline = Instant::now() + within;
        loop {
            let page = self.event("page", deadline.saturating_duration_since(Instant::now()));
            if page["alert"] == alert {
                return page;
            }
        }
    }

    /// Runs another command against this drill.
    pub(crate) fn cli(&self, args: &[&str]) -> Output {
        firedrill(self.state.path())
            .envs(self.environment.iter().cloned())
            .args(args)
            .stdin(Stdio::null())
            .output()
            .expect("the binary under test starts")
    }

    /// Runs another command that must succeed, and gives what it printed.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let output = self.cli(args);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{args:?}: {}\n{text}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }

    /// Runs another command that must end with 2 and say all of this on standard error.
    pub(crate) fn refuses(&self, args: &[&str], said: &[&str]) {
        refused(self.state(), args, 2, said);
    }

    /// Runs another command with `--json` that must succeed.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let text = self.ok(&[args, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}: {text}"))
    }

    /// Runs another command with `--json`; nothing if it does not succeed yet, as a search for a service that has sent no
    /// span so far.
    pub(crate) fn try_json(&self, args: &[&str]) -> Option<Value> {
        let output = self.cli(&[args, &["--json"]].concat());
        serde_json::from_slice(&output.stdout)
            .ok()
            .filter(|_| output.status.success())
    }

    /// The processes of the shop, as `status` tells them.
    pub(crate) fn processes(&self) -> Vec<Value> {
        let status = self.json(&["status"]);
        status["services"].as_array().expect("services").clone()
    }

    /// The process id of an instance, if it runs.
    pub(crate) fn pid_of(&self, instance: &str) -> Option<u32> {
        let all = self.processes();
        let process = all.iter().find(|one| one["instance"] == instance)?;
        process["pid"].as_u64()?.try_into().ok()
    }

    /// The newest traces of orders, once there are any.
    pub(crate) fn order_traces(&self, limit: &str) -> Option<Vec<Value>> {
        let args = ["traces", "--service", "gateway", "--limit", limit];
        let found = self.try_json(&[&args[..], &["--operation", "POST /v1/orders"]].concat())?;
        found.as_array().cloned()
    }

    /// The newest trace of an order, by its id.
    pub(crate) fn newest_order(&self) -> Option<String> {
        Some(self.order_traces("1")?.first()?["id"].as_str()?.to_owned())
    }

    /// What the drill's Prometheus answers to an instant query, if that is one number.
    pub(crate) fn value_of(&self, expr: &str) -> Option<f64> {
        value_of(self.url("prometheus"), expr, &[])
    }

    /// The same with `firedrill query`, as a responder asks.
    pub(crate) fn query(&self, expr: &str) -> Option<f64> {
        number(&self.json(&["query", expr]))
    }

    /// Waits until Prometheus scrapes all four processes.
    pub(crate) fn await_scrapes(&self) {
        until("a scrape of all four", SOON, || {
            self.value_of("sum(up)") == Some(4.0)
        });
    }

    /// A URL of the ready event.
    pub(crate) fn url(&self, name: &str) -> &str {
        self.ready["urls"][name]
            .as_str()
            .unwrap_or_else(|| panic!("no URL `{name}` in {}", self.ready))
    }

    /// The run's folder.
    pub(crate) fn folder(&self) -> PathBuf {
        PathBuf::from(
            self.ready["folder"]
                .as_str()
                .expect("the ready event names the folder"),
        )
    }

    /// The state folder.
    pub(crate) fn state(&self) -> &Path {
        self.state.path()
    }

    /// The runner's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the runner has exited.
    pub(crate) fn wait_for_end(&mut self) -> std::process::ExitStatus {
        wait_for_end(&mut self.child, SOON).expect("the drill ends with its grade")
    }

    /// Asks the runner to end, as Ctrl-C does, and waits for it.
    pub(crate) fn interrupt(mut self) -> (i32, PathBuf, tempfile::TempDir) {
        signal(self.child.id(), rustix::process::Signal::INT);
        let status = wait_for_end(&mut self.child, SOON).expect("it ends after an interrupt");
        let folder = self.folder();
        let state = std::mem::replace(
            &mut self.state,
            tempfile::tempdir().expect("a temporary folder"),
        );
        (status.code().unwrap_or(-1), folder, state)
    }

    /// Kills the runner alone, as an out-of-memory killer would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it was killed");
    }
}

impl Drop for Drill {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            signal(self.child.id(), rustix::process::Signal::INT);
            if wait_for_end(&mut self.child, Duration::from_secs(20)).is_none() {
                // A test that failed has said so already.
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
        }
    }
}

/// The binary under test, with nothing of the developer's environment that could change what it does.
pub(crate) fn firedrill(state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill"));
    command
        .env("FIREDRILL_STATE_DIR", state)
        // The home folder may be missing or read-only; what is cached is shared by all tests of this build.
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .env("NO_COLOR", "1")
        .env_remove("FIREDRILL_COLOR");
    for (key, _) in std::env::vars_os() {
        if key.to_string_lossy().starts_with("OTEL_") {
            command.env_remove(key);
        }
    }
    command
}

/// Waits until `condition` gives a value; panics with `what` when the deadline passes.
pub(crate) fn wait_for<T>(
    what: &str,
    within: Duration,
    mut condition: impl FnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what}: not within {within:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until a condition holds; panics with `what` when the deadline passes.
pub(crate) fn until(what: &str, within: Duration, mut holds: impl FnMut() -> bool) {
    wait_for(what, within, || holds().then_some(()));
}

/// Runs a command that must end with this code and say all of this on standard error; gives what it said.
pub(crate) fn refused(state: &Path, args: &[&str], code: i32, said: &[&str]) -> String {
    let mut command = firedrill(state);
    let output = command.args(args).stdin(Stdio::null()).output();
    let output = output.expect("the binary under test starts");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
    for part in said {
        assert!(
            text.contains(part),
            "`{part}` is not said of {args:?}: {text}"
        );
    }
    text
}

/// An HTTP client that no proxy of the environment comes between.
pub(crate) fn http() -> reqwest::blocking::Client {
    let client = reqwest::blocking::Client::builder().no_proxy().build();
    client.expect("an HTTP client")
}

/// A GET that must be answered, as text, with its status.
pub(crate) fn get(url: &str) -> (u16, String) {
    let response = http()
        .get(url)
        .send()
        .unwrap_or_else(|error| panic!("{url}: {error}"));
    (response.status().as_u16(), response.text().expect("a text"))
}

/// A GET that must be answered with JSON.
pub(crate) fn get_json(url: &str) -> Value {
    let (status, text) = get(url);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{url}: {status}: {error}: {text}"))
}

/// What a Prometheus answers to an instant query with these parameters more, if that is one number.
pub(crate) fn value_of(prometheus: &str, expr: &str, more: &[(&str, &str)]) -> Option<f64> {
    let parameters = [&[("query", expr)], more].concat();
    let url = format!("{prometheus}/api/v1/query");
    let url = reqwest::Url::parse_with_params(&url, parameters).expect("an address");
    number(&get_json(url.as_str())["data"])
}

/// The first number of the data of an instant query.
fn number(data: &Value) -> Option<f64> {
    data["result"][0]["value"][1].as_str()?.parse().ok()
}

/// An address that is free; another program may take it before it is used, which would fail the test by name.
pub(crate) fn free_addr() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address")
}

/// A process of a test's own. Dropping it ends it.
pub(crate) struct Program(pub(crate) Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have exited already; the test has failed then.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A run that ended, served again by `firedrill open`.
pub(crate) struct Opened {
    program: Program,
    /// Where it is served.
    pub(crate) urls: Value,
}

impl Opened {
    /// Opens a run, by id or by file, and waits until it is served.
    pub(crate) fn start(state: &Path, run: &str) -> Self {
        let mut child = firedrill(state)
            .args(["open", run, "--ports", "auto", "--json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary under test starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output is piped");
        let read = BufReader::new(output).read_line(&mut line);
        read.expect("a ready line");
        let program = Program(child);
        match serde_json::from_str::<Value>(&line) {
            Ok(mut ready) => Self {
                program,
                urls: ready["urls"].take(),
            },
            Err(_) => panic!("{line}{}", said(program)),
        }
    }

    /// Ends it as Ctrl-C does; what it said on standard error.
    pub(crate) fn end(self) -> String {
        said(self.program)
    }

    /// One of its addresses.
    pub(crate) fn url(&self, name: &str) -> &str {
        self.urls[name].as_str().expect("an address")
    }

    /// The services that its Jaeger knows.
    pub(crate) fn services(&self) -> usize {
        let services = get_json(&format!("{}/api/v3/services", self.url("jaeger")));
        services["services"].as_array().map_or(0, Vec::len)
    }
}

fn said(mut program: Program) -> String {
    signal(program.0.id(), rustix::process::Signal::INT);
    let mut text = String::new();
    let mut errors = program.0.stderr.take().expect("it is piped");
    errors.read_to_string(&mut text).expect("a text");
    text
}

/// Whether a process of that id runs (a zombie does not).
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = stat
        .rsplit_once(')')
        .map(|(_, after)| after.trim())
        .unwrap_or_default();
    !after.is_empty() && !after.starts_with('Z') && !after.starts_with('X')
}

/// Tests that are named by their functions.
macro_rules! claims {
    ($($claim:ident),* $(,)?) => {
        vec![$($crate::support::trial(module_path!(), stringify!($claim), || $claim())),*]
    };
}
pub(crate) use claims;

/// A test whose name begins with that of the file of `tests/` that it belongs to.
pub(crate) fn trial(module: &str, claim: &str, test: impl FnOnce() + Send + 'static) -> Trial {
    let module = module.split("::").nth(1).unwrap_or(module);
    Trial::test(format!("{module}::{claim}"), move || {
        test();
        Ok(())
    })
}

/// Kills a process that a test knows.
pub(crate) fn kill(pid: u32) {
    signal(pid, rustix::process::Signal::KILL);
}

fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).expect("a child's id is not 0");
    // It may have exited already.
    let _ = rustix::process::kill_process(pid, signal);
}

fn wait_for_end(child: &mut Child, within: Duration) -> Option<std::process::ExitStatus> {
    let deadline = Instant::now() + within;
    while Instant::now() < deadline {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}
