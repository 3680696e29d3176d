//! How far a grade is: its steps in order, and how long each took. Written by the grade, read by whoever waits for it.

use std::time::Instant;

use parking_lot::Mutex;

use crate::api::Step;

/// The steps of one grade.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<Vec<Begun>>);

#[derive(Debug)]
struct Begun {
    what: &'static str,
    /// How many of how many, where it is counted.
    count: Option<(usize, usize)>,
    at: Instant,
}

impl Progress {
    /// Forgets the steps of a grade that could not be had.
    pub(crate) fn restart(&self) {
        self.0.lock().clear();
    }

    /// The step before is over, and this one begins.
    pub(crate) fn begin(&self, what: &'static str) {
        let at = Instant::now();
        let count = None;
        self.0.lock().push(Begun { what, count, at });
    }

    /// How far the present step is.
    pub(crate) fn count(&self, done: usize, all: usize) {
        if let Some(last) = self.0.lock().last_mut() {
            last.count = Some((done, all));
        }
    }

    /// All steps; the last one goes on.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let begun = self.0.lock();
        let ends = begun.iter().skip(1).map(|next| next.at);
        let ends = ends.chain([Instant::now()]);
        let steps = begun.iter().zip(ends).map(|(step, end)| Step {
            what: match step.count {
                None => step.what.to_owned(),
                Some((done, all)) => format!("{} {done} of {all}", step.what),
            },
            seconds: (end - step.at).as_secs_f64(),
        });
        steps.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_ends_when_the_next_one_begins() {
        let progress = Progress::default();
        let what = || -> Vec<String> {
            let steps = progress.steps().into_iter();
            steps.map(|step| step.what).collect()
        };
        progress.count(1, 2);
        assert_eq!(what(), Vec::<String>::new());
        progress.begin("measuring");
        progress.begin("pointers");
        let over = progress.steps()[0].seconds;
        progress.count(1, 2);
        progress.count(2, 2);
        assert_eq!(what(), ["measuring", "pointers 2 of 2"]);
        assert_eq!(progress.steps()[0].seconds, over, "its time stands");
        progress.restart();
        assert_eq!(what(), Vec::<String>::new());
    }
}
