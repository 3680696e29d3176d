//! What a failure in the middle leaves: a swap of all instances is taken back, and what cannot be taken back is told.

use std::sync::Arc;

use super::Fleet;
use crate::slot::Slot;

/// An operation that failed after it was done to some instances, and is not taken back there.
#[derive(Debug, thiserror::Error)]
#[error("it was done to {}, and then failed: {error:#}", .done.join(" and "))]
pub struct Halfway {
    /// The instances to which it was done.
    pub done: Vec<String>,
    /// What went wrong then.
    pub error: anyhow::Error,
}

impl Halfway {
    /// The error of an operation that was done to these instances before.
    pub(super) fn after(done: Vec<String>, error: anyhow::Error) -> anyhow::Error {
        match done.is_empty() {
            true => error,
            false => Self { done, error }.into(),
        }
    }

    /// What is left of a failure once the instances named in `taken_back` are as they were.
    pub(super) fn less(error: anyhow::Error, taken_back: impl Fn(&str) -> bool) -> anyhow::Error {
        match error.downcast::<Self>() {
            Ok(Self { mut done, error }) => {
                done.retain(|instance| !taken_back(instance));
                Self::after(done, error)
            }
            Err(error) => error,
        }
    }
}

impl Fleet {
    /// Swaps instances back to the releases that they ran before; `error` is why, and says what could not be swapped.
    pub(super) async fn swap_back(
        &self,
        done: Vec<(Arc<Slot>, Option<String>)>,
        error: anyhow::Error,
    ) -> anyhow::Error {
        let mut left = Vec::new();
        for (slot, release) in done {
            let back = match release {
                Some(release) => self.swap_to(&slot, &release).await.is_ok(),
                None => false,
            };
            if !back {
                left.push(slot.instance.clone());
            }
        }
        Halfway::after(left, error)
    }

    /// Swaps one instance, and leads the scraper to it.
    pub(super) async fn swap_to(&self, slot: &Slot, release: &str) -> anyhow::Result<()> {
        slot.swap(release, self.config(slot, release)?).await?;
        self.follow().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn what_is_not_taken_back_is_named_and_nothing_else() {
        let check = |done: &[&str], taken_back: &[&str], expected: &str| {
            let done = done.iter().map(|one| (*one).to_owned()).collect();
            let error = Halfway::after(done, anyhow!("no port"));
            let error = Halfway::less(error, |one| taken_back.contains(&one));
            assert_eq!(format!("{error:#}"), expected);
            let is_halfway = expected.starts_with("it was done");
            assert_eq!(error.is::<Halfway>(), is_halfway, "{expected}");
        };
        check(&[], &[], "no port");
        check(&["a-1"], &["a-1"], "no port");
        let one = "it was done to a-1, and then failed: no port";
        check(&["a-1"], &[], one);
        check(&["a-1", "a-2"], &["a-2"], one);
        let both = "it was done to a-1 and a-2, and then failed: no port";
        check(&["a-1", "a-2"], &["b-1"], both);
    }
}
