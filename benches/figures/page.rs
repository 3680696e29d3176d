//! From the start of a fast drill to its page.

use std::time::Duration;

use crate::Options;
use crate::drill::{Drill, Home};
use crate::table::{Row, spread};

/// The fast pace promises 60 s; a busy machine gets more, and its number is printed all the same.
const PAGED_WITHIN: Duration = Duration::from_secs(180);

/// The drills of the catalogue.
const DRILLS: [&str; 4] = [
    "slow-checkout",
    "memory-growth",
    "error-spike",
    "noisy-warnings",
];

pub(crate) fn measure(home: &Home, _: Options) -> anyhow::Result<Vec<Row>> {
    let (mut seconds, mut each) = (Vec::new(), Vec::new());
    for id in DRILLS {
        let mut drill = Drill::start(home, &["run", id, "--pace", "fast", "--seed", "5"])?;
        drill.event("page", PAGED_WITHIN)?;
        let took = drill.age().as_secs_f64();
        drill.end()?;
        seconds.push(took);
        each.push(format!("{id} {took:.0}"));
    }
    Ok(vec![
        Row::new(
            "process start to the page of a fast drill",
            "60 s",
            spread(&seconds, " s", 0),
        ),
        Row::new("  by drill, s", "", each.join(", ")),
    ])
}
