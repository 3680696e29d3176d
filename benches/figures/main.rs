//! The figures that the whole has to reach, measured on the release binary over loopback.
//!
//! ```text
//! cargo bench --bench figures                                   every figure, about 15 minutes
//! cargo bench --bench figures -- start cost                     some of them
//! cargo bench --bench figures -- memory --minutes 1             shorter
//! cargo bench --bench figures -- crash --rounds 10
//! ```
//! It prints and judges nothing: a machine that is busy with something else is slow, not wrong. A figure that
//! could not be taken at all says why in its row.

mod api;
mod cost;
mod count;
mod crash;
mod drill;
mod memory;
mod order;
mod page;
mod process;
mod quantile;
mod start;
mod table;
mod wire;

use std::process::ExitCode;

use crate::drill::Home;
use crate::table::Row;

/// What can be changed about a measurement.
#[derive(Debug, Clone, Copy, Default)]
struct Options {
    /// How long `memory` runs.
    minutes: Option<f64>,
    /// How often `start`, `cost` and `crash` repeat.
    rounds: Option<usize>,
}

type Measure = fn(&Home, Options) -> anyhow::Result<Vec<Row>>;

/// Every figure by the name that selects it, in the order in which they are taken.
const FIGURES: [(&str, Measure); 7] = [
    ("start", start::measure),
    ("cost", cost::measure),
    ("quantile", quantile::measure),
    ("count", count::measure),
    ("crash", crash::measure),
    ("page", page::measure),
    ("memory", memory::measure),
];

fn main() -> ExitCode {
    let (names, options) = match arguments(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let home = match Home::new() {
        Ok(home) => home,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::FAILURE;
        }
    };
    let mut rows = Vec::new();
    for (name, measure) in FIGURES {
        if names.is_empty() || names.iter().any(|asked| asked == name) {
            eprintln!("{name}:");
            let measured = measure(&home, options);
            rows.extend(
                measured.unwrap_or_else(|error| {
                    vec![Row::new(name, "", format!("not taken: {error:#}"))]
                }),
            );
        }
    }
    print!("{}", table::text(&rows));
    ExitCode::SUCCESS
}

/// The names asked for, and the options. What cargo itself adds (`--bench`) is passed over.
fn arguments(mut given: impl Iterator<Item = String>) -> Result<(Vec<String>, Options), String> {
    let (mut names, mut options) = (Vec::new(), Options::default());
    while let Some(argument) = given.next() {
        let mut number = || {
            let text = given.next().unwrap_or_default();
            let number = text.parse::<f64>().ok().filter(|number| *number > 0.0);
            number.ok_or_else(|| format!("`{argument}` wants a number above 0, not `{text}`"))
        };
        match argument.as_str() {
            "--bench" => {}
            "--minutes" => options.minutes = Some(number()?),
            "--rounds" => options.rounds = Some(number()? as usize),
            name if FIGURES.iter().any(|(known, _)| *known == name) => names.push(argument),
            _ => {
                let known = FIGURES.map(|(name, _)| name).join(", ");
                return Err(format!(
                    "`{argument}` is not a figure; there are {known}, and --minutes N, --rounds N"
                ));
            }
        }
    }
    Ok((names, options))
}
