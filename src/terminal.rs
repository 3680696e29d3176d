//! Terminal output: colour policy, streams, and the shapes that data is shown in.
//!
//! Standard output is for data, standard error for progress and errors. Whether a stream is a terminal is decided at
//! the edge and passed in, so everything here can be tested as text.

pub mod column;
pub mod progress;
pub mod shell;
pub mod sparkline;
pub mod table;
pub mod waterfall;

use std::io::{self, Write as _};
use std::sync::Arc;

use clap::ValueEnum;
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::Serialize;
use text::format::{harmless_json, harmless_output};

/// When output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always, even into a pipe.
    Always,
    /// Never.
    Never,
}

/// How one stream is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences for colour are written.
    pub color: bool,
    /// Whether a person watches: progress may redraw its line.
    pub terminal: bool,
}

/// What a piece of text is, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ink {
    /// Nothing special.
    Plain,
    /// A column title or a label.
    Heading,
    /// Something to look at first.
    Strong,
    /// What may be overlooked.
    Faint,
    /// An error.
    Error,
    /// A warning.
    Warning,
    /// All is well.
    Good,
    /// One of six hues that tell things of one kind apart.
    Hue(u8),
}

impl Style {
    /// Plain text, no terminal.
    pub const PLAIN: Self = Self {
        color: false,
        terminal: false,
    };

    /// The colour policy: what was asked for wins; then `NO_COLOR`; then whether a terminal is there.
    pub const fn decide(asked: Color, no_color: bool, terminal: bool) -> Self {
        let color = match asked {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !no_color,
        };
        Self { color, terminal }
    }

    /// The text, coloured where colour is on.
    pub fn paint(self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Heading => "1",
            Ink::Strong => "1;37",
            Ink::Faint => "2",
            Ink::Error => "1;31",
            Ink::Warning => "33",
            Ink::Good => "32",
            Ink::Hue(hue) => ["36", "35", "34", "32", "33", "96"][usize::from(hue % 6)],
            Ink::Plain => return text.to_owned(),
        };
        if self.color && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// What a command printed that was not run in a terminal.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Printed {
    /// What would have gone to standard output.
    pub text: String,
    /// The notes that would have gone to standard error.
    pub notes: Vec<String>,
}

/// Where a command writes to, and how.
#[derive(Debug, Clone)]
pub struct Terminal {
    /// Standard output.
    pub out: Style,
    /// Standard error.
    pub err: Style,
    /// Columns of the terminal.
    pub width: usize,
    /// Where it is written to instead of the streams of this process.
    kept: Option<Arc<Mutex<Printed>>>,
}

impl Terminal {
    /// The streams of this process.
    pub const fn of_process(out: Style, err: Style, width: usize) -> Self {
        Self {
            out,
            err,
            width,
            kept: None,
        }
    }

    /// A terminal that keeps what is written, and where.
    pub fn kept() -> (Self, Arc<Mutex<Printed>>) {
        let printed = Arc::<Mutex<Printed>>::default();
        let terminal = Self {
            kept: Some(Arc::clone(&printed)),
            ..Self::of_process(Style::PLAIN, Style::PLAIN, 120)
        };
        (terminal, printed)
    }

    /// Writes text to standard output. Whatever is in it, it drives no terminal but by colours.
    pub fn print(&self, text: &str) -> io::Result<()> {
        if let Some(kept) = &self.kept {
            kept.lock().text.push_str(text);
            return Ok(());
        }
        let mut out = io::stdout().lock();
        out.write_all(harmless_output(text).as_bytes())?;
        out.flush()
    }

    /// Writes one JSON document, indented.
    pub fn json(&self, value: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
        text.push('\n');
        self.print(&harmless_json(&text))
    }

    /// Writes one JSON document on one line.
    pub fn json_line(&self, value: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_string(value).map_err(io::Error::other)?;
        text.push('\n');
        self.print(&harmless_json(&text))
    }

    /// Tells the user something that is not data, on standard error.
    pub fn note(&self, text: &str) {
        if let Some(kept) = &self.kept {
            kept.lock().notes.push(text.to_owned());
            return;
        }
        // A note that cannot be shown is not a reason to fail.
        let text = harmless_output(text);
        let _ = writeln!(io::stderr(), "{}", self.err.paint(Ink::Faint, &text));
    }

    /// Starts to show that something takes time; it is over when the value is dropped.
    pub fn progress(&self, label: impl Into<String>) -> progress::Progress {
        match self.kept {
            None => progress::Progress::start(self.err, label.into()),
            Some(_) => progress::Progress::hidden(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_follows_the_flag_then_no_color_then_the_terminal() {
        // asked, NO_COLOR, terminal -> colour
        let table = [
            (Color::Auto, false, true, true),
            (Color::Auto, false, false, false),
            (Color::Auto, true, true, false),
            (Color::Always, false, false, true),
            (Color::Always, true, false, true),
            (Color::Never, false, true, false),
        ];
        for (asked, no_color, terminal, expected) in table {
            let style = Style::decide(asked, no_color, terminal);
            assert_eq!(
                style.color, expected,
                "{asked:?} NO_COLOR={no_color} terminal={terminal}"
            );
        }
    }

    #[test]
    fn without_colour_text_stays_as_it_is() {
        assert_eq!(Style::PLAIN.paint(Ink::Error, "error:"), "error:");
        let style = Style {
            color: true,
            terminal: true,
        };
        assert_eq!(style.paint(Ink::Error, "x"), "\x1b[1;31mx\x1b[0m");
        assert_eq!(style.paint(Ink::Error, ""), "");
    }
}
