//! Looking again at what the responder looked at, to see what it showed.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::evidence::{Look, LookKind, Sources};
use crate::moment::{Frame, Moment};
use crate::pointer::{self, Executed, Target};

/// Most looks that are looked at again.
const MAX_LOOKS: usize = 80;
/// Time for all of them: what earns no points must not take long.
const BUDGET: Duration = Duration::from_secs(20);

/// A look, and what it showed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// The look.
    pub look: Look,
    /// What a pointer to the same thing shows; `None` where there is no such pointer, or no time was left.
    pub executed: Option<Executed>,
}

/// Executes every look as if it were a pointer.
pub(crate) async fn retrace(sources: &Sources, frame: &Frame, looks: &[Look]) -> Vec<Seen> {
    let begun = Instant::now();
    let mut all: Vec<Seen> = Vec::new();
    for look in looks {
        let known = all.iter().find(|seen| {
            let same = (seen.look.kind, &seen.look.what) == (look.kind, &look.what);
            same && seen.executed.as_ref().is_some_and(Executed::proves)
        });
        let executed = match (known, target(look)) {
            // What proved something once is not asked again.
            (Some(known), _) => known.executed.clone(),
            (None, Some(target)) if all.len() < MAX_LOOKS && begun.elapsed() < BUDGET => {
                Some(again(sources, frame, look, target).await)
            }
            _ => None,
        };
        all.push(Seen {
            look: look.clone(),
            executed,
        });
    }
    all
}

/// What a pointer to the same thing would point to; `None` where there is no such pointer.
fn target(look: &Look) -> Option<Target> {
    match look.kind {
        LookKind::Trace => Some(Target::Trace(look.what.clone())),
        LookKind::Promql => Some(Target::Promql {
            expr: look.what.clone(),
            at: Moment::Absolute(look.time.unwrap_or(look.at)),
        }),
        LookKind::Log => look.what.parse().ok().map(Target::Log),
        LookKind::Heap => {
            let (before, after) = look.what.split_once("..")?;
            Some(Target::Heap {
                before: before.to_owned(),
                after: after.to_owned(),
            })
        }
        LookKind::Traces | LookKind::Deploys | LookKind::Profile | LookKind::Request => None,
    }
}

async fn again(sources: &Sources, frame: &Frame, look: &Look, target: Target) -> Executed {
    let executed = pointer::look_up(sources, frame, &target).await;
    let Target::Promql { expr, .. } = target else {
        return executed;
    };
    // Of a range the end may be calm again; then the page, if it is on the screen, is what one sees.
    let covers = |page| look.from.is_some_and(|from| from <= page);
    match frame.page.filter(|page| covers(*page)) {
        Some(page) if !executed.proves() && page <= look.time.unwrap_or(look.at) => {
            let at = Moment::Absolute(page);
            pointer::look_up(sources, frame, &Target::Promql { expr, at }).await
        }
        _ => executed,
    }
}
