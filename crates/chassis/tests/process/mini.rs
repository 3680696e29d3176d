//! One process of the mini service, killed when dropped.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::SocketAddr,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use reqwest::blocking::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

/// Limit for everything that a test waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const TOKEN: &str = "a-token";

pub(crate) struct Mini {
    pub(crate) child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) ready: Value,
    pub(crate) http: Client,
    logs: Arc<Mutex<Vec<Value>>>,
    reader: Option<JoinHandle<()>>,
    _scratch: tempfile::TempDir,
}

/// How to start a process.
#[derive(Default)]
pub(crate) struct Start {
    pub(crate) environment: Vec<(&'static str, String)>,
    pub(crate) listener: Option<std::net::TcpListener>,
    pub(crate) change: Option<Value>,
}

impl Start {
    /// With spans going to this OTLP endpoint.
    pub(crate) fn with_backend(endpoint: &str, protocol: &str) -> Self {
        Self {
            environment: vec![
                ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.to_owned()),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.to_owned()),
            ],
            ..Self::default()
        }
    }

    /// With these members of the configuration instead of the usual ones.
    pub(crate) fn change(mut self, change: Value) -> Self {
        self.change = Some(change);
        self
    }

    pub(crate) fn run(self) -> Mini {
        let scratch = tempfile::tempdir().expect("a folder can be created");
        let mut config = json!({
            "service": "mini", "instance": "mini-1", "release": "2026.11.3",
            "listen": {"addr": "127.0.0.1:0"}, "admin": "127.0.0.1:0",
            "scratch": scratch.path(), "token": TOKEN, "run": "run-1",
            "process": {"drain_ms": 3_000},
        });
        if let Some(Value::Object(change)) = self.change {
            for (key, value) in change {
                config[key] = value;
            }
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_mini"));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env("OTEL_TRACES_EXPORTER", "none");
        if !self.environment.is_empty() {
            command.env_remove("OTEL_TRACES_EXPORTER");
        }
        command.envs(self.environment);
        if let Some(listener) = self.listener {
            use command_fds::CommandFdExt as _;
            config["listen"] = json!("inherited");
            let mapping = command_fds::FdMapping {
                parent_fd: listener.into(),
                child_fd: 3,
            };
            command
                .fd_mappings(vec![mapping])
                .expect("one mapping cannot collide")
                .env("LISTEN_FDS", "1");
        }
        let mut child = command.spawn().expect("the mini service starts");
        let mut stdin = child.stdin.take().expect("piped");
        writeln!(stdin, "{config}").expect("the child reads its configuration");
        let logs = Arc::new(Mutex::new(Vec::new()));
        let reader = read_logs(child.stderr.take().expect("piped"), Arc::clone(&logs));
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("standard output can be read");
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| {
            panic!(
                "no ready line ({error}) but `{line}`, logs {:?}",
                logs.lock()
            )
        });
        Mini {
            child,
            stdin: Some(stdin),
            ready,
            http: Client::builder().no_proxy().build().expect("a client"),
            logs,
            reader: Some(reader),
            _scratch: scratch,
        }
    }
}

fn read_logs(stderr: impl Read + Send + 'static, logs: Arc<Mutex<Vec<Value>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines() {
            let line = line.expect("logs are UTF-8");
            let value = serde_json::from_str(&line)
                .unwrap_or_else(|error| panic!("`{line}` is not JSON: {error}"));
            logs.lock().expect("not poisoned").push(value);
        }
    })
}

impl Mini {
    pub(crate) fn addr(&self, which: &str) -> SocketAddr {
        let text = self.ready[which].as_str().expect("an address");
        text.parse().expect("an address")
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        let url = format!("http://{}{path}", self.addr("listen"));
        self.http.get(url).send().expect("the service responds")
    }

    pub(crate) fn admin(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.addr("admin"));
        self.http.request(method, url).bearer_auth(TOKEN)
    }

    /// The value of a series in `/metrics`, by its exact name and labels.
    pub(crate) fn metric(&self, series: &str) -> Option<f64> {
        let answer = self.admin(reqwest::Method::GET, "/metrics").send();
        let text = answer.and_then(Response::text).expect("metrics");
        text.lines().find_map(|line| {
            line.strip_prefix(series)?
                .strip_prefix(' ')?
                .trim()
                .parse()
                .ok()
        })
    }

    pub(crate) fn logs(&self) -> Vec<Value> {
        self.logs.lock().expect("not poisoned").clone()
    }

    pub(crate) fn terminate(&self) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        let pid = rustix::process::Pid::from_raw(pid).expect("not zero");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("still there");
    }

    /// Waits for the end, and for the last log line.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        until("the process ends", || {
            status = self.child.try_wait().expect("our child");
            status.is_some()
        });
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the logs were read");
        }
        status.expect("it ended")
    }
}

impl Drop for Mini {
    fn drop(&mut self) {
        // It may be gone already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a condition.
pub(crate) fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_true() {
        assert!(began.elapsed() < PATIENCE, "gave up waiting: {what}");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
