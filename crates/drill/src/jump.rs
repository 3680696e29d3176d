//! The watch on the wall clock: after a jump, what was measured before and after cannot be compared.

use std::sync::Arc;
use std::time::{Duration, Instant};

use record::Event;
use time::OffsetDateTime;

use crate::clock::now;
use crate::drill::Drill;

/// How often the clock is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// A clock that is corrected by less leaves windows as they are, within their tolerance.
const JUMP: time::Duration = time::Duration::seconds(5);

/// Both clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clocks {
    wall: OffsetDateTime,
    steady: Instant,
}

impl Clocks {
    pub(crate) fn read() -> Self {
        Self {
            wall: now(),
            steady: Instant::now(),
        }
    }
}

/// Watches the clock from a moment on until the drill ends: a jump makes a drill void; a shop without one goes on and tells it.
pub(crate) async fn watch(drill: Arc<Drill>, mut before: Clocks) {
    loop {
        tokio::time::sleep(EVERY).await;
        let expected = before.wall + before.steady.elapsed();
        before = Clocks::read();
        let Some(what) = jump(before.wall - expected) else {
            continue;
        };
        if drill.incident.is_some() {
            let reason = format!(
                "the clock of this machine {what}, so times before and after cannot be compared"
            );
            drill.void(reason);
            return;
        }
        let at = before.wall;
        drill.scribe.say(Event::Clock { at, what });
    }
}

/// What a clock did that is further on than it should be; nothing if that is a correction.
fn jump(ahead: time::Duration) -> Option<String> {
    let length = ahead.unsigned_abs();
    if length < JUMP.unsigned_abs() {
        return None;
    }
    let length = text::format::elapsed(length.as_secs_f64().round() as u64);
    // A suspended machine's steady clock stands still.
    Some(match ahead.is_positive() {
        true => format!("jumped forward by {length} (it was set, or the machine slept)"),
        false => format!("jumped back by {length}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_told_with_its_length_and_a_correction_is_none() {
        let check = |ahead_ms: i64, expected: Option<&str>| {
            let what = jump(time::Duration::milliseconds(ahead_ms));
            assert_eq!(what.as_deref(), expected, "{ahead_ms} ms");
        };
        check(0, None);
        check(4_900, None);
        check(-4_900, None);
        check(-3_600_000, Some("jumped back by 1h 00m"));
        check(-3_599_993, Some("jumped back by 1h 00m"));
        let slept = "jumped forward by 1h 00m (it was set, or the machine slept)";
        check(3_600_000, Some(slept));
    }
}
