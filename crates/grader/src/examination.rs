//! Everything about a write-up that has to be looked up before it can be judged.

use serde::Serialize;

use crate::alert::{self, Tried};
use crate::evidence::Sources;
use crate::moment::Frame;
use crate::pointer::{self, Executed};
use crate::reproduction::Reproduced;
use crate::writeup::WriteUp;

/// What looking a write-up up has given.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Examined {
    /// Every pointer with what became of it.
    pub pointers: Vec<Executed>,
    /// The proposed alert, tried over the run; `None` if none is proposed.
    pub alert: Option<Tried>,
    /// What came of running the reproduction; the side that can run it puts it here.
    pub reproduction: Option<Reproduced>,
}

/// Executes every pointer of a write-up and tries the alert that it proposes.
pub async fn examine(sources: &Sources, frame: &Frame, writeup: &WriteUp) -> Examined {
    examine_each(sources, frame, writeup, &|_, _| ()).await
}

/// The same; `told` hears how many of how many pointers are done.
pub async fn examine_each(
    sources: &Sources,
    frame: &Frame,
    writeup: &WriteUp,
    told: &(dyn Fn(usize, usize) + Sync),
) -> Examined {
    Examined {
        pointers: pointer::examine_each(sources, frame, writeup, told).await,
        alert: alert::attempt(&sources.prometheus, frame, &writeup.alert).await,
        reproduction: None,
    }
}

impl Examined {
    /// Whether something could not be looked at, so that looking again may give another result.
    pub(crate) fn is_incomplete(&self) -> bool {
        let alert = self.alert.as_ref();
        self.pointers.iter().any(Executed::is_unchecked)
            || matches!(self.reproduction, Some(Reproduced::Unchecked(_)))
            || alert.is_some_and(|tried| matches!(tried.outcome, alert::Outcome::Unchecked(_)))
    }
}
