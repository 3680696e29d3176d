//! Progress on standard error: one line that redraws on a terminal, one plain line in a pipe.

use std::io::{self, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use text::format;

use super::{Ink, Style};

/// Whatever is over sooner needs no progress.
const PATIENCE: Duration = Duration::from_secs(1);
const FRAME: Duration = Duration::from_millis(120);
const SPINNER: [&str; 8] = ["⠋", "⠙", "⠸", "⠴", "⠦", "⠇", "⠏", "⠹"];

/// Shows that something takes time, from one second on; over when dropped.
#[derive(Debug)]
pub struct Progress {
    label: Option<Sender<String>>,
    drawing: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts the clock.
    pub fn start(style: Style, label: String) -> Self {
        let (tx, rx) = mpsc::channel();
        let drawing = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || draw(style, label, &rx))
            // Without a thread there is no progress shown, which is harmless.
            .ok();
        Self {
            label: Some(tx),
            drawing,
        }
    }

    /// Where no one watches.
    pub const fn hidden() -> Self {
        Self {
            label: None,
            drawing: None,
        }
    }

    /// Says what goes on now.
    pub fn set(&self, label: impl Into<String>) {
        if let Some(tx) = &self.label {
            // The drawing thread lives until the sender is dropped; if it could not start, there is no receiver.
            let _ = tx.send(label.into());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.label = None;
        if let Some(drawing) = self.drawing.take() {
            // A panic while drawing must not become one of the command.
            let _ = drawing.join();
        }
    }
}

fn draw(style: Style, mut label: String, rx: &mpsc::Receiver<String>) {
    let start = Instant::now();
    let mut is_shown = false;
    let mut wait = PATIENCE;
    for frame in 0_usize.. {
        match rx.recv_timeout(wait) {
            Ok(next) => {
                label = next;
                // In a pipe each step is a line of its own, once the first second is over.
                is_shown &= style.terminal;
                wait = PATIENCE.saturating_sub(start.elapsed());
                continue;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if style.terminal || !is_shown {
            // Progress that cannot be written is not worth an error.
            let _ = io::stderr().write_all(line(style, &label, start.elapsed(), frame).as_bytes());
            is_shown = true;
        }
        wait = if style.terminal {
            FRAME
        } else {
            Duration::from_secs(3600)
        };
    }
    if is_shown && style.terminal {
        let _ = io::stderr().write_all(b"\r\x1b[2K");
    }
}

fn line(style: Style, label: &str, elapsed: Duration, frame: usize) -> String {
    if !style.terminal {
        return format!("{} …\n", format::harmless(label));
    }
    let spinner = style.paint(Ink::Good, SPINNER[frame % SPINNER.len()]);
    let label = format::harmless(label);
    let elapsed = style.paint(Ink::Faint, &format::elapsed(elapsed.as_secs()));
    format!("\r\x1b[2K{spinner} {label} {elapsed}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_gets_plain_lines_and_a_terminal_one_that_redraws() {
        let terminal = Style {
            color: false,
            terminal: true,
        };
        let elapsed = Duration::from_secs(65);
        assert_eq!(
            line(Style::PLAIN, "waiting for the trace", elapsed, 3),
            "waiting for the trace …\n"
        );
        assert_eq!(
            line(terminal, "waiting", elapsed, 0),
            "\r\x1b[2K⠋ waiting 1m 05s"
        );
    }

    #[test]
    fn what_is_over_within_a_second_ends_without_waiting() {
        let start = Instant::now();
        drop(Progress::start(Style::PLAIN, "quick".to_owned()));
        assert!(start.elapsed() < PATIENCE);
    }
}
