//! One page in Chromium, driven over its debugging pipe: JSON messages that end with a zero byte.

use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use command_fds::{CommandFdExt as _, FdMapping};
use serde_json::{Value, json};

use crate::support::wait_for;

use super::{PAGE_WITHIN, chromium};

/// The longest wait for one answer of the browser.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

pub(super) struct Page {
    child: Child,
    input: PipeWriter,
    answers: Receiver<Value>,
    session: Option<String>,
    asked: u64,
    _profile: tempfile::TempDir,
}

impl Page {
    /// An empty page in a browser of its own.
    pub(super) fn open() -> Self {
        let profile = tempfile::tempdir().expect("a temporary folder");
        let (theirs_in, input) = std::io::pipe().expect("a pipe");
        let (output, theirs_out) = std::io::pipe().expect("a pipe");
        let mut command = chromium(profile.path());
        command
            .args([
                "--window-size=1400,1000",
                "--remote-debugging-pipe",
                "about:blank",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .fd_mappings(vec![
                FdMapping {
                    parent_fd: OwnedFd::from(theirs_in),
                    child_fd: 3,
                },
                FdMapping {
                    parent_fd: OwnedFd::from(theirs_out),
                    child_fd: 4,
                },
            ])
            .expect("no descriptor is mapped twice");
        let child = command.spawn().expect("Chromium starts");
        // The command holds the browser's ends; its end must show here.
        drop(command);
        let answers = messages(output);
        let mut page = Self {
            child,
            input,
            answers,
            session: None,
            asked: 0,
            _profile: profile,
        };
        let target = page.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = page.call("Target.attachToTarget", attach);
        page.session = attached["sessionId"].as_str().map(str::to_owned);
        page.call("Page.enable", json!({}));
        page
    }

    /// Asks the browser; panics with its error.
    fn call(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let mut message = json!({"id": self.asked, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.input
            .write_all(format!("{message}\0").as_bytes())
            .expect("Chromium reads");
        loop {
            let answer = self.answers.recv_timeout(ANSWER_WITHIN).expect(method);
            if answer["id"] == self.asked {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    /// Runs a script in every page before its own scripts.
    pub(super) fn before(&mut self, script: &str) {
        self.call(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({"source": script}),
        );
    }

    pub(super) fn go(&mut self, url: &str) {
        self.call("Page.navigate", json!({"url": url}));
    }

    /// How wide the page is, in pixels, and which colours its reader prefers: `light` or `dark`.
    pub(super) fn looks(&mut self, width: u64, scheme: &str) {
        let size =
            json!({"width": width, "height": 1_000, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", scheme);
    }

    /// The value of an expression in the page; awaited if it is a promise.
    pub(super) fn value(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", params);
        assert!(
            answer["exceptionDetails"].is_null(),
            "{expression}: {answer}"
        );
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true, null while the page is loaded.
    pub(super) fn until(&mut self, expression: &str) {
        let guarded =
            format!("(() => {{ try {{ return !!({expression}); }} catch {{ return false; }} }})()");
        let mut last = String::new();
        let within = PAGE_WITHIN;
        wait_for(expression, within, || {
            if self.value(&guarded) == json!(true) {
                return Some(());
            }
            last = self
                .value("document.body?.innerText.slice(0, 600) ?? ''")
                .to_string();
            eprintln!("not yet: {expression}: {last}");
            None
        });
    }

    /// Waits until the page shows a text.
    pub(super) fn shows(&mut self, text: &str) {
        self.until(&format!(
            "document.body.innerText.includes({})",
            json!(text)
        ));
    }

    /// Clicks where the pointer is put.
    pub(super) fn click_at(&mut self, x: f64, y: f64) {
        for kind in ["mousePressed", "mouseReleased"] {
            self.call(
                "Input.dispatchMouseEvent",
                json!({"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}),
            );
        }
    }

    /// Moves the pointer, in pixels of the window.
    pub(super) fn point(&mut self, x: f64, y: f64) {
        self.call(
            "Input.dispatchMouseEvent",
            json!({"type": "mouseMoved", "x": x, "y": y}),
        );
    }

    /// Types a text where the focus is.
    pub(super) fn type_text(&mut self, text: &str) {
        for key in text.chars() {
            let text = key.to_string();
            self.call(
                "Input.dispatchKeyEvent",
                json!({"type": "keyDown", "text": text, "key": text}),
            );
            self.call(
                "Input.dispatchKeyEvent",
                json!({"type": "keyUp", "key": text}),
            );
        }
    }

    pub(super) fn press(&mut self, key: &str) {
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            self.call(
                "Input.dispatchKeyEvent",
                json!({"type": kind, "key": key, "code": key, "text": text}),
            );
        }
    }

    /// Keeps a picture of the page beside the test's binary, for whoever wants to look.
    pub(super) fn picture(&mut self, name: &str) {
        let shot = self.call("Page.captureScreenshot", json!({"format": "png"}));
        let bytes = BASE64_STANDARD.decode(shot["data"].as_str().expect("a picture"));
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("pictures");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(format!("{name}.png")), bytes.expect("base64")).expect("a file");
    }
}

/// What the browser says, until it ends.
fn messages(output: PipeReader) -> Receiver<Value> {
    let (sender, answers) = channel();
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut message = Vec::new();
        while output
            .read_until(0, &mut message)
            .is_ok_and(|read| read > 0)
        {
            message.pop();
            let message = serde_json::from_slice(&std::mem::take(&mut message));
            if message.is_ok_and(|message| sender.send(message).is_err()) {
                return;
            }
        }
    });
    answers
}

impl Drop for Page {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
